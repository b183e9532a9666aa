"""Jobs for the tests of the wall: some do honest work, the others try to break out."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from logs.errors import Stale


def echo(args, scratch, progress):
    return {"args": args, "cwd": str(Path.cwd()), "scratch": str(scratch), "pid": os.getpid()}


def environment(args, scratch, progress):
    first = Path("/proc/1/environ")
    try:
        outer = first.read_bytes().decode(errors="replace")
    except OSError as error:
        outer = f"refused: {error.strerror}"
    tools = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    child = subprocess.run(tools, capture_output=True, text=True, check=True).stdout
    return {"mine": dict(os.environ), "first": outer, "child": child}


def count(args, scratch, progress):
    for done in range(args["to"]):
        progress(done + 1, args["to"], f"step {done + 1}")
    return {}


def write(args, scratch, progress):
    for name, text in args["files"].items():
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_text(text)
    tempfile.NamedTemporaryFile().close()
    return {}


def link(args, scratch, progress):
    (scratch / "link").symlink_to(args["to"])
    (scratch / "folder").symlink_to("/etc")
    (scratch / "plain").write_text("x")
    os.link(scratch / "plain", scratch / "second")
    os.mkfifo(scratch / "pipe")
    return {}


def touch(args, scratch, progress):
    """Try to write, remove and chmod each path; say which of them worked."""
    worked = []
    for path in map(Path, args["paths"]):
        for name, act in {
            "write": lambda p: p.write_text("changed by the job"),
            "chmod": lambda p: p.chmod(0o777),
            "remove": lambda p: p.unlink(),
        }.items():
            try:
                act(path)
                worked.append(f"{name} {path.name}")
            except OSError:
                continue
    return {"worked": worked}


def look(args, scratch, progress):
    return {path: Path(path).exists() for path in args["paths"]}


def use_device(args, scratch, progress):
    try:
        with open(args["device"], "wb"):
            opened = True
    except OSError:
        opened = False
    return {"opened": opened, "unbounded": resource.getrlimit(resource.RLIMIT_AS)[0] < 0}


def connect(args, scratch, progress):
    try:
        socket.create_connection(("127.0.0.1", args["port"]), timeout=1).close()
    except OSError as error:
        return {"connected": False, "why": str(error)}
    return {"connected": True}


def attack_the_server(args, scratch, progress):
    """Signal, stop and rewrite the fork server; say what worked."""
    server, worked = os.getppid(), []
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL, signal.SIGINT):
        try:
            os.kill(server, number)
            worked.append(signal.Signals(number).name)
        except OSError:
            continue
    for name in ("mem", "environ", "fd/0"):
        with contextlib.suppress(OSError), open(f"/proc/{server}/{name}", "rb"):
            worked.append(name)
    return {"worked": worked}


def new_user_namespace(args, scratch, progress):
    return {"result": ctypes.CDLL(None).unshare(0x10000000)}


def refuse(args, scratch, progress):
    raise Stale("Too late.", saw="yesterday", wanted="today", try_this="plan again")


def stumble(args, scratch, progress):
    return {"value": {}["not there"]}


def abort(args, scratch, progress):
    os.abort()


def leave(args, scratch, progress):
    sys.exit(3)


def vanish(args, scratch, progress):
    os._exit(7)


def not_a_dict(args, scratch, progress):
    return [1]


def not_a_number(args, scratch, progress):
    return {"value": float("nan")}


def too_much(args, scratch, progress):
    return {"value": "x" * (9 << 20)}


def endless_line(args, scratch, progress):
    """Write past the protocol, straight into every pipe that is open for writing."""
    for fd in range(3, 64):
        try:
            while True:
                os.write(fd, b"x" * (1 << 16))
        except OSError:
            continue
    return {}


def forge(args, scratch, progress):
    """Speak in the fork server's place."""
    for fd in range(3, 64):
        try:
            os.write(fd, b'Z{"exit":0}\n')
        except OSError:
            continue
    return {}


def spin(args, scratch, progress):
    progress(0, 1, "spinning")
    while True:
        pass


def allocate(args, scratch, progress):
    return {"bytes": len(bytearray(args["bytes"]))}


def allocate_together(args, scratch, progress):
    """Many processes, each within the limit, all together beyond it."""
    for _ in range(args["processes"]):
        if os.fork() == 0:
            held = bytearray(args["bytes"])
            time.sleep(60)
            os._exit(len(held) & 1)
    time.sleep(60)
    return {}


def fill(args, scratch, progress):
    with (scratch / "huge").open("wb") as file:
        for _ in range(args["bytes"] >> 20):
            file.write(bytes(1 << 20))
    return {}


def chatter(args, scratch, progress):
    for _ in range(args["bytes"] // 1000):
        print("y" * 999)
    return {}


def bomb(args, scratch, progress):
    """Start processes that start nothing, ask for nothing, and stay."""
    for _ in range(args["processes"]):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    time.sleep(args["stay"])
    return {}


def orphan(args, scratch, progress):
    """Fork twice, in a new session each time, so that nobody is the parent."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            subprocess.run(["/bin/sleep", args["sleep"]], env={}, check=False)
        os._exit(0)
    os.wait()
    time.sleep(args["stay"])
    return {}


def learn(args, scratch, progress):
    """A matrix product, a small regression with gradients, on two threads."""
    import torch

    torch.manual_seed(0)
    x = torch.randn(4096, 64)
    y = x @ torch.randn(64, 1)
    model = torch.nn.Linear(64, 1)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(50):
        loss = ((model(x) - y) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    torch.save(model.state_dict(), scratch / "model.pt")
    square = torch.randn(512, 512)
    error = (square @ torch.linalg.inv(square) - torch.eye(512)).abs().max().item()
    return {"losses": losses, "threads": torch.get_num_threads(), "error": error}


def hoard(args, scratch, progress):
    import torch

    return {"elements": torch.ones(args["elements"]).numel()}
