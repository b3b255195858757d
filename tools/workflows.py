"""`n8n_run_workflow`: one POST to the configured webhook.

Never repeated by itself: n8n does not deduplicate and would run the workflow twice. Never follows a redirect.
"""

import json
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import ClientConnectorError, ClientError, ClientResponse, ClientSession, ClientTimeout
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pilothouse.errors import BadInputError, TimedOutError, UnavailableError, UpstreamError
from tools.registry import Call, Tool

DEADLINE_S = 30.0
MAX_PAYLOAD_BYTES = 65_536
MAX_OUTPUT_BYTES = 65_536
MAY_HAVE_RUN = "it may have run, or still be running: look at its executions in n8n before you run it again"


class RunWorkflow(BaseModel):
    """Arguments of `n8n_run_workflow`."""

    model_config = ConfigDict(extra="forbid")

    payload: dict[str, JsonValue] = Field(description="JSON object handed to the workflow as its input")


def workflow_tools(*, session: ClientSession, url: str, token: str, deadline_s: float = DEADLINE_S) -> list[Tool]:
    """The tool for the webhook at `url`; none when no webhook is configured."""
    if not url:
        return []

    async def run(call: Call, arguments: RunWorkflow) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": quote(call.key, safe=":")}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return await _post(session, url, headers=headers, body=_encode(arguments.payload), deadline_s=deadline_s)

    return [
        Tool(
            name="n8n_run_workflow",
            description="Run the person's n8n workflow with a JSON payload and return its answer. It runs for real,"
            " once a call: use it only when the person asks for it.",
            arguments=RunWorkflow,
            run=run,
            risk="writes",
            taints=True,
            repeatable=False,
        )
    ]


def _encode(payload: dict[str, JsonValue]) -> bytes:
    try:
        body = json.dumps(payload, allow_nan=False).encode()
    except ValueError as error:
        raise BadInputError(f"the payload is not valid JSON: {error}", hint="send numbers that are finite") from error
    if len(body) > MAX_PAYLOAD_BYTES:
        raise BadInputError(f"the payload has {len(body)} bytes; at most {MAX_PAYLOAD_BYTES} are allowed")
    return body


async def _post(
    session: ClientSession, url: str, *, headers: dict[str, str], body: bytes, deadline_s: float
) -> dict[str, Any]:
    timeout = ClientTimeout(total=deadline_s)
    try:
        async with session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
            _raise_for_refusal(response)
            return await _read(response)
    except TimeoutError as error:
        raise TimedOutError(f"n8n did not answer within {deadline_s:g} s", hint=MAY_HAVE_RUN) from error
    except ClientConnectorError as error:
        hint = "nothing was run; check that n8n is up and that N8N_WEBHOOK_URL is right"
        raise UnavailableError("n8n cannot be reached", hint=hint) from error
    except ClientError as error:
        raise UpstreamError("n8n broke off its answer", hint=MAY_HAVE_RUN) from error


def _raise_for_refusal(response: ClientResponse) -> None:
    match response.status:
        case status if 200 <= status < 300:  # noqa: PLR2004 -- the HTTP class of success
            return
        case 404:
            hint = "publish the workflow in n8n, then check N8N_WEBHOOK_URL (method POST, production URL)"
            raise UpstreamError("n8n knows no such webhook: is the workflow not published?", hint=hint)
        case 401 | 403:
            raise UpstreamError("n8n refused our token; nothing was run", hint="check N8N_WEBHOOK_TOKEN")
        case status if status >= 500:  # noqa: PLR2004 -- the HTTP class of server errors
            raise UpstreamError(f"the workflow failed: n8n answered {status}", hint=MAY_HAVE_RUN)
        case status:
            raise UpstreamError(f"n8n answered {status}, which is not a result", hint="check N8N_WEBHOOK_URL")


async def _read(response: ClientResponse) -> dict[str, Any]:
    body = bytearray()
    async for chunk in response.content.iter_chunked(MAX_OUTPUT_BYTES):
        body += chunk
        if len(body) > MAX_OUTPUT_BYTES:
            cut = body[:MAX_OUTPUT_BYTES].decode(errors="replace")
            return {"status": response.status, "output": cut, "truncated": True}
    return {"status": response.status, "output": _decode(bytes(body))}


def _decode(body: bytes) -> Any:
    """JSON when it is JSON, whatever n8n calls it, else text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
