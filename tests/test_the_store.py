"""The store: an artefact is complete under its hash, or absent; damage is found, never repaired."""

import errno
import json
import os
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import IntegrityError, PlimsollError
from tools.store import Store

MODEL = {"config.json": b"{}", "weights/a.safetensors": bytes(range(256)) * 40}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "objects")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("shared"))


def written(store):
    """Every regular file under the store, by name."""
    return {p.name: p for p in store.root.rglob("*") if p.is_file()}


def path_of(store, digest):
    return store.root / digest[:2] / digest


def a_folder(tmp_path, files=MODEL):
    folder = tmp_path / "made"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read_back(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


class TestAnArtefact:
    @given(st.binary(max_size=4096))
    def test_is_named_by_its_bytes_and_comes_back_whole(self, shared, data):
        digest = shared.put(data)
        assert digest == sha256(data).hexdigest() == shared.put(data)
        assert shared.has(digest) and shared.get(digest) == data
        assert path_of(shared, digest).read_bytes() == data

    def test_of_json_has_one_name_whatever_the_order_of_its_keys(self, store):
        assert store.put_json({"b": 1, "a": [1.5, None]}) == store.put_json(
            {"a": [1.5, None], "b": 1}
        )
        assert store.get_json(store.put_json({"a": "ü"})) == {"a": "ü"}

    def test_of_lines_comes_back_line_by_line(self, store):
        rows = [{"prompt": "a\nb", "n": 1}, [1, "x", None]]
        assert store.get_lines(store.put_lines(rows)) == rows
        assert store.get_lines(store.put_lines([])) == []

    def test_cannot_be_written_over(self, store):
        assert path_of(store, store.put(b"weights")).stat().st_mode & 0o222 == 0

    def test_that_was_never_stored_is_missed_by_name(self, store):
        absent = sha256(b"absent").hexdigest()
        assert not store.has(absent)
        with pytest.raises(IntegrityError, match=absent):
            store.get(absent)


class TestDamage:
    @given(st.binary(min_size=1, max_size=200), st.data())
    def test_of_one_bit_is_found(self, shared, data, choice):
        digest = shared.put(data)
        place = choice.draw(st.integers(0, 8 * len(data) - 1))
        broken = bytearray(data)
        broken[place // 8] ^= 1 << place % 8
        overwrite(path_of(shared, digest), bytes(broken))
        with pytest.raises(IntegrityError, match="another SHA-256"):
            shared.get(digest)
        overwrite(path_of(shared, digest), data)

    @pytest.mark.parametrize("broken", [b"", b"weight", b"weights and more"])
    def test_of_length_is_found_and_not_repaired(self, store, broken):
        digest = store.put(b"weights")
        overwrite(path_of(store, digest), broken)
        store.put(b"weights")
        with pytest.raises(IntegrityError):
            store.get(digest)

    @pytest.mark.parametrize("name", MODEL)
    def test_of_one_file_keeps_the_whole_folder_from_being_used(self, store, tmp_path, name):
        digest = store.put_folder(a_folder(tmp_path))
        overwrite(path_of(store, sha256(MODEL[name]).hexdigest()), b"other")
        with pytest.raises(IntegrityError):
            store.checkout(digest)
        assert list(store.trees.iterdir()) == []


def overwrite(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


class TestAFolder:
    def test_is_named_by_a_manifest_of_its_files(self, store, tmp_path):
        digest = store.put_folder(a_folder(tmp_path))
        files = {name: sha256(data).hexdigest() for name, data in MODEL.items()}
        manifest = json.dumps({"files": files}, sort_keys=True, separators=(",", ":"))
        assert digest == sha256(manifest.encode()).hexdigest()

    def test_comes_back_with_every_byte_and_is_made_once(self, store, tmp_path):
        digest = store.put_folder(a_folder(tmp_path))
        folder = store.checkout(digest)
        assert read_back(folder) == MODEL and folder.name == digest
        made = folder.stat().st_ino
        assert store.checkout(digest).stat().st_ino == made

    def test_leaves_links_out_wherever_they_lead(self, store, tmp_path):
        folder = a_folder(tmp_path)
        secret = tmp_path / "outside"
        secret.mkdir()
        (secret / "key.pem").write_text("secret")
        (folder / "link.pem").symlink_to(secret / "key.pem")
        (folder / "linked").symlink_to(secret)
        assert store.put_folder(folder) == store.put_folder(a_folder(tmp_path / "again"))
        assert sha256(b"secret").hexdigest() not in written(store)

    @pytest.mark.parametrize("name", ["../escaped", "a/../../escaped", "{absolute}/escaped"])
    def test_with_a_manifest_that_leads_outside_is_refused(self, store, tmp_path, name):
        name = name.format(absolute=tmp_path)
        digest = store.put_json({"files": {name: store.put(b"payload")}})
        with pytest.raises(IntegrityError, match="outside its own folder"):
            store.checkout(digest)
        assert not list(tmp_path.rglob("escaped"))

    def test_may_be_empty(self, store, tmp_path):
        (tmp_path / "empty").mkdir()
        assert list(store.checkout(store.put_folder(tmp_path / "empty")).iterdir()) == []


class TestTwoAtOnce:
    def at_once(self, work, n=8):
        ready = threading.Barrier(n)

        def one(i):
            ready.wait()
            return work(i)

        with ThreadPoolExecutor(n) as pool:
            return list(pool.map(one, range(n)))

    def test_check_out_one_folder_and_both_have_it_whole(self, store, tmp_path):
        digest = store.put_folder(a_folder(tmp_path))
        folders = self.at_once(lambda _: Store(store.root).checkout(digest))
        assert set(folders) == {store.trees / digest}
        assert read_back(folders[0]) == MODEL
        assert [p.name for p in store.trees.iterdir()] == [digest]

    def test_store_the_same_bytes_and_one_copy_stays(self, store):
        data = os.urandom(1 << 16)
        digests = self.at_once(lambda _: store.put(data))
        assert set(digests) == set(written(store)) == {sha256(data).hexdigest()}
        assert store.get(digests[0]) == data


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


class TestAFullDisk:
    @pytest.mark.parametrize("call", ["fsync", "rename", "chmod"])
    def test_leaves_the_store_as_it_was_and_says_so(self, store, monkeypatch, call):
        kept = store.put(b"kept")
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full_disk)
            with pytest.raises(PlimsollError, match="No space left") as caught:
                store.put(b"too much")
        assert "free some disk space" in caught.value.try_this
        assert set(written(store)) == {kept} and store.get(kept) == b"kept"
        assert store.get(store.put(b"too much")) == b"too much"

    def test_in_the_kernel_leaves_no_half_written_file(self, store):
        kept, big = store.put(b"kept"), os.urandom(1 << 20)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, before[1]))
            with pytest.raises(PlimsollError, match="as it was before"):
                store.put(big)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert set(written(store)) == {kept}
        assert store.get(store.put(big)) == big

    def test_during_a_checkout_leaves_no_folder_that_looks_whole(self, store, tmp_path):
        digest = store.put_folder(a_folder(tmp_path))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 10, before[1]))
            with pytest.raises(PlimsollError, match="as it was before"):
                store.checkout(digest)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert list(store.trees.iterdir()) == []
        assert read_back(store.checkout(digest)) == MODEL


class TestACrash:
    def test_before_the_name_is_given_leaves_nothing_under_it(self, store, monkeypatch):
        def die(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "rename", die)
        with pytest.raises(KeyboardInterrupt):
            store.put(b"weights")
        assert not store.has(sha256(b"weights").hexdigest()) and written(store) == {}

    def test_cannot_come_between_the_bytes_and_their_name(self, store, monkeypatch):
        order = []
        for call in ("fsync", "rename"):
            real = getattr(os, call)
            monkeypatch.setattr(
                os, call, lambda *a, call=call, real=real: (order.append(call), real(*a))[1]
            )
        digest = store.put_json({"files": {"a": store.put(b"weights")}})
        assert order == ["fsync", "rename", "fsync"] * 2
        order.clear()
        store.checkout(digest)
        assert order == ["fsync", "rename", "fsync"]
