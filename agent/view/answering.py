"""The one thing that the page may do: hand in a person's answer, signed by a person's key.

The route exists only under `plimsoll view --approvals --key FILE`. The page prepares; the same
code as `plimsoll approve` and `reject` signs and hands in, over the whole digest.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent import commands_inbox
from agent import inbox as papers
from agent.view.frame import path
from agent.view.guard import csrf_holds
from agent.view.pages.inbox import TYPED, answering
from agent.view.place import Place
from logs.errors import PlimsollError, Refused, UsageError

LARGEST = 64 * 1024
"""Bytes of a form."""
FORM = "application/x-www-form-urlencoded"
SAY = {"approve": commands_inbox.approve, "reject": commands_inbox.reject}


def answered(place: Place, made: Environment) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that takes a filled-in form."""
    from agent.view.app import refused

    async def endpoint(request: Request) -> Response:
        try:
            form = await _form(request)
            if not csrf_holds(place.secrets, form):
                raise _refusal("This form is not of a page that is open.", "another csrf token")
            proposal = str(request.path_params["proposal"])
            await run_in_threadpool(_hand_in, place, proposal, form)
        except PlimsollError as error:
            return await run_in_threadpool(refused, place, made, error, request)
        return RedirectResponse(path("inbox", proposal), 303)

    return endpoint


def _hand_in(place: Place, proposal: str, form: dict[str, str]) -> None:
    say = SAY.get(form.get("decision", ""))
    if say is None:
        raise _refusal("An answer is yes or no.", "neither was chosen")
    digest = papers.named(place.journal, proposal).digest
    typed = form.get("digest", "").strip().lower()
    if len(typed) < TYPED or not digest.startswith(typed):
        raise _refusal(
            "The beginning of the proposal's name must be typed, so that it is this one.",
            f"{len(typed)} digits that are not its beginning"
            if not digest.startswith(typed)
            else f"{len(typed)} digits",
        )
    reason = form.get("reason", "").strip()
    if not reason:
        raise _refusal("An answer needs a reason; it is signed, and read a year from now.", "none")
    # The lock of the workspace is this process's while it writes; nobody may ask for it then.
    with place.writing:
        say(answering(place, digest, form["decision"], reason))


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != FORM:
        raise UsageError(
            "This is not a form of the page.",
            saw=request.headers.get("content-type", "no type")[:80],
            wanted=FORM,
            try_this="fill in the form of the page",
        )
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise _refusal("This form is too long.", f"more than {LARGEST} bytes")
    return dict(
        parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=16)
    )


def _refusal(what: str, saw: str) -> Refused:
    return Refused(
        what,
        saw=saw,
        wanted=f"a choice, {TYPED} digits of its name, and a reason",
        try_this="go back, reload the page and fill in the form again",
    )
