"""Seeds: one per session, turn and purpose, so that a step that runs again draws the same."""

from hashlib import sha256

from agent.config import Config


def seed_of(config: Config, iteration: int, purpose: str) -> int:
    """A seed in [0, 2^31), a function of its arguments alone."""
    name = f"{config.session.seed}:{iteration}:{purpose}".encode()
    return int.from_bytes(sha256(name).digest()[:4]) >> 1
