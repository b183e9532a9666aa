"""What people come to the page for, from its beginning to its end, with script and without.

The sessions run in a process of their own, the answers are signed by a key and read back from
the log, and what verifies them here is ssh-keygen.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent import finding, inbox, session
from agent.config import Config, SessionSection
from agent.view.pages.inbox import TYPED
from agent.workspace import Workspace
from invariants.sshsig import Namespace
from logs.vocabulary import Commit, EntryKind
from tests.a_browser import CHROMIUM, Running, all_drawn, chromium, visiting
from tests.a_journal import a_journal
from tests.a_page import HERE, place_of, told
from tests.a_running_session import running as session_at_work
from tests.a_signed_session import signed_workspace, stand_in
from tests.a_workspace import SESSION
from tests.keys import ANA, BEN, oracle_accepts
from tests.sessions import Told, copied, log

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH"),
]
WHY = "the margin is small, and it can be undone"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as found:
        yield found


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def script(request) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Workspace:
    """A session whose first proposal waits."""
    with pytest.MonkeyPatch.context() as patched:
        stand_in(patched)
        workspace = signed_workspace(tmp_path_factory.mktemp("signed") / "ws", ANA, BEN)
        session.run(workspace, Told())
    return workspace


@pytest.fixture
def waiting(first, tmp_path) -> Workspace:
    return copied(first, tmp_path / "ws")


@pytest.fixture
def key(tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    return ANA.file(keys)


def begun(root: Path) -> Path:
    """A workspace whose session, of twelve turns, made three."""
    Workspace.create(root, Config(session=SessionSection(name=SESSION, iterations=12)))
    a_journal(root, iterations=3).close()
    return root


class TestSomebodyWatchesASession:
    def test_and_sees_the_turn_that_another_process_writes(self, browser, script, tmp_path):
        root = begun(tmp_path / "ws")
        watched = Running(place_of(Workspace(root)))
        with (
            session_at_work(root) as working,
            visiting(browser, watched, java_script_enabled=script) as (page, wrong),
        ):
            page.goto(watched.url)
            page.get_by_role("link", name=SESSION).click()
            assert "running, 3 of 12" in page.locator("main").inner_text()
            for wanted in (4, 5, 6):
                assert working.turn() == wanted
            if script:
                page.get_by_text("iteration 6: train").wait_for()  # by itself
                assert page.locator("#live").get_by_text("refused").is_visible()
                assert page.locator("[data-row]").count() == 4  # what is read stays as it was
                page.get_by_role("link", name="show", exact=True).click()
                page.locator("#live:not(:has(a))").wait_for(state="attached")
            else:
                assert "iteration 6" not in page.locator("#live").inner_text()
                page.reload()
            assert page.locator("[data-row]").count() == 7
            assert "refused" in page.locator("[data-row]").last.inner_text()
            assert "running, 6 of 12" in page.locator("main").inner_text()
        assert wrong == []

    def test_and_sees_that_it_ended(self, browser, script, tmp_path):
        root = begun(tmp_path / "ws")
        watched = Running(place_of(Workspace(root)))
        with visiting(browser, watched, java_script_enabled=script) as (page, _):
            with session_at_work(root):
                page.goto(watched.url)
                page.get_by_role("link", name=SESSION).click()
                assert "running" in page.locator(".facts").inner_text()
            page.reload()
            assert "interrupted" in page.locator(".facts").inner_text()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The page of twelve turns."""
    return Running(place_of(told(tmp_path_factory.mktemp("why") / "ws")))


@pytest.fixture(scope="module")
def known(browser, served):
    """What a browser remembers that was let in there."""
    context = browser.new_context()
    context.new_page().goto(served.url)
    yield context.storage_state()
    context.close()


