"""/api/links/{token}: one intent and two buttons, for whoever holds the link. Opening it decides nothing."""

from html import escape
from string import Template
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from api.requests import STRICT
from pilothouse.errors import PilothouseError
from tools.approvals_client import ApprovalsClient, Offer

router = APIRouter(prefix="/api/links", include_in_schema=False, dependencies=STRICT)  # pages for people

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Pilothouse: $title</title>
<h1>$title</h1>
$body
</html>
""")
BUTTON = Template('<form method="post" action="$token/$decision"><button>$label</button></form>')
HEADERS = {"Cache-Control": "no-store"}

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]


@router.get("/{token}", response_class=HTMLResponse)
async def show_offer(request: Request, token: Token) -> HTMLResponse:
    """What waits, and the buttons that decide it. The link itself is the authority: no key is asked for."""
    try:
        offer = await _client(request).look(token)
    except PilothouseError as error:
        return _refusal(error)
    return _page("one decision waits", _facts(offer) + _buttons(offer, token))


@router.post("/{token}/approve", response_class=HTMLResponse)
async def approve(request: Request, token: Token) -> HTMLResponse:
    """Say yes, once; the broker refuses it for what a link may not approve."""
    return await _decide(request, token, "approve")


@router.post("/{token}/reject", response_class=HTMLResponse)
async def reject(request: Request, token: Token) -> HTMLResponse:
    """Say no, once."""
    return await _decide(request, token, "reject")


async def _decide(request: Request, token: str, decision: str) -> HTMLResponse:
    try:
        intent = await _client(request).use(token, decision)
    except PilothouseError as error:
        return _refusal(error)
    return _page(f"it is {intent.state}", f"<p>Intent {intent.id}</p>")


def _client(request: Request) -> ApprovalsClient:
    return ApprovalsClient(request.app.state.broker)


def _facts(offer: Offer) -> str:
    rows = {name: "none" if value is None else str(value) for name, value in offer.intent.content.items()}
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in rows.items())}</dl>"


def _buttons(offer: Offer, token: str) -> str:
    reject = BUTTON.substitute(token=token, decision="reject", label="Reject")
    if offer.only_reject:
        return f"<p>{escape(offer.only_reject)}</p>{reject}"
    return BUTTON.substitute(token=token, decision="approve", label="Approve") + reject


def _refusal(error: PilothouseError) -> HTMLResponse:
    return _page(error.message, f"<p>{escape(error.hint)}</p>", status=error.status)


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(PAGE.substitute(title=escape(title), body=body), status_code=status, headers=HEADERS)
