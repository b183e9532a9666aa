"""One real session, as small as it can be, and all that must be true of every session.

The wall is real, so are TRL's training of a LoRA adapter, the gate with z3, and the log.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from agent import session
from agent.meta import MENU
from agent.rules import decide
from agent.state import Context, Turn
from agent.think import view_of
from logs.canonical import digest_of
from logs.errors import UsageError
from logs.journal import Journal
from logs.verify import render, verified, verify
from logs.vocabulary import (
    Commit,
    Decision,
    Diagnosis,
    EntryKind,
    Evidence,
    Measurement,
    Observation,
    Outcome,
    Proposal,
    Status,
    Verdict,
)
from logs.why import why
from tests import sessions
from tests.a_command import plimsoll
from tests.sessions import NAME, Told, history, log, ran, spent
from tools.task import MicroWorld
from tools.world import pools

STEPS = (
    "observe",
    "diagnose",
    "decide",
    "act",
    "trial",
    "gate",
    "commit",
    "refuse",
    "ask",
    "record",
)
WORDS = {
    "observe": Observation,
    "diagnose": Diagnosis,
    "decide": Decision,
    "act": Proposal,
    "trial": Evidence,
    "gate": Verdict,
    "commit": Commit,
}
TURNS = range(1, 4)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Workspace, ending and what the listener heard."""
    return ran(tmp_path_factory.mktemp("session") / "here")


@pytest.fixture(scope="module")
def workspace(ended):
    return ended[0]


@pytest.fixture(scope="module")
def entries(workspace):
    return {e.key: e for e in log(workspace)}


def bodies(entries, step):
    """The bodies of one step, by turn; failed steps are left out."""
    found = ((i, entries.get(f"{NAME}/{i}/{step}")) for i in TURNS)
    return {i: e.body for i, e in found if e and e.kind is not EntryKind.FAILED}


class TestTheLoop:
    def test_ends_because_its_turns_are_used_up(self, ended):
        _, ending, _ = ended
        assert (ending.reason, ending.exit_code) == ("the turns of this session are used up", 0)

    def test_takes_its_steps_in_order_and_ends_every_turn_in_record(self, entries):
        for turn in TURNS:
            taken = [e.key.split("/")[2] for e in entries.values() if e.iteration == turn]
            steps = [step for step in taken if step in STEPS]
            assert steps == [step for step in STEPS if step in steps]
            assert steps[:3] == ["observe", "diagnose", "decide"]
            assert steps[-1] == "record"

    def test_writes_nothing_but_words(self, entries):
        for step, word in WORDS.items():
            found = bodies(entries, step)
            assert found
            for body in found.values():
                assert word.model_validate(body).model_dump(mode="json") == body

    def test_tells_its_listener_every_entry_once_and_in_order(self, ended):
        workspace, _, told = ended
        assert [e.seq for e in told.entries] == [e.seq for e in log(workspace, None)]

    def test_tells_its_listener_how_far_long_steps_are(self, ended):
        _, _, told = ended
        assert {"sampling", "judging"} <= {what for _, _, what in told.steps}
        assert all(0 <= done <= of for done, of, _ in told.steps)

    def test_leaves_metrics_and_a_report_beside_its_configuration(self, ended):
        workspace, ending, _ = ended
        folder = workspace.session(NAME)
        rows = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
        assert {row["instrument"] for row in rows} >= {"judge_accuracy", "gold", "kl_to_anchor"}
        assert {row["iteration"] for row in rows} == {0, *TURNS}
        assert ending.report == folder / "report.html"
        assert "<svg" in ending.report.read_text()
        assert json.loads((folder / "config.json").read_text())["session"]["name"] == NAME

    def test_leaves_no_scratch_behind(self, workspace):
        assert not workspace.scratch.exists()


