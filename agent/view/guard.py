"""Who may read the page: this machine, this browser, after one visit of the printed address.

Loopback alone keeps out neither other pages in the browser nor other accounts. The order of
the questions: is this our own name (DNS rebinding), does the browser say that another page
asks (CSRF, also from another port of this host), does the visitor have our cookie. It is no
guard against a process of the same account; an approval is therefore a signature.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
SAFE = {"GET", "HEAD"}
TOKEN = "token"
OPEN = "open the address that plimsoll view printed; it works once, then the cookie does"


@dataclass(slots=True)
class Secrets:
    """What one run of the page knows and nobody else: made anew at each start."""

    instance: str = field(default_factory=lambda: secrets.token_hex(4))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In the printed address; spent by its first use."""
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    spent: bool = False

    @property
    def cookie(self) -> str:
        """Name of the cookie: browsers share cookies between ports, so each run has its own."""
        return f"plimsoll-{self.instance}"

    def redeem(self, token: str) -> bool:
        """Whether this is the token, for the first time."""
        good = _same(token, self.token) and not self.spent
        self.spent = self.spent or good
        return good


def refusal_of_origin(method: str, headers: Headers) -> str:
    """Why a request that another page caused is refused; empty if none did, or it may.

    `same-site` is refused like `cross-site`: another port of this host is another page. A link
    to a page may be followed from anywhere, since reading it tells the other page nothing.
    """
    site = headers.get("sec-fetch-site", "")
    if method in SAFE:
        followed = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
        if site in ("", "same-origin", "none") or followed == ("navigate", "document"):
            return ""
        return f"Sec-Fetch-Site {site}"
    if site:
        return "" if site in ("same-origin", "none") else f"Sec-Fetch-Site {site}"
    own = f"http://{headers.get('host', '')}"
    return "" if headers.get("origin") == own else f"Origin {headers.get('origin', 'missing')}"


class Guard:
    """ASGI middleware in front of every route."""

    def __init__(self, app: ASGIApp, *, known: Secrets, hosts: frozenset[str]) -> None:
        self.app, self.known, self.hosts = app, known, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, redirect or pass on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._stopped(scope)
            await (answer or self.app)(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _stopped(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self.hosts:
            return _no(403, "This is not the name of this page.", f"try: {_listed(self.hosts)}")
        if refused := refusal_of_origin(scope["method"], headers):
            return _no(403, "Another page asked for this.", f"saw: {refused}")
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if TOKEN in asked:
            return self._first_visit(scope, asked)
        cookies = cookie_parser(headers.get("cookie", ""))
        if _same(cookies.get(self.known.cookie, ""), self.known.session):
            return None
        return _no(401, "This browser was not let in yet.", OPEN)

    def _first_visit(self, scope: Scope, asked: dict[str, str]) -> Response:
        if scope["method"] != "GET" or not self.known.redeem(asked.pop(TOKEN)):
            return _no(403, "This address was used before, or never was one.", OPEN)
        # Only our own paths: two slashes in front would name another host.
        place = "/" + scope["path"].lstrip("/\\")
        answer = Response(status_code=303)
        answer.headers["Location"] = place + (f"?{urlencode(asked)}" if asked else "")
        answer.set_cookie(
            self.known.cookie, self.known.session, httponly=True, samesite="strict", path="/"
        )
        return answer


def csrf_holds(known: Secrets, form: Mapping[str, str]) -> bool:
    """Whether a form came from a page of this run."""
    return _same(form.get("csrf", ""), known.csrf)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _listed(hosts: frozenset[str]) -> str:
    return ", ".join(f"http://{host}/" for host in sorted(hosts))


def _no(status: int, what: str, more: str) -> Response:
    return PlainTextResponse(f"{what}\n{more}\n", status)


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def put(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return put
