"""One file per intervention: from a decision to what would change, and nothing committed."""
