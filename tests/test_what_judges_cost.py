"""What judges on servers cost: counted while they are asked, priced, and barred by budgets."""

import json
from decimal import Decimal

import pytest

from agent import budget
from agent.budget import Spent, lines
from agent.config import BudgetSection, Config
from agent.meter import Meter
from agent.model_costs import model_costs
from agent.remote_usage import CACHE, money_of, prices_of, since_told
from agent.tally import tally_of
from logs.errors import Halted
from logs.journal import Journal
from logs.model_rows import HEADERS, model_rows, model_sums
from logs.vocabulary import EntryKind
from tests.a_chat_server import TOKENS, a_server, hangs, status
from tests.a_judge_server import rates
from tests.test_the_remote_judges import PROMPTS, RULES, a_judge, judged
from tools.remote.cache import Cache
from tools.remote.judging import judge_groups
from tools.remote.prices import Price, price_of, snapshot

HOSTED = "https://api.openai.com/v1"
EACH = TOKENS["prompt_tokens"] + TOKENS["completion_tokens"]
MANY = [{"prompt": PROMPTS[0], "answers": [[f"answer {i}"] for i in range(200)]}]
BARE = json.dumps({"choices": [{"message": {"content": '{"rating": 5}'}}]}).encode()

ASKED = {
    "cache": "c",
    "judges": {
        "critic": {"calls": 3, "tokens_in": 10, "tokens_out": 5, "most_in": 7, "seconds": 1.25}
    },
}


def config(*remote, **sections):
    known = {"id": "critic", "url": "http://127.0.0.1:9/v1", "model": "small-7b"}
    tables = [known | table for table in remote]
    return Config.model_validate({"judges": {"remote": tables}, **sections})


def by_name(found):
    return {line.name: line for line in found}


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "plimsoll.sqlite") as opened:
        yield opened


def metered(journal, tmp_path, prices=None, **limits):
    section = BudgetSection(**limits)
    return Meter(section, journal, "s", tmp_path / "objects", prices=prices)


class TestAPrice:
    def test_is_nothing_on_a_server_of_ones_own(self):
        assert price_of("http://127.0.0.1:8000/v1", "any", "vllm").of(10**6, 10**6) == 0

    def test_is_what_was_published_for_the_model_at_its_own_host(self):
        assert price_of(HOSTED, "gpt-4o-mini-2024-07-18", "openai").of(10**6, 10**6) == Decimal(
            "0.75"
        )
        elsewhere = price_of("https://example.org/v1", "gpt-4o-mini", "openai")
        assert not elsewhere.known and elsewhere.of(1, 0) is None and elsewhere.of(0, 0) == 0

    def test_is_what_the_table_says_before_all_else(self):
        for profile in ("vllm", "openai"):
            told = price_of(HOSTED, "gpt-4o-mini", profile, (2.0, 3.0))
            assert told == Price(Decimal("2.0"), Decimal("3.0"))

    def test_that_is_unknown_in_one_direction_is_unknown(self):
        half = price_of("https://example.org/v1", "m", "generic", (2.0, None))
        assert not half.known and half.of(5, 0) == Decimal("0.00001") and half.of(5, 1) is None

    def test_was_published_on_a_day_that_is_told(self):
        assert snapshot()["date"] and snapshot()["currency"] == "USD"


class TestMoney:
    def test_is_added_up_over_judges_and_decider(self):
        own = BudgetSection(price_per_million_tokens_in=1.0, price_per_million_tokens_out=1.0)
        prices = {"critic": Price(Decimal(2), Decimal(4))}
        spent = Spent(tokens_in=10**6, judged={"critic": (10**6, 10**6)})
        found = by_name(lines(own, spent, prices))
        assert found["money"].spent == 7 and found["tokens"].spent == 3 * 10**6

    def test_of_a_judge_without_a_price_is_unknown_and_not_zero(self):
        assert money_of({"critic": (1, 1)}, {}) is None
        assert money_of({"critic": (0, 0)}, {}) == 0

    def test_that_cannot_be_counted_is_a_warning_that_names_the_judge(self):
        paid = {"budget": {"money": 1.0}}
        (said,) = budget.warnings(config({"profile": "openai"}, **paid))
        assert "[[judges.remote]] of critic" in said and "unknown" in said
        assert budget.warnings(config({"profile": "vllm"}, **paid)) == ()


