-- What can't be applied halts its own lane, and only an operator lets it go on.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text, y int);
CREATE FUNCTION only_positive() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.y < 0 THEN RAISE 'y is negative'; END IF; RETURN NEW; END $$;
CREATE TRIGGER only_positive BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION only_positive();
ALTER TABLE t ENABLE ALWAYS TRIGGER only_positive;
SELECT officesync.track('t');
SELECT * FROM send(9, rows_of('insert', '["1","a",-1]'));
SELECT officesync.halt_lane('lyon', 9, 'P0001', 'y is negative');
SELECT * FROM send(9, rows_of('insert', '["1","a",-1]'));
SELECT * FROM send(10, rows_of('insert', '["2","b",2]'));
SELECT origin, state, applied_tick, halted_tick, sqlstate, reason, waiting_ticks FROM officesync.lanes WHERE origin = 'lyon';
SELECT object LIKE 'office lyon' AS found, problem ~ 'halted at tick 9' AS problem, remedy FROM officesync.check();
SELECT outcome, position, changes, detail FROM officesync.apply_staged('lyon');
SELECT * FROM officesync.staged_lanes();
-- Others flow.
SELECT received FROM officesync.receive_hello('nice', 'inc-2', 'branch', NULL, NULL, 'nice');
SELECT outcome FROM officesync.apply('nice', 'inc-2', 1, 0, 1, true, 0, NULL, NULL, 'nice', 'identity',
    convert_to('{"version":1,"office":"nice","incarnation":"inc-2","sequence":1,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00","changes":[]}', 'UTF8'));
-- Retry without a cure, then skip with a record.
SELECT officesync.retry('lyon');
SELECT * FROM officesync.staged_lanes();
SELECT outcome, position, changes, detail FROM officesync.apply_staged('lyon');
SELECT officesync.halt_lane('lyon', 9, 'P0001', 'y is negative');
SELECT officesync.skip('paris', 9);
SELECT officesync.skip('nice', 2);
SELECT officesync.skip('lyon', 8);
SELECT officesync.skip('lyon', NULL);
SELECT officesync.skip('lyon', 9);
SELECT origin, tick, part, reason FROM officesync.quarantine WHERE tick = 9 AND reason LIKE 'skipped%';
SELECT outcome, "position", changes FROM officesync.apply_staged('lyon');
SELECT * FROM t;
SELECT officesync.retry('lyon');                    -- a notice
SELECT officesync.retry('paris');
CALL forget();
DROP TABLE t;
DROP FUNCTION only_positive;
CALL forget();