class TestSomebodyAsksWhy:
    def test_and_comes_from_the_story_to_the_bytes_by_links_alone(
        self, browser, script, served, known
    ):
        with visiting(browser, served, storage_state=known, java_script_enabled=script) as (
            page,
            wrong,
        ):
            page.goto(served.base)
            page.get_by_role("link", name=SESSION).click()
            row = page.locator("[data-row]", has_text="refused").first
            row.get_by_role("link").click()
            assert page.locator("h1").inner_text() == "Train, iteration 6"
            says = page.locator("main").inner_text()
            assert "P7-safety broken" in says and "lo = 0.981, 0.985" in says
            for kind, shown in (("observed", "judge_gap"), ("ruled", "P7-safety")):
                page.get_by_role("link", name=re.compile(f"^{kind} \\d+$")).first.click()
                assert f", {kind}" in page.locator("h1").inner_text()
                assert shown in page.locator("main").inner_text()
                page.go_back()
            page.get_by_role("link", name=re.compile(r"^\d+ decided$")).click()
            page.get_by_role("link", name="why", exact=True).click()
            assert page.locator("h1").inner_text() == "Train, iteration 6"
            page.get_by_role("link", name="decision before").click()
            assert page.locator("h1").inner_text().endswith("iteration 5")
        assert wrong == []

    def test_and_compares_two_turns(self, browser, script, served, known):
        with visiting(browser, served, storage_state=known, java_script_enabled=script) as (
            page,
            wrong,
        ):
            page.goto(f"{served.base}/s/{SESSION}")
            page.get_by_role("link", name="Compare").click()
            page.locator("select[name=a]").select_option(f"{SESSION}:1")
            page.locator("select[name=b]").select_option(f"{SESSION}:6")
            page.get_by_role("button", name="Compare").first.click()
            page.wait_for_url("**b=*")
            rows = page.locator("tbody tr")
            few = rows.count()
            kl = page.locator("tr", has_text="kl_anchor").inner_text()
            assert "higher" in kl and "not told apart" not in page.locator("main").inner_text()
            page.get_by_role("link", name="Every instrument").click()
            assert rows.count() > few
            assert "not told apart" in page.locator("main").inner_text()
        assert wrong == []

    def test_and_has_every_chart_drawn(self, browser, served, known):
        with visiting(browser, served, storage_state=known) as (page, wrong):
            page.goto(f"{served.base}/s/{SESSION}")
            assert all_drawn(page) >= 4
        assert wrong == []


def papers(workspace: Workspace) -> list[dict]:
    """What people handed in."""
    entries = [e for e in log(workspace, None) if e.kind is EntryKind.ANSWERED]
    return [e.body for e in entries if "paper" in e.body]


def fill(page, digest: str, decision: str) -> None:
    """Answer, as somebody types it."""
    page.get_by_label(decision, exact=True).check()
    page.get_by_label("digits of the proposal").fill(digest)
    page.get_by_label("Reason").fill(WHY)
    page.get_by_role("button", name="Sign and hand in").click()


class TestSomebodyAnswersAProposal:
    @pytest.fixture
    def page(self, browser, script, waiting, key):
        """The case that waits, come to by links."""
        served = Running(place_of(waiting, key))
        with visiting(browser, served, java_script_enabled=script) as (page, _):
            page.goto(served.url)
            page.get_by_role("link", name="Inbox 1 waiting").click()
            page.get_by_role("link", name="edit constitution").click()
            yield page

    @pytest.mark.parametrize("decision", ["approve", "reject"])
    def test_with_a_signature_that_ssh_keygen_verifies(self, page, waiting, tmp_path, decision):
        digest = page.locator("dt:text-is('proposal') + dd").inner_text()
        fill(page, digest[: TYPED + 2], decision)
        page.get_by_text(re.compile("ana")).first.wait_for()
        assert page.url.endswith(f"/inbox/{digest}")
        by = {"approve": "approved by", "reject": "rejected by"}[decision]
        assert page.locator(f"dt:text-is('{by}') + dd").inner_text() == "ana"
        (said,) = papers(waiting)
        assert (said["decision"], said["reason"], said["proposal"]) == (decision, WHY, digest)
        statement, signature = said["paper"]["statement"], said["paper"]["signature"]
        assert oracle_accepts(tmp_path, ANA.line, statement.encode(), signature, Namespace.APPROVAL)
        page.get_by_role("link", name="Log", exact=True).click()
        page.get_by_role("button", name="Verify now").click()
        row = page.locator("tr", has_text="what people said is signed")
        assert "1 signed statements" in row.inner_text()

    @pytest.mark.parametrize(
        ("typed", "says"),
        [("0" * TYPED, "digits that are not its beginning"), ("f" * 64, "digits that are not")],
    )
    def test_not_by_the_name_of_another(self, page, waiting, typed, says):
        fill(page, typed, "approve")
        page.get_by_role("heading", name="The beginning of the proposal's name").wait_for()
        assert says in page.locator("main").inner_text()
        assert papers(waiting) == []

    def test_not_once_head_moved_while_it_was_read(self, page, waiting):
        digest = page.locator("dt:text-is('proposal') + dd").inner_text()
        head = move_head(waiting)
        fill(page, digest[:TYPED], "approve")
        page.get_by_role("heading", name="This proposal no longer waits").wait_for()
        assert "stale HEAD: made for" in page.locator("main").inner_text()
        assert head in page.locator("main").inner_text()
        page.goto(page.url.removesuffix("/answer"))
        assert "stale HEAD" in page.locator(".verdict").inner_text()
        assert page.locator("form.answer").count() == 0
        assert papers(waiting) == []

    def test_not_once_its_time_is_over(self, page, waiting, monkeypatch):
        digest = page.locator("dt:text-is('proposal') + dd").inner_text()
        later = finding.now() + timedelta(hours=49)
        monkeypatch.setattr(finding, "now", lambda: later)
        fill(page, digest[:TYPED], "approve")
        page.get_by_role("heading", name="This proposal no longer waits").wait_for()
        assert "expired: its time was over at" in page.locator("main").inner_text()
        page.goto(page.url.removesuffix("/answer"))
        assert "expired" in page.locator(".verdict").inner_text()
        assert page.locator("form.answer").count() == 0
        assert papers(waiting) == []


