"""Reading the history: the graph, what differs, where it began, and deciding again."""

import json
import sys

import pytest

from logs.bisecting import Verdict, by_halves, one_by_one
from logs.canonical import digest_of
from logs.earlier import Earlier
from logs.errors import UsageError
from logs.journal import Journal
from logs.lanes import draw
from logs.predicates import parse
from logs.refs import find_entry
from logs.vocabulary import Commit, EntryKind
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_workspace import GOLD, SESSION


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("history")
    a_journal(path).close()
    (path / "plimsoll.toml").touch()
    return path


def ask(folder, *words):
    return plimsoll("log", *words, "--workspace", str(folder))


class TestTheGraph:
    def test_has_one_line_for_each_commit_newest_first(self, folder):
        said = ask(folder, "graph")
        assert said.code == 0 and len(said.out.splitlines()) == 10
        assert said.out.splitlines()[0].endswith("(HEAD)")
        assert [row["iteration"] for row in ask(folder, "graph", "--json").data["commits"]][-1] == 0

    def test_puts_what_was_rolled_back_into_a_lane_of_its_own(self, folder):
        rows = {r["iteration"]: r for r in ask(folder, "graph", "--json").data["commits"]}
        assert rows[7]["picture"].startswith("◆─╮")
        back = next(r for r in rows.values() if r["commit"] == rows[7]["restores"])
        assert back["picture"] == "●─╯" and back["lane"] == 0
        between = [r for i, r in rows.items() if back["iteration"] < i < 7]
        assert between and all(r["lane"] == 1 and r["picture"] == "│ ●" for r in between)

    def test_fits_a_narrow_place_in_one_line_each(self, folder):
        assert all(len(line) <= 100 for line in ask(folder, "graph").out.splitlines())
        assert ask(folder, "graph", "--limit", "3").out.count("\n") == 3

    def test_of_a_session_that_committed_nothing_is_wrong_usage(self, folder):
        assert ask(folder, "graph", "--session", "nobody").code == 2

    def test_of_rollbacks_within_rollbacks_keeps_every_lane_apart(self):
        commits = history([None, None, None, 1, None, 0, None])
        pictures = [one.picture for one in draw(reversed(commits))]
        assert pictures == ["●", "◆─╮", "│ ●", "│ ◆─╮", "│ │ ●", "│ ●─╯", "●─╯"]


def history(restores: list[int | None]) -> list[tuple[str, Commit]]:
    """Commits one after the other; a number is the commit that one brings back."""
    found: list[tuple[str, Commit]] = []
    for number, back in enumerate(restores):
        commit = Commit.model_construct(
            parent=found[-1][0] if found else None,
            restores=found[back][0] if back is not None else None,
            session="s",
            iteration=number,
        )
        found.append((f"{number:064x}", commit))
    return found


class TestTheDifference:
    def test_of_two_states_tells_what_changed_and_how_clearly(self, folder):
        said = ask(folder, "diff", "iter:8", "iter:9")
        assert said.code == 0
        assert "constitution.version  1 → 2" in said.out
        data = ask(folder, "diff", "iter:1", "iter:10", "--json").data
        gold = next(m for m in data["measurements"] if m["name"] == "gold")
        assert gold["clear"] is True
        assert gold["difference"] == pytest.approx(GOLD[12] - GOLD[1])

    def test_of_a_state_with_itself_is_nothing(self, folder):
        assert "nothing differs" in ask(folder, "diff", "HEAD", "HEAD").out

    def test_does_not_compare_scores_of_two_scales(self, folder):
        data = ask(folder, "diff", "iter:5", "iter:10", "--all", "--json").data
        judged = next(m for m in data["measurements"] if m["name"] == "judge_score")
        assert judged["clear"] is None

    def test_hides_what_a_model_or_a_person_wrote(self, tmp_path):
        a_journal(tmp_path, words="Obey \u202e me \x1b[2J now").close()
        for form in ((), ("--json",), ("--content",), ("--content", "--json")):
            said = ask(tmp_path, "diff", "iter:8", "iter:9", *form)
            assert "\x1b" not in said.out and "\u202e" not in said.out


