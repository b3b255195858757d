"""What lies beside a vector: Mem0's fields and a fixed list of ours. Nothing a caller sends becomes a field."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from memory.records import Change, Line, Memory, Note, Row, Source, State, Subject, Trust, Turn

KEYS = "save_keys"
KEYS_KEPT = 20
TAINTED = "tainted"
STATE = "state"
UNCHECKED = "unchecked"  # "yes" until it was compared with similar older ones
LOOKED_UP = (KEYS, "hash", "turn_id", STATE, UNCHECKED, "kind", "strategy", "pair")  # each has an index in the store


SERVED_AGAIN = {STATE: "served", "superseded_by": None, "superseded_at": None}
BY_PERSON = ("person", "import")
SAID_BY = "said_by"  # set to "agent" where an import brought in what an agent had found


def digest_of(text: str) -> str:
    """How Mem0 recognises the same words."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def note_payload(scope: str, note: Note, *, admitted: bool = False) -> dict[str, Any]:
    """A saved text in Mem0's shape (2.2.1), so that its get, update and delete work on it."""
    return {
        **_mem0_fields(scope, note.text, note.at),
        "saved_by": note.key,
        KEYS: [note.key],
        TAINTED: note.tainted,
        STATE: "quarantined" if note.tainted and not admitted else "served",
        "kind": note.kind,
        "position": 0,
        "expires_at": note.expires_at.isoformat() if note.expires_at else None,
        "source": note.source.model_dump(mode="json"),
        **_subject_fields(note.subject),
    }


def fact_payload(turn: Turn, text: str, *, position: int) -> dict[str, Any]:
    """A fact found in a clean turn. Its date is the turn's, however late it was extracted."""
    source = Source(kind="turn", run_id=turn.run_id, thread_id=turn.thread_id, turn_id=turn.id)
    return {
        **_mem0_fields(turn.scope, text, turn.queued_at),
        "turn_id": str(turn.id),
        TAINTED: False,
        STATE: "served",
        "kind": "fact",
        "position": position,
        "expires_at": None,
        "source": source.model_dump(mode="json"),
        **_subject_fields(None),
    }


def said_again(payload: Mapping[str, Any], note: Note) -> dict[str, Any]:
    """What changes when known words come under a new key. Once a clean conversation said them, they are clean for good.

    So nobody can taint what a person said, and only a conversation that never saw the tainted memory can clear it.
    What was said again after a newer one had replaced it holds again, and is compared with that one.
    """
    keys = {KEYS: [*payload.get(KEYS, []), note.key][-KEYS_KEPT:]}
    if note.tainted:
        return keys
    changed: dict[str, Any] = {**keys, "expires_at": _later(payload.get("expires_at"), note.expires_at)}
    if is_tainted(payload) or (note.source.kind in BY_PERSON and payload["source"]["kind"] not in BY_PERSON):
        changed |= {TAINTED: False, "source": note.source.model_dump(mode="json")}
    if state_of(payload) == "quarantined" or is_replaced_before(payload, note.at):
        at = note.at.isoformat()
        changed |= {**SERVED_AGAIN, UNCHECKED: "yes", "created_at": at, "updated_at": at}
    return changed


def superseded(by: Row, *, at: datetime) -> dict[str, Any]:
    """What changes when a newer one replaces it."""
    return {STATE: "superseded", "superseded_by": by.id, "superseded_at": at.isoformat()}


def is_replaced_before(payload: Mapping[str, Any], at: datetime) -> bool:
    """Whether a newer one had replaced it by then."""
    return state_of(payload) == "superseded" and datetime.fromisoformat(payload["superseded_at"]) < at


def edited(payload: Mapping[str, Any], change: Change, *, at: datetime) -> dict[str, Any]:
    """The payload with a person's words in it. State and taint stay: a person may misquote what others wrote."""
    source = Source(**payload["source"]).model_copy(update={"kind": "person", "name": "edit"})
    expires_at = change.expires_at.isoformat() if change.expires_at else None
    return {
        **payload,
        **_mem0_fields(payload["user_id"], change.text, at),
        "created_at": payload["created_at"],
        "expires_at": expires_at if change.sets_expiry else payload.get("expires_at"),
        "source": source.model_dump(mode="json"),
        SAID_BY: None,
    }


