"""supervisord keeps the processes running; this writes its configuration, starts it, and talks to it."""

import http.client
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pilothouse.errors import SettingsError, UnavailableError
from stack.home import Home
from stack.processes import PATH, Process
from stack.secrets import write_private

ALREADY_STARTED, NOT_RUNNING = 60, 70  # supervisord's fault codes
DAEMON_START_TIMEOUT_S = 10
RPC_TIMEOUT_S = 10

DAEMON = """\
[supervisord]
logfile={run}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={run}/supervisord.pid
childlogdir={logs}
directory=/
umask=077
{user}
[unix_http_server]
file={run}/supervisor.sock
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
# The command line starts them in order; from then on whatever ends is started again, with growing pauses.
PROGRAM = """\
[program:{name}]
command={command}
directory={directory}
autostart=false
autorestart=true
startsecs={steady_after_s}
startretries=1000
stopsignal={stop_signal}
stopwaitsecs=20
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


@dataclass(frozen=True)
class State:
    """What supervisord knows of one process."""

    name: str
    state: str  # STOPPED STARTING RUNNING BACKOFF STOPPING EXITED FATAL
    pid: int
    uptime_s: int


class Control:
    """The running supervisord of one home, over its Unix socket."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def is_up(self) -> bool:
        """Whether a supervisord answers."""
        try:
            self._call("getPID")
        except UnavailableError:
            return False
        return True

    def pid(self) -> int:
        """Supervisord's own pid."""
        return int(self._call("getPID"))

    def states(self) -> dict[str, State]:
        """Process name -> state."""
        infos = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        return {info["name"]: _state(info) for info in infos}

    def start(self, name: str) -> None:
        """Start it, if it is not running."""
        self._call("startProcess", name, False, harmless=ALREADY_STARTED)

    def stop(self, names: Sequence[str]) -> None:
        """Ask all of them to stop, then wait until they have."""
        for name in names:
            self._call("stopProcess", name, False, harmless=NOT_RUNNING)
        while any(state.pid for name, state in self.states().items() if name in names):
            time.sleep(0.05)

    def shut_down(self) -> None:
        """End supervisord itself; what still runs is stopped first."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: Any, harmless: int = 0) -> Any:
        transport = _UnixTransport(self._home.run / "supervisor.sock")
        with xmlrpc.client.ServerProxy("http://supervisor/RPC2", transport=transport) as server:
            try:
                return getattr(server.supervisor, method)(*arguments)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode == harmless:
                    return None
                raise UnavailableError(f"supervisord refused {method}: {fault.faultString}") from fault
            except PermissionError as error:
                hint = "be that user, or set PILOTHOUSE_HOME to a home of your own"
                raise SettingsError(f"the stack in {self._home.root} belongs to another user", hint=hint) from error
            except OSError as error:
                raise UnavailableError("the supervisor is gone", hint="start it with bin/pilothouse up") from error


def configure(home: Home, processes: Sequence[Process], *, as_root: bool) -> str:
    """The text of supervisord's configuration."""
    user = "user=root" if as_root else ""  # said explicitly: it only drops privileges per program
    daemon = DAEMON.format(run=home.run, logs=home.logs, user=user)
    programs = [
        PROGRAM.format(**(vars(process) | {"command": _quote(process.command), "log": log_file(home, process.name)}))
        for process in processes
    ]
    return daemon + "".join(programs)


def start_daemon(home: Home, configuration: str) -> None:
    """Start supervisord in the background and wait until it answers."""
    path = home.run / "supervisord.conf"
    write_private(path, configuration)
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)]
    done = subprocess.run(command, env={"PATH": PATH}, cwd="/", capture_output=True, text=True, check=False)
    deadline = time.monotonic() + DAEMON_START_TIMEOUT_S
    while not Control(home).is_up():
        if done.returncode != 0 or time.monotonic() > deadline:
            reason = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise UnavailableError(f"supervisord did not start: {' '.join(reason)}", hint=f"see {home.run}")
        time.sleep(0.02)


def log_file(home: Home, name: str) -> Path:
    """Where the output of process `name` goes."""
    return home.logs / f"{name}.log"


def _state(info: dict[str, Any]) -> State:
    uptime_s = max(0, info["now"] - info["start"]) if info["pid"] else 0
    return State(name=info["name"], state=info["statename"], pid=info["pid"], uptime_s=uptime_s)


def _quote(command: Sequence[str]) -> str:
    return shlex.join(command).replace("%", "%%")


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Connect to the socket whatever the host is called; kept, so that the transport can close it."""
        connection = _UnixConnection(self._path)
        self._connection = (host, connection)
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("supervisor", timeout=RPC_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(RPC_TIMEOUT_S)
        self.sock.connect(str(self._path))
