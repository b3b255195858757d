-- When to ask the agent what by itself. `next_at` moves in the transaction that stores the run, so that whoever looks first
-- fires it, once. A thread need not exist yet: the first run makes it.
CREATE TABLE controller.schedules (
    id uuid PRIMARY KEY,
    user_id text NOT NULL,
    name text NOT NULL,
    cron text NOT NULL,
    zone text NOT NULL,
    message text NOT NULL,
    thread_id uuid,
    missed text NOT NULL CHECK (missed IN ('skip', 'once')),
    enabled boolean NOT NULL,
    deadline_s integer NOT NULL,
    max_model_calls integer NOT NULL,
    budget_usd numeric,
    next_at timestamptz NOT NULL,
    last_run_id uuid REFERENCES controller.runs (id) ON DELETE SET NULL,
    skipped_at timestamptz,
    skipped_because text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, name)
);
CREATE INDEX schedules_due ON controller.schedules (next_at) WHERE enabled;
CREATE INDEX schedules_by_last_run ON controller.schedules (last_run_id);
ALTER TABLE controller.schedules OWNER TO pilothouse_controller;
