"""Published data is read as published, says where it is from, and unknown files are refused.

Formats whose files are not at hand are tested on small files written here in the format that
their publishers document: that shows that the documentation is followed, not that the published
files follow it. LLMBar, EvalBiasBench and BBQ are also read for real where the environment
variable PLIMSOLL_AUDIT_DATA names a folder that holds llmbar/, evalbiasbench/ and bbq/.
"""

import csv
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from logs.errors import UndefinedMeasurement, UsageError
from tools.audit.formats import FORMATS, load, published
from tools.audit.formats.questions import chosen
from tools.audit.records import BASE, Verdict, check, tables
from tools.instruments import audit as a

DATA = os.environ.get("PLIMSOLL_AUDIT_DATA", "")
real = pytest.mark.skipif(
    not DATA, reason="PLIMSOLL_AUDIT_DATA is not set: the published files themselves go unread"
)

TURNS = [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]
TURNS += [{"role": "user", "content": "q2"}, {"role": "assistant", "content": "a2"}]
AB = {"question": "q", "response_A": "x", "response_B": "y"}
BBQ = {
    "example_id": 7,
    "question_index": "3",
    "question_polarity": "neg",
    "context_condition": "ambig",
    "category": "Religion",
    "answer_info": {"ans0": ["p", "One"], "ans1": ["?", "unknown"], "ans2": ["q", "Other"]},
    "additional_metadata": {"stereotyped_groups": ["Other"]},
    "context": "c",
    "question": "who?",
    "ans0": "p",
    "ans1": "?",
    "ans2": "q",
    "label": 1,
}
SAMPLES = {
    "llmbar": ("dataset.json", [{"input": "q", "output_1": "x", "output_2": "y", "label": 2}]),
    "evalbiasbench": (
        "biasbench.json",
        {"length bias": [{"instruction": "q", "response1": "x", "response2": "y", "label": 2}]},
    ),
    "judgebench": (
        "data.jsonl",
        [{"pair_id": "p", "original_id": "1", "source": "math", "label": "B>A", **AB}],
    ),
    "judgebench_pro": (
        "test.parquet",
        [{"label": 1, "injected_bias": "length", "domain": "math", **AB}],
    ),
    "rewardbench": (
        "filtered.parquet",
        [{"id": 1, "prompt": "q", "chosen": "y", "rejected": "x", "subset": "s"}] * 2,
    ),
    "rewardbench2": (
        "test.parquet",
        [
            {
                "id": "1",
                "prompt": "q",
                "chosen": ["y"],
                "rejected": ["x", "w", "v"],
                "num_correct": 1,
                "subset": "Math",
            }
        ],
    ),
    "rm_bench": (
        "chat_filtered.json",
        [
            {
                "id": 1,
                "prompt": "q",
                "chosen": ["a", "b", "c"],
                "rejected": ["d", "e", "f"],
                "domain": "chat",
            }
        ],
    ),
    "ppe": (
        "test.parquet",
        [
            {
                "question_id": "1",
                "model_a": "m",
                "model_b": "n",
                "winner": "model_b",
                "prompt": "q",
                "response_1": "x",
                "response_2": "y",
                "language": "English",
            }
        ],
    ),
    "mt_bench": (
        "human.parquet",
        [
            {
                "question_id": 81,
                "model_a": "m",
                "model_b": "n",
                "winner": "model_b",
                "judge": "expert_1",
                "conversation_a": TURNS,
                "conversation_b": TURNS,
                "turn": 2,
            }
        ],
    ),
    "mt_bench_questions": (
        "question.jsonl",
        [{"question_id": 81, "category": "writing", "turns": ["q1", "q2"]}],
    ),
    "alpaca_eval": (
        "annotations.json",
        [{"instruction": "q", "output_1": "x", "output_2": "y", "preference": 1.9}],
    ),
    "alpaca_outputs": (
        "model_outputs.json",
        [{"instruction": "q", "output": "x", "generator": "m"}],
    ),
    "calm": (
        "alignment_dataset.json",
        [{"question": "q", "answer1": "y", "answer2": "x", "data_resource": "r"}],
    ),
    "calm_twins": (
        "authority_bias_standardized.json",
        [
            {
                "question": "q",
                "answer1": "x",
                "answer2": "y",
                "data_resource": "r",
                "answer2_with_reference_url": "y (www)",
            }
        ],
    ),
    "bbq": ("Religion.jsonl", [BBQ]),
    "issuebench": (
        "prompts_debug.csv",
        [
            {
                "template_id": "t",
                "template_text": "write about X",
                "topic_id": "5",
                "topic_polarity": "con",
                "topic_text": "z being bad",
                "prompt_text": "write about z being bad",
            }
        ],
    ),
    "indian_bhed": (
        "Caste.csv",
        [
            {
                "Target_Stereotypical": "['P', 'he']",
                "Target_Anti-Stereotypical": "['Q', 'she']",
                "Sentence": "MASK said that MASK came",
            }
        ],
    ),
}


