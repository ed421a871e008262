-- The audit trail to look at: read model of the stream OPS_AUDIT, written by the projector audit-v1 only. What is proven is
-- proven by the stream; these rows are a copy for questions.

CREATE TABLE audit_logs (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    address text,
    result text NOT NULL CHECK (result IN ('ok', 'denied', 'failed')),
    source_stream text NOT NULL,
    source_seq bigint NOT NULL,
    cause uuid,
    digest bytea NOT NULL,
    leaf bytea NOT NULL
);
CREATE INDEX audit_logs_actor ON audit_logs (actor, seq DESC);
CREATE INDEX audit_logs_action ON audit_logs (action text_pattern_ops, seq DESC);
CREATE INDEX audit_logs_target ON audit_logs (target, seq DESC);
CREATE INDEX audit_logs_address ON audit_logs (address, seq DESC) WHERE address IS NOT NULL;
CREATE INDEX audit_logs_result ON audit_logs (result, seq DESC) WHERE result <> 'ok';
CREATE INDEX audit_logs_at ON audit_logs (at);
COMMENT ON TABLE audit_logs IS 'Who did what, as the audit chain says.';
COMMENT ON COLUMN audit_logs.seq IS 'Number of the entry; equals its position in OPS_AUDIT.';
COMMENT ON COLUMN audit_logs.at IS 'Stream time of the event, the trusted clock.';
COMMENT ON COLUMN audit_logs.actor IS 'user:<id>, agent:<server>, key:<id>, stranger or system.';
COMMENT ON COLUMN audit_logs.target IS '<kind>:<id>.';
COMMENT ON COLUMN audit_logs.source_seq IS 'Position of the event in source_stream.';
COMMENT ON COLUMN audit_logs.digest IS 'SHA-256 of the event as it was stored.';
COMMENT ON COLUMN audit_logs.leaf IS 'Leaf hash of the entry in the Merkle tree.';

-- What the appender tells of itself; the newest words win. Not derived from events, and not missed when lost.
CREATE TABLE audit_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    state jsonb NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE audit_state IS 'What the audit appender is doing, its newest head, and its last check of the whole chain.';
