-- What a run has done so far: a rerun after a crash repeats no model call and no effect recorded here.
CREATE TABLE controller.run_steps (
    run_id uuid NOT NULL REFERENCES controller.runs (id) ON DELETE CASCADE,
    step text NOT NULL,
    result jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, step)
);
ALTER TABLE controller.run_steps OWNER TO pilothouse_controller;

-- How often a run was begun: one that keeps killing its process is given up.
ALTER TABLE controller.runs ADD COLUMN attempts integer NOT NULL DEFAULT 1;
