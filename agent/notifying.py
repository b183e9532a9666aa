"""Somebody is told that a proposal waits, or that its time is over; numbers and names alone.

Each message has a thread and a time limit of its own: no reader of it can hold the session.
"""

import ipaddress
import json
import subprocess
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from agent.config import NotifySection
from logs.errors import UsageError
from logs.text import short
from logs.vocabulary import EntryKind, LogEntry

SCHEMA = "plimsoll/notice/1"
EXPIRED = "expired"


def notice_of(entry: LogEntry) -> dict[str, Any] | None:
    """What is told of an entry, where there is anything to tell."""
    body = entry.body
    common = {
        "schema": SCHEMA,
        "session": entry.session,
        "iteration": entry.iteration,
        "entry": entry.seq,
        "proposal": body.get("proposal"),
    }
    if entry.kind is EntryKind.ASKED and "expires" in body:
        show = f"plimsoll inbox show {short(body['proposal'])}"
        rest = {"needed": body["needed"], "expires": body["expires"], "try": show}
        return {**common, "event": "waits", "if_nobody_answers": "no", **rest}
    if entry.kind is EntryKind.ANSWERED and body.get("decision") == EXPIRED:
        return {**common, "event": EXPIRED, "answer": "no", "try": "plimsoll inbox list --all"}
    return None


class Notifier:
    """Tells a program, a webhook, both or nobody."""

    def __init__(self, section: NotifySection, note: Callable[[str], None]) -> None:
        self._section, self._note = section, note
        self._threads: list[threading.Thread] = []
        if section.webhook:
            _demand_near(urlsplit(section.webhook), section.beyond_this_machine)

    def entry(self, entry: LogEntry) -> None:
        """Tell of an entry, if there is anything to tell."""
        notice = notice_of(entry)
        told = {self._run: self._section.command, self._post: self._section.webhook}
        for tell, wanted in told.items():
            if notice and wanted:
                text = json.dumps(notice).encode() + b"\n"
                thread = threading.Thread(target=self._safely, args=(tell, text), daemon=True)
                thread.start()
                self._threads.append(thread)

    def close(self) -> None:
        """Wait for what was begun, as long as it may take."""
        for thread in self._threads:
            thread.join(self._section.seconds + 1)

    def _safely(self, tell: Callable[[bytes], None], text: bytes) -> None:
        try:
            tell(text)
        except Exception as error:  # a program of others, a server of others
            self._note(f"nobody was notified: {type(error).__name__}: {error}"[:300])

    def _run(self, text: bytes) -> None:
        subprocess.run(
            list(self._section.command),
            input=text,
            timeout=self._section.seconds,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    def _post(self, text: bytes) -> None:
        """One POST, straight to that host: no proxy, and a redirection is not followed."""
        url = urlsplit(self._section.webhook)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=self._section.seconds)
        path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        try:
            connection.request("POST", path, text, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise ConnectionError(f"the webhook answered {status}")


def _demand_near(url: SplitResult, beyond: bool) -> None:
    """Refuse a webhook on another machine that nobody allowed.

    Raises:
        UsageError: it is one.
    """
    if beyond or url.hostname == "localhost" or _is_loopback(url.hostname or ""):
        return
    raise UsageError(
        "The webhook is on another machine.",
        saw=f"notify.webhook on {url.hostname}",
        wanted="http://127.0.0.1:PORT/..., or beyond_this_machine = true beside it",
        try_this="edit [notify] in plimsoll.toml",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
