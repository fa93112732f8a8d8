-- Apply has settings of its own, whatever the session's are, and leaves those as they were, also after an error.
\set SHOW_CONTEXT never
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('ornans', 'inc-1', 'branch', NULL, NULL, 'ornans');
CREATE TABLE set_here (id int PRIMARY KEY, iv interval, x xml);
SELECT officesync.track('set_here');
CREATE FUNCTION apply_row(tick bigint, new_row text) RETURNS text LANGUAGE sql AS $$
    SELECT outcome FROM officesync.apply('ornans', 'inc-1', tick, tick - 1, 1, true, 0, NULL, NULL, 'ornans', 'identity', convert_to(
        '{"version":1,"office":"ornans","incarnation":"inc-1","sequence":1,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00",'
        || '"changes":[{"table":["public","set_here"],"op":"insert","columns":["id","iv","x"],"key":["id"],"rows":[' || new_row || E']}]}\n', 'UTF8')) $$;
CREATE FUNCTION settings() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN ('DateStyle', 'IntervalStyle', 'TimeZone',
        'lc_monetary', 'xmloption', 'extra_float_digits', 'bytea_output', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit',
        'plan_cache_mode', 'deadlock_timeout', 'lock_timeout', 'session_replication_role') $$;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', public.settings(); RETURN NULL; END $$;
CREATE TRIGGER z_tell AFTER INSERT ON set_here FOR EACH ROW EXECUTE FUNCTION tell();
ALTER TABLE set_here ENABLE ALWAYS TRIGGER z_tell;
SET DateStyle = 'German, DMY'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Asia/Kolkata'; SET lc_monetary = 'C.UTF-8'; SET xmloption = document;
SET extra_float_digits = 0; SET bytea_output = escape; SET deadlock_timeout = '7s'; SET lock_timeout = '8s'; SET plan_cache_mode = force_custom_plan;
SELECT settings() AS before \gset
SELECT apply_row(1, '["1","-1 days +02:03:04","a <b/>"]');
SELECT settings() = :'before' AS as_before;
SELECT apply_row(2, '["2","soon",null]');
SELECT settings() = :'before' AS as_before;
RESET DateStyle; RESET IntervalStyle; RESET TimeZone; RESET lc_monetary; RESET xmloption; RESET extra_float_digits; RESET bytea_output;
RESET deadlock_timeout; RESET lock_timeout; RESET plan_cache_mode;
SELECT * FROM set_here;
DROP TABLE set_here;
DROP FUNCTION apply_row, settings, tell;
SELECT officesync.remove_branch('ornans');
CALL forget();
