"""The policy: what the broker lets happen to money. One file, every key in it and no other."""

import asyncio
import signal
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from psycopg import Error as DatabaseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from broker.audit import Audit
from broker.figures import plain
from broker.intents import Mode, Pair
from broker.policy_values import (
    DAY_S,
    Amount,
    Approval,
    Hours,
    MaxAmount,
    MaxCount,
    MaxShare,
    Seconds,
    Share,
    Zone,
    ends_of,
    is_within,
)
from pilothouse import log
from pilothouse.errors import SettingsError
from pilothouse.signing import digest

EVERY_PAIR = "*"
CEILINGS = (  # the first of each two may not be above the second
    ("min_stake", "max_stake"),
    ("max_stake", "max_exposure"),
    ("max_orders_per_hour", "max_orders_per_day"),
    ("allowance_stake", "max_stake"),
    ("allowance_stake", "allowance_stake_per_day"),
    ("link_stake", "max_stake"),
)
NO_LIVE = "live trading needs an evidence card of strategy or agent, and this release has none"
HINT = "deploy/policy.toml shows every key with its meaning"


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
    quiet_hours_zone: Zone
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
        return any(is_within(clock, hours) for hours in self.quiet_hours)


class CurrentPolicy:
    """`now` is the policy that holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = read_policy(path)

    async def record(self, audit: Audit) -> None:
        """Write down, at start, which policy is in force."""
        async with audit.writing() as writing:
            await writing.note("policy.loaded", self.now.hash, self.now.content)

    async def follow(self, audit: Audit) -> None:
        """Read the file again whenever the process is told to, until cancelled."""
        told, running = asyncio.Event(), asyncio.get_running_loop()
        running.add_signal_handler(signal.SIGHUP, told.set)
        try:
            while await told.wait():
                told.clear()
                await self._reload_or_keep(audit)
        finally:
            running.remove_signal_handler(signal.SIGHUP)

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

    async def _reload_or_keep(self, audit: Audit) -> None:
        try:
            await self.reload(audit)
        except DatabaseError as error:
            log.get_logger().error("policy.kept", problem=str(error))


def read_policy(path: Path) -> Policy:
    """The policy in this file; one error that names everything wrong with it."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"the policy {path.name} cannot be read: {error}", hint=HINT) from error
    try:
        policy = Policy.model_validate(written)
    except ValidationError as error:
        problems = "; ".join(_problem(dict(each)) for each in error.errors(include_url=False))
        raise SettingsError(f"the policy {path.name} is refused: {problems}", hint=HINT) from error
    if policy.mode == "live":
        raise SettingsError(f'the policy {path.name} says mode = "live": {NO_LIVE}', hint='set mode = "dry"')
    return policy


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
        f"quiet_hours {hours} end when they begin" for hours in policy.quiet_hours if len(set(ends_of(hours))) == 1
    )
