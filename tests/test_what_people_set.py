"""Constitution and policy on the command line: shown, compared word by word, checked."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config, SessionSection
from agent.word_diff import compared, differences, marked, rendered
from agent.workspace import POLICY, Workspace
from invariants import policy as policies
from logs.vocabulary import Constitution, Principle, PrincipleTier
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_workspace import SESSION

TEXTS = st.lists(st.sampled_from(["be", "brief", "kind", "and", "right", "always"]), max_size=8)


@pytest.fixture
def folder(tmp_path):
    Workspace.create(tmp_path / "own", Config(session=SessionSection(name=SESSION)))
    a_journal(tmp_path / "own", iterations=2).close()
    return tmp_path / "own"


def ask(folder, typed, *more):
    return plimsoll(*typed.split(), *more, "--workspace", str(folder))


def a_principle(name="concise", text="Be brief.", weight="0.2", tier="adaptive", contexts=()):
    return Principle(
        id=name, text=text, weight=Decimal(weight), tier=PrincipleTier(tier), contexts=contexts
    )


def a_constitution(*principles):
    return Constitution(version=1, principles=principles)


class TestWordByWord:
    def test_marks_what_went_and_what_came(self):
        old = "prefer concise answers"
        new = "prefer answers no longer than needed"
        assert marked(compared(old, new)) == (
            "prefer [-concise-] answers {+no longer than needed+}"
        )

    @given(TEXTS, TEXTS)
    def test_both_texts_can_be_read_out_of_it(self, old, new):
        pieces = compared(" ".join(old), " ".join(new))

        def read(without):
            return " ".join(p.words for p in pieces if p.kind != without).split()

        assert read("new") == old
        assert read("old") == new

    def test_nothing_is_marked_where_nothing_changed(self):
        assert {piece.kind for piece in compared("be brief", "be brief")} == {"same"}

    def test_escapes_cannot_act(self):
        assert "\x1b" not in marked(compared("a", "a \x1b[2J"))


class TestADifference:
    def test_of_equal_constitutions_is_empty(self):
        one = a_constitution(a_principle())
        assert differences(one, one, known=set(), content=False) == []

    def test_has_old_and_new_weight(self):
        old, new = a_constitution(a_principle()), a_constitution(a_principle(weight="0.18"))
        (change,) = differences(old, new, known=set(), content=False)
        assert change["weight"] == ["0.2", "0.18"]
        assert "  weight 0.2 -> 0.18" in list(rendered(change))

    def test_tells_added_removed_narrowed_and_retiered(self):
        old = a_constitution(a_principle("a"), a_principle("b"), a_principle("c"))
        new = a_constitution(
            a_principle("a", contexts=("sort",)), a_principle("b", tier="core"), a_principle("d")
        )
        found = differences(old, new, known={"Be brief."}, content=False)
        assert {c["id"]: c["change"] for c in found} == {
            "a": "changed",
            "b": "changed",
            "c": "removed",
            "d": "added",
        }
        text = "\n".join(line for change in found for line in rendered(change))
        assert "contexts all skills -> sort" in text
        assert "tier adaptive -> core" in text
        assert "[-Be brief.-]" in text and "{+Be brief.+}" in text

    def test_hides_words_that_no_person_wrote_unless_asked(self):
        old, new = a_constitution(a_principle()), a_constitution(a_principle(text="Obey me now."))
        known = {"Be brief."}
        (hidden,) = differences(old, new, known=known, content=False)
        (shown,) = differences(old, new, known=known, content=True)
        assert "Obey" not in json.dumps(hidden) and "12 characters, hidden" in json.dumps(hidden)
        assert "Obey" in json.dumps(shown)


class TestTheConstitution:
    def test_of_a_new_workspace_is_the_file(self, tmp_path):
        Workspace.create(tmp_path / "new", Config())
        said = ask(tmp_path / "new", "constitution")
        assert said.code == 0
        assert "not founded yet; weights sum to 1.00" in said.out.replace("\n", " ")
        assert "Refuse what would help somebody" in said.out
        assert ask(tmp_path / "new", "constitution show HEAD").code == 2
        assert ask(tmp_path / "new", "constitution diff").code == 2

    def test_in_force_is_that_of_head(self, folder):
        data = json.loads(ask(folder, "constitution show --json").out)["data"]
        assert [p["id"] for p in data["principles"]] == ["honest", "harmless", "concise"]
        assert data["where"].endswith("iteration 2")

    def test_diff_of_a_commit_with_itself_is_nothing(self, folder):
        said = ask(folder, "constitution diff HEAD HEAD")
        assert said.code == 0 and "no principle differs" in said.out

    def test_that_is_broken_is_refused_with_the_reason(self, tmp_path):
        Workspace.create(tmp_path / "new", Config())
        (tmp_path / "new" / "constitution.toml").write_text("[[principle]]\nid = 'x'\n")
        said = ask(tmp_path / "new", "constitution")
        assert said.code == 2 and "saw:" in said.err


class TestThePolicy:
    def test_without_a_workspace_is_the_one_that_comes_along(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        said = plimsoll("policy", "show")
        assert said.code == 0
        assert "comes with plimsoll" in said.err
        assert "P01-immutable-kept" in said.out

    def test_is_checked_without_a_proof_in_one_look(self, folder):
        said = ask(folder, "policy check --no-proof --json")
        assert json.loads(said.out)["data"]["proof"] is None
        assert "Nothing was proved" in ask(folder, "policy check --no-proof").out

    def test_is_proved_about_the_founding_state_that_is_in_the_log(self, folder):
        said = ask(folder, "policy check --prove --json")
        data = json.loads(said.out)["data"]
        assert data["proof"]["founding"] is True
        starts = {goal["start"] for goal in data["proof"]["goals"]}
        assert starts <= {"holds", "broken"} and starts != {None}
        assert said.code == (0 if data["sound"] else 3)

    def test_before_the_founding_is_proved_about_a_generic_one_and_says_so(self, tmp_path):
        Workspace.create(tmp_path / "new", Config())
        said = ask(tmp_path / "new", "policy check --prove")
        assert said.code == 0, said.out
        assert "generic founding state" in said.err
        assert "May be activated: yes" in said.out

    def test_that_contradicts_itself_is_exit_code_3(self, folder):
        rule = '\n[[invariant]]\nid = "X1"\non = "always"\nneed = "new.facts.judges > 3"\n'
        rule += 'say = "Too few."\n'
        other = rule.replace("X1", "X2").replace("> 3", "< 3")
        break_policy(folder, rule + other)
        said = ask(folder, "policy check")
        assert said.code == 3
        assert "contradicts itself" in said.out and "X1" in said.out

    def test_whose_goal_is_not_kept_is_exit_code_3_with_the_way_out(self, folder):
        goal = '\n[[goal]]\nid = "G9"\nsay = "Never more."\n'
        goal += "need = '''all p in founding.principles: new.principles[p].weight <= p.weight'''\n"
        break_policy(folder, goal)
        said = ask(folder, "policy check --json")
        because = json.loads(said.out)["data"]["because"]
        assert said.code == because["exit"] == 3
        assert "G9" in because["what"]

    @pytest.mark.parametrize(
        ("more", "code", "names"),
        [
            ('\n[[invariant]]\nid = "X"\n', 2, "need"),
            ("\nversoin = 2\n", 2, "versoin"),
            ("\x00", 2, "TOML"),
            ('\n[param.x]\ntype = "real"\nvalue = "nan"\n', 2, "nan"),
        ],
    )
    def test_that_does_not_load_is_refused(self, folder, more, code, names):
        break_policy(folder, more)
        said = ask(folder, "policy check --no-proof")
        assert said.code == code and names in said.err
        assert ask(folder, "policy show").code == code

    def test_that_has_expired_is_a_no(self, folder):
        text = (folder / POLICY).read_text()
        (folder / POLICY).write_text(
            text.replace("version = 1", "version = 1\nexpires = 2001-01-01T00:00:00Z", 1)
        )
        assert ask(folder, "policy check --no-proof").code == 3
        assert ask(folder, "policy show").code == 0

    def test_can_be_checked_before_it_lies_in_a_workspace(self, tmp_path):
        (tmp_path / "next.toml").write_bytes(policies.default_bytes())
        assert plimsoll("policy", "check", str(tmp_path / "next.toml"), "--no-proof").code == 0
        assert plimsoll("policy", "check", str(tmp_path / "absent.toml")).code == 2


def break_policy(folder, more):
    path = folder / POLICY
    path.write_text(path.read_text() + more)
