"""What is stored is bound to its key and to its place."""

import base64
import os

import pytest

from agents.encryption import Vault
from agents.serializer import UnreadableStateError
from pilothouse.settings import SettingsError, StackSettings

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()
PLAIN = b"\x91\xa3tea"
PLACE = ("thread", "checkpoint", "1")


def test_what_was_sealed_comes_back_and_cannot_be_read_in_between() -> None:
    vault = Vault(KEY)

    sealed = vault.seal(PLAIN, *PLACE)

    assert vault.unseal(sealed, *PLACE) == PLAIN
    assert b"tea" not in sealed


def test_the_same_text_is_never_sealed_the_same_way_twice() -> None:
    assert len({Vault(KEY).seal(PLAIN, *PLACE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "place", [("other", "checkpoint", "1"), ("thread", "checkpoint", "2"), ("thread", "write", "1")]
)
def test_what_was_moved_from_another_place_is_refused(place: tuple[str, str, str]) -> None:
    moved = Vault(KEY).seal(PLAIN, *place)

    with pytest.raises(UnreadableStateError, match="changed"):
        Vault(KEY).unseal(moved, *PLACE)


@pytest.mark.parametrize("position", [1, 13, -1])
def test_what_was_changed_is_refused(position: int) -> None:
    sealed = bytearray(Vault(KEY).seal(PLAIN, *PLACE))
    sealed[position] ^= 1

    with pytest.raises(UnreadableStateError, match="changed"):
        Vault(KEY).unseal(bytes(sealed), *PLACE)


@pytest.mark.parametrize("length", range(30))
def test_what_was_cut_is_refused(length: int) -> None:
    with pytest.raises(UnreadableStateError):
        Vault(KEY).unseal(Vault(KEY).seal(PLAIN, *PLACE)[:length], *PLACE)


@pytest.mark.parametrize(
    ("written", "read", "said"),
    [(KEY, OTHER_KEY, "another key"), (KEY, "", "no key is set"), ("", KEY, "not encrypted")],
)
def test_another_key_no_key_and_plain_text_are_each_named(written: str, read: str, said: str) -> None:
    stored = Vault(written).seal(PLAIN, *PLACE)

    with pytest.raises(UnreadableStateError, match=said) as refused:
        Vault(read).unseal(stored, *PLACE)

    assert "PILOTHOUSE_CHECKPOINT_KEY" in refused.value.hint


def test_without_a_key_nothing_changes() -> None:
    assert Vault("").seal(PLAIN, *PLACE) == PLAIN
    assert Vault("").unseal(PLAIN, *PLACE) == PLAIN


@pytest.mark.parametrize("key", ["short", "not base64!", base64.b64encode(os.urandom(16)).decode()])
def test_a_key_that_is_none_is_refused_with_the_command_that_makes_one(
    blank_shell: pytest.MonkeyPatch, key: str
) -> None:
    blank_shell.setenv("PILOTHOUSE_CHECKPOINT_KEY", key)

    with pytest.raises(SettingsError, match="head -c 32 /dev/urandom") as refused:
        StackSettings.load()

    assert key not in refused.value.message
