-- What the evaluator of alert rules knows beside its position: see alerting/src/live.rs. Not a read model: it may be dropped at
-- any time, and open alerts go on from OPS_ALERT.

CREATE TABLE alert_state (
    name text NOT NULL,
    ver integer NOT NULL,
    part integer NOT NULL,
    seq bigint NOT NULL,
    state bytea NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, ver, part)
) WITH (fillfactor = 50);
-- Compact already, and rewritten every few seconds.
ALTER TABLE alert_state ALTER COLUMN state SET STORAGE EXTERNAL;
COMMENT ON TABLE alert_state IS 'What the evaluator of alert rules knew at a position of its reader in projection_checkpoint.';
COMMENT ON COLUMN alert_state.seq IS 'The position; at another one the state means nothing.';
COMMENT ON COLUMN alert_state.state IS 'Private to the evaluator, with its format in the first byte.';
