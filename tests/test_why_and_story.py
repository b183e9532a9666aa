"""Why walks back to everything; the story claims no more than was measured."""

import pytest

from logs.canonical import digest_of
from logs.gain import Change, compare, sentence
from logs.story import story
from logs.turns import Ending, turns
from logs.vocabulary import EntryKind, Guarantee, Intervention
from logs.why import why
from logs.why_text import render
from tests.a_journal import a_journal
from tests.a_workspace import PLAN, SESSION, measured


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    with a_journal(tmp_path_factory.mktemp("views")) as journal:
        yield journal


class TestWhy:
    def test_walks_from_a_commit_to_everything_it_rests_on(self, journal):
        found = why(journal, "HEAD")
        turn = found.turn
        assert turn.verdict.holds
        assert digest_of(turn.proposal) == turn.commit.proposal
        assert digest_of(turn.evidence) == turn.commit.evidence
        assert turn.observation.head == turn.proposal.base == turn.commit.parent == found.state_of
        assert found.state == journal.commit_of(found.state_of).state
        text = render(found, width=200)
        for named in (
            *turn.proposal.inputs.values(),
            *turn.evidence.data.values(),
            turn.evidence.harness,
            turn.observation.samples,
            turn.observation.verdicts,
            *(judge.artefact for judge in found.state.panel.judges),
            found.leaf,
        ):
            assert named in text
        assert f"seed train {turn.proposal.seeds['train']}" in text
        assert "sandbox level 2" in text

    def test_ends_at_the_founding_commit(self, journal):
        lineage = why(journal, "HEAD").lineage
        assert len(lineage) == 10
        assert lineage[-1].intervention is None
        assert [a.intervention for a in lineage if a.restores] == [Intervention.ROLL_BACK]

    def test_compares_the_prediction_with_the_next_observation(self, journal):
        came_true = why(journal, f"{SESSION}/4/decide").comparison
        assert (came_true.actual, came_true.as_predicted, came_true.iteration) == (1.28, True, 5)
        failed = why(journal, f"{SESSION}/6/decide")
        assert failed.comparison.as_predicted is False
        assert "1.72 in iteration 7: not as predicted" in render(failed)
        assert why(journal, f"{SESSION}/12/decide").comparison is None
        assert "not observed yet" not in render(why(journal, "HEAD"))

    def test_tells_the_values_of_a_refusal(self, journal):
        text = render(why(journal, "iter:6"), width=200)
        assert "broken: P7-safety" in text
        assert "lo = 0.981, 0.985" in text

    def test_of_the_founding_commit_has_no_reasons_and_says_so_by_leaving_them_out(self, journal):
        text = render(why(journal, "HEAD~9"))
        assert "founded" in text
        assert "verdict" not in text

    def test_reads_back_as_json(self, journal):
        found = why(journal, "HEAD")
        assert type(found).model_validate_json(found.model_dump_json()) == found


class TestTheTurns:
    def test_end_as_they_were_planned(self, journal):
        names = {"committed": {Ending.COMMITTED, Ending.ROLLED_BACK}}
        for turn, (intervention, outcome) in zip(turns(journal, SESSION)[1:], PLAN, strict=True):
            assert turn.intervention is intervention
            assert turn.ending in names.get(outcome, {outcome})

    def test_name_entries_that_this_version_cannot_read(self, tmp_path):
        with a_journal(tmp_path, iterations=1) as journal:
            entry = journal.append(
                EntryKind.OBSERVED, session=SESSION, iteration=1, step="again", body={"new": 1}
            )
            assert turns(journal, SESSION)[1].unread == (entry.seq,)
            text = render(why(journal, str(entry.seq)), width=200)
            assert f"not understood: entries [{entry.seq}]" in text


class TestTheClaim:
    def test_is_better_only_if_the_interval_of_the_difference_is_above_zero(self):
        first = measured("gold", 0.40, 0.02)
        assert compare(first, measured("gold", 0.45, 0.02)).change is Change.BETTER
        assert compare(first, measured("gold", 0.43, 0.02)).change is Change.NO_CLEAR_CHANGE
        assert compare(first, measured("gold", 0.35, 0.02)).change is Change.WORSE

    def test_is_inconclusive_without_two_intervals(self):
        first = measured("gold", 0.4)
        assert compare(first, None).change is Change.INCONCLUSIVE
        assert compare(first, measured("gold", None)).change is Change.INCONCLUSIVE
        assert compare(first, measured("gold", 0.9, units="bits")).change is Change.INCONCLUSIVE

    def test_with_fixed_n_follows_the_square_root_rule_and_says_single_look(self):
        fixed = Guarantee.FIXED_N
        gain = compare(
            measured("gold", 0.40, 0.03, guarantee=fixed),
            measured("gold", 0.46, 0.04, guarantee=fixed),
        )
        assert gain.single_look
        assert (gain.low, gain.high) == (pytest.approx(0.01), pytest.approx(0.11))

    def test_is_made_in_one_sentence(self, journal, tmp_path):
        told = turns(journal, SESSION)
        assert sentence(told).startswith("The model is better: gold 0.41 [0.39, 0.43] at iteration")
        assert sentence(told[1:5]).startswith("The model is better")
        assert sentence(told[5:8]).startswith("No clear change")
        assert sentence(told[4:7]).startswith("The model is worse")
        assert sentence(told[:1]).startswith("Inconclusive")
        with a_journal(tmp_path, guarantee=Guarantee.FIXED_N) as single:
            assert "at a single look (not an anytime-valid claim)" in sentence(
                turns(single, SESSION)
            )


class TestTheStory:
    def test_answers_first_and_then_tells_what_was_done(self, journal, tmp_path):
        text = story(journal, SESSION, workspace=tmp_path)
        first, second, *_ = text.split("\n\n")
        assert first == (
            "Session math-small: 12 iterations, 8 committed, 1 rolled back, 2 refused, 1 asked."
        )
        assert second.startswith("The model is better")
        assert "iteration 6, train: P7-safety broken (lo = 0.981, 0.985)" in text
        assert "constitution.principles[concise].weight: 0.20 → 0.18" in text
        assert "iteration 8, refit_judge, committed: panel.judges[pair-b].version: 1 → 2" in text
        assert "Rolled back\n  iteration 7 to" in text
        assert text.endswith("verify  plimsoll log verify")

    def test_of_a_second_session_counts_no_turn_before_its_first(self, tmp_path):
        gold = measured("gold", 0.5).model_dump(mode="json")
        with a_journal(tmp_path) as journal:
            body = {"head": str(journal.head()), "measurements": [gold]}
            journal.append(EntryKind.MEASURED, session="two", iteration=0, step="gold", body=body)
            text = story(journal, "two")
            assert text.startswith("Session two: 0 iterations.")
            assert "begun" in text and "unfinished" not in text

    def test_of_a_session_that_did_nothing_claims_nothing(self, tmp_path):
        with a_journal(tmp_path, iterations=0) as journal:
            assert "Inconclusive" in story(journal, SESSION)
            assert "0 iterations" in story(journal, "never ran")
