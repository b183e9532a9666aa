"""The page answers this machine, this browser and its own pages, and nobody else."""

import pytest

from agent.view.app import hosts_of
from agent.view.serve import LOOPBACK, bound
from logs.errors import UsageError
from tests.a_command import plimsoll
from tests.a_page import HERE, PORT, client, let_in, place_of, told

SAFE_PAGES = ("/", "/log", "/static/page.js", "/live", "/about?format=json")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return told(tmp_path_factory.mktemp("guarded") / "ws")


@pytest.fixture
def place(workspace):
    return place_of(workspace)


class TestTheAddressThatIsPrinted:
    def test_lets_in_once_and_hides_its_token_at_once(self, place):
        answer = client(place).get(f"/?token={place.secrets.token}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{place.secrets.cookie}=")
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert place.secrets.token not in cookie

    def test_is_worth_nothing_the_second_time(self, place):
        let_in(place)
        again = client(place).get(f"/?token={place.secrets.token}")
        assert again.status_code == 403
        assert "set-cookie" not in again.headers

    def test_with_another_token_is_refused_and_spends_nothing(self, place):
        assert client(place).get("/?token=guess").status_code == 403
        assert let_in(place).get("/").status_code == 200

    def test_leads_to_a_page_of_ours_whatever_its_path_says(self, place):
        asked = f"//example.org/?token={place.secrets.token}"
        answer = client(place).get(f"{HERE}{asked}", follow_redirects=False)
        assert answer.headers["location"] == "/example.org/"

    def test_leaves_no_secret_in_any_page(self, place):
        browser = let_in(place)
        for path in ("/", "/log", "/about"):
            page = browser.get(path)
            assert place.secrets.token not in page.text
            assert place.secrets.session not in page.text

    def test_makes_a_cookie_of_its_own_for_each_run(self, workspace):
        assert place_of(workspace).secrets.cookie != place_of(workspace).secrets.cookie


class TestSomebodyWithoutTheCookie:
    @pytest.mark.parametrize("path", SAFE_PAGES)
    def test_reads_nothing(self, place, path):
        answer = client(place).get(path)
        assert answer.status_code == 401
        assert "math-small" not in answer.text

    def test_does_not_come_in_with_the_cookie_of_another_run(self, place, workspace):
        browser, other = let_in(place), place_of(workspace)
        stranger = client(other)
        stranger.cookies.update(browser.cookies)
        assert stranger.get("/").status_code == 401


class TestAnotherNameForThisMachine:
    @pytest.mark.parametrize(
        "host", ["example.org", f"evil.test:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""]
    )
    def test_is_refused_as_a_rebinding_would_be(self, place, host):
        answer = let_in(place).get("/", headers={"host": host})
        assert answer.status_code == 403
        assert "math-small" not in answer.text

    @pytest.mark.parametrize("host", sorted(hosts_of(PORT)))
    def test_is_known_where_it_is_ours(self, place, host):
        assert let_in(place).get("/", headers={"host": host}).status_code == 200


class TestAnotherPage:
    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_cannot_read_in_the_name_of_the_visitor(self, place, site):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}
        assert let_in(place).get("/?format=json", headers=headers).status_code == 403

    @pytest.mark.parametrize("dest", ["iframe", "embed", "object"])
    def test_cannot_frame_it(self, place, dest):
        headers = {
            "sec-fetch-site": "same-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": dest,
        }
        assert let_in(place).get("/", headers=headers).status_code == 403

    def test_may_link_to_it(self, place):
        headers = {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
        }
        assert let_in(place).get("/", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "http://example.org"},
            {"origin": f"http://127.0.0.1:{PORT + 1}"},
            {"origin": "null"},
            {},
        ],
    )
    def test_cannot_post(self, place, headers):
        assert let_in(place).post("/inbox/abcd/answer", headers=headers).status_code == 403


class TestEveryAnswer:
    @pytest.mark.parametrize("path", ["/", "/nowhere", "/static/page.css", "/live", "/s/none"])
    def test_forbids_what_the_page_does_not_need(self, place, path):
        headers = let_in(place).get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy and "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"

    def test_is_not_kept_by_the_browser_if_it_is_a_page(self, place):
        assert let_in(place).get("/").headers["cache-control"] == "no-store"

    def test_without_a_key_to_a_post_is_that_there_is_no_such_page(self, place):
        headers = {"origin": HERE}
        for path in ("/", "/inbox", "/inbox/abcd", "/inbox/abcd/answer", "/log"):
            assert let_in(place_of(place.workspace)).post(path, headers=headers).status_code in (
                404,
                405,
            )

    @pytest.mark.parametrize(
        "name", ["..%2fapp.py", "%2e%2e%2fguard.py", "x.js%00", "README.md%2f..", "a" * 300]
    )
    def test_holds_no_file_beside_the_static_ones(self, place, name):
        assert let_in(place).get(f"/static/{name}").status_code == 404


class TestTheCommand:
    def test_binds_loopback_and_says_so_of_a_port_that_is_taken(self):
        with bound(0) as taken:
            assert taken.getsockname()[0] == LOOPBACK
            taken.listen()
            with pytest.raises(UsageError, match="cannot use this port"):
                bound(taken.getsockname()[1])

    def test_has_no_option_to_bind_anything_else(self, tmp_path):
        said = plimsoll("view", "--host", "0.0.0.0", "--workspace", str(tmp_path))
        assert said.code == 2

    @pytest.mark.parametrize("words", [["--approvals"], ["--key", "k"]])
    def test_wants_both_the_wish_and_the_key(self, tmp_path, words):
        said = plimsoll("view", *words, "--workspace", str(tmp_path), "--json")
        assert said.code == 2
        assert said.error["wanted"] == "--approvals --key FILE, or neither"

    def test_refuses_a_key_that_is_not_there(self, tmp_path):
        words = ["--approvals", "--key", str(tmp_path / "none")]
        assert plimsoll("view", *words, "--workspace", str(tmp_path)).code == 2


def test_a_websocket_is_closed_at_once(place):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client(place).websocket_connect("/live"):
        raise AssertionError("nobody opened it")
