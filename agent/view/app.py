"""The page on loopback: routes, answers in two forms, errors that say what to try."""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from agent.envelope import ERROR_SCHEMA, dumped, envelope, error_data, said, unforeseen
from agent.view.asked import Asked, PageOf
from agent.view.frame import Page, asset_path, environment, path, rendered
from agent.view.guard import Guard
from agent.view.pages.sessions import conformity
from agent.view.place import Place, StillReading
from agent.view.routes import ROUTES, page_of
from logs.errors import IntegrityError, PlimsollError, UsageError

TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
JSON = "application/json"
AGAIN = "2"
"""Seconds after which a browser asks again for what is still being read."""
KEPT = ("content", "view", "kind", "before", "a", "b", "only", "iteration", "all", "other")
"""Parts of a query that a link to the same page keeps."""


def application(place: Place, hosts: frozenset[str]) -> ASGIApp:
    """The page of one workspace, behind its guard."""
    made = environment()
    routes: list[BaseRoute] = [
        Route(where, _answering(place, made, page_of(name)), methods=["GET"])
        for where, name in ROUTES
    ]
    routes.append(Route("/go", _go(place), methods=["GET"]))
    routes.append(Route("/static/{name}", _asset, methods=["GET"]))
    if place.key is not None:
        from agent.view.answering import answered

        routes.append(Route("/inbox/{proposal}/answer", answered(place, made), methods=["POST"]))
    missing = {404: _missing(place, made)}
    return Guard(
        Starlette(routes=routes, exception_handlers=missing), known=place.secrets, hosts=hosts
    )


def hosts_of(port: int) -> frozenset[str]:
    """The names under which this page may be asked for."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def answer(place: Place, made: Environment, page: Page, request: Request) -> Response:
    """A page in the form that was asked for."""
    if request.query_params.get("format") == "json":
        return Response(page.as_json() + "\n", page.status, media_type=JSON)
    html = rendered(made, page, **around(place, request.url.path, request.query_params))
    if not page.part:
        return HTMLResponse(html, page.status)
    tag = f'"{sha256(html.encode()).hexdigest()[:16]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    # The tag goes back by hand, so that what did not change is not announced again.
    return HTMLResponse(html.replace("@etag", tag.replace('"', "\\&#34;")), headers={"ETag": tag})


def around(place: Place, where: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What surrounds every page."""
    kept = {k: v for k, v in query.items() if k in KEPT}
    content = kept.get("content") == "1"

    def here(**changed: object) -> str:
        asked = {**kept, **changed}
        return path(**asked).replace("/", quote(where, safe="/"), 1)

    return {
        "live": True,
        "approvals": place.key is not None,
        "csrf": place.secrets.csrf,
        "content": content,
        "to": lambda address: _carried(address, content),
        "here": here,
        "asset": _versioned,
        "size": place.log.size() if place.log else 0,
        "waiting": place.waiting(),
        "conform": conformity(place),
        "workspace": place.workspace.root.name,
        "policy": "",
    }


def refused(place: Place, made: Environment, error: PlimsollError, request: Request) -> Response:
    """A refusal as a page: what, saw, wanted, try."""
    status = 404 if isinstance(error, UsageError) else 409
    status = 500 if isinstance(error, IntegrityError) else status
    if request.query_params.get("format") == "json":
        text = dumped(envelope(ERROR_SCHEMA, error_data(error)))
        return Response(text + "\n", status, media_type=JSON)
    page = Page("error", error.what, "plimsoll doctor", error_data(error), status=status)
    try:
        return HTMLResponse(rendered(made, page, **around(place, request.url.path, {})), status)
    except Exception:  # the log cannot even be asked how long it is
        return PlainTextResponse(f"{said(error)}\n", status)


def _answering(place: Place, made: Environment, page: PageOf) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        asked = Asked(request.path_params, dict(request.query_params))
        try:
            return answer(place, made, _made(place, page, asked), request)
        except StillReading as error:
            told = Page("reading", error.what, "plimsoll status", error_data(error), status=202)
            found = answer(place, made, told, request)
            found.headers["Refresh"] = AGAIN
            return found
        except PlimsollError as error:
            return refused(place, made, error, request)
        except Exception as error:  # no fault ends in a traceback that quotes the log
            return refused(place, made, unforeseen(error), request)

    return endpoint


def _made(place: Place, page: PageOf, asked: Asked) -> Page:
    """The page; a program waits for the whole of it, a person is told that it is being read."""
    while True:
        try:
            return page(place, asked)
        except StillReading:
            if not asked.whole:
                raise


def _missing(place: Place, made: Environment) -> Callable[[Request, Exception], Response]:
    def endpoint(request: Request, _: Exception) -> Response:
        error = UsageError(
            "There is no such page.",
            saw=request.url.path[:80],
            wanted="a page that the menu leads to",
            try_this="go to the sessions",
        )
        return refused(place, made, error, request)

    return endpoint


def _go(place: Place) -> Callable[[Request], Response]:
    """Where the search box leads: a session, else whatever `plimsoll log why` understands."""

    def endpoint(request: Request) -> Response:
        ref = request.query_params.get("ref", "").strip()[:200]
        where = path("s", ref) if ref in place.sessions() else path("d", ref or "HEAD")
        return RedirectResponse(where, 303)

    return endpoint


def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    found = asset_path(name)
    if found is None:
        return Response(status_code=404)
    kind = TYPES.get(found.suffix.lstrip("."), "text/plain")
    same = request.query_params.get("v") == _digest(name)
    kept = "private, max-age=31536000, immutable" if same else "no-cache"
    return FileResponse(found, media_type=kind, headers={"Cache-Control": kept})


@cache
def _digest(name: str) -> str:
    found = asset_path(name)
    return sha256(found.read_bytes()).hexdigest()[:12] if found else ""


def _versioned(name: str) -> str:
    return path("static", name, v=_digest(name))


def _carried(address: str, content: bool) -> str:
    """A link that keeps the choice to see text of others."""
    if not content or address.startswith("/live"):
        return address
    return f"{address}{'&' if '?' in address else '?'}content=1"
