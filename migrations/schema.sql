-- What all migrations together make. Written by `bin/pilothouse migrate --dump-schema`; a test compares.

CREATE SCHEMA broker;

ALTER SCHEMA broker OWNER TO pilothouse;

CREATE SCHEMA controller;

ALTER SCHEMA controller OWNER TO pilothouse_controller;

CREATE SCHEMA jobs;

ALTER SCHEMA jobs OWNER TO pilothouse_controller;

CREATE SCHEMA memory;

ALTER SCHEMA memory OWNER TO pilothouse;

CREATE SCHEMA pilothouse;

ALTER SCHEMA pilothouse OWNER TO pilothouse;

CREATE SCHEMA proxy;

ALTER SCHEMA proxy OWNER TO pilothouse;

CREATE SCHEMA reporting;

ALTER SCHEMA reporting OWNER TO pilothouse;

CREATE SCHEMA trading;

ALTER SCHEMA trading OWNER TO pilothouse_freqtrade;

CREATE TYPE jobs.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

ALTER TYPE jobs.procrastinate_job_event_type OWNER TO pilothouse_controller;

CREATE TYPE jobs.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

ALTER TYPE jobs.procrastinate_job_status OWNER TO pilothouse_controller;

CREATE TYPE jobs.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

ALTER TYPE jobs.procrastinate_job_to_defer_v1 OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

ALTER FUNCTION jobs.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_defer_jobs_v1(jobs jobs.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

ALTER FUNCTION jobs.procrastinate_defer_jobs_v1(jobs jobs.procrastinate_job_to_defer_v1[]) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

ALTER FUNCTION jobs.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) OWNER TO pilothouse_controller;

CREATE TABLE jobs.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status jobs.procrastinate_job_status DEFAULT 'todo'::jobs.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::jobs.procrastinate_job_status) AND (abort_requested = true))))
);

ALTER TABLE jobs.procrastinate_jobs OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS jobs.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

