"""Holds the audit chain to what is known of it outside the database."""

from dataclasses import dataclass
from pathlib import Path

from broker.audit_chain import Finding
from broker.audit_head import HEAD_FILE, PROOF_FILE, ForgedHeadError, Head, read_head
from pilothouse.db import AsyncDictConnection

ONCE_KNOWN = f"once you know why, remove the file {PROOF_FILE}"
MAC_AT = "SELECT mac FROM broker.audit WHERE seq = %(seq)s"


@dataclass(frozen=True)
class Outside:
    """What the files say, and what is wrong with the files themselves."""

    head: Head | None
    findings: list[Finding]


def read_outside(folder: Path, key: bytes) -> Outside:
    """To be read before the chain is: a head never names a record that was not there yet."""
    findings: list[Finding] = []
    head = None
    try:
        head = read_head(folder / HEAD_FILE, key)
    except ForgedHeadError as error:
        findings.append(Finding("head", HEAD_FILE, f"the file {HEAD_FILE} was not written by the broker: {error}"))
    try:
        proof = read_head(folder / PROOF_FILE, key)
    except ForgedHeadError:
        message = f"when a record was written, the file {HEAD_FILE} was missing or not the broker's; {ONCE_KNOWN}"
        return Outside(head, [*findings, Finding("head", PROOF_FILE, message)])
    if proof is not None:
        message = f"records up to {proof.seq} were cut off, and others written since; {ONCE_KNOWN}"
        findings.append(Finding("cut", f"record {proof.seq}", message))
    return Outside(head, findings)


async def check_outside(connection: AsyncDictConnection, outside: Outside, *, last_seq: int) -> list[Finding]:
    """Whether the chain still has the record the file names. It may have more: a crash leaves the file behind."""
    head, found = outside.head, [*outside.findings]
    if head is None:
        if last_seq > 0 and not found:
            found.append(Finding("head", HEAD_FILE, f"the file {HEAD_FILE} is missing, and there are records"))
        return found
    if head.seq > last_seq:
        lost = f"record {head.seq}" if head.seq == last_seq + 1 else f"records {last_seq + 1} to {head.seq}"
        return [*found, Finding("cut", lost, f"the tail was cut off: {lost}, as the file {HEAD_FILE} knows")]
    row = await (await connection.execute(MAC_AT, {"seq": head.seq})).fetchone()
    if row is not None and row["mac"] != head.mac:
        message = f"record {head.seq} is not the one that the file {HEAD_FILE} names"
        found.append(Finding("head", f"record {head.seq}", message))
    return found
