"""Policies to start from, annotated; each is proved sound by a test, and has its unit cases."""

from importlib.resources import files

NAMES = ("research", "production", "strict", "red-team")


def policy(name: str) -> bytes:
    """The policy file of a template."""
    return files(__package__).joinpath(f"{name}.toml").read_bytes()


def cases(name: str) -> bytes:
    """The unit cases of a template."""
    return files(__package__).joinpath(f"{name}.cases.toml").read_bytes()
