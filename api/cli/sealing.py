"""Files that only a passphrase opens: AES-256-GCM in pieces, under a key that scrypt makes of the passphrase.

The first line names format, version and salt; all else follows from the version. Each piece is bound to that line, to
its place, and to being the last or not: a file that was changed, cut off or put together anew is refused.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import BaseModel, Field, ValidationError

from pilothouse.errors import BadInputError

FORMAT = "pilothouse-sealed"
BEGINNING = f'{{"format":"{FORMAT}"'.encode()
VERSION = 1
PIECE_BYTES = 65_536
TAG_BYTES = 16
SALT_BYTES = 16
PLACE_BYTES = 11  # with the byte that says whether it is the last: GCM's nonce
MAX_HEADER_BYTES = 200
UNUSED = "nothing of it was used"
SCRYPT = {"n": 2**17, "r": 8, "p": 1}  # 128 MB and a third of a second for each guess


class _Header(BaseModel):
    format: Literal["pilothouse-sealed"] = FORMAT
    version: int = VERSION
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")


class Sealer:
    """Writes a sealed file; it is whole once `finish` returned."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        """Writes the first line."""
        salt = os.urandom(SALT_BYTES)
        self._header = _Header(salt=salt.hex()).model_dump_json().encode() + b"\n"
        self._cipher = AESGCM(_key(passphrase, salt))
        self._file = file
        self._place = 0
        self._waiting = b""
        file.write(self._header)

    def write(self, data: bytes) -> None:
        """Seal what fills a piece; the rest waits."""
        self._waiting += data
        while len(self._waiting) > PIECE_BYTES:
            piece, self._waiting = self._waiting[:PIECE_BYTES], self._waiting[PIECE_BYTES:]
            self._seal(piece, last=False)

    def finish(self) -> None:
        """Seal the last piece."""
        self._seal(self._waiting, last=True)

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._place, last=last), piece, self._header))
        self._place += 1


def is_sealed(file: BinaryIO) -> bool:
    """Whether a file begins as ours do; it is read from its beginning afterwards."""
    first = file.readline(MAX_HEADER_BYTES)
    file.seek(0)
    return first.startswith(BEGINNING)


def unsealed(file: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """What a sealed file holds, piece by piece. Nothing counts before all of it was read: the end may be missing."""
    first = file.readline(MAX_HEADER_BYTES)
    cipher = AESGCM(_key(passphrase, _salt_of(first)))
    place, piece = 0, file.read(PIECE_BYTES + TAG_BYTES)
    while True:
        following = file.read(PIECE_BYTES + TAG_BYTES)
        yield _opened(cipher, piece, _nonce(place, last=not following), first)
        if not following:
            return
        place, piece = place + 1, following


def _opened(cipher: AESGCM, piece: bytes, nonce: bytes, header: bytes) -> bytes:
    try:
        return cipher.decrypt(nonce, piece, header)
    except (InvalidTag, ValueError) as error:
        raise BadInputError("the passphrase is wrong, or the file was changed or cut off", hint=UNUSED) from error


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase.encode())


def _nonce(place: int, *, last: bool) -> bytes:
    return place.to_bytes(PLACE_BYTES, "big") + bytes([last])


def _salt_of(line: bytes) -> bytes:
    try:
        header = _Header.model_validate_json(line)
    except ValidationError as error:
        raise BadInputError("the first line of this file was changed", hint=UNUSED) from error
    if header.version != VERSION:
        hint = "open it with the version of Pilothouse that wrote it, or a newer one"
        raise BadInputError(f"this file has version {header.version} of its format, {VERSION} is known", hint=hint)
    return bytes.fromhex(header.salt)