class TestEveryCommit:
    def test_passed_the_gate(self, entries):
        verdicts = bodies(entries, "gate")
        committed = bodies(entries, "commit")
        assert committed
        for turn, commit in committed.items():
            verdict = Verdict.model_validate(verdicts[turn])
            assert verdict.holds
            assert commit["verdict"] == digest_of(verdict)
            assert (
                commit["proposal"]
                == verdict.proposal
                == digest_of(entries[f"{NAME}/{turn}/act"].body)
            )
            assert commit["evidence"] == digest_of(entries[f"{NAME}/{turn}/trial"].body)

    def test_and_nothing_else_moved_head(self, workspace, entries):
        commits = [e for e in log(workspace, None) if e.kind is EntryKind.COMMITTED]
        for before, after in pairwise(commits):
            assert after.body["parent"] == digest_of(before.body)
        with workspace.journal() as journal:
            assert journal.head() == digest_of(commits[-1].body)
        assert len(commits) == 1 + len(bodies(entries, "commit"))

    def test_verifies_offline(self, workspace):
        answers = verify(workspace.root)
        assert verified(answers), render(answers)

    def test_is_explained_back_to_data_judges_prompts_constitution_and_seeds(self, workspace):
        with workspace.journal() as journal:
            told = why(journal, "HEAD")
        assert told.turn.commit is not None
        assert told.turn.verdict.holds
        assert told.turn.proposal.inputs
        for digest in told.turn.proposal.inputs.values():
            assert workspace.store.get(digest)
        assert told.turn.evidence.seeds
        assert told.turn.proposal.seeds or told.turn.proposal.intervention != "train"
        assert told.state.panel.judges
        assert told.state.prompts is not None
        assert told.state.constitution.principles
        assert told.turn.decision.because
        assert told.turn.diagnosis.findings
        assert told.turn.observation.measurements
        assert told.lineage[-1].intervention is None

    def test_was_tried_behind_the_wall_with_its_level_on_record(self, entries):
        for turn in bodies(entries, "trial"):
            evidence = Evidence.model_validate(entries[f"{NAME}/{turn}/trial"].body)
            assert evidence.sandbox_level in (1, 2)
            assert len(evidence.harness) == 64
            assert all(m.k is not None or m.values or m.exact for m in evidence.metrics)

    def test_that_trained_came_from_a_different_adapter(self, entries):
        trained = [
            turn
            for turn, body in bodies(entries, "act").items()
            if body["intervention"] == "train" and turn in bodies(entries, "commit")
        ]
        assert trained
        adapters = [bodies(entries, "commit")[turn]["state"]["adapter"] for turn in trained]
        assert len(set(adapters)) == len(adapters)


class TestARefusal:
    def test_names_what_was_broken_with_its_numbers(self, entries):
        """A turn is committed, or refused by name, or says why not: nothing is swept away."""
        for turn, body in bodies(entries, "record").items():
            verdict = bodies(entries, "gate").get(turn)
            held = verdict is not None and Verdict.model_validate(verdict).holds
            assert (body["outcome"] == "committed") == held
            if body["outcome"] == "refused":
                broken = [r for r in verdict["rulings"] if r["outcome"] != Outcome.HOLDS]
                assert body["refused_by"] == [r["invariant"] for r in broken]
                assert all(r["values"] for r in broken)


class TestLedgers:
    def test_hold_what_was_bought(self, workspace, entries):
        with workspace.journal() as journal:
            ledgers = journal.ledgers()
        everything = log(workspace, None)
        assert ledgers.audit_labels == spent(everything, "audit_labels")
        assert ledgers.weight_path == spent(everything, "weight_path")
        assert ledgers.gold_queries == spent(everything, "gold_queries")

    def test_agree_with_the_graded_answers_in_the_store(self, workspace, entries):
        for turn, body in bodies(entries, "observe").items():
            rows = workspace.store.get_lines(body["labels"])
            graded = sum(len(row["grades"]) for row in rows)
            assert (
                graded
                == body["audit_labels"]
                == entries[f"{NAME}/{turn}/observe"].spend.audit_labels
            )

    def test_never_exceed_the_budget(self, workspace):
        with workspace.journal() as journal:
            ledgers = journal.ledgers()
        values = workspace.policy.values
        labels = min(workspace.config.audit.labels, int(values["audit_labels_max"]))
        assert 0 < ledgers.audit_labels <= labels
        assert ledgers.weight_path <= values["weight_path_max"]
        assert ledgers.gold_queries <= values["gold_queries_max"]

    def test_no_prompt_is_graded_twice(self, workspace, entries):
        """A judge may have been fitted on a graded prompt, and must be tried on others."""
        graded = Counter(
            row["prompt"]
            for body in bodies(entries, "observe").values()
            for row in workspace.store.get_lines(body["labels"])
        )
        assert max(graded.values()) == 1


class TestPredictions:
    def test_are_compared_with_what_the_next_turn_observed(self, entries):
        compared = 0
        for turn in TURNS[1:]:
            record = entries[f"{NAME}/{turn}/record"].body
            predicted = entries[f"{NAME}/{turn - 1}/decide"].body["predicted"]
            if predicted is None:
                continue
            seen = Observation.model_validate(entries[f"{NAME}/{turn}/observe"].body)
            names = {
                (f"{m.instrument}[{m.of}]" if m.of else m.instrument): m for m in seen.measurements
            }
            measured = names[predicted["metric"]].estimate
            assert record["actual"] == measured
            if measured is not None:
                inside = predicted["low"] <= measured <= predicted["high"]
                assert record["as_predicted"] is inside
                compared += 1
        assert compared

    def test_are_compared_by_why_too(self, workspace, entries):
        with workspace.journal() as journal:
            told = why(journal, f"iter:{TURNS[0]}")
        record = entries[f"{NAME}/{TURNS[1]}/record"].body
        assert told.comparison.actual == record["actual"]
        assert told.comparison.as_predicted == record["as_predicted"]

    def test_of_the_first_turn_have_nothing_before_them(self, entries):
        assert entries[f"{NAME}/1/record"].body["as_predicted"] is None


