"""Proofs from perfect subtrees: O(log n) hashes, wherever those are kept.

The tree of RFC 6962 is made of perfect subtrees. Whoever can name the hash of each one, from
tiles or from the table of tree heads, can make every proof without reading the leaves. Proofs
are checked by `logs.merkle`, which shares none of this.
"""

from collections.abc import Callable

from logs.merkle import Frontier, node_hash

Node = Callable[[int, int], bytes]
"""(level, index) -> hash over the leaves [index << level, (index + 1) << level)."""


def root_at(node: Node, size: int) -> bytes:
    """The root over the first `size` leaves."""
    return _over(node, 0, size)


def inclusion(node: Node, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962, section 2.1.1: from the sibling of the leaf upwards.

    Raises:
        IndexError: `index` is not a leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} of {size}")
    low, high, path = 0, size, list[bytes]()
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_over(node, middle, high))
            high = middle
        else:
            path.append(_over(node, low, middle))
            low = middle
    return path[::-1]


def consistency(node: Node, old: int, size: int) -> list[bytes]:
    """PROOF(old, D[size]) of RFC 6962, section 2.1.2; of the empty tree there is none to give.

    Raises:
        IndexError: `old` is not in [0, size].
    """
    if not 0 <= old <= size:
        raise IndexError(f"size {old} of {size}")
    if old in (0, size):
        return []
    low, high, path, whole = 0, size, list[bytes](), True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_over(node, middle, high))
            high = middle
        else:
            path.append(_over(node, low, middle))
            low, whole = middle, False
    return (path if whole else [*path, _over(node, low, high)])[::-1]


def _over(node: Node, low: int, high: int) -> bytes:
    """MTH(D[low:high]), where `low` is where a subtree of such a length may begin."""
    peaks, at = list[bytes](), low
    while at < high:
        level = (high - at).bit_length() - 1
        if at:
            level = min(level, (at & -at).bit_length() - 1)
        peaks.append(node(level, at >> level))
        at += 1 << level
    return Frontier(high - low, tuple(peaks)).root()


def joined(node: Node, level: int, index: int) -> bytes:
    """The hash of a subtree from those of its halves."""
    return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))


def _split(n: int) -> int:
    """The largest power of two smaller than n."""
    return 1 << (n - 1).bit_length() - 1
