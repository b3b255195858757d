-- Intents whose fate a thread is to be told. Whoever learns it stores the run that tells, and deletes this, at once.
CREATE TABLE controller.awaited (
    intent_id uuid PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES controller.runs (id) ON DELETE CASCADE,
    noted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX awaited_by_run ON controller.awaited (run_id);
ALTER TABLE controller.awaited OWNER TO pilothouse_controller;

-- The intent whose fate a run tells; null for all others.
ALTER TABLE controller.runs ADD COLUMN tells_of uuid;
