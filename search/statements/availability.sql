-- name: link
SELECT url FROM availability WHERE movie_id = :movie_id AND service = :service AND country = :country;

-- name: put
INSERT INTO availability (movie_id, service, country, url)
SELECT a.movie_id, a.service, a.country, a.url
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) a (movie_id bigint, service text, country text, url text)
JOIN movies USING (movie_id)
ON CONFLICT (movie_id, service, country) DO UPDATE SET url = excluded.url;
