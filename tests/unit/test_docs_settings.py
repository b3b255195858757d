"""Settings are what the documents and `.env.example` say."""

import re
from pathlib import Path

import pytest

from pilothouse import settings
from pilothouse.settings import CHECKOUT, ProcessSettings, StackSettings
from tests.fixtures.docs import DOCUMENTS, name_of, variables

EXAMPLE = CHECKOUT / ".env.example"
CLASSES = [
    StackSettings,
    *(each for each in vars(settings).values() if isinstance(each, type) and issubclass(each, ProcessSettings)),
]
OF_OTHERS = {
    *("PILOTHOUSE_SECRETS_FILE", "PILOTHOUSE_API_URL", "PILOTHOUSE_API_KEY"),  # in and about secrets files
    "PILOTHOUSE_UID",  # compose.yaml's
    *("OPENAI_BASE_URL", "OPENAI_API_KEY"),
    *("UV_DEFAULT_INDEX", "XDG_CACHE_HOME"),
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_setting_named_exists(document: Path) -> None:
    known = {str(field.validation_alias) for each in CLASSES for field in each.model_fields.values()}

    assert variables(document) - known - OF_OTHERS == set()


def test_the_example_shows_every_setting_and_no_other_with_its_default() -> None:
    shown = dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    defaults = {str(field.validation_alias): str(field.default or "") for field in StackSettings.model_fields.values()}

    assert shown == defaults


def test_the_example_changes_nothing_as_it_is(blank_shell: pytest.MonkeyPatch) -> None:
    blank_shell.setitem(StackSettings.model_config, "env_file", EXAMPLE)
    from_example = StackSettings()
    blank_shell.setitem(StackSettings.model_config, "env_file", None)

    assert from_example == StackSettings()


def test_every_setting_of_the_example_is_explained() -> None:
    groups = re.split(r"\n\n", EXAMPLE.read_text())
    with_settings = [group for group in groups if re.search(r"^#?[A-Z][A-Z0-9_]*=", group, re.MULTILINE)]

    assert with_settings
    assert [group for group in with_settings if not re.match(r"# \S", group)] == []


def test_the_quick_start_names_every_port() -> None:
    text = (CHECKOUT / "docs" / "setup" / "00_QuickStart.md").read_text()
    shown = {
        setting: int(port) for port, setting in re.findall(r"^\| (\d+) \|.*`(PILOTHOUSE_PORT_\w+)`", text, re.MULTILINE)
    }
    fields = StackSettings.model_fields.items()

    assert shown == {str(field.validation_alias): field.default for name, field in fields if name.startswith("port_")}