ALTER FUNCTION jobs.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_finish_job_v1(job_id bigint, end_status jobs.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

ALTER FUNCTION jobs.procrastinate_finish_job_v1(job_id bigint, end_status jobs.procrastinate_job_status, delete_job boolean) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

ALTER FUNCTION jobs.procrastinate_notify_queue_abort_job_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

ALTER FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;

ALTER FUNCTION jobs.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;

ALTER FUNCTION jobs.procrastinate_register_worker_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

ALTER FUNCTION jobs.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

ALTER FUNCTION jobs.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

ALTER FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

ALTER FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

ALTER FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

ALTER FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

ALTER FUNCTION jobs.procrastinate_unlink_periodic_defers_v1() OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;

ALTER FUNCTION jobs.procrastinate_unregister_worker_v1(worker_id bigint) OWNER TO pilothouse_controller;

CREATE FUNCTION jobs.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

ALTER FUNCTION jobs.procrastinate_update_heartbeat_v1(worker_id bigint) OWNER TO pilothouse_controller;

CREATE FUNCTION proxy.reserve(calls jsonb) RETURNS TABLE(id uuid, refused_by text, left_usd numeric)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
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

ALTER FUNCTION proxy.reserve(calls jsonb) OWNER TO pilothouse;

CREATE FUNCTION proxy.settle(outcomes jsonb) RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
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

ALTER FUNCTION proxy.settle(outcomes jsonb) OWNER TO pilothouse;

CREATE FUNCTION reporting.ensure_trading_views() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF to_regclass('trading.trades') IS NULL OR to_regclass('trading.orders') IS NULL THEN
        RETURN false;
    END IF;
    IF to_regclass('reporting.trades') IS NULL THEN
        CREATE VIEW reporting.trades AS
        SELECT id, pair, is_open, is_short, enter_tag, exit_reason, strategy,
               amount::text::numeric AS amount,
               stake_amount::text::numeric AS stake_amount,
               open_rate::text::numeric AS open_rate,
               close_rate::text::numeric AS close_rate,
               close_profit::text::numeric AS profit_ratio,
               close_profit_abs::text::numeric AS profit_abs,
               open_date AT TIME ZONE 'UTC' AS opened_at,
               close_date AT TIME ZONE 'UTC' AS closed_at
        FROM trading.trades;
        GRANT SELECT ON reporting.trades TO pilothouse_reader;
    END IF;
    IF to_regclass('reporting.orders') IS NULL THEN
        CREATE VIEW reporting.orders AS
        SELECT id, ft_trade_id AS trade_id, ft_pair AS pair, ft_order_side AS side, order_type, status,
               price::text::numeric AS price,
               average::text::numeric AS average_price,
               filled::text::numeric AS filled,
               cost::text::numeric AS cost,
               order_date AT TIME ZONE 'UTC' AS ordered_at,
               order_filled_date AT TIME ZONE 'UTC' AS filled_at
        FROM trading.orders;
        GRANT SELECT ON reporting.orders TO pilothouse_reader;
    END IF;
    RETURN true;
END
$$;

ALTER FUNCTION reporting.ensure_trading_views() OWNER TO pilothouse;

CREATE FUNCTION reporting.usage(by text, since timestamp with time zone, of_caller text, of_runs uuid[]) RETURNS TABLE(what text, calls bigint, open bigint, refused bigint, failed bigint, spent_usd numeric, reserved_usd numeric, prompt_tokens bigint, completion_tokens bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
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

ALTER FUNCTION reporting.usage(by text, since timestamp with time zone, of_caller text, of_runs uuid[]) OWNER TO pilothouse;

CREATE TABLE broker.approvers (
    id uuid NOT NULL,
    name text NOT NULL,
    public_key text NOT NULL,
    paired_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone
);

ALTER TABLE broker.approvers OWNER TO pilothouse;

CREATE TABLE broker.audit (
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    mac text NOT NULL
);

ALTER TABLE broker.audit OWNER TO pilothouse;

CREATE TABLE broker.decisions (
    approver_id uuid NOT NULL,
    nonce text NOT NULL,
    subject text NOT NULL,
    statement text NOT NULL,
    signature text NOT NULL,
    accepted_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE broker.decisions OWNER TO pilothouse;

CREATE TABLE broker.equity (
    at timestamp with time zone NOT NULL,
    currency text,
    total numeric,
    free numeric,
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE broker.equity OWNER TO pilothouse;

CREATE TABLE broker.halts (
    id uuid NOT NULL,
    reason text NOT NULL,
    halted_by text NOT NULL,
    halted_at timestamp with time zone DEFAULT now() NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text
);

ALTER TABLE broker.halts OWNER TO pilothouse;

CREATE TABLE broker.intents (
    id uuid NOT NULL,
    place bigint NOT NULL,
    caller text NOT NULL,
    user_id text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    hash text NOT NULL,
    action text NOT NULL,
    pair text NOT NULL,
    side text NOT NULL,
    stake numeric,
    trade_id integer,
    amount numeric,
    price_seen numeric NOT NULL,
    reason text NOT NULL,
    evidence jsonb NOT NULL,
    thread_id text NOT NULL,
    run_id text NOT NULL,
    tainted boolean NOT NULL,
    mode text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    refusals jsonb DEFAULT '[]'::jsonb NOT NULL,
    decided_by text,
    replaces uuid,
    note text DEFAULT ''::text NOT NULL,
    orders_before jsonb,
    fill jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    submitted_at timestamp with time zone,
    CONSTRAINT intents_action_check CHECK ((action = ANY (ARRAY['enter'::text, 'exit'::text]))),
    CONSTRAINT intents_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT intents_check CHECK (((action = 'enter'::text) = (stake IS NOT NULL))),
    CONSTRAINT intents_check1 CHECK (((action = 'exit'::text) OR (amount IS NULL))),
    CONSTRAINT intents_mode_check CHECK ((mode = ANY (ARRAY['dry'::text, 'live'::text]))),
    CONSTRAINT intents_price_seen_check CHECK ((price_seen > (0)::numeric)),
    CONSTRAINT intents_side_check CHECK ((side = 'long'::text)),
    CONSTRAINT intents_stake_check CHECK ((stake > (0)::numeric)),
    CONSTRAINT intents_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'refused'::text, 'awaiting_approval'::text, 'approved'::text, 'rejected'::text, 'expired'::text, 'submitting'::text, 'submitted'::text, 'filled'::text, 'failed'::text, 'unknown'::text])))
);

