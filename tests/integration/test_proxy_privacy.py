"""A provider that repeats the prompt in its errors: the caller is told, and nothing of it is kept."""

import json
from typing import Any

import aiohttp
import pytest

from tests.fixtures.ledger import Ledger
from tests.fixtures.proxy import JSON, Provider, Proxy

MARK = "vermilion-heron-71"
ERROR = {"code": 400, "message": f"I will not answer '{MARK}'", "metadata": {"error_type": "refused", "raw": MARK}}
CHOICE: dict[str, Any] = {"index": 0, "finish_reason": "error", "message": {"role": "assistant", "content": None}}
EVENTS = {"Content-Type": "text/event-stream"}
ASKED = {"model": "some/model", "messages": [{"role": "user", "content": MARK}], "max_tokens": 10}


@pytest.mark.parametrize(
    ("status", "headers", "sent"),
    [
        (400, JSON, {"error": ERROR}),
        (502, JSON, {"error": ERROR}),
        (200, JSON, {"error": ERROR}),
        (200, JSON, {"choices": [{**CHOICE, "error": ERROR}]}),
        (200, EVENTS, {"error": ERROR, "choices": [CHOICE]}),
    ],
)
async def test_the_words_of_an_error_reach_the_caller_and_stay_nowhere(
    provided_proxy: Proxy,
    provider: Provider,
    provided_ledger: Ledger,
    session: aiohttp.ClientSession,
    *,
    status: int,
    headers: dict[str, str],
    sent: dict[str, Any],
) -> None:
    provider.status, provider.headers = status, headers
    body = json.dumps(sent).encode()
    provider.pieces = [b"data: " + body + b"\n\n"] if headers is EVENTS else [body]

    async with await provided_proxy.ask(session, body=ASKED) as answer:
        told = await answer.text()
    [row] = await provided_ledger.completed(1)

    assert MARK in told
    assert MARK not in str(row)
    assert "refused" in row["error"]
    assert MARK not in provided_proxy.server.log.read_text()
