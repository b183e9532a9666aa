"""A log that takes long to read: pages open at once, say so, and come back whole."""

import threading

import pytest

from agent.view import place as places
from agent.view.asked import Asked
from agent.view.pages.timeline import timeline
from agent.view.place import Place
from logs.rows import entry_of
from tests.a_page import let_in, told
from tests.a_workspace import SESSION


class Slow(Place):
    """Reads a session only once it is let."""

    def __init__(self, workspace) -> None:
        super().__init__(workspace)
        self.let = threading.Event()

    def _read(self, session):
        assert self.let.wait(60)
        return super()._read(session)


@pytest.fixture
def slow(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE", 0.01)
    made = Slow(told(tmp_path / "ws"))
    drawn = threading.Event()
    made.read_ahead(lambda name: drawn.set())
    yield made
    made.let.set()
    assert drawn.wait(60)


class TestASessionThatIsStillRead:
    def test_is_listed_with_its_timeline(self, slow):
        page = let_in(slow).get("/")
        assert page.status_code == 200
        assert "is being read for the first time" in page.text
        assert f"/s/{SESSION}/timeline" in page.text

    def test_has_its_timeline_already(self, slow):
        page = let_in(slow).get(f"/s/{SESSION}/timeline")
        assert page.status_code == 200 and "waits for a person" in page.text

    @pytest.mark.parametrize("path", [f"/s/{SESSION}", f"/s/{SESSION}/compare", "/judges"])
    def test_is_announced_by_a_page_that_comes_back_by_itself(self, slow, path):
        browser = let_in(slow)
        page = browser.get(path)
        assert (page.status_code, page.headers["refresh"]) == (202, "2")
        assert "0 iterations so far" in page.text
        slow.let.set()
        slow._ahead[SESSION].wait(60)
        whole = browser.get(path)
        assert whole.status_code == 200 and "refresh" not in whole.headers

    @pytest.mark.parametrize("path", ["/", f"/s/{SESSION}"])
    def test_is_waited_for_by_a_program(self, slow, path):
        threading.Timer(0.2, slow.let.set).start()
        data = let_in(slow).get(f"{path}?format=json").json()["data"]
        assert "The model is better" in str(data)

    def test_keeps_no_live_line_waiting(self, slow):
        data = let_in(slow).get(f"/live?since=3&session={SESSION}&format=json").json()["data"]
        assert data["new"] > 0 and data["iteration"] is None


def test_a_timeline_reads_no_more_entries_of_a_longer_log(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr("logs.reading.entry_of", lambda row: read.append(row[0]) or entry_of(row))
    counts = []
    for turns in (6, 12):
        place = Place(told(tmp_path / str(turns), iterations=turns))
        monkeypatch.setattr("agent.view.pages.timeline.SIZE", 10)
        read.clear()
        timeline(place, Asked({"session": SESSION}, {"view": "full"}))
        counts.append(len(read))
    assert counts[0] == counts[1] <= 25
