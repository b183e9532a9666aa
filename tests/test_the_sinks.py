"""Sinks: told everything once, from the log alone; no fault of theirs reaches the session."""

import json
import os
import time
from contextlib import closing
from importlib.util import find_spec

import pytest

from agent.config import Config, SessionSection, TrackSection
from agent.leaving import leaving
from agent.listener import Silent
from agent.sinks import courier as couriers
from agent.sinks.courier import Courier, SinkFault
from agent.sinks.events import event_of
from agent.sinks.feed import Feed, facts_of
from agent.sinks.names import OURS, demand, known
from agent.workspace import Workspace
from logs.checkpoint import parse
from logs.errors import UsageError
from logs.text import visible
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_workspace import SESSION

OTHERS = '''
import json, os, sys, time
class Files:
    """Notes what it was told, one line each, and goes on behind it."""
    def __init__(self, folder): self.path = folder / "told.jsonl"
    def lines(self): return self.path.read_text().splitlines() if self.path.exists() else []
    def put(self, value):
        with self.path.open("a") as file: file.write(json.dumps(value) + "\\n")
    def open(self, facts):
        print("a library greets")
        seqs = [json.loads(l)["seq"] for l in self.lines() if "seq" in json.loads(l)]
        self.put({"open": facts.run, "env": sorted(os.environ)})
        return max(seqs, default=-1) + 1
    def event(self, event): self.put({"seq": event.entry.seq, "says": event.says})
    def close(self, checkpoint): self.put({"checkpoint": checkpoint})
class Raises(Files):
    def event(self, event):
        if event.entry.seq == 5: raise OSError("no room\\x1b[2J")
        super().event(event)
class Dies(Files):
    def event(self, event): os._exit(9)
class Hangs(Files):
    def event(self, event): time.sleep(3600)
class Slow(Files):
    def event(self, event):
        time.sleep(0.2)
        super().event(event)
class Unopened(Files):
    def open(self, facts): raise RuntimeError("no server")
'''


@pytest.fixture
def others(tmp_path, monkeypatch):
    """A distribution of somebody else that registers sinks."""
    place = tmp_path / "site"
    meta = place / "others-1.0.dist-info"
    meta.mkdir(parents=True)
    (place / "others_sinks.py").write_text(OTHERS)
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    names = ("Files", "Raises", "Dies", "Hangs", "Slow", "Unopened")
    lines = "\n".join(f"{n.lower()} = others_sinks:{n}" for n in names)
    (meta / "entry_points.txt").write_text(f"[plimsoll.sinks]\n{lines}\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setattr(couriers, "HERE", f"{couriers.HERE}{os.pathsep}{place}")
    return place


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "w", Config(session=SessionSection(name=SESSION)))
    a_journal(made.root, words="\x1b[2J Say\u202e what is so.").close()
    return made


def told(folder):
    rows = [json.loads(line) for line in (folder / "told.jsonl").read_text().splitlines()]
    return rows, [row["seq"] for row in rows if "seq" in row]


def followed(workspace, name, patience=60.0, seconds=60.0):
    with closing(workspace.journal(read_only=False)) as journal:
        feed = Feed(journal, SESSION, name, workspace.root / "sinks" / name, patience)
        began = time.monotonic()
        feed.nudge()
        assert time.monotonic() - began < patience / 2, "a nudge does not wait"
        return feed.close(seconds), journal.size()


class TestAFeed:
    def test_tells_every_entry_once_in_order_and_the_checkpoint(self, workspace, others):
        lost, size = followed(workspace, "files")
        rows, seqs = told(workspace.root / "sinks" / "files")
        assert lost == "" and seqs == list(range(size))
        assert parse(rows[-1]["checkpoint"]).size == size

    def test_begins_behind_what_the_sink_has(self, workspace, others):
        followed(workspace, "files")
        followed(workspace, "files")
        _, seqs = told(workspace.root / "sinks" / "files")
        assert len(seqs) == len(set(seqs))

    @pytest.mark.parametrize(
        ("name", "why"),
        [("raises", "no room"), ("dies", "ended"), ("unopened", "no server"), ("nobody", "nobody")],
    )
    def test_of_a_sink_that_fails_says_in_one_line_what_is_lost(self, workspace, others, name, why):
        lost, size = followed(workspace, name)
        assert why in lost and f"to {size - 1} are not in it" in lost
        assert f"plimsoll session export {SESSION} --to {name}" in lost
        assert "\n" not in visible(lost)

    def test_of_a_sink_that_hangs_ends_it_after_the_time_that_it_has(self, workspace, others):
        began = time.monotonic()
        lost, _ = followed(workspace, "hangs", seconds=3.0)
        assert "did not finish" in lost and "entries 0 to" in lost
        assert time.monotonic() - began < 45

    def test_of_a_sink_that_is_silent_gives_up_on_it(self, workspace, others):
        lost, _ = followed(workspace, "hangs", patience=3.0)
        assert "silent" in lost

    def test_of_a_slow_sink_loses_only_what_there_was_no_time_for(self, workspace, others):
        folder = workspace.root / "sinks" / "slow"
        with closing(workspace.journal(read_only=False)) as journal:
            feed = Feed(journal, SESSION, "slow", folder)
            while not (folder / "told.jsonl").exists() or not told(folder)[1]:
                time.sleep(0.05)
            lost, size = feed.close(0.1), journal.size()
        _, seqs = told(folder)
        assert "did not finish" in lost and seqs == list(range(len(seqs)))
        assert 0 < len(seqs) < size


