-- What all migrations together make. Written by `bin/pilothouse migrate --dump-schema`; a test compares.

CREATE SCHEMA controller;

ALTER SCHEMA controller OWNER TO pilothouse_controller;

CREATE SCHEMA memory;

ALTER SCHEMA memory OWNER TO pilothouse;

CREATE SCHEMA pilothouse;

ALTER SCHEMA pilothouse OWNER TO pilothouse;

CREATE SCHEMA proxy;

ALTER SCHEMA proxy OWNER TO pilothouse;

CREATE SCHEMA reporting;

ALTER SCHEMA reporting OWNER TO pilothouse;

CREATE SCHEMA trading;

ALTER SCHEMA trading OWNER TO pilothouse_freqtrade;

CREATE FUNCTION reporting.ensure_trading_views() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF to_regclass('trading.trades') IS NULL OR to_regclass('trading.orders') IS NULL THEN
        RETURN false;
    END IF;
    IF to_regclass('reporting.trades') IS NULL THEN
        CREATE VIEW reporting.trades AS
        SELECT id, pair, is_open, is_short, enter_tag, exit_reason, strategy,
               amount::text::numeric AS amount,
               stake_amount::text::numeric AS stake_amount,
               open_rate::text::numeric AS open_rate,
               close_rate::text::numeric AS close_rate,
               close_profit::text::numeric AS profit_ratio,
               close_profit_abs::text::numeric AS profit_abs,
               open_date AT TIME ZONE 'UTC' AS opened_at,
               close_date AT TIME ZONE 'UTC' AS closed_at
        FROM trading.trades;
        GRANT SELECT ON reporting.trades TO pilothouse_reader;
    END IF;
    IF to_regclass('reporting.orders') IS NULL THEN
        CREATE VIEW reporting.orders AS
        SELECT id, ft_trade_id AS trade_id, ft_pair AS pair, ft_order_side AS side, order_type, status,
               price::text::numeric AS price,
               average::text::numeric AS average_price,
               filled::text::numeric AS filled,
               cost::text::numeric AS cost,
               order_date AT TIME ZONE 'UTC' AS ordered_at,
               order_filled_date AT TIME ZONE 'UTC' AS filled_at
        FROM trading.orders;
        GRANT SELECT ON reporting.orders TO pilothouse_reader;
    END IF;
    RETURN true;
END
$$;

ALTER FUNCTION reporting.ensure_trading_views() OWNER TO pilothouse;

CREATE TABLE controller.api_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    hash text NOT NULL,
    user_id text NOT NULL,
    label text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone
);

ALTER TABLE controller.api_keys OWNER TO pilothouse_controller;

CREATE TABLE controller.run_events (
    run_id uuid NOT NULL,
    number integer NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    told_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.run_events OWNER TO pilothouse_controller;

CREATE TABLE controller.run_steps (
    run_id uuid NOT NULL,
    step text NOT NULL,
    result jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.run_steps OWNER TO pilothouse_controller;

CREATE TABLE controller.runs (
    id uuid NOT NULL,
    thread_id uuid NOT NULL,
    user_id text NOT NULL,
    caller text NOT NULL,
    idempotency_key text,
    message text NOT NULL,
    model text NOT NULL,
    status text NOT NULL,
    answer text,
    error jsonb,
    cost_usd numeric DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    attempts integer DEFAULT 1 NOT NULL,
    place bigint NOT NULL,
    urgent boolean DEFAULT false NOT NULL,
    cancel_asked text,
    deadline_s integer DEFAULT 600 NOT NULL,
    max_model_calls integer DEFAULT 12 NOT NULL,
    budget_usd numeric,
    CONSTRAINT runs_cancel_asked_check CHECK ((cancel_asked = ANY (ARRAY['keep'::text, 'roll back'::text]))),
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'finished'::text, 'failed'::text, 'cancelled'::text])))
);

ALTER TABLE controller.runs OWNER TO pilothouse_controller;

