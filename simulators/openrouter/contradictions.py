"""Answer which older notes a newer one replaces: the same frame with another place, name, limit or sign."""

import html
import json
import re
from difflib import SequenceMatcher

LIST = re.compile(r"<older_notes>\n(.*?)\n</older_notes>", re.DOTALL)
NEWER = re.compile(r"<newer_note>\n(.*?)\n</newer_note>", re.DOTALL)
NOTE = re.compile(r"^(?:(?P<number>\d+)\. )?\[[\d-]+\] (?P<text>.*)$", re.MULTILINE)
WORD = re.compile(r"[^\W_]+(?:[.,'/:-][^\W_]+)*%?")
FRAMES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bI(?: now)? (?:live|work|am based|moved) (?:in|at|to|for)\b",
        r"\bmy (?:[\w-]+ ){1,4}(?:is|are|was)\b",
    )
]
MOVED = re.compile(r"\bI(?: now)? (?:live|am based|moved)\b", re.IGNORECASE)
LIMIT = re.compile(
    r"\b(?:at most|at least|more than|less than|up to|max(?:imum)?|min(?:imum)?|limit|never)\b", re.IGNORECASE
)
TURNED = re.compile(r"\b(?:now|no longer|instead|from now on|any ?more|changed my mind)\b", re.IGNORECASE)
FILLING = {"now", "anymore", "longer", "instead", "actually", "any", "more", "really"}
NEGATING = {"not", "no", "never", "don't", "dont", "doesn't", "do"}


def is_asked(system: str) -> bool:
    """Whether this is memory asking, by the role its prompt gives."""
    return "You compare notes about one person" in system


def answer(prompt: str) -> str:
    """The numbers of what is replaced, as JSON."""
    older, newer = LIST.search(prompt), NEWER.search(prompt)
    said = NOTE.search(newer[1]) if newer else None
    notes = NOTE.finditer(older[1]) if older else ()
    replaced = [int(note["number"]) for note in notes if said and _replaces(_text(said), _text(note))]
    return json.dumps({"replaces": replaced})


def _text(note: re.Match[str]) -> str:
    return html.unescape(note["text"]).strip(" .!")


def _replaces(newer: str, older: str) -> bool:
    if newer.lower() == older.lower():
        return False
    if MOVED.search(newer) and MOVED.search(older):
        return True
    new, old = _words(newer), _words(older)
    if _without(new, NEGATING) == _without(old, NEGATING):
        return True  # the same, and now denied or no longer
    changes = [each for each in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if each[0] != "equal"]
    if len(changes) != 1 or len(set(old) & set(new)) < 2:  # noqa: PLR2004 -- one word in common is no frame
        return False
    frames = any((found := frame.search(newer)) and found[0].lower() in older.lower() for frame in FRAMES)
    numbers = any(map(str.isdigit, "".join(new[changes[0][3] : changes[0][4]])))
    return bool(frames or TURNED.search(newer) or (numbers and LIMIT.search(newer)))


def _words(text: str) -> list[str]:
    return [word for word in (found.lower() for found in WORD.findall(text)) if word not in FILLING]


def _without(words: list[str], left_out: set[str]) -> list[str]:
    return [word for word in words if word not in left_out]