class TestTheVault:
    def test_is_measured_before_and_after_every_turn(self, workspace):
        assert len(sessions.gold_of(log(workspace))) == 1 + len(TURNS)

    def test_an_unchanged_policy_keeps_its_measurement(self, entries):
        for turn in TURNS:
            adapter = {i: _adapter(entries, i) for i in (turn - 1, turn)}
            same = adapter[turn] == adapter[turn - 1]
            measured = [entries[f"{NAME}/{i}/gold"].body["measurements"] for i in adapter]
            assert (measured[0] == measured[1]) == same

    def test_is_never_read_by_the_decider(self, workspace, entries, tmp_path):
        """The same log without its sealed entries leads to the same views and decisions."""
        with _without_gold(workspace, tmp_path) as blind, workspace.journal() as seeing:
            for number in TURNS:
                turn = Turn(session=NAME, iteration=number, way="decide")
                view = view_of(turn, _context(workspace, blind))
                assert view == view_of(turn, _context(workspace, seeing))
                logged = entries[f"{NAME}/{number}/decide"].body
                assert decide(view).model_dump(mode="json") == logged

    def test_every_decision_is_taken_again_from_what_was_recorded(self, workspace, tmp_path):
        where = ("log", "replay", "--all", "--json", "--workspace")
        said = plimsoll(*where, str(workspace.root))
        assert said.code == 0
        assert [one["outcome"] for one in said.data] == ["verified"] * len(TURNS)
        own = Path(shutil.copytree(workspace.root, tmp_path / "own"))
        settings = own / "sessions" / NAME / "config.json"
        kept = settings.read_text()
        assert '"decider": "rules"' in kept
        settings.write_text(kept.replace('"decider": "rules"', '"decider": "fixed"'))
        other = plimsoll(*where, str(own))
        assert other.code == 3 and "rule" in other.data[0]["differs"]
        settings.unlink()
        (own / "plimsoll.toml").write_text("")
        assert plimsoll(*where, str(own)).code == 6

    def test_is_asked_for_a_claim_on_fresh_items_when_the_session_ends(self, workspace, entries):
        looked = entries[f"{NAME}/{TURNS[-1]}/gain"].body
        gain = looked["measurements"][0]
        assert (gain["instrument"], gain["guarantee"]) == ("gain", "anytime")
        assert gain["n"] == workspace.config.world.fresh_gold == len(looked["items"])
        assert looked["claim"] in ("gain", "no clear change", "inconclusive")
        assert [k for k in entries if k.endswith("/gain")] == [f"{NAME}/{TURNS[-1]}/gain"]

    def test_and_the_audit_pool_are_never_trained_on(self, workspace, entries):
        trained = 0
        for body in bodies(entries, "act").values():
            for name in ("pairs", "shown"):
                rows = (
                    workspace.store.get_lines(body["inputs"][name])
                    if name in body["inputs"]
                    else []
                )
                trained += len(rows)
                assert all(pools.pool_of(row[0]) is pools.Pool.TRAIN for row in rows)
        assert trained

    def test_prompts_reach_no_artefact_that_the_agent_reads(self, workspace, entries):
        gold = set(MicroWorld().gold_prompts(workspace.config.world.gold_prompts))
        for body in bodies(entries, "observe").values():
            drawn = {row["prompt"] for row in workspace.store.get_lines(body["samples"])}
            assert not drawn & gold


class TestTheAdapter:
    def test_answers_alike_with_plain_peft_and_none_of_this_project(
        self, workspace, entries, tmp_path
    ):
        probes = MicroWorld().audit_prompts(8, seed=0)
        turn = max(
            i for i in bodies(entries, "commit") if "probe-next" in _trial(entries, i)["data"]
        )
        ours = workspace.store.get_json(_trial(entries, turn)["data"]["probe-next"])
        state = bodies(entries, "commit")[turn]["state"]
        base, adapter = (workspace.store.checkout(state[k]) for k in ("base", "adapter"))
        told = subprocess.run(
            [sys.executable, "-I", "-c", PLAIN, str(base), str(adapter), json.dumps(probes)],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout) == ours

    def test_names_no_place_so_that_the_same_weights_are_the_same_anywhere(
        self, workspace, entries
    ):
        adapters = {c["state"]["adapter"] for c in bodies(entries, "commit").values()}
        for adapter in adapters - {None}:
            files = workspace.store.get_json(adapter)["files"]
            assert "adapter_model.safetensors" in files
            for digest in files.values():
                assert str(workspace.root).encode() not in workspace.store.get(digest)


