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

-- name: another_partition
-- A DBA's own count, in a row that an UPDATE moves to another partition.
CREATE TABLE counted (part integer, ratings integer) PARTITION BY LIST (part);
CREATE TABLE counted_1 PARTITION OF counted FOR VALUES IN (1);
CREATE TABLE counted_2 PARTITION OF counted FOR VALUES IN (2);
INSERT INTO counted VALUES (1, 0);
CREATE FUNCTION count_rating() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counted SET ratings = ratings + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER counted AFTER INSERT ON ratings FOR EACH STATEMENT EXECUTE FUNCTION count_rating();
