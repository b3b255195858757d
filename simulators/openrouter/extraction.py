"""Answer Mem0's extraction prompt: the facts and preferences a user stated, in the user's own words, as its JSON."""

import json
import re
from typing import Any, cast

from simulators.openrouter.intents import READ_CHARACTERS, REMEMBER

SECTION = r"## {name}\n(.*?)(?=\n\n## |\n\n# Output:|\Z)"
NEW_MESSAGES = re.compile(r"## New Messages\n(.*?)(?=\n\n## Observation Date|\n\n# Output:|\Z)", re.DOTALL)
KNOWN = [
    re.compile(SECTION.format(name=name), re.DOTALL) for name in ("Existing Memories", "Recently Extracted Memories")
]
SPEAKER = re.compile(r"^(user|assistant|system|tool): ?", re.IGNORECASE)
SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]?")
QUESTION = re.compile(
    r"\?\s*$"
    r"|^(?:and |so |but )?(?:how|what|why|when|where|who|which|is|are|do|does|did|can|could|should|would)\b",
    re.IGNORECASE,
)
FACT = re.compile(
    r"\bI(?:'m| am|'ve| have| never| always| only| usually| prefer| like| love| hate| dislike| want| need| use| trade"
    r"| live| work| avoid| plan| don't| do not)\b|\bmy\b.+\b(?:is|are|was|were)\b",
    re.IGNORECASE,
)


def is_asked(system: str) -> bool:
    """Whether this is Mem0 asking, by the role its prompt gives."""
    return "Memory Extractor" in system


def answer(prompt: str) -> str:
    """The reply Mem0 parses; an empty list when nothing new was stated."""
    known = {_same(text) for text in _known(prompt)}
    facts = [fact for fact in _facts(prompt) if _same(fact) not in known]
    memories = [
        {"id": str(index), "text": fact, "attributed_to": "user"} for index, fact in enumerate(dict.fromkeys(facts))
    ]
    return json.dumps({"memory": memories}, ensure_ascii=False)


def _facts(prompt: str) -> list[str]:
    said = _user_words(prompt)
    told = [match["what"].strip(" ,;") for match in REMEMBER.finditer(said)]
    rest = [sentence.strip() for sentence in SENTENCE.findall(REMEMBER.sub("\n", said))]
    return told + [line.rstrip(".! ") for line in rest if FACT.search(line) and not QUESTION.search(line)]


def _user_words(prompt: str) -> str:
    section = NEW_MESSAGES.search(prompt)
    speaker, words = "user", list[str]()
    for line in section[1].splitlines() if section else []:
        start = SPEAKER.match(line)
        speaker = start[1].lower() if start else speaker
        if speaker == "user":
            words.append(line[start.end() :] if start else line)
    return "\n".join(words)[:READ_CHARACTERS]


def _known(prompt: str) -> list[str]:
    found = [section[1] for pattern in KNOWN if (section := pattern.search(prompt))]
    return [text for section in found for text in _texts(section)]


def _texts(section: str) -> list[str]:
    try:
        items = json.loads(section)
    except ValueError:
        return section.splitlines()
    listed = cast("list[Any]", items) if isinstance(items, list) else []
    return [
        str(cast("dict[str, Any]", item).get("text", "")) if isinstance(item, dict) else str(item) for item in listed
    ]


def _same(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
