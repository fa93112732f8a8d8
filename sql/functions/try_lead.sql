-- try_lead(): whether this session is the leading relay of the office; becomes it when nobody is.
-- Held until the session ends.
CREATE FUNCTION officesync.try_lead() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'try_lead_wrapper';
