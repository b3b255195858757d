-- What a run told, in order: a client that reconnects anywhere misses nothing and sees nothing twice.
CREATE TABLE controller.run_events (
    run_id uuid NOT NULL REFERENCES controller.runs (id) ON DELETE CASCADE,
    number integer NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, number)
);
ALTER TABLE controller.run_events OWNER TO pilothouse_controller;

-- Runs may wait for their thread, be cancelled, and are limited in time, model calls and money.
ALTER TABLE controller.runs
    DROP CONSTRAINT runs_status_check,
    ALTER COLUMN status DROP DEFAULT,
    ADD CONSTRAINT runs_status_check
        CHECK (status IN ('queued', 'running', 'finished', 'failed', 'cancelled')),
    ADD COLUMN place bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN urgent boolean NOT NULL DEFAULT false,
    ADD COLUMN cancel_asked text CHECK (cancel_asked IN ('keep', 'roll back')),
    ADD COLUMN deadline_s integer NOT NULL DEFAULT 600,
    ADD COLUMN max_model_calls integer NOT NULL DEFAULT 12,
    ADD COLUMN budget_usd numeric;
CREATE INDEX runs_waiting ON controller.runs (thread_id, urgent DESC, place) WHERE status = 'queued';
CREATE INDEX runs_by_user ON controller.runs (user_id, place DESC);
