"""Figures and instants at the border: exact decimals written as plain text, instants aware and UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer


def plain(figure: Decimal) -> str:
    """The figure without exponent and without trailing zeros."""
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


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
