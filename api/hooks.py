"""/api/hooks: n8n and other programs hand work to the agent, and get its answer at once or brought to them.

A call is signed with the hook's own secret, by HMAC over its body or as a JWT; a key of ours opens no hook.
"""

import asyncio
import hashlib
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import jwt
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import ValidationError

from agents.deliveries import Deliveries
from agents.hooks import Hook, HookCall, Hooks, NewHook
from agents.outcomes import Outcome, read_outcome
from agents.runs import Runs
from api import sse
from api.access import Key, needs
from api.hook_views import DeliveryView, HookMessage, HookReply, HookRequest, HookView, SecretView
from api.refusals import refusals
from api.requests import STRICT
from pilothouse import webhooks
from pilothouse.clock import now
from pilothouse.errors import BadInputError, ForbiddenError, NotFoundError, UnauthorizedError

LONGEST_JWT_S = 600
ALGORITHM = "HS256"

router = APIRouter(prefix="/api", tags=["hooks"], dependencies=STRICT)
Person = Annotated[Key, Depends(needs("hooks:write"))]


@router.post("/hooks", status_code=201, responses=refusals({409: "the name is taken"}))
async def add_hook(request: Request, body: HookRequest, key: Person) -> SecretView:
    """Open a door for a program. Its secret is shown in this answer."""
    hook = await _hooks(request).add(NewHook(user_id=key.user_id, **body.model_dump()))
    return _with_secret(request, hook)


@router.get("/hooks", responses=refusals())
async def list_hooks(request: Request, key: Person) -> list[HookView]:
    """Your hooks."""
    return [HookView.of(hook) for hook in await _hooks(request).list_all(user_id=key.user_id)]


@router.put("/hooks/{name}/secret", responses=refusals({404: "no such hook of yours"}))
async def rotate_secret(request: Request, name: str, key: Person) -> SecretView:
    """Give it a new secret; the old one signs nothing any more."""
    return _with_secret(request, await _hooks(request).rotate(name, user_id=key.user_id))


@router.delete("/hooks/{name}", status_code=204, responses=refusals({404: "no such hook of yours"}))
async def delete_hook(request: Request, name: str, key: Person) -> None:
    """Close it."""
    await _hooks(request).delete(name, user_id=key.user_id)


@router.post(
    "/hooks/{name}",
    responses={202: {"model": HookReply, "description": "the run has not ended yet"}}
    | refusals(
        {
            401: "not signed, wrongly, or too long ago",
            404: "no such hook or thread",
            409: "the key was used for something else",
        }
    ),
)
async def call_hook(
    request: Request,
    response: Response,
    name: str,
    idempotency_key: Annotated[str | None, Header(max_length=200, pattern=r"^[ -~]+$")] = None,
) -> HookReply:
    """Ask the agent. 200 with the answer if it came in `wait_s`, else 202: see `status_url`, or it will be brought."""
    raw = await request.body()
    hook, message_id = await _signed(request, name, raw)
    body = _message(raw)
    call = HookCall(
        key=idempotency_key or message_id,
        request=hashlib.sha256(raw).hexdigest(),
        message=body.message,
        thread_id=body.thread_id,
        callback_url=_allowed(hook, body.callback_url),
    )
    run_id = await _hooks(request).call(hook, call)
    if body.wait_s:
        await _until_ended(request.app.state.runs, run_id, body.wait_s)
    outcome = await _outcome(request, run_id)
    response.status_code = 202 if outcome.ended_at is None else 200
    return HookReply.of(outcome, hook)


@router.get("/hooks/{name}/runs/{run_id}", responses=refusals({401: "not signed", 404: "no such run of this hook"}))
async def get_hook_run(request: Request, name: str, run_id: UUID) -> HookReply:
    """How a run that was started here is doing; signed like a call, over an empty body."""
    hook, _ = await _signed(request, name, b"")
    await _hooks(request).require_run(hook, run_id)
    return HookReply.of(await _outcome(request, run_id), hook)


