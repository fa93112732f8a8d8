-- A database becomes an office, once.
\set SHOW_CONTEXT never
SELECT officesync.set_office('x', 'head');          -- no extension yet
CREATE EXTENSION officesync;
CREATE TABLE early (id int PRIMARY KEY);
SELECT officesync.track('early');                   -- no office yet
SELECT officesync.set_office(NULL, 'head');
SELECT officesync.set_office('Head Office', 'head');
SELECT officesync.set_office(repeat('x', 64), 'head');
SELECT officesync.set_office('lyon', 'chief');
SELECT officesync.set_office('all', 'branch');
SELECT officesync.set_office('head', 'branch');
SELECT officesync.set_office('head', 'head');
SELECT officesync.set_office('head', 'head');       -- a notice
SELECT officesync.set_office('other', 'head');
SELECT name, role, incarnation ~ '^[0-9a-f]{32}$' AS incarnation FROM officesync.office;
DROP TABLE early;
-- What the later tests use to look into the outbox: the lines, without what differs each time.
CREATE FUNCTION lines() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(rtrim(convert_from(o.body, 'UTF8'), E'\n'),
           '"version":1,"office":"head","incarnation":"[0-9a-f]{32}"', '...'),
           '"sequence":\d+', '"sequence":N'), '"commit_time":"[^"]*"', '"commit_time":T')
    FROM officesync.outbox o WHERE NOT o.compressed AND convert_from(o.body, 'UTF8') NOT LIKE '%"op":"track"%' ORDER BY o.sequence
$$;
CREATE PROCEDURE forget() LANGUAGE sql AS $$ DELETE FROM officesync.outbox $$;
