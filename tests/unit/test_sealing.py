"""A sealed file is opened by its passphrase and by nothing else, whole or not at all."""

import io

import pytest

from api.cli.sealing import PIECE_BYTES, TAG_BYTES, Sealer, is_sealed, unsealed
from pilothouse.errors import BadInputError

PASSPHRASE = "correct horse battery"
SECRET = b"I never want more than three open trades\n"
WHOLE_PIECE = PIECE_BYTES + TAG_BYTES


def sealed(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    file = io.BytesIO()
    sealer = Sealer(file, passphrase)
    for begin in range(0, len(content), 1000):
        sealer.write(content[begin : begin + 1000])
    sealer.finish()
    return file.getvalue()


def opened(raw: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return b"".join(unsealed(io.BytesIO(raw), passphrase))


@pytest.fixture(scope="module")
def raw() -> bytes:
    """A sealed file of four pieces."""
    return sealed(SECRET * 5000)


@pytest.mark.parametrize("size", [0, PIECE_BYTES, 3 * PIECE_BYTES])
def test_what_was_sealed_is_opened_again_and_cannot_be_read_in_between(size: int) -> None:
    content = (SECRET * (size // len(SECRET) + 1))[:size]

    file = sealed(content)

    assert opened(file) == content
    assert SECRET not in file
    assert is_sealed(io.BytesIO(file))


def test_a_wrong_passphrase_opens_nothing_and_says_so(raw: bytes) -> None:
    with pytest.raises(BadInputError, match="the passphrase is wrong"):
        opened(raw, "correct horse batter")


def test_the_same_words_are_never_sealed_alike() -> None:
    assert sealed(SECRET) != sealed(SECRET)


@pytest.mark.parametrize("what", ["cut after a piece", "cut within one", "pieces swapped", "a bit changed", "longer"])
def test_a_file_that_was_tampered_with_is_refused(raw: bytes, what: str) -> None:
    header, body = raw[: raw.index(b"\n") + 1], raw[raw.index(b"\n") + 1 :]
    first, second = body[:WHOLE_PIECE], body[WHOLE_PIECE : 2 * WHOLE_PIECE]
    tampered = {
        "cut after a piece": first + second,
        "cut within one": body[: WHOLE_PIECE + 100],
        "pieces swapped": second + first + body[2 * WHOLE_PIECE :],
        "a bit changed": body[:-1] + bytes([body[-1] ^ 1]),
        "longer": body + b"more",
    }[what]

    with pytest.raises(BadInputError):
        opened(header + tampered)


@pytest.mark.parametrize(
    ("written", "changed", "said"),
    [
        (b'"version":1', b'"version":2', "has version 2 of its format, 1 is known"),
        (b'"salt":"', b'"salt":"x', "the first line of this file was changed"),
    ],
)
def test_a_first_line_that_is_not_ours_is_named(raw: bytes, written: bytes, changed: bytes, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        opened(raw.replace(written, changed, 1))


@pytest.mark.parametrize("other", [b"", b'{"text": "I like tea"}\n', b"\x00\xff\n", b"[]\n"])
def test_another_file_is_not_taken_for_a_sealed_one(other: bytes) -> None:
    assert not is_sealed(io.BytesIO(other))
