"""Figures and instants at the border: exact decimals written as plain text, instants aware and UTC."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")  # so that sums and comparisons stay exact in 28 digits


def plain(figure: Decimal) -> str:
    """The figure without exponent and without trailing zeros."""
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def exact(figure: object) -> Decimal:
    """A figure somebody wrote as text, in plain ASCII digits; nothing that could be read in two ways."""
    if isinstance(figure, Decimal):
        return figure
    if not isinstance(figure, str) or not PLAIN.fullmatch(figure):
        raise ValueError('expected an amount as text in plain digits, such as "49.5"')
    return Decimal(figure)


def _aware(instant: datetime) -> datetime:
    """Freqtrade writes naive UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _nothing_at_epoch(instant: object) -> object:
    """Freqtrade says 'never' with an empty text, 0 or 1970."""
    return None if instant in ("", 0) or str(instant).startswith("1970-01-01") else instant


Figure = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str, when_used="json"),
    Field(json_schema_extra={"type": "string", "format": "decimal"}),
]
Instant = Annotated[datetime, AfterValidator(_aware)]
MaybeInstant = Annotated[Instant | None, BeforeValidator(_nothing_at_epoch)]
