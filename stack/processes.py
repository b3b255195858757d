"""The table of processes: what runs, in which order, under which uid, how it is asked whether it is ready."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT, StackSettings
from stack import freqtrade
from stack.credentials import FREQTRADE_USER, Credentials
from stack.home import Home
from stack.isolation import FIRST_UID, can_run, confined, require_reachable
from stack.n8n.installation import find_installation
from stack.n8n.server import Server
from stack.ports import LOOPBACK
from stack.postgres import PORT_SETTING, Cluster

PATH = "/usr/local/bin:/usr/bin:/bin"
DATABASE_STEP = "database"  # not a process: roles, migrations and the owner's key, done by the command
UIDS = {
    name: FIRST_UID + offset
    for offset, name in enumerate(
        ("controller", "proxy", "broker", "memory", "openrouter", "exchange", "freqtrade", "postgres", "n8n")
    )
}
SERVICES = ("proxy", "broker", "memory", "controller")  # ours, each with a secrets file
FREQTRADE_ENVIRONMENT = CHECKOUT / ".venv-freqtrade"


@dataclass(frozen=True)
class Process:
    """One supervised program. `health` is asked over HTTP; without it, the port is PostgreSQL's."""

    name: str
    command: tuple[str, ...]
    folder: Path
    uid: int | None
    port: int
    port_setting: str
    health: str = ""
    directory: Path = Path("/")
    after: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    steady_after_s: int = 2  # dying earlier counts as a failed start, which is retried with back-off

    @property
    def url(self) -> str:
        """Where it listens."""
        scheme = "http" if self.health else "postgresql"
        return f"{scheme}://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Launcher:
    """How programs are started here: clean environment, own uid where that is possible."""

    home: Home
    separated: bool
    certificates: dict[str, str]

    def uid(self, name: str) -> int | None:
        """The uid of process `name`; None: our own."""
        return UIDS[name] if self.separated else None

    def command(self, name: str, program: Sequence[str]) -> tuple[str, ...]:
        """`program` with nothing in its environment but what `environment` lists."""
        variables = [f"{key}={value}" for key, value in self.environment(name).items()]
        return tuple(confined(["env", "-i", *variables, *program], uid=self.uid(name)))

    def environment(self, name: str) -> dict[str, str]:
        """Everything the process sees of ours."""
        files = {"PILOTHOUSE_SECRETS_FILE": str(self.home.secrets / f"{name}.env")} if name in SERVICES else {}
        basic = {"PATH": PATH, "HOME": str(self.home.root / name), "LANG": "C.UTF-8"}
        return basic | self.certificates | files


def make_launcher(home: Home, settings: StackSettings, *, pythons: Sequence[Path]) -> Launcher:
    """Own uids only when root, and when home, every Python and our code are reachable for them (found by trying)."""
    import_ours = f"import sys; sys.path.append({str(CHECKOUT)!r}); import stack"
    probes = [["test", "-x", str(home.root)], *([str(python), "-c", import_ours] for python in pythons)]
    separated = os.geteuid() == 0 and all(can_run(probe, uid=FIRST_UID) for probe in probes)
    return Launcher(home=home, separated=separated, certificates=settings.certificates())


def plan(
    credentials: Credentials,
    launcher: Launcher,
    *,
    cluster: Cluster | None,
    freqtrade_python: Path | None,
    n8n: Server | None,
) -> list[Process]:
    """Everything the embedded stack runs with these settings; services that are set elsewhere are left out."""
    settings = credentials.settings
    processes = [] if cluster is None else [_postgres(launcher, cluster)]
    if credentials.uses_rehearsal:
        processes.append(_openrouter_twin(credentials, launcher))
    if freqtrade_python is not None:
        if settings.exchange == freqtrade.SIMULATED:
            processes.append(_exchange_twin(settings, launcher, freqtrade_python))
        processes.append(_freqtrade(settings, launcher, freqtrade_python))
    return [*processes, *_services(settings, launcher), *([_n8n(n8n)] if n8n else [])]


def _postgres(launcher: Launcher, cluster: Cluster) -> Process:
    return Process(
        name="postgres",
        command=tuple(cluster.command(launcher.environment("postgres"))),
        folder=cluster.folder,
        uid=cluster.uid,
        port=cluster.port,
        port_setting=PORT_SETTING,
        stop_signal="INT",
    )


def _openrouter_twin(credentials: Credentials, launcher: Launcher) -> Process:
    port = credentials.settings.port_openrouter_twin
    arguments = [f"--key={credentials.generated['openrouter_twin_key']}"]  # it may begin with a dash
    return _twin("openrouter", launcher, Path(sys.executable), port=port, arguments=arguments)


