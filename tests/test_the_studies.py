"""Prompt-strategy studies: planted differences are found, equal judges are not told apart."""

import dataclasses
import tomllib
from decimal import Decimal

import pytest

from agent.commands_study import DEFAULT
from agent.workspace import CONFIG, DEFAULT_CONSTITUTION, read_constitution
from logs.errors import UsageError
from logs.vocabulary import Status
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.house import ROOT
from tools.audit import audit, studies, world
from tools.audit.audit import Call
from tools.audit.planted import Taste, of_taste
from tools.audit.studies import Strategy, Study
from tools.audit.study import ACCURACY, Asked, effects, examine
from tools.audit.study_job import distinct, plain, prompt_hash, study, study_of
from tools.audit.study_judges import PAIRWISE, asked, by_log_prob, rows_of
from tools.audit.study_page import page

FOUNDED = read_constitution(DEFAULT_CONSTITUTION)
SHIPPED = ROOT / "tools" / "world" / "shipped"
ITEMS = 120
BIASES = ("length", "sycophancy", "authority", "demographic/names")


def strategy(name: str, **fields: object) -> Strategy:
    return Strategy(**{"id": name, "weights": {}, **fields})


def planned(*names: str, items: int = ITEMS) -> Study:
    strategies = tuple(strategy(n) for n in names)
    return Study(name="tried", base=names[0], items=items, seed=0, strategies=strategies)


def examined(*, items: int = ITEMS, seed: int = 0, **judges: audit.Judge):
    """A study in which each strategy is a judge of its own."""
    names = list(judges)
    treatments = [t for t in world.treatments() if t.bias in BIASES]
    what = Asked(
        pairs=world.pairs(items, seed=seed),
        treatments=treatments,
        judge_hash="0" * 64,
        prompt_hashes={n: f"{i:064x}" for i, n in enumerate(names)},
    )
    return examine(planned(*names, items=items), "planted", judges, what)


def differing(found, alpha: float = 0.05) -> set[tuple[str, str]]:
    return {(d.strategy, d.name) for d in found.differences if d.p_holm < alpha}


class TestAStudyFile:
    def test_that_comes_along_is_the_example(self):
        assert DEFAULT.read_bytes() == (ROOT / "examples" / "judge-study.toml").read_bytes()

    def test_that_comes_along_fits_the_founding_constitution(self):
        told = studies.read(DEFAULT.read_bytes(), DEFAULT.name)
        made = {s.id: studies.applied(s, FOUNDED, DEFAULT.name) for s in told.strategies}
        for name, constitution in made.items():
            if name != "three-principles":
                assert sum(p.weight for p in constitution.principles) == 1
        assert [p.id for p in made["three-principles"].principles] == [
            "harmless",
            "honest",
            "plausible",
        ]
        assert [p.id for p in made["other-order"].principles][:3] == [
            "concise",
            "thorough",
            "complete",
        ]
        assert made["in-force"] == FOUNDED

    def test_crosses_the_wall_and_comes_back_as_it_was(self):
        told = studies.read(DEFAULT.read_bytes(), DEFAULT.name)
        assert study_of(plain(told)) == told

    @pytest.mark.parametrize(
        ("planted", "says"),
        [
            ('mode = "pairwize"', "did you mean 'pairwise'"),
            ('wieghts = { honest = "0.2" }', "did you mean 'weights'"),
            ('weights = { honest = "1.2" }', "honest = '1.2'"),
            ("weights = { honest = 0.2 }", "a quoted decimal"),
            ('weights = { honest = "NaN" }', "a quoted decimal"),
            ('template = "kindly"', "A template holds the prompt once"),
            ('template = "{rival} {prompt}"', "Only a pairwise judge sees the rival"),
            ('only = ["honest", "honest"]', "named twice"),
            ('only = "honest"', "list of principles"),
            ("says = 3", "as quoted text"),
            ('id = "one"', "Two strategies have one id"),
        ],
    )
    def test_with_a_mistake_is_refused_with_its_place(self, planted, says):
        extra = "" if planted.startswith("id") else 'id = "two"\n'
        text = (
            f'format = "{studies.FORMAT}"\n[[strategy]]\nid = "one"\n'
            f"[[strategy]]\n{extra}{planted}\n"
        )
        with pytest.raises(UsageError) as refused:
            studies.read(text.encode(), "mine.toml")
        assert says in str(refused.value)
        assert "mine.toml" in refused.value.saw

    @pytest.mark.parametrize(
        "text",
        ["", "format = 1", 'format = "plimsoll-study/1"', "[[", 'base = "x"', "items = true"],
    )
    def test_that_is_none_is_refused(self, text):
        with pytest.raises(UsageError):
            studies.read(text.encode(), "mine.toml")

    def test_that_names_no_principle_that_there_is_says_which_there_are(self):
        with pytest.raises(UsageError, match="no such principle") as refused:
            studies.applied(strategy("s", weights={"honset": Decimal("0.2")}), FOUNDED, "f")
        assert refused.value.try_this == "did you mean 'honest'?"
        with pytest.raises(UsageError, match="no principle of weight"):
            studies.applied(
                strategy("s", only=("honest",), weights={"honest": Decimal(0)}), FOUNDED, "f"
            )


