"""The whole embedded stack: up, down, and whether it is up. The one door for the command line."""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pilothouse.errors import PilothouseError, UnavailableError
from pilothouse.settings import CHECKOUT, StackSettings
from stack.credentials import Credentials, Places
from stack.database import prepare_database
from stack.freqtrade import FreqtradeConfig, require_known_exchange, write_config
from stack.home import Home, find_home
from stack.installation import ensure_installed
from stack.isolation import give, private_folder
from stack.leftovers import end_leftovers
from stack.n8n import setup as n8n
from stack.overview import describe
from stack.ports import LOOPBACK, require_free
from stack.postgres import Cluster, initialise, open_cluster
from stack.processes import (
    FREQTRADE_ENVIRONMENT,
    Launcher,
    Process,
    freqtrade_config,
    make_launcher,
    make_n8n_server,
    plan,
)
from stack.readiness import probe
from stack.running import note, recall
from stack.secrets import load_or_generate, render, write_private
from stack.startup import Startup
from stack.supervisor import Control, configure, start_daemon
from stack.turns import alone

Report = Callable[[str], None]

READY_TIMEOUT_S = 60
PAUSE_S = 0.02
FINGERPRINT = "fingerprint"
POLICY = CHECKOUT / "deploy" / "policy.toml"


@dataclass(frozen=True)
class StackInfo:
    """Where the API is, and the person's key to it."""

    api_url: str
    owner_key: str


@dataclass(frozen=True)
class Stack:
    """Everything known about the stack of one home before anything is started."""

    home: Home
    credentials: Credentials
    launcher: Launcher
    cluster: Cluster | None
    freqtrade: FreqtradeConfig | None
    processes: list[Process]

    @property
    def info(self) -> StackInfo:
        """What a client needs."""
        port = self.credentials.settings.port_api
        return StackInfo(f"http://{LOOPBACK}:{port}", self.credentials.generated["owner_key"])

    @property
    def configuration(self) -> str:
        """Supervisord's."""
        return configure(self.home, self.processes, as_root=os.geteuid() == 0)


def ensure_up(report: Report) -> StackInfo:
    """The stack, brought up in the background when it is not."""
    settings = StackSettings.load()
    if (info := find_running(settings)) is not None:
        return info
    stack = make_stack(settings, report)
    not_ready = bring_up(stack, report)
    if "controller" in not_ready:
        raise UnavailableError(
            f"the stack came up without its controller: {describe(stack.home, not_ready)}",
            hint="look at it with bin/pilothouse status and bin/pilothouse logs controller",
        )
    if not_ready:
        report(f"not ready yet: {describe(stack.home, not_ready)}")
    return stack.info


def find_running(settings: StackSettings) -> StackInfo | None:
    """The stack of this home if its controller runs and answers."""
    home = find_home(settings)
    if not Control(home).is_up():
        return None
    ready = [each for each in recall(home) if each.name == "controller" and probe(each).ready]
    return StackInfo(ready[0].url, load_or_generate(home.secrets)["owner_key"]) if ready else None


def make_stack(settings: StackSettings, report: Report) -> Stack:
    """Decide what runs, and how; installs Freqtrade at the first time."""
    home = find_home(settings)
    home.prepare()
    credentials = Credentials(settings, load_or_generate(home.secrets), Places.below(home.root))
    python = None if settings.freqtrade_url else ensure_installed(FREQTRADE_ENVIRONMENT, report)
    freqtrade = None
    if python is not None:
        require_known_exchange(settings.exchange, FREQTRADE_ENVIRONMENT)
        freqtrade = freqtrade_config(credentials)
    cluster = None if settings.database_url else open_cluster(home.root, port=settings.port_postgres)
    pythons = [Path(sys.executable), *([python] if python else [])]
    launcher = make_launcher(home, settings, pythons=pythons)
    known = n8n.recall(home)
    server = make_n8n_server(credentials, launcher) if known and known.wanted else None
    processes = plan(credentials, launcher, cluster=cluster, freqtrade_python=python, n8n=server)
    return Stack(home, credentials, launcher, cluster, freqtrade, processes)


def bring_up(stack: Stack, report: Report) -> dict[str, str]:
    """Start what is not running, in order; returns name -> reason of what is not ready in time."""
    with _alone(stack.home, report):
        started_now = _start_supervisor(stack, report)

        def prepare() -> None:
            for name in prepare_database(stack.credentials):
                report(f"migration {name} applied")

        startup = Startup(Control(stack.home), stack.processes, prepare, report)
        try:
            return startup.run(timeout_s=READY_TIMEOUT_S)
        except (PilothouseError, KeyboardInterrupt):
            if started_now:  # half a stack helps nobody
                report("stopping what was started")
                _end(stack.home)
            raise


def take_down(home: Home, report: Report = lambda _: None) -> list[int]:
    """Stop everything, PostgreSQL last; returns the pids that had outlived their supervisor."""
    if not home.run.exists():
        return end_leftovers(home)
    with _alone(home, report):
        return _end(home)


def _end(home: Home) -> list[int]:
    control = Control(home)
    if control.is_up():
        names = list(control.states())
        control.stop([name for name in names if name != "postgres"])
        control.stop([name for name in names if name == "postgres"])
        pid = control.pid()
        control.shut_down()
        while Path(f"/proc/{pid}/exe").exists():
            time.sleep(PAUSE_S)
    return end_leftovers(home)


def _start_supervisor(stack: Stack, report: Report) -> bool:
    """Start it, unless it runs with these very settings; returns whether it was started now."""
    control, fingerprint = Control(stack.home), _fingerprint(stack)
    if control.is_up():
        if _read(stack.home.run / FINGERPRINT) == fingerprint:
            return False
        report("the settings changed: starting anew")
    _end(stack.home)
    for process in stack.processes:
        require_free(process.port, setting=process.port_setting)
    _write_files(stack)
    note(stack.home, stack.processes)
    start_daemon(stack.home, stack.configuration)
    write_private(stack.home.run / FINGERPRINT, fingerprint)
    return True


def _write_files(stack: Stack) -> None:
    for name, lines in stack.credentials.by_process().items():
        uid = None if name == "owner" else stack.launcher.uid(name)
        write_private(stack.home.secrets / f"{name}.env", render(lines), uid=uid)
    places = stack.credentials.places
    data_folders = {"memory": places.memory_data, "broker": places.broker_data}
    if not places.policy.exists():  # the person's from then on; the broker only reads it
        places.policy.write_text(POLICY.read_text())
    for process in stack.processes:
        private_folder(process.folder, uid=process.uid)
        if (data := data_folders.get(process.name)) is not None:
            data.mkdir(mode=0o700, exist_ok=True)
        if process.name == "freqtrade" and stack.freqtrade is not None:
            write_config(process.folder, config=stack.freqtrade)
        if process.uid is not None:
            give(process.folder, uid=process.uid)
    if stack.cluster is not None:
        initialise(stack.cluster, password=stack.credentials.generated["postgres_admin_password"])


def _fingerprint(stack: Stack) -> str:
    secrets = "".join(render(lines) for lines in stack.credentials.by_process().values())
    return hashlib.sha256((stack.configuration + secrets + str(stack.freqtrade)).encode()).hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _alone(home: Home, report: Report) -> AbstractContextManager[None]:
    """A stack that is started and stopped at once would be half a stack."""
    return alone(
        home.run / "up.lock",
        report,
        waiting="another bin/pilothouse is starting or stopping it; waiting",
        hint="it belongs to another user: be that user, or set PILOTHOUSE_HOME to a home of your own",
    )
