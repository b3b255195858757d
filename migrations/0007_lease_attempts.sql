-- The fence stands on the lease itself: renewing and taking over lock one and the same row, so neither acts on an old
-- snapshot of who has the run.
ALTER TABLE controller.thread_leases ADD COLUMN attempts integer NOT NULL DEFAULT 1;
UPDATE controller.thread_leases AS lease
SET attempts = run.attempts
FROM controller.runs AS run
WHERE run.id = lease.run_id;
