-- What `database_query` may see: trading, spend and run metadata. Nothing per user, no message text.

CREATE VIEW reporting.runs AS
SELECT id, caller, model, status, cost_usd, created_at, started_at, ended_at,
       error ->> 'code' AS error_code
FROM controller.runs;

CREATE VIEW reporting.spend AS
SELECT id, called_at, caller, run_id, node, route, asked_model, served_model, provider, status,
       prompt_tokens, completion_tokens, cost_usd, latency_ms
FROM proxy.ledger;

GRANT SELECT ON reporting.runs, reporting.spend TO pilothouse_reader;

-- Freqtrade makes its own tables at its first start, so these views come when the tables are there.
-- Its money columns are double precision and its instants naive UTC: both are made exact here.
CREATE FUNCTION reporting.ensure_trading_views() RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
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
REVOKE ALL ON FUNCTION reporting.ensure_trading_views() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reporting.ensure_trading_views() TO pilothouse_broker;
