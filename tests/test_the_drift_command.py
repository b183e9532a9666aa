"""`plimsoll drift show` and the report's section: table, words, pictures and refusals."""

import os
import xml.etree.ElementTree as ET

import pytest
from markupsafe import escape

from agent.observing_drift import Drift
from logs.drift import rows_at, warnings
from logs.drift_charts import TITLES, multiples, section
from logs.drift_text import spark, text
from logs.journal import Journal
from logs.report import report
from logs.turns import turns
from logs.vocabulary import Status
from tests.a_command import plimsoll
from tests.a_drift import AGAIN, TRAINED, Rig
from tests.a_journal import a_journal
from tests.a_workspace import SESSION
from tests.sessions import NAME
from tests.test_the_report import Page
from tools.instruments import divergence, lengths

COLUMNS = ("instrument", "trend", "estimate", "n", "looks", "status")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A session that trained, collapsed, and then did nothing for a turn."""
    place = tmp_path_factory.mktemp("drift")
    rig = Rig(place, again=8)
    rig.turn(1)
    rig.turn(2, TRAINED)
    rig.hands.score[AGAIN] = 2.0
    rig.turn(3, AGAIN)
    rig.turn(4, AGAIN)
    rig.journal.close()
    return place


def asked(folder, *words):
    return plimsoll("drift", "show", *words, "--workspace", str(folder))


class TestTheTable:
    def test_has_a_row_per_instrument_with_everything_that_it_must_say(self, folder):
        said = asked(folder)
        assert said.code == 0
        header = next(line for line in said.out.split("\n") if line.startswith("instrument"))
        assert all(name in header for name in COLUMNS)
        row = next(line for line in said.out.split("\n") if line.startswith("vendi_change "))
        assert "2, all" in row
        assert row.endswith("red =")
        assert "looks: so far" in " ".join(said.out.split())

    def test_is_what_a_noun_alone_shows(self, folder):
        assert plimsoll("drift", "--workspace", str(folder)).out == asked(folder).out

    def test_is_data_too(self, folder):
        data = asked(folder, "--json").data
        row = next(r for r in data["rows"] if r["instrument"] == "mmd")
        assert (row["looks"], row["iteration"], row["guarantee"]) == (2, 4, "anytime")
        assert [h["iteration"] for h in row["history"]] == [2, 3, 4]
        assert asked(folder, "--json").envelope["schema"] == "plimsoll/drift.show/1"
        assert data["profile"][0]["of"] == "anchor, token 1"

    def test_goes_back_to_any_turn(self, folder):
        data = asked(folder, "--iteration", "2", "--json").data
        row = next(r for r in data["rows"] if r["instrument"] == "mmd")
        assert (data["iteration"], row["looks"]) == (2, 1)
        assert not any("beyond its line" in w for w in data["warnings"])

    def test_holds_the_previous_policy_against_it_too(self, folder):
        rows = asked(folder, "--of", "previous", "--json").data["rows"]
        assert {r["of"] for r in rows if r["instrument"] == "vendi_change"} == {"previous"}

    def test_is_markdown_where_that_is_asked_for(self, folder):
        lines = asked(folder, "--markdown").out.split("\n")
        assert "|---|---|---|---|---|---|" in lines
        assert any(line.startswith("| vendi_change | ") for line in lines)

    def test_fits_a_narrow_screen(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            found = turns(journal, NAME)
        said = text("head", rows_at(found), [], ["a warning " * 12], 40)
        assert max(map(len, said.split("\n"))) <= 40

    def test_is_shown_of_logs_without_a_drift_set(self, tmp_path):
        rig = Rig(tmp_path, prompts=0)
        old = (divergence([0.1, 0.2] * 9, "anchor"), lengths([{"answers": [["a b"]]}] * 4))
        rig.write(1, Drift(old, None))
        rig.journal.close()
        said = asked(tmp_path)
        assert said.code == 0
        assert "kl_to_anchor" in said.out
        assert "no drift set was drawn" in " ".join(said.out.split())

    def test_writes_nothing(self, folder):
        before = sorted((p, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file())
        asked(folder)
        after = sorted((p, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file())
        kept = {p for p, _ in after} - {p for p, _ in before}
        assert not {p for p in kept if not p.name.startswith("plimsoll.sqlite-")}


class TestTheWarnings:
    def test_say_what_is_beyond_its_line_and_that_probes_were_drawn(self, folder):
        said = asked(folder, "--json").data["warnings"]
        assert any("vendi_change is beyond its line" in w for w in said)
        assert any("misalignment probes were due and drawn: the judged reward" in w for w in said)

    def test_tell_a_peak_that_is_passed_and_one_that_is_near(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            row = next(r for r in rows_at(turns(journal, NAME)) if r.instrument == "gold_slope")
        m = row.measurement
        for status, words in ((Status.RED, "past the peak"), (Status.YELLOW, "near the fitted")):
            planted = m.model_copy(update={"status": status, "estimate": -0.1})
            (said,) = warnings([row.model_copy(update={"measurement": planted})])
            assert words in said


class TestTheHistory:
    def test_is_one_sign_per_turn_and_a_gap_is_not_a_zero(self):
        assert spark([0.0, None, 1.0]) == "▁·█"
        assert spark([0.0, None, 1.0], ascii_only=True) == "_ @"
        assert spark([2.0, 2.0]) == "▄▄"
        assert spark([None]) == "·"
        assert len(spark([float(i) for i in range(99)])) == 16


class TestThePictures:
    def test_are_written_as_svg_that_any_program_reads(self, folder, tmp_path):
        said = asked(folder, "--plots", str(tmp_path / "plots"), "--json")
        assert len(said.data["plots"]) == 2
        for name in said.data["plots"]:
            root = ET.parse(name).getroot()
            assert root.tag.endswith("svg")
            words = "".join(root.itertext())
            assert "Vendi, corpus" in words
            assert "KL by position" in words

    def test_are_not_written_in_a_dry_run(self, folder, tmp_path):
        said = asked(folder, "--plots", str(tmp_path / "plots"), "--dry-run")
        assert "would write" in said.out
        assert not (tmp_path / "plots").exists()

    def test_draw_no_zero_where_nothing_was_measured(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            found = turns(journal, NAME)
        assert "nan" not in str(multiples(found, 350)).lower()

    def test_stand_in_the_report_with_the_same_table(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            page = report(journal, NAME)
            drawn = section(turns(journal, NAME))
        said = "".join(Page(page).texts)
        assert "Drift" in said
        assert all(cell in said for row in drawn.rows for cell in row)

    def test_are_views_too_with_the_same_values(self, folder):
        with Journal(folder / "plimsoll.sqlite", read_only=True) as journal:
            drawn = section(turns(journal, NAME))
        panels = {spec["title"]: spec["data"]["values"] for spec in drawn.specs if "data" in spec}
        assert "Vendi, corpus" in panels and set(panels) <= {*TITLES.values()}
        for title, rows in panels.items():
            assert escape(title) in drawn.wide and rows
            assert all(f"{escape(row['says'])}</title>" in drawn.wide for row in rows)

    def test_are_left_out_of_the_report_where_no_drift_set_was_measured(self, tmp_path):
        with a_journal(tmp_path, iterations=4) as journal:
            assert section(turns(journal, SESSION)) is None
            assert 'id="drift-set-heading"' not in report(journal, SESSION)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["--iteration", "99"], 2),
            (["--iteration", "0"], 2),
            (["--iteration", "two"], 2),
            (["--of", "gold"], 2),
            (["--session", "nowhere"], 2),
            (["--plot", "x"], 2),
        ],
    )
    def test_says_what_was_wanted_and_what_to_try(self, folder, words, code):
        said = asked(folder, *words, "--json")
        assert said.code == code
        assert said.error["wanted"]
        assert said.error["try"]

    def test_a_file_where_a_folder_should_be(self, folder, tmp_path):
        (tmp_path / "plots").write_text("x")
        said = asked(folder, "--plots", str(tmp_path / "plots"), "--json")
        assert said.code == 2

    def test_pictures_of_nothing_are_undecided(self, tmp_path):
        a_journal(tmp_path, iterations=2).close()
        said = asked(tmp_path, "--plots", str(tmp_path / "plots"), "--json")
        assert said.code == 6

    def test_a_folder_without_a_log(self, tmp_path):
        said = asked(tmp_path, "--json")
        assert said.code in (1, 2, 4)
        assert said.error["try"]


def test_needs_no_library_that_only_measuring_needs(folder):
    import subprocess
    import sys

    code = (
        "import sys; from agent.cli import main; "
        f"main(['drift','show','--workspace',{str(folder)!r}]); "
        "sys.exit(any(n in sys.modules for n in ('torch','scipy','sklearn','z3','langgraph')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.getcwd(), "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0
    assert b"#" in done.stdout
