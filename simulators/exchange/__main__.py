"""`python -m simulators.exchange`: start the twin."""

import argparse
from pathlib import Path

import uvicorn

from simulators.exchange import recorded
from simulators.exchange.app import Exchange, create_app
from simulators.exchange.market import Market
from simulators.exchange.seeded import PAIRS, SeededMarket


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m simulators.exchange", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8705)
    parser.add_argument("--seed", type=int, default=7, help="another seed, another market")
    parser.add_argument("--pairs", nargs="+", default=list(PAIRS), metavar="BASE/QUOTE")
    parser.add_argument("--candles", type=Path, help="replay this folder of Freqtrade feather files instead")
    options = parser.parse_args()
    market: Market = (
        recorded.load(options.candles) if options.candles else SeededMarket(options.seed, tuple(options.pairs))
    )
    app = create_app(Exchange(market))
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
