-- A statement of the head is run with the rights of the table's owner, and only if it may be.
\set SHOW_CONTEXT never
CREATE ROLE shopkeeper;
CREATE SCHEMA shop AUTHORIZATION shopkeeper;
CREATE TABLE shop.goods (id int PRIMARY KEY, name text);
ALTER TABLE shop.goods OWNER TO shopkeeper;
CREATE TABLE shop.private (id int PRIMARY KEY);
SELECT officesync.track('shop.goods');
-- Twice the same is once.
SELECT officesync.run_ddl('ALTER TABLE goods ADD COLUMN price numeric DEFAULT 1', '{nowhere,shop}');
SELECT officesync.run_ddl('ALTER TABLE goods ADD COLUMN price numeric DEFAULT 1', '{nowhere,shop}');
SELECT officesync.run_ddl('CREATE INDEX CONCURRENTLY goods_name ON shop.goods (name)');
SELECT officesync.run_ddl('CREATE INDEX CONCURRENTLY goods_name ON shop.goods (name)');
SELECT officesync.run_ddl('DROP INDEX CONCURRENTLY shop.goods_name');
SELECT officesync.run_ddl('DROP INDEX CONCURRENTLY shop.goods_name');
SELECT officesync.run_ddl('ALTER TABLE goods ADD COLUMN size int, OWNER TO postgres', '{shop}');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shop.goods'::regclass AND attnum > 0;
SELECT relowner::regrole FROM pg_class WHERE oid = 'shop.goods'::regclass;
-- New objects are the database owner's, and may be completed before they are tracked.
BEGIN;
SELECT officesync.run_ddl('CREATE TYPE mood AS ENUM (''good'')', '{shop}');
SELECT officesync.run_ddl('CREATE TYPE mood AS ENUM (''good'')', '{shop}');
SELECT officesync.run_ddl('CREATE TABLE made (id int PRIMARY KEY, m mood)', '{shop}');
SELECT officesync.run_ddl('ALTER TABLE made ADD CHECK (id > 0)', '{shop}');
SELECT officesync.run_ddl('CREATE INDEX made_m ON made (m)', '{shop}');
SELECT officesync.track('shop.made');
COMMIT;
SELECT officesync.run_ddl('ALTER TYPE mood ADD VALUE ''bad''', '{shop}');
SELECT officesync.run_ddl('ALTER TYPE mood ADD VALUE ''bad''', '{shop}');
SELECT enum_range(NULL::shop.mood);
-- What may not run.
SELECT officesync.run_ddl('');
SELECT officesync.run_ddl('ALTER TABLE goods ADD COLUMN a int; DROP TABLE private', '{shop}');
SELECT officesync.run_ddl('ALTER TABL goods', '{shop}');
SELECT officesync.run_ddl('ALTER TABLE private ADD COLUMN a int', '{shop}');
SELECT officesync.run_ddl('ALTER TABLE nowhere ADD COLUMN a int', '{shop}');
SELECT officesync.run_ddl('ALTER TABLE goods OWNER TO postgres', '{shop}');
SELECT officesync.run_ddl('DO $$ BEGIN RAISE NOTICE ''ran''; END $$');
SELECT officesync.run_ddl('CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''SELECT 1''', '{shop}');
SELECT officesync.run_ddl('DELETE FROM goods', '{shop}');
SELECT officesync.run_ddl('SELECT 1');
SELECT officesync.run_ddl('ALTER SYSTEM SET fsync = off');
SELECT officesync.run_ddl('GRANT ALL ON goods TO PUBLIC', '{shop}');
SELECT officesync.run_ddl('ALTER TABLE pg_catalog.pg_authid ADD COLUMN a int');
SELECT officesync.run_ddl('ALTER TABLE officesync.tracked ADD COLUMN a int');
SELECT officesync.run_ddl('ALTER ROLE shopkeeper SUPERUSER');
-- The owner's rights, and no more: an expression that needs others fails.
SELECT officesync.run_ddl('ALTER TABLE goods ALTER name TYPE int USING (SELECT count(*) FROM pg_authid)::int', '{shop}');
INSERT INTO shop.goods VALUES (1, 'tea');
CREATE FUNCTION shop.spy(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_user; END $$;
SELECT officesync.run_ddl('ALTER TABLE goods ALTER name TYPE text USING spy(name)', '{shop}');
SELECT name FROM shop.goods;
-- A DROP takes only what is tracked.
SELECT officesync.run_ddl('DROP TABLE private, made', '{shop}');
SELECT to_regclass('shop.private'), to_regclass('shop.made');
-- A kind by its switch.
SELECT officesync.set_ddl_kind('index', false);
SELECT officesync.run_ddl('CREATE INDEX goods_name ON shop.goods (name)');
SELECT officesync.set_ddl_kind('index', true);
SELECT officesync.set_ddl_kind('function', true);
SELECT tick, table_name, what, "column", old_type, new_type FROM officesync.schema_history WHERE schema_name = 'shop';
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP ROLE shopkeeper;
CALL forget();