ALTER TABLE broker.intents OWNER TO pilothouse;

ALTER TABLE broker.intents ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME broker.intents_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE broker.links (
    token_hash text NOT NULL,
    intent_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

ALTER TABLE broker.links OWNER TO pilothouse;

CREATE TABLE broker.orders (
    trade_id integer NOT NULL,
    order_id text NOT NULL,
    side text NOT NULL,
    status text NOT NULL,
    order_type text NOT NULL,
    amount numeric NOT NULL,
    filled numeric,
    average numeric,
    cost numeric,
    tag text,
    ordered_at timestamp with time zone NOT NULL,
    filled_at timestamp with time zone,
    seen_at timestamp with time zone NOT NULL
);

ALTER TABLE broker.orders OWNER TO pilothouse;

CREATE TABLE broker.reconciled (
    single boolean DEFAULT true NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT reconciled_single_check CHECK (single)
);

ALTER TABLE broker.reconciled OWNER TO pilothouse;

CREATE TABLE broker.trades (
    trade_id integer NOT NULL,
    intent_id uuid,
    pair text NOT NULL,
    is_open boolean NOT NULL,
    stake numeric NOT NULL,
    amount numeric NOT NULL,
    open_rate numeric NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    close_rate numeric,
    closed_at timestamp with time zone,
    realised_profit numeric,
    fee_open numeric,
    fee_close numeric,
    enter_tag text,
    exit_reason text,
    seen_at timestamp with time zone NOT NULL,
    gone_at timestamp with time zone
);

ALTER TABLE broker.trades OWNER TO pilothouse;

CREATE TABLE controller.api_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    hash text NOT NULL,
    user_id text NOT NULL,
    label text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone
);

ALTER TABLE controller.api_keys OWNER TO pilothouse_controller;

CREATE TABLE controller.awaited (
    intent_id uuid NOT NULL,
    run_id uuid NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.awaited OWNER TO pilothouse_controller;

CREATE TABLE controller.deliveries (
    run_id uuid NOT NULL,
    hook_id uuid NOT NULL,
    url text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone NOT NULL,
    error text,
    delivered_at timestamp with time zone,
    given_up_at timestamp with time zone
);

ALTER TABLE controller.deliveries OWNER TO pilothouse_controller;

CREATE TABLE controller.hook_calls (
    hook_id uuid NOT NULL,
    key text NOT NULL,
    request text NOT NULL,
    run_id uuid NOT NULL,
    called_at timestamp with time zone NOT NULL
);

ALTER TABLE controller.hook_calls OWNER TO pilothouse_controller;

CREATE TABLE controller.hooks (
    id uuid NOT NULL,
    name text NOT NULL,
    user_id text NOT NULL,
    secret_version integer DEFAULT 1 NOT NULL,
    callbacks text NOT NULL,
    deadline_s integer NOT NULL,
    max_model_calls integer NOT NULL,
    budget_usd numeric,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.hooks OWNER TO pilothouse_controller;

CREATE TABLE controller.run_events (
    run_id uuid NOT NULL,
    number integer NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    told_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.run_events OWNER TO pilothouse_controller;

CREATE TABLE controller.run_messages (
    run_id uuid NOT NULL,
    place bigint NOT NULL,
    messages bytea NOT NULL
);

ALTER TABLE controller.run_messages OWNER TO pilothouse_controller;

ALTER TABLE controller.run_messages ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME controller.run_messages_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE controller.run_steps (
    run_id uuid NOT NULL,
    step text NOT NULL,
    result jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.run_steps OWNER TO pilothouse_controller;

CREATE TABLE controller.runs (
    id uuid NOT NULL,
    thread_id uuid NOT NULL,
    user_id text NOT NULL,
    caller text NOT NULL,
    idempotency_key text,
    message text NOT NULL,
    model text NOT NULL,
    status text NOT NULL,
    answer text,
    error jsonb,
    cost_usd numeric DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    attempts integer DEFAULT 1 NOT NULL,
    place bigint NOT NULL,
    urgent boolean DEFAULT false NOT NULL,
    cancel_asked text,
    deadline_s integer DEFAULT 600 NOT NULL,
    max_model_calls integer DEFAULT 12 NOT NULL,
    budget_usd numeric,
    awaits_worker boolean DEFAULT false NOT NULL,
    pruned_at timestamp with time zone,
    tells_of uuid,
    CONSTRAINT runs_cancel_asked_check CHECK ((cancel_asked = ANY (ARRAY['keep'::text, 'roll back'::text]))),
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'finished'::text, 'failed'::text, 'cancelled'::text])))
);