class TestWhatIsCounted:
    def test_is_the_most_it_may_be_where_a_server_does_not_count(self, tmp_path):
        with a_server(status(200, BARE)) as server:
            usage = judged(server, tmp_path).usage
        longest = max(len(json.dumps(q.body["messages"])) for q in server.questions)
        assert usage.uncounted == 9 and usage.most_out == 9 * 64
        assert 0 < usage.most_in <= 9 * longest

    def test_includes_tries_of_which_nobody_knows_how_far_they_came(self, tmp_path):
        with a_server(hangs, rates(5)) as server:
            groups = [{"prompt": PROMPTS[0], "answers": [["one"]]}]
            usage = judged(server, tmp_path, groups=groups, timeout_seconds=2.0).usage
        assert (usage.calls, usage.tries, usage.uncounted) == (1, 2, 0)
        assert usage.most_out == 64 and usage.tokens_in == TOKENS["prompt_tokens"]

    def test_is_nothing_where_no_server_was_reached(self, tmp_path):
        usage = judged("http://127.0.0.1:9/v1", tmp_path, deadline_seconds=0.2).usage
        assert (usage.most_in, usage.most_out) == (0, 0)


class TestABudget:
    def test_of_tokens_ends_the_questions_and_loses_no_verdict(self, journal, tmp_path):
        meter = metered(journal, tmp_path, tokens=40 * EACH)

        def ask(progress):
            with Cache(tmp_path / CACHE) as cache:
                judge_groups(a_judge(server, tmp_path), MANY, RULES, cache, progress)

        with a_server(rates(5)) as server:
            with pytest.raises(Halted) as caught:
                ask(lambda *_: meter.require_tokens())
            asked = len(server.questions)
            assert 40 <= asked < 80 and "tokens" in caught.value.saw
            ask(lambda *_: None)
            assert len(server.questions) <= 200 + 4

    def test_of_money_goes_by_the_price_of_the_judge(self, journal, tmp_path):
        prices = {"critic": Price(Decimal(1), Decimal(1))}
        meter = metered(journal, tmp_path, prices, money=40 * EACH / 1e6)
        with a_server(rates(5)) as server, Cache(tmp_path / CACHE) as cache:
            with pytest.raises(Halted):
                judge = a_judge(server, tmp_path)
                judge_groups(judge, MANY, RULES, cache, lambda *_: meter.require_tokens())
            assert len(server.questions) < 80

    def test_counts_what_a_record_told_once(self, journal, tmp_path):
        meter = metered(journal, tmp_path, tokens=10**9)
        with a_server(rates(5)) as server, Cache(tmp_path / CACHE) as cache:
            judge_groups(a_judge(server, tmp_path), MANY[:1], RULES, cache, lambda *_: None)
        before = by_name(meter.lines())["tokens"].spent
        told = since_told(tmp_path, [])
        journal.append(
            EntryKind.RECORDED,
            session="s",
            iteration=1,
            step="record",
            body={"remote_judges": told},
        )
        assert by_name(meter.lines())["tokens"].spent == before == 200 * EACH
        assert tally_of(journal.entries("s")).tokens == 200 * EACH


class TestTheRecordOfATurn:
    def recorded(self, journal, settings):
        journal.append(
            EntryKind.CONSULTED,
            session="s",
            iteration=1,
            step="consulted",
            body={"tokens_in": 100, "tokens_out": None, "tokens_most": [0, 20], "seconds": 2.0},
        )
        costs = model_costs(settings, journal.entries_of("s", 1), ASKED)
        journal.append(
            EntryKind.RECORDED, session="s", iteration=1, step="record", body={"models": costs}
        )
        return {row["model"]: row for row in costs}

    def test_tells_tokens_seconds_and_money_of_each_model(self, journal):
        free = config({"profile": "vllm"})
        rows = self.recorded(journal, free)
        assert rows["critic"] == {
            "model": "critic",
            "calls": 3,
            "tokens_in": 17,
            "tokens_out": 5,
            "seconds": 1.25,
            "money": "0",
        }
        assert rows["decider"]["tokens_out"] == 20 and rows["decider"]["money"] is None

    def test_is_a_table_with_a_sum_of_each_model(self, journal):
        priced = config({"price_per_million_tokens_in": 1.0, "price_per_million_tokens_out": 1.0})
        assert prices_of(priced)["critic"].known
        self.recorded(journal, priced)
        headers, *rows = model_rows(journal, "s")
        assert headers == HEADERS
        assert [(row[0], row[2], row[-1]) for row in rows] == [
            ("1", "decider", "unknown"),
            ("1", "critic", "0.000022"),
            ("all", "decider", "unknown"),
            ("all", "critic", "0.000022"),
        ]
        assert {s["model"]: s["calls"] for s in model_sums(journal, "s")} == {
            "decider": 1,
            "critic": 3,
        }

    def test_of_a_session_that_asked_nobody_is_no_table(self, journal):
        assert model_rows(journal, "s") == []
