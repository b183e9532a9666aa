"""Tokens of a model that decides: as its endpoint counts them, or else the most they may be."""

import json

import pytest

from agent.deciding.language import HEARS
from agent.tally import tally_of
from tests.a_chat_server import a_server, chooses, completion, drops, reply, status
from tests.sessions import Told
from tests.test_the_language_decider import Desk, answering


@pytest.fixture
def desk(tmp_path):
    with a_server(chooses("train")) as server:
        yield Desk(tmp_path / "own", server, Told())


def uncounted(handler, _):
    """A good answer that says nothing of tokens."""
    body = json.loads(completion(reply("train")))
    del body["usage"]
    handler.answer(200, json.dumps(body).encode())


def spent(desk):
    """What the log says that the turn spent, and what may have been spent at most."""
    desk.decides()
    entries = desk.entries()
    found = tally_of(entries.values())
    heard = entries[HEARS].body
    asked = len(desk.workspace.store.get(heard["prompt"]))
    return (found.tokens_in, found.tokens_out), (asked, desk.workspace.config.decider.max_tokens)


def test_are_those_that_the_endpoint_counted(desk):
    told, _ = spent(desk)
    assert told == (900, 60)


def test_that_nobody_counted_are_as_many_as_they_may_be(desk):
    told, most = spent(answering(desk, uncounted))
    assert told == most and most[0] > 500


def test_of_a_connection_that_broke_off_are_as_many_as_they_may_be(desk):
    told, most = spent(answering(desk, drops, drops))
    assert told == most


def test_of_an_endpoint_that_refused_are_none(desk):
    told, _ = spent(answering(desk, status(500), status(500)))
    assert told == (0, 0)