ALTER TABLE controller.runs OWNER TO pilothouse_controller;

ALTER TABLE controller.runs ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME controller.runs_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE controller.schedules (
    id uuid NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL,
    cron text NOT NULL,
    zone text NOT NULL,
    message text NOT NULL,
    thread_id uuid,
    missed text NOT NULL,
    enabled boolean NOT NULL,
    deadline_s integer NOT NULL,
    max_model_calls integer NOT NULL,
    budget_usd numeric,
    next_at timestamp with time zone NOT NULL,
    last_run_id uuid,
    skipped_at timestamp with time zone,
    skipped_because text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT schedules_missed_check CHECK ((missed = ANY (ARRAY['skip'::text, 'once'::text])))
);

ALTER TABLE controller.schedules OWNER TO pilothouse_controller;

CREATE TABLE controller.thread_leases (
    thread_id uuid NOT NULL,
    run_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 1 NOT NULL
);

ALTER TABLE controller.thread_leases OWNER TO pilothouse_controller;

CREATE TABLE controller.threads (
    id uuid NOT NULL,
    user_id text NOT NULL,
    tainted boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE controller.threads OWNER TO pilothouse_controller;

CREATE TABLE controller.trade_journal (
    single boolean DEFAULT true NOT NULL,
    place bigint NOT NULL,
    CONSTRAINT trade_journal_single_check CHECK (single)
);

ALTER TABLE controller.trade_journal OWNER TO pilothouse_controller;

CREATE TABLE controller.trades_bought (
    trade_id integer NOT NULL,
    intent_id uuid NOT NULL,
    user_id text NOT NULL,
    run_id text NOT NULL,
    thread_id text NOT NULL,
    mode text NOT NULL
);

ALTER TABLE controller.trades_bought OWNER TO pilothouse_controller;

CREATE TABLE jobs.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type jobs.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

ALTER TABLE jobs.procrastinate_events OWNER TO pilothouse_controller;

CREATE SEQUENCE jobs.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE jobs.procrastinate_events_id_seq OWNER TO pilothouse_controller;

ALTER SEQUENCE jobs.procrastinate_events_id_seq OWNED BY jobs.procrastinate_events.id;

CREATE SEQUENCE jobs.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE jobs.procrastinate_jobs_id_seq OWNER TO pilothouse_controller;

ALTER SEQUENCE jobs.procrastinate_jobs_id_seq OWNED BY jobs.procrastinate_jobs.id;

CREATE TABLE jobs.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

ALTER TABLE jobs.procrastinate_periodic_defers OWNER TO pilothouse_controller;

CREATE SEQUENCE jobs.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE jobs.procrastinate_periodic_defers_id_seq OWNER TO pilothouse_controller;

ALTER SEQUENCE jobs.procrastinate_periodic_defers_id_seq OWNED BY jobs.procrastinate_periodic_defers.id;

CREATE TABLE jobs.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE jobs.procrastinate_workers OWNER TO pilothouse_controller;

ALTER TABLE jobs.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE memory.gate_counts (
    day date NOT NULL,
    scope text NOT NULL,
    verdict text NOT NULL,
    count bigint NOT NULL
);

ALTER TABLE memory.gate_counts OWNER TO pilothouse;

CREATE TABLE memory.turns (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    scope text NOT NULL,
    key text NOT NULL,
    run_id uuid,
    messages jsonb NOT NULL,
    queued_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    parked_at timestamp with time zone,
    error text,
    thread_id uuid,
    recalled text[] DEFAULT '{}'::text[] NOT NULL
);

ALTER TABLE memory.turns OWNER TO pilothouse;

CREATE TABLE pilothouse.migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE pilothouse.migrations OWNER TO pilothouse;

CREATE TABLE proxy.budgets (
    kind text NOT NULL,
    subject text NOT NULL,
    spent_usd numeric DEFAULT 0 NOT NULL,
    reserved_usd numeric DEFAULT 0 NOT NULL,
    CONSTRAINT budgets_kind_check CHECK ((kind = ANY (ARRAY['all'::text, 'day'::text, 'key'::text, 'key_day'::text, 'run'::text]))),
    CONSTRAINT budgets_reserved_usd_check CHECK ((reserved_usd >= (0)::numeric))
);

ALTER TABLE proxy.budgets OWNER TO pilothouse;

CREATE TABLE proxy.keys (
    id uuid NOT NULL,
    name text NOT NULL,
    owner text NOT NULL,
    hash text NOT NULL,
    is_service boolean DEFAULT false NOT NULL,
    scopes text[] DEFAULT '{chat,embeddings}'::text[] NOT NULL,
    models text[],
    budget_usd numeric,
    budget_day_usd numeric,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT keys_budget_day_usd_check CHECK ((budget_day_usd >= (0)::numeric)),
    CONSTRAINT keys_budget_usd_check CHECK ((budget_usd >= (0)::numeric))
);

ALTER TABLE proxy.keys OWNER TO pilothouse;

CREATE TABLE proxy.ledger (
    id uuid NOT NULL,
    called_at timestamp with time zone DEFAULT now() NOT NULL,
    caller text NOT NULL,
    run_id uuid,
    node text,
    route text NOT NULL,
    asked_model text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    served_model text,
    provider text,
    generation_id text,
    prompt_tokens integer,
    completion_tokens integer,
    cost_usd numeric,
    error text,
    latency_ms integer,
    key_id uuid,
    reserved_usd numeric DEFAULT 0 NOT NULL,
    budgets jsonb DEFAULT '[]'::jsonb NOT NULL,
    cached_tokens integer,
    reasoning_tokens integer,
    attempts integer,
    ended_at timestamp with time zone,
    asked_at timestamp with time zone,
    note text,
    CONSTRAINT ledger_status_check CHECK ((status = ANY (ARRAY['open'::text, 'settled'::text, 'failed'::text, 'refused'::text])))
);

ALTER TABLE proxy.ledger OWNER TO pilothouse;

COMMENT ON COLUMN proxy.ledger.budgets IS 'Of which budgets the call is a part: [{"kind", "subject"}].';

COMMENT ON COLUMN proxy.ledger.ended_at IS 'When its answer ended, whole or not; null: under way, or its proxy was killed.';

COMMENT ON COLUMN proxy.ledger.asked_at IS 'When the provider was last asked for its own record of an open call.';

COMMENT ON COLUMN proxy.ledger.note IS 'What a person wrote who settled it by hand.';

CREATE VIEW reporting.runs AS
 SELECT id,
    caller,
    model,
    status,
    cost_usd,
    created_at,
    started_at,
    ended_at,
    (error ->> 'code'::text) AS error_code
   FROM controller.runs;

ALTER VIEW reporting.runs OWNER TO pilothouse;

CREATE VIEW reporting.spend AS
 SELECT id,
    called_at,
    caller,
    run_id,
    node,
    route,
    asked_model,
    served_model,
    provider,
    status,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    latency_ms,
    cached_tokens,
    reasoning_tokens,
    attempts,
    ended_at,
        CASE
            WHEN (status = 'open'::text) THEN reserved_usd
            ELSE (0)::numeric
        END AS reserved_usd
   FROM proxy.ledger;

ALTER VIEW reporting.spend OWNER TO pilothouse;

ALTER TABLE ONLY jobs.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('jobs.procrastinate_events_id_seq'::regclass);

ALTER TABLE ONLY jobs.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('jobs.procrastinate_jobs_id_seq'::regclass);

ALTER TABLE ONLY jobs.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('jobs.procrastinate_periodic_defers_id_seq'::regclass);

ALTER TABLE ONLY broker.approvers
    ADD CONSTRAINT approvers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY broker.approvers
    ADD CONSTRAINT approvers_public_key_key UNIQUE (public_key);

ALTER TABLE ONLY broker.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY broker.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (approver_id, nonce);

ALTER TABLE ONLY broker.equity
    ADD CONSTRAINT equity_pkey PRIMARY KEY (at);

ALTER TABLE ONLY broker.halts
    ADD CONSTRAINT halts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY broker.intents
    ADD CONSTRAINT intents_caller_user_id_key_key UNIQUE (caller, user_id, key);

ALTER TABLE ONLY broker.intents
    ADD CONSTRAINT intents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY broker.intents
    ADD CONSTRAINT intents_place_key UNIQUE (place);

ALTER TABLE ONLY broker.intents
    ADD CONSTRAINT intents_replaces_key UNIQUE (replaces);

ALTER TABLE ONLY broker.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY broker.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (trade_id, order_id);

ALTER TABLE ONLY broker.reconciled
    ADD CONSTRAINT reconciled_pkey PRIMARY KEY (single);

ALTER TABLE ONLY broker.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (trade_id);

ALTER TABLE ONLY controller.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY controller.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.awaited
    ADD CONSTRAINT awaited_pkey PRIMARY KEY (intent_id);

ALTER TABLE ONLY controller.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY controller.hook_calls
    ADD CONSTRAINT hook_calls_pkey PRIMARY KEY (hook_id, key);

ALTER TABLE ONLY controller.hooks
    ADD CONSTRAINT hooks_name_key UNIQUE (name);

ALTER TABLE ONLY controller.hooks
    ADD CONSTRAINT hooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.run_events
    ADD CONSTRAINT run_events_pkey PRIMARY KEY (run_id, number);

ALTER TABLE ONLY controller.run_messages
    ADD CONSTRAINT run_messages_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY controller.run_steps
    ADD CONSTRAINT run_steps_pkey PRIMARY KEY (run_id, step);

ALTER TABLE ONLY controller.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.runs
    ADD CONSTRAINT runs_user_id_idempotency_key_key UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY controller.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.schedules
    ADD CONSTRAINT schedules_user_id_name_key UNIQUE (user_id, name);

ALTER TABLE ONLY controller.thread_leases
    ADD CONSTRAINT thread_leases_pkey PRIMARY KEY (thread_id);

ALTER TABLE ONLY controller.threads
    ADD CONSTRAINT threads_pkey PRIMARY KEY (id);

ALTER TABLE ONLY controller.trade_journal
    ADD CONSTRAINT trade_journal_pkey PRIMARY KEY (single);

ALTER TABLE ONLY controller.trades_bought
    ADD CONSTRAINT trades_bought_pkey PRIMARY KEY (trade_id);

ALTER TABLE ONLY jobs.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY jobs.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

ALTER TABLE ONLY jobs.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY memory.gate_counts
    ADD CONSTRAINT gate_counts_pkey PRIMARY KEY (day, scope, verdict);

ALTER TABLE ONLY memory.turns
    ADD CONSTRAINT turns_pkey PRIMARY KEY (id);

ALTER TABLE ONLY memory.turns
    ADD CONSTRAINT turns_scope_key_key UNIQUE (scope, key);

ALTER TABLE ONLY pilothouse.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY proxy.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (kind, subject);

ALTER TABLE ONLY proxy.keys
    ADD CONSTRAINT keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY proxy.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY proxy.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (id);

CREATE INDEX audit_by_subject ON broker.audit USING btree (subject, seq);

CREATE INDEX intents_by_user ON broker.intents USING btree (user_id, place DESC);

CREATE INDEX intents_under_way ON broker.intents USING btree (place) WHERE (state = ANY (ARRAY['proposed'::text, 'awaiting_approval'::text, 'approved'::text, 'submitting'::text, 'submitted'::text, 'unknown'::text]));

CREATE UNIQUE INDEX one_halt ON broker.halts USING btree ((true)) WHERE (lifted_at IS NULL);

CREATE INDEX trades_by_close ON broker.trades USING btree (closed_at);

CREATE INDEX awaited_by_run ON controller.awaited USING btree (run_id);

CREATE INDEX deliveries_due ON controller.deliveries USING btree (next_at) WHERE ((delivered_at IS NULL) AND (given_up_at IS NULL));

CREATE INDEX hook_calls_by_run ON controller.hook_calls USING btree (run_id);

CREATE INDEX runs_by_thread ON controller.runs USING btree (thread_id, created_at);

CREATE INDEX runs_by_user ON controller.runs USING btree (user_id, place DESC);

CREATE INDEX runs_to_prune ON controller.runs USING btree (ended_at) WHERE ((ended_at IS NOT NULL) AND (pruned_at IS NULL));

CREATE INDEX runs_waiting ON controller.runs USING btree (thread_id, urgent DESC, place) WHERE (status = 'queued'::text);

CREATE INDEX schedules_by_last_run ON controller.schedules USING btree (last_run_id);

CREATE INDEX schedules_due ON controller.schedules USING btree (next_at) WHERE enabled;

CREATE INDEX threads_by_user ON controller.threads USING btree (user_id, created_at DESC);

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON jobs.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::jobs.procrastinate_job_status));

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON jobs.procrastinate_workers USING btree (last_heartbeat);

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON jobs.procrastinate_events USING btree (job_id);

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON jobs.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::jobs.procrastinate_job_status, 'doing'::jobs.procrastinate_job_status]));

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON jobs.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::jobs.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON jobs.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::jobs.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON jobs.procrastinate_jobs USING btree (queue_name);

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON jobs.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::jobs.procrastinate_job_status);

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON jobs.procrastinate_periodic_defers USING btree (job_id);

