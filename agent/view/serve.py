"""Binds the page to loopback and tells its address once; nothing else is ever bound."""

import socket
from collections.abc import Callable
from contextlib import closing, suppress

from agent.view.app import application, hosts_of
from agent.view.asked import Asked
from agent.view.guard import TOKEN
from agent.view.pages.story import story
from agent.view.place import Place
from logs.errors import PlimsollError, UsageError

LOOPBACK = "127.0.0.1"


def bound(port: int) -> socket.socket:
    """A socket of this machine alone; port 0 is one that is free.

    Raises:
        UsageError: the port is taken.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, port))
    except OSError as error:
        made.close()
        raise UsageError(
            "The page cannot use this port.",
            saw=f"{LOOPBACK}:{port}: {error.strerror}",
            wanted="a port that is free",
            try_this="leave --port out, and one is found",
        ) from error
    return made


def address(place: Place, port: int) -> str:
    """What to open: good once, for the first browser that comes."""
    return f"http://{LOOPBACK}:{port}/?{TOKEN}={place.secrets.token}"


def serve(place: Place, port: int, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; `announce` gets the address once the port is bound."""
    import uvicorn

    with closing(bound(port)) as listening:
        taken = listening.getsockname()[1]
        config = uvicorn.Config(
            application(place, hosts_of(taken)),
            # No access log: the first request carries the token.
            access_log=False,
            log_level="error",
            server_header=False,
            date_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=64,
            timeout_keep_alive=15,
            h11_max_incomplete_event_size=65536,
        )
        listening.listen(64)
        with suppress(PlimsollError):  # a damaged log is told by its page
            place.read_ahead(lambda name: story(place, Asked({"session": name})))
        announce(address(place, taken))
        uvicorn.Server(config).run(sockets=[listening])
