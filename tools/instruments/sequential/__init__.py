"""Sequential instruments: looking at them early, late or often costs nothing."""
