-- What hosts were asked to do and how it went. command_history is the read model of the stream OPS_CMD, written by the
-- projector commands-v1 only; command_start and command_output are that of OPS_RESULT, written by command-output-v1 only.
-- Servers are known by their id alone. What a host told counts for that host only: see the keys.

CREATE TABLE command_history (
    command_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    server_id text NOT NULL,
    actor text NOT NULL,
    address text,
    kind text NOT NULL CHECK (kind IN ('run', 'container', 'signal', 'unit')),
    command text NOT NULL,
    asked jsonb NOT NULL,
    requested_at timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    timeout_ms bigint NOT NULL,
    repeatable boolean NOT NULL,
    needs_approval boolean NOT NULL,
    approved_by text,
    approved_at timestamptz,
    job uuid,
    repeats uuid,
    delivered_at timestamptz,
    attempts integer,
    cancel_requested_by text,
    cancel_requested_at timestamptz,
    ended_at timestamptz,
    ended_by text,
    outcome text CHECK (outcome IN ('finished', 'failed', 'cancelled', 'timed_out', 'expired', 'unknown', 'denied')),
    exit_code integer,
    signal integer,
    message text,
    started_at timestamptz,
    duration_ms bigint,
    stdout_bytes bigint,
    stderr_bytes bigint,
    cut_bytes bigint
);
CREATE INDEX command_history_seq ON command_history (seq DESC);
CREATE INDEX command_history_server ON command_history (server_id, seq DESC);
CREATE INDEX command_history_actor ON command_history (actor, seq DESC);
CREATE INDEX command_history_outcome ON command_history (outcome, seq DESC);
CREATE INDEX command_history_open ON command_history (seq) WHERE outcome IS NULL;
CREATE INDEX command_history_job ON command_history (job, seq) WHERE job IS NOT NULL;
CREATE INDEX command_history_at ON command_history (requested_at);
COMMENT ON TABLE command_history IS 'Commands, container actions, signals and unit actions, with how each ended.';
COMMENT ON COLUMN command_history.seq IS 'Sequence of command.requested in OPS_CMD: the order of the list, the same after every rebuild.';
COMMENT ON COLUMN command_history.last_seq IS 'Sequence of the newest event of this command in OPS_CMD.';
COMMENT ON COLUMN command_history.actor IS 'user:<id> or system.';
COMMENT ON COLUMN command_history.command IS 'What was asked for, as one line for people.';
COMMENT ON COLUMN command_history.asked IS 'The same as data: names of variables and sizes, never their values.';
COMMENT ON COLUMN command_history.repeatable IS 'False: it was given values that are not kept.';
COMMENT ON COLUMN command_history.not_after IS 'Not to be begun later.';
COMMENT ON COLUMN command_history.outcome IS 'NULL: not over.';
COMMENT ON COLUMN command_history.started_at IS 'By the host''s clock.';
COMMENT ON COLUMN command_history.cut_bytes IS 'Bytes of output that were not kept.';

CREATE TABLE command_start (
    server_id text NOT NULL,
    command_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    pid integer,
    PRIMARY KEY (server_id, command_id)
);
CREATE INDEX command_start_at ON command_start (started_at);
COMMENT ON TABLE command_start IS 'That a host has begun with a command.';
COMMENT ON COLUMN command_start.started_at IS 'Stream time, the trusted clock.';

CREATE TABLE command_output (
    server_id text NOT NULL,
    command_id uuid NOT NULL,
    n integer NOT NULL,
    stream text NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    off bigint NOT NULL,
    data bytea NOT NULL,
    at timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (server_id, command_id, n)
);
CREATE INDEX command_output_at ON command_output (at);
COMMENT ON TABLE command_output IS 'What commands wrote, piece by piece, in the order in which it was read.';
COMMENT ON COLUMN command_output.off IS 'Bytes of this stream before it.';
COMMENT ON COLUMN command_output.seq IS 'Sequence in OPS_RESULT.';

CREATE TABLE vault_order (
    command_id uuid PRIMARY KEY,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX vault_order_created_at ON vault_order (created_at);
COMMENT ON TABLE vault_order IS 'Signed orders with values that are no event''s business, encrypted. Erased when the command is over.';
