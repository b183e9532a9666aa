"""The log as a transparency log: signed checkpoints, proofs, tiles, bundles, witnesses (C2SP)."""
