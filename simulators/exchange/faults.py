"""Ways for the exchange to fail, switched by `POST /twin/mode`."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel
from starlette.responses import HTMLResponse, JSONResponse, Response

Mode = Literal["ok", "down", "slow", "ratelimit", "garbage", "error", "fleeing"]
SLOW_S = 30.0
STEP = 0.0002  # more than a tick
MOST_STEPS = 40


class Switch(BaseModel):
    """The mode to switch to, or the one that holds."""

    mode: Mode


@dataclass
class Faults:
    """How the exchange behaves now."""

    mode: Mode = "ok"
    looks: Counter[str] = field(default_factory=Counter[str])

    def switch(self, mode: Mode) -> None:
        """From now on."""
        self.mode = mode
        self.looks.clear()

    def flight(self, pair: str) -> float:
        """How far the order book keeps from whoever looks, as a share: each time further, so no order is filled."""
        if self.mode != "fleeing":
            return 0
        self.looks[pair] += 1
        return STEP * min(self.looks[pair], MOST_STEPS)

    async def answer(self) -> Response | None:
        """The failure to answer with, or none."""
        if self.mode == "slow":
            await asyncio.sleep(SLOW_S)
        return _failure(self.mode)


def _failure(mode: Mode) -> Response | None:
    if mode == "down":
        return JSONResponse({"code": 0, "msg": "Service unavailable from the twin."}, 503)
    if mode == "ratelimit":
        return JSONResponse({"code": -1003, "msg": "Too many requests."}, 429, {"Retry-After": "60"})
    if mode == "garbage":
        return HTMLResponse("<html><body>This is not the exchange you are looking for.</body></html>")
    if mode == "error":
        return JSONResponse({"code": -1000, "msg": "An unknown error occurred while processing the request."}, 400)
    return None