CREATE INDEX turns_waiting ON memory.turns USING btree (not_before) WHERE ((done_at IS NULL) AND (parked_at IS NULL));

CREATE UNIQUE INDEX keys_by_name ON proxy.keys USING btree (name);

CREATE UNIQUE INDEX keys_by_service ON proxy.keys USING btree (name) WHERE is_service;

CREATE INDEX ledger_by_run ON proxy.ledger USING btree (run_id);

CREATE INDEX ledger_by_time ON proxy.ledger USING btree (called_at);

CREATE INDEX ledger_unsettled ON proxy.ledger USING btree (called_at) WHERE (status = 'open'::text);

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON jobs.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::jobs.procrastinate_job_status))) EXECUTE FUNCTION jobs.procrastinate_notify_queue_abort_job_v1();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::jobs.procrastinate_job_status)) EXECUTE FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1();

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1();

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION jobs.procrastinate_unlink_periodic_defers_v1();

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON jobs.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::jobs.procrastinate_job_status))) EXECUTE FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1();

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::jobs.procrastinate_job_status)) EXECUTE FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1();

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1();

ALTER TABLE ONLY broker.decisions
    ADD CONSTRAINT decisions_approver_id_fkey FOREIGN KEY (approver_id) REFERENCES broker.approvers(id);

