"""Policy drift: how far the policy went from its anchor, and in which respect."""
