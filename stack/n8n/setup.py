"""The n8n of one home: whether a person wants it, and what makes it ready to be used, done once and after changes."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from stack.home import Home
from stack.n8n.goods import Goods
from stack.n8n.provisioning import MANAGE_SCOPES, READ_SCOPES, import_files, make_api_key, publish, wait_until_ready
from stack.n8n.server import Secrets, Server
from stack.secrets import write_private

STATE = "n8n.json"
STOP_TIMEOUT_S = 30

Report = Callable[[str], None]


@dataclass(frozen=True)
class Keys:
    """Keys of n8n's public API. `read` is the controller's: it lists and reads workflows and changes nothing."""

    manage: str
    read: str


@dataclass(frozen=True)
class SetUp:
    """What is remembered of it. `digest`: of everything that was imported."""

    wanted: bool
    digest: str
    keys: Keys


def recall(home: Home) -> SetUp | None:
    """None before the first `n8n start`."""
    path = home.secrets / STATE
    if not path.exists():
        return None
    known: dict[str, Any] = json.loads(path.read_text())
    return SetUp(known["wanted"], known["digest"], Keys(**known["keys"]))


def note(home: Home, setup: SetUp) -> None:
    """Owner only: keys are in it."""
    write_private(home.secrets / STATE, json.dumps(asdict(setup), indent=1))


def set_up(server: Server, secrets: Secrets, goods: Goods, *, report: Report, log: Path) -> Keys:
    """Import and publish into an n8n that does not run; it is started for that, and stopped again."""
    server.write_secrets(secrets)
    report("importing credentials and workflows into n8n")
    import_files(server, goods)
    with serving(server, log=log):
        report("making its keys, publishing its workflows")
        return asyncio.run(_finish(server, secrets.owner_password, goods.workflows))


@contextmanager
def serving(server: Server, *, log: Path) -> Generator["subprocess.Popen[bytes]"]:
    """It runs until the block ends; it may not be ready yet."""
    with log.open("ab") as output:
        process = subprocess.Popen(server.command("start"), stdout=output, stderr=output, cwd="/")
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _finish(server: Server, password: str, workflow_ids: Iterable[str]) -> Keys:
    jar = aiohttp.CookieJar(unsafe=True)  # its address has no name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        await wait_until_ready(session, server.url)

        async def key(label: str, scopes: Sequence[str]) -> str:
            return await make_api_key(session, server.url, password=password, label=label, scopes=scopes)

        keys = Keys(
            manage=await key("pilothouse: set up", MANAGE_SCOPES),
            read=await key("pilothouse: find workflows", READ_SCOPES),
        )
        await publish(session, server.url, api_key=keys.manage, workflow_ids=workflow_ids)
    return keys
