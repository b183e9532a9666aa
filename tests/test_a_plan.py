"""A plan is its digest: it is applied as it was made, on the ground on which it was made, or not.

The log of these tests is made up; `test_planning_a_session.py` plans and applies a real one.
"""

import json

import pytest

from agent.config import Config
from agent.plans import FILE, Outlook, Plan, only_planned, place_of, read, settings_digest, write
from agent.workspace import CONFIG, POLICY, Workspace
from logs.canonical import digest_of, sha256
from logs.errors import IntegrityError, Stale, UsageError
from logs.vocabulary import EntryKind, Intervention, Tier
from tests.a_command import plimsoll
from tests.a_workspace import founding

SOME = sha256(b"something")


@pytest.fixture
def workspace(tmp_path):
    """Founded, with nothing but its commit."""
    made = Workspace.create(tmp_path / "here", Config())
    with made.journal(read_only=False) as journal:
        journal.commit(founding(made.root), expected_head=None)
    return made


def a_plan(workspace, **fields):
    """A plan of the first turn, on the ground as it is."""
    with workspace.journal() as journal:
        head = journal.head()
    made = {
        "session": workspace.config.session.name,
        "iteration": 1,
        "base": head,
        "outlook": Outlook.COMMIT,
        "intervention": Intervention.TRAIN,
        "decision": SOME,
        "proposal": SOME,
        "evidence": SOME,
        "verdict": SOME,
        "tier": Tier.LOW,
        "policy": workspace.policy.digest,
        "settings": settings_digest(workspace.config),
        "cost": {"so_far": 1.25, "turns_left": 3},
    }
    return Plan.model_validate(made | fields)


def kept(workspace, plan):
    """The same plan, now in the log and in a file."""
    with workspace.journal(read_only=False) as journal:
        journal.append(
            EntryKind.PLANNED, session=plan.session, iteration=1, step=plan.step, body=plan
        )
    path = workspace.root / "next.plan"
    write(plan, path)
    return path


def entry(workspace, step, kind, **body):
    """One more entry in the first turn."""
    with workspace.journal(read_only=False) as journal:
        name = workspace.config.session.name
        journal.append(kind, session=name, iteration=1, step=step, body=body)


def applicable(workspace, plan):
    """Asked anew, as another process would."""
    from agent.planning import demand_applicable

    return demand_applicable(Workspace(workspace.root), plan)


class TestAFile:
    def test_is_read_back_whole(self, workspace):
        plan = a_plan(workspace)
        assert read(kept(workspace, plan)) == plan

    def test_holds_no_word_of_a_model_and_names_its_schema(self, workspace):
        body = json.loads(kept(workspace, a_plan(workspace)).read_text())
        assert body["schema"] == FILE
        assert "because" not in body["plan"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("iteration", 2),
            ("base", SOME),
            ("outlook", "stop"),
            ("proposal", sha256(b"another proposal")),
            ("tier", "high"),
            ("cost", {}),
            ("unheard", "of"),
        ],
    )
    def test_in_which_one_field_was_edited_is_refused(self, workspace, field, value):
        path = kept(workspace, a_plan(workspace))
        body = json.loads(path.read_text())
        body["plan"][field] = value
        path.write_text(json.dumps(body))
        with pytest.raises(IntegrityError, match="changed after it was written"):
            read(path)

    def test_that_was_edited_and_named_anew_is_unknown_to_the_log(self, workspace):
        kept(workspace, a_plan(workspace))
        forged = a_plan(workspace, proposal=sha256(b"another proposal"))
        with pytest.raises(IntegrityError, match="does not know this plan"):
            applicable(workspace, forged)

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"schema": 1}', '{"schema":"x","digest":"","plan":{}}', "[" * 9999]
    )
    def test_that_is_something_else_is_no_plan(self, tmp_path, text):
        path = tmp_path / "other.plan"
        path.write_text(text)
        with pytest.raises(UsageError, match="no plan"):
            read(path)

    def test_that_is_missing_is_said_so(self, tmp_path):
        with pytest.raises(UsageError, match="no plan"):
            read(tmp_path / "none.plan")


