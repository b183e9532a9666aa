"""What somebody asked a page for: the parts of its path and its query, never trusted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.view.frame import Page
from agent.view.place import Place
from logs.errors import UsageError


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, without its transport."""

    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bool:
        """Whether text that a model or a person wrote is asked for."""
        return self.query.get("content") == "1"

    @property
    def whole(self) -> bool:
        """Whether a program asks, which waits for all of it."""
        return self.query.get("format") == "json"

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number of the query.

        Raises:
            UsageError: it is something else.
        """
        given = self.query.get(name)
        if given is None or given == "":
            return default
        if given.isascii() and given.isdecimal() and len(given) < 16:
            return int(given)
        raise UsageError(
            f"{name} does not fit.",
            saw=repr(given[:80]),
            wanted="a whole number",
            try_this="go back and follow a link of the page",
        )

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        """A word of the query; the first one where none is given.

        Raises:
            UsageError: it is none of these.
        """
        given = self.query.get(name) or known[0]
        if given in known:
            return given
        raise UsageError(
            f"{name} does not fit.",
            saw=repr(given[:80]),
            wanted=f"one of: {', '.join(known)}",
            try_this="go back and follow a link of the page",
        )


PageOf = Callable[[Place, Asked], Page]
