"""Plots of a card: shape says what colour says, nothing is cut, same card, same bytes."""

import json
import random
import sys
from typing import ClassVar
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from logs.errors import IntegrityError, JudgeError, UsageError
from logs.vocabulary import Status
from tests.an_audit import planted_audit, told
from tools.audit import job, sketch
from tools.audit.comparing import differences, values_of
from tools.audit.design import Version, of_the_world
from tools.audit.figures import profile
from tools.audit.kept import rows_of, verdicts_of
from tools.audit.pictures import pictures
from tools.audit.planted import planted

VERSION = Version("a" * 64, "b" * 64, 2)


@pytest.fixture(scope="module")
def honest():
    return planted_audit("honest", VERSION, name="honest")


@pytest.fixture(scope="module")
def wordy():
    return planted_audit("length-biased", VERSION, name="wordy $x_1$ <b>")


@pytest.fixture(scope="module")
def claimed():
    """A judge that gives probabilities: an honest choice, claimed with 80 %."""
    design = of_the_world(60)
    judge = planted("honest", seed=1)
    said = {c: [0.8 if judge(c) == "first" else 0.2] for c in design.calls()}
    return design.answered(said, VERSION)


class TestThePlotAsText:
    @pytest.mark.parametrize("width", [40, 44, 60, 80, 100, 200])
    @pytest.mark.parametrize("unicode", [True, False])
    def test_is_no_wider_than_there_is_room(self, wordy, claimed, width, unicode):
        pen = sketch.ink(unicode=unicode)
        lines = [
            *sketch.bias_profile(wordy[2], width, pen),
            *sketch.reliability(claimed, width, pen),
        ]
        assert max(len(line.rstrip()) for line in lines) <= width

    def test_is_ascii_where_nothing_else_can_be_shown(self, wordy, claimed):
        pen = sketch.ink(unicode=False)
        lines = [*sketch.bias_profile(wordy[2], 80, pen), *sketch.reliability(claimed, 80, pen)]
        assert "\n".join(lines).isascii()

    def test_has_another_shape_for_every_status(self):
        for unicode in (True, False):
            assert len(set(sketch.ink(unicode=unicode).marks.values())) == len(Status)

    def test_has_colour_only_where_it_is_asked_for(self, wordy):
        plain = "\n".join(sketch.bias_profile(wordy[2], 100, sketch.ink()))
        coloured = "\n".join(sketch.bias_profile(wordy[2], 100, sketch.ink(colour=True)))
        assert "\x1b" not in plain and "\x1b[31m" in coloured

    def test_shows_every_bias_with_its_numbers(self, wordy):
        text = "\n".join(sketch.bias_profile(wordy[2], 100, sketch.ink()))
        for bias in wordy[2].audit.biases:
            assert bias.name in text
        length = next(line for line in text.splitlines() if line.startswith("length"))
        assert sketch.ink().marks[Status.RED] in length

    def test_of_the_claims_counts_every_pair(self, claimed):
        lines = sketch.reliability(claimed, 80, sketch.ink())[1:11]
        assert sum(int(line.split()[1]) for line in lines) == 60

    def test_is_empty_where_a_judge_gives_no_probabilities(self, honest):
        assert sketch.reliability(honest[1], 80, sketch.ink()) == []


