"""/api/schedules: what to ask the agent by itself, and when. Making or changing one needs a person's key."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents.runs import Runs
from agents.schedules import Missed, NewSchedule, Schedule, Schedules, WantedThread
from agents.timing import explain
from api.access import Chatter, Key, Reader, needs
from api.refusals import refusals
from api.requests import STRICT
from api.schemas import Budget, RunView, Text

SHOWN_TIMES = 5

router = APIRouter(prefix="/api/schedules", tags=["schedules"], dependencies=STRICT)

REFUSALS = refusals(
    {
        403: "the key lacks the scope; 'schedules:write' is for people's keys only",
        404: "no such schedule, or thread, of yours",
        409: "the name is taken, or a run of it is waiting already",
        422: "no cron expression, no time zone, or no text",
    }
)
Person = Annotated[Key, Depends(needs("schedules:write"))]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class ScheduleRequest(BaseModel):
    """A message, and when to send it."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(examples=["morning"])
    cron: Words = Field(description="minute, hour, day, month, weekday", examples=["30 7 * * 1-5"])
    zone: Words = Field(default="UTC", description="IANA time zone", examples=["Europe/Berlin"])
    message: Text = Field(examples=["How is my bot doing?"])
    thread: WantedThread = Field(
        default="each", description="a new thread for each run, one of its own for all of them, or this one"
    )
    missed: Missed = Field(default="skip", description="what was due while nothing ran: leave it out, or run it once")
    enabled: bool = Field(default=True, description="false: paused")
    deadline_s: int = Field(default=600, ge=1, le=86_400, description="seconds until a run is given up")
    max_model_calls: int = Field(default=12, ge=1, le=100)
    budget_usd: Budget | None = Field(default=None, description="no model call begins once it is used up")


class ScheduleChange(BaseModel):
    """Only what is to be another. A change of cron, zone or enabled counts from now on."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    cron: Words | None = None
    zone: Words | None = None
    message: Text | None = None
    thread: WantedThread | None = None
    missed: Missed | None = None
    enabled: bool | None = Field(default=None, description="false: paused")
    deadline_s: int | None = Field(default=None, ge=1, le=86_400)
    max_model_calls: int | None = Field(default=None, ge=1, le=100)
    budget_usd: Budget | None = Field(default=None, description="null: no budget of its own")

    def fields(self) -> dict[str, Any]:
        """What was said; null says something only of the budget."""
        said = self.model_dump(exclude_unset=True)
        return {name: value for name, value in said.items() if value is not None or name == "budget_usd"}


class LastRunView(BaseModel):
    """The run it started last, and what came of it."""

    run_id: UUID
    status: str = Field(examples=["finished"])
    error: str | None
    cost_usd: Decimal
    created_at: datetime
    ended_at: datetime | None


class SkippedView(BaseModel):
    """The last time it was due and started nothing, and why."""

    due_at: datetime
    because: str = Field(examples=["its run before still waited"])


class ScheduleView(BaseModel):
    """A schedule, what comes next and what came last."""

    schedule_id: UUID
    name: str
    cron: str
    in_words: str = Field(examples=["At 07:30 on Monday through Friday"])
    zone: str
    message: str
    thread_id: UUID | None = Field(description="null: each run has a new one")
    missed: Missed
    enabled: bool
    deadline_s: int
    max_model_calls: int
    budget_usd: Decimal | None
    next_times: list[datetime] = Field(description="the next five, in its time zone; none while it is paused")
    last_run: LastRunView | None
    skipped: SkippedView | None
    created_at: datetime

    @classmethod
    def of(cls, schedule: Schedule, schedules: Schedules) -> Self:
        """A stored schedule as people see it."""
        skipped = {"due_at": schedule.skipped_at, "because": schedule.skipped_because}
        shown = {
            "schedule_id": schedule.id,
            "in_words": explain(schedule.cron),
            "next_times": schedules.upcoming(schedule, count=SHOWN_TIMES),
            "skipped": skipped if schedule.skipped_at else None,
        }
        return cls.model_validate(vars(schedule) | shown)


@router.post("", status_code=201, responses=REFUSALS)
async def add_schedule(request: Request, body: ScheduleRequest, key: Person) -> ScheduleView:
    """Make a schedule; it is due at the first time after now."""
    schedules: Schedules = request.app.state.schedules
    thread_id = await schedules.choose_thread(body.thread, user_id=key.user_id)
    new = NewSchedule(user_id=key.user_id, thread_id=thread_id, **body.model_dump(exclude={"thread"}))
    return ScheduleView.of(await schedules.add(new), schedules)


@router.get("", responses=REFUSALS)
async def list_schedules(request: Request, key: Reader) -> list[ScheduleView]:
    """Your schedules, by name."""
    schedules: Schedules = request.app.state.schedules
    return [ScheduleView.of(each, schedules) for each in await schedules.list_all(user_id=key.user_id)]


@router.get("/{schedule_id}", responses=REFUSALS)
async def get_schedule(request: Request, schedule_id: UUID, key: Reader) -> ScheduleView:
    """One schedule of yours: the next five times, its last run and what came of it."""
    schedules: Schedules = request.app.state.schedules
    return ScheduleView.of(await schedules.get(schedule_id, user_id=key.user_id), schedules)


@router.patch("/{schedule_id}", responses=REFUSALS)
async def change_schedule(request: Request, schedule_id: UUID, body: ScheduleChange, key: Person) -> ScheduleView:
    """Change, pause or resume it. What was due meanwhile is not caught up on."""
    schedules: Schedules = request.app.state.schedules
    changes = body.fields()
    if "thread" in changes:
        changes["thread_id"] = await schedules.choose_thread(changes.pop("thread"), user_id=key.user_id)
    changed = await schedules.change(schedule_id, user_id=key.user_id, changes=changes)
    return ScheduleView.of(changed, schedules)


@router.delete("/{schedule_id}", status_code=204, responses=REFUSALS)
async def delete_schedule(request: Request, schedule_id: UUID, key: Person) -> None:
    """Delete it; its runs stay, and one that is under way goes on."""
    schedules: Schedules = request.app.state.schedules
    await schedules.delete(schedule_id, user_id=key.user_id)


@router.post("/{schedule_id}/run", status_code=202, responses=REFUSALS)
async def run_schedule(request: Request, schedule_id: UUID, key: Chatter) -> RunView:
    """Start its run now, beside those that are due, also while it is paused."""
    schedules: Schedules = request.app.state.schedules
    runs: Runs = request.app.state.runs
    run = await schedules.run_now(schedule_id, user_id=key.user_id)
    return RunView.of(await runs.get(run.id, user_id=key.user_id))
