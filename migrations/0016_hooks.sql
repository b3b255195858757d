-- Doors for programs such as n8n. The secret of a hook is derived from its id and version: it is stored nowhere.
CREATE TABLE controller.hooks (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    user_id text NOT NULL,
    secret_version integer NOT NULL DEFAULT 1,
    callbacks text NOT NULL,
    deadline_s integer NOT NULL,
    max_model_calls integer NOT NULL,
    budget_usd numeric,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE controller.hooks OWNER TO pilothouse_controller;

-- Which call started which run: within 24 hours the same key starts nothing more.
CREATE TABLE controller.hook_calls (
    hook_id uuid NOT NULL REFERENCES controller.hooks (id) ON DELETE CASCADE,
    key text NOT NULL,
    request text NOT NULL,
    run_id uuid NOT NULL REFERENCES controller.runs (id) ON DELETE CASCADE,
    called_at timestamptz NOT NULL,
    PRIMARY KEY (hook_id, key)
);
CREATE INDEX hook_calls_by_run ON controller.hook_calls (run_id);
ALTER TABLE controller.hook_calls OWNER TO pilothouse_controller;

-- Answers that are to be brought somewhere when their run has ended. `given_up_at`: a person may send it again.
CREATE TABLE controller.deliveries (
    run_id uuid PRIMARY KEY REFERENCES controller.runs (id) ON DELETE CASCADE,
    hook_id uuid NOT NULL REFERENCES controller.hooks (id) ON DELETE CASCADE,
    url text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    error text,
    delivered_at timestamptz,
    given_up_at timestamptz
);
CREATE INDEX deliveries_due ON controller.deliveries (next_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
ALTER TABLE controller.deliveries OWNER TO pilothouse_controller;
