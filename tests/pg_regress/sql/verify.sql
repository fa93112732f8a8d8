-- Comparing and sending again, as the head's functions do it; the way to a branch and back is tested end to end.
\set SHOW_CONTEXT never
SELECT received FROM officesync.receive_hello('vannes', 'inc-v', 'branch', NULL, NULL, 'vannes');
CREATE TABLE public.wares (part text COLLATE "de-x-icu", id int, note text, photo bytea, twice int GENERATED ALWAYS AS (id * 2) STORED,
                           PRIMARY KEY (part, id));
SELECT officesync.track('public.wares');
SELECT officesync.verify_key('public', 'wares'), officesync.verify_columns('public', 'wares'), officesync.verify_key('public', 'nowhere');
INSERT INTO public.wares SELECT chr(97 + n % 3), n, nullif('note ' || n, 'note 7'), decode(md5(n::text), 'hex') FROM generate_series(1, 100) n;
-- A digest is the same however the rows are cut and whatever the order of the columns is.
SELECT upto, rows, ended FROM officesync.range_digests('public', 'wares', '{note}', '{part,id}', NULL, NULL, false, 40, 1000);
SELECT upto, rows, ended FROM officesync.range_digests('public', 'wares', '{note}', '{part,id}', '{b,50}', NULL, true, 1000, 20);
SELECT digest AS all_rows FROM officesync.range_digests('public', 'wares', '{id,note,photo}', '{part,id}', NULL, NULL, false, 1000, 1000) \gset
CREATE TABLE public.copies (photo bytea, note text, extra int, id int, part text, PRIMARY KEY (id, part));
INSERT INTO public.copies SELECT photo, note, 1, id, part FROM public.wares ORDER BY random();
SELECT officesync.track('public.copies');
SELECT rows, digest = :'all_rows' AS equal FROM officesync.range_digests('public', 'copies', '{id,note,photo}', '{part,id}', NULL, NULL, true, 1000, 1000);
UPDATE public.copies SET note = '' WHERE note IS NULL;
SELECT rows, digest = :'all_rows' AS equal FROM officesync.range_digests('public', 'copies', '{id,note,photo}', '{part,id}', NULL, NULL, true, 1000, 1000);
SELECT key, texts FROM officesync.range_rows('public', 'wares', '{id,note}', '{part,id}', '{c,98}', NULL, false, 10);
SELECT key, texts FROM officesync.range_rows('public', 'wares', '{id,note}', '{part,id}', '{b,90}', '{c,5}', false, 10);
SELECT officesync.key_order('public', 'copies', '{id}') = '' AS needs_no_collation, officesync.key_order('public', 'wares', '{part}') <> '' AS needs_one;
-- What may be asked for, and by whom.
SELECT officesync.verify('lyon');
SELECT officesync.verify('vannes', 'nothing');
SELECT officesync.verify('vannes', NULL, 'wish');
SELECT officesync.verify('vannes', 'wares') AS id \gset
SELECT kind, request - 'verification' AS request FROM officesync.reading;
SELECT jsonb_path_query(officesync.verify_report(ARRAY[:id]), '$.offices[*].tables[*]');
-- The answers of a branch that differs in structure, in collation, and then in one row; nonsense is refused.
CREATE PROCEDURE public.answer(answer jsonb) LANGUAGE plpgsql AS $$
DECLARE r officesync.reading; t bigint;
BEGIN
    SELECT * INTO r FROM officesync.reading ORDER BY number LIMIT 1;
    PERFORM officesync.pack(convert_from(officesync.unpack((n).body, 'zstd'), 'UTF8')::bytea) FROM officesync.read_next('{}') n;
    SELECT sent_tick INTO t FROM officesync.reading WHERE number = r.number;
    PERFORM officesync.receive_answer('vannes', 'inc-v', 'vannes', r.number, t, 'taken', answer);
