"""Every page in a real browser: with and without script, no error, no request elsewhere, no
serious fault of accessibility, and the keys do what the help says."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.view.serve import address
from tests.a_browser import CHROMIUM, Running, all_drawn, chromium, visiting
from tests.a_page import HOSTILE, drawn, place_of, told
from tests.a_workspace import SESSION

PAGES = (
    "/",
    f"/s/{SESSION}",
    f"/s/{SESSION}/timeline?view=grouped",
    f"/s/{SESSION}/lineage",
    f"/s/{SESSION}/compare",
    "/d/iter:6?content=1",
    "/e/5",
    "/inbox",
    "/judges",
    "/constitution",
    "/invariants",
    "/log?verify=1",
    "/about",
    "/nowhere",
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    return Running(place_of(told(tmp_path_factory.mktemp("run") / "ws", words=HOSTILE)))


@pytest.fixture(scope="module")
def visitor(browser, running):
    """What a browser remembers after the first visit."""
    context = browser.new_context()
    context.new_page().goto(running.url)
    yield context.storage_state()
    context.close()


@contextmanager
def opened(browser, running, visitor, path, **settings):
    """A page, and all that went wrong on it."""
    with visiting(browser, running, storage_state=visitor, **settings) as (page, wrong):
        page.goto(running.base + path)
        yield page, wrong


class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
    def test_opens_without_a_fault_and_asks_nobody_else(
        self, browser, running, visitor, path, script
    ):
        with opened(browser, running, visitor, path, java_script_enabled=script) as (page, wrong):
            assert page.locator("h1").count() == 1
            if script:
                all_drawn(page)
                assert page.locator("figure .vega[hidden]").count() == 0
        said = [w for w in wrong if "404" not in w or path != "/nowhere"]
        assert said == []

    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_has_no_serious_fault_of_accessibility(self, browser, running, visitor, path, scheme):
        from axe_playwright_python.sync_playwright import Axe

        # The checks are put into the page from outside, which its own policy forbids to others.
        settings = {"color_scheme": scheme, "bypass_csp": True}
        with opened(browser, running, visitor, path, **settings) as (page, _):
            all_drawn(page)
            found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []

    @pytest.mark.parametrize("path", PAGES)
    def test_fits_its_window(self, browser, running, visitor, path):
        with opened(browser, running, visitor, path) as (page, _):
            for width in (1600, 360, 320):
                page.set_viewport_size({"width": width, "height": 800})
                all_drawn(page)
                page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


class TestCharts:
    def test_are_pictures_without_script_and_drawn_again_with_it(self, browser, running, visitor):
        path = f"/s/{SESSION}"
        with opened(browser, running, visitor, path, java_script_enabled=False) as (page, _):
            assert page.locator("figure .drawn svg").first.is_visible()
            assert not page.locator("figure .vega").first.is_visible()
        with opened(browser, running, visitor, path) as (page, wrong):
            page.wait_for_selector("figure .vega svg")
            assert not page.locator("figure .drawn").first.is_visible()
            assert wrong == []

    def test_are_painted_anew_when_the_colours_change(self, browser, running, visitor):
        with opened(browser, running, visitor, f"/s/{SESSION}") as (page, _):
            page.wait_for_selector("figure .vega svg")
            before = page.locator("figure .vega svg").first.inner_html()
            page.click("#theme")
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            painted = "(b) => document.querySelector('figure .vega svg')?.innerHTML !== b"
            page.wait_for_function(painted, arg=before)
            page.reload()
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"

    def test_tell_a_mark_that_is_pointed_at(self, browser, running, visitor):
        with opened(browser, running, visitor, f"/s/{SESSION}") as (page, _):
            page.wait_for_selector("figure .vega svg .mark-symbol path")
            page.locator("figure .vega svg .mark-symbol path").nth(2).hover(force=True)
            page.locator(".readout", has_text="iteration").first.wait_for()


class TestKeys:
    def test_move_open_jump_and_help(self, browser, running, visitor):
        with opened(browser, running, visitor, f"/s/{SESSION}/timeline") as (page, _):
            page.keyboard.press("j")
            first = page.evaluate("document.activeElement.textContent")
            page.keyboard.press("j")
            assert page.evaluate("document.activeElement.textContent") != first
            page.keyboard.press("k")
            assert page.evaluate("document.activeElement.textContent") == first
            page.keyboard.press("?")
            assert page.locator("#keys").is_visible()
            page.keyboard.press("Escape")
            page.keyboard.press("/")
            assert page.evaluate("document.activeElement.id") == "jump"
            page.keyboard.type("iter:6")
            page.keyboard.press("Enter")
            page.wait_for_url("**/d/iter%3A6")
            page.keyboard.press("g")
            page.keyboard.press("i")
            page.wait_for_url("**/inbox")

    def test_reach_the_content_first(self, browser, running, visitor):
        with opened(browser, running, visitor, "/") as (page, _):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.className") == "skip"


class TestTheAddress:
    def test_is_worth_nothing_to_a_second_browser(self, browser, running, visitor):
        context = browser.new_context()
        page = context.new_page()
        answer = page.goto(address(running.place, int(running.base.rpartition(":")[2])))
        assert answer.status == 403
        context.close()

    def test_is_gone_from_the_browser_after_the_first_visit(self, browser, tmp_path):
        fresh = Running(place_of(drawn(tmp_path / "ws")))
        context = browser.new_context()
        page = context.new_page()
        page.goto(fresh.url)
        assert page.url == fresh.base + "/"
        context.close()


def test_the_files_open_from_the_disk(browser, tmp_path):
    from agent.view.export import export

    place = place_of(told(tmp_path / "ws", words=HOSTILE))
    export(place, SESSION, tmp_path / "out", content=True, dry_run=False)
    context = browser.new_context()
    page, wrong = context.new_page(), []
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((tmp_path / "out" / "index.html").as_uri())
    page.wait_for_selector("figure .vega svg")
    page.get_by_role("link", name="Timeline").click()
    assert page.locator("h1").text_content() == "Timeline"
    context.close()
    assert wrong == []
