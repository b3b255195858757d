"""Whether two texts say the same. Vectors alone take "max 3 trades" for "max 5 trades" and "buy" for "sell"."""

import re

WORD = re.compile(r"[^\W_]+(?:[.,'\u2019:/%-]?[^\W_]+)*%?")
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = {word: str(number) for number, word in enumerate(NUMBERS.split())}
STARTERS = (
    "i my me the a an we our user users user's he she they it his her their this that these when if after before "
    "during please use do does don't never always only no not every each all in on at for from to with without as one "
    "likes prefers wants trades avoids uses has is lives works trading trade"
)
NO_NAMES = frozenset(STARTERS.split())
NEGATIONS = frozenset(
    {"no", "not", "never", "none", "nothing", "nobody", "without", "cannot", "neither", "nor", "stop"}
)
NEGATED = re.compile(r"n['\u2019]t$")
# Each turns a meaning around, and vectors hardly see it: "buy the dip", "sell the dip".
TURNING = (
    "buy sell long short above below over under high low higher lower more less fewer most least maximum minimum max "
    "min before after up down rise fall rises falls increase decrease open close opens closes enter exit like dislike "
    "love hate always sometimes allow forbid enable disable win lose profit loss bull bear bullish bearish weekdays "
    "weekends day night morning evening spot futures safe risky start stop off first last avoid avoids only also "
    "small large big short-term long-term unlimited limited"
)
CONTRASTS = frozenset(TURNING.split())


def says_the_same(one: str, other: str) -> bool:
    """Whether numbers, negations, names and words that turn a meaning around are the same, whatever else differs.

    For texts whose vectors are close already.
    """
    return _guarded(one) == _guarded(other)


def _guarded(text: str) -> tuple[list[str], int, list[str], list[str]]:
    words = WORD.findall(text)
    small = [str(word).lower() for word in words]
    numbers = [NUMBER_WORDS.get(word, word) for word in small if word in NUMBER_WORDS or any(map(str.isdigit, word))]
    negations = sum(word in NEGATIONS or NEGATED.search(word) is not None for word in small)
    return numbers, negations, _names(words), sorted(word for word in small if word in CONTRASTS)


def _names(words: list[str]) -> list[str]:
    """What has a capital, in its order: "BTC beats ETH" is not "ETH beats BTC"."""
    return [word.lower() for word in words if word[0].isupper() and word.lower().partition("'")[0] not in NO_NAMES]