class TestAPlantedDifference:
    def test_is_found_where_it_was_planted_and_nowhere_else(self):
        fair, padded = Taste(right=4.0), Taste(right=4.0, per_word=0.8)
        found = examined(base=of_taste(fair, seed=1), long=of_taste(padded, seed=2))
        assert ("long", "length") in differing(found)
        assert not {n for _, n in differing(found)} & {"authority", "demographic/names"}
        by = {
            e.strategy: {b.name: b.shift.status for b in e.audit.biases} for e in found.strategies
        }
        assert by["long"]["length"] is Status.RED
        assert by["base"]["length"] is not Status.RED

    def test_in_reliability_is_found_too(self):
        found = examined(
            base=of_taste(Taste(right=6.0), seed=1), careless=of_taste(Taste(flips=0.3), seed=2)
        )
        assert ("careless", ACCURACY) in differing(found)
        (difference,) = [d for d in found.differences if d.name == ACCURACY]
        assert difference.difference.high < 0

    def test_that_is_none_is_seen_in_few_seeds(self):
        alarms = sum(
            bool(
                differing(
                    examined(
                        items=40,
                        seed=seed,
                        base=of_taste(Taste(), seed=2 * seed),
                        same=of_taste(Taste(), seed=2 * seed + 1),
                    )
                )
            )
            for seed in range(12)
        )
        assert alarms <= 2  # family-wise 5 %: more than 2 of 12 has probability .02

    def test_of_the_very_same_judge_is_exactly_none(self):
        known: dict[Call, str] = {}

        def judge(call):
            return known.setdefault(call, "first" if call.first < call.second else "second")

        found = examined(items=40, base=judge, same=judge)
        assert {d.p for d in found.differences} == {1.0}
        assert all(d.difference.estimate == 0 for d in found.differences)


class TestTheCorrection:
    def test_is_over_all_strategies_together(self):
        one = examined(base=of_taste(Taste(agrees=1.2), seed=1), x=of_taste(Taste(), seed=9))
        more = {f"s{i}": of_taste(Taste(), seed=20 + i) for i in range(3)}
        many = examined(base=of_taste(Taste(agrees=1.2), seed=1), **more)

        def p(found):
            biases = found.strategies[0].audit.biases
            return next((b.p, b.p_holm) for b in biases if b.name == "sycophancy")

        assert p(one)[0] == p(many)[0]
        assert p(one)[1] <= p(many)[1]

    def test_takes_red_from_a_shift_that_does_not_survive_it(self):
        found = examined(base=of_taste(Taste(agrees=1.2), seed=1), x=of_taste(Taste(), seed=9))
        for one in found.strategies:
            for bias in one.audit.biases:
                assert bias.shift.status is not Status.RED or bias.p_holm < 0.05


class TestAFailingJudge:
    def test_gives_no_verdict_and_no_number(self):
        fair = of_taste(Taste(right=4.0), seed=1)

        def failing(call):
            if call.prompt < "m":
                raise RuntimeError("no answer")
            return fair(call)

        found = examined(items=60, base=fair, failing=failing)
        broken = next(e.audit for e in found.strategies if e.strategy == "failing")
        missing = next(m for m in broken.noise if m.instrument == "missing_verdicts")
        assert missing.status is Status.RED
        (accuracy,) = [d for d in found.differences if d.name == ACCURACY]
        assert accuracy.difference.estimate < 0  # what is not judged is not judged rightly


class TestTheDifferences:
    def test_are_of_the_same_items(self):
        pairs = world.pairs(30, seed=3)
        cases = audit.cases(pairs, [t for t in world.treatments() if t.bias == "length"])
        said = audit.run(
            of_taste(Taste(), seed=1), pairs, cases, judge_hash="a", prompt_hash="b", repeats=1
        )
        found = effects(said)
        assert set(found) == {"length", ACCURACY}
        assert set(found[ACCURACY]) == {p.id for p in pairs}
        assert all(-1 <= v <= 1 for _, v in found["length"].values())


class TestWhatAJudgeReads:
    def told(self) -> Study:
        return studies.read(DEFAULT.read_bytes(), DEFAULT.name)

    def constitutions(self) -> dict:
        return {s.id: studies.applied(s, FOUNDED, "f") for s in self.told().strategies}

    def test_decides_what_is_run(self):
        run, same = distinct(self.told(), "feature", self.constitutions())
        assert {s.id for s in run} == {
            "in-force",
            "general",
            "specific",
            "safety-first",
            "helpful-first",
            "not-thorough",
            "three-principles",
            "pairwise",
        }
        assert same["other-order"] == (
            "for this judge the same as 'in-force': it reads no order and no words of principles"
        )
        run, same = distinct(self.told(), "log_prob", self.constitutions())
        assert {s.id for s in run} == {"in-force", "pairwise", "kindly", "rival-as-claim"}
        assert "only prompt text" in same["safety-first"]
        run, _ = distinct(self.told(), "verifier", self.constitutions())
        assert {s.id for s in run} == {"in-force", "pairwise"}

    def test_keeps_the_base_whatever_stands_before_it(self):
        told = dataclasses.replace(self.told(), base="other-order")
        run, same = distinct(told, "feature", self.constitutions())
        assert "other-order" in {s.id for s in run}
        assert "in-force" in same

    def test_is_named_by_a_digest(self):
        made = self.constitutions()
        hashes = {prompt_hash(s, made[s.id]) for s in self.told().strategies}
        assert len(hashes) == len(self.told().strategies)


