-- track() and untrack() of what can be tracked.
\set SHOW_CONTEXT never
CREATE TABLE orders (id int PRIMARY KEY, note text);
SELECT officesync.track('orders');
SELECT officesync.track('orders');                  -- a notice
SELECT "table", direction, partitions FROM officesync.tracked_tables;
SELECT officesync.track('orders', 'down');
SELECT "table", direction, partitions FROM officesync.tracked_tables;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY 1;
SELECT officesync.untrack('orders');
SELECT officesync.untrack('orders');                -- a notice
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass;
-- A partitioned table brings its partitions, those to come as well.
CREATE TABLE sales (region text, id int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE sales_north PARTITION OF sales FOR VALUES IN ('north');
SELECT officesync.track('sales');
CREATE TABLE sales_south PARTITION OF sales FOR VALUES IN ('south');
SELECT "table", direction, partitions FROM officesync.tracked_tables;
INSERT INTO sales VALUES ('north', 1), ('south', 2);
INSERT INTO sales_south VALUES ('south', 3);
SELECT lines();
CALL forget();
-- The remedy that check() names is the cure.
SELECT object, problem FROM officesync.check();
SELECT officesync.track('sales');
SELECT object, problem FROM officesync.check();
-- A table that is dropped is tracked no longer.
DROP TABLE sales;
SELECT "table" FROM officesync.tracked_tables;
-- A unique index can be the key.
CREATE TABLE coded (code text NOT NULL, label text);
CREATE UNIQUE INDEX coded_code ON coded (code);
ALTER TABLE coded REPLICA IDENTITY USING INDEX coded_code;
SELECT officesync.track('coded');
INSERT INTO coded VALUES ('a', 'A');
SELECT lines();
CALL forget();
SELECT officesync.untrack('coded', force => true);
DROP TABLE orders, coded;