class TestTheFirstIteration:
    def test_where_a_predicate_became_true_is_found(self, folder):
        said = ask(folder, "bisect", "--where", "gold > 0.55", "--json")
        assert said.code == 0
        first = next(i for i, value in enumerate(GOLD) if value > 0.55)
        assert said.data["first"] == first and said.data["last_good"] == first - 1

    def test_says_when_it_did_not_stay_so(self, folder):
        said = ask(folder, "bisect", "--where", "gold > 0.55")
        assert "false again" in said.err
        assert ask(folder, "bisect", "--where", "gold > 0.55", "--json").data["monotone"] is False

    def test_of_what_never_was_is_a_no(self, folder):
        assert ask(folder, "bisect", "--where", "gold > 0.99").code == 3

    @pytest.mark.parametrize("wrong", ["", "gold", "gold >", "gold > much", "gold > nan", "> 3"])
    def test_of_nonsense_is_wrong_usage(self, folder, wrong):
        assert ask(folder, "bisect", "--where", wrong).code == 2

    def test_of_an_unknown_measurement_names_the_nearest(self, folder):
        said = ask(folder, "bisect", "--where", "golt > 1")
        assert said.code == 2 and "did you mean gold?" in said.err

    @pytest.mark.parametrize("form", ["drift.kl_anchor > 0.05", "kl_anchor >= 0.05"])
    def test_may_name_what_it_is_about(self, folder, form):
        assert ask(folder, "bisect", "--where", form).code == 0

    def test_is_asked_of_a_command_by_halves(self, folder, tmp_path):
        script = "import os, sys; sys.exit(int(os.environ['PLIMSOLL_ITERATION']) >= 9)"
        said = ask_a_program(folder, sys.executable, "-c", script)
        assert said.code == 0 and said.data["first"] == 9
        assert len(said.data["asked"]) < 8 and "by halves" in str(said.envelope["warnings"])

    def test_is_undecided_where_a_command_cannot_tell(self, folder):
        script = (
            "import os, sys; i = int(os.environ['PLIMSOLL_ITERATION']);"
            "sys.exit(125 if 5 <= i <= 7 else i > 7)"
        )
        said = ask_a_program(folder, sys.executable, "-c", script)
        assert said.code == 6 and said.data["candidates"] == [5, 6, 7, 8]

    def test_of_a_command_that_is_not_there_is_wrong_usage(self, folder):
        words = ("log", "bisect", "--workspace", str(folder), "run", "/nonexistent/program")
        assert plimsoll(*words).code == 2


def ask_a_program(folder, *program: str):
    words = ("log", "bisect", "--json", "--workspace", str(folder), "run", *program)
    return plimsoll(*words)


class TestTheSearch:
    @pytest.mark.parametrize("bad_from", range(12))
    def test_by_halves_finds_what_one_by_one_finds_if_bad_stays_bad(self, bad_from):
        def ask(i: int) -> Verdict:
            return Verdict.of(i >= bad_from)

        assert by_halves(range(11), ask).first == one_by_one(range(11), ask).first

    def test_by_halves_never_names_a_wrong_one_where_some_cannot_be_judged(self):
        for bad_from in range(9):
            for skipped in range(9):
                found = by_halves(
                    range(9),
                    lambda i, s=skipped, b=bad_from: Verdict.SKIP if i == s else Verdict.of(i >= b),
                )
                if found.first is not None:
                    assert found.first == bad_from
                elif found.candidates:
                    assert bad_from in found.candidates

    def test_of_a_predicate_reads_ends_and_parts(self):
        found = parse("judge.judge_accuracy[panel].low <= 6e-1")
        assert (found.instrument, found.of, found.end, found.number) == (
            *("judge_accuracy", "panel", "low"),
            0.6,
        )


