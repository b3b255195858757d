"""/openapi.json says how requests fail, and promises no more than what stands behind it gives."""

import httpx

from broker.app import MAX_CANDLES, MAX_TRADES

ERROR = "#/components/schemas/ErrorView"


async def test_every_route_tells_how_it_refuses_in_our_one_error_shape(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    for path, item in document["paths"].items():
        for operation in item.values():
            refusals = {status: each for status, each in operation["responses"].items() if status >= "4"}
            if path.startswith("/api"):
                assert {"401", "403", "422", "503"} <= set(refusals), path
                assert all(
                    each["content"]["application/json"]["schema"]["$ref"] == ERROR for each in refusals.values()
                ), path


async def test_no_more_trades_or_candles_are_offered_than_the_broker_gives(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]

    for path, most in (("/api/trading/candles", MAX_CANDLES), ("/api/trading/trades", MAX_TRADES)):
        [limit] = [each for each in paths[path]["get"]["parameters"] if each["name"] == "limit"]
        assert limit["schema"]["maximum"] == most