def move_head(workspace: Workspace) -> str:
    """Commit something else, as a rollback by hand would; the new HEAD."""
    with workspace.journal(read_only=False) as journal:
        head = str(journal.head())
        state = journal.commit_of(head).state.model_copy(update={"policy_updates": 1})
        nothing = {"proposal": None, "evidence": None, "verdict": None}
        made = Commit(parent=head, session="other", iteration=0, state=state, **nothing)
        journal.commit(made, expected_head=head)
        return str(journal.head())


class TestSomebodyOnlyReads:
    def test_and_finds_the_command_in_place_of_a_form(self, browser, script, waiting):
        served = Running(place_of(waiting))
        with visiting(browser, served, java_script_enabled=script) as (page, wrong):
            page.goto(served.url)
            page.get_by_role("link", name="Inbox 1 waiting").click()
            page.get_by_role("link", name="edit constitution").click()
            assert page.locator("form.answer").count() == 0
            assert "plimsoll approve" in page.locator("main").inner_text()
            digest = page.locator("dt:text-is('proposal') + dd").inner_text()
            answer = page.request.post(
                f"{page.url}/answer",
                form={"decision": "approve", "digest": digest, "reason": WHY},
                headers={"origin": served.base, "sec-fetch-site": "same-origin"},
            )
            assert answer.status == 404 and HERE not in answer.text()
        assert papers(waiting) == [] and wrong == []
        with waiting.journal() as journal:
            assert [p.open for p in inbox.pending_in(journal)] == [True]


class TestSomebodyVerifiesTheLog:
    def test_and_is_told_what_differs_after_one_byte_changed(self, browser, script, tmp_path):
        workspace = told(tmp_path / "ws", iterations=6)
        served = Running(place_of(workspace))
        with visiting(browser, served, java_script_enabled=script) as (page, _):
            page.goto(served.url)
            page.get_by_role("link", name="Log", exact=True).click()
            page.get_by_role("button", name="Verify now").click()
            page.get_by_text(re.compile(r"^Verified with \d+ entries\.$")).first.wait_for()
            entry = change_one_byte(workspace)
            page.get_by_role("button", name="Verify now").click()
            page.get_by_text("Not verified: do not resume").wait_for()
            bad = page.locator("tr", has_text="BAD").first.inner_text()
            assert f"entry {entry}" in bad.lower()
            page.get_by_role("link", name="Sessions").click()
            assert "did not verify" in page.locator("main").inner_text()


def change_one_byte(workspace: Workspace) -> int:
    """Change one byte of the file of the log, in the reason of a decision; the entry's number."""
    path = workspace.root / "plimsoll.sqlite"
    data, mark = path.read_bytes(), b"Line of the table for refresh_prompts."
    entries = [e for e in log(workspace, SESSION) if e.kind is EntryKind.DECIDED]
    assert data.count(mark) == 1 and entries[2].body["because"] == mark.decode()
    path.write_bytes(data.replace(mark, b"Lime" + mark[4:]))
    return entries[2].seq
