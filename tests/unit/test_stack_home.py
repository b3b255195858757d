"""Where the data lives, and the clear errors when it cannot live there."""

import asyncio
import os
import stat
import subprocess
from pathlib import Path

import pytest

from pilothouse.errors import SettingsError
from pilothouse.settings import CHECKOUT, StackSettings
from stack.home import Home, find_home
from stack.isolation import FIRST_UID, can_run, confined
from tests.fixtures.waiting import until


def test_the_setting_decides(settings: StackSettings, open_home: Path) -> None:
    assert find_home(settings).root == open_home


def test_by_default_it_is_in_the_checkout_and_never_the_persons_home(blank_shell: pytest.MonkeyPatch) -> None:
    blank_shell.setenv("HOME", "/somewhere/else")

    assert find_home(StackSettings()).root in (CHECKOUT / "var", Path("/var/lib/pilothouse"))


def test_a_fresh_home_lets_every_process_in_and_shows_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "fresh")

    home.prepare()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home.root, *home.root.iterdir())}
    assert modes == {"fresh": 0o711, "secrets": 0o711, "logs": 0o700, "run": 0o700}


def test_the_rights_of_a_folder_that_was_there_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)

    Home(folder).prepare()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="cannot be written") as raised:
        Home(tmp_path / "file" / "home").prepare()

    assert "PILOTHOUSE_HOME" in raised.value.hint


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    (tmp_path / "letters").mkdir()

    with pytest.raises(SettingsError, match="is not a data home: it has letters but no") as raised:
        Home(tmp_path).prepare()

    assert "new or empty folder" in raised.value.hint
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o755
    assert not (tmp_path / "secrets").exists()


def test_what_a_cut_off_first_start_left_is_gone_on_with(tmp_path: Path) -> None:
    Home(tmp_path).prepare()

    Home(tmp_path).prepare()


def test_a_home_that_depends_on_where_one_stands_is_refused(blank_shell: pytest.MonkeyPatch) -> None:
    blank_shell.setenv("PILOTHOUSE_HOME", "data")

    with pytest.raises(SettingsError, match="must not depend on where you stand") as raised:
        find_home(StackSettings())

    assert str(Path("data").absolute()) in raised.value.hint


@pytest.mark.usefixtures("as_another_user")
def test_a_home_behind_a_closed_folder_is_a_clear_error(closed_folder: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written: Permission denied"):
        Home(closed_folder / "home").prepare()


@pytest.mark.parametrize("name", ["x" * 100, "semi;colon", "100%", "it's"])
def test_a_name_the_supervisor_cannot_use_is_a_clear_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="too long or has unusual signs"):
        Home(tmp_path / name).prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has uids to give away")
def test_whether_a_uid_may_run_a_program_is_found_out_by_running_it(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert can_run(["true"], uid=FIRST_UID)
    assert not can_run([str(program)], uid=FIRST_UID)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has uids to give away")
def test_a_confined_program_has_its_uid_and_no_way_to_gain_rights() -> None:
    status = subprocess.check_output(confined(["cat", "/proc/self/status"], uid=FIRST_UID), text=True)

    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == [str(FIRST_UID)] * 4
    assert lines["Groups"].strip() == ""
    assert lines["NoNewPrivs"] == "1"
    assert lines["CapEff"] == "0" * 16


async def test_a_confined_program_is_signalled_when_its_parent_dies() -> None:
    child = " ".join(confined(["sleep", "60"], uid=None))
    parent = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"{child} & echo $!; wait", stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    await until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")

    parent.kill()

    await until(lambda: not Path(f"/proc/{pid}/exe").exists())
    await parent.wait()
