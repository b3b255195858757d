"""Installing the bot: once, alone, and whole; what was cut off is begun anew."""

from pathlib import Path
from threading import Thread

import pytest

from pilothouse.errors import SettingsError, UnavailableError
from stack import installation
from stack.installation import ensure_installed

UV = """\
#!/bin/sh
echo "$*" >>"{root}/asked"
sleep {seconds}
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, with a `uv` that only writes down what it was asked to do."""
    monkeypatch.setattr(installation, "CHECKOUT", tmp_path)
    program = tmp_path / ".uv" / "uv"
    program.parent.mkdir()
    program.write_text(UV.format(root=tmp_path, seconds=0))
    program.chmod(0o755)
    return tmp_path


def test_it_is_installed_once(checkout: Path) -> None:
    ensure_installed(checkout / "environment", print)
    ensure_installed(checkout / "environment", print)

    assert len((checkout / "asked").read_text().splitlines()) == 1


def test_what_was_cut_off_half_way_is_begun_anew(checkout: Path) -> None:
    half = checkout / "environment" / "lib" / "half_a_package.py"
    half.parent.mkdir(parents=True)
    half.touch()

    ensure_installed(checkout / "environment", print)

    assert not half.exists()


def test_who_comes_second_waits_and_installs_nothing(checkout: Path) -> None:
    (checkout / ".uv" / "uv").write_text(UV.format(root=checkout, seconds=1))
    said: list[str] = []
    both = [Thread(target=ensure_installed, args=(checkout / "environment", said.append)) for _ in range(2)]

    for each in both:
        each.start()
    for each in both:
        each.join()

    assert len((checkout / "asked").read_text().splitlines()) == 1
    assert "another bin/pilothouse is installing Freqtrade; waiting for it" in said


def test_a_checkout_that_cannot_be_written_is_a_clear_error(checkout: Path) -> None:
    (checkout / "environment.lock").mkdir()  # rights would not stop root

    with pytest.raises(SettingsError, match="cannot be written") as refusal:
        ensure_installed(checkout / "environment", print)

    assert "folder of your own" in refusal.value.hint


def test_a_missing_uv_is_a_clear_error(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / ".uv" / "uv").unlink()
    monkeypatch.setenv("PATH", "")

    with pytest.raises(UnavailableError) as refusal:
        ensure_installed(checkout / "environment", print)

    assert "bin/pilothouse" in refusal.value.hint
