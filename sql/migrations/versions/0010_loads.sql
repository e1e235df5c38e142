-- What a load remembers, and times that every reader can hold.

-- Digests of the loads that brought this source, so that repeating one does nothing; and the time
-- that stands for ratings without one, the same for every load of the source.
ALTER TABLE sources
    ADD COLUMN digests text[] NOT NULL DEFAULT '{}',
    ADD COLUMN undated_at timestamptz NOT NULL DEFAULT now();

-- (What is there was just looked at: checked without reading it all again under a lock.)
-- infinity and years of five digits cannot be read back by any client.
UPDATE ratings SET rated_at = now()
WHERE rated_at NOT BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00';
UPDATE tags SET tagged_at = NULL
WHERE tagged_at NOT BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00';
UPDATE movies SET release_date = NULL
WHERE release_date NOT BETWEEN '0001-01-01' AND '9999-12-31';
ALTER TABLE ratings ADD CONSTRAINT ratings_rated_at_check
    CHECK (rated_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00') NOT VALID;
ALTER TABLE tags ADD CONSTRAINT tags_tagged_at_check
    CHECK (tagged_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00') NOT VALID;
ALTER TABLE movies ADD CONSTRAINT movies_release_date_check
    CHECK (release_date BETWEEN '0001-01-01' AND '9999-12-31') NOT VALID;