ALTER TABLE ONLY broker.intents
    ADD CONSTRAINT intents_replaces_fkey FOREIGN KEY (replaces) REFERENCES broker.intents(id);

ALTER TABLE ONLY broker.links
    ADD CONSTRAINT links_intent_id_fkey FOREIGN KEY (intent_id) REFERENCES broker.intents(id);

ALTER TABLE ONLY broker.orders
    ADD CONSTRAINT orders_trade_id_fkey FOREIGN KEY (trade_id) REFERENCES broker.trades(trade_id);

ALTER TABLE ONLY broker.trades
    ADD CONSTRAINT trades_intent_id_fkey FOREIGN KEY (intent_id) REFERENCES broker.intents(id);

ALTER TABLE ONLY controller.awaited
    ADD CONSTRAINT awaited_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.deliveries
    ADD CONSTRAINT deliveries_hook_id_fkey FOREIGN KEY (hook_id) REFERENCES controller.hooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.deliveries
    ADD CONSTRAINT deliveries_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.hook_calls
    ADD CONSTRAINT hook_calls_hook_id_fkey FOREIGN KEY (hook_id) REFERENCES controller.hooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.hook_calls
    ADD CONSTRAINT hook_calls_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.run_events
    ADD CONSTRAINT run_events_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.run_messages
    ADD CONSTRAINT run_messages_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.run_steps
    ADD CONSTRAINT run_steps_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY controller.runs
    ADD CONSTRAINT runs_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES controller.threads(id);

