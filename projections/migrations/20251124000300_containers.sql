-- What happened to containers: read model of the stream OPS_FACT, written by the projector presence-v1 only.

CREATE TABLE container_events (
    event_seq bigint PRIMARY KEY,
    server_id text NOT NULL,
    at timestamptz NOT NULL,
    happened_at timestamptz NOT NULL,
    container_id text NOT NULL,
    name text NOT NULL,
    image text,
    project text,
    change text NOT NULL CHECK (change IN ('started', 'died', 'out_of_memory', 'healthy', 'unhealthy', 'unknown')),
    exit_code integer,
    lines text[] NOT NULL DEFAULT '{}',
    left_out integer NOT NULL DEFAULT 0
);
CREATE INDEX container_events_server ON container_events (server_id, event_seq DESC);
CREATE INDEX container_events_name ON container_events (server_id, name, event_seq DESC);
CREATE INDEX container_events_at ON container_events (at);
COMMENT ON TABLE container_events IS 'Containers that began, ended, ran out of memory or changed their health.';
COMMENT ON COLUMN container_events.event_seq IS 'Sequence in OPS_FACT: the same after every rebuild.';
COMMENT ON COLUMN container_events.at IS 'Stream time, the trusted clock.';
COMMENT ON COLUMN container_events.happened_at IS 'By the clock of the host.';
COMMENT ON COLUMN container_events.lines IS 'What the container wrote last, oldest first.';
COMMENT ON COLUMN container_events.left_out IS 'Changes on the host before this one that were not told, because there were too many.';
