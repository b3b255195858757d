-- One schema a process. Roles exist before (see stack/roles.py and docs/setup): a role writes its own schema only.

CREATE SCHEMA controller AUTHORIZATION pilothouse_controller;
CREATE SCHEMA proxy;
CREATE SCHEMA memory;
CREATE SCHEMA trading AUTHORIZATION pilothouse_freqtrade;
CREATE SCHEMA reporting;

GRANT USAGE ON SCHEMA proxy TO pilothouse_proxy;
GRANT USAGE ON SCHEMA memory TO pilothouse_memory;
GRANT USAGE ON SCHEMA reporting TO pilothouse_reader, pilothouse_broker;

-- People's and programs' keys. Only the hash of a key is stored.
CREATE TABLE controller.api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    hash text NOT NULL UNIQUE,
    user_id text NOT NULL,
    label text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE controller.threads (
    id uuid PRIMARY KEY,
    user_id text NOT NULL,
    tainted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX threads_by_user ON controller.threads (user_id, created_at DESC);

-- A run is stored before it starts.
CREATE TABLE controller.runs (
    id uuid PRIMARY KEY,
    thread_id uuid NOT NULL REFERENCES controller.threads (id),
    user_id text NOT NULL,
    caller text NOT NULL,
    idempotency_key text,
    message text NOT NULL,
    model text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'finished', 'failed', 'cancelled')),
    answer text,
    error jsonb,
    cost_usd numeric NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    UNIQUE (user_id, idempotency_key)
);
CREATE INDEX runs_by_thread ON controller.runs (thread_id, created_at);

-- One run at a time on a thread; a lease that is not renewed may be taken over.
CREATE TABLE controller.thread_leases (
    thread_id uuid PRIMARY KEY REFERENCES controller.threads (id),
    run_id uuid NOT NULL REFERENCES controller.runs (id),
    expires_at timestamptz NOT NULL
);

ALTER TABLE controller.api_keys OWNER TO pilothouse_controller;
ALTER TABLE controller.threads OWNER TO pilothouse_controller;
ALTER TABLE controller.runs OWNER TO pilothouse_controller;
ALTER TABLE controller.thread_leases OWNER TO pilothouse_controller;

-- One row a call to a model: written before the call, completed after it.
CREATE TABLE proxy.ledger (
    id uuid PRIMARY KEY,
    called_at timestamptz NOT NULL DEFAULT now(),
    caller text NOT NULL,
    run_id uuid,
    node text,
    route text NOT NULL,
    asked_model text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'settled', 'failed')),
    served_model text,
    provider text,
    generation_id text,
    prompt_tokens integer,
    completion_tokens integer,
    cost_usd numeric,
    error text,
    latency_ms integer
);
CREATE INDEX ledger_by_time ON proxy.ledger (called_at);
CREATE INDEX ledger_by_run ON proxy.ledger (run_id);
GRANT SELECT, INSERT, UPDATE ON proxy.ledger TO pilothouse_proxy;

-- Turns that wait to be turned into memories; a crash loses none. `scope` is the user's HMAC, as in the vector store.
-- Of a turn that is done only the key stays, so that it is never taken twice; `parked_at`: a model refused it for good.
-- What is remembered is in Mem0's store alone, keys of saves included: two stores could disagree after a crash.
CREATE TABLE memory.turns (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    scope text NOT NULL,
    key text NOT NULL,
    run_id uuid,
    messages jsonb NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    parked_at timestamptz,
    error text,
    UNIQUE (scope, key)
);
CREATE INDEX turns_waiting ON memory.turns (not_before) WHERE done_at IS NULL AND parked_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON memory.turns TO pilothouse_memory;
