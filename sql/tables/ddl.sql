-- Which kinds of schema changes travel: at the head whether they are sent, at a branch whether they are run.
-- Written by set_ddl_kind().
CREATE TABLE officesync.ddl_kind (
    kind    text    PRIMARY KEY,
    travels boolean NOT NULL,
    about   text    NOT NULL
);
INSERT INTO officesync.ddl_kind (kind, travels, about) VALUES
    ('table', true, 'CREATE by track(), DROP, RENAME and SET SCHEMA of tables'),
    ('column', true, 'columns: ADD, DROP, RENAME, TYPE, defaults, NOT NULL, generated, identity'),
    ('constraint', true, 'constraints: ADD (also NOT VALID), VALIDATE, ALTER, RENAME, DROP'),
    ('index', true, 'indexes; CONCURRENTLY is left out at the branches'),
    ('partition', true, 'partitions: CREATE, ATTACH, DETACH'),
    ('type', true, 'enums, domains and composite types that tracked tables use'),
    ('sequence', true, 'sequences that tracked tables use; not their values'),
    ('schema', true, 'RENAME of schemas that hold tracked tables'),
    ('replica identity', true, 'REPLICA IDENTITY'),
    ('storage', true, 'storage parameters, compression, statistics targets'),
    ('comment', true, 'COMMENT ON tracked tables and what belongs to them'),
    ('trigger', false, 'triggers: their functions do not travel, and offices may differ in them on purpose'),
    ('row security', false, 'row security and its policies: they name roles, which each office has of its own'),
    ('grant', false, 'GRANT and REVOKE: roles are each office''s own'),
    ('owner', false, 'OWNER TO: roles are each office''s own');

-- What became of tracked tables and their columns, in this order. It tells what rows
-- that a branch wrote under an older schema are now. Written by record_shapes().
CREATE TABLE officesync.schema_history (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The tick of the head's log that has it; NULL at the head until there is one.
    tick        bigint,
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    -- The table, by the name it had; of changes of its columns by the name it has now.
    schema_name text        NOT NULL,
    table_name  text        NOT NULL,
    what        text        NOT NULL CHECK (what IN ('rename table', 'drop table', 'add column', 'drop column',
                                                     'rename column', 'type of column', 'rename label')),
    new_schema  text,
    new_table   text,
    "column"    text,
    new_column  text,
    old_type    text,
    new_type    text,
    -- Of an enum: a label that its columns have.
    old_label   text,
    new_label   text,
    -- What an added column had in the rows that were there, where that was one value for all.
    filled      text,
    -- Whether the new values came from an expression: those of a branch can't be made of the old type's text.
    computed    boolean     NOT NULL DEFAULT false
);

-- At a branch: the last tick of the head that changed the schema here. What users change from then on is
-- stamped with it.
CREATE TABLE officesync.schema_position (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tick     text    NOT NULL
);
