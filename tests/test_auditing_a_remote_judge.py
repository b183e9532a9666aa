"""An audit of a judge on a server finds what a judge by the same rule is known to do."""

from dataclasses import replace
from decimal import Decimal

import pytest

from agent.auditing_remote import heard, is_remote, repeated
from agent.config import Config
from agent.judge_audits import Subject
from agent.remote_judges import Remotes, founded
from logs.errors import UsageError
from logs.vocabulary import JudgeKind
from tests.a_chat_server import MODEL, a_server, status
from tests.a_judge_server import by_length, by_the_truth, judges
from tests.a_view import judge
from tests.a_workspace import founding_state
from tools.audit.design import Version, of_the_world
from tools.audit.verdict_card import carded
from tools.store import Store


class Asking:
    """The one verb of hands that an audit of a remote judge needs."""

    def __init__(self, remotes):
        self.remotes = remotes

    def ask(self, judges_, groups, rows, constitution, salt=""):
        return self.remotes.add(judges_, groups, rows, constitution, salt=salt)


def audited(tmp_path, server, past=0, n=4):
    """What was heard, and the card that it earns."""
    table = {"id": "critic", "url": server.url, "model": MODEL, "deadline_seconds": 60.0}
    config = Config.model_validate({"judges": {"remote": [table]}})
    (tmp_path / "objects").mkdir(exist_ok=True)
    store = Store(tmp_path / "objects")
    (critic,) = founded(config, tmp_path, store)
    state = founding_state(tmp_path)
    subject = Subject("critic", (critic,), state, Version(critic.artefact, "0" * 64))
    design = replace(repeated(of_the_world(n, seed=1)), attacked=())
    found = heard(Asking(Remotes(store, config, lambda *_: None)), subject, design, past=past)
    return found, carded("critic", design, design.answered(found.told, subject.version))


def bias(card, name):
    return next(b for b in card.audit.biases if b.name == name)


def test_asks_each_call_as_often_as_wanted_and_again_in_the_next_audit(tmp_path):
    with a_server(judges(by_the_truth)) as server:
        found, _ = audited(tmp_path, server)
        first = len(server.questions)
        assert found.made > 100 and {len(said) for said in found.told.values()} >= {2}
        audited(tmp_path, server)
        assert len(server.questions) == first
        audited(tmp_path, server, past=1)
        assert len(server.questions) == 2 * first


def test_tells_a_judge_that_goes_by_length_from_one_that_goes_by_the_truth(tmp_path):
    right = {}
    for name, rule in (("long", by_length), ("true", by_the_truth)):
        (tmp_path / name).mkdir()
        with a_server(judges(rule)) as server:
            _, card = audited(tmp_path / name, server, n=12)
        right[name] = bias(card, "length")
    assert right["long"] != right["true"]


def test_of_a_server_in_trouble_has_errors_and_no_verdicts(tmp_path):
    with a_server(status(404)) as server:
        found, _ = audited(tmp_path, server)
    assert {said for row in found.told.values() for said in row} == {None}
    assert set(found.reasons) == {"http-404"}


def test_of_a_panel_with_judges_here_and_there_is_refused_with_whom_to_audit():
    far = judge("critic").model_copy(update={"kind": JudgeKind.REMOTE})
    panel = (judge("crowd"), far.model_copy(update={"weight": Decimal(1)}))
    with pytest.raises(UsageError) as caught:
        is_remote(Subject("panel", panel, None, Version("0" * 64, "0" * 64)))
    assert "critic" in caught.value.try_this
