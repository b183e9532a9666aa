"""Which of thirty languages a text is in: by its script, then by its commonest words.

An approximation of `langdetect`, which compares letter sequences with learnt ones: a text of a few
words, or in a language that is none of the thirty, is often undecided here.
"""

import re
from collections import Counter
from collections.abc import Mapping

SCRIPTS: Mapping[str, str] = {
    "th": "\u0e00-\u0e7f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "he": "\u0590-\u05ff",
    "ko": "\uac00-\ud7af\u1100-\u11ff",
    "ja": "\u3040-\u30ff",
    "zh": "\u4e00-\u9fff",
    "devanagari": "\u0900-\u097f",
    "arabic": "\u0600-\u06ff",
    "cyrillic": "\u0400-\u04ff",
    "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
}
"""Characters of a script; where one language writes it, the language is its name."""
COMMON: Mapping[str, Mapping[str, str]] = {
    "latin": {
        "en": "the of and to in is that it for was on are with as i his they be at this have from"
        " or had by but not what all were we when your can said there you an which she do how if",
        "es": "de la que el en y los del se las por un para con no una su al lo como más pero sus"
        " le ya o este sí porque esta entre cuando muy sin sobre también es son está hay",
        "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi"
        " ao ele das tem à seu sua ou ser quando muito há nos já está eu também só são você",
        "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne"
        " se ce il sont la nous vous je avec aux cette mais ou leur être fait ses été deux même",
        "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als"
        " auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie ich wir",
        "it": "di e il la che in un a per è una sono del con non si da le i della nel alla dei come"
        " più lo ma ha gli al delle anche questo o io mi ho se perché molto essere dal",
        "pl": "w i na z się nie do to że jest o jak za po co ale od czy przez przy tym dla tak już"
        " być są oraz który które jego może tylko był ma jej także",
        "vi": "và của là có trong được cho một không với các những người này đã khi để từ đến như"
        " về tôi bạn cũng sẽ nhiều thể vào ra rất làm phải",
        "fi": "ja on ei se että hän oli joka mutta ovat kun niin myös voi tai sen kuin ole mukaan"
        " vain olla sitä jos ne tämä minä sinä hyvin kanssa kaikki nyt",
        "sw": "na ya wa kwa ni katika za la kuwa cha hii kama au yake huyo hiyo lakini watu sana"
        " mimi wewe yeye sisi kutoka hivyo pia moja zaidi vya",
    },
    "cyrillic": {
        "ru": "и в не на я что он с по это она как но они к у ты из мы за вы так же от бы для"
        " все его был ы ее есть или если при только",
        "uk": "і в не на я що він з по це вона як але вони до у ти із ми за ви так та від би для"
        " всі його був є її або якщо при тільки й",
        "bg": "и в не на аз че той с по това тя как но те към у ти от ние за вие така да се са"
        " всички му беше е я или ако при само ще което",
    },
    "arabic": {
        "ar": "في من على إلى أن هذا هذه التي الذي كان لا ما هو هي مع عن قد لم أو كل بعد غير",
        "fa": "و در به از که این است را با برای آن یک خود تا می کند بر شده هم ها اما یا اگر",
        "ur": "کے کی میں ہے اور سے کا کو پر نے ہیں یہ کہ اس کر بھی ہو نہیں تھا ایک جو وہ لیے",
    },
    "devanagari": {
        "hi": "के में है की से को का और पर ने हैं यह कि एक भी नहीं इस कर हो था लिए तो वह ही",
        "mr": "आणि आहे या च्या तर हे की ते एक त्या मध्ये होते आहेत साठी नाही असे काही आपण",
        "ne": "र छ को मा पनि यो लाई गर्न हुन् भने छन् एक हो तर गरेको यस भएको हुन्छ तपाईं",
    },
}
"""The commonest words of the languages of a script that several write."""
MARKS: Mapping[str, str] = {
    "ru": "[\u044b\u044d\u0451]",
    "uk": "[\u0456\u0457\u0454\u0491]",
    "ar": "\u0629|\u0649|^\u0627\u0644..",
    "ur": "[\u0679\u0688\u0691\u06ba\u06d2\u06c1\u06be]",
    "mr": "\u0933|(?:\u091a\u094d\u092f\u093e|\u0924\u0940\u0932|\u093e\u092f\u0932\u093e)$",
    "ne": "(?:\u0932\u093e\u0908|\u0939\u0930\u0942|\u0939\u094b\u0938\u094d"
    "|\u092c\u093e\u091f|\u0928\u094d\u091b|\u090f\u0915\u094b)$",
}
"""Letters and endings that, of the languages of its script, only one has: such a word counts."""
_LETTERS = {name: re.compile(f"[{span}]") for name, span in SCRIPTS.items()}
_MARKS = {name: re.compile(mark) for name, mark in MARKS.items()}
_SAID = re.compile(r"(?:[^\W\d_]|[\u0900-\u0963\u0970-\u097f])+")
_LISTS = {
    script: {name: frozenset(words.split()) for name, words in of.items()}
    for script, of in COMMON.items()
}
LONGEST = 20_000
FEWEST = 2
"""Common words by which a language must lead the next one, or be found at all."""


def language(text: str) -> str | None:
    """The ISO 639-1 code of a text's language; None where nothing settles it."""
    text = text[:LONGEST]
    count = Counter({name: len(found.findall(text)) for name, found in _LETTERS.items()})
    [(script, most)] = count.most_common(1)
    if not most:
        return None
    if script == "zh" and count["ja"]:
        return "ja"
    return _by_words(text, script) if script in _LISTS else script


def _by_words(text: str, script: str) -> str | None:
    said = _SAID.findall(text.casefold())
    count = Counter({name: sum(w in known for w in said) for name, known in _LISTS[script].items()})
    for name in _MARKS.keys() & count.keys():
        count[name] += sum(_MARKS[name].search(w) is not None for w in said)
    (first, most), (_, next_most), *_ = count.most_common()
    return first if most >= FEWEST and most > next_most else None
