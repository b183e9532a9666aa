"""The pages as files: complete, relative, the same bytes each time, with a manifest of digests."""

import json

import pytest

from logs.canonical import sha256
from tests.a_command import plimsoll
from tests.a_page import Found, told
from tests.a_workspace import SESSION


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return told(tmp_path_factory.mktemp("bundled") / "ws", iterations=6)


@pytest.fixture(scope="module")
def folder(workspace, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "out"
    said = plimsoll("report", "--out", str(out), "--workspace", str(workspace.root), "--json")
    assert said.code == 0, said.err
    return out


def pages(folder):
    return sorted(folder.glob("*.html"))


class TestTheBundle:
    def test_begins_with_the_story(self, folder):
        assert f"<h1>{SESSION}</h1>" in (folder / "index.html").read_text()

    def test_links_only_to_files_that_it_holds(self, folder):
        for page in pages(folder):
            for tag, name, value in Found(page.read_text()).attributes:
                if name in ("href", "src") and value and not value.startswith("#"):
                    assert (folder / value).is_file(), (page.name, tag, value)

    def test_has_no_form_and_no_live_part(self, folder):
        for page in pages(folder):
            found = Found(page.read_text())
            names = {name for _, name, _ in found.attributes}
            assert not {"hx-get", "action"} & names, page.name
            assert "csrf" not in page.read_text()

    def test_allows_itself_its_own_files_alone(self, folder):
        for page in pages(folder):
            policy = next(v for _, n, v in Found(page.read_text()).attributes if "default-src" in v)
            assert policy.startswith("default-src 'none'; script-src 'self'")
            assert "unsafe" not in policy

    def test_names_the_digest_of_every_file(self, folder):
        manifest = json.loads((folder / "manifest.json").read_text())
        held = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert held == {*manifest["files"], "manifest.json"}
        for name, digest in manifest["files"].items():
            assert sha256((folder / name).read_bytes()) == digest

    def test_is_the_same_bytes_from_the_same_log(self, folder, workspace, tmp_path):
        plimsoll("report", "--out", str(tmp_path / "b"), "--workspace", str(workspace.root))
        for page in folder.rglob("*"):
            if page.is_file():
                assert (tmp_path / "b" / page.relative_to(folder)).read_bytes() == page.read_bytes()

    def test_is_not_written_over_what_is_there(self, folder, workspace):
        said = plimsoll("report", "--out", str(folder), "--workspace", str(workspace.root))
        assert said.code == 2
        assert "not written over" in said.err

    def test_can_be_tried_without_writing(self, workspace, tmp_path):
        where = ["--out", str(tmp_path / "none"), "--workspace", str(workspace.root)]
        said = plimsoll("report", "--dry-run", *where)
        assert said.out.startswith("would write ")
        assert not (tmp_path / "none").exists()
