"""Jobs behind the wall: what they get, what they give back, and how they fail."""

import shutil
import subprocess
import sys
import threading
import time

import pytest

from logs.errors import JobFailed, Stale, WallError
from sandbox import probe
from sandbox.collect import collect
from sandbox.limits import Limits
from tests.wall_rig import KINDS, ROOT, Rig, a_rig, soon


@pytest.fixture(scope="module", params=sorted({KINDS[0], KINDS[-1]}), ids=str)
def wall(request, tmp_path_factory):
    with a_rig(tmp_path_factory.mktemp("scratch"), request.param) as rig:
        yield rig


@pytest.fixture(scope="module")
def best(tmp_path_factory):
    with a_rig(tmp_path_factory.mktemp("best")) as rig:
        yield rig


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

    @pytest.mark.parametrize(
        ("job", "sign"),
        [
            ("not_a_dict", "returns a dict"),
            ("not_a_number", "Only JSON"),
            ("too_much", "longer than the wall"),
        ],
    )
    def test_returns_json_of_bounded_size_or_is_refused(self, best, job, sign):
        with pytest.raises(WallError, match=sign):
            best(job)

    def test_is_given_json_or_is_not_started(self, best):
        best("echo")
        cell = best.worker._cell
        with pytest.raises(WallError, match="Only JSON"):
            best("echo", value=float("nan"))
        assert best.worker._cell is cell

    def test_finds_a_new_wall_when_the_old_one_fell(self, wall):
        wall("echo")
        for process in wall.inside():
            process.kill()
        assert soon(lambda: wall.inside() == [])
        assert wall("echo").value["args"] == {}

    def test_that_runs_when_the_wall_falls_is_an_error(self, wall):
        def fell(*_):
            for process in wall.inside():
                process.kill()

        with pytest.raises(WallError, match="fell"):
            wall("spin", on_progress=fell)

    @pytest.mark.parametrize("name", ["nothing", "tests.wall_jobs", "os:nothing", ""])
    def test_that_is_not_there_is_named(self, best, name):
        with pytest.raises((WallError, JobFailed)) as caught:
            best.worker.call(name, {}, scratch=best.scratch_root / "job")
        assert name in str(caught.value)

    def test_has_a_scratch_folder_inside_the_writable_one(self, best):
        for elsewhere in (best.scratch_root, best.scratch_root.parent / "elsewhere"):
            with pytest.raises(WallError, match="scratch folder"):
                best.worker.call("tests.wall_jobs:echo", {}, scratch=elsewhere)


class TestAWorker:
    def test_makes_its_threads_wait_without_spinning(self, best):
        assert best("environment").value["mine"]["OMP_WAIT_POLICY"] == "passive"

    def test_that_cannot_preload_says_which_module(self, tmp_path):
        with (
            Rig(tmp_path, preload=["json", "no_such_module"]).worker as worker,
            pytest.raises(WallError, match="import no_such_module: ModuleNotFoundError"),
        ):
            worker.call("tests.wall_jobs:echo", {}, scratch=tmp_path / "job")

    def test_that_is_closed_while_a_job_runs_ends_the_job(self, tmp_path):
        rig = Rig(tmp_path)
        with rig.worker, pytest.raises(WallError, match="fell"):
            rig("spin", on_progress=lambda *_: threading.Timer(0.1, rig.worker.close).start())
        assert soon(lambda: rig.inside() == [])

    def test_that_is_closed_while_its_last_words_are_awaited_has_none(self, tmp_path):
        rig = Rig(tmp_path)
        with rig.worker:
            rig("echo")
            cell = rig.worker._cell

            class Closing:
                def wait(self, timeout):
                    cell._complaints.close()

            process, cell._process = cell._process, Closing()
            try:
                assert cell._last_words() == ""
            finally:
                cell._process = process


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


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    limits = Limits(wall_seconds=60, memory_bytes=1 << 30)
    folder = tmp_path_factory.mktemp("heavy")
    with a_rig(folder, preload=["torch"], limits=limits) as rig:
        yield rig


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
