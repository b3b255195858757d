"""supervisord and the table of processes, with stand-ins: order, restart, clean environment, nothing left behind."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.leftovers import end_leftovers, find_leftovers
from stack.lifecycle import take_down
from stack.startup import Startup
from tests.fixtures.supervision import Supervision
from tests.fixtures.waiting import until


async def test_kill_9_of_any_process_brings_it_back(supervision: Supervision) -> None:
    processes = [supervision.stand_in(name) for name in ("proxy", "broker", "memory")]
    supervision.bring_up(processes)

    for process in processes:
        killed = supervision.pid(process.name)
        os.kill(killed, signal.SIGKILL)

        await until(lambda process=process, killed=killed: supervision.is_back(process, killed=killed))


def test_processes_wait_for_what_they_need(supervision: Supervision) -> None:
    server = supervision.stand_in("postgres")
    client = supervision.stand_in("proxy", after=("database",))
    supervision.start_daemon([server, client])
    seen: list[str] = []

    startup = Startup(
        supervision.control,
        [client, server],
        prepare_database=lambda: seen.append(f"prepared, proxy is {supervision.control.states()['proxy'].state}"),
        report=seen.append,
    )
    not_ready = startup.run(timeout_s=30)

    assert not_ready == {}
    assert seen == ["postgres is ready", "prepared, proxy is STOPPED", "proxy is ready"]


def test_one_that_cannot_start_is_named_and_holds_up_no_other(supervision: Supervision) -> None:
    broken = supervision.process("broker", ["/bin/false"])
    waiting = supervision.stand_in("controller", after=("broker",))
    healthy = supervision.stand_in("proxy")
    supervision.start_daemon([broken, waiting, healthy])

    not_ready = supervision.startup([broken, waiting, healthy]).run(timeout_s=30)

    assert not_ready.keys() == {"broker", "controller"}
    assert not_ready["controller"] == "never started"


def test_one_that_waits_for_a_dead_service_elsewhere_does_not_hold_up_the_start(supervision: Supervision) -> None:
    processes = [supervision.stand_in("broker", "needy"), supervision.stand_in("proxy")]
    supervision.start_daemon(processes)

    not_ready = supervision.startup(processes).run(timeout_s=300)

    assert not_ready == {"broker": "down"}


def test_down_leaves_no_process_behind(supervision: Supervision) -> None:
    processes = [supervision.stand_in(name) for name in ("postgres", "proxy", "memory")]
    supervision.bring_up(processes)
    pids = [supervision.control.pid(), *(supervision.pid(each.name) for each in processes)]

    outlived = take_down(supervision.home)

    assert outlived == []
    assert [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()] == []


def test_two_that_stop_it_at_once_do_not_disturb_each_other(supervision: Supervision) -> None:
    supervision.bring_up([supervision.stand_in(name) for name in ("postgres", "proxy")])
    said: list[str] = []

    with ThreadPoolExecutor() as threads:
        outlived = list(threads.map(take_down, [supervision.home] * 2, [said.append] * 2))

    assert outlived == [[], []]
    assert said == ["another bin/pilothouse is starting or stopping it; waiting"]


async def test_nothing_outlives_a_killed_supervisor(supervision: Supervision) -> None:
    processes = [supervision.stand_in(name) for name in ("proxy", "memory")]
    supervision.bring_up(processes)

    os.kill(supervision.control.pid(), signal.SIGKILL)

    await until(lambda: find_leftovers(supervision.home) == [])


async def test_what_ignores_every_polite_signal_is_ended_by_force(supervision: Supervision) -> None:
    supervision.bring_up([supervision.stand_in("memory", "stubborn")])
    stubborn = supervision.pid("memory")
    os.kill(supervision.control.pid(), signal.SIGKILL)
    await until(lambda: not supervision.control.is_up())

    ended = end_leftovers(supervision.home, grace_s=0.2)

    assert stubborn in ended
    await until(lambda: find_leftovers(supervision.home) == [])


def test_a_process_sees_nothing_of_the_shell_it_was_started_from(
    supervision: Supervision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "belongs to the proxy only")
    supervision.bring_up([supervision.stand_in("memory"), supervision.stand_in("exchange")])

    seen = {
        name: Path(f"/proc/{supervision.pid(name)}/environ").read_text().split("\0")[:-1]
        for name in ("memory", "exchange")
    }

    basic = ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "SSL_CERT_FILE=/some/certificates.pem"]
    root = supervision.home.root
    secrets = f"PILOTHOUSE_SECRETS_FILE={root}/secrets/memory.env"
    assert sorted(seen["memory"]) == sorted([*basic, f"HOME={root}/memory", secrets])
    assert sorted(seen["exchange"]) == sorted([*basic, f"HOME={root}/exchange"])


async def test_what_a_process_writes_goes_into_its_own_log(supervision: Supervision) -> None:
    talker = supervision.process("proxy", ["/bin/sh", "-c", "echo said this; exec sleep 100"])
    supervision.start_daemon([talker])

    supervision.control.start("proxy")

    log = supervision.home.logs / "proxy.log"
    await until(lambda: log.exists() and log.read_text() == "said this\n")
    assert log.stat().st_mode & 0o077 == 0


def test_the_supervisors_door_is_closed_to_others(supervision: Supervision) -> None:
    supervision.start_daemon([])

    door = supervision.home.run
    assert door.stat().st_mode & 0o077 == 0
    assert (door / "supervisor.sock").stat().st_mode & 0o077 == 0
    assert (door / "supervisord.conf").stat().st_mode & 0o077 == 0
