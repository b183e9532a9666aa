"""The wall: jobs work behind it, and nothing they do reaches past it or outlives it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.errors import JobFailed, Stale, WallError
from sandbox import probe, watch
from sandbox.collect import collect
from sandbox.limits import Limits
from sandbox.plan import Kind
from sandbox.wire import MESSAGE_BYTES, Lines, decode, encode
from sandbox.worker import Worker

ROOT = Path(__file__).resolve().parents[1]
LIMITS = Limits(
    wall_seconds=20, memory_bytes=256 << 20, file_bytes=4 << 20, processes=40, cpu_threads=2
)
BUILT = probe.level()
AT_2 = BUILT.number == 2


def buildable():
    """Every kind of wall that this machine can build."""
    for kind in Kind:
        with contextlib.suppress(WallError):
            probe.measure(kind)
            yield kind


KINDS = tuple(buildable())


class Rig:
    """A worker, and the tools to see what it leaves behind."""

    def __init__(self, folder, kind=None, **options):
        self.scratch_root = folder
        self.before = set(psutil.Process().children(recursive=True))
        options = {"limits": LIMITS} | options
        self.worker = Worker(ROOT, scratch_root=folder, kind=kind, **options)

    def __call__(self, job, scratch="job", limits=None, on_progress=None, **args):
        return self.worker.call(
            f"tests.wall_jobs:{job}",
            args,
            scratch=self.scratch_root / scratch,
            limits=limits,
            on_progress=on_progress,
        )

    def inside(self):
        """Living processes of the wall, as seen from outside."""
        family = set(psutil.Process().children(recursive=True)) - self.before
        return [p for p in family if _status(p) not in (None, psutil.STATUS_ZOMBIE)]


def _status(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status()


def sleepers(seconds):
    """Processes anywhere on this machine that run `sleep SECONDS`."""
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == [*SLEEP, seconds]]


SLEEP = ["/bin/sleep"]


def soon(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(scope="module", params=KINDS, ids=str)
def wall(request, tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("scratch"), request.param)
    with rig.worker:
        yield rig
    assert soon(lambda: rig.inside() == [])


@pytest.fixture(scope="module")
def best(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("best"))
    with rig.worker:
        yield rig
    assert soon(lambda: rig.inside() == [])


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    limits = Limits(wall_seconds=60, memory_bytes=1 << 30)
    rig = Rig(tmp_path_factory.mktemp("heavy"), preload=["torch"], limits=limits)
    with rig.worker:
        yield rig


@pytest.fixture
def no_tools(monkeypatch, tmp_path):
    """A machine on which neither bubblewrap nor unshare is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    probe.level.cache_clear()
    yield
    probe.level.cache_clear()


class TestTheLevel:
    def test_is_two_only_where_every_forbidden_act_was_refused(self):
        refused = (
            BUILT.network_blocked,
            BUILT.filesystem_read_only,
            BUILT.pid_namespace,
            BUILT.memory_limit,
            BUILT.file_limit,
        )
        assert (BUILT.number == 2) == (BUILT.kind is Kind.BUBBLEWRAP and all(refused))

    def test_is_two_exactly_where_bubblewrap_can_build(self):
        assert (Kind.BUBBLEWRAP in KINDS) == AT_2

    def test_of_a_mere_process_does_not_claim_what_it_lacks(self):
        level = probe.measure(Kind.PROCESS)
        assert level.number == 1
        assert (level.memory_limit, level.file_limit) == (True, True)
        assert (level.pid_namespace, level.network_blocked) == (False, False)
        assert "failed at" in level.how

    def test_without_bubblewrap_says_how_to_install_it(self, no_tools):
        level = probe.level()
        assert (level.number, level.kind) == (1, Kind.PROCESS)
        assert "bwrap" in level.how
        assert "bubblewrap" in level.how.partition("try: ")[2]

    def test_without_bubblewrap_is_written_in_the_result(self, no_tools, tmp_path):
        with Rig(tmp_path).worker as worker:
            result = worker.call("tests.wall_jobs:echo", {}, scratch=tmp_path / "job")
        assert result.level == 1

    def test_is_found_in_about_a_second(self):
        probe.level.cache_clear()
        started = time.monotonic()
        probe.level()
        assert time.monotonic() - started < 3.0


