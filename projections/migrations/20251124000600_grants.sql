-- What hosts allow for a while, on top of their settings: part of what an agent says of itself.
ALTER TABLE server_presence ADD COLUMN grants jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN server_presence.capabilities IS 'What the settings of the host allow.';
COMMENT ON COLUMN server_presence.grants IS 'What was allowed on the host for a while: capability, and until when by the host''s clock.';
