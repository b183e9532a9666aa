"""Signatures of ssh-keygen are verified here as ssh-keygen verifies them, in both directions."""

import base64
import hashlib
import shutil
import struct

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from invariants.keys import SK_ECDSA, SK_ED25519, PublicKey, parse
from invariants.sshsig import MAGIC, BadPaper, Flaw, Namespace, armoured, read, signer
from tests.keys import ANA, BEN, oracle_accepts, oracle_signs, ssh_keygen, string

needs_oracle = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
POLICY = Namespace.POLICY
KINDS = [
    ("ed25519",),
    ("ecdsa", "-b", "256"),
    ("ecdsa", "-b", "384"),
    ("ecdsa", "-b", "521"),
    ("rsa", "-b", "2048"),
]


@pytest.fixture(scope="module", params=KINDS, ids=" ".join)
def made(request, tmp_path_factory):
    """A key that ssh-keygen made: its private file and its public line."""
    path = tmp_path_factory.mktemp("keys") / "key"
    done = ssh_keygen("-q", "-t", *request.param, "-N", "", "-C", "some body", "-f", path)
    assert done.returncode == 0, done.stderr
    return path, path.with_suffix(".pub").read_text()


@needs_oracle
class TestWhatSshKeygenSigns:
    @pytest.mark.parametrize("digest", ["sha256", "sha512"])
    def test_is_verified_with_the_key_that_made_it(self, made, digest):
        private, line = made
        signature = oracle_signs(private, b"some bytes", POLICY, "-O", f"hashalg={digest}")
        key, comment = parse(line)
        assert signer(b"some bytes", signature, POLICY) == key
        assert comment == "some body"

    def test_has_the_fingerprint_that_ssh_keygen_prints(self, made):
        private, line = made
        printed = ssh_keygen("-l", "-f", private).stdout.decode()
        assert parse(line)[0].fingerprint in printed.split()

    def test_over_other_bytes_is_altered(self, made):
        signature = oracle_signs(made[0], b"some bytes", POLICY)
        with pytest.raises(BadPaper) as refused:
            signer(b"some byteS", signature, POLICY)
        assert refused.value.flaw is Flaw.ALTERED

    def test_for_another_purpose_is_refused_by_name(self, made):
        signature = oracle_signs(made[0], b"some bytes", POLICY)
        with pytest.raises(BadPaper, match="wrong namespace: signed as 'plimsoll-policy'"):
            signer(b"some bytes", signature, Namespace.APPROVAL)


@needs_oracle
class TestWhatIsSignedHere:
    def test_is_verified_by_ssh_keygen(self, tmp_path):
        signature = ANA.sign(b"some bytes", POLICY)
        assert oracle_accepts(tmp_path, ANA.line, b"some bytes", signature, POLICY)
        assert not oracle_accepts(tmp_path, ANA.line, b"other bytes", signature, POLICY)
        assert not oracle_accepts(tmp_path, ANA.line, b"some bytes", signature, Namespace.APPROVAL)
        assert not oracle_accepts(tmp_path, BEN.line, b"some bytes", signature, POLICY)

    @pytest.mark.parametrize("kind", [SK_ED25519, SK_ECDSA])
    @pytest.mark.parametrize("touched", [True, False])
    def test_as_a_hardware_key_would_counts_only_with_a_touch(self, tmp_path, kind, touched):
        line, signature = as_hardware(kind, b"some bytes", touched=touched)
        # ssh-keygen does not ask whether a person was there; a vote of people must.
        assert oracle_accepts(tmp_path, line, b"some bytes", signature, POLICY)
        assert not oracle_accepts(tmp_path, line, b"other bytes", signature, POLICY)
        assert read(signature).verifies(b"some bytes") is touched
        assert not read(signature).verifies(b"other bytes")


def as_hardware(kind, message, *, touched):
    """The public line and the signature of a key that lives in hardware (PROTOCOL.u2f)."""
    elliptic = ec.derive_private_key(1234567, ec.SECP256R1())
    point = elliptic.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    own = {
        SK_ED25519: string(ANA.private.public_key().public_bytes_raw()),
        SK_ECDSA: string(b"nistp256") + string(point),
    }[kind]
    blob = string(kind.encode()) + own + string(b"ssh:")
    parts = (POLICY.encode(), b"", b"sha512")
    signed = MAGIC + b"".join(map(string, (*parts, hashlib.sha512(message).digest())))
    seen = struct.pack(">BI", int(touched), 7)
    inner = hashlib.sha256(b"ssh:").digest() + seen + hashlib.sha256(signed).digest()
    if kind == SK_ED25519:
        raw = ANA.private.sign(inner)
    else:
        pair = decode_dss_signature(elliptic.sign(inner, ec.ECDSA(hashes.SHA256())))
        raw = b"".join(string(n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in pair)
    made = string(kind.encode()) + string(raw) + seen
    body = MAGIC + struct.pack(">I", 1) + string(blob) + b"".join(map(string, parts))
    return f"{kind} {base64.b64encode(blob).decode()}", armoured(body + string(made))


class TestAKey:
    def test_is_the_same_under_two_names(self):
        assert parse(f"{ANA.line} and more")[0] == parse(ANA.line)[0]

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("", "KIND BASE64"),
            ("ssh-ed25519", "KIND BASE64"),
            ("ssh-ed25519 !!!!", "not base64"),
            ("ssh-rsa " + ANA.line.split()[1], "its bytes say ssh-ed25519"),
            ("ssh-dss " + base64.b64encode(string(b"ssh-dss")).decode(), "'ssh-dss' are not read"),
            ("ssh-ed25519 " + ANA.line.split()[1][:40], "cut short"),
        ],
    )
    def test_that_is_none_is_refused_with_the_reason(self, line, says):
        with pytest.raises(ValueError, match=says):
            parse(line)

    @needs_oracle
    def test_of_too_few_bits_is_refused(self, tmp_path):
        ssh_keygen("-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", tmp_path / "key")
        with pytest.raises(ValueError, match="1024 bits"):
            parse((tmp_path / "key.pub").read_text())


class TestADamagedSignature:
    whole = ANA.sign(b"some bytes", POLICY)

    @settings(max_examples=300)
    @given(st.data())
    def test_names_its_flaw_and_never_another_key(self, data):
        text = bytearray(self.whole.encode())
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.integers(0, 127))
        try:
            assert signer(b"some bytes", text.decode(), POLICY) == ANA.key
        except BadPaper as error:
            assert error.flaw in (Flaw.MALFORMED, Flaw.ALTERED, Flaw.WRONG_NAMESPACE)

    @given(st.integers(0, len(whole) - 3))
    def test_that_is_cut_is_malformed(self, size):
        with pytest.raises(BadPaper, match="malformed"):
            read(self.whole[:size])

    @given(st.binary(max_size=300))
    def test_of_any_bytes_is_malformed(self, data):
        with pytest.raises(BadPaper, match="malformed"):
            read(armoured(data))

    def test_with_more_behind_it_is_malformed(self):
        body = base64.b64decode("".join(self.whole.splitlines()[1:-1]))
        with pytest.raises(BadPaper, match="1 bytes too many"):
            read(armoured(body + b"x"))

    def test_by_a_key_that_verifies_nothing_is_no_signature(self):
        assert not PublicKey(ANA.key.blob).verifies(b"some bytes", b"")
