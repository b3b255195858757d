"""Keys, passwords and seed phrases are recognised before anything is stored, and never stored.

Own code: detect-secrets reads source files line by line and knows neither seed phrases nor "my password is ...".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

from memory.gate_patterns import (
    ALNUM,
    BEARER,
    BETWEEN_SEED_WORDS,
    DIGITS,
    IN_ADDRESS,
    IS_PASSWORD,
    NAMED_KEY,
    NEAR_KEY,
    NO_SECRET,
    NOT_PASSWORDS,
    PASSWORD,
    PASSWORD_BESIDE,
    PEM,
    PIN,
    QUOTED_PASSWORD,
    RANDOM,
    TOKENS,
    WORD,
)
from pilothouse.errors import BadInputError

WORD_LIST = Path(__file__).parent / "assets" / "bip39_english.txt"
SEED_WORDS = 12
MARK = "[secret removed: {}]"
REMOVED = re.compile(r"\[secret removed: [a-z ]+\]")


@dataclass(frozen=True)
class Secret:
    """Where one stands, and what it seems to be."""

    what: str
    start: int
    end: int


def refuse_secrets(*texts: str) -> None:
    """Raise when one of them holds a secret."""
    for text in texts:
        found = find_secrets(text)
        if found:
            raise BadInputError(
                f"this holds a secret ({found[0].what}), and memory never stores one",
                hint="say it without the secret; keys belong into .env or a password manager",
            )


def without_secrets(text: str) -> str:
    """The text with a mark in place of each secret."""
    for secret in reversed(find_secrets(text)):
        text = text[: secret.start] + MARK.format(secret.what) + text[secret.end :]
    return text


def is_marked(text: str) -> bool:
    """Whether a secret was removed from it: what is left is about the secret and not worth keeping."""
    return REMOVED.search(text) is not None


def find_secrets(text: str) -> list[Secret]:
    """In their order, none inside another."""
    found = sorted(_all(text), key=lambda secret: (secret.start, -secret.end))
    kept: list[Secret] = []
    for secret in found:
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return kept


def _all(text: str) -> Iterator[Secret]:
    yield from (Secret("private key", *match.span()) for match in PEM.finditer(text))
    yield from (Secret("key", *match.span()) for pattern in TOKENS for match in pattern.finditer(text))
    yield from _values("password", IN_ADDRESS, text, lambda value, _: not _is_hidden(value))
    yield from _values("token", BEARER, text, lambda value, _: _has_letters_and_digits(value))
    yield from _values("password", QUOTED_PASSWORD, text, lambda value, _: not _is_hidden(value))
    yield from _values("password", PASSWORD, text, _is_password)
    yield from _values("password", PASSWORD_BESIDE, text, lambda value, _: _has_letters_and_digits(value))
    yield from _values("password", IS_PASSWORD, text, lambda value, _: _has_letters_and_digits(value))
    yield from _values("code", PIN, text, lambda _value, _match: True)
    yield from _values("key", NAMED_KEY, text, lambda value, _: _is_key(value))
    yield from _values("key", NEAR_KEY, text, lambda value, _: _is_random(value))
    yield from _values("key", RANDOM, text, lambda value, _: _is_long_random(value))
    yield from _seed_phrases(text)


def _values(
    what: str, pattern: re.Pattern[str], text: str, is_one: Callable[[str, re.Match[str]], bool]
) -> Iterator[Secret]:
    """Looks again behind a value that was none: "the password is: hunter2"."""
    at = 0
    while match := pattern.search(text, at):
        value = match["value"].rstrip(".,;:!?)]}>")
        start = match.start("value")
        if value and not REMOVED.match(text, max(0, start - 1)) and is_one(value, match):
            yield Secret(what, start, start + len(value))
            at = start + len(value)
        else:
            at = max(match.start() + 1, start)


def _is_password(value: str, match: re.Match[str]) -> bool:
    """Words are one only when said as one ("my password is swordfish."), not in "the password is in the safe"."""
    if _is_hidden(value):
        return False
    if not value.isalpha() or not (value.islower() or value.istitle()):
        return len(value) >= 4  # noqa: PLR2004 -- shorter ones are words and figures
    after = match.string[match.start("value") + len(value) :]
    return (
        value.lower() not in NOT_PASSWORDS
        and re.match(r"[\"'`”]?\s*(?:[.,;!)\n]|$|and\b|but\b|for\b|und\b)", after) is not None
    )


def _is_hidden(value: str) -> bool:
    """Asterisks, or the name of where it really stands."""
    return value.startswith(("[", "<", "$", "{")) or set(value) <= set("*•x.-_")


def _is_key(value: str) -> bool:
    return len(value) >= 8 and _has_letters_and_digits(value) and not set(value) & set("<>{}$[]|")  # noqa: PLR2004 -- shorter ones are words


def _is_random(value: str) -> bool:
    return not NO_SECRET.fullmatch(value) and any(_is_mixed(part) for part in ALNUM.findall(value))


def _is_long_random(value: str) -> bool:
    """Without a word that says so, only what mixes all sorts of characters. An address may be 44 long."""
    if value.count("/") > 3 or 86 < len(value) < 89 and value.isalnum():  # noqa: PLR2004, RUF021 -- a path; a signature on Solana
        return False
    sorts = (str.isupper, str.islower, str.isdigit)
    letters = [character for character in value if character.isalnum()]
    return len(value) > 44 and all(sum(map(sort, letters)) >= 4 for sort in sorts) and _changes(value) > len(value) / 3  # noqa: PLR2004 -- see above


def _is_mixed(value: str) -> bool:
    """Long, with letters and digits in turn. The name of a strategy has capitals inside, and digits in one place."""
    if len(value) < 12 or not _has_letters_and_digits(value):  # noqa: PLR2004 -- shorter ones are names
        return False
    return len(DIGITS.findall(value)) > 1 and _changes(value) >= 4 or _changes(value) > 0.45 * len(value)  # noqa: PLR2004, RUF021 -- random characters change at 0.6


def _changes(value: str) -> int:
    return sum(1 for one, other in pairwise(value) if _sort(one) != _sort(other))


def _sort(character: str) -> int:
    return 0 if character.isdigit() else 1 if character.isupper() else 2 if character.islower() else 3


def _has_letters_and_digits(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _seed_phrases(text: str) -> Iterator[Secret]:
    """Twelve words of the list in a row are no sentence: it has no "the", no "and", no "I"."""
    words = list(WORD.finditer(text))
    known = [word[0].lower() in _seed_words() for word in words]
    for is_known, run in groupby(range(len(words)), key=known.__getitem__):
        if is_known:
            yield from _long_runs(text, [words[place] for place in run])


def _long_runs(text: str, words: list[re.Match[str]]) -> Iterator[Secret]:
    run = words[:1]
    for word in [*words[1:], None]:
        if word and BETWEEN_SEED_WORDS.fullmatch(text, run[-1].end(), word.start()):
            run.append(word)
            continue
        if len(run) >= SEED_WORDS:
            yield Secret("seed phrase", run[0].start(), run[-1].end())
        run = [word] if word else []


@cache
def _seed_words() -> frozenset[str]:
    return frozenset(WORD_LIST.read_text().split())