def _exchange_twin(settings: StackSettings, launcher: Launcher, python: Path) -> Process:
    arguments = ["--candles", settings.exchange_candles] if settings.exchange_candles else []
    return _twin("exchange", launcher, python, port=settings.port_exchange_twin, arguments=arguments)


def _twin(name: str, launcher: Launcher, python: Path, *, port: int, arguments: Sequence[str]) -> Process:
    program = [str(python), "-m", f"simulators.{name}", "--host", LOOPBACK, "--port", str(port), *arguments]
    return Process(
        name=name,
        command=launcher.command(name, program),
        folder=launcher.home.root / name,
        uid=launcher.uid(name),
        port=port,
        port_setting=f"PILOTHOUSE_PORT_{name.upper()}_TWIN",
        directory=CHECKOUT,  # Freqtrade's environment does not have our packages installed
        health="/health",
    )


def _freqtrade(settings: StackSettings, launcher: Launcher, python: Path) -> Process:
    folder = launcher.home.root / "freqtrade"
    return Process(
        name="freqtrade",
        command=launcher.command("freqtrade", freqtrade.trade_command(folder, python=python)),
        folder=folder,
        uid=launcher.uid("freqtrade"),
        port=settings.port_freqtrade,
        port_setting="PILOTHOUSE_PORT_FREQTRADE",
        health="/api/v1/ping",
        after=(DATABASE_STEP,),  # it imports longer than the exchange twin needs to be ready
        stop_signal="INT",
        steady_after_s=20,
    )


def make_n8n_server(credentials: Credentials, launcher: Launcher) -> Server:
    """The n8n of this home. Its role enters the database that all share."""
    settings, uid = credentials.settings, launcher.uid("n8n")
    installation = find_installation(settings.n8n_installation)
    if not installation.is_complete:
        raise UnavailableError("n8n is not installed", hint="bin/pilothouse n8n install")
    require_reachable(installation.node, uid=uid)
    return Server(
        installation=installation,
        folder=launcher.home.root / "n8n",
        port=settings.port_n8n,
        runners_port=settings.port_n8n_runners,
        database_url=credentials.database_url("n8n"),
        uid=uid,
    )


def _n8n(server: Server) -> Process:
    return Process(
        name="n8n",
        command=tuple(server.command("start")),
        folder=server.folder,
        uid=server.uid,
        port=server.port,
        port_setting="PILOTHOUSE_PORT_N8N",
        health="/healthz/readiness",
        after=(DATABASE_STEP,),
        steady_after_s=10,
    )


def freqtrade_config(credentials: Credentials) -> freqtrade.FreqtradeConfig:
    """The bot's configuration with these settings; a clear error when there is nothing to replay."""
    settings, generated = credentials.settings, credentials.generated
    recorded = Path(settings.exchange_candles) if settings.exchange_candles else None
    return freqtrade.FreqtradeConfig(
        port=settings.port_freqtrade,
        credentials=freqtrade.ApiCredentials(
            username=FREQTRADE_USER,
            password=generated["freqtrade_password"],
            jwt_secret_key=generated["freqtrade_jwt_secret"],
            ws_token=generated["freqtrade_ws_token"],
        ),
        database_url=credentials.database_url("freqtrade"),
        entry_key=generated["freqtrade_entry_key"],
        strategy_entries=freqtrade.strategy_entries(credentials.places.policy),
        exchange=settings.exchange,
        prices="recorded" if recorded else "simulated",
        twin_url=f"http://{LOOPBACK}:{settings.port_exchange_twin}",
        pairs=freqtrade.recorded_pairs(recorded) if recorded else freqtrade.DEFAULT_PAIRS,
    )


def _services(settings: StackSettings, launcher: Launcher) -> list[Process]:
    return [
        _service("proxy", launcher, port=settings.port_proxy),
        _service("broker", launcher, port=settings.port_broker),
        _service("memory", launcher, port=settings.port_memory),
        _service("controller", launcher, port=settings.port_api, package="api", health="/health/live"),
    ]


def _service(name: str, launcher: Launcher, *, port: int, package: str = "", health: str = "/health") -> Process:
    package = package or name
    return Process(
        name=name,
        command=launcher.command(name, [sys.executable, "-P", "-m", package]),
        folder=launcher.home.root / name,
        uid=launcher.uid(name),
        port=port,
        port_setting=f"PILOTHOUSE_PORT_{package.upper()}",
        health=health,
        after=(DATABASE_STEP,),
    )
