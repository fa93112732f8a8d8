-- doze(), wake(): raise and lower the flag that makes a committing writer NOTIFY "officesync".
-- doze() is false when a writer is just committing: make a tick instead of sleeping. Same session
-- as LISTEN; at the session's end the flag is down.
CREATE FUNCTION officesync.doze() RETURNS boolean LANGUAGE c AS 'MODULE_PATHNAME', 'doze_wrapper';
CREATE FUNCTION officesync.wake() RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'wake_wrapper';