class TestAJob:
    def test_gets_its_arguments_and_works_in_its_scratch_folder(self, wall):
        result = wall("echo", scratch="mine", text="ü", numbers=[1, 2.5, None])
        place = str(wall.scratch_root / "mine")
        assert result.value["args"] == {"text": "ü", "numbers": [1, 2.5, None]}
        assert (result.value["cwd"], result.value["scratch"]) == (place, place)

    def test_says_what_it_used_and_behind_which_wall(self, wall):
        result = wall("allocate", bytes=64 << 20)
        assert result.level == probe.measure(wall.worker._kind).number
        assert 0 < result.cpu_seconds < result.wall_seconds * 2 < 20
        assert result.peak_rss_bytes > 64 << 20

    def test_reports_progress_in_order(self, wall):
        seen = []
        wall("count", to=100, on_progress=lambda *told: seen.append(told))
        assert seen == [(i, 100, f"step {i}") for i in range(1, 101)]

    def test_is_a_process_of_its_own_each_time(self, wall):
        pids = {wall("echo").value["pid"] for _ in range(3)}
        assert len(pids) == 3

    def test_finds_nothing_of_the_callers_environment(self, wall, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "swordfish")
        wall.worker.close()
        seen = wall("environment").value
        assert "swordfish" not in str(seen["mine"]) + seen["child"]
        if wall.worker._kind.own_processes:
            assert "swordfish" not in seen["first"]
        assert seen["mine"]["HF_HUB_OFFLINE"] == seen["mine"]["DO_NOT_TRACK"] == "1"
        assert seen["mine"]["HOME"] == str(wall.scratch_root / "job")

    def test_whose_refusal_has_a_name_is_refused_by_that_name(self, wall):
        with pytest.raises(Stale) as caught:
            wall("refuse")
        error = caught.value
        assert (error.what, error.saw) == ("Too late.", "yesterday")
        assert (error.wanted, error.try_this) == ("today", "plan again")

    def test_that_stumbles_shows_its_traceback(self, wall):
        with pytest.raises(JobFailed, match="KeyError: 'not there'") as caught:
            wall("stumble")
        assert "wall_jobs.py" in caught.value.saw

    @pytest.mark.parametrize(
        ("job", "sign"),
        [("abort", "Aborted"), ("leave", "SystemExit"), ("vanish", "exit code 7")],
    )
    def test_that_dies_says_how_and_harms_nobody(self, wall, job, sign):
        wall("echo")
        cell = wall.worker._cell
        with pytest.raises(JobFailed, match=sign):
            wall(job)
        wall("echo")
        assert wall.worker._cell is cell

    @pytest.mark.parametrize("job", ["not_a_dict", "not_a_number", "too_much"])
    def test_returns_json_of_bounded_size_or_is_refused(self, best, job):
        with pytest.raises(WallError):
            best(job)

    @pytest.mark.parametrize("name", ["nothing", "tests.wall_jobs", "os:nothing", ""])
    def test_that_is_not_there_is_named(self, best, name):
        with pytest.raises((WallError, JobFailed)) as caught:
            best.worker.call(name, {}, scratch=best.scratch_root / "job")
        assert name in str(caught.value)

    def test_has_a_scratch_folder_inside_the_writable_one(self, best):
        for elsewhere in (best.scratch_root, best.scratch_root.parent / "elsewhere"):
            with pytest.raises(WallError, match="scratch folder"):
                best.worker.call("tests.wall_jobs:echo", {}, scratch=elsewhere)


def ends_at(wall, limit, job, **args):
    """Run a job that breaks a limit; the limit is named, nothing stays, the next job runs."""
    with pytest.raises(WallError, match=f"limit: {limit}"):
        wall(job, **args)
    assert soon(lambda: wall.inside() == [])
    assert wall("echo").value["args"] == {}


class TestALimit:
    def test_of_time_ends_an_endless_loop(self, wall):
        started = time.monotonic()
        ends_at(wall, "wall_seconds", "spin", limits=Limits(wall_seconds=0.5))
        assert time.monotonic() - started < 5.0

    def test_of_memory_ends_an_allocation(self, wall):
        ends_at(wall, "memory_bytes", "allocate", bytes=1 << 30)

    def test_of_memory_counts_all_processes_together(self, wall):
        ends_at(wall, "memory_bytes", "allocate_together", processes=6, bytes=100 << 20)

    def test_of_file_size_ends_a_huge_file(self, wall):
        ends_at(wall, "file_bytes", "fill", bytes=16 << 20)
        assert (wall.scratch_root / "job" / "huge").stat().st_size <= LIMITS.file_bytes

    def test_of_processes_ends_a_fork_bomb(self, wall):
        with pytest.raises((WallError, JobFailed), match=r"limit: processes|BlockingIOError"):
            wall("bomb", processes=50, stay=30)
        assert soon(lambda: len(wall.inside()) <= 2)
        wall("echo")

    def test_of_messages_ends_an_endless_line(self, wall):
        ends_at(wall, "message", "endless_line")

    @pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
    def test_is_a_positive_number(self, value):
        with pytest.raises(WallError, match="wall_seconds"):
            Limits(wall_seconds=value)


