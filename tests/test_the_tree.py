"""The Merkle tree is the one of RFC 6962, as pymerkle builds it too."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from logs.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

logs = st.lists(st.binary(max_size=20), min_size=1, max_size=40)


def an_independent_tree(entries: list[bytes]) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    return tree


@given(logs)
def test_every_root_is_the_one_that_pymerkle_computes(entries):
    tree, frontier = an_independent_tree(entries), Frontier()
    for size, entry in enumerate(entries, start=1):
        frontier = frontier.push(leaf_hash(entry))
        assert frontier.root() == tree.get_root(size)
        assert frontier.root() == root(map(leaf_hash, entries[:size]))


def test_the_empty_log_has_the_root_that_the_standard_gives_it():
    assert root([]) == hashlib.sha256(b"").digest()


@given(logs)
def test_the_frontier_keeps_one_peak_per_set_bit_of_the_size(entries):
    frontier = Frontier()
    for entry in entries:
        frontier = frontier.push(leaf_hash(entry))
    assert len(frontier.peaks) == len(entries).bit_count()


@given(logs, st.data())
def test_an_inclusion_proof_holds_the_same_hashes_as_that_of_pymerkle(entries, data):
    index = data.draw(st.integers(0, len(entries) - 1))
    leaves = [leaf_hash(entry) for entry in entries]
    proof = inclusion_proof(index, leaves)
    theirs = an_independent_tree(entries).prove_inclusion(index + 1, len(entries))
    assert {leaves[index], *proof} == set(theirs.path)
    assert verify_inclusion(index, len(leaves), leaves[index], proof, root(leaves))


@given(logs, st.data())
def test_a_consistency_proof_leads_between_any_two_roots_of_pymerkle(entries, data):
    size = data.draw(st.integers(1, len(entries)))
    leaves = [leaf_hash(entry) for entry in entries]
    tree, proof = an_independent_tree(entries), consistency_proof(size, leaves)
    old, new = tree.get_root(size), tree.get_root(len(entries))
    assert verify_consistency(size, len(leaves), old, new, proof)


@given(logs, st.data())
def test_a_proof_for_another_leaf_index_or_root_is_refused(entries, data):
    index = data.draw(st.integers(0, len(entries) - 1))
    leaves = [leaf_hash(entry) for entry in entries]
    proof, size = inclusion_proof(index, leaves), len(leaves)
    stranger = leaf_hash(b"never appended, and longer than any of them")
    assert not verify_inclusion(index, size, stranger, proof, root(leaves))
    assert not verify_inclusion(index, size, leaves[index], proof, stranger)
    assert not verify_inclusion(index, size, leaves[index], [*proof, stranger], root(leaves))
    assert not verify_inclusion(size, size, leaves[index], proof, root(leaves))
    if proof:
        assert not verify_inclusion(index, size, leaves[index], proof[:-1], root(leaves))


@given(logs, st.data())
def test_a_rewritten_beginning_is_never_consistent(entries, data):
    size = data.draw(st.integers(1, len(entries)))
    leaves = [leaf_hash(entry) for entry in entries]
    other = [leaf_hash(b"another history"), *leaves[1:]]
    proof = consistency_proof(size, other)
    assert not verify_consistency(size, len(other), root(leaves[:size]), root(other), proof)
    assert not verify_consistency(size, size - 1, root(leaves[:size]), root(leaves), proof)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_is_not_there_has_no_proof(index):
    with pytest.raises(IndexError):
        inclusion_proof(index, [leaf_hash(b"a")] * 3)
    with pytest.raises(IndexError):
        consistency_proof(index + 1 if index > 0 else 0, [leaf_hash(b"a")] * 3)
