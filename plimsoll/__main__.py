"""The console script `plimsoll`, also `python -m plimsoll`."""

import sys
from collections.abc import Sequence

from plimsoll import HOME, strays

_FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without `argv`, that of the shell."""
    if elsewhere := strays():
        print(_not_ours(elsewhere), file=sys.stderr)
        return _FAILED
    # Imported here: before the check, this name may belong to another project.
    from agent.cli import main as command

    return command(argv)


def _not_ours(elsewhere: dict[str, str]) -> str:
    """Not a `PlimsollError`: `logs.errors` may be the very module that is not ours."""
    seen = ", ".join(f"`{name}` from {place}" for name, place in elsewhere.items())
    return (
        "Plimsoll will not run with folders that are not its own.\n"
        f"  saw:    {seen}\n"
        f"  wanted: {', '.join(elsewhere)} from {HOME}\n"
        "  try:    a fresh environment (./run setup), or `pip list` for the package that "
        "brings a folder of that name"
    )


if __name__ == "__main__":
    sys.exit(main())