class TestNothing:
    def test_is_lost_in_ten_megabytes_of_chatter(self, wall):
        assert wall("chatter", bytes=10 << 20).value == {}

    def test_stays_of_children_that_the_job_left(self, wall):
        wall("bomb", processes=20, stay=0)
        assert len(wall.inside()) <= 2

    def test_stays_of_an_orphan_when_the_job_ends(self, wall):
        wall("orphan", sleep="86401", stay=0.2)
        assert sleepers("86401") == []

    def test_stays_of_an_orphan_when_the_job_is_ended(self, wall):
        with pytest.raises(WallError):
            wall("orphan", sleep="86402", stay=60, limits=Limits(wall_seconds=0.7))
        assert soon(lambda: sleepers("86402") == [])

    def test_that_a_job_says_is_taken_for_the_fork_servers_word(self, wall):
        with pytest.raises((WallError, JobFailed)):
            wall("forge")
        wall("echo")

    def test_stays_when_the_parent_is_interrupted(self, wall):
        wall("echo")

        def interrupt(*_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            wall("spin", on_progress=interrupt)
        assert soon(lambda: wall.inside() == [])

    def test_stays_when_the_parent_is_killed(self, wall, tmp_path):
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, wall.worker._kind, tmp_path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        with parent:
            assert parent.stdout.readline() == b"spinning\n"
            family = psutil.Process(parent.pid).children(recursive=True)
            assert len(family) >= 2
            parent.kill()
        assert soon(lambda: not [p for p in family if _status(p) not in (None, "zombie")])
        assert soon(lambda: sleepers("86403") == [])


PARENT = """
import sys
from pathlib import Path
from sandbox.plan import Kind
from sandbox.worker import Worker
kind, scratch = Kind(sys.argv[1]), Path(sys.argv[2])
with Worker(Path.cwd(), scratch_root=scratch, kind=kind) as worker:
    worker.call("tests.wall_jobs:orphan", {"sleep": "86403", "stay": 0}, scratch=scratch / "a")
    worker.call("tests.wall_jobs:spin", {}, scratch=scratch / "b",
                on_progress=lambda *told: print(told[2], flush=True))
"""


class TestBehindTheWall:
    """What is held back depends on the level; what is claimed is what is held back."""

    def test_the_parents_loopback_is_out_of_reach(self, wall):
        level = probe.measure(wall.worker._kind)
        with socket.create_server(("127.0.0.1", 0)) as server:
            connected = wall("connect", port=server.getsockname()[1]).value["connected"]
        assert not connected or not level.network_blocked
        assert not connected or level.number < 2

    def test_nothing_outside_the_scratch_folder_can_be_changed(self, wall, tmp_path):
        victim = tmp_path / "victim"
        victim.write_text("mine")
        level = probe.measure(wall.worker._kind)
        worked = wall("touch", paths=[str(victim)]).value["worked"]
        assert worked == [] or not level.filesystem_read_only
        assert AT_2 or level.number == 1

    def test_the_files_of_another_job_are_not_writable(self, wall):
        wall("write", scratch="first", files={"out.txt": "true", "sub/out.txt": "x"})
        result = wall("touch", scratch="other", paths=[str(wall.scratch_root / "first/out.txt")])
        fenced = "no Landlock" not in probe.measure(wall.worker._kind).how
        kept = (wall.scratch_root / "first" / "out.txt").exists()
        assert kept == fenced
        assert not fenced or result.value["worked"] in ([], ["chmod out.txt"])

    def test_only_the_code_of_the_project_is_in_sight(self, best, tmp_path):
        secret = tmp_path / "vault"
        secret.write_text("gold")
        hidden = [str(secret), str(ROOT / ".git"), "/etc/passwd", str(Path.home() / ".bashrc")]
        seen = best("look", paths=[*hidden, str(ROOT / "sandbox")]).value
        assert seen[str(ROOT / "sandbox")]
        assert not AT_2 or not any(seen[path] for path in hidden)

    def test_what_was_shown_can_be_read_and_not_changed(self, tmp_path):
        shown = tmp_path / "shown"
        shown.write_text("data")
        rig = Rig(tmp_path / "scratch", read_only=[shown])
        with rig.worker:
            assert rig("look", paths=[str(shown)]).value == {str(shown): True}
            worked = rig("touch", paths=[str(shown)]).value["worked"]
        assert worked == [] or not AT_2

    def test_what_is_shown_may_not_lie_in_what_is_writable(self, tmp_path):
        (tmp_path / "scratch" / "data").mkdir(parents=True)
        rig = Rig(tmp_path / "scratch", read_only=[tmp_path / "scratch" / "data"])
        with rig.worker, pytest.raises(WallError, match="read-only"):
            rig("echo")

    def test_the_fork_server_cannot_be_harmed(self, best):
        worked = best("attack_the_server").value["worked"]
        assert worked == [] or not AT_2

    def test_no_new_namespace_can_be_opened(self, best):
        assert best("new_user_namespace").value["result"] == -1 or not AT_2


class TestTwoWorkers:
    def test_side_by_side_do_not_interfere(self, tmp_path):
        one, two = Rig(tmp_path / "one"), Rig(tmp_path / "two")
        with one.worker, two.worker:
            one("echo")
            two("echo")
            answers = []
            slow = threading.Thread(target=lambda: answers.append(two("count", to=2000).value))
            slow.start()
            with pytest.raises(WallError, match="wall_seconds"):
                one("spin", limits=Limits(wall_seconds=0.3))
            slow.join()
            assert answers == [{}]
            assert two("echo").value["args"] == {}

    def test_started_from_a_thread_that_has_ended_go_on(self, tmp_path):
        rig = Rig(tmp_path)
        with rig.worker:
            starting = threading.Thread(target=rig, args=("echo",))
            starting.start()
            starting.join()
            time.sleep(0.1)
            cell = rig.worker._cell
            rig("echo")
            assert rig.worker._cell is cell


class TestTorch:
    def test_learns_the_same_in_every_fork_of_a_single_threaded_server(self, heavy):
        first, second = heavy("learn", scratch="a").value, heavy("learn", scratch="b").value
        assert heavy.worker._cell.threads == 1
        assert first == second
        assert first["losses"][-1] < first["losses"][0] / 100
        assert (first["threads"], first["error"] < 0.1) == (2, True)

    def test_out_of_memory_is_a_limit_and_not_a_crash(self, heavy):
        with pytest.raises(WallError, match="limit: memory_bytes"):
            heavy("hoard", elements=1 << 29)

    def test_is_never_imported_here(self):
        code = "import sys, sandbox.worker; print('torch' in sys.modules)"
        told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
        assert told.stdout == b"False\n"


class TestCollecting:
    def test_takes_plain_files(self, best):
        best("write", scratch="out", files={"a.txt": "1", "adapter/b.txt": "22"})
        found = collect(best.scratch_root / "out", ["a.txt", "adapter/b.txt"], 3)
        assert found == {"a.txt": b"1", "adapter/b.txt": b"22"}

    def test_stops_at_the_size_of_all_together(self, best):
        best("write", scratch="out", files={"a.txt": "1", "b.txt": "22"})
        with pytest.raises(WallError, match="more than the 1 bytes"):
            collect(best.scratch_root / "out", ["a.txt", "b.txt"], 2)

    @pytest.mark.parametrize(
        "name",
        ["link", "folder/passwd", "second", "pipe", "../x", "/etc/passwd", "", ".", "folder", "no"],
    )
    def test_refuses_what_is_not_a_plain_file_inside(self, best, name):
        place = best.scratch_root / "links"
        shutil.rmtree(place, ignore_errors=True)
        best("link", scratch="links", to="/etc/hostname")
        with pytest.raises(WallError):
            collect(place, [name], 1 << 20)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)  # fmt: skip


