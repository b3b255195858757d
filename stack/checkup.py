"""The questions `doctor` asks. Each answers with findings; none changes anything."""

import os
import shutil
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from psycopg import OperationalError

from pilothouse.db import connect
from pilothouse.errors import SettingsError
from pilothouse.settings import StackSettings
from stack.credentials import Places
from stack.freqtrade import recorded_pairs, require_known_exchange
from stack.home import Home, find_home
from stack.ports import is_reachable, require_free
from stack.processes import FREQTRADE_ENVIRONMENT, make_launcher
from stack.supervisor import Control

Level = Literal["ok", "warn", "fail"]

MIN_FREE_GB, TIGHT_FREE_GB = 1, 4
BYTES_PER_GB = 1024**3
PORTS = {
    "port_api": "PILOTHOUSE_PORT_API",
    "port_proxy": "PILOTHOUSE_PORT_PROXY",
    "port_broker": "PILOTHOUSE_PORT_BROKER",
    "port_memory": "PILOTHOUSE_PORT_MEMORY",
    "port_openrouter_twin": "PILOTHOUSE_PORT_OPENROUTER_TWIN",
    "port_exchange_twin": "PILOTHOUSE_PORT_EXCHANGE_TWIN",
    "port_freqtrade": "PILOTHOUSE_PORT_FREQTRADE",
    "port_postgres": "PILOTHOUSE_PORT_POSTGRES",
    "port_n8n": "PILOTHOUSE_PORT_N8N",
    "port_n8n_runners": "PILOTHOUSE_PORT_N8N_RUNNERS",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    level: Level
    what: str
    advice: str = ""


def examine(settings: StackSettings) -> list[Finding]:
    """Everything, in the order a person would look."""
    home = find_home(settings)
    return [
        Finding("ok", f"Python {sys.version.split()[0]} at {sys.executable}"),
        _home(home),
        _disk(home),
        *_ports(settings, home),
        _uids(settings, home),
        *_secrets(home),
        *_unknown(),
        *_money(home),
        _key(settings),
        _freqtrade(settings),
        *_services(settings),
    ]


def _home(home: Home) -> Finding:
    try:
        home.prepare()
    except SettingsError as error:
        return Finding("fail", error.message, error.hint)
    return Finding("ok", f"data home {home.root}")


def _disk(home: Home) -> Finding:
    folder = next(path for path in (home.root, *home.root.parents) if path.exists())
    free_gb = shutil.disk_usage(folder).free / BYTES_PER_GB
    if free_gb < MIN_FREE_GB:
        return Finding("fail", f"{free_gb:.1f} GB free at {folder}", "free some space: PostgreSQL stops on a full disk")
    if free_gb < TIGHT_FREE_GB:
        return Finding("warn", f"{free_gb:.1f} GB free at {folder}", "Freqtrade alone takes 0.8 GB")
    return Finding("ok", f"{free_gb:.0f} GB free")


def _ports(settings: StackSettings, home: Home) -> list[Finding]:
    try:
        running = Control(home).is_up()
    except SettingsError as error:
        return [Finding("fail", error.message, error.hint)]
    if running:
        return [Finding("ok", "the stack is running; its ports are its own")]
    return [_port(getattr(settings, field), setting) for field, setting in PORTS.items()]


def _port(port: int, setting: str) -> Finding:
    try:
        require_free(port, setting=setting)
    except SettingsError as error:
        return Finding("fail", error.message, error.hint)
    return Finding("ok", f"port {port} is free ({setting})")


def _uids(settings: StackSettings, home: Home) -> Finding:
    if os.geteuid() != 0:
        advice = "start as root to give each its own uid; live trading will ask for it"
        return Finding("warn", "all processes run under your own user", advice)
    if make_launcher(home, settings, pythons=[Path(sys.executable)]).separated:
        return Finding("ok", "each process has its own uid")
    advice = "use a checkout that every user may enter, such as /opt/pilothouse, and the system's Python"
    return Finding("warn", "all processes but PostgreSQL run as root", advice)


def _secrets(home: Home) -> list[Finding]:
    files = sorted(home.secrets.glob("*")) if home.secrets.exists() else []
    opened = [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if not opened:
        return [Finding("ok", f"{len(files)} secrets files, readable by their owners only")]
    return [Finding("fail", f"{path} can be read by others", f"chmod 600 {path}") for path in opened]


def _unknown() -> Iterable[Finding]:
    names = StackSettings.unknown()
    if names:
        yield Finding("warn", f".env has {', '.join(names)}, which no setting is called", "see .env.example")


def _money(home: Home) -> Iterable[Finding]:
    if Places.below(home.root).halt.exists():
        yield Finding("warn", "trading is halted", "bin/pilothouse resume shows why, and lifts it")
    if home.approver_key.exists():
        yield Finding("ok", "a key of yours decides on trades")
    else:
        yield Finding("warn", "nobody can approve a trade from here yet", "bin/pilothouse approvals pair")


def _key(settings: StackSettings) -> Finding:
    if settings.openrouter_api_key:
        return Finding("ok", "OPENROUTER_API_KEY is set")
    if settings.llm_base_url:
        return Finding("ok", f"models come from {settings.llm_base_url}")
    return Finding("warn", "no model key: the rehearsal model answers", "set OPENROUTER_API_KEY for a real one")


def _freqtrade(settings: StackSettings) -> Finding:
    if settings.freqtrade_url:
        return Finding("ok", f"Freqtrade runs elsewhere: {settings.freqtrade_url}")
    if (FREQTRADE_ENVIRONMENT / "bin" / "python").exists():
        return _installed_freqtrade(settings)
    return Finding("warn", "Freqtrade is not installed yet", "bin/pilothouse up installs it: a minute, 0.8 GB")


def _installed_freqtrade(settings: StackSettings) -> Finding:
    try:
        require_known_exchange(settings.exchange, FREQTRADE_ENVIRONMENT)
        if settings.exchange_candles:
            recorded_pairs(Path(settings.exchange_candles))
    except SettingsError as error:
        return Finding("fail", error.message, error.hint)
    return Finding("ok", f"Freqtrade's environment is there: {FREQTRADE_ENVIRONMENT}")


def _services(settings: StackSettings) -> Iterable[Finding]:
    if settings.database_url:
        yield _database(settings.database_url)
    urls = (settings.freqtrade_url, settings.qdrant_url, settings.n8n_webhook_url, settings.llm_base_url)
    yield from (_service(url) for url in urls if url)


def _database(url: str) -> Finding:
    place = urlsplit(url).hostname
    try:
        connect(url).close()
    except OperationalError as error:
        reason = " ".join(str(error).split())
        return Finding("fail", f"the database at {place} cannot be used: {reason}", "check DATABASE_URL")
    return Finding("ok", f"the database at {place} answers")


def _service(url: str) -> Finding:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if is_reachable(parts.hostname or "", port):
        return Finding("ok", f"{parts.hostname}:{port} is reachable")
    return Finding("fail", f"{parts.hostname}:{port} cannot be reached", "is it running, and is the address right?")
