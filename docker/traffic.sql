-- One transaction of an office (pgbench -D office=...): a sale, stock, and its own line of the counters.
\set shelf random(1, 30)
\set sale random(1, 1000000)
BEGIN;
INSERT INTO product_sales (date, region, product, quantity, cost, amount, tax, total)
    VALUES (current_date, ':office', 'product ' || :shelf, 1 + :sale % 9, :sale / 100.0, :sale / 90.0, 0.2, :sale / 75.0);
INSERT INTO stock VALUES (':office', :shelf * 10 + :client_id, 100)
    ON CONFLICT (office, shelf) DO UPDATE SET quantity = stock.quantity - 1;
INSERT INTO counters VALUES (':office/:client_id', 1) ON CONFLICT (office) DO UPDATE SET value = counters.value + 1;
DELETE FROM product_sales WHERE id = (SELECT id FROM product_sales WHERE region = ':office' LIMIT 1) AND :sale % 10 = 0;
COMMIT;
