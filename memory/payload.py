"""What lies beside a vector: Mem0's fields and a fixed list of ours. Nothing a caller sends becomes a field."""

import hashlib
from typing import Any

from memory.records import Memory, Note, Source, Turn

KEYS = "save_keys"
KEYS_KEPT = 20
TAINTED = "tainted"  # memories without it are clean
LOOKED_UP = (KEYS, "hash", "turn_id")


def digest_of(text: str) -> str:
    """How Mem0 recognises the same words."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def note_payload(scope: str, note: Note) -> dict[str, Any]:
    """A saved text in Mem0's shape (2.2.1), so that its search, get and delete work on it."""
    at = note.at.isoformat()
    return {
        "data": note.text,
        "hash": digest_of(note.text),
        "text_lemmatized": note.text,
        "created_at": at,
        "updated_at": at,
        "user_id": scope,
        "role": "user",
        "saved_by": note.key,
        KEYS: [note.key],
        TAINTED: note.tainted,
        "source": Source(kind="save", run_id=note.run_id).model_dump(mode="json"),
    }


def turn_metadata(turn: Turn) -> dict[str, Any]:
    """What Mem0 keeps with every fact it finds in a turn. The date is the turn's, however late it was extracted."""
    return {
        "created_at": turn.queued_at.isoformat(),
        "turn_id": str(turn.id),
        "source": Source(kind="turn", run_id=turn.run_id, turn_id=turn.id).model_dump(mode="json"),
    }


def said_again(payload: dict[str, Any], note: Note) -> dict[str, Any]:
    """What changes when known words come under a new key. Once a clean conversation said them, they are clean for good.

    So nobody can taint what a person said, and only a conversation that never saw the tainted memory can clear it.
    """
    return {
        KEYS: [*payload.get(KEYS, []), note.key][-KEYS_KEPT:],
        TAINTED: is_tainted(payload) and note.tainted,
    }


def is_tainted(payload: dict[str, Any]) -> bool:
    """Whether only conversations with text that others wrote said this."""
    return payload.get(TAINTED, False)


def made_by(payload: dict[str, Any], key: str) -> bool:
    """Whether the save with this key stored the row."""
    return payload.get("saved_by") == key


def to_memory(found: dict[str, Any]) -> Memory:
    """A hit of Mem0's search, without what is ours alone."""
    return Memory(
        id=found["id"],
        text=found["memory"],
        created_at=found["created_at"],
        score=found["score"],
        source=found["metadata"]["source"],
        tainted=is_tainted(found["metadata"]),
    )