END $$;
CALL public.answer('{"columns": ["id", "note", "part"]}');
CALL public.answer('{"order": true}');
SELECT columns, plain_order, tries, problem FROM officesync.verified_table;
CALL public.answer('{"unequal": [{"part": 0, "rows": 100}]}');
SELECT kind, request -> 'ranges' AS ranges FROM officesync.reading;
CALL public.answer('{"unequal": [{"part": 3, "rows": 7}]}');
SELECT kind, request -> 'ranges' AS ranges FROM officesync.reading;
CALL public.answer('{"differences": [{"kind": "wrong", "key": ["a", "3"]}]}');
CALL public.answer('{"differences": [{"kind": "differs", "key": ["a", "30"], "there": ["30", "another", "a"]}]}');
SELECT key, kind, here, there, repaired_at FROM officesync.difference;
SELECT finished_at IS NOT NULL AS finished FROM officesync.verification;
-- Sending again: ordinary changes, with all columns; to one branch, and then nobody else gets anything, or to all.
SELECT officesync.tick() IS NOT NULL AS tick;
SELECT officesync.resend('public.wares', 'id = 7', 'vannes');
SELECT officesync.tick() AS tick \gset
SELECT convert_from(body, 'UTF8')::jsonb -> 'changes' AS changes FROM officesync.drain(:tick, 0, -1, 0, 'vannes');
SELECT count(body) AS to_others FROM officesync.drain(:tick, 0, -1, 0, 'lyon') WHERE body <> '';
SELECT officesync.resend('public.wares', 'id = 7');
SELECT convert_from(body, 'UTF8')::jsonb -> 'changes' AS changes FROM officesync.drain(officesync.tick(), 0, -1, 0, 'lyon');
SELECT officesync.resend('public.wares', 'id = 7', 'lyon');
CREATE ROLE clerk;
SET ROLE clerk;
SELECT officesync.resend('public.wares');
SELECT officesync.verify();
SELECT officesync.pause();
RESET ROLE;
DROP ROLE clerk;
-- In the background: those not compared for so long, and none twice.
SELECT officesync.verify_in_background('1 hour');
SELECT officesync.verify_in_background('0'), officesync.verify_in_background('0');
-- Pausing: one branch, in either direction, or the whole office.
SELECT officesync.pause('vannes', 'receive');
SELECT origin, state, reason FROM officesync.lanes ORDER BY 1;
SELECT send, receive, branches FROM officesync.paused();
SELECT officesync.resume('vannes', 'receive');
SELECT origin, state FROM officesync.lanes ORDER BY 1;
SELECT officesync.pause('vannes', 'send'), officesync.pause('vannes', 'send');
SELECT send, receive, branches, sent_ticks = ARRAY[(SELECT sent_tick FROM officesync.publisher)] AS from_here FROM officesync.paused();
SELECT problem ~ '^sending to it is paused by ', remedy FROM officesync.check() WHERE object = 'office vannes';
SELECT * FROM officesync.recipients(:tick, ARRAY(SELECT name FROM officesync.peer));
SELECT 'vannes' = ANY (branches) AS vannes, target FROM officesync.recipients(:tick, '{}') WHERE target = 'vannes';
SELECT officesync.resume('vannes', 'receive');
SELECT branches FROM officesync.paused();
SELECT officesync.resume('vannes'), officesync.pause('vannes');
SELECT state, branches FROM officesync.lanes, officesync.paused() WHERE origin = 'vannes';
SELECT officesync.resume('vannes');
SELECT state, branches FROM officesync.lanes, officesync.paused() WHERE origin = 'vannes';
SELECT officesync.pause('nowhere', 'send');
SELECT officesync.pause(direction => 'send');
SELECT send, receive FROM officesync.paused();
SELECT officesync.pause(direction => 'nowhere');
SELECT problem, remedy FROM officesync.check() WHERE object = 'officesync.paused';
SELECT officesync.resume();
SELECT send, receive FROM officesync.paused();
SELECT officesync.pause('vannes', 'send');
SELECT officesync.remove_branch('vannes');
SELECT branches FROM officesync.paused();
SELECT count(*) FROM officesync.verification;
-- Who has left is not let in again in this life of its database.
SELECT * FROM officesync.queues_to_delete() q WHERE q = 'vannes';
SELECT officesync.queue_deleted('vannes');
SELECT count(*) FROM officesync.queues_to_delete() q WHERE q = 'vannes';
SELECT received FROM officesync.receive_hello('vannes', 'inc-v', 'branch', NULL, NULL, 'vannes');
SELECT officesync.readmit_branch('vannes');
SELECT officesync.readmit_branch('vannes');
SELECT received FROM officesync.receive_hello('vannes', 'inc-v', 'branch', NULL, NULL, 'vannes');
UPDATE officesync.peer SET last_seen_at = clock_timestamp() - interval '3 days' WHERE name = 'vannes';
SELECT problem ~ '^it has not been seen since .*; 0 bytes is kept for it' AS silent FROM officesync.check() WHERE object = 'office vannes';
-- At a branch a reading is taken at its place in the log only, from the head only; nothing is raised.
UPDATE officesync.peer SET role = 'head', applied_tick = 7 WHERE name = 'vannes';
CREATE FUNCTION officesync.take_probe(bigint, tick bigint, body bytea) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT jsonb_build_object('tick', tick, 'body', convert_from(body, 'UTF8')) $$;
CREATE PROCEDURE public.offer(incarnation text, tick bigint, kind text, sender text, encoding text DEFAULT 'identity') LANGUAGE plpgsql AS $$
DECLARE taken record;
BEGIN
    SELECT * INTO taken FROM officesync.take_reading('vannes', incarnation, tick, kind, 1, sender, encoding, 'read');
    RAISE NOTICE '% %', taken.outcome, taken.answer;
END $$;
CALL public.offer('inc-v', 7, 'probe', 'vannes');
CALL public.offer('inc-v', 6, 'probe', 'vannes');
CALL public.offer('inc-v', 8, 'probe', 'vannes');
CALL public.offer('inc-w', 7, 'probe', 'vannes');
CALL public.offer('inc-v', 7, 'unheard_of', 'vannes');
CALL public.offer('inc-v', 7, 'probe', 'vannes', 'zstd');
CALL public.offer('inc-v', 7, 'probe', 'mallory');
SELECT reason FROM officesync.quarantine ORDER BY id DESC LIMIT 1;
INSERT INTO officesync.halted (origin, tick, sqlstate, reason) VALUES ('vannes', 8, '22000', 'halted');
CALL public.offer('inc-v', 7, 'probe', 'vannes');
DELETE FROM officesync.halted;
INSERT INTO officesync.inbox VALUES ('vannes', 8, 1, false, now(), now(), 'identity', false, 'part');
CALL public.offer('inc-v', 7, 'probe', 'vannes');
UPDATE officesync.peer SET role = 'branch' WHERE name = 'vannes';
DROP PROCEDURE public.offer; DROP FUNCTION officesync.take_probe(bigint, bigint, bytea);
SELECT officesync.remove_branch('vannes');
DROP PROCEDURE public.answer; DROP TABLE public.wares, public.copies;
CALL forget();
