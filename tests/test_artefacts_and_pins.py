"""What the log names is whole, and what was pinned elsewhere is kept."""

import shutil
from pathlib import Path

import pytest

from logs import checks
from logs.artefacts import path_of
from logs.canonical import canonical, sha256
from logs.errors import UsageError
from logs.journal import Journal
from logs.verify import verified, verify
from logs.vocabulary import Commit
from tests.a_journal import a_journal
from tests.a_workspace import SESSION, store, store_folder


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A finished session and the checkpoint that somebody outside kept of it."""
    workspace = tmp_path_factory.mktemp("sealed")
    with a_journal(workspace, iterations=2) as journal:
        pin = journal.checkpoint()
    return workspace, pin


@pytest.fixture
def workspace(sealed, tmp_path):
    """A copy that may be harmed."""
    return Path(shutil.copytree(sealed[0], tmp_path / "workspace"))


def wrong(workspace: Path, pinned: str | None = None) -> dict[str, str]:
    """What verification finds to be wrong."""
    return {c.name: c.detail for c in verify(workspace, pinned=pinned) if c.ok is False}


class TestArtefacts:
    def named(self, workspace: Path) -> Commit:
        with Journal(workspace / "plimsoll.sqlite", read_only=True) as journal:
            return journal.commit_of(journal.head())

    def test_that_are_gone_are_named(self, workspace):
        adapter = self.named(workspace).state.adapter
        path_of(workspace, adapter).unlink()
        assert f"missing {adapter}" in wrong(workspace)["artefacts are whole"]

    def test_that_changed_are_named(self, workspace):
        judge = self.named(workspace).state.panel.judges[0].artefact
        path_of(workspace, judge).write_bytes(b"a kinder judge")
        assert f"changed {judge}" in wrong(workspace)["artefacts are whole"]

    def test_within_a_folder_are_checked_by_its_manifest(self, workspace):
        path_of(workspace, sha256(b"weights")).write_bytes(b"heavier")
        assert sha256(b"weights") in wrong(workspace)["artefacts are whole"]

    def test_that_only_fed_a_step_may_be_cleared_away_but_not_changed(self, workspace):
        with Journal(workspace / "plimsoll.sqlite", read_only=True) as journal:
            samples = journal.find(SESSION, 1, "observe").body["samples"]
        path_of(workspace, samples).unlink()
        answers = {check.name: check.ok for check in verify(workspace)}
        assert answers["data behind them is whole"] is None
        path_of(workspace, samples).write_bytes(b"better samples")
        assert "data behind them is whole" in wrong(workspace)

    def test_that_list_themselves_or_nonsense_do_not_hang_the_check(self, tmp_path):
        odd = store(tmp_path, b'{"files": {"a": 3, "b": "not a digest"}}')
        deep = store_folder(tmp_path, {"inner": canonical({"files": {"x": odd}})})
        assert checks.faults(tmp_path, [odd, deep, deep]) == ([], [])


class TestAPin:
    @pytest.mark.parametrize(
        "text", ["", "origin\n3\n", "origin\nthree\nAAAA\n", "o\n1\nAAAA\n", "o\n-1\n" + "A" * 44]
    )
    def test_that_is_not_a_checkpoint_is_refused(self, sealed, text):
        with pytest.raises(UsageError, match="not a checkpoint"):
            verify(sealed[0], pinned=text)

    def test_of_another_log_does_not_fit(self, sealed, tmp_path):
        with a_journal(tmp_path, iterations=1) as journal:
            pin = journal.checkpoint()
        assert "entry 0 differs" in wrong(sealed[0], pin)["the pinned checkpoint is kept"]

    def test_may_carry_signatures_below_it(self, sealed):
        assert verified(verify(sealed[0], pinned=sealed[1] + "\n— somebody AAAA\n"))
