"""Scores of two panels are two languages: no curve, sum or sentence joins them."""

import re
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest

from agent import rescoring, settle
from agent.diagnose import diagnose
from agent.groups import Group
from logs.breaks import NOT_TOLD, breaks, letters, notes, pieces
from logs.canonical import digest_of
from logs.charts import gold_against_judge, instruments
from logs.errors import JobFailed, PlimsollError
from logs.report import report
from logs.scales import JUDGED, comparable, scale_of, stamped
from logs.series import parted, runs, values_of
from logs.story import rows, story
from logs.summary import summary
from logs.turns import Turn, turns
from logs.vocabulary import EntryKind, Exchange, Hypothesis, Measurement, Observation, State
from logs.why import Comparison, why
from logs.why_text import render
from tests.a_journal import a_journal
from tests.a_view import KL_MAX, PAIRS, SOME, accuracy, judge, observed, state
from tests.a_workspace import JUDGE, SESSION, measured
from tools import instruments as measure
from tools.instruments import reliability

SVG = "{http://www.w3.org/2000/svg}"
REFIT = 8
"""The turn of the made-up session in which a judge is refitted."""
ONE, OTHER = "a" * 64, "b" * 64


def scored(value: float, scale: str | None, instrument: str = "judge_score") -> Measurement:
    return measured(instrument, value, 0.05).model_copy(update={"scale": scale})


def told(*values: tuple[float, float, str | None]) -> list[Turn]:
    """Turns from (gold, judge's score, scale)."""
    return [
        Turn(
            session="s",
            iteration=i,
            entries={"observed": i},
            scale=scale,
            gold=(measured("gold", gold), scored(judged, scale)),
        )
        for i, (gold, judged, scale) in enumerate(values)
    ]


def reweighted(founded: State, *weights: str) -> State:
    judges = tuple(
        judge(name, name).model_copy(update={"weight": Decimal(w)})
        for name, w in zip("xyz", weights, strict=False)
    )
    return founded.model_copy(update={"panel": founded.panel.model_copy(update={"judges": judges})})


class TestAScale:
    def test_is_the_same_for_the_same_shares(self):
        assert scale_of(reweighted(state(), "0.7", "0.3")) == scale_of(
            reweighted(state(), "0.35", "0.15")
        )

    def test_is_another_for_another_share_judge_weight_text_or_order_of_principles(self):
        founded = state()
        principle = founded.constitution.principles[0]
        second = principle.model_copy(update={"id": "second"})
        others = [
            reweighted(founded, "0.6", "0.4"),
            reweighted(founded, "0.7", "0.3"),
            *(
                founded.model_copy(
                    update={
                        "constitution": founded.constitution.model_copy(
                            update={"principles": changed}
                        )
                    }
                )
                for changed in (
                    (principle.model_copy(update={"weight": Decimal("0.9")}),),
                    (principle.model_copy(update={"text": "Say what is true."}),),
                    (principle, second),
                    (second, principle),
                )
            ),
        ]
        assert len({scale_of(s) for s in (founded, *others)}) == 1 + len(others)

    def test_stays_while_the_policy_trains_and_versions_count_up(self):
        founded = state()
        later = founded.model_copy(
            update={
                "adapter": SOME,
                "policy_updates": 21,
                "constitution": founded.constitution.model_copy(update={"version": 2}),
            }
        )
        assert scale_of(later) == scale_of(founded)

    def test_is_noted_on_what_is_made_of_scores_and_on_nothing_else(self):
        found = stamped((measured("judge_score", 1.0), measured("gold", 0.5)), ONE)
        assert [m.scale for m in found] == [ONE, None]
        assert {"judge_accuracy", "flaw_pays", "favourite_wins", "gold"} & JUDGED == set()

    def test_that_is_unknown_is_not_compared(self):
        assert comparable(scored(1, ONE), scored(2, ONE))
        assert not comparable(scored(1, ONE), scored(2, OTHER))
        assert not comparable(scored(1, None), scored(2, None))
        assert comparable(measured("gold", 0.1), measured("gold", 0.2))


