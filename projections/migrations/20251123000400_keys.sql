-- Ends and uses of agents' keys.

ALTER TABLE api_keys ADD COLUMN successor text;
COMMENT ON COLUMN api_keys.successor IS 'The key that was made in its place; this one ends at expires_at.';
CREATE INDEX api_keys_expires ON api_keys (expires_at) WHERE expires_at IS NOT NULL AND state = 'active';

CREATE TABLE vault_key_use (
    key_id text PRIMARY KEY,
    last_used_at timestamptz NOT NULL
);
COMMENT ON TABLE vault_key_use IS 'Last request over HTTP with each API key: such uses are no events. Those of connections are in key_use.';
COMMENT ON TABLE key_use IS 'Last connect or end of a connection with each API key.';
