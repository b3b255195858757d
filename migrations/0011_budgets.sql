-- Keys for the proxy. The stack's own processes are put here when the proxy starts (`service`), others by a person.
CREATE TABLE proxy.keys (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    owner text NOT NULL,
    hash text NOT NULL UNIQUE,
    is_service boolean NOT NULL DEFAULT false,
    scopes text[] NOT NULL DEFAULT '{chat,embeddings}',
    models text[],
    budget_usd numeric CHECK (budget_usd >= 0),
    budget_day_usd numeric CHECK (budget_day_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX keys_by_service ON proxy.keys (name) WHERE is_service;
GRANT SELECT, INSERT, UPDATE ON proxy.keys TO pilothouse_proxy;

-- What is spent, and what calls under way may cost at most: of everything, of a day (UTC), of a key, of its day, of a run.
CREATE TABLE proxy.budgets (
    kind text NOT NULL CHECK (kind IN ('all', 'day', 'key', 'key_day', 'run')),
    subject text NOT NULL,
    spent_usd numeric NOT NULL DEFAULT 0,
    reserved_usd numeric NOT NULL DEFAULT 0 CHECK (reserved_usd >= 0),
    PRIMARY KEY (kind, subject)
);
GRANT SELECT, INSERT, UPDATE ON proxy.budgets TO pilothouse_proxy;

ALTER TABLE proxy.ledger
    DROP CONSTRAINT ledger_status_check,
    ADD CONSTRAINT ledger_status_check CHECK (status IN ('open', 'settled', 'failed', 'refused')),
    ADD COLUMN key_id uuid REFERENCES proxy.keys (id),
    ADD COLUMN reserved_usd numeric NOT NULL DEFAULT 0,
    ADD COLUMN budgets jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN cached_tokens integer,
    ADD COLUMN reasoning_tokens integer,
    ADD COLUMN attempts integer,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN asked_at timestamptz;
CREATE INDEX ledger_unsettled ON proxy.ledger (called_at) WHERE status = 'open';
COMMENT ON COLUMN proxy.ledger.budgets IS 'Of which budgets the call is a part: [{"kind", "subject"}].';
COMMENT ON COLUMN proxy.ledger.ended_at IS 'When its answer ended, whole or not; null: under way, or its proxy was killed.';
COMMENT ON COLUMN proxy.ledger.asked_at IS 'When the provider was last asked for its own record of an open call.';

-- Calls that were made before are spent too.
INSERT INTO proxy.budgets (kind, subject, spent_usd)
SELECT 'all', '', sum(cost_usd) FROM proxy.ledger HAVING sum(cost_usd) > 0;
INSERT INTO proxy.budgets (kind, subject, spent_usd)
SELECT 'day', (called_at AT TIME ZONE 'UTC')::date::text, sum(cost_usd)
FROM proxy.ledger
WHERE cost_usd > 0
GROUP BY 2;

-- Opens calls: reserves what each may cost at most in all of its budgets, or refuses it for the first that has no room.
-- In: [{"id", "key_id", "caller", "run_id", "node", "route", "asked_model", "reserved_usd",
--       "budgets": [{"kind", "subject", "limit_usd" (null: counted only)}]}]. Out: a row for each call, in their order.
-- Nested loops only, here and in `settle`: plans are kept, also those made when the tables were nearly empty, and rows
-- must be found by their keys however many there are by then.
CREATE FUNCTION proxy.reserve(calls jsonb)
RETURNS TABLE (id uuid, refused_by text, left_usd numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    call jsonb;
BEGIN
    INSERT INTO proxy.budgets (kind, subject)
    SELECT DISTINCT part ->> 'kind', part ->> 'subject'
    FROM jsonb_array_elements(calls) AS each, jsonb_array_elements(each -> 'budgets') AS part
    WHERE NOT EXISTS (
        SELECT FROM proxy.budgets AS held WHERE held.kind = part ->> 'kind' AND held.subject = part ->> 'subject')
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    -- Every call is a part of `all`, so that who holds its row has all of them to itself.
    PERFORM FROM proxy.budgets AS held WHERE held.kind = 'all' AND held.subject = '' FOR UPDATE;

    -- Whether all calls fit is told at once, as nearly always they do.
    WITH wanted AS (
        SELECT part ->> 'kind' AS kind, part ->> 'subject' AS subject,
            sum((each ->> 'reserved_usd')::numeric) AS usd, min((part ->> 'limit_usd')::numeric) AS limit_usd
        FROM jsonb_array_elements(calls) AS each, jsonb_array_elements(each -> 'budgets') AS part
        GROUP BY 1, 2)
    UPDATE proxy.budgets AS held
    SET reserved_usd = held.reserved_usd + wanted.usd
    FROM wanted
    WHERE held.kind = wanted.kind AND held.subject = wanted.subject AND NOT EXISTS (
        SELECT FROM wanted AS part
        JOIN proxy.budgets AS known ON known.kind = part.kind AND known.subject = part.subject
        WHERE known.spent_usd + known.reserved_usd + part.usd > part.limit_usd);

    IF FOUND THEN
        RETURN QUERY
        INSERT INTO proxy.ledger AS opened
            (id, key_id, caller, run_id, node, route, asked_model, status, reserved_usd, budgets)
        SELECT
            (each ->> 'id')::uuid, (each ->> 'key_id')::uuid, each ->> 'caller', (each ->> 'run_id')::uuid,
            each ->> 'node', each ->> 'route', each ->> 'asked_model', 'open', (each ->> 'reserved_usd')::numeric,
            (SELECT coalesce(jsonb_agg(part - 'limit_usd'), '[]') FROM jsonb_array_elements(each -> 'budgets') AS part)
        FROM jsonb_array_elements(calls) AS each
        RETURNING opened.id, NULL::text, NULL::numeric;
        RETURN;
    END IF;

    -- One after the other, so that a call that does not fit keeps out nobody but itself.
    IF jsonb_array_length(calls) > 1 THEN
        FOR call IN SELECT jsonb_array_elements(calls) LOOP
            RETURN QUERY SELECT * FROM proxy.reserve(jsonb_build_array(call));
        END LOOP;
        RETURN;
    END IF;

    call := calls -> 0;
    id := (call ->> 'id')::uuid;
    SELECT held.kind, (part ->> 'limit_usd')::numeric - held.spent_usd - held.reserved_usd
    INTO refused_by, left_usd
    FROM jsonb_array_elements(call -> 'budgets') WITH ORDINALITY AS parts (part, place)
    JOIN proxy.budgets AS held ON held.kind = part ->> 'kind' AND held.subject = part ->> 'subject'
    WHERE held.spent_usd + held.reserved_usd + (call ->> 'reserved_usd')::numeric > (part ->> 'limit_usd')::numeric
    ORDER BY place
    LIMIT 1;
    INSERT INTO proxy.ledger (id, key_id, caller, run_id, node, route, asked_model, status, budgets, ended_at, error)
    VALUES (
        reserve.id, (call ->> 'key_id')::uuid, call ->> 'caller', (call ->> 'run_id')::uuid, call ->> 'node',
        call ->> 'route', call ->> 'asked_model', 'refused',
        (SELECT jsonb_agg(part - 'limit_usd') FROM jsonb_array_elements(call -> 'budgets') AS part),
        now(), 'no room in the budget: ' || refused_by);
    RETURN NEXT;
END
$$;

-- Closes calls. One whose cost is known, or is known to be nothing, gives its reservation back, once; one that may have
-- been billed stays `open` with its reservation. A call that is closed already is left as it is.
-- In: [{"id", "status", "cost_usd", ... columns of the ledger ...}]. Out: the ids that were still open.
CREATE FUNCTION proxy.settle(outcomes jsonb)
RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT (each ->> 'id')::uuid FROM jsonb_array_elements(outcomes) AS each);
BEGIN
    PERFORM FROM proxy.budgets AS held WHERE held.kind = 'all' AND held.subject = '' FOR UPDATE;

    RETURN QUERY
    WITH closed AS (
        UPDATE proxy.ledger AS entry
        SET status = outcome.status,
            served_model = coalesce(outcome.served_model, entry.served_model),
            provider = coalesce(outcome.provider, entry.provider),
            generation_id = coalesce(outcome.generation_id, entry.generation_id),
            prompt_tokens = coalesce(outcome.prompt_tokens, entry.prompt_tokens),
            completion_tokens = coalesce(outcome.completion_tokens, entry.completion_tokens),
            cached_tokens = coalesce(outcome.cached_tokens, entry.cached_tokens),
            reasoning_tokens = coalesce(outcome.reasoning_tokens, entry.reasoning_tokens),
            attempts = coalesce(outcome.attempts, entry.attempts),
            cost_usd = outcome.cost_usd,
            error = coalesce(outcome.error, entry.error),
            latency_ms = coalesce(outcome.latency_ms, entry.latency_ms),
            ended_at = coalesce(entry.ended_at, now())
        FROM jsonb_to_recordset(outcomes) AS outcome (
            id uuid, status text, served_model text, provider text, generation_id text, prompt_tokens integer,
            completion_tokens integer, cached_tokens integer, reasoning_tokens integer, attempts integer,
            cost_usd numeric, error text, latency_ms integer)
        WHERE entry.id = outcome.id
            AND entry.id = ANY (ids)
            AND entry.status || '' = 'open' -- not by the index of open rows, most of which are dead
        RETURNING entry.id, entry.status, entry.reserved_usd, entry.cost_usd, entry.budgets
    ), freed AS (
        SELECT part ->> 'kind' AS kind, part ->> 'subject' AS subject,
            sum(closed.reserved_usd) AS reserved_usd, coalesce(sum(closed.cost_usd), 0) AS spent_usd
        FROM closed, jsonb_array_elements(closed.budgets) AS part
        WHERE closed.status <> 'open'
        GROUP BY 1, 2
    ), counted AS (
        UPDATE proxy.budgets AS held
        SET reserved_usd = held.reserved_usd - freed.reserved_usd, spent_usd = held.spent_usd + freed.spent_usd
        FROM freed
        WHERE held.kind = freed.kind AND held.subject = freed.subject
    )
    SELECT closed.id FROM closed;
END
$$;
