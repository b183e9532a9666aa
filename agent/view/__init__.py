"""The page on loopback and its copy as files: the log rendered for people, the same numbers."""
