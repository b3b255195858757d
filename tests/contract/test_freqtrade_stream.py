"""Freqtrade's WebSocket as we rely on it: our topics are known to it, and one unknown topic voids a subscription."""

import asyncio

import aiohttp
import pytest

from broker.stream import TOPICS
from tests.fixtures.freqtrade import FreqtradeBot
from tests.fixtures.kept import listening

pytestmark = pytest.mark.freqtrade


async def test_one_unknown_topic_voids_the_whole_subscription(freqtrade_bot: FreqtradeBot) -> None:
    async with listening(freqtrade_bot, TOPICS) as ours, listening(freqtrade_bot, (*TOPICS, "no_such")) as voided:
        await asyncio.to_thread(freqtrade_bot.leave, freqtrade_bot.filled_trade())

        heard = await ours.until("exit_fill")
        nothing = await voided.asked_again()

    assert {"exit", "exit_fill"} <= set(heard)
    assert nothing == []


@pytest.mark.parametrize("topic", TOPICS)
def test_each_of_our_topics_is_one_of_freqtrades(topic: str, freqtrade_topics: set[str]) -> None:
    assert topic in freqtrade_topics


async def test_a_wrong_token_is_refused(freqtrade_bot: FreqtradeBot) -> None:
    url = f"{freqtrade_bot.url}/api/v1/message/ws"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(url, params={"token": "wrong"})

    assert refusal.value.status == 403
