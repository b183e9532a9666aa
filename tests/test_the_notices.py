"""Notices: people hear that something waits; nothing that they run can hold or steer a session."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from agent.config import NotifySection
from agent.notifying import Notifier, notice_of
from logs.errors import UsageError
from logs.vocabulary import EntryKind, LogEntry

DIGEST = "a1c4" * 16
HOSTILE = "; touch gone `touch gone` $(touch gone)"


def entry(kind, **body):
    return LogEntry(
        seq=9, kind=kind, key="s/3/ask", session="s", iteration=3, at="2026-01-01", body=body
    )


ASKED = entry(
    EntryKind.ASKED,
    question=HOSTILE,
    proposal=DIGEST,
    needed=2,
    expires="2026-01-03T00:00:00+00:00",
)


def told(section, asked=ASKED):
    notes = []
    notifier = Notifier(section, notes.append)
    began = time.monotonic()
    notifier.entry(asked)
    assert time.monotonic() - began < 30, "nobody waits for it"
    notifier.close()
    return notes


class TestANotice:
    def test_says_what_waits_until_when_and_what_silence_means(self):
        notice = notice_of(ASKED)
        assert notice["event"] == "waits" and notice["if_nobody_answers"] == "no"
        assert notice["expires"].startswith("2026-01-03") and notice["proposal"] == DIGEST
        assert notice["try"] == f"plimsoll inbox show {DIGEST[:12]}"

    def test_has_no_text_that_somebody_wrote(self):
        assert "touch" not in json.dumps(notice_of(ASKED))

    def test_is_given_when_the_time_is_over(self):
        expired = entry(EntryKind.ANSWERED, decision="expired", proposal=DIGEST, because="late")
        assert notice_of(expired)["answer"] == "no"

    @pytest.mark.parametrize(
        "other",
        [
            entry(EntryKind.ASKED, question="?", proposal=None, default="no"),
            entry(EntryKind.ANSWERED, decision="approved", proposal=DIGEST),
            entry(EntryKind.RECORDED, outcome="committed"),
        ],
    )
    def test_is_not_given_of_anything_else(self, other):
        assert notice_of(other) is None


class TestAProgram:
    def test_reads_the_notice_on_stdin(self, tmp_path):
        out = tmp_path / "heard"
        program = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"
        section = NotifySection(command=(sys.executable, "-S", "-c", program, str(out)), seconds=60)
        assert told(section) == []
        assert json.loads(out.read_text()) == notice_of(ASKED)

    def test_has_no_shell(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        program = (sys.executable, "-S", "-c", "pass", HOSTILE)
        assert told(NotifySection(command=program, seconds=60)) == []
        assert list(tmp_path.iterdir()) == []

    def test_that_hangs_is_ended_and_noted(self):
        hangs = (sys.executable, "-S", "-c", "import time; time.sleep(3600)")
        (note,) = told(NotifySection(command=hangs, seconds=0.5))
        assert "TimeoutExpired" in note

    @pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "1/0")])
    def test_that_fails_is_noted(self, command):
        (note,) = told(NotifySection(command=command, seconds=60))
        assert "nobody was notified" in note


class TestAWebhook:
    @pytest.fixture
    def server(self):
        class Hears(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.heard.append((self.path, json.loads(body)))
                self.send_response(302 if self.path == "/away" else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Hears)
        server.heard = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
        server.server_close()

    def test_gets_the_notice(self, server):
        url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
        assert told(NotifySection(webhook=url)) == []
        assert server.heard == [("/hook?a=1", notice_of(ASKED))]

    def test_is_not_followed_elsewhere(self, server):
        (note,) = told(NotifySection(webhook=f"http://127.0.0.1:{server.server_port}/away"))
        assert "302" in note and [path for path, _ in server.heard] == ["/away"]

    @pytest.mark.parametrize(
        "host", ["example.org", "10.0.0.7", "[2001:db8::1]", "127.0.0.1.nip.io"]
    )
    def test_on_another_machine_is_refused_unless_it_was_allowed(self, host):
        with pytest.raises(UsageError):
            Notifier(NotifySection(webhook=f"http://{host}/x"), print)
        Notifier(NotifySection(webhook=f"https://{host}/x", beyond_this_machine=True), print)

    @pytest.mark.parametrize("host", ["localhost", "127.8.8.8", "[::1]"])
    def test_on_this_machine_is_taken(self, host):
        Notifier(NotifySection(webhook=f"http://{host}:1234/x"), print)
