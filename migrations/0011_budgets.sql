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
-- Budgets are locked in the order of `kind`, `all` first, so that nobody waits in a circle.
CREATE FUNCTION proxy.reserve(calls jsonb)
RETURNS TABLE (id uuid, refused_by text, left_usd numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    call jsonb;
    budget record;
    asked numeric;
BEGIN
    INSERT INTO proxy.budgets (kind, subject)
    SELECT DISTINCT part ->> 'kind', part ->> 'subject'
    FROM jsonb_array_elements(calls) AS each, jsonb_array_elements(each -> 'budgets') AS part
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    PERFORM FROM proxy.budgets AS held
    WHERE (held.kind, held.subject) IN (
        SELECT part ->> 'kind', part ->> 'subject'
        FROM jsonb_array_elements(calls) AS each, jsonb_array_elements(each -> 'budgets') AS part)
    ORDER BY held.kind, held.subject
    FOR UPDATE;

    FOR call IN SELECT jsonb_array_elements(calls) LOOP
        id := (call ->> 'id')::uuid;
        asked := (call ->> 'reserved_usd')::numeric;
        refused_by := NULL;
        left_usd := NULL;
        SELECT held.kind, (part ->> 'limit_usd')::numeric - held.spent_usd - held.reserved_usd
        INTO refused_by, left_usd
        FROM jsonb_array_elements(call -> 'budgets') WITH ORDINALITY AS parts (part, place)
        JOIN proxy.budgets AS held ON held.kind = part ->> 'kind' AND held.subject = part ->> 'subject'
        WHERE held.spent_usd + held.reserved_usd + asked > (part ->> 'limit_usd')::numeric
        ORDER BY place
        LIMIT 1;

        IF refused_by IS NULL THEN
            UPDATE proxy.budgets AS held
            SET reserved_usd = held.reserved_usd + asked
            FROM jsonb_array_elements(call -> 'budgets') AS part
            WHERE held.kind = part ->> 'kind' AND held.subject = part ->> 'subject';
        END IF;
        INSERT INTO proxy.ledger
            (id, key_id, caller, run_id, node, route, asked_model, status, reserved_usd, budgets, ended_at, error)
        VALUES (
            reserve.id, (call ->> 'key_id')::uuid, call ->> 'caller', (call ->> 'run_id')::uuid, call ->> 'node',
            call ->> 'route', call ->> 'asked_model',
            CASE WHEN refused_by IS NULL THEN 'open' ELSE 'refused' END,
            CASE WHEN refused_by IS NULL THEN asked ELSE 0 END,
            (SELECT coalesce(jsonb_agg(part - 'limit_usd'), '[]') FROM jsonb_array_elements(call -> 'budgets') AS part),
            CASE WHEN refused_by IS NOT NULL THEN now() END,
            'no room in the budget: ' || refused_by);
        RETURN NEXT;
    END LOOP;
END
$$;

-- Closes calls. One whose cost is known, or is known to be nothing, gives its reservation back, once; one that may have
-- been billed stays `open` with its reservation. A call that is closed already is left as it is.
-- In: [{"id", "status", "cost_usd", ... columns of the ledger ...}]. Out: the ids that were still open.
CREATE FUNCTION proxy.settle(outcomes jsonb)
RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    outcome jsonb;
    call proxy.ledger;
BEGIN
    PERFORM FROM proxy.budgets AS held
    WHERE (held.kind, held.subject) IN (
        SELECT part ->> 'kind', part ->> 'subject'
        FROM jsonb_array_elements(outcomes) AS each
        JOIN proxy.ledger AS entry ON entry.id = (each ->> 'id')::uuid, jsonb_array_elements(entry.budgets) AS part)
    ORDER BY held.kind, held.subject
    FOR UPDATE;

    FOR outcome IN SELECT jsonb_array_elements(outcomes) LOOP
        SELECT * INTO call
        FROM proxy.ledger AS entry
        WHERE entry.id = (outcome ->> 'id')::uuid AND entry.status = 'open'
        FOR UPDATE;
        CONTINUE WHEN NOT FOUND;

        UPDATE proxy.ledger AS entry
        SET status = outcome ->> 'status',
            served_model = coalesce(outcome ->> 'served_model', entry.served_model),
            provider = coalesce(outcome ->> 'provider', entry.provider),
            generation_id = coalesce(outcome ->> 'generation_id', entry.generation_id),
            prompt_tokens = coalesce((outcome ->> 'prompt_tokens')::integer, entry.prompt_tokens),
            completion_tokens = coalesce((outcome ->> 'completion_tokens')::integer, entry.completion_tokens),
            cached_tokens = coalesce((outcome ->> 'cached_tokens')::integer, entry.cached_tokens),
            reasoning_tokens = coalesce((outcome ->> 'reasoning_tokens')::integer, entry.reasoning_tokens),
            attempts = coalesce((outcome ->> 'attempts')::integer, entry.attempts),
            cost_usd = (outcome ->> 'cost_usd')::numeric,
            error = coalesce(outcome ->> 'error', entry.error),
            latency_ms = coalesce((outcome ->> 'latency_ms')::integer, entry.latency_ms),
            ended_at = coalesce(entry.ended_at, now())
        WHERE entry.id = call.id;

        IF outcome ->> 'status' <> 'open' THEN
            UPDATE proxy.budgets AS held
            SET reserved_usd = held.reserved_usd - call.reserved_usd,
                spent_usd = held.spent_usd + coalesce((outcome ->> 'cost_usd')::numeric, 0)
            FROM jsonb_array_elements(call.budgets) AS part
            WHERE held.kind = part ->> 'kind' AND held.subject = part ->> 'subject';
        END IF;
        RETURN NEXT call.id;
    END LOOP;
END
$$;
