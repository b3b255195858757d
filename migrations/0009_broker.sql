-- The money path. Only the broker's role enters this schema.

CREATE SCHEMA broker;
GRANT USAGE ON SCHEMA broker TO pilothouse_broker;

-- What the agent would like to do with money. Each state is written together with its audit record.
CREATE TABLE broker.intents (
    id uuid PRIMARY KEY,
    place bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    caller text NOT NULL,
    user_id text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    hash text NOT NULL,
    action text NOT NULL CHECK (action IN ('enter', 'exit')),
    pair text NOT NULL,
    side text NOT NULL CHECK (side = 'long'),
    stake numeric CHECK (stake > 0),
    trade_id integer,
    amount numeric CHECK (amount > 0),
    price_seen numeric NOT NULL CHECK (price_seen > 0),
    reason text NOT NULL,
    evidence jsonb NOT NULL,
    thread_id text NOT NULL,
    run_id text NOT NULL,
    tainted boolean NOT NULL,
    mode text NOT NULL CHECK (mode IN ('dry', 'live')),
    expires_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN (
        'proposed', 'refused', 'awaiting_approval', 'approved', 'rejected', 'expired',
        'submitting', 'submitted', 'filled', 'failed', 'unknown')),
    refusals jsonb NOT NULL DEFAULT '[]',
    decided_by text,
    replaces uuid UNIQUE REFERENCES broker.intents (id),
    note text NOT NULL DEFAULT '',
    orders_before jsonb,
    fill jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    UNIQUE (caller, user_id, key),
    CHECK ((action = 'enter') = (stake IS NOT NULL)),
    CHECK ((action = 'exit') OR amount IS NULL)
);
CREATE INDEX intents_by_user ON broker.intents (user_id, place DESC);
CREATE INDEX intents_under_way ON broker.intents (place)
    WHERE state IN ('proposed', 'awaiting_approval', 'approved', 'submitting', 'submitted', 'unknown');
GRANT SELECT, INSERT, UPDATE ON broker.intents TO pilothouse_broker;

-- A chain: each record's MAC covers the one before. Nothing is ever changed or deleted here.
CREATE TABLE broker.audit (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    mac text NOT NULL
);
CREATE INDEX audit_by_subject ON broker.audit (subject, seq);
GRANT SELECT, INSERT ON broker.audit TO pilothouse_broker;

-- Public halves of the keys that may decide; P-256, uncompressed point in hex.
CREATE TABLE broker.approvers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    public_key text NOT NULL UNIQUE,
    paired_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
GRANT SELECT, INSERT, UPDATE ON broker.approvers TO pilothouse_broker;

-- Every signed statement that was accepted; a nonce is good once.
CREATE TABLE broker.decisions (
    approver_id uuid NOT NULL REFERENCES broker.approvers (id),
    nonce text NOT NULL,
    subject text NOT NULL,
    statement text NOT NULL,
    signature text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (approver_id, nonce)
);
GRANT SELECT, INSERT ON broker.decisions TO pilothouse_broker;

-- Links that decide one intent, once. Only the hash of the token is stored.
CREATE TABLE broker.links (
    token_hash text PRIMARY KEY,
    intent_id uuid NOT NULL REFERENCES broker.intents (id),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
GRANT SELECT, INSERT, UPDATE ON broker.links TO pilothouse_broker;

-- Entries are refused while a halt is not lifted.
CREATE TABLE broker.halts (
    id uuid PRIMARY KEY,
    reason text NOT NULL,
    halted_by text NOT NULL,
    halted_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz,
    lifted_by text
);
CREATE UNIQUE INDEX one_halt ON broker.halts ((true)) WHERE lifted_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON broker.halts TO pilothouse_broker;

-- Freqtrade's trades and orders as last seen, with exact numbers and aware instants. `gone_at`: Freqtrade does not know
-- the trade any more; it forgets an entry that was cancelled unfilled, and what a person deletes.
CREATE TABLE broker.trades (
    trade_id integer PRIMARY KEY,
    intent_id uuid REFERENCES broker.intents (id),
    pair text NOT NULL,
    is_open boolean NOT NULL,
    stake numeric NOT NULL,
    amount numeric NOT NULL,
    open_rate numeric NOT NULL,
    opened_at timestamptz NOT NULL,
    close_rate numeric,
    closed_at timestamptz,
    realised_profit numeric,
    fee_open numeric,
    fee_close numeric,
    enter_tag text,
    exit_reason text,
    seen_at timestamptz NOT NULL,
    gone_at timestamptz
);
CREATE INDEX trades_by_close ON broker.trades (closed_at);
CREATE TABLE broker.orders (
    trade_id integer NOT NULL REFERENCES broker.trades (trade_id),
    order_id text NOT NULL,
    side text NOT NULL,
    status text NOT NULL,
    order_type text NOT NULL,
    amount numeric NOT NULL,
    filled numeric,
    average numeric,
    cost numeric,
    tag text,
    ordered_at timestamptz NOT NULL,
    filled_at timestamptz,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (trade_id, order_id)
);
-- When all of Freqtrade's trades and orders were last compared with these tables, and found or made equal.
CREATE TABLE broker.reconciled (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    at timestamptz NOT NULL
);
-- `total` is null when it could not be known: missing data is never zero.
CREATE TABLE broker.equity (
    at timestamptz PRIMARY KEY,
    currency text,
    total numeric,
    free numeric,
    reason text NOT NULL DEFAULT ''
);
GRANT SELECT, INSERT, UPDATE ON broker.trades, broker.orders, broker.reconciled TO pilothouse_broker;
GRANT SELECT, INSERT ON broker.equity TO pilothouse_broker;
