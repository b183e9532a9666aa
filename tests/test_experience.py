"""Experience: read from the log, carried in a file, and never more than the log can show again."""

import json
import random
from contextlib import closing
from types import SimpleNamespace

import pytest

from agent.deciding.experience import (
    BROUGHT,
    bring,
    experience_of,
    own,
    read_file,
    require_experience,
)
from agent.deciding.lessons import FEATURES, Lesson, gathered, read, written
from agent.deciding.remembering import lessons_of
from agent.state import Context
from agent.workspace import CONFIG, Workspace
from logs.errors import IntegrityError, UsageError
from logs.vocabulary import EntryKind, Hypothesis, Intervention
from tests.a_command import plimsoll
from tests.a_history import PAIRS, Told, workspace, write

TRAIN, REFRESH, REFIT = (
    Intervention.TRAIN,
    Intervention.REFRESH_PROMPTS,
    Intervention.REFIT_JUDGE,
)
RISING = [Told(TRAIN, share=s) for s in (0.1, 0.4, 0.7, 0.9)]


def lesson(of="0123456789ab/first/1", **fields):
    given = {
        "of": of,
        "intervention": "train",
        "context": {"always": 1.0},
        "returned": 0.1,
        "variance": 0.01,
        "seen": 3,
    }
    return Lesson.model_validate(given | fields)


def by_turn(lessons):
    return {int(x.of.rsplit("/", 1)[1]): x for x in lessons}


@pytest.fixture
def taught(tmp_path):
    made = workspace(tmp_path / "own")
    write(made, RISING)
    return made


class TestAWorkspace:
    def test_that_never_began_taught_nothing(self, tmp_path):
        assert own(workspace(tmp_path / "own")) == ()

    def test_teaches_what_each_turn_but_the_last_returned(self, taught):
        found = by_turn(own(taught))
        assert set(found) == {1, 2, 3}
        assert found[1].returned > 0.2 and found[1].seen == 3 and found[3].seen == 1

    def test_tells_the_context_of_each_decision(self, taught):
        found = by_turn(own(taught))
        labels = float(taught.policy.values["audit_labels_max"])
        assert found[2].context == pytest.approx(
            {
                "always": 1.0,
                "judge_stale": 0.8,
                "uncalibrated": 1.0,
                "labels_spent": 4 * PAIRS / labels,
                "since_repair": 2 / 6,
            },
            abs=1e-6,
        )

    def test_counts_turns_since_a_repair_that_was_committed(self, tmp_path):
        made = workspace(tmp_path / "own")
        write(made, [Told(TRAIN), Told(REFIT), Told(TRAIN), Told(REFIT, "refused"), Told(TRAIN)])
        found = by_turn(own(made))
        assert [found[i].context["since_repair"] for i in (2, 3, 4)] == pytest.approx(
            [2 / 6, 1 / 6, 2 / 6], abs=1e-6
        )

    def test_learns_from_all_its_sessions_and_joins_none(self, taught):
        before = own(taught)
        write(taught, [Told(REFRESH, share=0.2), Told(TRAIN, share=0.2)], session="second")
        after = own(taught)
        assert all(x in after for x in before)
        assert {x.of.split("/")[1] for x in after} == {"first", "second"}

    def test_teaches_nothing_that_the_judge_says(self, tmp_path):
        """Scores rise by ten in the last turns; grades do not."""
        plain, loud = (workspace(tmp_path / name / "own") for name in ("plain", "loud"))
        write(plain, [Told(TRAIN)] * 5)
        write(loud, [Told(TRAIN), Told(TRAIN), *[Told(TRAIN, inflated=10.0)] * 3])
        for a, b in zip(own(plain), own(loud), strict=True):
            assert a.returned == pytest.approx(b.returned, abs=1e-9)

    def test_reads_no_gold(self, taught):
        with taught.journal(read_only=False) as journal:
            body = {"measurements": [{"instrument": "gold", "estimate": 1.0}]}
            journal.append(EntryKind.MEASURED, session="first", iteration=2, step="gold", body=body)
        assert len(own(taught)) == 3

    def test_whose_grades_are_lost_is_refused(self, taught):
        with taught.journal() as journal:
            labels = journal.find("first", 2, "observe").body["labels"]
        path = taught.root / "objects" / labels[:2] / labels
        path.chmod(0o644)
        path.write_bytes(b"{}\n")
        from agent.deciding import remembering

        remembering._prompts.cache_clear()
        remembering._quality.cache_clear()
        with pytest.raises(IntegrityError):
            own(taught)

    def test_can_be_asked_what_it_had_taught_before_any_entry(self, taught):
        with taught.journal() as journal:
            decided = journal.find("first", 3, "decide").seq
            then = by_turn(lessons_of(journal, taught.store, labels=512.0, before=decided))
        assert set(then) == {1, 2} and then[1].seen == 2


