-- The shop every demo and load test runs in. Keys are uuids, or hold the office's name, so that two offices never
-- make the same key; every office changes its own rows only.

CREATE TABLE products (
    id    uuid PRIMARY KEY,
    name  text NOT NULL,
    price numeric(10, 2) NOT NULL
);

CREATE TABLE customers (
    id     uuid PRIMARY KEY,
    office text NOT NULL,
    name   text NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE stock (
    office   text NOT NULL,
    shelf    int NOT NULL,
    quantity int NOT NULL,
    PRIMARY KEY (office, shelf)
);

CREATE TABLE product_sales (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    date       date,
    region     varchar,
    product    varchar,
    quantity   int,
    cost       float8,
    amount     float8,
    tax        float8,
    total      float8,
    updated_at timestamptz DEFAULT now()
);

-- Each transaction of an office adds one to its own line: a change applied twice or never shows here.
CREATE TABLE counters (
    office text PRIMARY KEY,
    value  bigint NOT NULL
);
