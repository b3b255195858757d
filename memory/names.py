"""Proper names in what was said: who is speaking, and words written with a capital inside a sentence."""

import re
import zlib
from dataclasses import dataclass

SPEAKER = re.compile(r"^([A-Z][\w'-]*(?: [A-Z][\w'-]*){0,2}): ")
WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")  # noqa: RUF001 -- the apostrophe that phones write
SENTENCE = re.compile(r"(?<=[.!?:\n])\s+")
SMALL_WORDS = """
    a an and are at be but by can could did do does for from had has have he her his how i if in is it its may me my
    no not of on or our she so that the their them there they this to us was we were what when where which who why
    will with would yes you your"""
NO_NAMES = frozenset(SMALL_WORDS.split())


@dataclass(frozen=True)
class Names:
    """`sure`: names for certain. `maybe`: begin a sentence, and so are names only if they are one elsewhere."""

    sure: frozenset[int]
    maybe: frozenset[int]


def names_in(text: str) -> Names:
    """Of a memory. Where a speaker is named, it is theirs: whom they talk about says little about what they said."""
    speaker = SPEAKER.match(text)
    if speaker:
        return Names(frozenset(_numbers(speaker[1])), frozenset())
    sure: set[int] = set()
    maybe: set[int] = set()
    for sentence in SENTENCE.split(text):
        first, *rest = WORD.findall(sentence) or [""]
        maybe |= _capitalised([first])
        sure |= _capitalised(rest)
    return Names(frozenset(sure), frozenset(maybe - sure))


def words_in(question: str) -> set[int]:
    """The words of a question that may name somebody, however they are written."""
    return _numbers(question)


def _capitalised(words: list[str]) -> set[int]:
    return {number for word in words if word[:1].isupper() for number in _numbers(word)}


def _numbers(text: str) -> set[int]:
    words = {re.sub(r"['’]s?$", "", word.lower()) for word in WORD.findall(text)}  # noqa: RUF001 -- as above
    return {zlib.crc32(word.encode()) for word in words - NO_NAMES if word}
