"""A log as files that never change: tiles of 256 hashes, and bundles of 256 entries.

The layout of C2SP tlog-tiles, so that any client of it can fetch, check and prove:
https://github.com/C2SP/C2SP/blob/main/tlog-tiles.md
A bundle puts two bytes of length before each entry. One that holds a longer entry cannot be
written so; it lies under `plimsoll/entries/` instead, with four bytes of length.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from logs.errors import IntegrityError
from logs.merkle import root
from logs.transparency.paths import Node

WIDTH = 256
HEIGHT = 8
HASH_BYTES = 32
SHORT, LONG = "tile/entries", "plimsoll/entries"
LENGTH_BYTES = {SHORT: 2, LONG: 4}

Get = Callable[[str], bytes]
"""From a path to the bytes of the file; raises what the holder of the files raises."""


def tile_path(level: int, index: int, width: int) -> str:
    """Where a tile lies; one that is not full says how many hashes it has."""
    return f"tile/{level}/{numbered(index, width)}"


def bundle_path(kind: str, index: int, width: int) -> str:
    """Where a bundle of entries lies: `SHORT` or `LONG`."""
    return f"{kind}/{numbered(index, width)}"


def numbered(index: int, width: int) -> str:
    """`1234067` as `x001/x234/067`, with `.p/W` behind it where it is not full."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    return "/".join(parts) + (f".p/{width}" if width < WIDTH else "")


def widths(count: int) -> Iterator[tuple[int, int]]:
    """(index, width) of every tile of a level that holds so many hashes."""
    for index in range(0, -(-count // WIDTH)):
        yield index, min(WIDTH, count - index * WIDTH)


def hash_tiles(leaves: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Every tile over these leaf hashes, with its path."""
    level, row = 0, list(leaves)
    while row:
        for index, width in widths(len(row)):
            at = index * WIDTH
            yield tile_path(level, index, width), b"".join(row[at : at + width])
        full = range(0, len(row) - WIDTH + 1, WIDTH)
        row = [root(row[at : at + WIDTH]) for at in full]
        level += 1


def entry_bundle(entries: Sequence[bytes]) -> tuple[str, bytes]:
    """Which kind of bundle these entries need, and its bytes."""
    kind = SHORT if all(len(entry) < 1 << 16 for entry in entries) else LONG
    size = LENGTH_BYTES[kind]
    return kind, b"".join(len(entry).to_bytes(size, "big") + entry for entry in entries)


def entries_of(kind: str, data: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        IntegrityError: it ends in the midst of one.
    """
    size, found, at = LENGTH_BYTES[kind], [], 0
    while at < len(data):
        end = at + size + int.from_bytes(data[at : at + size], "big")
        if end > len(data) or at + size > len(data):
            raise _cut(f"{len(data) - at} bytes at the end of a bundle")
        found.append(data[at + size : end])
        at = end
    return found


def node_of(get: Get, size: int) -> Node:
    """Subtrees from tiles: what proofs about a log of `size` entries are made of."""
    known: dict[str, bytes] = {}

    def node(level: int, index: int) -> bytes:
        tile, rest = divmod(level, HEIGHT)
        first = index << rest
        at, count = first % WIDTH, 1 << rest
        data = fetched(tile, first // WIDTH)
        return root(data[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(at, at + count))

    def fetched(level: int, index: int) -> bytes:
        held = (size >> (HEIGHT * level)) - index * WIDTH
        path = tile_path(level, index, min(held, WIDTH))
        if path not in known:
            known[path] = get(path)
        if len(known[path]) != min(held, WIDTH) * HASH_BYTES:
            raise _cut(f"{len(known[path])} bytes in {path}")
        return known[path]

    return node


def paths_of(size: int) -> Iterator[str]:
    """Every tile of hashes that a log of this size has."""
    level, count = 0, size
    while count:
        yield from (tile_path(level, index, width) for index, width in widths(count))
        level, count = level + 1, count // WIDTH


def hashes(data: bytes) -> Iterable[bytes]:
    """The hashes of a tile."""
    return (data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def _cut(saw: str) -> IntegrityError:
    return IntegrityError(
        "A file of the bundle has another length than it must have.",
        saw=saw,
        wanted="whole hashes and whole entries",
        try_this="get the bundle again from whoever exported it",
    )