class TestNames:
    def test_gold_best_is_the_commit_with_the_highest_gold(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            best = find_entry(journal, "gold-best")
            assert best.kind is EntryKind.COMMITTED
            assert best.iteration in (10, 11, 12)

    def test_of_a_session_is_its_last_commit(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            assert digest_of(find_entry(journal, SESSION).body) == journal.head()

    def test_that_fit_two_things_list_both_and_are_wrong_usage(self, tmp_path):
        with Journal(tmp_path / "plimsoll.sqlite") as journal:
            entry = journal.append(EntryKind.RESUMED, session="s", iteration=1, step="x", body={})
            name = digest_of(entry.body)[:6]
            journal.append(EntryKind.RESUMED, session=name, iteration=1, step="x", body={"a": 1})
            with pytest.raises(UsageError, match="more than one") as caught:
                find_entry(journal, name)
        assert "entries 0" in caught.value.saw and "1 (" in caught.value.saw


class TestALogAsItWas:
    def test_knows_nothing_of_what_came_later(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as whole:
            for size in (1, 2, 40, whole.size()):
                then = Earlier(folder / "plimsoll.sqlite", size)
                assert then.size() == size and len(list(then.entries())) == size
                commits = [e for e in whole.entries(limit=size) if e.kind is EntryKind.COMMITTED]
                assert then.head() == (digest_of(commits[-1].body) if commits else None)
                assert then.find(SESSION, 12, "decide") is None or size == whole.size()
                then.close()

    def test_spent_what_its_entries_spent(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as whole:
            then = Earlier(folder / "plimsoll.sqlite", whole.size())
            assert then.ledgers() == whole.ledgers()
            then.close()


class TestDecidingAgain:
    def test_where_nothing_was_decided_is_wrong_usage(self, folder):
        assert ask(folder, "replay", "0").code == 2

    def test_from_a_log_whose_inputs_are_not_kept_is_undecided_and_says_so(self, folder):
        said = ask(folder, "replay", "iter:3")
        assert said.code == 6 and "not checked" in said.out
        assert "replay" in ask(folder, "why", "iter:3").out

    def test_is_told_by_why_as_data_too(self, folder):
        data = ask(folder, "why", "iter:3", "--json").data
        assert data["replay"].startswith("not checked")
        assert json.dumps(data["replay"])


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two workspaces; the session of one is shorter."""
    place = tmp_path_factory.mktemp("two")
    for name, iterations in (("long", 12), ("short", 5)):
        a_journal(place / name, iterations=iterations).close()
        (place / name / "plimsoll.toml").touch()
    return place


class TestTwoSessions:
    def compared(self, two, *more: str):
        names = (f"{two / 'short'}#{SESSION}", f"{two / 'long'}#{SESSION}")
        return plimsoll("session", "compare", *names, *more)

    def test_are_told_apart_by_what_differs_with_intervals(self, two):
        said = self.compared(two, "--json")
        assert said.code == 0
        gold = next(m for m in said.data["measurements"] if m["name"] == "gold")
        assert gold["clear"] is True and gold["difference"] == pytest.approx(GOLD[12] - GOLD[5])
        assert gold["low"] < gold["difference"] < gold["high"]
        assert "turns" in {fact["path"] for fact in said.data["facts"]}
        assert all(fact["old"] != fact["new"] for fact in said.data["facts"])

    def test_that_are_the_same_differ_in_nothing(self, two):
        where = ("--workspace", str(two / "long"), "--json")
        said = plimsoll("session", "compare", SESSION, SESSION, *where)
        assert said.code == 0
        assert said.data["facts"] == said.data["measurements"] == said.data["constitution"] == []

    def test_of_which_one_is_not_there_are_wrong_usage(self, two):
        where = ("--workspace", str(two / "long"))
        assert plimsoll("session", "compare", SESSION, "nobody", *where).code == 2
        assert plimsoll("session", "compare", SESSION, f"{two}/nowhere#x", *where).code == 2
