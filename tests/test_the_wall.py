"""The wall: nothing a job does reaches past it, outgrows its limits or outlives it."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from logs.errors import JobFailed, WallError
from sandbox import cell, plan, probe
from sandbox.limits import Limits
from sandbox.plan import Kind
from tests.wall_rig import AT_2, BUILT, KINDS, LIMITS, ROOT, Rig, a_rig, sleepers, soon, status


@pytest.fixture(scope="module", params=KINDS, ids=str)
def wall(request, tmp_path_factory):
    with a_rig(tmp_path_factory.mktemp("scratch"), request.param) as rig:
        yield rig


@pytest.fixture(scope="module")
def best(tmp_path_factory):
    with a_rig(tmp_path_factory.mktemp("best")) as rig:
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

    @pytest.mark.parametrize(
        ("hole", "name"),
        [
            (["--share-net"], "network_blocked"),
            (["--bind", "OUTER", "OUTER"], "filesystem_read_only"),
        ],
    )
    def test_of_a_wall_with_a_planted_hole_is_one(self, monkeypatch, hole, name):
        def with_a_hole(given):
            words = plan.command(given)
            end = words.index("--") if "--" in words else len(words)
            outer = str(given.scratch_root.parent)
            return [*words[:end], *(w.replace("OUTER", outer) for w in hole), *words[end:]]

        monkeypatch.setattr(cell, "command", with_a_hole)
        if Kind.BUBBLEWRAP not in KINDS:
            assert BUILT.number == 1
            return
        level = probe.measure.__wrapped__(Kind.BUBBLEWRAP)
        assert (level.number, getattr(level, name)) == (1, False)
        assert name in level.how

    def test_is_found_in_about_a_second(self):
        def seconds():
            probe.level.cache_clear()
            started = time.monotonic()
            probe.level()
            return time.monotonic() - started

        assert min(seconds() for _ in range(3)) < 3.0


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
        assert time.monotonic() - started < 60.0

    def test_of_memory_ends_an_allocation(self, wall):
        ends_at(wall, "memory_bytes", "allocate", bytes=1 << 30)

    def test_of_memory_counts_all_processes_together(self, wall):
        ends_at(wall, "memory_bytes", "allocate_together", processes=6, bytes=100 << 20)

    def test_of_file_size_ends_a_huge_file(self, wall):
        ends_at(wall, "file_bytes", "fill", bytes=16 << 20)
        assert (wall.scratch_root / "job" / "huge").stat().st_size <= LIMITS.file_bytes

    def test_of_processes_ends_a_fork_bomb(self, wall):
        ends_at(wall, "processes", "bomb", processes=50, stay=30)

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
        assert soon(lambda: not [p for p in family if status(p) not in (None, "zombie")])
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
