-- name: hold
-- One process follows at a time: held by the session, so that it ends with whoever holds it.
SELECT pg_try_advisory_lock(hashtextextended('palate.follow', 0));

-- name: release
SELECT pg_advisory_unlock(hashtextextended('palate.follow', 0));

-- name: met
SELECT file, seen, reason FROM followed WHERE place = :place;

-- name: taken
SELECT EXISTS (SELECT FROM followed WHERE digest = :digest AND reason IS NULL);

-- name: loaded
SELECT name FROM sources;

-- name: remember
INSERT INTO followed (place, file, seen, digest, reason)
VALUES (:place, :file, :seen, :digest, :reason)
ON CONFLICT (place, file) DO UPDATE
SET seen = excluded.seen, digest = excluded.digest, reason = excluded.reason, taken_at = now();