class TestTheWire:
    @given(st.lists(st.dictionaries(st.text(), json_values), max_size=3), st.integers(1, 50))
    @settings(max_examples=40)
    def test_gives_back_each_line_however_it_was_cut(self, messages, piece):
        lines = [encode(message) for message in messages]
        assert not any(b"\n" in line for line in lines)
        stream = b"".join(line + b"\n" for line in lines)
        reader, found = Lines(), []
        for start in range(0, len(stream), piece):
            reader.feed(stream[start : start + piece])
            while (line := reader.next()) is not None:
                found.append(line)
        assert found == lines
        assert [decode(line) for line in found] == messages

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, object()])
    def test_lets_nothing_through_but_json(self, value):
        with pytest.raises(WallError, match="Only JSON"):
            encode({"value": value})

    @pytest.mark.parametrize("line", [b"", b"[1]", b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000])
    def test_refuses_what_is_no_message(self, line):
        with pytest.raises(WallError, match="no message"):
            decode(line)

    def test_refuses_a_line_without_end(self):
        reader = Lines()
        reader.feed(b"x" * (MESSAGE_BYTES + 2))
        with pytest.raises(WallError, match="limit: message"):
            reader.next()


class TestWatching:
    def test_finds_a_process_by_its_mark_even_when_it_is_an_orphan(self):
        mark = f"PLIMSOLL_WALL=test-{os.getpid()}"
        shell = ["/bin/sh", "-c", "sleep 86404 & exec sleep 86404"]
        first = subprocess.Popen(shell, env=dict([mark.split("=")]) | {"PATH": "/usr/bin:/bin"})
        assert soon(lambda: len(watch.marked(mark)) == 2)
        first.kill()
        first.wait()
        (left,) = watch.marked(mark)
        os.kill(left, signal.SIGKILL)
        assert soon(lambda: watch.marked(mark) == ())
