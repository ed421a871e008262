-- Positions of projectors, parked events, events waiting to be published, settings.
-- Everything in this database except the vault_* tables can be dropped and rebuilt from the streams.

CREATE EXTENSION IF NOT EXISTS timescaledb;

CREATE TABLE projection_checkpoint (
    name text NOT NULL,
    ver integer NOT NULL,
    part integer NOT NULL,
    stream text NOT NULL,
    stream_created timestamptz NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 0,
    owner text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, ver, part)
) WITH (fillfactor = 50);
COMMENT ON TABLE projection_checkpoint IS 'How far each projector is. Moves in the same transaction as the rows it stands for.';
COMMENT ON COLUMN projection_checkpoint.ver IS 'Version of the read model; a rebuild runs as a new version beside the old one.';
COMMENT ON COLUMN projection_checkpoint.part IS 'Partition of the stream.';
COMMENT ON COLUMN projection_checkpoint.stream_created IS 'When the stream behind seq was made; another value on the bus means another stream under the same name.';
COMMENT ON COLUMN projection_checkpoint.seq IS 'Every event up to this stream sequence is in the tables (or in dlq).';
COMMENT ON COLUMN projection_checkpoint.epoch IS 'Raised by every take-over; a writer with an older epoch commits nothing.';
COMMENT ON COLUMN projection_checkpoint.owner IS 'Process that took over last, for people.';

CREATE TABLE projection_active (
    name text PRIMARY KEY,
    ver integer NOT NULL
);
COMMENT ON TABLE projection_active IS 'Which version of a read model the views show.';
INSERT INTO projection_active (name, ver) VALUES ('metrics', 1), ('inventory', 1), ('presence', 1);

CREATE TABLE dlq (
    consumer text NOT NULL,
    stream text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    server_id text,
    reason text NOT NULL,
    error text NOT NULL,
    payload bytea,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, stream, seq)
);
CREATE INDEX dlq_at ON dlq (at);
COMMENT ON TABLE dlq IS 'Events that could not become rows, parked in the transaction that moved the position past them.';
COMMENT ON COLUMN dlq.reason IS 'Closed list for counting: undecodable, unknown_type, wrong_server, clock, unknown_server, deleted_server, wrong_subject, behind, refused.';
COMMENT ON COLUMN dlq.error IS 'What exactly is wrong, for people.';
COMMENT ON COLUMN dlq.payload IS 'The event as it was stored; NULL when one server parked so much that only positions are kept: read it from the stream.';
COMMENT ON COLUMN dlq.at IS 'When it was parked.';

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    subject text NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    payload bytea NOT NULL,
    expected_seq bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_seq bigint
);
CREATE INDEX outbox_unsent ON outbox (created_at) WHERE sent_seq IS NULL;
COMMENT ON TABLE outbox IS 'Events that follow from rows, written with them and published afterwards under the same id.';
COMMENT ON COLUMN outbox.expected_seq IS 'Last sequence of the subject that the event builds on; NULL: any.';

CREATE TABLE settings (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE settings IS 'Settings that people change while the system runs. A missing row means the built-in default.';