ALTER TABLE controller.runs ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME controller.runs_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE controller.thread_leases (
    thread_id uuid NOT NULL,
    run_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

ALTER TABLE controller.thread_leases OWNER TO pilothouse_controller;

CREATE TABLE controller.threads (
    id uuid NOT NULL,
    user_id text NOT NULL,
    tainted boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.threads OWNER TO pilothouse_controller;

CREATE TABLE memory.turns (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    scope text NOT NULL,
    key text NOT NULL,
    run_id uuid,
    messages jsonb NOT NULL,
    queued_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    parked_at timestamp with time zone,
    error text
);

ALTER TABLE memory.turns OWNER TO pilothouse;

CREATE TABLE pilothouse.migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE pilothouse.migrations OWNER TO pilothouse;

CREATE TABLE proxy.ledger (
    id uuid NOT NULL,
    called_at timestamp with time zone DEFAULT now() NOT NULL,
    caller text NOT NULL,
    run_id uuid,
    node text,
    route text NOT NULL,
    asked_model text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    served_model text,
    provider text,
    generation_id text,
    prompt_tokens integer,
    completion_tokens integer,
    cost_usd numeric,
    error text,
    latency_ms integer,
    CONSTRAINT ledger_status_check CHECK ((status = ANY (ARRAY['open'::text, 'settled'::text, 'failed'::text])))
);

ALTER TABLE proxy.ledger OWNER TO pilothouse;

CREATE VIEW reporting.runs AS
 SELECT id,
    caller,
    model,
    status,
    cost_usd,
    created_at,
    started_at,
    ended_at,
    (error ->> 'code'::text) AS error_code
   FROM controller.runs;

ALTER VIEW reporting.runs OWNER TO pilothouse;

CREATE VIEW reporting.spend AS
 SELECT id,
    called_at,
    caller,
    run_id,
    node,
    route,
    asked_model,
    served_model,
    provider,
    status,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    latency_ms
   FROM proxy.ledger;

ALTER VIEW reporting.spend OWNER TO pilothouse;

ALTER TABLE ONLY controller.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY controller.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.run_events
    ADD CONSTRAINT run_events_pkey PRIMARY KEY (run_id, number);

ALTER TABLE ONLY controller.run_steps
    ADD CONSTRAINT run_steps_pkey PRIMARY KEY (run_id, step);

ALTER TABLE ONLY controller.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.runs
    ADD CONSTRAINT runs_user_id_idempotency_key_key UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY controller.thread_leases
    ADD CONSTRAINT thread_leases_pkey PRIMARY KEY (thread_id);

ALTER TABLE ONLY controller.threads
    ADD CONSTRAINT threads_pkey PRIMARY KEY (id);

ALTER TABLE ONLY memory.turns
    ADD CONSTRAINT turns_pkey PRIMARY KEY (id);

ALTER TABLE ONLY memory.turns
    ADD CONSTRAINT turns_scope_key_key UNIQUE (scope, key);

ALTER TABLE ONLY pilothouse.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY proxy.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (id);

CREATE INDEX runs_by_thread ON controller.runs USING btree (thread_id, created_at);

CREATE INDEX runs_by_user ON controller.runs USING btree (user_id, place DESC);

CREATE INDEX runs_waiting ON controller.runs USING btree (thread_id, urgent DESC, place) WHERE (status = 'queued'::text);

CREATE INDEX threads_by_user ON controller.threads USING btree (user_id, created_at DESC);

CREATE INDEX turns_waiting ON memory.turns USING btree (not_before) WHERE ((done_at IS NULL) AND (parked_at IS NULL));

CREATE INDEX ledger_by_run ON proxy.ledger USING btree (run_id);

CREATE INDEX ledger_by_time ON proxy.ledger USING btree (called_at);

ALTER TABLE ONLY controller.run_events
    ADD CONSTRAINT run_events_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.run_steps
    ADD CONSTRAINT run_steps_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.runs
    ADD CONSTRAINT runs_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES controller.threads(id);

ALTER TABLE ONLY controller.thread_leases
    ADD CONSTRAINT thread_leases_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id);

ALTER TABLE ONLY controller.thread_leases
    ADD CONSTRAINT thread_leases_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES controller.threads(id);

GRANT USAGE ON SCHEMA memory TO pilothouse_memory;

GRANT USAGE ON SCHEMA proxy TO pilothouse_proxy;

GRANT USAGE ON SCHEMA reporting TO pilothouse_reader;
GRANT USAGE ON SCHEMA reporting TO pilothouse_broker;

REVOKE ALL ON FUNCTION reporting.ensure_trading_views() FROM PUBLIC;
GRANT ALL ON FUNCTION reporting.ensure_trading_views() TO pilothouse_broker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE memory.turns TO pilothouse_memory;

GRANT SELECT,INSERT,UPDATE ON TABLE proxy.ledger TO pilothouse_proxy;

GRANT SELECT ON TABLE reporting.runs TO pilothouse_reader;

GRANT SELECT ON TABLE reporting.spend TO pilothouse_reader;