@router.get("/deliveries", responses=refusals())
async def list_deliveries(
    request: Request, key: Person, *, dead: bool = False, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[DeliveryView]:
    """Answers that were, or are to be, brought. `dead`: only those that were given up."""
    deliveries: Deliveries = request.app.state.deliveries
    found = await deliveries.list_all(user_id=key.user_id, only_dead=dead, limit=limit)
    return [DeliveryView.of(each) for each in found]


@router.post("/deliveries/{run_id}/replay", status_code=204, responses=refusals({404: "nothing is to be brought"}))
async def replay_delivery(request: Request, run_id: UUID, key: Person) -> None:
    """Bring an answer again, under the same id."""
    deliveries: Deliveries = request.app.state.deliveries
    await deliveries.replay(run_id, user_id=key.user_id)


def _hooks(request: Request) -> Hooks:
    return request.app.state.hooks


def _secret(request: Request, hook: Hook) -> str:
    secrets: webhooks.HookSecrets = request.app.state.hook_secrets
    return secrets.of(hook.id, version=hook.secret_version)


def _with_secret(request: Request, hook: Hook) -> SecretView:
    secret = _secret(request, hook)
    return SecretView(**HookView.of(hook).model_dump(), secret=secret, standard_secret=webhooks.standard_secret(secret))


async def _signed(request: Request, name: str, raw: bytes) -> tuple[Hook, str]:
    """The hook, for who holds its secret, and the request's id: a key for who sends none of their own.

    Nobody else learns whether there is a hook of that name.
    """
    try:
        hook = await _hooks(request).find(name)
    except NotFoundError as error:
        raise UnauthorizedError("the signature does not fit", hint=webhooks.HINT) from error
    secret = _secret(request, hook)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return hook, _read_token(token, hook, secret, raw)
    return hook, webhooks.verify(raw, request.headers, secret=secret, now=now())


def _read_token(token: str, hook: Hook, secret: str, raw: bytes) -> str:
    """A JWT for this hook alone, that is short-lived and names itself; with `body_sha256` also for this body alone."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=f"hook:{hook.name}",
            options={"require": ["exp", "iat", "jti"]},
        )
    except jwt.InvalidTokenError as error:
        raise UnauthorizedError(f"the JWT is refused: {error}", hint=webhooks.HINT) from error
    if claims["exp"] - claims["iat"] > LONGEST_JWT_S:
        raise UnauthorizedError(f"a JWT may live {LONGEST_JWT_S} s at most", hint="make one for each call")
    if claims.get("body_sha256", digest := hashlib.sha256(raw).hexdigest()) != digest:
        raise UnauthorizedError("the JWT was made for another body", hint=webhooks.HINT)
    return str(claims["jti"])


def _message(raw: bytes) -> HookMessage:
    try:
        return HookMessage.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise BadInputError(f"{where}: {first['msg']}", hint='send {"message": "..."} as JSON') from error


def _allowed(hook: Hook, url: str | None) -> str | None:
    """Only where the hook's owner allowed: else a workflow could have us speak to anything on this machine."""
    if url is None:
        return None
    allowed, asked = urlsplit(hook.callbacks), urlsplit(url)
    same_origin = (allowed.scheme, allowed.netloc) == (asked.scheme, asked.netloc)
    if not hook.callbacks or not same_origin or not asked.path.startswith(allowed.path) or ".." in asked.path:
        hint = f"it must begin with {hook.callbacks}" if hook.callbacks else "give the hook 'callbacks' first"
        raise ForbiddenError("answers of this hook may not be brought there", hint=hint)
    return url


async def _until_ended(runs: Runs, run_id: UUID, wait_s: int) -> None:
    """Until its last event, or as long as the caller waits."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            async for batch in runs.follow(run_id, after=0, silence_s=sse.SILENCE_S):
                if any(event.is_end for event in batch):
                    return


async def _outcome(request: Request, run_id: UUID) -> Outcome:
    outcome = await read_outcome(request.app.state.pool, run_id)
    if outcome is None:
        raise NotFoundError(f"there is no run {run_id}", hint="it was deleted with its thread")
    return outcome
