"""The client of a chat model: patient, bounded, and never led elsewhere; against a real server."""

import datetime
import ssl
from email.utils import format_datetime

import pytest

from tests.a_chat_server import (
    MODEL,
    Server,
    a_server,
    completion,
    drips,
    drops,
    floods,
    hangs,
    knows_no_schema,
    says,
    status,
)
from tools.chat import MOST_BYTES, Endpoint, Heard, ask, is_loopback, models_of

GOOD = says("hello")
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def endpoint(url: str, **fields: object) -> Endpoint:
    return Endpoint(**{"url": url, "model": MODEL, "backoff_seconds": 0.01, **fields})


def heard_from(server: Server, **fields: object) -> Heard:
    messages = [{"role": "user", "content": "hello"}]
    return ask(
        endpoint(server.url, **fields), messages, schema=SCHEMA, max_tokens=50, temperature=0.0
    )


class TestAnAnswer:
    def test_comes_with_what_it_cost(self):
        with a_server(GOOD) as server:
            heard = heard_from(server)
        assert (heard.text, heard.failed, heard.tries, heard.schema) == (
            "hello",
            "",
            ("200",),
            True,
        )
        assert (heard.tokens_in, heard.tokens_out) == (900, 60)
        assert 0 < heard.seconds < 30

    def test_is_asked_for_by_schema(self):
        with a_server(GOOD) as server:
            heard_from(server)
        form = server.questions[0].body["response_format"]
        assert form["type"] == "json_schema"
        assert form["json_schema"]["schema"] == SCHEMA and form["json_schema"]["strict"] is True
        assert server.questions[0].path == "/v1/chat/completions"

    def test_of_a_server_without_schemas_is_asked_for_in_words(self):
        with a_server(knows_no_schema(GOOD)) as server:
            heard = heard_from(server, retries=0)
        assert (heard.text, heard.tries, heard.schema) == ("hello", ("http-400", "200"), False)

    @pytest.mark.parametrize(
        ("said", "gone", "new"),
        [
            (b"Use 'max_completion_tokens' instead", "max_tokens", "max_completion_tokens"),
            (b"'temperature' does not support 0.0 with this model", "temperature", None),
        ],
    )
    def test_of_a_server_with_other_names_is_asked_for_under_those(self, said, gone, new):
        with a_server(status(400, said), GOOD) as server:
            assert heard_from(server, retries=0).text == "hello"
        last = server.questions[-1].body
        assert gone not in last and "response_format" in last
        assert new is None or last[new] == 50

    def test_is_not_asked_for_without_end_by_a_server_that_understands_nothing(self):
        with a_server(status(400, b"max_completion_tokens temperature")) as server:
            assert heard_from(server).failed == "http-400"
        assert len(server.questions) == 4

    @pytest.mark.parametrize(
        ("behaviour", "failed"),
        [
            (says(None, refusal="I cannot help"), "refused"),
            (says("no", "content_filter"), "refused"),
            (says('{"interv', "length"), "cut-off"),
            (says("  "), "empty"),
            (says(None), "empty"),
            (status(200, b"<html>hello</html>"), "not-a-completion"),
            (status(200, b'{"choices": []}'), "not-a-completion"),
            (status(200, b"\xff\xfe"), "not-a-completion"),
            (status(200, b'{"choices":' * 5000), "not-a-completion"),
            (status(401), "http-401"),
            (status(302, Location="http://192.0.2.1/v1"), "redirected"),
            (status(307, Location="/v1/elsewhere"), "redirected"),
            (floods, "too-long"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_that_is_none_has_a_name_and_is_not_asked_for_again(self, behaviour, failed):
        with a_server(behaviour) as server:
            heard = heard_from(server)
        assert heard.failed == failed
        assert len(server.questions) == 1

    def test_counts_nothing_where_the_server_says_nonsense(self):
        body = completion("hello").replace(b" 900", b'"many"').replace(b" 60", b"-1")
        with a_server(status(200, body)) as server:
            heard = heard_from(server)
        assert heard.text == "hello"
        assert (heard.tokens_in, heard.tokens_out) == (None, None)

    def test_is_read_no_further_than_its_limit(self):
        with a_server(says("a" * (MOST_BYTES + 1))) as server:
            assert heard_from(server).text == ""


class TestPatience:
    @pytest.mark.parametrize("code", [429, 500, 503, 408])
    def test_asks_again_where_that_may_help(self, code):
        with a_server(status(code), GOOD) as server:
            heard = heard_from(server)
        assert (heard.text, heard.tries) == ("hello", (f"http-{code}", "200"))

    def test_asks_again_after_a_connection_that_broke(self):
        with a_server(drops, GOOD) as server:
            heard = heard_from(server)
        assert (heard.text, heard.tries) == ("hello", ("dropped", "200"))

    @pytest.mark.parametrize("retries", [0, 2])
    def test_ends_after_so_many_retries(self, retries):
        with a_server(status(503)) as server:
            heard = heard_from(server, retries=retries)
        assert heard.failed == "http-503"
        assert len(server.questions) == 1 + retries

    def test_waits_longer_each_time(self):
        with a_server(status(503)) as server:
            heard_from(server, retries=2, backoff_seconds=0.2)
        first, second, third = (q.at for q in server.questions)
        assert second - first >= 0.2 and third - second >= 0.4

    def test_waits_as_long_as_the_server_asks(self):
        with a_server(status(429, Retry_After="1"), GOOD) as server:
            assert heard_from(server).text == "hello"
        first, second = (q.at for q in server.questions)
        assert second - first >= 1

    def test_understands_a_date_to_wait_for(self):
        then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=3)
        with a_server(status(429, Retry_After=format_datetime(then)), GOOD) as server:
            assert heard_from(server).text == "hello"
        first, second = (q.at for q in server.questions)
        assert second - first >= 1

    def test_does_not_wait_past_its_deadline(self):
        with a_server(status(429, Retry_After="3600")) as server:
            heard = heard_from(server)
        assert heard.failed == "http-429" and heard.seconds < 30
        assert len(server.questions) == 1

    @pytest.mark.parametrize("behaviour", [hangs, drips], ids=["silent", "a byte at a time"])
    def test_ends_with_its_time_whatever_the_server_does(self, behaviour):
        with a_server(behaviour) as server:
            heard = heard_from(server, timeout_seconds=0.5)
        assert heard.failed == "timed-out" and heard.seconds < 30

    def test_ends_with_its_deadline_even_within_one_try(self):
        with a_server(hangs) as server:
            heard = heard_from(server, timeout_seconds=60, deadline_seconds=0.5)
        assert heard.failed == "timed-out" and heard.seconds < 30

    def test_names_an_endpoint_that_is_not_there(self):
        with a_server(GOOD) as server:
            url = server.url
        heard = ask(endpoint(url, retries=1), [], schema=SCHEMA, max_tokens=50, temperature=0.0)
        assert (heard.failed, heard.tries) == ("unreachable", ("unreachable", "unreachable"))


class TestTheWay:
    def test_of_a_request_to_this_machine_passes_no_proxy(self, monkeypatch):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with a_server(GOOD) as server:
            assert heard_from(server, retries=0).text == "hello"

    @pytest.mark.parametrize(
        ("url", "here"),
        [
            ("http://127.0.0.1:8000/v1", True),
            ("http://127.8.9.1/v1", True),
            ("http://[::1]:8000/v1", True),
            ("http://localhost:8000/v1", True),
            ("https://localhost.example.org/v1", False),
            ("http://10.0.0.7:8000/v1", False),
            ("https://api.example.org/v1", False),
        ],
    )
    def test_stays_on_this_machine_or_not(self, url, here):
        assert is_loopback(url) is here

    def test_is_not_taken_to_a_server_whose_certificate_nobody_vouches_for(self, tmp_path):
        with a_server(GOOD) as server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self_signed(tmp_path))
            server.socket = context.wrap_socket(server.socket, server_side=True)
            url = server.url.replace("http://", "https://")
            heard = ask(endpoint(url, retries=0), [], schema=SCHEMA, max_tokens=50, temperature=0.0)
        assert heard.failed == "unreachable"
        assert server.questions == []


class TestTheKey:
    def test_goes_with_every_request_and_into_no_text(self):
        with a_server(GOOD) as server:
            heard = heard_from(server, key="s3cret")
            assert server.questions[0].headers["Authorization"] == "Bearer s3cret"
            assert "s3cret" not in repr(heard) + repr(endpoint(server.url, key="s3cret"))

    def test_is_not_sent_where_there_is_none(self):
        with a_server(GOOD) as server:
            heard_from(server)
        assert "Authorization" not in server.questions[0].headers


class TestTheListOfModels:
    def test_names_them(self):
        with a_server(GOOD) as server:
            assert models_of(endpoint(server.url)) == ("200", (MODEL,))

    @pytest.mark.parametrize("lists", [{"data": "none"}, [], {"data": [{"name": "x"}]}])
    def test_that_is_none_says_so(self, lists):
        with a_server(GOOD) as server:
            server.lists = lists
            assert models_of(endpoint(server.url)) == ("not-a-list", ())

    def test_that_is_missing_has_its_status(self):
        with a_server(GOOD) as server:
            server.lists = None
            assert models_of(endpoint(server.url))[0] == "http-404"


def self_signed(folder):
    """(certificate, key) for 127.0.0.1 that no authority signed."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"