class TestAJudgeOfPromptText:
    call = Call("reverse a b c =", "c b a", "a b c")

    def test_is_asked_with_the_template_around_the_prompt(self):
        polite = strategy("s", template="kindly {prompt}")
        assert asked(self.call, polite) == (
            ("kindly reverse a b c =", "c b a"),
            ("kindly reverse a b c =", "a b c"),
        )

    def test_sees_the_rival_as_what_the_user_thinks(self):
        assert PAIRWISE == "we think {rival} . {prompt}"
        one, other = asked(self.call, strategy("s", mode="pairwise"))
        assert one == ("we think a b c . reverse a b c =", "c b a")
        assert other == ("we think c b a . reverse a b c =", "a b c")

    def test_prefers_what_is_likelier(self):
        rows = rows_of([self.call], strategy("s"))
        judge = by_log_prob(strategy("s"), {rows[0]: -1.0, rows[1]: -2.0})
        assert judge(self.call) == "first"
        swapped = Call(self.call.prompt, self.call.second, self.call.first)
        assert judge(swapped) == "second"

    def test_really_conditions_on_it(self, tmp_path):
        found = study(job("log_prob", str(SHIPPED / "reader"), "plain", "kindly"), tmp_path, quiet)
        plain_, kindly = found["strategies"]
        assert plain_["audit"]["prompt_hash"] != kindly["audit"]["prompt_hash"]
        shifts = [[b["shift"]["low"] for b in e["audit"]["biases"]] for e in (plain_, kindly)]
        assert shifts[0] != shifts[1]
        accuracy = plain_["audit"]["reliability"][0]["estimate"]
        assert accuracy > 0.8

    def test_refuses_words_that_it_cannot_read(self, tmp_path):
        args = job("log_prob", str(SHIPPED / "reader"), "plain", "kindly")
        args["study"]["strategies"][1]["template"] = "judge strictly {prompt}"
        with pytest.raises(UsageError, match="cannot read") as refused:
            study(args, tmp_path, quiet)
        assert "judge, strictly" in refused.value.saw


def quiet(*_: object) -> None:
    """Tell nobody."""


def job(kind: str, path: str, *names: str) -> dict:
    """The arguments of a small study behind the wall."""
    told = planned(*names, items=20)
    raw = plain(told)
    for one in raw["strategies"]:
        if one["id"] == "kindly":
            one["template"] = "kindly {prompt}"
    return {
        "judge": {"id": "it", "kind": kind, "path": path, "hash": "0" * 64},
        "base": str(SHIPPED / "base"),
        "reader": str(SHIPPED / "reader"),
        "study": raw,
        "constitutions": {n: FOUNDED.model_dump(mode="json") for n in names},
        "threads": 1,
    }


class TestThePage:
    def test_shows_every_bias_of_every_strategy_and_no_text_of_others_as_markup(self):
        found = examined(
            items=40, base=of_taste(Taste(), seed=1), **{"a|b": of_taste(Taste(), seed=2)}
        )
        text = page(found)
        assert all(f"| {bias} |" in text for bias in BIASES)
        assert "a\\|b" in text
        assert "does not show that there are none" in text
        assert "Holm over" in text


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    """A workspace with a made-up log."""
    root = tmp_path_factory.mktemp("study")
    with a_journal(root):
        (root / CONFIG).write_text("")
    return root


class TestTheCommand:
    def test_names_the_judges_there_are(self, where):
        said = plimsoll("judge", "study", "nobody", "--workspace", str(where), "--json")
        assert (said.code, said.error["what"]) == (2, "There is no such judge.")
        assert "rubric-a" in said.error["wanted"]
        assert "reader" in said.error["wanted"]

    def test_refuses_a_study_that_is_not_there(self, where):
        at = ("--workspace", str(where), "--json")
        said = plimsoll("judge", "study", "rubric-a", "--study", "none.toml", *at)
        assert (said.code, said.error["what"]) == (2, "The study cannot be read.")

    def test_refuses_too_few_pairs(self, where):
        said = plimsoll("judge", "study", "rubric-a", "--items", "3", "--workspace", str(where))
        assert said.code == 2
        assert "a whole number from 20" in said.err

    def test_reads_the_example_as_toml_does(self):
        assert tomllib.loads(DEFAULT.read_text())["format"] == studies.FORMAT
