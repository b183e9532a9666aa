"""The memory: vocabulary, errors, transparency log, verification, and the views of a session."""
