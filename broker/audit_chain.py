"""Walks the audit chain and says what was done to it, record by record."""

from dataclasses import dataclass, field
from typing import Literal

from broker.audit import Record, mac_of
from broker.audit_head import START

Kind = Literal[
    "edited",
    "reordered",
    "deleted",
    "cut",
    "head",
    "unchecked",
    "intent_changed",
    "intent_unrecorded",
    "intent_missing",
    "trade_without_intent",
    "trade_twice",
    "intent_without_trade",
]
MOST_SUSPECTS = 20


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written, and what it is about: a record, an intent or a trade."""

    kind: Kind
    subject: str
    message: str


@dataclass(frozen=True)
class Suspect:
    """A record that does not follow from the MAC before it: it, or what stood before it, is not what was written."""

    record: Record
    before: str


@dataclass
class Chain:
    """What was seen of the chain so far; records come in the order of their numbers."""

    key: bytes
    records: int = 0
    last_seq: int = 0
    gaps: list[Finding] = field(default_factory=list[Finding])
    suspects: list[Suspect] = field(default_factory=list[Suspect])
    _expected: int = 1
    _before: str | None = START

    @property
    def is_hopeless(self) -> bool:
        """So much is wrong that naming more of it helps nobody."""
        return len(self.suspects) >= MOST_SUSPECTS

    def follow(self, record: Record) -> bool:
        """Take the next record; whether it can be relied on."""
        if record.seq > self._expected:
            self.gaps.append(_gap(self._expected, record.seq - 1))
            self._before = None
        before, self._before = self._before, record.mac
        self._expected = max(record.seq + 1, 1)
        self.records, self.last_seq = self.records + 1, record.seq
        if before is None:
            return False
        if _mac(self.key, record, before=before) == record.mac:
            return True
        self.suspects.append(Suspect(record, before))
        return False

    def findings(self) -> list[Finding]:
        """Everything that is wrong, in the order of the records."""
        found = [finding for suspect in self.suspects if (finding := self._diagnose(suspect)) is not None]
        if self.suspects and not found:
            found = [_edited(self.suspects[0].record)]
        if self.is_hopeless:
            seq = self.suspects[-1].record.seq
            message = f"records after {seq} were not looked at; is PILOTHOUSE_AUDIT_KEY the one they were written with?"
            found.append(Finding("unchecked", f"record {seq + 1}", message))
        return [*self.gaps, *found]

    def _diagnose(self, suspect: Suspect) -> Finding | None:
        """Nothing when the record is whole, and only what stood before it is not."""
        written_as = self._place_of(suspect.record)
        seq = suspect.record.seq
        if written_as == seq:
            return None
        if written_as is None:
            return _edited(suspect.record)
        return Finding(
            "reordered", f"record {seq}", f"record {seq} is in another's place: it was written as {written_as}"
        )

    def _place_of(self, record: Record) -> int | None:
        """The number under which this very record, MAC and all, was written: itself or one of the other suspects'."""
        befores = {each.before for each in self.suspects} | {each.record.mac for each in self.suspects}
        befores |= {_mac(self.key, each.record, before=each.before) for each in self.suspects}
        for seq in sorted({each.record.seq for each in self.suspects}, key=lambda place: place != record.seq):
            if any(_mac(self.key, record, before=before, seq=seq) == record.mac for before in befores):
                return seq
        return None


def _mac(key: bytes, record: Record, *, before: str, seq: int | None = None) -> str:
    place = record.seq if seq is None else seq
    return mac_of(key, before, seq=place, at=record.at, kind=record.kind, subject=record.subject, body=record.body)


def _edited(record: Record) -> Finding:
    message = f"record {record.seq} is not what was written: a field of it was changed, or it was never written by us"
    return Finding("edited", f"record {record.seq}", message)


def _gap(first: int, last: int) -> Finding:
    after = f"record {last + 1} can therefore not be checked by itself"
    if first == last:
        return Finding("deleted", f"record {first}", f"record {first} was deleted; {after}")
    return Finding("deleted", f"records {first} to {last}", f"records {first} to {last} were deleted; {after}")