class TestASession:
    def test_ends_whatever_its_sinks_do_and_says_so(self, workspace, others, capsys):
        track = TrackSection(sinks=("files", "raises", "mlfow"), wait_seconds=30)
        workspace.__dict__["config"] = workspace.config.model_copy(update={"track": track})
        with closing(workspace.journal(read_only=False)) as journal:
            before = journal.size()
            with leaving(workspace, journal, Silent()) as listener:
                listener.entry(next(journal.entries()))
            assert journal.size() == before, "nothing of it is history"
        notes = capsys.readouterr().err.splitlines()
        assert len(notes) == 2 and "mlfow" in notes[0] and "raises" in notes[1]
        assert "\x1b" not in "".join(notes)


class TestAnExport:
    def test_done_twice_is_done_once(self, workspace, others):
        words = ("session", "export", "--to", "files", "--json", "--workspace", str(workspace.root))
        first, second = plimsoll(*words), plimsoll(*words)
        assert first.data["sent"] == first.data["entries"] and second.data["sent"] == 0

    def test_brings_what_a_failing_sink_lost(self, workspace, others):
        lost, _ = followed(workspace, "slow", seconds=2.0)
        assert lost
        said = plimsoll("session", "export", "--to", "slow", "--workspace", str(workspace.root))
        _, seqs = told(workspace.root / "sinks" / "slow")
        assert said.code == 0 and seqs == list(range(len(seqs)))

    def test_that_fails_says_where_to_look(self, workspace, others):
        said = plimsoll("session", "export", "--to", "dies", "--workspace", str(workspace.root))
        assert said.code == 1 and "dies.log" in said.err

    def test_that_is_tried_writes_nothing(self, workspace, others):
        words = ("session", "export", "--to", "files", "--dry-run")
        assert plimsoll(*words, "--workspace", str(workspace.root)).code == 0
        assert not (workspace.root / "sinks").exists()

    def test_to_an_unknown_sink_names_the_nearest(self, workspace):
        said = plimsoll("session", "export", "--to", "mlfow", "--workspace", str(workspace.root))
        assert said.code == 2 and "mlflow" in said.err

    def test_to_a_library_that_is_not_there_names_the_extra(self, monkeypatch):
        monkeypatch.setattr("agent.sinks.names._there", lambda module: False)
        with pytest.raises(UsageError) as caught:
            demand("wandb")
        assert "sinks-wandb" in caught.value.try_this


class TestWhatASinkSees:
    def test_has_no_text_that_somebody_wrote(self, workspace):
        with closing(workspace.journal()) as journal:
            said = "".join(event_of(e, 1).model_dump_json() for e in journal.entries())
        assert "what is so" not in said and "hidden" in said

    def test_has_it_where_it_was_asked_for(self, workspace):
        with closing(workspace.journal()) as journal:
            said = "".join(
                event_of(e, 1, content=True).model_dump_json() for e in journal.entries()
            )
        assert "what is so" in said

    def test_is_a_copy(self, workspace):
        with closing(workspace.journal()) as journal:
            entry = next(journal.entries())
            event_of(entry, 1, content=True).entry.body.clear()
            assert entry.body

    def test_has_no_key_of_the_environment(self, workspace, others, monkeypatch):
        for name in ("WANDB_API_KEY", "HF_TOKEN", "MLFLOW_TRACKING_URI"):
            monkeypatch.setenv(name, "secret")
        followed(workspace, "files")
        rows, _ = told(workspace.root / "sinks" / "files")
        seen = set(rows[0]["env"])
        assert not seen & {"WANDB_API_KEY", "HF_TOKEN", "MLFLOW_TRACKING_URI"}
        assert {"DO_NOT_TRACK", "HF_HUB_OFFLINE"} <= seen

    def test_prints_to_a_file_and_not_into_an_answer(self, workspace, others, tmp_path):
        with closing(workspace.journal()) as journal, Courier("files", tmp_path / "f") as courier:
            courier.open(facts_of(journal, SESSION))
            assert "greets" in courier.log.read_text(), "kept however it ends"


