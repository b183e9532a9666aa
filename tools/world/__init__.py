"""The micro-world: a small instruction language with ground truth, for two CPU cores."""
