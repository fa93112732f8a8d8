-- The tables whose changes travel, one row each.
CREATE VIEW officesync.tracked_tables AS
SELECT t.relation AS "table", t.direction,
       (SELECT count(*) FROM pg_catalog.pg_partition_tree(t.relation) p WHERE p.isleaf AND p.level > 0) AS partitions,
       t.tracked_at, t.tracked_by, t.branch_column, t.branch_path
FROM officesync.tracked t;
