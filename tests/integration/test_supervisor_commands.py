"""What a person meets in the terminal when something is in the way: one line and a hint, never a traceback."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from stack.home import Home
from stack.isolation import FIRST_UID, can_run
from stack.leftovers import find_leftovers
from stack.ports import find_free
from tests.fixtures.command_line import PROGRAM, CommandLine
from tests.fixtures.homes import free_ports
from tests.fixtures.waiting import until

OTHER = FIRST_UID + 90


def test_a_taken_port_is_named_before_anything_starts(pilothouse: CommandLine, open_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        done = pilothouse("up", "--detach", **free_ports() | {"PILOTHOUSE_PORT_API": str(port)})

    assert done.returncode == 1
    assert f"port {port} is taken by pid {os.getpid()}" in done.stderr
    assert "PILOTHOUSE_PORT_API" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (open_home / "run" / "supervisord.pid").exists()


@pytest.mark.parametrize("command", ["up", "down", "status", "logs", "doctor", "migrate"])
def test_a_setting_that_cannot_be_is_named(pilothouse: CommandLine, command: str) -> None:
    done = pilothouse(command, PILOTHOUSE_PORT_API="abc")

    assert done.returncode == 1
    assert "SettingsError: settings are missing or wrong: PILOTHOUSE_PORT_API: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["up"], ["migrate"]])
def test_a_data_folder_that_cannot_be_written_is_named(pilothouse: CommandLine, command: list[str]) -> None:
    done = pilothouse(*command, PILOTHOUSE_HOME="/proc/nowhere", PILOTHOUSE_PORT_POSTGRES=str(find_free()))

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "PILOTHOUSE_HOME" in done.stderr or "not running" in done.stderr


@pytest.mark.parametrize("command", [["status"], ["runs", "list"]])
def test_asking_a_stack_that_is_down_says_where_it_looked_and_how_to_start_it(
    pilothouse: CommandLine, open_home: Path, command: list[str]
) -> None:
    done = pilothouse(*command)

    assert done.returncode == 1
    assert f"the stack in {open_home} is not running" in done.stderr.replace("\n", " ")
    assert "bin/pilothouse up" in done.stderr


@pytest.mark.skipif(not can_run([str(PROGRAM), "--help"], uid=OTHER), reason="another user cannot reach our Python")
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", [["status"], ["down"], ["ask", "hi"], ["runs", "list"]])
def test_anothers_stack_is_said_to_be_anothers(pilothouse: CommandLine, command: list[str]) -> None:
    done = pilothouse(*command, uid=OTHER)

    assert done.returncode == 1
    assert "belongs to another user" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("EXCHANGE", "nonsense"), ("EXCHANGE", "../x"), ("PILOTHOUSE_EXCHANGE_CANDLES", "/nowhere")]
)
def test_prices_from_nowhere_are_named_before_anything_starts(
    pilothouse: CommandLine, open_home: Path, name: str, value: str
) -> None:
    for command in ("up", "doctor"):
        done = pilothouse(command, **{name: value})

        assert done.returncode == 1
        assert value in done.stderr + done.stdout
        assert name in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
    assert not (open_home / "run" / "supervisord.pid").exists()


def test_down_is_fine_when_nothing_runs_and_says_where_it_looked(pilothouse: CommandLine, open_home: Path) -> None:
    done = pilothouse("down")

    assert (done.returncode, done.stdout) == (0, f"nothing was running in {open_home}\n")


def test_logs_of_an_unknown_process_name_the_known_ones(pilothouse: CommandLine, open_home: Path) -> None:
    (open_home / "logs").mkdir()
    (open_home / "logs" / "proxy.log").write_text("first\nsecond\n")

    unknown, known = pilothouse("logs", "prxy"), pilothouse("logs", "proxy", "--lines", "1")

    assert (unknown.returncode, "known are: proxy" in unknown.stderr) == (1, True)
    assert known.stdout == "proxy      second\n"


def test_what_cannot_be_read_is_one_line(pilothouse: CommandLine, home: Home) -> None:
    (home.logs / "proxy.log").mkdir()  # rights would not stop root

    done = pilothouse("logs")

    assert done.returncode == 1
    assert str(home.logs / "proxy.log") in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_terminal_cannot_show_is_written_another_way(pilothouse: CommandLine, open_home: Path) -> None:
    done = pilothouse("down", PYTHONIOENCODING="ascii", PILOTHOUSE_HOME=str(open_home / "é"))

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{open_home}/\\xe9" in done.stdout


async def test_ctrl_c_while_it_is_still_loading_ends_it_without_a_traceback() -> None:
    process = await asyncio.create_subprocess_exec(PROGRAM, "status", stderr=asyncio.subprocess.PIPE)
    await until(lambda: "pydantic_core" in Path(f"/proc/{process.pid}/maps").read_text())
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()

    assert process.returncode != 0
    assert b"Traceback" not in errors


def test_doctor_finds_an_opened_secrets_file(pilothouse: CommandLine, open_home: Path) -> None:
    (open_home / "secrets").mkdir()
    opened = open_home / "secrets" / "proxy.env"
    opened.write_text("")
    opened.chmod(0o644)

    done = pilothouse("doctor")

    assert done.returncode == 1
    assert f"chmod 600 {opened}" in done.stdout


def test_doctor_says_that_trading_is_halted_and_that_nobody_can_approve(
    pilothouse: CommandLine, open_home: Path
) -> None:
    halt = open_home / "broker" / "data" / "halt"
    halt.parent.mkdir(parents=True)
    halt.touch()

    said = pilothouse("doctor").stdout

    assert "trading is halted" in said
    assert "bin/pilothouse approvals pair" in said


def test_doctor_finds_a_database_that_does_not_answer(pilothouse: CommandLine) -> None:
    done = pilothouse("doctor", DATABASE_URL=f"postgresql://me:xyzzy@127.0.0.1:{find_free()}/mine")

    assert done.returncode == 1
    assert "the database at 127.0.0.1 cannot be used" in done.stdout
    assert "xyzzy" not in done.stdout


@pytest.mark.parametrize("command", ["up", "logs", "migrate"])
def test_help_shows_examples(pilothouse: CommandLine, command: str) -> None:
    assert f"bin/pilothouse {command}" in pilothouse(command, "--help").stdout


def test_up_with_a_database_that_does_not_answer_leaves_nothing_running(
    pilothouse: CommandLine, open_home: Path
) -> None:
    ports = {
        f"PILOTHOUSE_PORT_{name}": str(find_free()) for name in ("API", "PROXY", "BROKER", "MEMORY", "OPENROUTER_TWIN")
    }

    done = pilothouse(
        *("up", "--detach"),
        DATABASE_URL=f"postgresql://me:xyzzy@127.0.0.1:{find_free()}/mine",
        FREQTRADE_URL="http://127.0.0.1:1",
        **ports,
    )

    assert done.returncode == 1
    assert "the database cannot be used" in done.stderr
    assert "xyzzy" not in done.stderr
    assert find_leftovers(Home(open_home)) == []
