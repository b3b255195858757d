"""The proxy of a running stack, with the key that makes other keys: on this machine it is the owner's alone."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
from dotenv import dotenv_values

from api.cli.approver import OWNER_FILE
from api.cli.client import TIMEOUT, Client
from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from stack.home import find_home

T = TypeVar("T")


def with_proxy(work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    """What `work` finds at the proxy, also while the controller is down. Looking at things starts nothing."""
    home = find_home(StackSettings.load())
    known = dotenv_values(home.secrets / OWNER_FILE)
    url, key = known.get("PILOTHOUSE_PROXY_URL"), known.get("PILOTHOUSE_PROXY_KEY")
    if not url or not key:
        raise UnavailableError(f"no stack was started in {home.root}", hint="start it with bin/pilothouse up")

    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(url, headers=headers, timeout=TIMEOUT) as session:
            return await work(Client(session, process="proxy"))

    return asyncio.run(run())
