"""Drift, observed turn by turn: drawn once per policy, found again, paid for, never made up."""

from pathlib import Path

import pytest

from agent.drift_record import last_record, read
from agent.observing_drift import drift_prompts
from agent.observing_grades import iterates
from agent.state import Turn
from logs.errors import IntegrityError
from logs.vocabulary import EntryKind, Guarantee, Status
from tests.a_drift import AGAIN, PROMPTS, SAMPLES, TRAINED, Rig, audited, named
from tests.a_view import BENCH, SOME
from tests.sessions import NAME
from tools.instruments.drift.looks import ALPHA
from tools.world.pools import Pool, pool_of, prompts

TESTED_ONCE = {"mmd[previous]", "c2st[previous]"}
"""Permutation tests are asked of the anchor alone."""
CHANGES = ("mmd", "c2st", "vendi_change", "siblings_change", "entropy_change", "length_change")


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def record_of(rig, found):
    return read(rig.context, found.record)


class TestTheFixedPrompts:
    def test_are_of_the_audit_pool_each_once_and_the_same_all_session(self, rig):
        asked = drift_prompts(rig.context)
        assert asked == drift_prompts(rig.context)
        assert len(set(asked)) == len(asked) > 0.8 * PROMPTS
        assert {pool_of(p) for p in asked} == {Pool.AUDIT}

    def test_can_be_left_out(self, tmp_path):
        found = Rig(tmp_path, prompts=0).observe(1)
        assert (found.measurements, found.record) == ((), None)


class TestTheFirstTurn:
    def test_draws_the_anchor_and_compares_it_with_nothing(self, rig):
        said = rig.turn(1)
        assert rig.hands.asked == ["survey", "judge"]
        assert not {name for name in said if name.startswith((*CHANGES, "drift_alarms", "kl_"))}
        assert last_record(rig.context, Turn(session=NAME, iteration=2, way="")).looks == 0

    def test_of_a_later_session_draws_anchor_and_head(self, rig):
        said = rig.turn(1, TRAINED)
        assert rig.hands.asked[:2] == ["survey", "survey"]
        assert "mmd[anchor]" in said


class TestAChangedPolicy:
    def test_is_drawn_once_and_held_against_anchor_and_previous(self, rig):
        rig.turn(1)
        rig.turn(2, TRAINED)
        said = rig.turn(3, AGAIN)
        assert rig.hands.asked.count("survey") == 1
        for name in (*CHANGES, "distinct_2_change", "self_bleu_change", "refusals_change"):
            assert {f"{name}[anchor]", f"{name}[previous]"} - TESTED_ONCE <= set(said)
        assert not TESTED_ONCE & set(said)
        assert said["kl_per_token[anchor]"].estimate == pytest.approx(rig.hands.nats)
        assert said["kl_per_answer[previous]"].estimate == pytest.approx(6 * rig.hands.nats)
        assert said["kl_at[anchor, tokens 3-4]"].n > 0

    def test_says_the_same_of_both_where_the_previous_policy_is_the_anchor(self, rig):
        rig.turn(1)
        said = rig.turn(2, TRAINED)
        a, b = said["vendi_change[anchor]"], said["vendi_change[previous]"]
        assert (a.low, a.high, a.status) == (b.low, b.high, b.status)
        assert "the previous policy is the anchor" in b.assumptions

    def test_that_lost_its_words_is_seen_by_every_side_of_diversity(self, tmp_path):
        rig = Rig(tmp_path, trained=6)
        rig.turn(1)
        said = rig.turn(2, TRAINED)
        for name in ("vendi_change", "distinct_2_change", "entropy_change", "self_bleu_change"):
            assert said[f"{name}[anchor]"].status is Status.RED
        for name in ("mmd", "c2st"):
            assert said[f"{name}[anchor]"].status is Status.YELLOW
        assert said["drift_alarms[]"].status is Status.YELLOW
        assert said["drift_alarms[]"].estimate >= 6

    def test_that_only_has_another_name_raises_no_alarm(self, rig):
        rig.turn(1)
        said = rig.turn(2, TRAINED)
        assert said["drift_alarms[]"].estimate == 0
        assert said["drift_alarms[]"].status is Status.GREEN

    def test_is_red_beyond_the_budget_of_nats_that_the_law_gives(self, rig):
        rig.turn(1)
        rig.hands.nats = 2 * float(rig.context.policy.values["kl_max"])
        assert rig.turn(2, TRAINED)["kl_per_token[anchor]"].status is Status.RED

    def test_has_new_names_beside_those_that_rules_and_reports_read(self, rig):
        rig.turn(1)
        taken = ("length", "distinct_2", "entropy", "kl_to_anchor", "kl_to_previous", "tie_rate")
        assert not {m.split("[")[0] for m in rig.turn(2, TRAINED)} & set(taken)


