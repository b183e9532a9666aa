"""Does the agent notice, name and mend what was planted? A benchmark of self-governance."""
