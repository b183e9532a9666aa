"""Each instruction of IFEval is followed or not, as its paper and its published checks say."""

import pytest

from tools.verifiers import verifier_named
from tools.verifiers.ifeval_checks import CHECKS
from tools.verifiers.languages import COMMON, SCRIPTS, language
from tools.verifiers.sentences import sentences

LESS, LEAST = {"relation": "less than"}, {"relation": "at least"}
CASES = [
    ("keywords:existence", {"keywords": ["Sun", "sea"]}, "the SUN and the seaside", True),
    ("keywords:existence", {"keywords": ["sun", "sea"]}, "the sun", False),
    ("keywords:existence", {"keywords": ["a.c"]}, "abc", False),
    ("keywords:frequency", {"keyword": "go", "frequency": 2, **LEAST}, "Go, go", True),
    ("keywords:frequency", {"keyword": "go", "frequency": 2, **LESS}, "Go, go", False),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "a rocket", True),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "A Rock!", False),
    (
        "keywords:letter_frequency",
        {"letter": "E", "let_frequency": 3, "let_relation": "at least"},
        "Eele",
        True,
    ),
    (
        "keywords:letter_frequency",
        {"letter": "e", "let_frequency": 3, "let_relation": "less than"},
        "Eele",
        False,
    ),
    ("language:response_language", {"language": "de"}, "Das ist ein Haus und es ist alt.", True),
    ("language:response_language", {"language": "de"}, "This is a house, and it is old.", False),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LEAST}, "One. Two!", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LESS}, "Dr. Ray left.", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LESS}, "etc 3.5 km", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LEAST}, "1. A chair", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LEAST}, "A title\n\nIt", False),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LESS}, "I go. You go.", False),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "one\n***\ntwo\n***", True),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "one\n***\n***\ntwo", False),
    ("length_constraints:number_words", {"num_words": 3, **LEAST}, "it's me", True),
    ("length_constraints:number_words", {"num_words": 3, **LESS}, "one two three", False),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
        'First.\n\n"then, he went',
        True,
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "then"},
        "First.\n\nthen he went",
        False,
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b c]", True),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b", False),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye\np. s. more", True),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye\nP.S. more", False),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n - b\n**c**", True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n* b\n* c", False),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "*\na\n* b", True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "* a\n*", True),
    ("detectable_format:constrained_response", {}, "Well: My answer is no.", True),
    ("detectable_format:constrained_response", {}, "my answer is no", False),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* **b**", True),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "* * and **", False),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        "SECTION 1\nx\nSECTION 2\ny",
        True,
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "SECTION 1\nx\nSECTION 2\ny",
        False,
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', True),
    ("detectable_format:json_format", {}, '{"a": 1}\n```', True),
    ("detectable_format:json_format", {}, "{'a': 1}", False),
    ("detectable_format:title", {}, "<<a poem>>\nroses", True),
    ("detectable_format:title", {}, "<< >>\nroses", False),
    ("combination:two_responses", {}, "one\n******\ntwo", True),
    ("combination:two_responses", {}, "one\n******\none", False),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say Hi"}, "say hi\nHi", True),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say Hi"}, "Sure: say hi", False),
    ("startend:end_checker", {"end_phrase": "The End."}, 'It was. the end."', True),
    ("startend:end_checker", {"end_phrase": "The End."}, "The end. Bye", False),
    ("startend:quotation", {}, ' "all of it" ', True),
    ("startend:quotation", {}, '"', False),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        "NASA and THE moon",
        True,
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        "NASA and THE moon",
        False,
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 6, "capital_relation": "at least"},
        "IT'S R&D. I CANNOT",
        True,
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 3, "capital_relation": "less than"},
        "I'm AND/OR",
        True,
    ),
    ("change_case:english_capital", {}, "THIS IS WHAT IT IS", True),
    ("change_case:english_capital", {}, "DAS IST EIN HAUS UND ES IST ALT", False),
    ("change_case:english_lowercase", {}, "this is what it is", True),
    ("change_case:english_lowercase", {}, "this is What it is", False),
    ("punctuation:no_comma", {}, "none at all", True),
    ("punctuation:no_comma", {}, "one, here", False),
]