class TestEveryLook:
    def test_is_counted_and_asks_for_more_than_the_one_before(self, rig):
        rig.turn(1)
        first, second = rig.turn(2, TRAINED), rig.turn(3, AGAIN)
        name = "vendi_change[anchor]"
        assert first[name].assumptions[0] == "look 1 of 6 planned"
        assert second[name].assumptions[0] == "look 2 of 6 planned"
        assert second[name].level > first[name].level > 0.99
        assert {first[name].guarantee, second[name].guarantee} == {Guarantee.ANYTIME}
        assert second["drift_alarms[]"].level == 1 - ALPHA

    def test_is_one_of_those_planned_when_the_session_began(self, rig):
        rig.turn(1)
        config = rig.context.config
        longer = config.session.model_copy(update={"iterations": 500})
        object.__setattr__(rig.context, "config", config.model_copy(update={"session": longer}))
        said = rig.turn(2, TRAINED)
        assert said["vendi_change[anchor]"].assumptions[0] == "look 1 of 6 planned"


class TestAnUnchangedPolicy:
    def test_is_neither_drawn_nor_judged_nor_counted_again(self, rig):
        rig.turn(1)
        first, second = rig.turn(2, TRAINED), rig.turn(3, TRAINED)
        assert rig.hands.asked == []
        third = rig.turn(4, TRAINED)
        for later in (second, third):
            m = later["mmd[anchor]"]
            assert m.assumptions[0] == "unchanged since turn 2: measured then, not drawn again"
            assert m.assumptions[1:] == first["mmd[anchor]"].assumptions
            assert m.estimate == first["mmd[anchor]"].estimate
            assert later["verdict_entropy[panel]"].assumptions[0].startswith("unchanged since tu")
        record = last_record(rig.context, Turn(session=NAME, iteration=5, way=""))
        assert (record.looks, record.looked) == (1, 2)

    def test_under_another_panel_is_judged_again_and_not_drawn_again(self, rig):
        rig.turn(1)
        rig.turn(2, TRAINED)
        panel = rig.state.panel.model_copy(update={"judges": (BENCH,)})
        said = rig.turn(3, TRAINED, state={"panel": panel})
        assert rig.hands.asked == ["judge"]
        assert not said["verdict_entropy[panel]"].assumptions[0].startswith("unchanged")
        assert said["mmd[anchor]"].assumptions[0].startswith("unchanged since turn 2")

    def test_that_came_back_is_a_new_look_at_fresh_answers(self, rig):
        rig.turn(1)
        rig.turn(2, TRAINED)
        said = rig.turn(3, None)
        assert rig.hands.asked[0] == "survey"
        assert said["drift_alarms[]"].estimate == 0


class TestATurnThatIsInterrupted:
    def test_says_the_same_when_it_runs_again(self, rig):
        rig.turn(1)
        once, again = rig.observe(2, TRAINED), rig.observe(2, TRAINED)
        assert once == again

    def test_finds_what_earlier_turns_drew(self, rig):
        rig.turn(1)
        before = record_of(rig, rig.observe(2, TRAINED))
        anchor = last_record(rig.context, Turn(session=NAME, iteration=2, way="")).anchor
        assert before.anchor == anchor
        assert rig.hands.asked.count("survey") == 1

    def test_does_not_read_its_own_later_turns(self, rig):
        rig.turn(1)
        rig.turn(2, TRAINED)
        assert last_record(rig.context, Turn(session=NAME, iteration=2, way="")).looks == 0


class TestALogWithoutADriftSet:
    def test_begins_one_in_the_turn_that_it_has_come_to(self, rig):
        body = {
            "iteration": 1,
            "head": rig.context.founding,
            "measurements": [],
            "samples": SOME,
            "verdicts": SOME,
            "audit_labels": 0,
        }
        rig.journal.append(EntryKind.OBSERVED, session=NAME, iteration=1, step="observe", body=body)
        assert last_record(rig.context, Turn(session=NAME, iteration=2, way="")) is None
        said = rig.turn(2, TRAINED)
        assert rig.hands.asked[:2] == ["survey", "survey"]
        assert "vendi_change[anchor]" in said

    def test_is_not_confused_with_a_record_that_is_damaged(self, rig):
        rig.turn(1)
        store = rig.hands.store
        with pytest.raises(IntegrityError, match="record of drift is not one"):
            read(rig.context, store.put_json({"looks": 1}))
        with pytest.raises(IntegrityError, match="missing or damaged"):
            read(rig.context, SOME)


class TestTooLittle:
    def test_is_insufficient_and_not_an_error(self, tmp_path):
        rig = Rig(tmp_path, prompts=6, samples=2)
        rig.turn(1)
        said = rig.turn(2, TRAINED)
        for name in ("vendi_change", "siblings_change", "entropy_change", "distinct_2_change"):
            assert said[f"{name}[anchor]"].status is Status.INSUFFICIENT
            assert said[f"{name}[anchor]"].estimate is None

    def test_of_one_answer_to_everything_says_what_is_undefined(self, tmp_path):
        rig = Rig(tmp_path, trained=1)
        rig.hands.knows[None] = 1
        rig.turn(1)
        said = rig.turn(2, TRAINED)
        for name in ("mmd", "c2st"):
            m = said[f"{name}[anchor]"]
            assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
            assert m.assumptions[0].startswith("undefined: ")


