-- Fields of films that somebody added: what they are, and what each film says in them.
CREATE TABLE own_fields (
    name  text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    type  text NOT NULL CHECK (type IN ('text', 'text[]', 'integer', 'numeric', 'boolean')),
    -- How queries read it; NULL: it is kept and shown, no more.
    kind  text CHECK (kind IN ('text', 'literal', 'number')),
    boost real CHECK (boost IS NULL OR boost > 0 AND kind = 'text'),
    facet boolean NOT NULL,
    -- What its lexemes begin with in the index of the postgres engine.
    code  text COLLATE "C" NOT NULL UNIQUE CHECK (code ~ '^[A-Z]:$')
);
ALTER TABLE movies ADD COLUMN own jsonb NOT NULL DEFAULT '{}';

-- The planner takes what a small source said of users for what the next one says: that all ratings
-- are of one user. The triggers of a large load then read every rating for every user. Users have
-- some hundred ratings each, whatever a sample says.
ALTER TABLE ratings ALTER COLUMN user_id SET (n_distinct = -0.01);
ALTER TABLE events ALTER COLUMN user_id SET (n_distinct = -0.01);
ANALYZE ratings, events;