class TestThePlotAsPicture:
    def test_is_the_same_bytes_for_the_same_card(self, wordy, claimed):
        assert dict(pictures(wordy[2], claimed)) == dict(pictures(wordy[2], claimed))

    def test_is_whole_svg_and_png_without_a_date(self, wordy, claimed):
        found = dict(pictures(wordy[2], claimed))
        assert set(found) == {
            f"{plot}.{kind}" for plot in ("bias-profile", "reliability") for kind in ("svg", "png")
        }
        for name, data in found.items():
            if name.endswith("svg"):
                ElementTree.fromstring(data)
                assert b"<dc:date>" not in data
            else:
                assert data.startswith(b"\x89PNG")

    def test_has_a_white_ground_and_nothing_at_its_edges(self, wordy, claimed):
        from io import BytesIO

        from PIL import Image

        for name, data in pictures(wordy[2], claimed):
            if name.endswith("png"):
                pixels = np.asarray(Image.open(BytesIO(data)).convert("L"))
                for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
                    assert edge.min() == 255, f"{name}: something is cut at the edge"

    def test_needs_matplotlib_and_says_so(self, wordy, claimed, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(UsageError, match="matplotlib"):
            list(pictures(wordy[2], claimed))

    def test_marks_a_one_sided_fault_as_such(self, wordy):
        rows = {row.name: row for row in profile(wordy[2])}
        assert rows["length"].status is Status.RED and not rows["length"].upwards
        assert rows["position"].status in Status


class TestDifferences:
    def test_are_paired_t_intervals_where_items_are_the_same(self, honest, wordy):
        found = differences(honest[2], wordy[2], (honest[1], wordy[1]))
        measured = {(m.instrument, m.of): m for m in found}
        a, b = (values_of(x[1])["net_shift", "length"] for x in (honest, wordy))
        clusters = {}
        for item in a.by_item:
            clusters.setdefault(a.clusters[item], []).append(b.by_item[item] - a.by_item[item])
        means = [float(np.mean(row)) for row in clusters.values()]
        oracle = stats.ttest_1samp(means, 0.0).confidence_interval(0.95)
        m = measured["net_shift", "length"]
        assert (m.low, m.high) == pytest.approx((oracle.low, oracle.high))
        assert m.status is Status.RED

    def test_of_values_are_those_of_the_measurements_themselves(self, wordy):
        values = values_of(wordy[1])
        for m in wordy[2].audit.measurements():
            if (m.instrument, m.of) in values and m.estimate is not None:
                found = values[m.instrument, m.of]
                by_cluster = {}
                for item, value in found.by_item.items():
                    by_cluster.setdefault(found.clusters[item], []).append(value)
                centre = np.mean([np.mean(row) for row in by_cluster.values()])
                # Counts of single items weigh items alike; means weigh clusters alike.
                assert m.estimate == pytest.approx(centre, abs=0.02), m.instrument

    def test_of_independent_audits_add_half_widths_in_squares(self, honest, wordy):
        found = {(m.instrument, m.of): m for m in differences(honest[2], wordy[2], None)}
        m = found["net_shift", "length"]
        a, b = (
            next(x.shift for x in made[2].audit.biases if x.name == "length")
            for made in (honest, wordy)
        )
        assert m.estimate == pytest.approx(b.estimate - a.estimate)
        half = np.hypot(b.estimate - b.low, a.high - a.estimate)
        assert m.low == pytest.approx(m.estimate - half)

    def test_are_sharper_in_pairs_where_judges_err_alike(self, honest):
        same = differences(honest[2], honest[2], (honest[1], honest[1]))
        apart = differences(honest[2], honest[2], None)
        name = ("both_orders_accuracy", "")
        widths = [
            next(m.high - m.low for m in row if (m.instrument, m.of) == name)
            for row in (same, apart)
        ]
        assert widths[0] < widths[1]


class TestADesign:
    def test_asks_equal_calls_once_of_a_function(self):
        design = of_the_world(30, repeats=2)
        calls = design.calls()
        kept = design.answered(told(design, "honest"), VERSION)
        assert len(kept.verdicts) + len(kept.attacked) == calls.total() > 2 * len(calls) - 700
        by_repeat = [[v.verdict for v in kept.verdicts if v.repeat == r] for r in (0, 1)]
        assert by_repeat[0] == by_repeat[1]

    def test_leaves_what_was_not_answered_missing(self):
        design = of_the_world(30)
        kept = design.answered({}, VERSION)
        assert all(v.verdict is None for v in (*kept.verdicts, *kept.attacked))

    def test_names_its_items_by_what_they_say(self):
        assert of_the_world(30, seed=1).items == of_the_world(30, seed=1).items
        assert of_the_world(30, seed=1).items != of_the_world(30, seed=2).items

    def test_keeps_verdicts_that_read_back(self, honest):
        rows = list(rows_of(honest[1]))
        assert verdicts_of(rows, VERSION) == honest[1]

    @pytest.mark.parametrize("row", ["text", [], [0, 1], [2] + [None] * 11])
    def test_refuses_rows_that_are_none(self, row):
        with pytest.raises(IntegrityError):
            verdicts_of([row], VERSION)


class TestTheJob:
    def asked(self, tmp_path, design, **judges):
        calls = list(design.calls())
        lines = [json.dumps([c.prompt, c.first, c.second]) for c in calls]
        (tmp_path / "calls.jsonl").write_text("\n".join(lines))
        args = {
            "calls": str(tmp_path / "calls.jsonl"),
            "judges": judges,
            "weights": dict.fromkeys(judges, "1"),
            "constitution": {"version": 1, "principles": []},
            "base": None,
            "reader": None,
            "threads": 1,
            "again": 10,
        }
        report = job.consult(args, tmp_path, lambda done, of, what: None)
        said = [json.loads(line) for line in (tmp_path / job.SAID).read_text().splitlines()]
        return report, dict(zip(calls, said, strict=True))

    def test_asks_the_oracle_and_it_is_right(self, tmp_path):
        design = of_the_world(20)
        (tmp_path / "oracle").write_text(json.dumps({"format": "plimsoll-micro-world/1"}))
        oracle = {"kind": "verifier", "path": str(tmp_path / "oracle")}
        report, said = self.asked(tmp_path, design, oracle=oracle)
        assert report["errors"] == 0 and report["again"] >= 10
        kept = design.answered({call: [p] for call, (p, _) in said.items()}, VERSION)
        base = [v for v in kept.verdicts if v.treatment == "base"]
        assert all(v.verdict == v.gold for v in base)

    def test_says_why_a_judge_gave_no_verdict(self, tmp_path, monkeypatch):
        def broken(answers, constitution):
            raise ValueError("no answer today")

        monkeypatch.setattr(job, "judge_of", lambda name, spec: broken)
        report, said = self.asked(tmp_path, of_the_world(5), b={"kind": "verifier", "path": ""})
        assert report["errors"] == report["calls"]
        assert all(p is None and "no answer today" in why for p, why in said.values())

    def test_scores_each_text_once_where_siblings_do_not_matter(self, tmp_path, monkeypatch):
        class ByText:
            seen: ClassVar[list[tuple[str, str]]] = []

            def score_texts(self, texts):
                self.seen += texts
                return [float(len(answer)) for _, answer in texts]

        monkeypatch.setattr(job, "judge_of", lambda name, spec: ByText())
        _, said = self.asked(tmp_path, of_the_world(5), r={"kind": "reward_model", "path": ""})
        assert len(ByText.seen) == len(set(ByText.seen))
        for call, (p, _) in said.items():
            assert (p > 0.5) == (len(call.first) > len(call.second))

    def test_refuses_a_judge_with_two_answers_to_one_question(self, tmp_path, monkeypatch):
        rng = random.Random(0)
        fickle = lambda answers, constitution: [rng.random() for _ in answers]  # noqa: E731
        monkeypatch.setattr(job, "judge_of", lambda name, spec: fickle)
        with pytest.raises(JudgeError, match="two answers"):
            self.asked(tmp_path, of_the_world(5), f={"kind": "verifier", "path": ""})
