-- Tables that only one side authors. This office is the head.
\set SHOW_CONTEXT never
CREATE TABLE prices (id int PRIMARY KEY, price numeric);
CREATE TABLE visits (id int PRIMARY KEY);
SELECT officesync.track('prices', 'down');
SELECT officesync.track('visits', 'up');
INSERT INTO prices VALUES (1, 9.90);
INSERT INTO visits VALUES (1);
TRUNCATE visits;
SELECT lines();
CALL forget();
DROP TABLE prices, visits;