class TestACurve:
    def test_of_scores_is_never_joined_across_a_change(self):
        turns_ = told((0.4, 0.1, ONE), (0.4, 0.2, ONE), (0.4, 5.0, OTHER), (0.4, 5.1, OTHER))
        found = [[i for i, _ in run] for run in runs(values_of(turns_, "judge_score"))]
        assert found == [[0, 1], [2, 3]]
        assert [len(run) for run in runs(values_of(turns_, "gold"))] == [4]

    def test_that_comes_back_to_an_old_scale_is_a_piece_of_its_own_with_the_old_letter(self):
        turns_ = told((0.4, 0.1, ONE), (0.4, 5.0, OTHER), (0.4, 0.2, ONE))
        assert list(pieces(turns_)) == [(ONE, 0, 0), (OTHER, 1, 1), (ONE, 2, 2)]
        assert letters(turns_) == {ONE: "A", OTHER: "B"}

    def test_parts_from_gold_only_within_one_scale(self):
        rose = told((0.6, 0.1, ONE), (0.4, 0.5, ONE))
        assert parted(rose) == [1]
        swapped = told((0.6, 0.1, ONE), (0.4, 0.5, OTHER))
        assert parted(swapped) == []
        assert parted([*swapped, *told((0.3, 0.9, OTHER))]) == [0]


class TestTheDiagnosis:
    coin = accuracy(PAIRS // 2)

    def found(self, now: float, scale: str, *before: tuple[float, str]) -> set[Hypothesis]:
        def seen(value: float, scale: str) -> Observation:
            score = measure.score([value - 0.1, value, value + 0.1] * 16)
            return observed(self.coin, score.model_copy(update={"scale": scale}))

        found = diagnose(seen(now, scale), [seen(*b) for b in before], kl_max=KL_MAX)
        return {f.hypothesis for f in found.findings}

    def test_calls_no_score_risen_that_another_panel_gave(self):
        assert Hypothesis.JUDGE_OVEROPTIMISED in self.found(1.5, ONE, (0.1, ONE))
        assert Hypothesis.JUDGE_OVEROPTIMISED not in self.found(1.5, OTHER, (0.1, ONE))

    def test_looks_for_the_oldest_score_of_the_same_panel(self):
        assert Hypothesis.JUDGE_OVEROPTIMISED in self.found(1.5, OTHER, (9.0, ONE), (0.1, OTHER))


# --- a session with a refit, whose answers both panels scored ----------------------
@pytest.fixture(scope="module")
def old_log(tmp_path_factory):
    """As it was written before scales were noted."""
    with a_journal(tmp_path_factory.mktemp("old")) as journal:
        yield journal


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("scales")) as journal:
        commit = journal.find(SESSION, REFIT, "commit").body
        before = {f"p{i}": {"0": i % 7 / 7, "1": i % 5 / 5} for i in range(40)}
        after = {p: {a: 2 * s + 0.5 for a, s in row.items()} for p, row in before.items()}
        body = Exchange(
            proposal=commit["proposal"],
            old=scale_of(journal.commit_of(commit["parent"]).state),
            new=scale_of(journal.commit_of(digest_of(commit)).state),
            samples=SOME,
            old_verdicts=SOME,
            new_verdicts=SOME,
            measurements=reliability.exchange(after, before),
        )
        journal.append(
            EntryKind.RESCORED, session=SESSION, iteration=REFIT, step="exchange", body=body
        )
        yield journal


@pytest.fixture(scope="module")
def figure(journal):
    return gold_against_judge(turns(journal, SESSION))


class TestAnOldLog:
    def test_has_scales_all_the_same_and_says_that_nothing_was_scored_on_both(self, old_log):
        found = turns(old_log, SESSION)
        (broken,) = breaks(found)
        assert (broken.iteration, str(broken.by)) == (REFIT, "refit_judge")
        assert broken.exchange is None
        assert NOT_TOLD in notes(found)[0]
        assert NOT_TOLD in gold_against_judge(found).wide

    def test_reads_as_it_was_written(self, old_log):
        seen = Observation.model_validate(old_log.find(SESSION, 3, "observe").body)
        assert all(m.scale is None for m in seen.measurements)
        assert turns(old_log, SESSION)[3].measured("judge_score").estimate == JUDGE[3]