def imported_payload(scope: str, line: Line, *, superseded_by: str | None, at: datetime) -> dict[str, Any]:
    """An exported memory brought back: nothing makes it cleaner, more trusted or more told than its line says."""
    state = _state_of_line(line)
    replaced_at = line.superseded_at or at
    return {
        **_mem0_fields(scope, line.text, line.created_at),
        "updated_at": (line.updated_at or line.created_at).isoformat(),
        TAINTED: _is_tainted_line(line),
        STATE: state,
        SAID_BY: "agent" if line.trust == "agent" else None,
        "kind": line.kind,
        "position": 0,
        "expires_at": line.expires_at.isoformat() if line.expires_at else None,
        "superseded_by": superseded_by,
        "superseded_at": replaced_at.isoformat() if state == "superseded" else None,
        "source": _imported_source(line.source).model_dump(mode="json"),
        **_subject_fields(line.subject),
    }


def is_kept_back(line: Line) -> bool:
    """Whether it would wait for a person."""
    return _state_of_line(line) == "quarantined"


def line_of(row: Row) -> Line:
    """A memory as it is exported."""
    told = to_memory(row).model_dump(exclude={"score"})
    return Line(**told, superseded_at=row.payload.get("superseded_at"))


def _is_tainted_line(line: Line) -> bool:
    return line.tainted or line.trust == "untrusted"


def _state_of_line(line: Line) -> State:
    """Tainted words are told only where the line says that somebody let them in."""
    return line.state or ("quarantined" if _is_tainted_line(line) else "served")


def _imported_source(source: Source) -> Source:
    if source.kind == "import":
        return source
    return source.model_copy(update={"kind": "import", "name": f"{source.kind}: {source.name}"[:200]})


def is_tainted(payload: Mapping[str, Any]) -> bool:
    """Whether only conversations with text that others wrote said this."""
    return payload.get(TAINTED, False)


def state_of(payload: Mapping[str, Any]) -> State:
    """Whether it is told to the model; rows from before there were states are."""
    return payload.get(STATE, "served")


def is_served(payload: Mapping[str, Any], *, at: datetime) -> bool:
    """Whether recall may find it now."""
    expires_at = payload.get("expires_at")
    return state_of(payload) == "served" and (expires_at is None or datetime.fromisoformat(expires_at) > at)


def trust_of(payload: Mapping[str, Any]) -> Trust:
    """Whose words they are."""
    if is_tainted(payload):
        return "untrusted"
    by_person = payload["source"]["kind"] in BY_PERSON and payload.get(SAID_BY) != "agent"
    return "person" if by_person else "agent"


def age_of(row: Row) -> str:
    """Sorts rows by when they were said, and names a place in that order."""
    return f"{row.payload['created_at']} {row.payload.get('position', 0):04d} {row.id}"


def made_by(payload: Mapping[str, Any], key: str) -> bool:
    """Whether the save with this key stored the row."""
    return payload.get("saved_by") == key


def to_memory(row: Row, *, score: float = 0.0) -> Memory:
    """A row of the store, without what is ours alone."""
    payload = row.payload
    return Memory(
        id=row.id,
        text=payload["data"],
        kind=payload.get("kind", "note"),
        state=state_of(payload),
        trust=trust_of(payload),
        tainted=is_tainted(payload),
        created_at=payload["created_at"],
        updated_at=payload["updated_at"],
        expires_at=payload.get("expires_at"),
        superseded_by=payload.get("superseded_by"),
        source=Source(**payload["source"]),
        subject=Subject(**payload["subject"]) if payload.get("subject") else None,
        score=score,
    )


def _mem0_fields(scope: str, text: str, at: datetime) -> dict[str, Any]:
    return {
        "data": text,
        "hash": digest_of(text),
        "text_lemmatized": text,
        "created_at": at.isoformat(),
        "updated_at": at.isoformat(),
        "user_id": scope,
        "role": "user",
    }


def _subject_fields(subject: Subject | None) -> dict[str, Any]:
    """Strategy and pair lie on the top too: the store's indexes are there."""
    if subject is None:
        return {"subject": None}
    return {"subject": subject.model_dump(mode="json"), "strategy": subject.strategy, "pair": subject.pair}


def _later(known: str | None, said: datetime | None) -> str | None:
    """What is said again is kept as long as either wants; None is for good."""
    if known is None or said is None:
        return None
    return max(datetime.fromisoformat(known), said).isoformat()