ALTER TABLE ONLY controller.schedules
    ADD CONSTRAINT schedules_last_run_id_fkey FOREIGN KEY (last_run_id) REFERENCES controller.runs(id) ON DELETE SET NULL;

ALTER TABLE ONLY controller.thread_leases
    ADD CONSTRAINT thread_leases_run_id_fkey FOREIGN KEY (run_id) REFERENCES controller.runs(id);

ALTER TABLE ONLY controller.thread_leases
    ADD CONSTRAINT thread_leases_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES controller.threads(id);

ALTER TABLE ONLY jobs.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.procrastinate_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY jobs.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES jobs.procrastinate_workers(id) ON DELETE SET NULL;

ALTER TABLE ONLY jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.procrastinate_jobs(id);

ALTER TABLE ONLY proxy.ledger
    ADD CONSTRAINT ledger_key_id_fkey FOREIGN KEY (key_id) REFERENCES proxy.keys(id);

GRANT USAGE ON SCHEMA broker TO pilothouse_broker;

GRANT USAGE ON SCHEMA memory TO pilothouse_memory;

GRANT USAGE ON SCHEMA proxy TO pilothouse_proxy;

GRANT USAGE ON SCHEMA reporting TO pilothouse_reader;
GRANT USAGE ON SCHEMA reporting TO pilothouse_broker;
GRANT USAGE ON SCHEMA reporting TO pilothouse_controller;
GRANT USAGE ON SCHEMA reporting TO pilothouse_proxy;

