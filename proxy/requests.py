"""What a call says of itself, in its body and its headers. What fits no row of the ledger is refused."""

from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID

import orjson
from starlette.requests import Request

from pilothouse.errors import BadInputError, TooLargeError

MAX_BODY_BYTES = 8_000_000
MAX_NAME = 200
MAX_USD = 1_000_000


async def read_body(request: Request) -> dict[str, Any]:
    """The body as JSON, with a model that can be named."""
    raw = await request.body()
    if len(raw) > MAX_BODY_BYTES:
        raise TooLargeError(f"a request may have {MAX_BODY_BYTES} bytes, this has {len(raw)}", hint="send less")
    try:
        parsed: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadInputError("the body is not JSON", hint="see OpenAI's API reference") from error
    asked = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    if not isinstance(asked.get("model"), str) or not _is_name(asked["model"]):
        raise BadInputError("'model' must name a model", hint="GET /v1/models lists them")
    return asked


def read_node(request: Request) -> str | None:
    """Of which node of a run the call is a part."""
    node = request.headers.get("x-pilothouse-node")
    if node and not _is_name(node):
        raise BadInputError("X-Pilothouse-Node must be a node's name", hint="leave it out")
    return node


def _is_name(text: str) -> bool:
    """Fit for a column of the ledger; PostgreSQL takes no NUL."""
    return 0 < len(text) <= MAX_NAME and "\0" not in text


def read_run_id(request: Request) -> UUID | None:
    """Of which run the call is a part."""
    given = request.headers.get("x-pilothouse-run")
    try:
        return UUID(given) if given else None
    except ValueError as error:
        raise BadInputError("X-Pilothouse-Run must be a run's id", hint="leave it out") from error


def read_run_budget(request: Request) -> Decimal | None:
    """What the whole run may cost."""
    given = request.headers.get("x-pilothouse-run-budget")
    if not given:
        return None
    try:
        usd = Decimal(given)
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or not 0 <= usd < MAX_USD:
        raise BadInputError("X-Pilothouse-Run-Budget must be US dollars, such as 0.50", hint="leave it out")
    return usd
