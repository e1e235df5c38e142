-- name: refuse
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION the_condition USING MESSAGE = 'refused by a test';
END $$;
CREATE TRIGGER refused BEFORE INSERT ON ratings FOR EACH STATEMENT EXECUTE FUNCTION refuse();

-- name: cancel_waiting
SELECT pg_cancel_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE NOT l.granted AND l.relation = 'palate.ratings'::regclass;

-- name: waiting
SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database();
