-- What the tables hold: rows, and a sum over the rows' hashes that does not depend on their order.
SET datestyle = 'ISO, MDY'; SET extra_float_digits = 3; SET timezone = 'UTC';
SELECT 'products', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM products t UNION ALL
SELECT 'customers', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM customers t UNION ALL
SELECT 'stock', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM stock t UNION ALL
SELECT 'product_sales', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM product_sales t UNION ALL
SELECT 'counters', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM counters t ORDER BY 1;
