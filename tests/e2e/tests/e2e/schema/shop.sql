CREATE TYPE rank AS ENUM ('new', 'regular');
CREATE TABLE shops (name text PRIMARY KEY, city text);
CREATE TABLE customers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, office text NOT NULL, rank rank DEFAULT 'new');
CREATE TABLE sales (id uuid PRIMARY KEY, office text NOT NULL, cents int NOT NULL, at timestamptz DEFAULT now(), obsolete text);
CREATE TABLE prices (article int, valid date, price numeric(8, 2), PRIMARY KEY (article, valid)) PARTITION BY RANGE (valid);
CREATE TABLE prices_2024 PARTITION OF prices FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), line text);
CREATE TABLE old (id int PRIMARY KEY);
