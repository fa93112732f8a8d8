-- Flyway and sqlx send a script in one string, with whatever is in it; Flyway within a transaction of its own.
CREATE TABLE invoices (
    id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number text NOT NULL, -- ; not the end
    total  numeric(10, 2) NOT NULL CHECK (total >= 0)
);
CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version text, script text, success boolean);
SELECT officesync.track('invoices');
INSERT INTO invoices (number, total) VALUES ('A;1', 10), ('A''2', 20);

-- the branch is away from here on
BEGIN;
DO $migration$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['street', 'city'] LOOP
        EXECUTE format('ALTER TABLE invoices ADD COLUMN %I text; COMMENT ON COLUMN invoices.%1$I IS %L', part, part || '; of the customer');
    END LOOP;
END
$migration$;
CREATE OR REPLACE FUNCTION pg_temp.in_cents(numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT ($1 * 100)::bigint; $$;
/* the total; in cents /* from now on; */ */
ALTER TABLE invoices
    DROP CONSTRAINT IF EXISTS invoices_total_check,
    ALTER COLUMN total TYPE bigint USING (total * 100)::bigint;
ALTER TABLE invoices RENAME total TO cents; UPDATE invoices SET city = 'Nantes' WHERE pg_temp.in_cents(1) = 100;
ALTER TABLE invoices ADD COLUMN paid_at timestamptz, ADD CONSTRAINT number_is_new UNIQUE (number) DEFERRABLE;
CREATE TYPE terms AS ENUM ('now', '30 days');
ALTER TABLE invoices ADD COLUMN terms terms NOT NULL DEFAULT 'now';
INSERT INTO invoices (number, cents, terms) VALUES ('A3', 3000, '30 days');
INSERT INTO flyway_schema_history VALUES (2, '2', 'V2__cents.sql', true);
COMMIT;
