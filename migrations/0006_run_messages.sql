-- What was said in a run, for good. A checkpoint only names the runs whose messages a thread's state holds, so a turn costs
-- the same however long the thread is.
CREATE TABLE controller.run_messages (
    run_id uuid PRIMARY KEY REFERENCES controller.runs (id) ON DELETE CASCADE,
    place bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    messages bytea NOT NULL
);
ALTER TABLE controller.run_messages OWNER TO pilothouse_controller;

-- Ended runs are kept; what served only for looking back at them (events, journal, older checkpoints) goes after a time.
ALTER TABLE controller.runs ADD COLUMN pruned_at timestamptz;
CREATE INDEX runs_to_prune ON controller.runs (ended_at) WHERE ended_at IS NOT NULL AND pruned_at IS NULL;