class TestAnotherGround:
    def test_none_is_none(self, workspace):
        plan = a_plan(workspace)
        kept(workspace, plan)
        place = applicable(workspace, plan)
        assert (place.begun, place.outcome, place.commit) == (False, "", None)

    def test_another_head_makes_it_stale(self, workspace):
        plan = a_plan(workspace)
        kept(workspace, plan)
        with workspace.journal(read_only=False) as journal:
            first = journal.commit_of(plan.base)
            later = first.model_copy(update={"parent": plan.base, "session": "person"})
            journal.commit(later, expected_head=plan.base)
        with pytest.raises(Stale, match="HEAD changed"):
            applicable(workspace, plan)

    def test_another_policy_makes_it_stale(self, workspace):
        plan = a_plan(workspace)
        kept(workspace, plan)
        path = workspace.root / POLICY
        path.write_text(path.read_text().replace('value = "512"', 'value = "500"'))
        assert Workspace(workspace.root).policy.digest != plan.policy
        with pytest.raises(Stale, match="policy changed"):
            applicable(workspace, plan)

    def test_other_settings_make_it_stale_but_for_the_budget(self, workspace):
        plan = a_plan(workspace)
        kept(workspace, plan)
        path = workspace.root / CONFIG
        before = path.read_text()
        path.write_text(before.replace("hours = 0.0", "hours = 2.0"))
        applicable(workspace, plan)
        path.write_text(before.replace("seed = 0", "seed = 1"))
        with pytest.raises(Stale, match="settings changed"):
            applicable(workspace, plan)

    def test_without_a_log_it_is_unknown(self, tmp_path, workspace):
        plan = a_plan(workspace)
        empty = Workspace.create(tmp_path / "empty", Config())
        with pytest.raises(IntegrityError):
            applicable(empty, plan)


class TestAPlanThatWasCarriedOut:
    def test_is_told_as_that_whatever_the_ground_is_now(self, workspace):
        plan = a_plan(workspace)
        kept(workspace, plan)
        entry(workspace, "record", EntryKind.RECORDED, outcome="refused")
        (workspace.root / CONFIG).write_text("[session]\nseed = 5\n")
        assert applicable(workspace, plan).outcome == "refused"

    @pytest.mark.parametrize(("outcome", "code"), [("refused", 3), ("failed", 3), ("kept", 0)])
    def test_says_so_by_command_and_does_nothing(self, workspace, outcome, code):
        path = kept(workspace, a_plan(workspace))
        entry(workspace, "record", EntryKind.RECORDED, outcome=outcome)
        for words in ((), ("--dry-run",)):
            said = plimsoll(
                "apply", str(path), "--workspace", str(workspace.root), "--json", *words
            )
            assert said.code == code
            assert (said.data["already"], said.data["applied"]) == (True, False)
            assert said.data["outcome"] == outcome

    def test_is_begun_as_soon_as_a_step_behind_the_gate_has_its_entry(self, workspace):
        plan = a_plan(workspace)
        kept(workspace, plan)
        with workspace.journal() as journal:
            assert only_planned(journal, plan.session)
        entry(workspace, "refuse", EntryKind.FAILED, error="x")
        with workspace.journal() as journal:
            assert place_of(journal, plan).begun
            assert not only_planned(journal, plan.session)


class TestByCommand:
    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda root: (root / "next.plan").write_text("{"), 2),
            (lambda root: (root / "next.plan").unlink(), 2),
            (lambda root: _edit(root / "next.plan"), 4),
            (lambda root: (root / CONFIG).write_text("[session]\nseed = 5\n"), 7),
            (lambda root: (root / CONFIG).write_text('[session]\nname = "other"\n'), 2),
        ],
    )
    def test_what_cannot_be_applied_has_the_exit_code_of_its_reason(self, workspace, spoil, code):
        path = kept(workspace, a_plan(workspace))
        spoil(workspace.root)
        for words in ((), ("--dry-run",)):
            said = plimsoll(
                "apply", str(path), "--workspace", str(workspace.root), "--json", *words
            )
            assert (said.code, said.error["exit"]) == (code, code)
        with workspace.journal() as journal:
            assert journal.size() == 2, "nothing was written"

    def test_a_plan_cannot_be_written_into_no_folder(self, workspace):
        said = plimsoll(
            "plan", "--out", "/no/such/folder/p", "--workspace", str(workspace.root), "--json"
        )
        assert said.code == 2

    def test_a_plan_replaces_no_file_but_a_plan(self, workspace):
        at = ("--workspace", str(workspace.root), "--dry-run", "--json")
        settings = workspace.root / CONFIG
        before = settings.read_bytes()
        assert plimsoll("plan", "--out", str(settings), *at).code == 2
        assert settings.read_bytes() == before
        assert plimsoll("plan", "--out", str(kept(workspace, a_plan(workspace))), *at).code == 0

    def test_a_dry_plan_says_what_the_session_will_cost_and_does_nothing(self, tmp_path):
        made = Workspace.create(tmp_path / "new", Config.model_validate({"budget": {"hours": 2}}))
        said = plimsoll("plan", "--dry-run", "--workspace", str(made.root), "--json")
        assert said.code == 0
        assert said.data["turns_left"] == 12
        assert said.data["rest"]["seconds"]["middle"] > 0
        assert "prior" in said.data["rest"]["source"]
        assert not (made.root / "plimsoll.sqlite").exists()
        text = plimsoll("plan", "--dry-run", "--workspace", str(made.root)).out
        assert "12 more turns" in text and "hours 0 of 2" in text


def _edit(path):
    body = json.loads(path.read_text())
    body["plan"]["iteration"] = 9
    body["digest"] = digest_of(body["plan"])[:-1] + "0"
    path.write_text(json.dumps(body))
