"""The decision table as data: what its conditions read, who evaluates them, and what is proved."""
