-- The extension's own schema; created here, never adopted, so that nobody else's objects are in it.
CREATE SCHEMA officesync;
GRANT USAGE ON SCHEMA officesync TO PUBLIC;
