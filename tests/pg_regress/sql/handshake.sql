-- Hello, welcome and positions, at the head.
\set SHOW_CONTEXT never
SELECT * FROM officesync.receive_hello('nice', 'another', 'branch', NULL, NULL, 'nice');
SELECT * FROM officesync.receive_hello('nice', 'inc-2', 'branch', NULL, NULL, 'mallory');
SELECT * FROM officesync.receive_hello('head', 'inc-2', 'branch', NULL, NULL, 'head');
SELECT * FROM officesync.receive_hello('Paris!', 'inc-2', 'branch', NULL, NULL, 'x');
SELECT received, received_incarnation FROM officesync.receive_hello('nice', 'inc-2', 'branch', NULL, NULL, 'nice');
-- A position counts only if it speaks of this head's log, and never goes back.
UPDATE officesync.peer SET acknowledged_tick = 0;
SELECT max(number) AS last FROM officesync.tick \gset
SELECT officesync.receive_position('nice', 'inc-2', 'nice', 1, 'some other head');
SELECT officesync.receive_position('nice', 'wrong', 'nice', 1, (SELECT incarnation FROM officesync.office));
SELECT officesync.receive_position('nice', 'inc-2', 'mallory', :last, (SELECT incarnation FROM officesync.office));
SELECT acknowledged_tick FROM officesync.peer WHERE name = 'nice';
SELECT officesync.receive_position('nice', 'inc-2', 'nice', :last, (SELECT incarnation FROM officesync.office));
SELECT officesync.receive_position('nice', 'inc-2', 'nice', :last - 1, (SELECT incarnation FROM officesync.office));
SELECT officesync.receive_position('nice', 'inc-2', 'nice', :last + 1000, (SELECT incarnation FROM officesync.office));
SELECT acknowledged_tick = :last AS acknowledged FROM officesync.peer WHERE name = 'nice';
-- A hello carries a position as well.
UPDATE officesync.peer SET acknowledged_tick = 0 WHERE name = 'nice';
SELECT start FROM officesync.receive_hello('nice', 'inc-2', 'branch', 1, (SELECT incarnation FROM officesync.office), 'nice');
SELECT acknowledged_tick FROM officesync.peer WHERE name = 'nice';
SELECT officesync.receive_position('nice', 'inc-2', 'nice', :last, (SELECT incarnation FROM officesync.office));
-- Pruning waits for the slowest branch.
SELECT officesync.settle(:last);
SELECT officesync.prune();
SELECT min(number) FROM officesync.tick;
SELECT officesync.remove_branch('paris');
SELECT officesync.remove_branch('lyon');
SELECT officesync.prune() >= 0 AS pruned;
SELECT min(number) = :last AS boundary_kept, count(*) FROM officesync.tick;
-- A branch that comes after pruning starts now.
SELECT start = :last AS starts_now, resend_from FROM officesync.receive_hello('lille', 'inc-3', 'branch', NULL, NULL, NULL);
-- One that was left behind goes on now, until it is known to have done so; put back later, it asks for what it lacks.
DELETE FROM officesync.schema_history;
UPDATE officesync.peer SET left_behind_at = now() WHERE name = 'nice';
SELECT start = :last AS starts_now, rejoins FROM officesync.receive_hello('nice', 'inc-2', 'branch', 1, (SELECT incarnation FROM officesync.office), 'nice');
SELECT start = :last AS starts_now, rejoins FROM officesync.receive_hello('nice', 'inc-2', 'branch', 1, (SELECT incarnation FROM officesync.office), 'nice');
SELECT left_behind_at, rejoin_tick = :last AS noted FROM officesync.peer WHERE name = 'nice';
SELECT mode FROM officesync.verification WHERE office = 'nice';
UPDATE officesync.peer SET rejoin_tick = :last - 1 WHERE name = 'nice';
SELECT rejoins FROM officesync.receive_hello('nice', 'inc-2', 'branch', 1, (SELECT incarnation FROM officesync.office), 'nice');
SELECT officesync.remove_branch('lille'), officesync.remove_branch('nice');
