"""The door to memory: what is offered is stored, recognised or refused. A model proposes at most; this decides."""

from collections.abc import Sequence

from memory.embedding import Embedding
from memory.gate_counters import Counters, Verdict
from memory.gate_judging import Judging, Known
from memory.gate_rules import is_admitted, is_structured
from memory.gate_secrets import find_secrets, is_marked, refuse_secrets
from memory.history import History
from memory.payload import KEYS, STATE, is_served, is_tainted, made_by, note_payload, said_again, state_of
from memory.records import NewRow, Note, Row, Saved, Source, Turn
from memory.row_ids import row_id
from memory.rows import Rows
from pilothouse.clock import Clock
from pilothouse.errors import BadInputError, ConflictError

QUARANTINED_AT_MOST = 1000  # of one user: what others write cannot fill the disk


class Gate:
    """For one user at a time: whoever calls holds that user's lock."""

    def __init__(
        self,
        rows: Rows,
        history: History,
        *,
        embedding: Embedding,
        admit: Sequence[str],
        counters: Counters,
        now: Clock,
    ) -> None:
        self._rows = rows
        self._history = history
        self._embedding = embedding
        self._admit = admit
        self._now = now
        self._judging = Judging(rows, now=now)
        self._count = counters.add

    async def save(self, scope: str, note: Note) -> Saved:
        """Keep these words. The same key, the same words or nearly the same give what is there already."""
        self._refuse_secrets(scope, note)
        known = await self._rows.first(scope, **{KEYS: note.key})
        if known:
            return _recognised(known, note)
        new = NewRow(row_id(scope, note.key, note.text), note_payload(scope, note, admitted=self._lets_in(note)), [])
        known = await self._same_words(scope, new)
        if known:
            return await self._said_again(scope, Known(known, "duplicate"), note)
        await self._refuse_flood(scope, new)
        new = NewRow(new.id, new.payload, await self._embedding.of_text(note.text))
        judged = await self._judging.judge(scope, new)
        if isinstance(judged, Known):
            return await self._said_again(scope, judged, note)
        await self._store(scope, [judged])
        return Saved(new.id, note.text, state_of(new.payload), created=True, duplicate=False)

    async def keep(self, turn: Turn, proposed: Sequence[NewRow]) -> None:
        """Of what the model found in a clean turn, all that is new; nothing else leaves a trace."""
        for message in turn.messages:
            if is_marked(message.content):
                self._count(turn.scope, "redacted")
        kept: list[NewRow] = []
        for row in proposed:
            judged = await self._judge_fact(turn, row, among=kept)
            if isinstance(judged, NewRow):
                kept.append(judged)
            else:
                self._count(turn.scope, judged)
        await self._store(turn.scope, kept)

    async def _judge_fact(self, turn: Turn, row: NewRow, *, among: Sequence[NewRow]) -> NewRow | Verdict:
        if is_marked(row.payload["data"]) or find_secrets(row.payload["data"]):
            return "secret"
        known = await self._same_words(turn.scope, row)
        if known:
            await self._confirm(turn, known)
            return "duplicate"
        judged = await self._judging.judge(turn.scope, row, recalled=turn.recalled, among=among)
        return judged.reason if isinstance(judged, Known) else judged

    async def _confirm(self, turn: Turn, known: Row) -> None:
        """A clean turn said what is kept already: if that was not told so far, or marked, it changes that."""
        if is_served(known.payload, at=self._now()) and not is_tainted(known.payload):
            return
        source = Source(kind="turn", run_id=turn.run_id, thread_id=turn.thread_id, turn_id=turn.id)
        note = Note(known.payload["data"], str(turn.id), source, at=turn.queued_at, tainted=False, kind="fact")
        await self._change(known, said_again(known.payload, note))

    async def _said_again(self, scope: str, known: Known, note: Note) -> Saved:
        self._count(scope, known.reason)
        row = await self._change(known.row, said_again(known.row.payload, note))
        return _recognised(row, note)

    async def _change(self, row: Row, fields: dict[str, object]) -> Row:
        await self._rows.set(row, fields)
        if fields.get(STATE, state_of(row.payload)) != state_of(row.payload):
            words = row.payload["data"]
            await self._history.add(row.id, "RESTORE", old=words, new=words, at=self._now())
        return Row(row.id, {**row.payload, **fields})

    async def _same_words(self, scope: str, new: NewRow) -> Row | None:
        """Decisions, backtests and outcomes are told apart by their keys alone."""
        return None if is_structured(new.payload) else await self._rows.first(scope, hash=new.payload["hash"])

    async def _store(self, scope: str, rows: Sequence[NewRow]) -> None:
        if not rows:
            return
        await self._rows.put(scope, rows)
        for row in rows:
            await self._history.add(row.id, "ADD", old=None, new=row.payload["data"], at=self._now())
            self._count(scope, "stored")
            if state_of(row.payload) == "quarantined":
                self._count(scope, "quarantined")

    def _lets_in(self, note: Note) -> bool:
        return is_admitted(note.source, self._admit)

    def _refuse_secrets(self, scope: str, note: Note) -> None:
        try:
            refuse_secrets(note.text, *(note.subject.links if note.subject else []))
        except BadInputError:
            self._count(scope, "secret")
            raise

    async def _refuse_flood(self, scope: str, new: NewRow) -> None:
        if state_of(new.payload) != "quarantined":
            return
        if await self._rows.count(scope, state="quarantined") >= QUARANTINED_AT_MOST:
            self._count(scope, "quarantine_full")
            raise ConflictError(
                f"{QUARANTINED_AT_MOST} memories of untrusted text wait already, which is the most that is kept",
                hint="look at them: bin/pilothouse memory list --state quarantined; admit or forget some",
            )


def _recognised(known: Row, note: Note) -> Saved:
    duplicate = not made_by(known.payload, note.key)
    return Saved(known.id, known.payload["data"], state_of(known.payload), created=False, duplicate=duplicate)
