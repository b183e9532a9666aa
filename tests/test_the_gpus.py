"""What the driver of a GPU tells reaches the log, the doctor and `status`; where there is none,
nothing is invented.

The driver's own program stands in for a GPU here: a real process with the answers that real ones
give, a driver that hangs and one that fails among them.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.doctor import examine
from agent.sinks.events import _spent
from logs.errors import WallError
from sandbox import accelerator, landlock
from sandbox.accelerator import Gpu, GpuWatch, gpus
from tests.wall_rig import Rig

Driver = Callable[[str], None]


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Installs a program that answers like a driver."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def install(script: str) -> None:
        program = tmp_path / accelerator.PROGRAM
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return install


def test_a_machine_without_a_driver_has_no_gpus(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == ()
    watch = GpuWatch()
    watch.start()
    watch.stop()
    assert watch.taken() == []


def test_each_gpu_is_told_with_memory_and_use(driver):
    driver("echo '0, NVIDIA H200, 1234, 143771, 87'; echo '1, NVIDIA H200, 0, 143771, 0'")
    assert gpus() == (
        Gpu(0, "NVIDIA H200", 1234, 143771, 0.87),
        Gpu(1, "NVIDIA H200", 0, 143771, 0.0),
    )
    assert gpus()[0].said() == "0 NVIDIA H200: 1.2 of 140.4 GiB, 87% busy"


def test_what_the_driver_cannot_tell_is_undefined_and_not_zero(driver):
    driver("echo '0, NVIDIA H200 MIG 1g, [N/A], [N/A], [N/A]'")
    (gpu,) = gpus()
    assert (gpu.used_mib, gpu.total_mib, gpu.busy) == (None, None, None)
    assert gpu.said() == "0 NVIDIA H200 MIG 1g: memory unknown"


@pytest.mark.parametrize("script", ["exit 9", "echo 'NVIDIA-SMI has failed'", "echo", "sleep 60"])
def test_a_driver_that_fails_or_hangs_is_no_gpu_and_no_error(driver, script, monkeypatch):
    monkeypatch.setattr(accelerator, "MOST_SECONDS", 0.3)
    driver(f"exec {script}" if script.startswith("sleep") else script)
    began = time.monotonic()
    assert gpus() == ()
    assert time.monotonic() - began < 30


def test_a_watch_keeps_the_most_memory_and_the_mean_use_since_it_was_asked(
    driver, monkeypatch, tmp_path
):
    monkeypatch.setattr(accelerator, "EVERY_SECONDS", 0.02)
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    driver(
        'n=$(cat "$COUNT" 2>/dev/null || echo 0); echo $((n + 1)) > "$COUNT"\n'
        'case $n in 0|1) echo "0, H200, 100, 1000, 50";; 2) echo "0, H200, 900, 1000, 100";; '
        '*) echo "0, H200, 10, 1000, 0";; esac'
    )
    watch = GpuWatch()
    watch.start()
    deadline = time.monotonic() + 20
    while int((tmp_path / "count").read_text() or 0) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    watch.stop()
    (seen,) = watch.taken()
    assert seen["peak_mib"] == 900 and seen["total_mib"] == 1000
    assert 0 < seen["busy"] < 1
    assert watch.taken() == [], "what was told once is not told again"


def test_the_doctor_and_the_exporters_tell_of_gpus(driver):
    driver("echo '0, NVIDIA H200, 1234, 143771, 87'")
    (check,) = [c for c in examine(None) if c.name == "gpu"]
    assert check.how == "ok" and "1.2 of 140.4 GiB" in check.says
    body = {"gpus": [{"index": 0, "name": "x", "peak_mib": 5, "total_mib": 9, "busy": None}]}
    assert _spent(body) == {"gpu-0/peak_mib": 5.0}
    assert json.loads(json.dumps(body)) == body


DEVICE = Path("/dev/full")
"""In a GPU's place: a device file that every machine has."""


@pytest.mark.parametrize("shown", [True, False])
def test_jobs_reach_a_gpu_that_is_shown_and_may_map_what_its_driver_maps(
    shown: bool, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, devices=(DEVICE,) if shown else ())
    with rig.worker:
        found = rig("use_device", device=str(DEVICE)).value
    assert found == {"opened": shown or not landlock.version(), "unbounded": shown}


def test_memory_that_is_used_is_limited_beside_a_gpu_too(tmp_path: Path) -> None:
    rig = Rig(tmp_path, devices=(DEVICE,))
    with rig.worker, pytest.raises(WallError, match="memory"):
        rig("allocate_together", processes=4, bytes=100 << 20)


def test_jobs_are_told_which_gpus_are_for_this_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    rig = Rig(tmp_path, devices=(DEVICE,))
    with rig.worker:
        assert rig("environment").value["mine"]["CUDA_VISIBLE_DEVICES"] == "1"
