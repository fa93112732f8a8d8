-- The demo's tables, both ways.
SELECT officesync.track(t::regclass, 'both') FROM unnest('{products,customers,stock,product_sales,counters}'::text[]) t;
