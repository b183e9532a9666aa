"""The quick way to ask whether bytes are canonical gives the answer of RFC 8785."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.canonical import canonical, digest_of, fast_digest, is_canonical
from logs.errors import PlimsollError

SAFE = 2**53 - 1
"""Beyond it a float is written as a whole number that no reader may take for exact."""
numbers = st.integers(-SAFE, SAFE) | st.floats(-SAFE, SAFE, allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["1e5", ":1e5", "a.0,", ":1.0]", "\U0001f600", "\ue000", "\x7f", "\x1f", "\u2028"]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(texts, values, max_size=5)


@settings(max_examples=60)
@given(bodies)
def test_canonical_bytes_are_said_to_be_so(body):
    data = canonical(body)
    assert is_canonical(data, json.loads(data))


@settings(max_examples=60)
@given(bodies, st.sampled_from([{"indent": 1}, {"ensure_ascii": True}, {}]))
def test_other_bytes_of_the_same_value_are_not(body, way):
    data = json.dumps(body, **way).encode()
    assert is_canonical(data, json.loads(data)) == (data == canonical(json.loads(data)))


@settings(max_examples=60)
@given(bodies)
def test_the_quick_digest_is_the_digest(body):
    read = json.loads(canonical(body))
    assert fast_digest(read) == digest_of(read)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([1e16, 1e21, 123456789012345680000.0, 5.0, -0.0, 1e-7, 2**53 - 1, 2**53])
    | st.text(max_size=6)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(anything)
def test_what_is_written_is_what_rfc8785_writes_or_it_is_refused_likewise(value):
    try:
        wanted = rfc8785.dumps(value)
    except (ValueError, RecursionError):
        with pytest.raises(PlimsollError):
            canonical(value)
        return
    assert canonical(value) == wanted
