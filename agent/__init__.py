"""The mind: the loop, the deciders and the command line."""
