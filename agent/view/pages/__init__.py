"""The pages: each is a function from a workspace and what was asked to one model."""
