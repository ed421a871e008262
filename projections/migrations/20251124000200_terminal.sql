-- Terminals: read model of the terminal events in OPS_CMD, written by the projector terminals-v1 only.
CREATE TABLE terminal_session (
    session uuid PRIMARY KEY,
    server_id text NOT NULL,
    user_id uuid,
    container text,
    shell text,
    recorded boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    reason text,
    exit_code integer,
    message text,
    output_bytes bigint NOT NULL DEFAULT 0,
    cmd_seq bigint NOT NULL
);
CREATE INDEX terminal_session_server ON terminal_session (server_id, opened_at DESC, session DESC);
CREATE INDEX terminal_session_open ON terminal_session (opened_at) WHERE closed_at IS NULL;
COMMENT ON TABLE terminal_session IS 'Terminals that were opened, and how they ended.';
COMMENT ON COLUMN terminal_session.user_id IS 'Who opened it; nobody else may use it.';
COMMENT ON COLUMN terminal_session.cmd_seq IS 'Sequence of the newest event of this session in OPS_CMD: what a decision about it must expect.';

-- Written by the projector inventory-v1 only.
CREATE TABLE terminal_policy (
    scope text PRIMARY KEY,
    recorded boolean,
    changed_by text,
    changed_at timestamptz NOT NULL,
    ctl_seq bigint NOT NULL
);
COMMENT ON TABLE terminal_policy IS 'Whether terminals are recorded. No row: not decided.';
COMMENT ON COLUMN terminal_policy.scope IS 'Id of a server, or empty for all that have no decision of their own.';

-- Not derived from events, and not missed when lost.
CREATE TABLE terminal_attached (
    session uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE terminal_attached IS 'When the opener of a terminal was last at it: who is gone for too long has left it.';

-- What terminals showed. Not in any stream, because it may hold secrets and must be erasable; what was typed is nowhere.
CREATE TABLE terminal_recording (
    session uuid PRIMARY KEY,
    server_id text NOT NULL,
    started_at timestamptz NOT NULL,
    cols integer NOT NULL,
    rows integer NOT NULL,
    bytes bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0,
    cut boolean NOT NULL DEFAULT false,
    duration_ms bigint NOT NULL DEFAULT 0
);
CREATE INDEX terminal_recording_started ON terminal_recording (started_at);
COMMENT ON TABLE terminal_recording IS 'Recordings of terminals: output and sizes, never input.';
COMMENT ON COLUMN terminal_recording.position IS 'Offset in the output of the session up to which it is recorded.';
COMMENT ON COLUMN terminal_recording.cut IS 'Whether something is missing: the recording is full, or the host could not give it again.';

CREATE TABLE terminal_recording_piece (
    session uuid NOT NULL REFERENCES terminal_recording ON DELETE CASCADE,
    n integer NOT NULL,
    at_ms bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('o', 'r')),
    data bytea NOT NULL,
    PRIMARY KEY (session, n)
);
COMMENT ON TABLE terminal_recording_piece IS 'Pieces of a recording in order: output as it was written (o), or a new size as COLSxROWS (r).';
