"""BM25 as a textbook has it, with the statistics of one conversation: the least a search has to beat."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

K1, B = 1.2, 0.75
SMALL_WORDS = """
    a about an and are as at be been but by can could did do does for from had has have he her his how i if in is it
    its me my of on or our she so that the their them they this to was we were what when where which who why will with
    would you your"""
STOP_WORDS = frozenset(SMALL_WORDS.split())
WORD = re.compile(r"[a-z0-9]+")
SUFFIX = re.compile(r"^(\w{3,}?)(?:ing|ed|es|s|ly)$")


class PlainBm25:
    """Over one conversation's texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [Counter(words(text)) for text in texts]
        self._lengths = [sum(each.values()) for each in counted]
        self._average = sum(self._lengths) / len(self._lengths)
        self._holding: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, each in enumerate(counted):
            for word, times in each.items():
                self._holding[word].append((place, times))

    def search(self, question: str, *, limit: int) -> list[int]:
        """The places of the texts, best first; those without a word of the question are not found."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word in set(words(question)):
            holding = self._holding.get(word, [])
            rarity = math.log(1 + (len(self._lengths) - len(holding) + 0.5) / (len(holding) + 0.5))
            for place, times in holding:
                length = 1 - B + B * self._lengths[place] / self._average
                scores[place] += rarity * times * (K1 + 1) / (times + K1 * length)
        return sorted(scores, key=lambda place: (-scores[place], place))[:limit]


def words(text: str) -> list[str]:
    """Lower-cased, without stop words, one ending taken off."""
    return [SUFFIX.sub(r"\1", word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS]
