"""Memories in a file: one JSON object a line, by option sealed with a passphrase. What was exported can be imported."""

import hashlib
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import orjson
import typer

from api.cli.client import Client, Fields, with_stack
from api.cli.sealing import Sealer, is_sealed, unsealed
from pilothouse.errors import BadInputError
from pilothouse.settings import StackSettings

FIRST_LINE = b'{"format":"pilothouse-memories","version":1}\n'
BATCH_MEMORIES = 500
BATCH_BYTES = 200_000  # a request may have 256 kB

Line = tuple[int, bytes]

File = Annotated[Path, typer.Argument(help="Where.")]


def export(
    file: File,
    *,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Ask for a passphrase, and seal the file with it.")
    ] = False,
) -> None:
    """Write all that is remembered into a file, for you alone to read: words, dates, sources, figures, states.

    With --encrypt only the passphrase opens it again (AES-256-GCM); PILOTHOUSE_EXPORT_PASSPHRASE is taken if it is set.

    [bold]Examples[/]

    bin/pilothouse memory export memories.jsonl

    bin/pilothouse memory export memories.sealed --encrypt
    """
    if file.exists():
        raise BadInputError(f"{file} is there already", hint="choose another name")
    passphrase = _passphrase(new=True) if encrypt else None
    with _whole(file) as out:
        sealer = Sealer(out, passphrase) if passphrase else None
        memories = with_stack(lambda client: _fetch(client, sealer or out))
        if sealer:
            sealer.finish()
    typer.echo(f"{memories} memories are in {file}{', sealed with the passphrase' if sealer else ''}")


def import_memories(file: File) -> None:
    """Remember what a file of `memory export` holds, sealed or not. What is known already is not kept twice.

    [bold]Examples[/]

    bin/pilothouse memory import memories.jsonl

    bin/pilothouse memory import memories.sealed
    """
    lines = _read(file)
    told = [with_stack(lambda client, batch=batch: _send(client, batch)) for batch in _batches(lines)]
    stored, known = (sum(each[name] for each in told) for name in ("stored", "known"))
    typer.echo(f"{stored} memories are new, {known} were known")
    refused: list[Fields] = [refusal for each in told for refusal in each["refused"]]
    for refusal in refused:
        typer.echo(f"line {refusal['line']} was refused: {refusal['reason']}", err=True)
    if refused:
        raise typer.Exit(1)


async def _fetch(client: Client, out: Sealer | BinaryIO) -> int:
    out.write(FIRST_LINE)
    memories = 0
    async for piece in client.pieces("/api/memories/export"):
        out.write(piece)
        memories += piece.count(b"\n")
    return memories


async def _send(client: Client, batch: Sequence[Line]) -> Fields:
    """`line` of what is refused is counted from the file's first."""
    memories: list[Any] = [orjson.loads(line) for _, line in batch]
    key = hashlib.sha256(b"\n".join(line for _, line in batch)).hexdigest()
    told: Fields = await client.call("POST", "/api/memories/import", json={"memories": memories, "key": key})
    for refusal in told["refused"]:
        refusal["line"] = batch[refusal["line"] - 1][0]
    return told


def _read(file: Path) -> list[Line]:
    """All lines with their numbers, read to the end before any is used: a sealed file may turn out to be cut off."""
    with file.open("rb") as opened:
        content = b"".join(unsealed(opened, _passphrase()) if is_sealed(opened) else opened)
    if not content.startswith(FIRST_LINE):
        raise BadInputError(f"{file} is no file of memories", hint="bin/pilothouse memory export writes one")
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), start=1) if line]
    for number, line in lines:
        try:
            orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadInputError(
                f"line {number} of {file} is not JSON: {error}", hint="nothing of it was used"
            ) from error
    return lines[1:]


def _batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == BATCH_MEMORIES or size + len(line[1]) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line[1])
    if batch:
        yield batch


def _passphrase(*, new: bool = False) -> str:
    given = StackSettings.load().export_passphrase
    return given or typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new)


@contextmanager
def _whole(file: Path) -> Generator[BinaryIO]:
    """A file that only its owner reads, and that is there once all of it was written."""
    part = file.with_name(f"{file.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        try:
            yield out
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            part.unlink()
            raise
    part.rename(file)
