"""A user's own data: prompts with what their answers are held against, in disjoint pools."""
