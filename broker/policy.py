"""The policy: what the broker lets happen to money. One file, every key in it and no other."""

import tomllib
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from broker.audit import Audit
from broker.figures import exact, plain
from broker.intents import Mode, Pair
from pilothouse import log
from pilothouse.errors import SettingsError
from pilothouse.signing import digest

EVERY_PAIR = "*"
UNLIMITED = "unlimited"
DAY_S = 86_400
CEILINGS = (  # the first of each two may not be above the second
    ("min_stake", "max_stake"),
    ("max_stake", "max_exposure"),
    ("max_orders_per_hour", "max_orders_per_day"),
    ("allowance_stake", "max_stake"),
    ("allowance_stake", "allowance_stake_per_day"),
    ("link_stake", "max_stake"),
)
HINT = "deploy/policy.toml shows every key with its meaning"

Value = TypeVar("Value")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError) as error:
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
MaxShare = Annotated[MaxAmount, Field(gt=0, le=1)]
MaxCount = Annotated[
    Annotated[int, Field(ge=0)] | None, BeforeValidator(_count), PlainSerializer(_shown_count, return_type=int | str)
]
Seconds = Annotated[int, Field(ge=0, le=DAY_S)]
Approval = Literal["human", "allowance"]
Hours = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]


class Policy(BaseModel):
    """Every limit. A maximum of None is written `"unlimited"`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mode: Mode
    strategy_entries: Literal["off", "counted"]
    allowed_pairs: Annotated[list[Pair | Literal["*"]], Field(min_length=1)]
    min_stake: Amount
    max_stake: MaxAmount
    max_exposure: MaxAmount
    max_exposure_share: MaxShare
    max_open_trades: MaxCount
    min_free_balance: Amount
    max_orders_per_hour: MaxCount
    max_orders_per_day: MaxCount
    max_loss_per_day: MaxAmount
    cooldown_after_loss_s: Seconds
    max_price_drift: Share
    intent_lifetime_s: Annotated[int, Field(ge=1, le=7 * DAY_S)]
    entry_approval: Approval
    exit_approval: Approval
    allowance_stake: Amount
    allowance_stake_per_day: Amount
    link_stake: Amount
    quiet_hours: list[Hours]
    quiet_hours_zone: Annotated[str, AfterValidator(_known_zone)]
    max_unknown: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        found = list(_contradictions(self))
        if found:
            raise ValueError("; ".join(found))
        return self

    @property
    def hash(self) -> str:
        """Of all of it: names the policy that was in force."""
        return digest(self.content)

    @property
    def content(self) -> dict[str, Any]:
        """All of it, as it would be written."""
        return self.model_dump(mode="json")

    def allows_pair(self, pair: str) -> bool:
        """Whether `allowed_pairs` names it, or names every pair."""
        return pair in self.allowed_pairs or EVERY_PAIR in self.allowed_pairs

    def is_quiet(self, at: datetime) -> bool:
        """Whether no entry is wanted at this time of day."""
        clock = at.astimezone(ZoneInfo(self.quiet_hours_zone)).time()
        return any(_is_within(clock, *_ends(hours)) for hours in self.quiet_hours)


class CurrentPolicy:
    """The policy in force; a file that is wrong never replaces one that was right."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = read_policy(path)

    async def record(self, audit: Audit) -> None:
        """Write down, at start, which policy is in force."""
        async with audit.writing() as writing:
            await writing.note("policy.loaded", self.now.hash, self.now.content)

    async def reload(self, audit: Audit) -> None:
        """Read the file again: in force once the audit log says so."""
        try:
            fresh = read_policy(self._path)
        except SettingsError as error:
            log.get_logger().error("policy.refused", problem=error.message, hint=error.hint)
            async with audit.writing() as writing:
                await writing.note("policy.refused", self.now.hash, {"problem": error.message})
            return
        async with audit.writing() as writing:
            await writing.note("policy.loaded", fresh.hash, fresh.content)
        self.now = fresh
        log.get_logger().info("policy.loaded", hash=fresh.hash)


def read_policy(path: Path) -> Policy:
    """The policy in this file; one error that names everything wrong with it."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"the policy {path.name} cannot be read: {error}", hint=HINT) from error
    try:
        return TypeAdapter(Policy).validate_python(written)
    except ValidationError as error:
        problems = "; ".join(_problem(dict(each)) for each in error.errors(include_url=False))
        raise SettingsError(f"the policy {path.name} is refused: {problems}", hint=HINT) from error


def _problem(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{key} is missing"
    if error["type"] == "extra_forbidden":
        return f"{key} is not a key of it"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _contradictions(policy: Policy) -> Iterator[str]:
    for names in CEILINGS:
        lower, upper = (getattr(policy, name) for name in names)
        if upper is not None and (lower is None or lower > upper):
            yield " is above ".join(names)
    if EVERY_PAIR in policy.allowed_pairs and len(policy.allowed_pairs) > 1:
        yield 'allowed_pairs names pairs and "*", which is every pair'
    if (policy.entry_approval == "allowance") != bool(policy.allowance_stake):
        yield f'entry_approval is "{policy.entry_approval}", but allowance_stake is {plain(policy.allowance_stake)}'
    if policy.mode == "live" and "allowance" in (policy.entry_approval, policy.exit_approval):
        yield 'mode is "live": entry_approval and exit_approval must be "human"'
    if policy.mode == "live" and policy.link_stake:
        yield 'mode is "live": link_stake must be 0'
    yield from (
        f"quiet_hours {hours} end when they begin" for hours in policy.quiet_hours if len(set(_ends(hours))) == 1
    )


def _ends(hours: str) -> tuple[time, time]:
    begin, _, end = hours.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def _is_within(clock: time, begin: time, end: time) -> bool:
    return begin <= clock < end if begin < end else clock >= begin or clock < end
