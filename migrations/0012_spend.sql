-- A name is one key's for good, so that the ledger's `caller` says whose call it was, also after the key was revoked.
CREATE UNIQUE INDEX keys_by_name ON proxy.keys (name);

ALTER TABLE proxy.ledger ADD COLUMN note text;
COMMENT ON COLUMN proxy.ledger.note IS 'What a person wrote who settled it by hand.';

-- `reserved_usd`: what a call may still cost at most; nothing once that is known.
CREATE OR REPLACE VIEW reporting.spend AS
SELECT id, called_at, caller, run_id, node, route, asked_model, served_model, provider, status,
       prompt_tokens, completion_tokens, cost_usd, latency_ms,
       cached_tokens, reasoning_tokens, attempts, ended_at,
       CASE WHEN status = 'open' THEN reserved_usd ELSE 0 END AS reserved_usd
FROM proxy.ledger;

GRANT USAGE ON SCHEMA reporting TO pilothouse_controller, pilothouse_proxy;
GRANT SELECT ON reporting.spend TO pilothouse_controller, pilothouse_proxy;

-- Exact sums since an instant. `by`: day (UTC), key, run, model, node or provider; anything else is one sum of all.
-- `of_caller`, `of_runs`: only these; null: whatever there is. Runs under the role that asks.
CREATE FUNCTION reporting.usage(by text, since timestamptz, of_caller text, of_runs uuid[])
RETURNS TABLE (
    what text, calls bigint, open bigint, refused bigint, failed bigint, spent_usd numeric, reserved_usd numeric,
    prompt_tokens bigint, completion_tokens bigint)
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    SELECT CASE usage.by
               WHEN 'day' THEN (called_at AT TIME ZONE 'UTC')::date::text
               WHEN 'key' THEN caller
               WHEN 'run' THEN run_id::text
               WHEN 'model' THEN coalesce(served_model, asked_model)
               WHEN 'node' THEN node
               WHEN 'provider' THEN provider
           END,
           count(*),
           count(*) FILTER (WHERE status = 'open'),
           count(*) FILTER (WHERE status = 'refused'),
           count(*) FILTER (WHERE status = 'failed'),
           trim_scale(coalesce(sum(cost_usd), 0)),
           trim_scale(sum(spend.reserved_usd)),
           coalesce(sum(spend.prompt_tokens), 0),
           coalesce(sum(spend.completion_tokens), 0)
    FROM reporting.spend
    WHERE called_at >= usage.since
      AND (usage.of_caller IS NULL OR caller = usage.of_caller)
      AND (usage.of_runs IS NULL OR run_id = ANY (usage.of_runs))
    GROUP BY 1
$$;
REVOKE ALL ON FUNCTION reporting.usage(text, timestamptz, text, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reporting.usage(text, timestamptz, text, uuid[]) TO pilothouse_controller, pilothouse_proxy;
