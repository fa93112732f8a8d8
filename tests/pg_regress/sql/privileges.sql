-- Who may do what.
\set SHOW_CONTEXT never
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'officesync'::regnamespace
  AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1;
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'officesync'::regnamespace AND c.relkind IN ('r', 'v', 'S')
  AND (CASE WHEN c.relkind = 'S' THEN false ELSE has_table_privilege('public', c.oid, 'SELECT') END) ORDER BY 1;
-- Nothing runs with an open search path.
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'officesync'::regnamespace AND p.prosecdef
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=pg_catalog, pg_temp') ORDER BY 1;
CREATE ROLE clerk; CREATE ROLE courier; CREATE ROLE watcher;
GRANT CREATE ON SCHEMA public TO clerk;
SET ROLE clerk;
CREATE TABLE public.mine (id int PRIMARY KEY, x text);
SELECT officesync.track('public.mine');
INSERT INTO public.mine VALUES (1, 'captured without a right on the outbox');
SELECT count(*) FROM officesync.outbox;
SELECT officesync.tick();
SELECT officesync.set_office('x', 'head');
SELECT officesync.grant_relay('clerk');
SELECT officesync.retry('lyon');
SELECT officesync.skip('lyon', 1);
SELECT * FROM officesync.offices;
RESET ROLE;
SELECT officesync.grant_relay('courier');
SELECT officesync.grant_monitor('watcher');
SET ROLE courier;
SELECT office, role FROM officesync.relay_start('0.1.0');
SELECT officesync.relay_start('9.9.0');
SELECT officesync.tick() IS NOT NULL AS tick;
SELECT count(*) FROM officesync.outbox_status;
SELECT * FROM public.mine;
SELECT * FROM officesync.office;
RESET ROLE;
SET ROLE watcher;
SELECT count(*) >= 0 AS readable FROM officesync.offices, officesync.tracked_tables, officesync.lanes, officesync.outbox_status;
SELECT count(*) FROM officesync.check();
SELECT officesync.tick();
RESET ROLE;
-- What arrives is written with the rights of the table's owner: a function of hers is no way up.
SELECT received FROM officesync.receive_hello('metz', 'inc-1', 'branch', NULL, NULL, NULL);
SET ROLE clerk;
CREATE FUNCTION public.who() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'checked as %', current_user; RETURN true; END $$;
ALTER TABLE public.mine ADD CHECK (public.who());
RESET ROLE;
SELECT outcome FROM officesync.apply('metz', 'inc-1', 1, 0, 1, true, 0, NULL, NULL, NULL, 'identity',
    convert_to('{"version":1,"office":"metz","incarnation":"inc-1","sequence":1,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00","changes":[{"table":["public","mine"],"op":"insert","columns":["id","x"],"key":["id"],"rows":[["2","b"]]}]}', 'UTF8'));
SELECT officesync.remove_branch('metz');
DROP TABLE public.mine; DROP FUNCTION public.who;
DROP OWNED BY clerk, courier, watcher; DROP ROLE clerk, courier, watcher;
CALL forget();
