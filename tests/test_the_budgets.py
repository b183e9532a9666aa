"""What a session may spend: counted from the log, enforced by the parent, said aloud if unknown."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import budget
from agent.arm import Arm
from agent.budget import Line, Spent, clipped, lines, money, require_left, used_up
from agent.config import BudgetSection, Config, dump, read
from agent.meter import Meter, Unmetered, size_of
from agent.purse import Purse
from agent.stops import halted_at, last_stop
from agent.tally import Tally, asked_today, tokens_of
from logs.budget_rows import budget_rows
from logs.errors import Halted, JobFailed, UsageError
from logs.journal import Journal
from logs.verify import verified, verify
from logs.vocabulary import EntryKind, Ledgers
from sandbox.limits import Limits

AMOUNTS = st.decimals(0, 10**6, places=3)
COUNTS = st.integers(0, 10**9)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "plimsoll.sqlite") as opened:
        yield opened


def metered(journal, tmp_path, **limits):
    """A meter whose clocks stand still unless a test moves them."""
    clock, cpu = Clock(), Clock()
    section = BudgetSection(**limits)
    meter = Meter(section, journal, "s", tmp_path / "objects", clock=clock, cpu_clock=cpu)
    return meter, clock, cpu


def write(journal, meter, step, kind=EntryKind.MEASURED, iteration=1, **body):
    """An entry that spends what the meter says."""
    return journal.append(
        kind, session="s", iteration=iteration, step=step, body=body, spend=meter.priced(None)
    )


def by_name(found):
    return {line.name: line for line in found}


class TestTheArithmetic:
    def test_without_limits_nothing_is_ever_used_up(self):
        spent = Spent(seconds=Decimal(10**9), tokens_in=10**9, disk_bytes=10**15, approvals=99)
        assert used_up(lines(BudgetSection(), spent)) is None

    def test_a_budget_is_used_up_when_all_of_it_is_spent_and_not_before(self):
        at = {"hours": 2.0}
        before = lines(BudgetSection(**at), Spent(seconds=Decimal("7199.9")))
        after = lines(BudgetSection(**at), Spent(seconds=Decimal(7200)))
        assert used_up(before) is None
        assert used_up(after) == Line("hours", Decimal("2.000000"), Decimal("2.0"))

    @given(AMOUNTS, AMOUNTS, COUNTS, st.floats(0.001, 1000), st.integers(1, 10**9))
    def test_what_is_used_up_stays_used_up_when_more_is_spent(self, a, more, tokens, hours, most):
        section = BudgetSection(hours=hours, tokens=most)
        spent = Spent(seconds=a, tokens_in=tokens)
        later = replace(spent, seconds=a + more, tokens_out=1)
        if used_up(lines(section, spent)):
            assert used_up(lines(section, later))

    @given(AMOUNTS, st.floats(0.001, 1000))
    def test_spent_and_left_add_up_to_the_limit(self, seconds, hours):
        line = by_name(lines(BudgetSection(hours=hours), Spent(seconds=seconds)))["hours"]
        assert line.left == max(0, line.limit - line.spent)
        assert line.used_up is (line.left == 0)

    @given(st.builds(Spent, seconds=AMOUNTS, tokens_in=COUNTS, disk_bytes=COUNTS))
    def test_a_row_of_the_log_is_read_back_exactly(self, spent):
        for line in lines(BudgetSection(hours=0.1, disk_gb=3.5), spent):
            assert budget.read_row(line.row()) == line

    def test_a_refusal_names_the_budget_and_says_how_to_go_on(self):
        found = lines(BudgetSection(tokens=10), Spent(tokens_in=7, tokens_out=5))
        with pytest.raises(Halted) as caught:
            require_left(found)
        assert caught.value.exit_code == 8
        assert "tokens 12 of 10" in caught.value.saw
        assert "[budget]" in caught.value.try_this

    def test_approvals_bar_questions_and_no_work(self):
        found = lines(BudgetSection(approvals=2), Spent(approvals=2))
        require_left(found)
        with pytest.raises(Halted):
            require_left(found, asking=True)


class TestMoney:
    PRICED = BudgetSection(
        price_per_million_tokens_in=3.0, price_per_million_tokens_out=15.0, money=1.0
    )

    def test_is_tokens_times_their_price(self):
        assert money(self.PRICED, 200_000, 10_000) == Decimal("0.75")

    def test_at_an_unknown_price_is_unknown_and_not_zero(self):
        section = BudgetSection(money=1.0, price_per_million_tokens_in=3.0)
        assert money(section, 5, 1) is None
        line = by_name(lines(section, Spent(tokens_in=5, tokens_out=1)))["money"]
        assert line.spent is None and not line.used_up and line.left is None
        assert line.said() == "unknown of 1"

    def test_that_cannot_be_counted_is_a_warning(self):
        asks = {"session": {"decider": "llm"}}
        unknown = Config.model_validate(asks | {"budget": {"money": 2.0}})
        known = Config.model_validate(asks | {"budget": self.PRICED.model_dump()})
        assert "price" in budget.warnings(unknown)[0]
        assert budget.warnings(known) == budget.warnings(Config()) == ()

    def test_of_an_endpoint_that_does_not_count_is_the_most_that_it_may_be(self):
        said = {"tokens_in": None, "tokens_out": None, "tokens_most": [900, 800]}
        assert tokens_of(said) == (900, 800)
        assert tokens_of(said | {"tokens_in": 5, "tokens_out": 6}) == (5, 6)
        assert tokens_of({"tokens_in": None, "tokens_out": None}) == (0, 0)


class TestTheFile:
    def test_takes_a_budget_and_writes_it_back(self, tmp_path):
        path = tmp_path / "plimsoll.toml"
        path.write_text("[budget]\nhours = 2\nprice_per_million_tokens_in = 0.15\n")
        config = read(path)
        assert config.budget.hours == 2 and config.budget.price_per_million_tokens_out is None
        path.write_text(dump(config))
        assert read(path) == config

    @pytest.mark.parametrize("line", ["hours = -1", "hours = nan", "disk_gb = inf", "tokens = 1.5"])
    def test_with_a_budget_that_is_none_is_refused(self, tmp_path, line):
        path = tmp_path / "plimsoll.toml"
        path.write_text(f"[budget]\n{line}\n")
        with pytest.raises(UsageError):
            read(path)


class TestTheMeter:
    def test_counts_time_between_entries_and_up_to_now(self, journal, tmp_path):
        meter, clock, cpu = metered(journal, tmp_path)
        clock.now += 3600
        cpu.now += 1800
        write(journal, meter, "a")
        clock.now += 1800
        spent = meter.spent()
        assert (spent.seconds, spent.cpu_seconds) == (Decimal(5400), Decimal(1800))

    def test_goes_on_where_an_earlier_run_was_killed_without_the_time_it_did_not_log(
        self, journal, tmp_path
    ):
        meter, clock, _ = metered(journal, tmp_path)
        clock.now += 60
        write(journal, meter, "a")
        clock.now += 30  # and then it is killed
        again, clock, _ = metered(journal, tmp_path)
        clock.now += 5
        assert again.spent().seconds == 65

    def test_counts_one_session_alone(self, journal, tmp_path):
        spend = Ledgers(seconds=Decimal(9))
        journal.append(
            EntryKind.MEASURED, session="other", iteration=1, step="a", body={}, spend=spend
        )
        meter, _, _ = metered(journal, tmp_path)
        assert meter.spent().seconds == 0

    def test_keeps_what_else_an_entry_spends(self, journal, tmp_path):
        meter, clock, _ = metered(journal, tmp_path)
        clock.now += 2
        spend = meter.priced(Ledgers(audit_labels=7))
        assert (spend.audit_labels, spend.seconds) == (7, 2)

    def test_bars_work_when_the_hours_are_over(self, journal, tmp_path):
        meter, clock, _ = metered(journal, tmp_path, hours=1.0)
        meter.require_left()
        clock.now += 3600
        with pytest.raises(Halted, match="hours"):
            meter.require_left()

    def test_looks_at_the_disk_itself(self, journal, tmp_path):
        meter, *_ = metered(journal, tmp_path, disk_gb=1e-6)
        meter.require_left()
        (tmp_path / "objects" / "ab").mkdir(parents=True)
        (tmp_path / "objects" / "ab" / "cd").write_bytes(b"x" * 1000)
        assert size_of(tmp_path / "objects") == 1000
        with pytest.raises(Halted, match="disk_gb"):
            meter.require_left()

    def test_adds_tokens_of_every_answer(self, journal, tmp_path):
        meter, *_ = metered(journal, tmp_path, tokens=100)
        asked = {"prompt": None, "model": "m"}
        heard = {"tokens_in": 60, "tokens_out": 50, "failed": ""}
        journal.append(EntryKind.CONSULTED, session="s", iteration=1, step="consult", body=asked)
        journal.append(EntryKind.CONSULTED, session="s", iteration=1, step="consulted", body=heard)
        with pytest.raises(Halted, match="tokens"):
            meter.require_left()

    def test_counts_questions_of_one_day_to_people_and_none_to_the_vault(self, journal):
        for iteration, step in ((1, "ask"), (2, "ask"), (2, "ask-vault")):
            journal.append(EntryKind.ASKED, session="s", iteration=iteration, step=step, body={})
        now = datetime.now(UTC)
        assert asked_today(journal, now) == 2
        assert asked_today(journal, now + timedelta(hours=25)) == 0

    def test_of_no_session_bars_nothing(self):
        meter, spend = Unmetered(), Ledgers(audit_labels=1)
        meter.require_left()
        assert meter.priced(spend) is spend and meter.lines() == ()


class TestAJob:
    def test_is_given_no_more_time_than_is_left(self):
        found = lines(BudgetSection(hours=1.0), Spent(seconds=Decimal(3590)))
        assert clipped(Limits(wall_seconds=600), found).wall_seconds == pytest.approx(10, abs=0.01)
        assert clipped(Limits(wall_seconds=5), found).wall_seconds == 5
        assert clipped(Limits(), lines(BudgetSection(), Spent())) == Limits()

    @pytest.fixture
    def arm(self, journal, tmp_path):
        """An arm whose worker is a stand-in."""
        arm = object.__new__(Arm)
        arm._limits, arm._count, arm.scratch = Limits(wall_seconds=600), 0, tmp_path
        arm.listener = SimpleNamespace(progress=None)
        arm.meter, self.clock, _ = metered(journal, tmp_path, hours=1.0)
        return arm

    def test_is_not_begun_when_a_budget_is_used_up(self, arm):
        arm._worker = None  # whoever asks it for anything fails
        self.clock.now += 3600
        with pytest.raises(Halted):
            arm._run("draw", {})

    def test_is_not_begun_when_building_the_wall_took_the_rest(self, arm):
        arm._worker = SimpleNamespace(stand=lambda: setattr(self.clock, "now", 99_999.0))
        with pytest.raises(Halted):
            arm._run("draw", {})

    def test_that_is_ended_at_the_rest_of_a_budget_ends_the_session_and_not_the_turn(self, arm):
        given = []

        def call(job, args, *, limits, **_):
            given.append(limits.wall_seconds)
            self.clock.now += limits.wall_seconds
            raise JobFailed("ended at a limit", saw="", wanted="", try_this="")

        arm._worker = SimpleNamespace(stand=lambda: None, call=call)
        self.clock.now += 3400
        with pytest.raises(Halted, match="hours"):
            arm._run("draw", {})
        assert given == [pytest.approx(200, abs=0.01)]

    def test_that_fails_for_another_reason_fails_and_counts_all_that_it_may_have_used(self, arm):
        def call(*_, **__):
            time.sleep(0.02)
            raise JobFailed("it raised", saw="", wanted="", try_this="")

        arm._worker = SimpleNamespace(stand=lambda: None, call=call)
        with pytest.raises(JobFailed):
            arm._run("draw", {})
        assert arm.meter.spent().cpu_seconds >= Decimal("0.04"), "two threads, all the time"


class TestAStopByABudget:
    def test_is_not_the_end_of_the_session(self, journal, tmp_path):
        meter, *_ = metered(journal, tmp_path)
        write(journal, meter, "halt-1", EntryKind.STOPPED, reason="r", budget="hours")
        assert last_stop(journal, "s") is None
        assert halted_at(journal, "s").body["budget"] == "hours"

    def test_is_over_when_the_session_went_on(self, journal, tmp_path):
        meter, *_ = metered(journal, tmp_path)
        write(journal, meter, "halt-1", EntryKind.STOPPED, reason="r", budget="hours")
        write(journal, meter, "observe")
        assert halted_at(journal, "s") is None
        write(journal, meter, "stop", EntryKind.STOPPED, reason="used up")
        assert last_stop(journal, "s").body == {"reason": "used up"}


class TestWhatPeopleSee:
    def test_a_running_session_shows_the_share_of_each_limit(self, journal, tmp_path):
        meter, clock, _ = metered(journal, tmp_path)
        purse = Purse(BudgetSection(hours=1.0, tokens=0), Tally(), clock)
        clock.now += 360
        assert purse.line() == "budget hours 10%"
        purse.entry(write(journal, meter, "a"))
        clock.now += 360
        assert purse.line() == "budget hours 20%"
        assert Purse(BudgetSection(), Tally(), clock).line() == ""

    def test_the_report_reads_the_last_record(self, journal, tmp_path):
        meter, clock, _ = metered(journal, tmp_path, hours=2.0)
        assert budget_rows(journal, "s") == []
        clock.now += 3600
        rows = [line.row() for line in meter.lines()]
        write(journal, meter, "record", EntryKind.RECORDED, budgets=rows)
        found = {row[0]: row[1:] for row in budget_rows(journal, "s")}
        assert found["hours by the clock"] == ("1", "2", "50%")
        assert found["tokens of models that are asked"] == ("0", "none", "-")


class TestALogFromBefore:
    def test_that_lacks_a_ledger_takes_its_first_amount_and_still_verifies(self, tmp_path):
        path = Path(tmp_path / "plimsoll.sqlite")
        with Journal(path) as journal:
            journal._db.execute("DELETE FROM ledger WHERE name = 'cpu_seconds'")
            journal.append(EntryKind.MEASURED, session="s", iteration=1, step="a", body={})
            assert _adds_up(tmp_path)
            spend = Ledgers(cpu_seconds=Decimal("1.5"))
            journal.append(
                EntryKind.MEASURED, session="s", iteration=1, step="b", body={}, spend=spend
            )
            assert journal.ledgers().cpu_seconds == Decimal("1.5")
        assert _adds_up(tmp_path)


def _adds_up(folder):
    found = verify(folder)
    return verified(tuple(c for c in found if c.name == "ledgers are the sum of entries"))
