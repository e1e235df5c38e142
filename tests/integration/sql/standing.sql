-- name: make
-- What a neighbour may have made to stand on objects of Palate's, a line for each way.
CREATE SCHEMA shop;
CREATE VIEW shop.titles AS SELECT title FROM palate.movies;
CREATE TABLE shop.prices (movie_id bigint REFERENCES palate.movies, price numeric);
CREATE TABLE shop.loans (note text) INHERITS (palate.synonyms);
INSERT INTO shop.loans (phrase, other, note) VALUES ('ring', 'lord', 'theirs');
CREATE TABLE shop.hist (id integer, h palate.match_level);
INSERT INTO shop.hist VALUES (1, 'all words');
CREATE TABLE shop.found (hit palate.search_hit);
CREATE TABLE shop.texts (
    a text,
    b text DEFAULT palate.fold('Ü'),
    c text GENERATED ALWAYS AS (palate.fold(a)) STORED,
    CHECK (palate.fold(a) <> 'x')
);
CREATE INDEX texts_folded ON shop.texts (palate.fold(b));
CREATE POLICY folded ON shop.texts USING (palate.fold(a) = 'y');
CREATE FUNCTION shop.films() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM palate.movies; END;
CREATE FUNCTION shop.folded(t text) RETURNS text BEGIN ATOMIC SELECT palate.fold(t); END;
CREATE FUNCTION shop.title(m palate.movies) RETURNS text LANGUAGE sql AS $$ SELECT m.title $$;
CREATE FUNCTION shop.hits() RETURNS SETOF palate.search_hit LANGUAGE sql AS $$ SELECT NULL::palate.search_hit $$;
CREATE TRIGGER ours AFTER INSERT ON shop.texts FOR EACH ROW EXECUTE FUNCTION palate.mean_to_vectors();

-- name: told
-- default value for shop.texts.b
-- default value for shop.texts.c
-- function shop.films()
-- function shop.folded(pg_catalog.text)
-- function shop.hits()
-- function shop.title(palate.movies)
-- index shop.texts_folded
-- policy folded on shop.texts
-- table column shop.found.hit
-- table column shop.hist.h
-- table constraint prices_movie_id_fkey on shop.prices
-- table constraint texts_a_check on shop.texts
-- table shop.loans
-- trigger ours on shop.texts
-- view shop.titles

-- name: put_on
-- What a DBA puts on Palate's tables.
CREATE PUBLICATION palpub FOR TABLE palate.movies (movie_id, title), palate.users,
    palate.ratings WHERE (movie_id > 0);
GRANT SELECT ON palate.movies, palate.movie_stats TO somebody_else;
GRANT SELECT (user_id), UPDATE (rating) ON palate.ratings TO somebody_else WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION palate.refresh_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION palate.refresh_stats() TO somebody_else;
ALTER TABLE palate.events ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON palate.events AS RESTRICTIVE FOR SELECT TO somebody_else, palate_read USING (user_id = 1);
ALTER TABLE palate.ratings SET (fillfactor = 70);
ALTER TABLE palate.tags REPLICA IDENTITY FULL;
CREATE TABLE public.audit (what text);
CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO public.audit VALUES (TG_OP); RETURN NULL; END';
CREATE TRIGGER audit AFTER INSERT ON palate.tags FOR EACH ROW EXECUTE FUNCTION public.audited();
ALTER TABLE palate.tags DISABLE TRIGGER audit;
CREATE RULE told AS ON DELETE TO palate.tags DO ALSO INSERT INTO public.audit VALUES ('DELETE');
CREATE INDEX movies_by_year ON palate.movies (year DESC) WHERE year IS NOT NULL;
CREATE STATISTICS palate.years (dependencies) ON year, genres FROM palate.movies;
ALTER TABLE palate.movies ADD CONSTRAINT plausible CHECK (year < 2100);
CREATE UNIQUE INDEX movies_told ON palate.movies (movie_id, title);
ALTER TABLE palate.movies REPLICA IDENTITY USING INDEX movies_told;
ALTER TABLE palate.movies SET (toast.autovacuum_enabled = off, toast.vacuum_truncate = off);
ALTER TABLE palate.movies ALTER COLUMN title SET STATISTICS 500;
ALTER TABLE palate.ratings ALTER COLUMN user_id SET (n_distinct = -0.1);
ALTER FUNCTION palate.refresh_stats() COST 5000;
ALTER FUNCTION palate.preferences(bigint, text) COST 200 ROWS 70;

-- name: freeze
CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'no new tables before Monday'; END $$;
CREATE EVENT TRIGGER frozen ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.refuse();
