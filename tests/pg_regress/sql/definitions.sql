-- The statements that make tables elsewhere: made here, dropped, and made again by them.
\set SHOW_CONTEXT never
CREATE SCHEMA "the shop"; CREATE SCHEMA kinds;
SET search_path = "the shop", public;
CREATE EXTENSION citext SCHEMA kinds;
CREATE COLLATION kinds.plain (LOCALE = 'C');
CREATE TYPE kinds.mood AS ENUM ('sad', 'it''s', 'happy');
CREATE DOMAIN kinds.percent AS numeric(5,2) DEFAULT 7.50 NOT NULL CONSTRAINT low CHECK (value >= 0) CONSTRAINT high CHECK (value <= 100);
CREATE DOMAIN kinds.word AS text COLLATE kinds.plain DEFAULT 'a "word"';
CREATE TYPE kinds.size AS (width int, "the height" kinds.percent, name text COLLATE kinds.plain);
CREATE TYPE kinds.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
CREATE SEQUENCE numbers AS integer INCREMENT 5 MINVALUE 3 MAXVALUE 9000 START 8 CACHE 2 CYCLE;
CREATE TABLE shelves (code kinds.citext PRIMARY KEY, at kinds.size, far kinds.span, farther kinds.span_multirange);
CREATE TABLE "odd ""Name" (
    id       bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "odd ids" START 100 INCREMENT 10) PRIMARY KEY,
    dropped  int,
    serial   serial,
    number   int DEFAULT nextval('numbers') + 1,
    amount   numeric(10,2) NOT NULL CHECK (amount > 0),
    twice    numeric GENERATED ALWAYS AS (amount * 2) STORED,
    mood     kinds.mood DEFAULT 'it''s',
    moods    kinds.mood[] NOT NULL DEFAULT '{happy}',
    rate     kinds.percent,
    word     kinds.word,
    text     varchar(20) COLLATE "POSIX" DEFAULT '"x"; DROP TABLE shelves; --',
    at       timestamptz DEFAULT now(),
    shelf    kinds.citext REFERENCES shelves ON DELETE SET NULL DEFERRABLE,
    parent   bigint REFERENCES "odd ""Name",
    elsewhere int,
    CONSTRAINT "a pair" UNIQUE (serial, amount) DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING gist (point(id, id) WITH ~=)
) WITH (fillfactor = 70);
ALTER TABLE "odd ""Name" DROP dropped;
ALTER TABLE "odd ""Name" ALTER text SET STORAGE EXTERNAL;
ALTER TABLE "odd ""Name" ADD CONSTRAINT late CHECK (length(text) < 30) NOT VALID;
CREATE INDEX "by mood" ON "odd ""Name" (mood, lower(text) DESC NULLS LAST) INCLUDE (amount) WHERE amount > 1;
CREATE UNIQUE INDEX ON "odd ""Name" (word COLLATE "C" text_pattern_ops);
CREATE TABLE outside (id int PRIMARY KEY);
ALTER TABLE "odd ""Name" ADD FOREIGN KEY (elsewhere) REFERENCES outside;
CREATE TABLE chosen (id int PRIMARY KEY, code text NOT NULL, note text);
CREATE UNIQUE INDEX chosen_code ON chosen (code);
ALTER TABLE chosen REPLICA IDENTITY USING INDEX chosen_code;
CREATE TABLE whole (a int, b text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE visits (day date, who int, note text, CONSTRAINT visits_key PRIMARY KEY (day, who)) PARTITION BY RANGE (day);
CREATE TABLE visits_2024 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (who);
CREATE TABLE visits_2024_0 PARTITION OF visits_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE visits_2024_1 PARTITION OF visits_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 1) WITH (fillfactor = 50);
CREATE TABLE visits_other PARTITION OF visits DEFAULT;
CREATE INDEX ON visits (note);
CREATE INDEX own ON visits_2024_0 (who);
ALTER TABLE visits ADD CHECK (who > 0);
CREATE TABLE made AS SELECT row_number() OVER () AS nth, d.*
FROM officesync.definitions(ARRAY['shelves', '"odd ""Name"', 'chosen', 'whole', 'visits']::regclass[]) d;
SET search_path = public;
\pset format unaligned
SELECT phase, kind, statement FROM "the shop".made ORDER BY nth;
\pset format aligned
-- What the catalogue says of them, told by other means.
CREATE VIEW told AS
    SELECT c.oid::regclass::text AS object, 'column' AS what, concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcollation::regcollation,
           rank() OVER (PARTITION BY c.oid ORDER BY a.attnum)) AS facts
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname IN ('the shop', 'kinds')) AND c.relname NOT IN ('made', 'outside', 'outside_pkey')
  UNION ALL
    SELECT c.oid::regclass::text, 'table', concat_ws(' ', c.relkind, c.relreplident, c.reloptions, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid))
    FROM pg_class c WHERE c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname IN ('the shop', 'kinds')) AND c.relname NOT IN ('made', 'outside', 'outside_pkey')
  UNION ALL
    SELECT i.indrelid::regclass::text, 'index', concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisreplident, i.indisvalid, i.indimmediate)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'the shop') AND c.relname <> 'outside'
  UNION ALL
    SELECT concat(k.conrelid::regclass, k.contypid::regtype), 'constraint', concat_ws(' ', k.conname, pg_get_constraintdef(k.oid), k.convalidated)
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
    WHERE n.nspname IN ('the shop', 'kinds') AND k.conrelid::regclass::text NOT LIKE '%outside' AND k.confrelid::regclass::text NOT LIKE '%outside'
  UNION ALL
    SELECT s.seqrelid::regclass::text, 'sequence', concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
           (SELECT concat(d.refobjid::regclass, d.refobjsubid > 0, d.deptype) FROM pg_depend d WHERE d.objid = s.seqrelid AND d.deptype IN ('a', 'i')))
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'the shop'
  UNION ALL
    SELECT t.oid::regtype::text, 'type', concat_ws(' ', t.typtype, t.typnotnull, t.typdefault, t.typcollation::regcollation, format_type(t.typbasetype, t.typtypmod),
           (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
           (SELECT concat(r.rngsubtype::regtype, r.rngsubdiff, r.rngmultitypid::regtype) FROM pg_range r WHERE r.rngtypid = t.oid))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'kinds' AND t.typtype IN ('e', 'd', 'r', 'c');
CREATE TEMP TABLE before AS SELECT * FROM told;
CREATE TEMP TABLE made AS SELECT * FROM "the shop".made;
SELECT what, count(*) > 0 AS some FROM before GROUP BY what ORDER BY what;
\set QUIET on
SET client_min_messages = warning;
DROP SCHEMA "the shop" CASCADE; DROP SCHEMA kinds CASCADE;
DO $$ DECLARE s text; BEGIN FOR s IN SELECT statement FROM made ORDER BY nth LOOP EXECUTE s; END LOOP; END $$;
RESET client_min_messages;
\set QUIET off
-- Nothing is missing, and nothing is there that was not; what belongs to other tables is not made.
(SELECT 'gone', * FROM before EXCEPT SELECT 'gone', * FROM told) UNION ALL (SELECT 'new', * FROM told EXCEPT SELECT 'new', * FROM before);
-- The same statements come out again.
SELECT statement FROM made EXCEPT
SELECT statement FROM officesync.definitions(ARRAY['"the shop".shelves', '"the shop"."odd ""Name"', '"the shop".chosen', '"the shop".whole', '"the shop".visits']::regclass[]);
-- What can't be made.
CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (PRIMARY KEY (id)) INHERITS (parents);
SELECT * FROM officesync.definitions('{parents}');
SELECT * FROM officesync.definitions('{children}');
DROP TABLE children, parents;
DROP VIEW told;
SET client_min_messages = warning;
DROP SCHEMA "the shop" CASCADE; DROP SCHEMA kinds CASCADE;
