"""What people ask of judges: audit, card, compare; by the command line, as they type it."""

import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from agent import auditor
from agent.judge_audits import kept_of, latest, subject_of
from agent.workspace import Workspace
from logs.lock import lock_workspace
from logs.vocabulary import EntryKind
from tests import sessions
from tests.a_command import in_another_process, plimsoll
from tests.an_audit import a_workspace_with_judges, logged
from tools.audit.design import of_the_world


@pytest.fixture(scope="module")
def told_workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("told")
    made = a_workspace_with_judges(root / "ws")
    logged(made, "rubric-a", "honest")
    logged(made, "pair-b", "length-biased")
    return made


@pytest.fixture
def workspace(told_workspace, tmp_path):
    return sessions.copied(told_workspace, tmp_path / "ws")


def ask(workspace, *words):
    return plimsoll(*words, "--workspace", str(workspace.root))


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A founded workspace whose crowd was audited behind the wall, through the command line."""
    root = tmp_path_factory.mktemp("audited")
    made = sessions.founded(root / "ws")
    said = plimsoll(
        *("judge", "audit", "crowd", "--pairs", "30", "--seed", "1", "--json"),
        *("--workspace", str(made.root), "--plots", str(root / "plots")),
    )
    return made, said, root


class TestAnAuditOfAJudgeOfTheWorkspace:
    def test_answers_with_a_card_and_its_place_in_the_log(self, audited):
        _, said, _ = audited
        assert said.code == 0, said.err
        assert said.envelope["schema"] == "plimsoll/judge.audit/1"
        card = said.data["card"]
        assert card["judge"] == "crowd" and card["audit"]["items"] == 30
        assert {b["name"] for b in card["audit"]["biases"]} >= {"length", "sycophancy", "political"}
        assert card["audit"]["attacks"]["n"] == 300

    def test_is_an_entry_that_the_decider_never_reads(self, audited):
        made, said, _ = audited
        with closing(made.journal()) as journal:
            entry = journal.entry(said.data["entry"])
        assert (entry.kind, entry.session) == (EntryKind.MEASURED, "person")
        assert entry.body["judge_audit"] == said.data["audit"]

    def test_keeps_every_verdict_and_call_as_artefacts(self, audited):
        made, said, _ = audited
        with closing(made.journal()) as journal:
            subject = subject_of(journal, "crowd")
            found = latest(journal, made.store, "crowd", subject.version)
        kept = kept_of(made.store, found.audited)
        assert found.card.judge_hash == subject.judges[0].artefact
        assert len(kept.verdicts) + len(kept.attacked) == found.card.audit.calls
        assert len(made.store.get_lines(said.data["audit"]["calls"])) == found.audited.made

    def test_says_that_a_function_was_asked_once(self, audited):
        _, said, _ = audited
        assert said.data["audit"]["deterministic"] is True
        assert said.data["audit"]["made"] < said.data["card"]["audit"]["calls"]
        assert any("asked again" in line for line in said.data["card"]["audit"]["statement"])

    def test_finds_that_a_crowd_that_likes_length_does_not_read(self, audited):
        _, said, _ = audited
        biases = {b["name"]: b["shift"]["status"] for b in said.data["card"]["audit"]["biases"]}
        assert "red" in biases.values()
        train = next(u for u in said.data["card"]["uses"] if u["purpose"] == "train")
        assert train["against"] != []

    @pytest.mark.slow
    def test_gives_the_same_card_when_it_is_made_again(self, audited):
        made, said, _ = audited
        design = of_the_world(30, seed=1)
        again = auditor.audit(made, "crowd", design, sessions.Told())
        one, other = (
            dict(c, cost=None) for c in (said.data["card"], again.card.model_dump(mode="json"))
        )
        assert one == other

    def test_draws_its_plots(self, audited):
        _, said, root = audited
        names = {Path(f).name for f in said.data["files"]}
        kinds = {
            f"crowd-{plot}.{kind}"
            for plot in ("bias-profile", "reliability")
            for kind in ("svg", "png")
        }
        assert names == kinds == {p.name for p in (root / "plots").iterdir()}

    def test_leaves_a_log_that_verifies_and_notices_a_changed_card(self, audited, tmp_path):
        made, said, _ = audited
        copy = sessions.copied(made, tmp_path / "ws")
        assert ask(copy, "log", "verify").code == 0
        card = said.data["audit"]["card"]
        path = copy.root / "objects" / card[:2] / card
        os.chmod(path, 0o644)
        path.write_bytes(path.read_bytes().replace(b"crowd", b"clerk"))
        assert ask(copy, "log", "verify").code == 4

    def test_is_refused_politely_while_a_session_is_at_work(self, workspace):
        with lock_workspace(workspace.root):
            said = in_another_process(
                "judge", "audit", "rubric-a", "--workspace", str(workspace.root), "--json"
            )
        assert said.code == 2 and "Another session is at work" in said.error["what"]

    def test_of_nobody_names_the_nearest(self, workspace):
        said = ask(workspace, "judge", "audit", "rubic-a")
        assert said.code == 2 and "did you mean rubric-a?" in said.err
        assert "panel" in ask(workspace, "judge", "audit", "zzz").err


class TestWhatWouldBeAsked:
    def test_is_told_before_anything_is_written(self, workspace):
        before = sorted(p.relative_to(workspace.root) for p in workspace.root.rglob("*"))
        said = ask(workspace, "judge", "audit", "panel", "--pairs", "30", "--dry-run", "--json")
        after = sorted(p.relative_to(workspace.root) for p in workspace.root.rglob("*"))
        assert said.code == 0 and before == after
        assert said.data["pairs"] == 30
        assert 0 < said.data["calls"] < said.data["verdicts"]
        assert said.data["seconds"] > 0

    def test_is_planned_from_the_discordance_of_the_last_audit(self, workspace):
        said = ask(workspace, "judge", "audit", "rubric-a", "--plan", "--json")
        assert said.code == 0
        plan = said.data["plan"]
        assert plan["length"]["needs"] >= plan["length"]["had"]
        assert said.data["pairs"] == max(plan[name]["needs"] for name in said.data["undecided"])

    def test_cannot_be_planned_before_anything_was_measured(self, workspace):
        said = ask(workspace, "judge", "audit", "pair-c", "--plan")
        assert said.code == 6 and "--pairs 50" in said.err

    @pytest.mark.parametrize("words", [["--pairs", "1"], ["--pairs", "many"], ["--repeats", "0"]])
    def test_is_refused_where_a_number_does_not_fit(self, workspace, words):
        assert ask(workspace, "judge", "audit", "rubric-a", *words).code == 2

    @pytest.mark.parametrize(
        "words", [["--judge-command", "cat"], ["--prompt", "Vanilla"], ["--verdicts", "."]]
    )
    def test_needs_data_for_options_about_data(self, workspace, words):
        said = ask(workspace, "judge", "audit", "rubric-a", *words)
        assert said.code == 2 and "--data PATH" in said.err


class TestACard:
    def test_is_a_page_with_its_plots_as_text(self, workspace):
        said = ask(workspace, "judge", "card", "pair-b")
        assert said.code == 0
        assert said.out.startswith("# Judge pair-b")
        assert "## May be used to" in said.out and "```text\nposition" in said.out

    def test_of_a_judge_that_was_never_audited_is_a_no(self, workspace):
        said = ask(workspace, "judge", "card", "pair-c", "--json")
        assert said.code == 3
        assert said.error["try"] == "plimsoll judge audit pair-c"

    def test_of_another_version_is_shown_and_is_a_no(self, workspace):
        with closing(workspace.journal(read_only=False)) as journal:
            subject = subject_of(journal, "rubric-a")
        logged_as_old(workspace, "pair-c", subject.version)
        said = ask(workspace, "judge", "card", "pair-c")
        assert said.code == 3
        assert "STALE: the judge changed since" in said.out and "STALE" in said.err

    def test_that_expired_says_so(self, workspace):
        logged(workspace, "rubric-a", "honest", age=5)
        said = ask(workspace, "judge", "card", "rubric-a")
        assert said.code == 7
        assert "EXPIRED: it counts in turns" in said.out

    def test_is_not_expired_one_turn_before(self, workspace):
        logged(workspace, "rubric-a", "honest", age=4)
        assert ask(workspace, "judge", "card", "rubric-a").code == 0

    def test_is_written_to_files_with_links_that_lead_there(self, workspace, tmp_path):
        page, plots = tmp_path / "out" / "card.md", tmp_path / "plots"
        words = ["judge", "card", "pair-b", "--out", str(page), "--plots", str(plots)]
        dry = ask(workspace, *words, "--dry-run")
        assert dry.code == 0 and not page.exists() and "would write" in dry.out
        assert ask(workspace, *words).code == 0
        links = [line for line in page.read_text().splitlines() if line.startswith("![")]
        assert links
        for link in links:
            assert (page.parent / link.rpartition("(")[2].rstrip(")")).is_file()

    def test_that_cannot_be_written_is_a_failure_in_four_lines(self, workspace, tmp_path):
        (tmp_path / "file").write_text("")
        said = ask(workspace, "judge", "card", "pair-b", "--out", str(tmp_path / "file" / "x.md"))
        assert said.code == 1 and "cannot be written" in said.err

    def test_whose_verdicts_were_damaged_is_an_integrity_error(self, workspace):
        entry = logged(workspace, "pair-c", "honest", n=20)
        digest = entry.body["judge_audit"]["verdicts"]
        path = workspace.root / "objects" / digest[:2] / digest
        os.chmod(path, 0o644)
        path.write_bytes(b'[0, "half')
        assert ask(workspace, "judge", "card", "pair-c").code == 4


def logged_as_old(workspace, name, version):
    """An audit of this name, of a version that is not in force."""
    from tests import an_audit

    with closing(workspace.journal(read_only=False)) as journal:
        design, kept, card = an_audit.planted_audit("honest", version, n=20, name=name)
        digest, verdicts = an_audit.keep(workspace.store, card, kept)
        audited = an_audit.Audited(
            judge=name,
            **version._asdict(),
            card=digest,
            verdicts=verdicts,
            calls=workspace.store.put(b""),
            items=design.items,
            deterministic=True,
            made=1,
            seconds=1.0,
        )
        an_audit.write(journal, journal.head(), card, audited)


class TestTwoJudges:
    def test_are_compared_item_by_item_on_the_same_pairs(self, workspace):
        said = ask(workspace, "judge", "compare", "rubric-a", "pair-b", "--json")
        assert said.code == 0 and said.data["paired"] is True
        found = {(m["instrument"], m["of"]): m for m in said.data["differences"]}
        assert found["net_shift", "length"]["says"] == "differ"
        assert found["net_shift", "length"]["low"] > 0.1
        assert "paired by item" in found["both_orders_accuracy", ""]["assumptions"]

    def test_are_alike_where_they_are_one(self, workspace):
        said = ask(workspace, "judge", "compare", "pair-b", "pair-b", "--json")
        assert {m["estimate"] for m in said.data["differences"] if m["estimate"] is not None} == {
            0.0
        }
        assert not any(m["says"] == "differ" for m in said.data["differences"])

    def test_on_other_pairs_are_two_independent_audits(self, workspace):
        logged(workspace, "pair-c", "honest", seed=9)
        said = ask(workspace, "judge", "compare", "rubric-a", "pair-c", "--json")
        assert said.data["paired"] is False
        assert not any(
            m["says"] == "differ"
            for m in said.data["differences"]
            if m["instrument"] == "net_shift"
        )

    def test_say_for_what_each_may_be_used(self, workspace):
        text = ask(workspace, "judge", "compare", "rubric-a", "pair-b").out
        assert "may be used to" in text and "train" in text

    def test_need_an_audit_each(self, workspace):
        assert ask(workspace, "judge", "compare", "rubric-a", "pair-c").code == 3


def test_a_folder_that_is_no_workspace_is_named(tmp_path):
    said = plimsoll("judge", "card", "crowd", "--workspace", str(tmp_path))
    assert said.code in (1, 2) and "try:" in said.err
    assert json.loads(plimsoll("judge", "audit", "x", "--workspace", str(tmp_path), "--json").err)


def test_audits_need_no_more_than_the_workspace(told_workspace, tmp_path):
    moved = Workspace(Path(shutil.copytree(told_workspace.root, tmp_path / "elsewhere")))
    assert ask(moved, "judge", "card", "rubric-a").code == 0