PLAIN = """
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter, prompts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = PeftModel.from_pretrained(model, adapter).eval()
tokenizer = AutoTokenizer.from_pretrained(adapter)
said = []
for prompt in prompts:
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt",
        return_dict=True)
    drawn = model.generate(**asked, max_new_tokens=20, do_sample=False)
    said.append(tokenizer.decode(drawn[0, asked["input_ids"].shape[1]:], skip_special_tokens=True))
ours = {"agent", "tools", "invariants", "sandbox", "logs", "plimsoll"}
assert not ours & {name.partition(".")[0] for name in sys.modules}
print(json.dumps(said))
"""


class TestASecondTry:
    def test_to_run_says_that_it_has_ended(self, workspace):
        before = history(workspace)
        with pytest.raises(UsageError, match="has ended already"):
            session.run(workspace, Told())
        assert history(workspace) == before

    def test_to_resume_says_that_there_is_nothing_to_resume(self, workspace):
        before = history(workspace)
        with pytest.raises(UsageError, match="nothing to resume") as caught:
            session.resume(workspace, Told())
        assert "has ended" in caught.value.saw
        assert history(workspace) == before


def _trial(entries, turn):
    return entries[f"{NAME}/{turn}/trial"].body


def _adapter(entries, turn):
    committed = [
        bodies(entries, "commit")[i] for i in range(1, turn + 1) if i in bodies(entries, "commit")
    ]
    return committed[-1]["state"]["adapter"] if committed else None


def _context(workspace, journal):
    """What `view_of` reads of a context: no hands that could draw, nobody who listens."""

    class OnlyAStore:
        store = workspace.store

    return Context(
        config=workspace.config,
        policy=workspace.policy,
        task=MicroWorld(),
        journal=journal,
        hands=OnlyAStore(),
        decider=decide,
        listener=Told(),
        founding=journal.head(),
    )


def _without_gold(workspace, folder: Path) -> Journal:
    """A copy of the log that lacks the sealed entries."""
    blind = Journal(folder / "plimsoll.sqlite")
    for e in log(workspace, None):
        step = e.key.split("/")[2]
        if e.kind is EntryKind.COMMITTED:
            blind.commit(
                Commit.model_validate(e.body), expected_head=e.body["parent"], spend=e.spend
            )
        elif e.kind is not EntryKind.MEASURED:
            where = {"session": e.session, "iteration": e.iteration, "step": step}
            blind.append(e.kind, **where, body=e.body, spend=e.spend)
    return blind


class TestTheOuterProcess:
    def test_files_claims_between_the_decision_and_its_outcome(self, entries):
        for turn in TURNS:
            seq = {step: entries[f"{NAME}/{turn}/{step}"].seq for step in ("decide", "claims")}
            acted = [entries[key].seq for key in (f"{NAME}/{turn}/act",) if key in entries]
            assert seq["decide"] < seq["claims"] < min(acted, default=seq["claims"] + 1)
            claims = entries[f"{NAME}/{turn}/claims"].body["claims"]
            assert [c["claim"] for c in claims] == [c.name for c in MENU]
            assert all(0 < c["q"] < 1 and 0 < c["base"] < 1 for c in claims)

    def test_finds_that_gold_ranks_the_anchor_above_its_degraded_self_above_a_null(self, entries):
        for body in bodies(entries, "control").values():
            told = [Measurement.model_validate(m) for m in body["measurements"]]
            oracle = next(m for m in told if m.of == "oracle")
            assert oracle.estimate is None or oracle.estimate > 0
            assert oracle.status is not Status.RED

    def test_gives_the_law_one_bit_of_the_control_and_no_more(self, entries):
        for turn, body in bodies(entries, "trial").items():
            bits = [m["exact"] for m in body["metrics"] if m["name"] == "sabotage_control"]
            told = entries[f"{NAME}/{turn}/control"].body["measurements"]
            green = any(m["of"] == "panel" and m["status"] == "green" for m in told)
            assert bits == [str(int(green))]

    def test_plants_items_that_are_in_no_training_data(self, entries, workspace):
        for turn, body in bodies(entries, "meta").items():
            names = [m["instrument"] for m in body["measurements"]]
            assert [n for n in names if n.startswith("planted")] == [
                "planted_flips_caught",
                "planted_repeats_caught",
                "planted_hard_rejected",
            ]
            acted = entries[f"{NAME}/{turn}/act"]
            if "pairs" not in acted.body.get("inputs", {}):
                continue
            prompts = [row[0] for row in workspace.store.get_lines(acted.body["inputs"]["pairs"])]
            assert len(set(prompts)) == len(prompts)