class TestASession:
    """It is brought a file, and every decision of it can be made again."""

    FILE = "experience.jsonl"

    def context(self, own_workspace, journal):
        return Context(
            config=own_workspace.config,
            policy=own_workspace.policy,
            task=None,
            journal=journal,
            hands=SimpleNamespace(store=own_workspace.store),
            decider=None,
            listener=SimpleNamespace(entry=lambda entry: None),
            founding=journal.head(),
        )

    @pytest.fixture
    def led(self, tmp_path):
        made = workspace(tmp_path / "own", decider={"experience": self.FILE})
        (made.root / self.FILE).write_bytes(written([lesson()]))
        write(made, RISING[:1])
        return made

    def at(self, made, iteration):
        with closing(made.journal(read_only=False)) as journal:
            context = self.context(made, journal)
            turn = {"session": "first", "iteration": iteration, "way": ""}
            bring(turn, context)
            return experience_of(turn, context)

    def test_reads_the_file_once_whatever_becomes_of_it(self, led):
        before = self.at(led, 2)
        assert lesson() in before
        (led.root / self.FILE).unlink()
        assert self.at(led, 3) == before
        with led.journal() as journal:
            assert len(list(journal.entries(kind=EntryKind.CONSULTED))) == 1

    def test_finds_what_was_known_at_a_decision_however_much_was_learnt_since(self, tmp_path):
        made = workspace(tmp_path / "own")
        write(made, RISING)
        then = self.at(made, 3)
        write(made, RISING, session="second")
        assert self.at(made, 3) == then
        assert len(self.at(made, 5)) > len(then)

    @pytest.mark.parametrize("decider", ["rules", "random", "fixed"])
    def test_led_by_another_decider_reads_none_of_it(self, tmp_path, decider):
        made = workspace(
            tmp_path / "own",
            session={"decider": decider},
            decider={"experience": self.FILE},
        )
        write(made, RISING)
        assert self.at(made, 5) == ()


