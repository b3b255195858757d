"""The real embedded stack: every process comes back after `kill -9`, sees only its own, and `down` ends all."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from stack.isolation import confined
from stack.lifecycle import bring_up, find_running, make_stack, take_down
from tests.fixtures.embedded import EmbeddedStack
from tests.fixtures.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade]

MOVES_MONEY = ("freqtrade_password", "broker_audit_key", "approver_pairing_secret")
NAMES = ("postgres", "openrouter", "exchange", "freqtrade", "proxy", "broker", "memory", "controller")


def test_everything_becomes_ready(embedded: EmbeddedStack) -> None:
    assert embedded.not_ready == {}
    assert {process.name for process in embedded.stack.processes} == set(NAMES)


def test_the_agent_answers_with_the_bots_own_figures(embedded: EmbeddedStack) -> None:
    answer = embedded.chat("How is my bot doing?")

    assert "USDT" in answer["answer"]
    assert answer["tool_calls"]


def test_secrets_files_are_their_owners_only(embedded: EmbeddedStack) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in embedded.stack.home.secrets.iterdir()}

    assert set(modes.values()) == {0o600}
    assert modes.keys() == {
        *("proxy.env", "broker.env", "memory.env", "controller.env"),
        *("owner.env", "generated.json"),
    }


def test_no_process_has_the_key_that_makes_keys(embedded: EmbeddedStack) -> None:
    home, key = embedded.stack.home, embedded.stack.credentials.generated["owner_proxy_key"]
    looking = ["grep", "--recursive", "--files-with-matches", f"--regexp={key}", str(home.root)]

    found = subprocess.run(looking, capture_output=True, text=True, check=False).stdout.split()

    assert {Path(each).relative_to(home.secrets).name for each in found} == {"owner.env", "generated.json"}
    assert not any(key in line for name in NAMES for line in embedded.environment(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_process_sees_only_its_own_environment(embedded: EmbeddedStack, name: str) -> None:
    seen = {variable.partition("=")[0] for variable in embedded.environment(name)}

    allowed = {"PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    assert seen - allowed <= {"PILOTHOUSE_SECRETS_FILE"}
    assert f"HOME={embedded.stack.home.root}/{name}" in embedded.environment(name)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"freqtrade", "broker"}))
def test_what_moves_money_is_nowhere_that_other_processes_can_read(embedded: EmbeddedStack, name: str) -> None:
    stack, uid = embedded.stack, embedded.stack.launcher.uid(name)
    secrets = [stack.credentials.generated[each] for each in MOVES_MONEY]
    files = [stack.home.root] if uid else [stack.home.root / name, *stack.home.secrets.glob(f"{name}.env")]

    looking = [
        "grep",
        "--recursive",
        "--files-with-matches",
        "--fixed-strings",
        *(f"--regexp={each}" for each in secrets),
    ]
    found = subprocess.run(confined([*looking, *map(str, files)], uid=uid), capture_output=True, text=True, check=False)

    assert found.stdout == ""
    assert [each for each in secrets if any(each in line for line in embedded.environment(name))] == []


def test_the_same_search_finds_them_where_they_belong(embedded: EmbeddedStack) -> None:
    broker = (embedded.stack.home.secrets / "broker.env").read_text()

    assert all(embedded.stack.credentials.generated[each] in broker for each in MOVES_MONEY)


@pytest.mark.parametrize("name", NAMES)
async def test_after_kill_9_it_comes_back_and_the_next_question_is_answered(embedded: EmbeddedStack, name: str) -> None:
    killed = embedded.pid(name)

    os.kill(killed, signal.SIGKILL)

    await until(lambda: embedded.pid(name) not in (0, killed) and embedded.is_ready(), timeout_s=90)
    assert embedded.chat("What is my balance?")["answer"]
    # Freqtrade ends itself some seconds after it lost its database, and then comes back too.
    await until(lambda: "USDT" in embedded.chat("What is my balance?")["answer"], timeout_s=90)


def test_bringing_it_up_again_changes_nothing(embedded: EmbeddedStack) -> None:
    before = {name: embedded.pid(name) for name in NAMES}
    configuration = embedded.stack.home.root / "freqtrade" / "config.json"
    owner = configuration.stat().st_uid

    not_ready = bring_up(make_stack(embedded.stack.credentials.settings, lambda _: None), lambda _: None)

    assert not_ready == {}
    assert {name: embedded.pid(name) for name in NAMES} == before
    assert configuration.stat().st_uid == owner  # it reads it again after a restart
    assert find_running(embedded.stack.credentials.settings) == embedded.stack.info


def test_down_leaves_no_process_behind_and_the_data_stays(embedded: EmbeddedStack) -> None:
    pids = [embedded.control.pid(), *(embedded.pid(name) for name in NAMES)]
    key = embedded.stack.info.owner_key

    outlived = take_down(embedded.stack.home)

    assert outlived == []
    assert [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()] == []
    assert find_running(embedded.stack.credentials.settings) is None
    assert bring_up(embedded.stack, lambda _: None) == {}
    assert embedded.stack.info.owner_key == key
    assert embedded.chat("What is my balance?")["tool_calls"]
