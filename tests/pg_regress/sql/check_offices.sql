-- What the offices tell one another of their tables, and how check() compares.
\set SHOW_CONTEXT never
SELECT received FROM officesync.receive_hello('rouen', 'inc-1', 'branch', NULL, NULL, 'rouen');
CREATE TABLE orders (id int PRIMARY KEY, amount numeric(10,2) NOT NULL, "the note" text, twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
CREATE TABLE prices (item text, day date, price numeric, PRIMARY KEY (day, item));
CREATE TABLE visits (at timestamptz NOT NULL, who text);
SELECT officesync.track('orders');
SELECT officesync.track('prices', 'down');
SELECT jsonb_array_elements(officesync.table_definitions());
SELECT length(digest), definitions IS NOT NULL AS told FROM officesync.tell_tables(NULL);
SELECT definitions FROM officesync.tell_tables((SELECT digest FROM officesync.tell_tables(NULL)));
SELECT definitions IS NOT NULL AS told FROM officesync.tell_tables(NULL, 'rouen', 'inc-1', 'rouen');
SELECT definitions FROM officesync.tell_tables(NULL, 'rouen', 'inc-1', 'mallory');
-- A peer that has not told us anything is not compared.
SELECT officesync.held_tables('rouen');
SELECT * FROM officesync.check();
-- Our own definitions with a change: as if the other office had told us so.
CREATE FUNCTION tells(change jsonb[], digest text DEFAULT gen_random_uuid()::text) RETURNS boolean LANGUAGE sql AS $$
    SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', digest, coalesce(array_to_json(change), '[]')::text)
$$;
CREATE FUNCTION ours(name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT d FROM jsonb_array_elements(officesync.table_definitions()) d WHERE d -> 'table' ->> 1 = name
$$;
SELECT tells(ARRAY[ours('orders'), ours('prices')], 'a'), tells(NULL, 'a'), officesync.held_tables('rouen');
SELECT * FROM officesync.check();
-- Not tracked there; tracked there only.
SELECT tells(ARRAY[ours('orders'), jsonb_set(ours('prices'), '{table,1}', '"visits"')]);
SELECT * FROM officesync.check();
-- Direction and key.
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{key}', 'null'), jsonb_set(ours('prices'), '{direction}', '"both"')]);
SELECT * FROM officesync.check();
-- A type, a column there only, a column here only, NOT NULL, and generated.
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{columns,amount}', '"double precision"'), ours('prices')]);
SELECT * FROM officesync.check();
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{columns,more}', '"text"'), jsonb_set(ours('prices'), '{columns,more}', '"text"')]);
SELECT * FROM officesync.check();
SELECT tells(ARRAY[ours('orders') #- '{columns,the note}' #- '{columns,twice}', ours('prices') #- '{columns,price}']);
SELECT * FROM officesync.check();
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{not_null}', '["the note", "id"]'), jsonb_set(ours('prices'), '{not_null}', '["day"]')]);
SELECT * FROM officesync.check();
SELECT tells(ARRAY[ours('orders') - 'generated', jsonb_set(ours('prices'), '{generated}', '["price"]')]);
SELECT * FROM officesync.check();
-- The labels of an enum.
CREATE TYPE mood AS ENUM ('sad', 'happy');
ALTER TABLE orders ADD mood mood, ADD moods mood[];
ALTER TABLE prices ADD mood mood;
SELECT ours('orders') -> 'enums';
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{enums,moods}', '["happy", "elated"]'), jsonb_set(ours('prices'), '{enums,mood}', '["happy", "sad", "elated"]')]);
SELECT * FROM officesync.check();
ALTER TABLE orders DROP mood, DROP moods;
ALTER TABLE prices DROP mood;
DROP TYPE mood;
-- What another office calls a type gets into no statement unless it is one.
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{columns}', ours('orders') -> 'columns'
    || '{"amount": "int, DROP COLUMN id", "more": "text; DROP TABLE orders"}'), ours('prices')]);
SELECT * FROM officesync.check();
-- Made alike here, it is found no longer.
SELECT tells(ARRAY[jsonb_set(ours('orders'), '{columns,the note}', '"character varying(20)"'), ours('prices')]);
SELECT * FROM officesync.check();
ALTER TABLE orders ALTER "the note" TYPE varchar(20);
SELECT count(*) FROM officesync.check();
SELECT tells(ARRAY[ours('orders'), ours('prices')], 'b');
SELECT count(*) FROM officesync.peer_tables;
-- Nothing is taken on trust.
SELECT officesync.receive_tables('nobody', 'inc-1', 'rouen', 'c', '[]');
SELECT officesync.receive_tables('rouen', 'inc-2', 'rouen', 'c', '[]');
SELECT officesync.receive_tables('rouen', 'inc-1', 'mallory', 'c', '[]');
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', NULL, '[]');
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', E'c\n', '[]');
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', 'c', NULL);
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', 'c', '{"a":1}');
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', 'c', 'no json');
\set VERBOSITY sqlstate
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', 'c', repeat('[', 100000));
\set VERBOSITY default
SELECT officesync.receive_tables('rouen', 'inc-1', 'rouen', 'c', '"' || repeat('x', 8000000) || '"');
SELECT tells(ARRAY[ours('orders'), ours('orders')]);
SELECT v AS refused FROM unnest(ARRAY[
    'null', '1', '[]', '{}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[1]}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":"a"}',
    '{"table":["a"],"direction":"both","columns":{},"key":[]}',
    '{"table":["a",""],"direction":"both","columns":{},"key":[]}',
    '{"table":["a","b"],"direction":null,"columns":{},"key":[]}',
    '{"table":["a","b"],"direction":"across","columns":{},"key":[]}',
    '{"table":["a","b"],"direction":"both","columns":[],"key":[]}',
    '{"table":["a","b"],"direction":"both","columns":{"c":null},"key":[]}',
    '{"table":["a","b"],"direction":"both","columns":{"":"text"},"key":[]}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[],"not_null":{}}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[],"generated":[null]}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[],"enums":[]}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[],"enums":{"a":"b"}}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[],"enums":{"a":[1]}}',
    '{"table":["a","b"],"direction":"both","columns":{},"key":[],"more":1}']::jsonb[]) v
WHERE officesync.is_table_definition(v) IS NOT TRUE;
SELECT officesync.is_table_definition('{"table":["a","b"],"direction":"up","columns":{"c":"text"},"key":null,"x_more":1}');
SELECT officesync.is_table_definition(jsonb_set(ours('orders'), '{columns,c}', to_jsonb(repeat('x', 513))));
SELECT officesync.held_tables('rouen'), count(*) FROM officesync.peer_tables;
-- An office that is removed leaves nothing behind.
SELECT officesync.remove_branch('rouen');
SELECT count(*) FROM officesync.peer_tables;
DROP TABLE orders, prices, visits;
DROP FUNCTION tells, ours;
CALL forget();
