"""The newest link of the audit chain, in a file outside the database: whoever cuts the chain's tail is missed here."""

import hashlib
import hmac
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

START = "0" * 64  # what the first record's MAC covers in place of one before it
HEAD_FILE = "audit.head"
PROOF_FILE = "audit.proof"  # a head that was about to be written over although the database says otherwise


@dataclass(frozen=True)
class Head:
    """The newest record."""

    seq: int = 0
    mac: str = START


class ForgedHeadError(ValueError):
    """A file that the holder of the key did not write."""


def write_head(file: Path, head: Head, key: bytes) -> None:
    """On the disk when this returns; whole or not at all."""
    draft = file.with_suffix(".new")
    with open(draft, "w", opener=lambda path, flags: os.open(path, flags, mode=0o600)) as writer:
        writer.write(f"{head.seq} {head.mac} {_seal(head, key)}\n")
        writer.flush()
        os.fsync(writer.fileno())
    draft.replace(file)
    _sync(file.parent)


def read_head(file: Path, key: bytes) -> Head | None:
    """What the file says, None if there is none; `ForgedHeadError` if its seal is not ours."""
    try:
        seq, mac, seal = file.read_text().split()
        head = Head(int(seq), mac)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ForgedHeadError("it is not a head") from error
    if not hmac.compare_digest(seal, _seal(head, key)):
        raise ForgedHeadError("its seal is another")
    return head


def keep_proof(file: Path, last: Head, key: bytes) -> None:
    """Before a file is written over: begin it together with the chain, and keep one that the chain does not bear out.

    Without this, the first record after a cut would wipe out what shows the cut.
    """
    try:
        known = read_head(file, key)
    except ForgedHeadError:
        _keep(file)
        return
    if known is None and last == Head():
        write_head(file, last, key)
    elif known is None or (known.seq >= last.seq and known != last):
        _keep(file)


def _keep(file: Path) -> None:
    proof = file.with_name(PROOF_FILE)
    if proof.exists():
        return
    if file.exists():
        shutil.copyfile(file, proof)
    else:
        proof.touch()
    _sync(file.parent)


def _seal(head: Head, key: bytes) -> str:
    return hmac.new(key, f"head {head.seq} {head.mac}".encode(), hashlib.sha256).hexdigest()


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
