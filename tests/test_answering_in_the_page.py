"""With a key the page hands in a person's answer; without one, or carelessly, nothing is said."""

import pytest

from agent import inbox, session
from agent.view.pages.inbox import TYPED
from agent.workspace import Workspace
from logs.vocabulary import EntryKind
from tests.a_page import HERE, Found, let_in, place_of
from tests.a_signed_session import signed_workspace, stand_in
from tests.keys import ANA, BEN
from tests.sessions import Told, log

ORIGIN = {"origin": HERE, "sec-fetch-site": "same-origin"}


@pytest.fixture
def waiting(tmp_path, monkeypatch) -> Workspace:
    """A session whose first proposal waits."""
    stand_in(monkeypatch)
    workspace = signed_workspace(tmp_path / "ws", ANA, BEN)
    session.run(workspace, Told())
    return workspace


@pytest.fixture
def place(waiting, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    ANA.file(keys)
    return place_of(waiting, keys / ANA.name)


def digest_of(workspace: Workspace) -> str:
    with workspace.journal() as journal:
        return next(p.digest for p in inbox.pending_in(journal) if p.open)


def said(workspace: Workspace) -> list[str]:
    answers = [e for e in log(workspace, None) if e.kind is EntryKind.ANSWERED]
    return [e.body["decision"] for e in answers if "paper" in e.body]


def form(place, digest: str, /, **changed: str) -> dict[str, str]:
    whole = {
        "csrf": place.secrets.csrf,
        "decision": "reject",
        "digest": digest[:TYPED],
        "reason": "the margin is small",
    }
    return whole | changed


class TestThePageThatOnlyReads:
    def test_shows_what_waits_and_the_command_to_answer_it(self, waiting):
        browser, digest = let_in(place_of(waiting)), digest_of(waiting)
        page = browser.get(f"/inbox/{digest}").text
        assert '<form class="answer"' not in page
        assert f"plimsoll approve {digest[:12]} --key KEY" in page
        assert digest[:12] in browser.get("/inbox").text
        answer = browser.post(
            f"/inbox/{digest}/answer", headers=ORIGIN, data={"decision": "approve"}
        )
        assert answer.status_code == 404
        assert said(waiting) == []


class TestThePageWithAKey:
    def test_hands_in_a_signed_no(self, place, waiting):
        browser, digest = let_in(place), digest_of(waiting)
        answer = browser.post(f"/inbox/{digest}/answer", headers=ORIGIN, data=form(place, digest))
        assert answer.status_code == 200 and "rejected by" in answer.text
        assert said(waiting) == ["reject"]

    def test_hands_in_a_yes_that_log_verify_accepts(self, place, waiting):
        browser, digest = let_in(place), digest_of(waiting)
        data = form(place, digest, decision="approve")
        browser.post(f"/inbox/{digest}/answer", headers=ORIGIN, data=data)
        assert said(waiting) == ["approve"]
        checks = browser.get("/log?verify=1&format=json").json()["data"]["checks"]
        signed = next(c for c in checks if c["name"] == "what people said is signed")
        assert signed["ok"] is True

    @pytest.mark.parametrize(
        "changed",
        [
            {"csrf": "another"},
            {"csrf": ""},
            {"decision": ""},
            {"decision": "approve\0"},
            {"reason": "  "},
            {"digest": ""},
            {"digest": "0" * TYPED},
        ],
    )
    def test_says_nothing_where_something_is_missing(self, place, waiting, changed):
        browser, digest = let_in(place), digest_of(waiting)
        data = form(place, digest, **changed)
        answer = browser.post(f"/inbox/{digest}/answer", headers=ORIGIN, data=data)
        assert answer.status_code == 409
        assert said(waiting) == []

    def test_wants_enough_digits_of_the_name(self, place, waiting):
        browser, digest = let_in(place), digest_of(waiting)
        data = form(place, digest, digest=digest[: TYPED - 1])
        assert browser.post(f"/inbox/{digest}/answer", headers=ORIGIN, data=data).status_code == 409
        assert said(waiting) == []

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_says_nothing_for_another_page_even_with_all_its_secrets(self, place, waiting, site):
        browser, digest = let_in(place), digest_of(waiting)
        headers = {"origin": HERE, "sec-fetch-site": site}
        answer = browser.post(f"/inbox/{digest}/answer", headers=headers, data=form(place, digest))
        assert answer.status_code == 403
        assert said(waiting) == []

    def test_takes_forms_alone_and_short_ones(self, place, waiting):
        browser, digest = let_in(place), digest_of(waiting)
        where = f"/inbox/{digest}/answer"
        assert browser.post(where, headers=ORIGIN, json=form(place, digest)).status_code == 404
        long = form(place, digest, reason="x" * 100_000)
        assert browser.post(where, headers=ORIGIN, data=long).status_code == 409
        assert said(waiting) == []

    def test_answers_once(self, place, waiting):
        browser, digest = let_in(place), digest_of(waiting)
        where, data = f"/inbox/{digest}/answer", form(place, digest)
        browser.post(where, headers=ORIGIN, data=data)
        assert browser.post(where, headers=ORIGIN, data=data).status_code == 409
        assert said(waiting) == ["reject"]

    def test_focuses_nothing_chooses_nothing_and_fills_in_no_digits(self, place, waiting):
        found = Found(let_in(place).get(f"/inbox/{digest_of(waiting)}").text)
        named = {(tag, name) for tag, name, _ in found.attributes}
        assert not {("input", "autofocus"), ("button", "autofocus"), ("input", "checked")} & named
        radios = [v for t, n, v in found.attributes if t == "input" and n == "value"]
        assert [v for v in radios if v in ("approve", "reject")] == ["reject", "approve"]
        assert digest_of(waiting)[:TYPED] not in radios