def written(folder, name, rows):
    """A file in the ending that its name has."""
    path = folder / name
    if path.suffix == ".parquet":
        from datasets import Dataset

        Dataset.from_list(rows).to_parquet(str(path))
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as out:
            table = csv.DictWriter(out, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


@pytest.fixture(autouse=True, scope="module")
def quiet():
    """Parquet files are written by a library that draws bars."""
    from datasets import disable_progress_bars

    disable_progress_bars()


def sample(folder, name, **changed):
    file, rows = SAMPLES[name]
    if name == "evalbiasbench":
        rows = {kind: [{"bias": kind, **row} for row in found] for kind, found in rows.items()}
    else:
        rows = [{**row, **changed} for row in rows]
    return written(folder, file, rows)


class TestEveryFormat:
    def test_is_tried_here(self):
        assert set(SAMPLES) == set(FORMATS)

    @pytest.mark.parametrize("name", SAMPLES)
    def test_is_recognised_by_its_fields_and_says_where_it_is_from(self, name, tmp_path):
        path = sample(tmp_path, name)
        found = load(path)
        assert found.source.format == name and len(found) >= 1
        assert found.source.files == ((path.name, sha256(path.read_bytes()).hexdigest()),)
        assert found.source.publish == (
            found.source.licence is not None and "NC" not in found.source.licence
        )
        assert load(path, name) == found

    def test_without_a_licence_or_for_non_commercial_use_is_not_for_publication(self):
        closed = {name for name, f in FORMATS.items() if not f.publish}
        assert closed == {
            *("rm_bench", "judgebench", "ppe", "calm", "calm_twins", "indian_bhed"),
            *("alpaca_eval", "alpaca_outputs"),
        }

    @pytest.mark.parametrize(
        "name",
        ["llmbar", "evalbiasbench", "judgebench", "ppe", "mt_bench", "alpaca_eval"],
    )
    def test_of_pairs_knows_the_better_answer(self, name, tmp_path):
        (pair,) = load(sample(tmp_path, name)).pairs
        assert pair.gold == "B"

    @pytest.mark.parametrize(
        ("name", "field", "bad"),
        [
            ("llmbar", "label", 3),
            ("judgebench", "label", "A=B"),
            ("ppe", "winner", "model_c"),
            ("alpaca_eval", "preference", 2.5),
            ("bbq", "context_condition", "unclear"),
            ("bbq", "question_polarity", "maybe"),
            ("issuebench", "topic_polarity", "against"),
            ("indian_bhed", "Target_Stereotypical", "P and he"),
            ("indian_bhed", "Target_Stereotypical", "['P', 'he', 'they']"),
            ("rm_bench", "chosen", ["a", "b"]),
            ("rewardbench2", "rejected", []),
        ],
    )
    def test_refuses_a_label_it_does_not_have(self, name, field, bad, tmp_path):
        path = sample(tmp_path, name, **{field: bad})
        with pytest.raises(UsageError, match="none of those the format has"):
            load(path, name)


class TestTheRecords:
    def test_of_a_tie_have_no_better_answer(self, tmp_path):
        assert load(sample(tmp_path, "ppe", winner="tie (bothbad)")).pairs[0].gold is None
        assert load(sample(tmp_path, "alpaca_eval", preference=1.5)).pairs[0].gold is None

    def test_whose_label_nobody_documents_have_none(self, tmp_path):
        found = load(sample(tmp_path, "judgebench_pro"))
        assert found.pairs[0].gold is None
        assert ("label", "1") in found.pairs[0].facts
        assert any("does not say which label" in note for note in found.source.notes)

    def test_of_rewards_put_the_better_answer_first_as_often_as_second(self, tmp_path):
        nine = load(sample(tmp_path, "rm_bench")).pairs
        assert [p.gold for p in nine].count("A") in (4, 5)
        assert all(p.answer(p.gold) in "abc" for p in nine)
        assert {p.cluster for p in nine} == {"1"}
        three = load(sample(tmp_path, "rewardbench2")).pairs
        assert all(p.answer(p.gold) == "y" for p in three) and len(three) == 3

    def test_of_rm_bench_name_both_styles(self, tmp_path):
        styles = [dict(p.facts) for p in load(sample(tmp_path, "rm_bench")).pairs]
        assert {"chosen": "concise", "rejected": "markdown"} in styles
        assert len({tuple(s.items()) for s in styles}) == 9

    def test_of_a_second_turn_hold_both_turns(self, tmp_path):
        (pair,) = load(sample(tmp_path, "mt_bench")).pairs
        assert (pair.prompt, pair.a, pair.cluster) == ("q1\n\nq2", "a1\n\na2", "81")

    def test_of_twins_hold_the_pair_with_and_without_the_treatment(self, tmp_path):
        (twin,) = load(sample(tmp_path, "calm_twins")).twins
        assert twin.bias == "authority/with_reference_url"
        assert (twin.base.b, twin.treated.b, twin.treated.side) == ("y", "y (www)", "B")
        assert twin.base.a == twin.treated.a

    def test_of_calm_leave_adult_items_out_and_say_how_many(self, tmp_path):
        rows = [SAMPLES["calm"][1][0], {**SAMPLES["calm"][1][0], "data_resource": "Roleplay-NSFW"}]
        found = load(written(tmp_path, "alignment_dataset.json", rows))
        assert len(found.pairs) == 1 and "1 adult items left out" in found.source.notes

    def test_of_indian_bhed_fill_every_place(self, tmp_path):
        (pair,) = load(sample(tmp_path, "indian_bhed")).pairs
        assert (pair.a, pair.b) == ("P said that he came", "Q said that she came")
        assert pair.gold is None and ("stereotype", "A") in pair.facts


class TestAStereotypeInBBQ:
    @pytest.mark.parametrize(
        ("polarity", "option", "wanted"),
        [
            ("neg", 2, "biased"),
            ("neg", 0, "counter"),
            ("nonneg", 2, "counter"),
            ("nonneg", 0, "biased"),
            ("neg", 1, "unknown"),
        ],
    )
    def test_depends_on_what_is_asked(self, polarity, option, wanted, tmp_path):
        path = sample(tmp_path, "bbq", question_polarity=polarity)
        assert chosen(load(path).questions[0], option) == wanted

    def test_that_the_file_does_not_name_is_not_guessed(self, tmp_path):
        path = sample(tmp_path, "bbq", additional_metadata={"stereotyped_groups": ["Third"]})
        (question,) = load(path).questions
        assert question.target is None and chosen(question, 2) is None

    def test_is_read_from_the_publishers_own_table_where_it_is_there(self, tmp_path):
        path = sample(tmp_path, "bbq")
        row = {"category": "Religion", "example_id": "7", "target_loc": "0"}
        written(tmp_path, "additional_metadata.csv", [row])
        assert load(path).questions[0].target == 0

    def test_of_gender_is_named_by_a_letter(self, tmp_path):
        info = {"ans0": ["a", "woman"], "ans1": ["?", "unknown"], "ans2": ["b", "man"]}
        path = sample(
            tmp_path, "bbq", answer_info=info, additional_metadata={"stereotyped_groups": ["F"]}
        )
        assert load(path).questions[0].target == 0


class TestAnUnknownFile:
    def test_is_refused_with_the_nearest_format(self, tmp_path):
        path = written(tmp_path, "x.json", [{"input": "q", "output_1": "x", "output_2": "y"}])
        with pytest.raises(UsageError) as refused:
            load(path)
        assert "nearest is llmbar, which also has label" in refused.value.try_this

    @pytest.mark.parametrize("text", ["", "[]", "[1, 2]", "{", '{"a": 1}'])
    def test_of_no_records_is_refused(self, text, tmp_path):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(UsageError, match="not made of records"):
            load(tmp_path / "x.json")

    @pytest.mark.parametrize("name", ["absent.json", "notes.txt"])
    def test_of_another_kind_is_refused(self, name, tmp_path):
        (tmp_path / "notes.txt").write_text("hello")
        with pytest.raises(UsageError, match="from a file of records"):
            load(tmp_path / name)

    def test_with_a_field_missing_further_down_is_refused_by_record(self, tmp_path):
        rows = [SAMPLES["llmbar"][1][0], {"input": "q", "output_1": "x", "label": 1}]
        with pytest.raises(UsageError, match="lacks what its format promises") as refused:
            load(written(tmp_path, "dataset.json", rows))
        assert "record 1: no output_2" in refused.value.saw

    def test_under_a_wrong_name_is_refused_with_the_nearest_name(self, tmp_path):
        with pytest.raises(UsageError) as refused:
            load(sample(tmp_path, "llmbar"), "lmbar")
        assert "llmbar" in refused.value.try_this

    def test_among_several_formats_is_not_guessed(self, tmp_path):
        sample(tmp_path, "llmbar"), sample(tmp_path, "calm")
        with pytest.raises(UsageError, match="several formats"):
            load(tmp_path)
        assert len(load(tmp_path, "calm").pairs) == 1
        (tmp_path / "empty").mkdir()
        with pytest.raises(UsageError, match="holds no audit data"):
            load(tmp_path / "empty")


def a_verdict(**changed):
    fields = {"item_id": "1", "cluster_id": "1", "judge_hash": "j", "prompt_hash": "p"}
    fields |= {"order": "AB", "repeat": 0, "treatment": BASE, "verdict": "A"}
    return Verdict(**fields | changed)


class TestVerdicts:
    def both(self, **changed):
        return [a_verdict(**changed), a_verdict(order="BA", **changed)]

    def test_become_arrays_of_answers_places_and_treated_answers(self):
        rows = [a_verdict(side="B"), a_verdict(order="BA", verdict="tie", side="B")]
        table = tables(rows)[BASE]
        assert table.for_a.tolist() == [[[1.0], [0.5]]]
        assert table.first.tolist() == [[[1.0], [0.5]]]
        assert table.preference.tolist() == [[[0.0], [0.5]]]

    @pytest.mark.parametrize(
        ("rows", "what"),
        [
            ([], "needs verdicts"),
            ([a_verdict(), a_verdict(order="BA", judge_hash="k")], "several judge versions"),
            ([a_verdict(), a_verdict(order="BA", prompt_hash="k")], "several judge versions"),
            ([a_verdict(), a_verdict()], "recorded twice"),
            ([a_verdict(fresh=False), a_verdict(order="BA")], "audits its memory"),
            ([a_verdict(gold="A"), a_verdict(order="BA", gold="B")], "one cluster and one gold"),
            ([a_verdict(), a_verdict(order="BA", cluster_id="2")], "one cluster and one gold"),
            ([a_verdict(verdict="C"), a_verdict(order="BA")], "A, B or tie"),
            ([a_verdict(order="A"), a_verdict(order="BA")], "A, B or tie"),
            ([a_verdict(score=float("nan")), a_verdict(order="BA")], "finite number"),
            ([a_verdict(), a_verdict(order="BA", verdict=None)], "Verdicts are missing"),
            ([a_verdict()], "both orders, equally often"),
            ([a_verdict(), a_verdict(order="BA"), a_verdict(repeat=1)], "both orders"),
        ],
    )
    def test_that_are_not_one_judges_whole_say_are_refused_by_name(self, rows, what):
        with pytest.raises(UndefinedMeasurement, match=what):
            tables(rows)

    def test_that_are_missing_may_be_counted_instead(self):
        rows = [a_verdict(), a_verdict(order="BA", verdict=None)]
        assert check(rows, complete=False) == ("j", "p")
        assert tables(rows, complete=False)[BASE].missing == 1


def llmbar(folder, winners):
    """A folder as LLMBar's authors published it."""
    place = folder / "Natural" / "evaluators" / "J" / published.PROMPT
    place.mkdir(parents=True)
    rows = [
        {
            "label": 1,
            "results": [{"swap = False": {"winner": x}, "swap = True": {"winner": y}}],
        }
        for x, y in winners
    ]
    (place / "result.json").write_text(json.dumps(rows))
    return folder


class TestPublishedVerdicts:
    def test_name_answers_not_places(self, tmp_path):
        folder = llmbar(tmp_path, [("1", "1"), ("1", "2"), (None, "2")])
        table = tables(published.verdicts(folder, "J"), complete=False)[BASE]
        assert table.for_a[:2, :, 0].tolist() == [[1.0, 1.0], [1.0, 0.0]]
        assert (table.missing, table.items[0]) == (1, "Natural/0")
        assert a.both_orders_accuracy(table.first, table.gold).count == 1

    def test_of_a_judge_that_was_not_published_are_refused_with_those_that_were(self, tmp_path):
        with pytest.raises(UsageError) as refused:
            published.verdicts(llmbar(tmp_path, [("1", "1")]), "K")
        assert refused.value.wanted == "J: Vanilla_NoRules"

    def test_that_name_no_answer_are_refused(self, tmp_path):
        with pytest.raises(UsageError, match="none of those the format has"):
            published.verdicts(llmbar(tmp_path, [("3", "1")]), "J")


REANALYSIS = {
    ("Vanilla", "GPT-4"): (389, 339),
    ("Vanilla", "ChatGPT"): (276, 96),
    ("Vanilla", "PaLM2"): (300, 235),
    ("Vanilla", "LLaMA2"): (314, 133),
    ("Vanilla_NoRules", "GPT-4"): (382, 302),
    ("Vanilla_NoRules", "ChatGPT"): (256, 86),
    ("Vanilla_NoRules", "PaLM2"): (313, 221),
    ("Vanilla_NoRules", "LLaMA2"): (323, 118),
}
"""Consistent, and right in both orders, of 419; counted by a script without this code."""


@real
class TestThePublishedFiles:
    def test_hold_as_many_items_as_their_publishers_say(self):
        folder = Path(DATA)
        assert len(load(folder / "llmbar").pairs) == 419
        assert len(load(folder / "evalbiasbench").pairs) == 80
        questions = load(folder / "bbq").questions
        assert len(questions) == 1200 and all(q.target is not None for q in questions)
        untold = [q for q in questions if not q.tells]
        assert all(q.label == q.unknown for q in untold) and len(untold) == 600

    def test_tell_the_truth_the_same_way_in_both_polarities(self):
        """On contexts that tell, the right answers are half stereotypes, half not."""
        told = [q for q in load(Path(DATA) / "bbq").questions if q.tells]
        right = [chosen(q, q.label) for q in told]
        assert set(right) == {"biased", "counter"}
        m = a.stereotype_told(right, clusters=[q.cluster for q in told])
        assert m.low <= 0 <= m.high

    @pytest.mark.parametrize(("prompt", "judge"), REANALYSIS)
    def test_show_who_is_locked_to_a_place(self, prompt, judge):
        folder = Path(DATA) / "llmbar"
        if prompt not in published.judges(folder)[judge]:
            pytest.skip(f"this copy of LLMBar is without the verdicts of {prompt}")
        table = tables(published.verdicts(folder, judge, prompt), complete=False)[BASE]
        same = a.consistency(table.first)
        both = a.both_orders_accuracy(table.first, table.gold)
        assert (same.count, both.count) == REANALYSIS[prompt, judge]
        assert same.n == both.n == 419
        flattered = a.order_averaged_accuracy(table.first, table.gold).estimate
        assert flattered > both.estimate
