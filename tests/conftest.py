"""Fixtures by concern, one file each."""

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.cluster",
    "tests.fixtures.homes",
    "tests.fixtures.supervision",
    "tests.fixtures.command_line",
    "tests.fixtures.checkout",
    "tests.fixtures.package_index",
    "tests.fixtures.embedded",
    "tests.fixtures.database_tool",  # builds on postgres, so it is listed after it
    "tests.fixtures.openrouter_twin",
    "tests.fixtures.rehearsal",
    "tests.fixtures.models",
    "tests.fixtures.processes",
    "tests.fixtures.proxy",
    "tests.fixtures.exchange_twin",
    "tests.fixtures.freqtrade",  # builds on postgres, processes and exchange_twin
    "tests.fixtures.broker",  # builds on freqtrade
    "tests.fixtures.money",  # builds on broker
    "tests.fixtures.limits",  # builds on broker and postgres
    "tests.fixtures.approvals",  # builds on money
    "tests.fixtures.halts",  # builds on approvals
    "tests.fixtures.relay",  # builds on limits and money
    "tests.fixtures.ledger",
    "tests.fixtures.clients",  # builds on proxy
    "tests.fixtures.spend",  # builds on proxy
    "tests.fixtures.purse",  # builds on postgres, processes and proxy
    "tests.fixtures.webhook",
    "tests.fixtures.memory_engine",
    "tests.fixtures.memory",  # builds on postgres, proxy and memory_engine
    "tests.fixtures.controller",  # builds on proxy and memory
    "tests.fixtures.hooks",  # builds on controller
    "tests.fixtures.n8n",  # builds on controller
    "tests.fixtures.approvals_api",  # builds on approvals and controller
    "tests.fixtures.trade_journal",  # builds on approvals_api and memory
    "tests.fixtures.backtests",  # builds on freqtrade and exchange_twin
    "tests.fixtures.terminal",
    "tests.fixtures.docs",  # builds on terminal
    "tests.fixtures.compose",  # builds on homes
    "tests.fixtures.counting",
    "tests.fixtures.proofs",
    "tests.fixtures.proofs_fleet",  # builds on controller and counting
    "tests.fixtures.proofs_outages",  # builds on cluster
    "tests.fixtures.proofs_memory",  # builds on memory
    "tests.fixtures.recorder",  # builds on openrouter_twin
    "tests.fixtures.proofs_memory_poison",  # builds on proofs_memory, recorder, limits and counting
    "tests.fixtures.proofs_money",
    "tests.fixtures.intents",
    "tests.fixtures.workers",  # builds on controller
    "tests.fixtures.schedules",  # builds on postgres
    "tests.fixtures.audit",  # builds on postgres and broker
    "tests.fixtures.kept",  # builds on postgres and freqtrade
]
