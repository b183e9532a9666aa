"""What holds for every test: no network, no clock-driven flakiness, slow ones on demand."""

import os
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

# Before any library reads them.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
    LANGGRAPH_STRICT_MSGPACK="true",
    LANGSMITH_TRACING="false",
    TOKENIZERS_PARALLELISM="false",
)

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


VLLM = Path(__file__).parent / "vllm"
SLOW_TIMEOUT = 1500
LONGEST = ("kill_and_resume", "whole_grammar", "bench", "bad_luck", "by_remote_judges")
"""Slow files that begin first, so that none of them is left to one worker at the end."""


class NetworkTouched(AssertionError):
    """A test reached for something outside this machine."""


_ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_NAMED = {"socket.getaddrinfo", "socket.gethostbyname"}


def _outside(host: object) -> bool:
    """Whether a host is neither this machine nor a path of AF_UNIX."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in ("", "localhost"):
        return False
    try:
        return not ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return True


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: it sees what compiled libraries do, and no test can take it off."""
    if event in _ADDRESSED:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in _NAMED:
        host = arguments[0]
    else:
        return
    if _outside(host):
        raise NetworkTouched(f"{event} {host!r}: tests talk to nobody but this machine")


sys.addaudithook(_refuse_the_network)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")
    parser.addoption("--vllm", action="store_true", help="run those that need vLLM's environment")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs the environment of vLLM is run by `./run test-vllm`."""
    return True if collection_path == VLLM and not config.getoption("--vllm") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="slow: run it with ./run test-slow")
    patience = pytest.mark.timeout(SLOW_TIMEOUT)
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(patience if config.getoption("--slow") else skip)
    if config.getoption("--slow"):
        items.sort(key=lambda item: not item.path.stem.endswith(LONGEST))


class ToldAtOnce:
    """Names each failure when it happens: a run that is cut short has said what failed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed:
            return
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        terminal.ensure_newline()
        terminal.write_line(
            f"FAILED at {report.when}: {report.nodeid}\n{report.longreprtext[-1500:]}"
        )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ToldAtOnce(config))


@pytest.fixture(autouse=True)
def _a_memory_of_its_own(tmp_path_factory: Any, request: Any, monkeypatch: Any) -> None:
    """What a person verified before is remembered in their account; a test has none of it."""
    name = f"{abs(hash(request.node.nodeid)):x}"
    monkeypatch.setenv("PLIMSOLL_STATE", str(tmp_path_factory.getbasetemp() / "state" / name))
