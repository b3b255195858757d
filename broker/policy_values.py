"""How amounts, counts and times are written in the policy: money as text, and no limit only as "unlimited"."""

from datetime import time
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

from broker.figures import exact, plain

UNLIMITED = "unlimited"
DAY_S = 86_400


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; expected one such as Europe/Berlin") from error
    return name


def _amount(written: object) -> Decimal:
    if not isinstance(written, str):
        raise ValueError('expected an amount as text, such as "49.5"')  # noqa: TRY004 -- pydantic reports ValueErrors
    return exact(written)


def _maximum(written: object) -> Decimal | None:
    return None if written == UNLIMITED else _amount(written)


def _count(written: object) -> object:
    return None if written == UNLIMITED else written


def _shown_amount(maximum: Decimal | None) -> str:
    return UNLIMITED if maximum is None else plain(maximum)


def _shown_count(maximum: int | None) -> int | str:
    return UNLIMITED if maximum is None else maximum


Amount = Annotated[Decimal, BeforeValidator(_amount), PlainSerializer(plain)]
Share = Annotated[Amount, Field(gt=0, lt=1)]
MaxAmount = Annotated[Decimal | None, BeforeValidator(_maximum), PlainSerializer(_shown_amount)]
MaxShare = Annotated[
    Annotated[Decimal, Field(gt=0, le=1)] | None, BeforeValidator(_maximum), PlainSerializer(_shown_amount)
]
MaxCount = Annotated[
    Annotated[int, Field(ge=0)] | None, BeforeValidator(_count), PlainSerializer(_shown_count, return_type=int | str)
]
Seconds = Annotated[int, Field(ge=0, le=DAY_S)]
Approval = Literal["human", "allowance"]
Hours = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
Zone = Annotated[str, AfterValidator(_known_zone)]


def ends_of(hours: str) -> tuple[time, time]:
    """When such hours begin and end."""
    begin, _, end = hours.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def is_within(clock: time, hours: str) -> bool:
    """Whether it is within them, also if they go past midnight."""
    begin, end = ends_of(hours)
    return begin <= clock < end if begin < end else clock >= begin or clock < end
