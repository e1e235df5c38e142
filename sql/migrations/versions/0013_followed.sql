-- Files that `palate ingest follow` met, each once: by what it says, whatever it is called.
CREATE TABLE followed (
    place    text NOT NULL,
    file     text NOT NULL,
    seen     text NOT NULL,  -- size and time, or what the web server calls this state of it
    digest   text NOT NULL,
    reason   text,           -- why it was refused; NULL: it was taken
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (place, file)
);