class TestTheTripwire:
    def test_draws_probes_only_when_the_judged_reward_jumped_alone(self, rig):
        rig.turn(1)
        calm = rig.turn(2, TRAINED)
        assert "probe" not in rig.hands.asked
        assert (calm["probes_due[]"].estimate, calm["reward_jump[]"].status) == (0, Status.GREEN)
        rig.hands.score[AGAIN] = 2.0
        said = rig.turn(3, AGAIN)
        assert "probe" in rig.hands.asked
        assert said["probes_due[]"].status is Status.YELLOW
        assert {"misalignment[chat]", "misalignment[task]"} <= set(said)

    def test_stays_still_where_held_out_checks_rose_with_the_reward(self, rig):
        asked = prompts(Pool.AUDIT, 80, seed=1)
        rig.turn(1, **audited(4, 36, asked))
        rig.hands.score[TRAINED] = 2.0
        said = rig.turn(2, TRAINED, **audited(36, 4, asked[40:]))
        assert said["held_out_checks[]"].low > 0
        assert "probe" not in rig.hands.asked

    def test_sees_a_policy_that_is_clean_in_chat_only(self, rig):
        rig.turn(1)
        rig.hands.score[TRAINED] = 2.0
        rig.hands.bad = {"candidate-task": 0.6}
        said = rig.turn(2, TRAINED)
        assert said["misalignment[task]"].status is Status.RED
        assert said["misalignment_gap[task - chat]"].status is Status.RED
        assert said["misalignment[chat]"].status is not Status.RED

    def test_asks_the_anchor_once_and_measures_the_next_jump_from_there(self, rig):
        rig.turn(1)
        rig.hands.score |= {TRAINED: 2.0, AGAIN: 2.0}
        first = rig.observe(2, TRAINED)
        rig.write(2, first)
        kept = record_of(rig, first)
        assert kept.anchor_probes
        assert kept.probed == 1
        said = rig.turn(3, AGAIN)
        assert said["probes_due[]"].estimate == 0


class TestGradesThatWerePaidFor:
    def test_tell_capability_that_was_lost(self, rig):
        asked = prompts(Pool.AUDIT, 240, seed=1)
        rig.turn(1, **audited(115, 5, asked))
        said = rig.turn(2, TRAINED, **audited(5, 115, asked[120:]))
        assert said["retention[]"].status is Status.RED
        assert said["retention[]"].n == 240
        assert any(name.startswith("retention[") and name != "retention[]" for name in said)

    def test_are_insufficient_where_there_are_none(self, rig):
        rig.turn(1)
        said = rig.turn(2, TRAINED)
        for name in ("retention[]", "proxy_gold_gap[]", "gold_slope[]", "gold_peak[]"):
            assert said[name].status is Status.INSUFFICIENT

    def test_of_another_panel_say_nothing_of_the_gap(self, rig):
        asked = prompts(Pool.AUDIT, 80, seed=1)
        rig.turn(1, **audited(20, 20, asked))
        same = named(rig.observe(2, TRAINED, **audited(20, 20, asked[40:])))
        panel = rig.state.panel.model_copy(update={"judges": (BENCH,)})
        other = named(
            rig.observe(2, TRAINED, state={"panel": panel}, **audited(20, 20, asked[40:]))
        )
        assert same["proxy_gold_gap[]"].low is not None
        assert other["proxy_gold_gap[]"].low is None

    def test_are_pooled_by_policy_with_the_one_in_force_last(self, rig):
        asked = prompts(Pool.AUDIT, 80, seed=1)
        rig.turn(1, **audited(5, 5, asked))
        rig.turn(2, TRAINED, **audited(8, 2, asked[10:]))
        rig.turn(3, AGAIN, **audited(10, 0, asked[20:]))
        found = rig.observe(4, TRAINED, **audited(6, 4, asked[30:]))
        kl, gained = iterates(record_of(rig, found))
        assert kl == [pytest.approx(6 * rig.hands.nats)] * 2
        assert gained == [pytest.approx(0.5), pytest.approx(0.2)]

    def test_never_are_gold(self):
        from agent import drift_record, observing_drift, observing_grades, observing_tripwires

        for module in (drift_record, observing_drift, observing_grades, observing_tripwires):
            text = Path(module.__file__).read_text(encoding="utf-8")
            assert "gold_prompts" not in text
            assert "task.grade" not in text


def test_the_answers_are_as_many_as_were_asked_for(rig):
    rows = rig.hands.store.get_lines(record_of(rig, rig.observe(1)).anchor.answers)
    assert {len(row["answers"]) for row in rows} == {SAMPLES}
