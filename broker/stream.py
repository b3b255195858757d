"""Freqtrade's WebSocket: tells at once that something happened to a trade. What happened is then read by REST.

Freqtrade confirms no subscription, drops all of one that names a topic it does not know, replays nothing, and closes
the connection when it reloads its configuration. So the topics are a fixed list that a test holds to the real bot,
and each connection begins with news of its own: whatever happened before it has to be looked up.
"""

import asyncio
import json
from collections.abc import Callable

import aiohttp
from pydantic import BaseModel, ValidationError

from pilothouse import log

TOPICS = ("status", "entry", "entry_fill", "entry_cancel", "exit", "exit_fill", "exit_cancel")
CONNECTED = "connected"
ASK = "whitelist"  # is answered only after the subscription before it was read
LOGIN_TIMEOUT_S = 5.0
HEARTBEAT_S = 10.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0

News = Callable[[str], None]


class Token(BaseModel):
    """`token/login`: good for a quarter of an hour, needed only to connect."""

    access_token: str


class Stream:
    """One bot's events, reached with the one credential; `news` gets the topic of each."""

    def __init__(self, session: aiohttp.ClientSession, *, url: str, username: str, password: str, news: News) -> None:
        self._session = session
        self._root = url.rstrip("/").removesuffix("/api/v1") + "/api/v1/"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password)}
        self._news = news
        self._pause_s = SHORTEST_PAUSE_S

    async def run(self) -> None:
        """Connect again and again, until cancelled."""
        while True:
            try:
                await self._listen()
            except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
                reason = type(error).__name__  # its text may hold the token
            else:
                reason = "closed"
            log.get_logger().info("stream.disconnected", reason=reason)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    async def _listen(self) -> None:
        token = (await self._login()).access_token
        async with self._session.ws_connect(
            self._root + "message/ws", params={"token": token}, heartbeat=HEARTBEAT_S
        ) as socket:
            await socket.send_json({"type": "subscribe", "data": list(TOPICS)})
            await socket.send_json({"type": ASK})
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)

    async def _login(self) -> Token:
        timeout = aiohttp.ClientTimeout(total=LOGIN_TIMEOUT_S)
        async with self._session.post(
            self._root + "token/login", headers=self._headers, allow_redirects=False, timeout=timeout
        ) as response:
            response.raise_for_status()
            return Token.model_validate_json(await response.text())

    def _hear(self, text: str) -> None:
        try:
            kind = json.loads(text)["type"]
        except (ValueError, KeyError, TypeError):
            return
        if kind == ASK:
            self._pause_s = SHORTEST_PAUSE_S
            log.get_logger().info("stream.connected")
            self._news(CONNECTED)
        elif kind in TOPICS:
            self._news(kind)