def follows(name, told, answer):
    rule = verifier_named("ifeval")
    return rule.grade(answer, rule.reference([name], {"kwargs": [told]}))


@pytest.mark.parametrize(("name", "told", "answer", "is_followed"), CASES)
def test_an_instruction_is_followed_or_not(name, told, answer, is_followed):
    assert follows(name, told, answer) is is_followed


def test_each_of_the_twenty_five_is_followed_somewhere_and_not_elsewhere():
    seen = {(name, is_followed) for name, _, _, is_followed in CASES}
    assert seen == {(name, told) for name in CHECKS for told in (True, False)}
    assert len(CHECKS) == 25


def test_an_answer_is_right_when_all_instructions_are_followed():
    rule = verifier_named("ifeval")
    names = ["punctuation:no_comma", "change_case:english_lowercase"]
    both = rule.reference(names, {"kwargs": [{}, {"num_words": None}]})
    assert rule.grade("all of it is small", both)
    assert not rule.grade("all of it is Small", both)
    assert not rule.grade("  ", both)


@pytest.mark.parametrize(
    ("names", "kwargs"),
    [
        (["no:such"], [{}]),
        (["punctuation:no_comma"], []),
        ([], []),
        ("punctuation:no_comma", [{}]),
        (["keywords:existence"], [{"keywords": None}]),
        (["keywords:existence"], [{"keywords": [1]}]),
        (["length_constraints:number_words"], [{"num_words": 3, "relation": "about"}]),
        (["length_constraints:number_words"], [{"num_words": True, "relation": "at least"}]),
    ],
)
def test_a_row_that_lacks_what_a_check_reads_is_refused(names, kwargs):
    with pytest.raises(ValueError):
        verifier_named("ifeval").reference(names, {"kwargs": kwargs})


def test_a_table_that_made_floats_of_whole_numbers_is_read():
    told = {"num_words": 3.0, "relation": "at least"}
    assert follows("length_constraints:number_words", told, "one two three")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Mr. Lee met J. Kim at 5 p.m. today. Was it 3.5 km?\n\nYes. He walked (slowly)!", 4),
        ("1. Yes\n2. no", 2),
        ("A title\n\nand its text", 1),
        ("Well... comfortable. Well... They left.", 3),
        ('He said "go." Then it ended."', 2),
        ('{"a": "It is.", "b": "So it is."}', 2),
        ("**All of it.**", 2),
        ("", 0),
    ],
)
def test_sentences_end_where_the_published_check_ends_them(text, number):
    assert len(sentences(text)) == number


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The cat is on the roof and it was there for days.", "en"),
        ("El perro está en la casa y no quiere salir de ella.", "es"),
        ("O cachorro não está em casa e eu também não sei onde está.", "pt"),
        ("Le chien est dans la maison et il ne veut pas sortir.", "fr"),
        ("Der Hund ist nicht im Haus und wir wissen nicht, wo er ist.", "de"),
        ("Il cane non è nella casa e io non so perché.", "it"),
        ("Собака не в доме, и мы не знаем, где она.", "ru"),
        ("Собака не в домі, і ми не знаємо, де вона є.", "uk"),
        ("कुत्ता घर में है और हम नहीं जानते कि यह क्या है।", "hi"),
        ("यह घर बड़ा है। वहाँ पानी नहीं है।", "hi"),
        ("कामाला धावतो, वेळ नाही थांबायला, उद्योगी जीवन", "mr"),
        ("बिहान शहर जानुहोस्। त्यहाँ विश्राम गर्नुहोस्।", "ne"),
        ("Дверь открыта, окна закрыты.", "ru"),
        ("犬は家にいます。", "ja"),
        ("강아지가 집에 있어요.", "ko"),
        ("หมาอยู่ในบ้าน", "th"),
        ("12345", None),
    ],
)
def test_languages_are_told_apart(text, code):
    assert language(text) == code


def test_every_language_of_the_paper_can_be_found():
    named = set(SCRIPTS) - set(COMMON) | {name for of in COMMON.values() for name in of}
    paper = "en es pt ar hi fr ru de ja it bn uk th ur ta te bg ko pl he fa vi ne sw kn mr gu pa"
    assert set(paper.split()) | {"ml", "fi"} <= named