REVOKE ALL ON FUNCTION reporting.ensure_trading_views() FROM PUBLIC;
GRANT ALL ON FUNCTION reporting.ensure_trading_views() TO pilothouse_broker;

REVOKE ALL ON FUNCTION reporting.usage(by text, since timestamp with time zone, of_caller text, of_runs uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION reporting.usage(by text, since timestamp with time zone, of_caller text, of_runs uuid[]) TO pilothouse_controller;
GRANT ALL ON FUNCTION reporting.usage(by text, since timestamp with time zone, of_caller text, of_runs uuid[]) TO pilothouse_proxy;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.approvers TO pilothouse_broker;

GRANT SELECT,INSERT ON TABLE broker.audit TO pilothouse_broker;

GRANT SELECT,INSERT ON TABLE broker.decisions TO pilothouse_broker;

GRANT SELECT,INSERT ON TABLE broker.equity TO pilothouse_broker;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.halts TO pilothouse_broker;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.intents TO pilothouse_broker;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.links TO pilothouse_broker;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.orders TO pilothouse_broker;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.reconciled TO pilothouse_broker;

GRANT SELECT,INSERT,UPDATE ON TABLE broker.trades TO pilothouse_broker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE memory.gate_counts TO pilothouse_memory;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE memory.turns TO pilothouse_memory;

GRANT SELECT,INSERT,UPDATE ON TABLE proxy.budgets TO pilothouse_proxy;

GRANT SELECT,INSERT,UPDATE ON TABLE proxy.keys TO pilothouse_proxy;

GRANT SELECT,INSERT,UPDATE ON TABLE proxy.ledger TO pilothouse_proxy;

GRANT SELECT ON TABLE reporting.runs TO pilothouse_reader;

GRANT SELECT ON TABLE reporting.spend TO pilothouse_reader;
GRANT SELECT ON TABLE reporting.spend TO pilothouse_controller;
GRANT SELECT ON TABLE reporting.spend TO pilothouse_proxy;
