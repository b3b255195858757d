"""The secrets and addresses of `compose.yaml`: `python -m stack.compose`, once and after every change of `.env`.

Writes owner-only files below `var/compose`; the services' names are their addresses. Starts nothing.
"""

import os
import sys
from pathlib import Path

from pilothouse.errors import PilothouseError
from pilothouse.settings import CHECKOUT, REHEARSAL_MODEL, StackSettings
from stack import freqtrade
from stack.credentials import FREQTRADE_USER, Credentials, Lines, Places
from stack.home import Home
from stack.isolation import give
from stack.postgres import ADMIN, DATABASE
from stack.secrets import Generated, load_or_generate, render, write_private

HOME = CHECKOUT / "var" / "compose"
DATA = Path("/data")
POLICY = Path("/etc/pilothouse/policy.toml")
UID = 1000  # who the containers run as; another one is built into the image with PILOTHOUSE_UID
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 -- inside a container; compose.yaml publishes on loopback only
ADDRESSES = {
    "PILOTHOUSE_PROXY_URL": "http://proxy:8701",
    "PILOTHOUSE_BROKER_URL": "http://broker:8702",
    "PILOTHOUSE_MEMORY_URL": "http://memory:8703",
}
NEXT = """\
wrote {home}; your own key is in secrets/owner.env
next: {uid}docker compose {profile}up --build --detach
"""


def write_files(folder: Path, settings: StackSettings) -> Credentials:
    """Everything the services read, from the person's settings and secrets that are generated once."""
    home = Home(folder)
    home.prepare()
    credentials = make_credentials(settings, load_or_generate(home.secrets))
    files = {f"{name}.env": render(_lines(lines)) for name, lines in credentials.by_process().items()}
    files["admin.env"] = render({"DATABASE_URL": credentials.admin_url})
    files["postgres_password"] = credentials.generated["postgres_admin_password"]
    for name, text in files.items():
        write_private(home.secrets / name, text)
    freqtrade.write_config(home.root / "freqtrade", config=_freqtrade_config(credentials))
    if os.geteuid() == 0:
        give(home.root, uid=UID)
    return credentials


def make_credentials(settings: StackSettings, generated: Generated) -> Credentials:
    """The person's settings, with the services of `compose.yaml` in the place of what is not set."""
    ports = {name: field.default for name, field in StackSettings.model_fields.items() if name.startswith("port_")}
    password = generated["postgres_admin_password"]
    database_url = settings.database_url or f"postgresql://{ADMIN}:{password}@postgres:5432/{DATABASE}"
    changed = ports | {"database_url": database_url}
    if not settings.freqtrade_url:
        changed |= {
            "freqtrade_url": "http://freqtrade:8706",
            "freqtrade_username": FREQTRADE_USER,
            "freqtrade_password": generated["freqtrade_password"],
        }
    if not (settings.openrouter_api_key or settings.llm_base_url):
        changed |= {
            "llm_base_url": "http://openrouter:8704/api/v1",
            "openrouter_api_key": generated["openrouter_twin_key"],
            "model": settings.model or REHEARSAL_MODEL,
        }
    return Credentials(settings.model_copy(update=changed), generated, Places(DATA, DATA, POLICY))


def main() -> int:
    """Write the files and say what comes next."""
    settings = StackSettings.load()
    try:
        credentials = write_files(HOME, settings)
    except PilothouseError as error:
        sys.stderr.write(f"{error.message} ({error.hint})\n")
        return 1
    uid = "" if os.geteuid() in (0, UID) else f"PILOTHOUSE_UID={os.geteuid()} "
    offline = credentials.model == REHEARSAL_MODEL or settings.exchange == "simulated"
    sys.stdout.write(NEXT.format(home=HOME, uid=uid, profile="--profile offline " if offline else ""))
    return 0


def _lines(lines: Lines) -> Lines:
    return {"PILOTHOUSE_HOST": EVERY_ADDRESS} | {name: ADDRESSES.get(name, value) for name, value in lines.items()}


def _freqtrade_config(credentials: Credentials) -> freqtrade.FreqtradeConfig:
    settings, generated = credentials.settings, credentials.generated
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
        strategy_entries=freqtrade.strategy_entries(freqtrade.POLICY),
        exchange=settings.exchange,
        twin_url="http://exchange:8705",
    )


if __name__ == "__main__":
    sys.exit(main())
