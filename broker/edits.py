"""What a person changes of an intent makes it another one, with an id and a hash of its own, judged like any other."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from broker.intents import Intent, IntentRequest, signed_content, with_hash
from pilothouse.errors import BadInputError

CHANGEABLE = {"enter": frozenset({"stake", "price_seen"}), "exit": frozenset({"amount", "price_seen"})}
COPIED = frozenset(IntentRequest.model_fields) - {"key", "lifetime_s"}


def edited(intent: Intent, changes: Mapping[str, str], *, key: str, at: datetime) -> Intent:
    """The intent that takes this one's place, proposed; it has as long to live, from now."""
    allowed = CHANGEABLE[intent.action]
    if not changes or changes.keys() - allowed:
        hint = f"of this one can be changed: {', '.join(sorted(allowed))}"
        raise BadInputError(f"an edit cannot change {', '.join(sorted(changes)) or 'nothing'}", hint=hint)
    request = _request(intent, changes, key)
    new = replace(
        intent,
        id=uuid4(),
        key=key,
        request_hash=request.hash,
        stake=request.stake,
        amount=request.amount,
        price_seen=request.price_seen,
        expires_at=at + (intent.expires_at - intent.created_at),
        state="proposed",
        decided_by=None,
        replaces=intent.id,
        created_at=at,
        changed_at=at,
    )
    return with_hash(new)


def difference(old: Intent, new: Intent) -> dict[str, tuple[Any, Any]]:
    """What is signed differently now, field by field: before, after."""
    before, after = signed_content(old), signed_content(new)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def _request(intent: Intent, changes: Mapping[str, str], key: str) -> IntentRequest:
    fields = {name: getattr(intent, name) for name in COPIED}
    try:
        return IntentRequest.model_validate({**fields, **changes, "key": key})
    except ValidationError as error:
        problems = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors(include_url=False))
        raise BadInputError(problems, hint="give a plain figure, such as 25.5") from error