class TestTheReport:
    @pytest.mark.parametrize("size", ["wide", "narrow"])
    def test_breaks_the_judges_curve_with_a_wall_and_letters(self, figure, size):
        svg = ET.fromstring(getattr(figure, size))
        curves = [p for p in svg.iter(f"{SVG}path") if p.get("class") == "line judge"]
        golden = [p for p in svg.iter(f"{SVG}path") if p.get("class") == "line gold"]
        walls = [p for p in svg.iter(f"{SVG}line") if p.get("class") == "wall"]
        named = [t.text for t in svg.iter(f"{SVG}text") if t.get("class") == "scale"]
        assert (len(curves), len(golden), len(walls)) == (2, 1, 1)
        assert named == ["A", "B"]

    def test_draws_the_wall_between_the_pieces(self, figure):
        svg = ET.fromstring(figure.wide)
        curves = [p.get("d") for p in svg.iter(f"{SVG}path") if p.get("class") == "line judge"]
        ends = [[float(x) for x in re.findall(r"[ML]([\d.]+),", d)] for d in curves]
        (wall,) = [p for p in svg.iter(f"{SVG}line") if p.get("class") == "wall"]
        assert max(ends[0]) < float(wall.get("x1")) < min(ends[1])

    @pytest.mark.parametrize("size", ["wide", "narrow"])
    def test_notes_the_shift_with_its_interval_at_the_break(self, figure, journal, size):
        shift = breaks(turns(journal, SESSION))[0].exchange.measurements[0]
        text = f"new - old {shift.estimate:+.3f} [{shift.low:+.3f}, {shift.high:+.3f}], n 80"
        assert text in getattr(figure, size)

    def test_has_room_for_what_stands_below_a_panel(self, figure):
        for picture in (figure.wide, figure.narrow):
            svg = ET.fromstring(picture)
            texts = [t for t in svg.iter(f"{SVG}text") if t.get("class") == "small"]
            assert max(float(t.get("y")) for t in texts) <= float(svg.get("height"))
            (note,) = [t for t in texts if "new - old" in t.text]
            assert float(note.get("x")) + 5.9 * len(note.text) <= float(svg.get("width"))

    def test_draws_the_interval_of_a_piece_of_one_point(self):
        svg = ET.fromstring(gold_against_judge(told((0.4, 0.1, ONE), (0.4, 5.0, OTHER))).wide)
        whiskers = [p for p in svg.iter(f"{SVG}line") if p.get("class") == "line judge"]
        assert len(whiskers) == 2

    def test_labels_every_number_with_its_scale(self, figure):
        named = {row[1] for row in figure.rows if row[1].startswith("judge_score")}
        assert named == {"judge_score (A)", "judge_score (B)"}

    def test_says_where_and_that_the_pieces_are_not_compared(self, figure, journal):
        assert f"its scale changed (iteration {REFIT})" in figure.says
        page = report(journal, SESSION)
        assert "Judge&#39;s scales" in page
        assert "Kendall&#39;s tau-b" in page

    def test_subtracts_no_end_of_a_curve_from_its_beginning(self, journal):
        says = instruments(turns(journal, SESSION)).says
        assert "judge_gap from" in says
        assert "then on another scale from" in says

    def test_of_one_scale_has_no_wall_and_no_word_about_it(self, journal):
        figure = gold_against_judge(turns(journal, SESSION)[:5])
        assert 'class="wall"' not in figure.wide
        assert "broken" not in figure.says


class TestTheStory:
    def test_gives_each_score_the_letter_of_its_scale(self, journal):
        column = [row[4] for row in rows(turns(journal, SESSION))]
        assert column == ["A"] * REFIT + ["B"] * 5

    def test_tells_what_the_scores_are_worth(self, journal):
        text = " ".join(story(journal, SESSION).split())
        assert "from iteration 8 by refit_judge" in text
        assert "on the same 80 answers to 40 prompts new - old =" in text
        assert "new ~ 0.5 + 2 [2, 2] x old (green)" in text
        assert "another favourite on 0 [0," in text

    def test_is_one_line_in_the_log(self, journal):
        entry = journal.find(SESSION, REFIT, "exchange")
        assert "exchange_shift" in summary(entry)
        assert "exchange_rate 2 [2, 2] n=80" in summary(entry)


class TestAPrediction:
    def test_about_scores_of_another_scale_is_neither_right_nor_wrong(self, journal):
        found = why(journal, f"{SESSION}/{REFIT}/decide")
        assert found.comparison.other_scale
        assert found.comparison.as_predicted is None
        assert "on another scale, so neither right nor wrong" in render(found, width=200)

    def test_within_one_scale_is_compared_as_ever(self, journal):
        assert why(journal, f"{SESSION}/4/decide").comparison.as_predicted is True

    def test_about_a_share_of_grades_is_compared_across_scales(self):
        told_ = Comparison(
            predicted={"metric": "judge_accuracy[panel]", "low": 0, "high": 1},
            actual=0.9,
            iteration=2,
        )
        assert told_.as_predicted is True

    def test_is_said_to_be_neither_in_the_log(self, journal):
        record = journal.find(SESSION, 3, "record")
        body = {**record.body, "as_predicted": None, "other_scale": True}
        line = summary(record.model_copy(update={"body": body}))
        assert "neither right nor wrong: scored on another scale" in line


