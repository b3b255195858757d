"""The secrets of the stack: generated once, owner-only, and each process sees exactly its own."""

import json
import os
import stat
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from pilothouse.errors import SettingsError
from pilothouse.keys import Callers
from pilothouse.settings import (
    BrokerSettings,
    ControllerSettings,
    MemorySettings,
    ProxySettings,
    StackSettings,
)
from stack.credentials import Credentials, Places
from stack.secrets import load_or_generate, render, write_private

CLASSES = {
    "proxy": ProxySettings,
    "broker": BrokerSettings,
    "memory": MemorySettings,
    "controller": ControllerSettings,
}


@pytest.fixture
def credentials(settings: StackSettings, tmp_path: Path) -> Credentials:
    return Credentials(settings, load_or_generate(tmp_path), Places.below(tmp_path))


def test_a_restart_keeps_every_secret(tmp_path: Path) -> None:
    first, second = load_or_generate(tmp_path), load_or_generate(tmp_path)

    assert first == second
    assert len(set(first.values())) == len(first)
    assert min(len(value) for value in first.values()) >= 43


def test_a_secret_new_in_this_version_is_added_and_the_others_stay(tmp_path: Path) -> None:
    before = load_or_generate(tmp_path)
    older = {name: value for name, value in before.items() if name != "owner_key"}
    write_private(tmp_path / "generated.json", json.dumps(older))

    after = load_or_generate(tmp_path)

    assert after["owner_key"] != before["owner_key"]
    assert {name: after[name] for name in older} == older


def test_a_damaged_file_is_an_error_and_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "generated.json"
    path.write_text("{ half")

    with pytest.raises(SettingsError, match="cannot be read"):
        load_or_generate(tmp_path)

    assert path.read_text() == "{ half"


def test_secrets_are_readable_by_their_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_or_generate(tmp_path)
        write_private(tmp_path / "proxy.env", "A='b'\n")
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"generated.json": 0o600, "proxy.env": 0o600}


@pytest.mark.parametrize("process", CLASSES)
def test_a_process_gets_what_it_reads_and_nothing_else(credentials: Credentials, process: str) -> None:
    known = {str(field.validation_alias): field for field in CLASSES[process].model_fields.values()}

    given = credentials.by_process()[process]

    assert given.keys() <= known.keys()
    assert given.keys() >= {name for name, field in known.items() if field.is_required()}


@pytest.mark.parametrize("process", CLASSES)
def test_a_process_starts_with_its_file(
    credentials: Credentials, process: str, tmp_path: Path, blank_shell: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "its.env"
    path.write_text(render(credentials.by_process()[process]))
    for name in credentials.by_process()[process]:
        blank_shell.delenv(name, raising=False)
    blank_shell.setenv("PILOTHOUSE_SECRETS_FILE", str(path))

    loaded: BaseSettings = CLASSES[process].load()

    assert f"pilothouse_{process}:" in loaded.model_dump()["database_url"]


@pytest.mark.parametrize(
    ("caller", "service"),
    [("controller", "proxy"), ("memory", "proxy"), ("controller", "broker"), ("controller", "memory")],
)
def test_the_key_a_caller_is_given_is_the_one_the_service_knows(
    credentials: Credentials, caller: str, service: str
) -> None:
    key = credentials.by_process()[caller][f"PILOTHOUSE_{service.upper()}_KEY"]
    lines = credentials.by_process()[service]

    callers = Callers(lines["PILOTHOUSE_KEY_SECRET"], json.loads(lines["PILOTHOUSE_CALLERS"]))

    assert callers.identify(f"Bearer {key}") == caller


def test_no_secret_of_one_process_is_in_the_file_of_another(credentials: Credentials) -> None:
    names = ("freqtrade_password", "openrouter_twin_key", "postgres_admin_password", "memory_scope_secret")

    holders = {
        name: [
            process
            for process, lines in credentials.by_process().items()
            if credentials.generated[name] in "".join(lines.values())
        ]
        for name in names
    }

    assert holders == {
        "freqtrade_password": ["broker"],
        "openrouter_twin_key": ["proxy"],
        "postgres_admin_password": [],
        "memory_scope_secret": ["memory"],
    }


def test_the_real_key_goes_to_the_proxy_only_and_brings_a_real_model(
    settings: StackSettings, blank_shell: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Credentials(settings, load_or_generate(tmp_path), Places.below(tmp_path)).model == "pilothouse/rehearsal"
    blank_shell.setenv("OPENROUTER_API_KEY", "sk-or-real")

    credentials = Credentials(StackSettings(), load_or_generate(tmp_path), Places.below(tmp_path))

    files = credentials.by_process()
    assert [name for name, lines in files.items() if "sk-or-real" in lines.values()] == ["proxy"]
    assert "LLM_BASE_URL" not in files["proxy"]
    assert files["controller"]["PILOTHOUSE_MODEL"] == "openai/gpt-4.1-mini"


def test_services_that_are_set_win_over_embedded_ones(blank_shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blank_shell.setenv("DATABASE_URL", "postgresql://me:secret@db.example:6000/mine?sslmode=require")
    blank_shell.setenv("FREQTRADE_URL", "http://bot.example:8080")
    blank_shell.setenv("FREQTRADE_USERNAME", "me")
    blank_shell.setenv("FREQTRADE_PASSWORD", "mine")
    blank_shell.setenv("LLM_BASE_URL", "http://ollama.example/v1")

    files = Credentials(StackSettings(), load_or_generate(tmp_path), Places.below(tmp_path)).by_process()

    assert files["proxy"]["DATABASE_URL"].endswith("@db.example:6000/mine?sslmode=require")
    assert files["proxy"]["LLM_BASE_URL"] == "http://ollama.example/v1"
    assert files["broker"]["FREQTRADE_URL"] == "http://bot.example:8080"
    assert (files["broker"]["FREQTRADE_USERNAME"], files["broker"]["FREQTRADE_PASSWORD"]) == ("me", "mine")


@pytest.mark.parametrize("value", ["it's", 'a "quoted" one', "back\\slash", "#no comment", "$HOME", " spaces ", "ü=="])
def test_a_value_is_read_back_as_it_was(value: str, tmp_path: Path, blank_shell: pytest.MonkeyPatch) -> None:
    path = tmp_path / "its.env"
    path.write_text(render({"OPENROUTER_API_KEY": value}))
    blank_shell.setitem(StackSettings.model_config, "env_file", str(path))

    assert StackSettings().openrouter_api_key == value


@pytest.mark.parametrize("value", ["two\nlines", "${HOME}"])
def test_a_value_that_would_be_read_differently_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="OPENROUTER_API_KEY"):
        render({"OPENROUTER_API_KEY": value})
