"""POST /chat/completions: read the request, let the asked model answer, send the answer."""

from collections.abc import Callable
from dataclasses import replace

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from simulators.openrouter import faults, rehearsal
from simulators.openrouter.billing import Billing
from simulators.openrouter.conversation import ChatRequest, Conversation, read
from simulators.openrouter.errors import RefusedError
from simulators.openrouter.generation import Generation
from simulators.openrouter.pricing import CHARACTERS_PER_TOKEN, find_model
from simulators.openrouter.reply import Reply
from simulators.openrouter.stream import client_left, streamed, whole

CLIENT_LEFT = 499  # nobody reads it

Respond = Callable[[Generation, Reply, Billing], ASGIApp]


async def complete(request: Request, billing: Billing) -> ASGIApp:
    """Answer one chat request the way its model would."""
    asked = await _read_body(request)
    model = find_model(asked.model)
    conversation = read(asked)
    variant = request.headers.get("x-twin-variant") or asked.model.partition(":")[2]
    reply = _limit(_answer(model.id, variant, conversation), asked)
    prompt = conversation.everything + "".join(conversation.tools)
    generation = Generation(model, asked.model, prompt, streamed=asked.stream)
    respond: Respond = streamed if asked.stream else whole
    if reply.first_byte_after_s and await client_left(request.receive, reply.first_byte_after_s):
        return _abandoned(generation, reply, billing)
    return respond(generation, reply, billing)


async def _read_body(request: Request) -> ChatRequest:
    body = await request.body()
    try:
        return ChatRequest.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise RefusedError(
            400, f"Invalid request: {_first_line(error)}", metadata={"error_type": "invalid_request"}
        ) from error


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
    return "the body is not JSON"


def _answer(model: str, variant: str, conversation: Conversation) -> Reply:
    fault = faults.FAULTS.get(model)
    return rehearsal.answer(conversation) if fault is None else fault(conversation, variant)


def _limit(reply: Reply, asked: ChatRequest) -> Reply:
    allowed = asked.max_completion_tokens or asked.max_tokens
    if allowed is None or len(reply.text) <= allowed * CHARACTERS_PER_TOKEN:
        return reply
    return replace(reply, text=reply.text[: allowed * CHARACTERS_PER_TOKEN], finish_reason="length")


def _abandoned(generation: Generation, reply: Reply, billing: Billing) -> Response:
    """A stream left before its first token costs nothing; an unstreamed call is finished and billed all the same."""
    if not generation.streamed:
        generation.produced = reply.produced
        generation.cancelled = True
        billing.add(generation.bill())
    return Response(status_code=CLIENT_LEFT)