# --- the step that re-scores -------------------------------------------------------
class Bench:
    """The parts of a context that the step touches; it remembers what was logged."""

    def __init__(self, new: State, *, fails: bool = False, restores: str | None = None) -> None:
        self.head_state, self.new = state(), new
        self.fails, self.restores = fails, restores
        self.written: dict[str, Exchange] = {}
        self.asked = 0

    def word(self, turn, step, kind):
        if step == "act":
            return Proposed(self.new, self.restores)
        return self.written[step] if step in self.written else observed()

    def entry(self, turn, step):
        return self.written.get(step)

    def commit_at(self, digest):
        return Committed(self.head_state)

    def log(self, turn, step, kind, body):
        assert kind is EntryKind.RESCORED
        self.written[step] = body


class Proposed:
    def __init__(self, new, restores):
        self.new, self.restores, self.base = new, restores, SOME


class Committed:
    def __init__(self, state):
        self.state = state


def group(prompt: str, *panel: float) -> Group:
    answers = tuple((f"a{i}", 0.0, 0.0, True, 0.0) for i in range(len(panel)))
    return Group(prompt=prompt, answers=answers, by_judge={}, panel=panel)


@pytest.fixture
def step(monkeypatch):
    """The step with a panel that answers or fails, without a wall."""

    def run(bench: Bench) -> Exchange | None:
        def verdicts(*_):
            bench.asked += 1
            if bench.fails:
                raise JobFailed("It died.", saw="nothing", wanted="scores", try_this="again")
            return OTHER

        monkeypatch.setattr(rescoring, "_verdicts", verdicts)
        monkeypatch.setattr(rescoring, "digest_of", lambda _: SOME)
        old = [group(f"p{i}", i / 40, 1.0) for i in range(40)]
        new = [group(f"p{i}", 0.5 + i / 40, 1.5) for i in range(40)]
        monkeypatch.setattr(
            rescoring,
            "_compared",
            lambda *_: reliability.exchange(*map(rescoring.scores_of, (new, old))),
        )
        return rescoring.rescore({"session": "s", "iteration": 1, "way": ""}, bench)

    return run


class TestTheStep:
    another = reweighted(state(), "0.7", "0.3")

    def test_tells_the_exchange_of_a_changed_panel(self, step):
        found = step(Bench(self.another))
        assert (found.old, found.new) == (scale_of(state()), scale_of(self.another))
        assert found.measurements[0].estimate == pytest.approx(0.5)

    def test_asks_nobody_where_the_scale_stays(self, step):
        bench = Bench(state(adapter=SOME))
        assert step(bench) is None
        assert (bench.asked, bench.written) == (0, {})

    def test_runs_once_however_often_it_is_called(self, step):
        bench = Bench(self.another)
        assert step(bench) == step(bench)
        assert bench.asked == 1

    def test_refuses_a_panel_that_cannot_be_asked(self, step):
        with pytest.raises(PlimsollError, match="It died"):
            step(Bench(self.another, fails=True))

    def test_never_bars_the_way_back(self, step):
        found = step(Bench(self.another, fails=True, restores=SOME))
        assert (found.measurements, found.new_verdicts) == ((), None)
        assert found.lost.startswith("It died.")

    def test_takes_a_prompt_that_was_drawn_twice_as_one_prompt(self):
        found = rescoring.scores_of([group("p", 1.0, 2.0), group("p", 3.0)])
        assert found == {"p": {"0.0": 1.0, "0.1": 2.0, "1.0": 3.0}}


class TestTheRecord:
    def test_leaves_a_prediction_on_another_scale_undecided(self, monkeypatch):
        found = self.compared(monkeypatch, reweighted(state(), "0.7", "0.3"))
        assert (found["as_predicted"], found["other_scale"]) == (None, True)
        assert found["actual"] is not None

    def test_compares_one_on_the_same_scale(self, monkeypatch):
        found = self.compared(monkeypatch, state())
        assert found["as_predicted"] is True
        assert "other_scale" not in found

    def compared(self, monkeypatch, before: State) -> dict:
        class Entry:
            def __init__(self, body):
                self.body = body

        class Journal:
            def find(self, session, iteration, step):
                predicted = {"metric": "judge_score", "low": -9.0, "high": 9.0}
                return Entry({"predicted": predicted} if step == "decide" else {"head": ONE})

        class Context:
            journal = Journal()

            def word(self, *_):
                return observed()

            def commit_at(self, digest):
                return Committed(before if digest == ONE else state())

        return settle._compared({"session": "s", "iteration": 2, "way": ""}, Context())
