-- How far memory was told what the broker says has ended: a place in its audit log. One row, locked by whoever tells.
CREATE TABLE controller.trade_journal (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    place bigint NOT NULL
);
INSERT INTO controller.trade_journal (place) VALUES (0);

-- Trades that were bought for intents, until memory was told their outcome.
CREATE TABLE controller.trades_bought (
    trade_id integer PRIMARY KEY,
    intent_id uuid NOT NULL,
    user_id text NOT NULL,
    run_id text NOT NULL,
    thread_id text NOT NULL,
    mode text NOT NULL
);
ALTER TABLE controller.trade_journal OWNER TO pilothouse_controller;
ALTER TABLE controller.trades_bought OWNER TO pilothouse_controller;
