"""Set an n8n up without its editor: owner, API keys, credentials, workflows. Repeating it changes nothing.

Credentials and workflows are imported by n8n's own command while it does not run: only that keeps their ids.
"""

import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from pilothouse.errors import UnavailableError, UpstreamError
from stack.isolation import give
from stack.n8n.goods import Goods
from stack.n8n.server import OWNER_EMAIL, Server

READY_S = 120.0
LOGIN_S = 30.0
PAUSE_S = 0.3
BROWSER = {"browser-id": "pilothouse"}  # its login wants one
READ_SCOPES = ("workflow:list", "workflow:read", "execution:list", "execution:read", "tag:list")
MANAGE_SCOPES = (*READ_SCOPES, "workflow:create", "workflow:update", "workflow:activate", "workflow:deactivate")
Scopes = Sequence[str]


def import_files(server: Server, goods: Goods) -> None:
    """Bring them into a stopped n8n, replacing those of the same ids; the person's own stay as they are."""
    with tempfile.TemporaryDirectory(dir=server.folder) as name:
        folder = Path(name)
        credentials, workflows = folder / "credentials.json", folder / "workflows"
        credentials.write_text(json.dumps(list(goods.credentials)))
        workflows.mkdir()
        for workflow_id, text in goods.workflows.items():
            workflows.joinpath(f"{workflow_id}.json").write_text(text)
        _import(server, "import:credentials", f"--input={credentials}", folder=folder)
        _import(server, "import:workflow", "--separate", f"--input={workflows}", folder=folder)


def _import(server: Server, *arguments: str, folder: Path) -> None:
    if server.uid is not None:
        give(folder, uid=server.uid)
    done = subprocess.run(server.command(*arguments), capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-500:]
        raise UnavailableError(f"n8n {arguments[0]} failed: {said}", hint="bin/pilothouse logs n8n")


async def wait_until_ready(session: aiohttp.ClientSession, url: str) -> None:
    """Its readiness says yes before its webhooks are there: who needs one asks that webhook."""
    await _until(READY_S, lambda: _is_ready(session, url), "n8n was not ready")


async def make_api_key(session: aiohttp.ClientSession, url: str, *, password: str, label: str, scopes: Scopes) -> str:
    """A new key of the public API with these scopes; an older one of the same label ends. Its owner logs in for it."""
    await _until(LOGIN_S, lambda: _log_in(session, url, password), "n8n did not let its owner in")
    known = await _internal(session, "GET", f"{url}/rest/api-keys")
    for key in known["items"]:
        if key["label"] == label:
            await _internal(session, "DELETE", f"{url}/rest/api-keys/{key['id']}")
    wanted = {"label": label, "expiresAt": None, "scopes": list(scopes)}
    made = await _internal(session, "POST", f"{url}/rest/api-keys", wanted)
    return made["rawApiKey"]


async def publish(session: aiohttp.ClientSession, url: str, *, api_key: str, workflow_ids: Iterable[str]) -> None:
    """Make them run. A webhook may need another second to be there."""
    for workflow_id in workflow_ids:
        path = f"{url}/api/v1/workflows/{workflow_id}/publish"
        async with session.post(path, json={}, headers={"X-N8N-API-KEY": api_key}) as answer:
            await _require_success(answer, f"workflow {workflow_id} could not be published")


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/healthz/readiness") as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


async def _log_in(session: aiohttp.ClientSession, url: str, password: str) -> bool:
    """It can fail for a moment after readiness. The session keeps the cookie."""
    owner = {"emailOrLdapLoginId": OWNER_EMAIL, "password": password}
    async with session.post(f"{url}/rest/login", json=owner, headers=BROWSER) as answer:
        return answer.ok


async def _internal(session: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> Any:
    """Its editor's own API, which may change with its version: keys are made nowhere else."""
    async with session.request(method, url, json=body, headers=BROWSER) as answer:
        await _require_success(answer, f"n8n refused {method} {urlsplit(url).path}")
        return (await answer.json())["data"]


async def _require_success(answer: aiohttp.ClientResponse, what: str) -> None:
    if not answer.ok:
        raise UpstreamError(f"{what}: {answer.status} {(await answer.text())[:300]}", hint="bin/pilothouse logs n8n")


async def _until(timeout_s: float, condition: Callable[[], Awaitable[bool]], complaint: str) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not await condition():
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"{complaint} within {timeout_s:g} s", hint="bin/pilothouse logs n8n")
        await asyncio.sleep(PAUSE_S)
