ALTER TABLE customers ADD COLUMN email text

ALTER TABLE customers ADD COLUMN points int NOT NULL DEFAULT 3; ALTER TABLE customers ALTER COLUMN points DROP DEFAULT

ALTER TABLE customers RENAME COLUMN name TO full_name

ALTER TABLE customers RENAME TO clients

CREATE INDEX CONCURRENTLY clients_email ON clients (email)

BEGIN; INSERT INTO log (line) VALUES ('before'); ALTER TABLE log ADD COLUMN level int; UPDATE log SET level = 1; INSERT INTO log (line, level) VALUES ('after', 2); COMMIT

ALTER TABLE sales ALTER COLUMN cents TYPE bigint

ALTER TABLE sales ALTER COLUMN cents TYPE numeric(12, 2) USING cents::numeric

ALTER TABLE sales RENAME COLUMN cents TO amount

ALTER TABLE sales DROP COLUMN obsolete

ALTER TABLE sales ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()

ALTER TABLE sales ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID

ALTER TABLE sales VALIDATE CONSTRAINT positive

ALTER TYPE rank ADD VALUE 'gold'

UPDATE clients SET rank = 'gold' WHERE office = 'head'

ALTER TYPE rank RENAME VALUE 'gold' TO 'golden'

DO $$ DECLARE c text; BEGIN FOREACH c IN ARRAY '{street,zip,country}'::text[] LOOP EXECUTE format('ALTER TABLE shops ADD COLUMN %I text', c); END LOOP; END $$

ALTER TABLE shops ALTER COLUMN country SET DEFAULT 'FR', ALTER COLUMN zip TYPE varchar(10)

UPDATE shops SET country = DEFAULT

ALTER TABLE shops ALTER COLUMN country SET NOT NULL

CREATE TABLE prices_2025 PARTITION OF prices FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); INSERT INTO prices VALUES (1, '2025-06-01', 9.99)

BEGIN; CREATE TABLE prices_2023 (LIKE prices INCLUDING ALL); INSERT INTO prices_2023 VALUES (1, '2023-06-01', 8.88), (2, '2023-06-01', 7.77); ALTER TABLE prices ATTACH PARTITION prices_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01'); COMMIT

ALTER TABLE prices DETACH PARTITION prices_2024

CREATE TABLE tags (id int PRIMARY KEY, client uuid REFERENCES clients, tag text UNIQUE); SELECT officesync.track('tags', 'down'); INSERT INTO tags VALUES (1, NULL, 'first')

ALTER TABLE tags ADD COLUMN doubled int GENERATED ALWAYS AS (id * 2) STORED

COMMENT ON TABLE tags IS 'what clients are called'

BEGIN; SAVEPOINT s; ALTER TABLE tags ADD COLUMN wrong int; ROLLBACK TO s; ALTER TABLE tags ADD COLUMN checked boolean DEFAULT true; INSERT INTO tags (id, tag) VALUES (2, 'second'); COMMIT

CREATE SCHEMA archive; ALTER TABLE sales SET SCHEMA archive; ALTER DATABASE office SET search_path = public, archive; SET search_path = public, archive

DROP INDEX clients_email; CREATE UNIQUE INDEX clients_id_email ON clients (id, email)

ALTER TABLE clients REPLICA IDENTITY FULL; ALTER TABLE clients REPLICA IDENTITY DEFAULT

DROP TABLE old

TRUNCATE log; ALTER TABLE log ALTER COLUMN level SET DEFAULT 0; INSERT INTO log (line) VALUES ('last')