class TestAFile:
    def test_holds_what_was_written(self):
        lessons = [lesson(f"0123456789ab/first/{i}") for i in range(5)]
        assert list(read(written(lessons), "x")) == lessons

    def test_is_the_same_whatever_the_order(self):
        lessons = [lesson(f"0123456789ab/first/{i}", returned=i / 10) for i in range(9)]
        shuffled = random.Random(0).sample(lessons, len(lessons))
        assert written(lessons) == written(shuffled)

    def test_holds_each_turn_once_as_the_most_grades_tell_it(self):
        early, late = lesson(seen=1, returned=0.3), lesson(seen=3, returned=0.1)
        assert gathered([late], [early]) == gathered([early, late]) == (late,)

    @pytest.mark.parametrize(
        ("fields", "saw"),
        [
            ({"intervention": "stop"}, "does not end the session"),
            ({"intervention": "dance"}, "intervention"),
            ({"context": {"weather": 1.0}}, "weather"),
            ({"context": {"always": 2.0}}, "context"),
            ({"variance": 0.0}, "variance"),
            ({"returned": 1.5}, "returned"),
            ({"of": "somewhere"}, "of"),
            ({"more": 1}, "more"),
        ],
    )
    def test_with_something_else_in_it_is_refused_by_its_line(self, fields, saw):
        good = json.loads(written([lesson()]))
        data = written([lesson()]) + json.dumps(good | fields).encode() + b"\n"
        with pytest.raises(UsageError) as found:
            read(data, "experience.jsonl")
        assert "line 2" in found.value.saw and saw in found.value.saw

    @pytest.mark.parametrize("data", [b"\xff\n", b"[1]\n", b"{\n", b'{"returned": NaN}\n'])
    def test_that_is_none_is_refused(self, data):
        with pytest.raises(UsageError):
            read(data, "x")

    def test_that_is_missing_is_refused_before_a_session_begins(self, tmp_path):
        made = workspace(tmp_path / "own", decider={"experience": "none.jsonl"})
        with pytest.raises(UsageError, match="experience"):
            require_experience(made)
        said = plimsoll("run", "--dry-run", "--workspace", str(made.root))
        assert said.code == 2 and "none.jsonl" in said.err

    def test_that_a_session_has_read_is_not_needed_again(self, taught):
        text = (taught.root / CONFIG).read_text()
        named = text.replace('experience = ""', 'experience = "gone.jsonl"')
        (taught.root / CONFIG).write_text(named)
        taught = Workspace(taught.root)
        with pytest.raises(UsageError):
            require_experience(taught)
        with taught.journal(read_only=False) as journal:
            body = {"experience": "0" * 64, "file": "gone.jsonl", "lessons": 0}
            journal.append(
                EntryKind.CONSULTED, session="first", iteration=1, step=BROUGHT, body=body
            )
        require_experience(taught)
        said = plimsoll("log", "list", "--kind", "consulted", "--workspace", str(taught.root))
        assert "experience 000000000000, 0 turns" in said.out


class TestTheCommand:
    def test_prints_lessons_that_can_be_read_again(self, taught):
        said = plimsoll("session", "experience", str(taught.root))
        assert read(said.out.encode(), "stdout") == own(taught)

    def test_writes_what_several_workspaces_learnt(self, taught, tmp_path):
        other = workspace(tmp_path / "other")
        write(other, RISING, seed=1)
        out = tmp_path / "experience.jsonl"
        words = ("session", "experience", "--out", str(out), str(taught.root), str(other.root))
        dry = plimsoll(*words, "--dry-run")
        assert dry.code == 0 and "would write" in dry.out and not out.exists()
        said = plimsoll(*words, "--json")
        assert said.code == 0 and said.data["workspaces"] == 2
        assert read_file(tmp_path, out.name).lessons == gathered(own(taught), own(other))
        assert len(said.data["lessons"]) == 6
        assert plimsoll(*words).code == 0  # what it wrote itself is replaced

    def test_overwrites_nothing_else(self, taught, tmp_path):
        precious = tmp_path / "notes.txt"
        precious.write_text("mine\n")
        said = plimsoll("session", "experience", "--out", str(precious), str(taught.root))
        assert said.code == 2 and precious.read_text() == "mine\n"

    def test_refuses_a_folder_that_is_no_workspace(self, tmp_path):
        assert plimsoll("session", "experience", str(tmp_path)).code == 2

    def test_says_where_nothing_was_learnt_yet(self, tmp_path):
        made = workspace(tmp_path / "own")
        said = plimsoll("session", "experience", str(made.root))
        assert said.code == 0 and said.out.strip() == "" and "no turn that is over" in said.err

    def test_is_what_the_doctor_speaks_of(self, taught, monkeypatch):
        from agent.deciding.examined import examined

        how, says, _ = examined(taught)
        assert how == "ok" and "3 turns of this workspace" in says


def test_every_hypothesis_but_health_is_a_feature():
    assert set(map(str, Hypothesis)) - {"healthy"} < set(FEATURES)
