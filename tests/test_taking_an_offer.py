"""A refused edit is followed by the nearest lawful one, once, and only if there is one."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import session
from agent.deciders import Past, View
from agent.past import past_turns
from agent.rules import TABLE, decide
from agent.state import Turn
from agent.workspace import POLICY, Workspace
from logs.summary import summary
from logs.vocabulary import (
    Decision,
    Diagnosis,
    EntryKind,
    Finding,
    Hypothesis,
    Intervention,
    LogEntry,
    Nearest,
    Proposal,
    Tier,
)
from tests.a_view import past, state, view
from tests.sessions import NAME, Told, create, log
from tests.test_the_decider import PADDING

EDIT = Intervention.EDIT_CONSTITUTION
RULE = "R9-nearest-lawful"
OFFER = Nearest(
    tier=Tier.LOW,
    weights={"honest": Decimal(1)},
    distance=Decimal("0.16"),
    says=("reweight `concise` to 0.16 instead of 0.24",),
)


def refused(**fields: object) -> Past:
    """The last turn: an edit that the law refused, at the HEAD that is still in force."""
    last = past(4, EDIT, "refused", ("P04-total-ball",))
    given = {"offer": OFFER, "flaw": "padding", "head": view().head, **fields}
    return replace(last, **given)  # type: ignore[arg-type]


class TestAnOffer:
    def test_is_taken_in_the_next_turn_by_a_rule_of_its_own(self):
        decision = decide(view(PADDING, past=(refused(),)))
        assert (decision.rule, decision.intervention) == (RULE, EDIT)
        assert decision.arguments == {"flaw": "padding", "offer": "4"}
        assert "P04-total-ball refused the edit of iteration 4" in decision.because
        assert OFFER.says[0] in decision.because
        assert decision.predicted is not None
        assert decision.predicted.metric == "flaw_pays[padding]"

    @pytest.mark.parametrize(
        ("last", "why"),
        [
            (refused(offer=None), "has not just refused an edit and offered"),
            (refused(head="f" * 64), "meant for another HEAD"),
            (refused(flaw="yielding"), "no longer pays"),
        ],
        ids=["there is none", "HEAD moved", "another flaw"],
    )
    def test_is_not_taken_otherwise(self, last, why):
        decision = decide(view(PADDING, past=(last,)))
        assert decision.rule == "R6-flaw-pays"
        assert any(why in a.because for a in decision.alternatives)

    def test_of_an_earlier_turn_is_not_taken_any_more(self):
        assert decide(view(PADDING, past=(refused(), past(5)))).rule != RULE

    def test_gives_way_to_every_doubt_about_the_judges(self):
        lines = [a.because for a in decide(view(past=(refused(),))).alternatives]
        decided = decide(view(past=(refused(),)))
        assert decided.rule == "R8-healthy"
        assert len(lines) == len(TABLE) - 1


# --- in a session --------------------------------------------------------------------


def biased(view: View) -> Decision:
    """The table's decision, were padding found to pay."""
    found = Finding(
        hypothesis=Hypothesis.JUDGE_BIASED, support=0.9, because=("flaw_pays[padding] = 0.9",)
    )
    return decide(replace(view, diagnosis=Diagnosis(findings=(found,))))


def two_turns(root: Path, amend: Callable[[Workspace], None]) -> dict[str, LogEntry]:
    """The entries of a real session that edits its constitution, by step and turn."""
    made = create(root, session={"iterations": 2})
    amend(made)
    session.run(made, Told())
    return {e.key.removeprefix(f"{NAME}/"): e for e in log(made)}


def remembered(entries: dict[str, LogEntry], **arguments: str) -> Past:
    """What is remembered of turn 1, had its decision had these arguments too."""
    decision = entries["1/decide"]
    told = {**decision.body["arguments"], **arguments}
    told_so = decision.model_copy(update={"body": {**decision.body, "arguments": told}})
    turn = [e for key, e in ({**entries, "1/decide": told_so}).items() if key.startswith("1/")]
    journal = SimpleNamespace(entries_of=lambda *_: turn)
    context = SimpleNamespace(
        journal=journal,
        commit_at=lambda _: SimpleNamespace(state=state()),
        recalled=lambda _, read: read(),
    )
    (found,) = past_turns(context, Turn(session=NAME, iteration=2, way=""))  # type: ignore[arg-type]
    return found


@pytest.fixture
def seeing_a_bias(monkeypatch):
    monkeypatch.setitem(session.DECIDERS, "rules", biased)


@pytest.mark.usefixtures("seeing_a_bias")
class TestASession:
    def test_takes_the_nearest_lawful_edit_through_the_gate(self, tmp_path):
        entries = two_turns(tmp_path / "here", lambda made: None)
        refusal = entries["1/refuse"]
        assert "P04-total-ball" in {r["invariant"] for r in refusal.body["rulings"]}
        offered = [Nearest.model_validate(o) for o in refusal.body["offers"]]
        assert "a lawful one is " in summary(refusal)
        assert [o.distance for o in offered] == sorted(o.distance for o in offered)
        (low,) = (o for o in offered if o.tier is Tier.LOW)
        assert entries["2/decide"].body["rule"] == RULE
        assert summary(entries["2/decide"]).startswith(f"{EDIT} by {RULE}")
        proposal = Proposal.model_validate(entries["2/act"].body)
        weights = {p.id: p.weight for p in proposal.new.constitution.principles}
        assert weights == low.weights
        assert {c.path.partition("[")[0] for c in proposal.changes} <= {
            "constitution.principles",
            "constitution.version",
        }
        assert entries["2/gate"].body["tier"] == Tier.LOW
        assert entries["2/commit"].kind is EntryKind.COMMITTED
        assert remembered(entries).offer == low
        assert remembered(entries, offer="7").offer is None  # what an offer came to makes no other

    @pytest.mark.slow
    def test_takes_nothing_where_nothing_lawful_is_near(self, tmp_path):
        def frozen(made: Workspace) -> None:
            """A path is left to spend, but the ball around the founding weights is a point."""
            text = (made.root / POLICY).read_text()
            ball = '[param.total_l1]\ntype = "real"\nvalue = '
            assert f'{ball}"0.20"' in text
            (made.root / POLICY).write_text(text.replace(f'{ball}"0.20"', f'{ball}"0"'))

        entries = two_turns(tmp_path / "here", frozen)
        assert entries["1/refuse"].body["offers"] == []
        assert entries["2/decide"].body["rule"] != RULE
        assert "2/commit" not in entries
