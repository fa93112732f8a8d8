-- Values are written under pinned settings, and the hand-written writers agree with the server's
\set SHOW_CONTEXT never
-- output functions.
CREATE TABLE v (id int PRIMARY KEY, i2 int2, i8 int8, b bool, f4 float4, f8 float8, n numeric, t text, c char(4),
    d date, ts timestamp, tz timestamptz, iv interval, u uuid, by bytea, j json, jb jsonb, r daterange, a text[], m tstzrange);
SELECT officesync.track('v');
SET DateStyle = 'German, DMY'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Asia/Kolkata';
SET extra_float_digits = 0; SET bytea_output = 'escape';
INSERT INTO v VALUES (1, -32768, 9223372036854775807, true, 0.1, 0.1::float8 + 0.2, 'NaN', E'tab\t"quote" back\\slash \u0001 \u2028 é', 'ab',
    '2024-02-29', '0044-03-15 12:00 BC', '2024-06-30 23:59:59.999999+00', '1 year -2 days 03:04:05', '00112233-4455-6677-8899-aabbccddeeff',
    '\x00ff5c', '{"a": 1, "a": 2}', 'null', '[2024-01-01,2024-02-01)', ARRAY['a', NULL, 'q"', '', 'NULL'], '[2024-01-01 00:00+00,)');
INSERT INTO v (id, f8, n, d, ts, tz) VALUES (2, '-0', 'Infinity', 'infinity', '-infinity', 'infinity'),
    (3, 'NaN', 1e-20, '5874897-12-31', '294276-12-31 23:59:59.999999', '4713-01-01 BC'), (4, 1e300, 12345678901234567890.10, '0001-01-01', '9999-12-31 23:59:59', '2000-01-01 00:00:00.1+00');
SHOW DateStyle;
RESET DateStyle; RESET IntervalStyle; RESET TimeZone; RESET extra_float_digits; RESET bytea_output;
SELECT regexp_replace(lines(), '.*"rows":', '');
CALL forget();
-- Names are qualified whatever the search path, also inside of other types.
CREATE SCHEMA near;
CREATE TABLE near.thing (id int);
CREATE TYPE near.pair AS (what regclass, price money);
CREATE TABLE named (id int PRIMARY KEY, c regclass, a regtype[], p near.pair, f regprocedure, m money, s regnamespace);
SELECT officesync.track('named');
SET search_path = near, public, pg_catalog;
INSERT INTO public.named VALUES (1, 'thing', '{pair,int4,thing}', ('thing', 1234.5), 'lower(text)', -0.07, 'near');
SHOW search_path;
RESET search_path;
SELECT regexp_replace(lines(), '.*"rows":', '');
CALL forget();
DROP TABLE named; DROP SCHEMA near CASCADE;
-- Days and times across the whole range, against the server's own text.
CREATE TABLE days (id int PRIMARY KEY, d date, ts timestamp);
SELECT officesync.track('days');
SET DateStyle = 'ISO';
INSERT INTO days SELECT g, '0001-01-01'::date + (g * 37), '0001-01-01'::timestamp + g * interval '37 days 01:02:03.00405'
FROM generate_series(0, 98000) g;
SELECT officesync.tick() AS tick \gset
CREATE TEMP TABLE part AS WITH RECURSIVE p AS (
    SELECT d.* FROM officesync.drain(:tick, 0, -1) d
    UNION ALL SELECT d.* FROM p, officesync.drain(:tick, p.sequence, p.chunk) d WHERE NOT p.last) SELECT * FROM p;
SELECT count(*) > 1 AS parts, sum(changes) AS changes, bool_and(encoding = 'zstd') AS zstd FROM part;
CALL forget();
DROP TABLE v, days;