def test_the_name_of_a_sink_that_comes_along_cannot_be_taken(others):
    assert set(OURS) < set(known()) and "files" in known()


def test_a_sink_ends_with_its_parent(workspace, others, tmp_path):
    courier = Courier("files", tmp_path / "f")
    with closing(workspace.journal()) as journal:
        courier.open(facts_of(journal, SESSION))
    courier.end()
    with pytest.raises((SinkFault, ValueError)):
        courier.close("")


# --- read back by the trackers' own readers -----------------------------------------------


def needs(name):
    absent = any(find_spec(need.partition(".")[0]) is None for need in OURS[name].needs)
    return pytest.mark.skipif(absent, reason=f"the extra sinks-{name} is not installed")


def exported(workspace, name):
    for _ in range(2):
        said = plimsoll("session", "export", "--to", name, "--workspace", str(workspace.root))
        assert said.code == 0, said.err
    return workspace.root / "sinks" / name


def gold_by_turn(workspace):
    """What the log says, read by nothing of the sinks."""
    found = {}
    with closing(workspace.journal()) as journal:
        for entry in journal.entries(session=SESSION, kind=EntryKind.MEASURED):
            for m in entry.body["measurements"]:
                if m["instrument"] == "gold" and not m.get("of"):
                    found[entry.iteration] = m["estimate"]
        return found, journal.checkpoint().splitlines()


@needs("tensorboard")
def test_tensorboard_shows_the_gold_of_each_turn(workspace):
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import u32  # the frame of a record

    assert u32
    folder = exported(workspace, "tensorboard")
    gold, checkpoint = gold_by_turn(workspace)
    shown, texts = {}, b""
    for path in folder.rglob("events.out*"):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            record = data[12 : 12 + length]
            data = data[12 + length + 4 :]
            event = Event.FromString(record)
            texts += record
            for value in event.summary.value:
                if value.tag == "gold":
                    assert event.step not in shown, "told once"
                    shown[event.step] = value.simple_value
    assert shown == pytest.approx(gold)
    assert checkpoint[2].encode() in texts


IN_TRACKIO = """
import json, sys
from trackio import Api, SQLiteStorage
(run,) = Api().runs("plimsoll")
print("\\n" + json.dumps(SQLiteStorage.get_logs("plimsoll", run.name), default=str))
"""
IN_MLFLOW = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(f"sqlite:///{sys.argv[1]}/mlflow.db", registry_uri=f"file://{sys.argv[1]}/r")
runs = client.search_runs([client.get_experiment_by_name("plimsoll").experiment_id], max_results=99)
(top,) = [r for r in runs if r.data.tags.get("plimsoll.turns") == "all"]
gold = [(m.step, m.value) for m in client.get_metric_history(top.info.run_id, "gold")]
turns = {r.data.tags["plimsoll.turn"]: r.data.tags for r in runs if "plimsoll.turn" in r.data.tags}
assert all(t["mlflow.parentRunId"] == top.info.run_id for t in turns.values())
print("\\n" + json.dumps([gold, turns, top.data.tags, top.info.status]))
"""


def read_by(program, folder):
    """What a tracker's own reader says, asked in a process of its own."""
    import subprocess
    import sys

    environment = {**os.environ, **couriers.QUIET, "TRACKIO_DIR": str(folder)}
    words = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@needs("trackio")
def test_trackio_shows_the_gold_of_each_turn(workspace):
    rows = read_by(IN_TRACKIO, exported(workspace, "trackio"))
    gold, checkpoint = gold_by_turn(workspace)
    shown = [(row["step"], row["gold"]) for row in rows if "gold" in row]
    assert dict(shown) == gold and len(shown) == len(gold)
    assert checkpoint[2] in [row.get("plimsoll.log.root") for row in rows]


@needs("mlflow")
def test_mlflow_shows_a_run_for_the_session_and_one_for_each_turn(workspace):
    shown, turns, tags, status = read_by(IN_MLFLOW, exported(workspace, "mlflow"))
    gold, checkpoint = gold_by_turn(workspace)
    assert dict(shown) == gold and len(shown) == len(gold)
    assert tags["plimsoll.log.root"] == checkpoint[2] and status == "FINISHED"
    refused = turns["6"]
    assert refused["verdict"] == "does-not-hold" and refused["broken"]


@needs("opentelemetry")
def test_opentelemetry_has_one_event_for_each_measurement(workspace):
    (path,) = exported(workspace, "opentelemetry").glob("*.otel.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    results = [e for e in events if e["event_name"] == "gen_ai.evaluation.result"]
    gold, _ = gold_by_turn(workspace)
    named = [e["attributes"] for e in results]
    shown = {
        a["plimsoll.turn"]: a["gen_ai.evaluation.score.value"]
        for a in named
        if a["gen_ai.evaluation.name"] == "gold"
    }
    assert shown == gold
