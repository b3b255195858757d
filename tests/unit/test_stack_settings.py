"""What a person sets wrongly is named, with what was expected; what is left empty counts as not set."""

from pathlib import Path

import pytest

from pilothouse.errors import SettingsError
from pilothouse.settings import StackSettings
from stack.checkup import examine


@pytest.mark.parametrize("port", ["abc", "0", "-1", "65536", "87 01"])
def test_a_port_that_is_none_is_named(blank_shell: pytest.MonkeyPatch, port: str) -> None:
    blank_shell.setenv("PILOTHOUSE_PORT_API", port)

    with pytest.raises(SettingsError, match="PILOTHOUSE_PORT_API: "):
        StackSettings.load()


def test_one_port_for_two_processes_is_refused(blank_shell: pytest.MonkeyPatch) -> None:
    blank_shell.setenv("PILOTHOUSE_PORT_API", "8701")

    with pytest.raises(SettingsError, match="PILOTHOUSE_PORT_API and PILOTHOUSE_PORT_PROXY are the same port, 8701"):
        StackSettings.load()


@pytest.mark.parametrize("name", ["LLM_BASE_URL", "FREQTRADE_URL", "QDRANT_URL", "N8N_WEBHOOK_URL"])
@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:80", "ftp://there", "http://", "http://there:abc"])
def test_an_address_that_is_none_is_named(blank_shell: pytest.MonkeyPatch, name: str, address: str) -> None:
    blank_shell.setenv(name, address)

    with pytest.raises(SettingsError, match=f"{name}: expected an address that begins with http://"):
        StackSettings.load()


@pytest.mark.parametrize("address", ["xyzzy", "http://me:xyzzy@there/mine", "postgresql://me:xyzzy@there:port/mine"])
def test_an_address_of_no_database_is_named_without_its_password(blank_shell: pytest.MonkeyPatch, address: str) -> None:
    blank_shell.setenv("DATABASE_URL", address)

    with pytest.raises(
        SettingsError, match="DATABASE_URL: expected an address that begins with postgresql://"
    ) as raised:
        StackSettings.load()

    assert "xyzzy" not in raised.value.message


def test_a_file_that_is_no_text_is_named(blank_shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"EXCHANGE=\xff\xfe")
    blank_shell.setitem(StackSettings.model_config, "env_file", tmp_path / ".env")

    with pytest.raises(SettingsError, match=f"{tmp_path}/.env cannot be read: ") as raised:
        StackSettings.load()

    assert "UTF-8" in raised.value.hint


def test_a_mistyped_name_is_found_by_doctor(blank_shell: pytest.MonkeyPatch, tmp_path: Path, open_home: Path) -> None:
    (tmp_path / ".env").write_text("PILOTHOUSE_MODLE=x\nEXCHANGE=simulated\n")
    blank_shell.setitem(StackSettings.model_config, "env_file", tmp_path / ".env")
    blank_shell.setenv("PILOTHOUSE_HOME", str(open_home))

    findings = examine(StackSettings.load())

    assert ".env has PILOTHOUSE_MODLE, which no setting is called" in [each.what for each in findings]


def test_everything_that_is_wrong_is_named_at_once(blank_shell: pytest.MonkeyPatch) -> None:
    blank_shell.setenv("PILOTHOUSE_PORT_API", "abc")
    blank_shell.setenv("QDRANT_URL", "nonsense")

    with pytest.raises(SettingsError, match=r"PILOTHOUSE_PORT_API: .*; QDRANT_URL: "):
        StackSettings.load()


def test_an_empty_setting_counts_as_not_set(blank_shell: pytest.MonkeyPatch) -> None:
    unset = StackSettings.load()
    for field in StackSettings.model_fields.values():
        blank_shell.setenv(str(field.validation_alias), "")

    assert StackSettings.load() == unset


@pytest.mark.parametrize("rules", ["news-digest", "hook:", "person:me", "hook:news-digest,everything"])
def test_a_rule_that_names_no_source_is_refused_and_shows_one_that_does(
    blank_shell: pytest.MonkeyPatch, rules: str
) -> None:
    blank_shell.setenv("PILOTHOUSE_MEMORY_ADMIT", rules)

    with pytest.raises(SettingsError, match=r"PILOTHOUSE_MEMORY_ADMIT.*hook:news-digest"):
        StackSettings.load()
