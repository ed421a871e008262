-- Who is connected: read model of the stream OPS_FACT, written by the projector presence-v1 only.
-- It knows servers by their id alone, so that it never waits for the inventory.

CREATE TABLE connection_events (
    event_seq bigint PRIMARY KEY,
    server_id text NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('connected', 'disconnected', 'reconnected', 'authentication_failed', 'error')),
    transport text,
    address text,
    detail text,
    key_id text,
    session text,
    duration_s double precision
);
CREATE INDEX connection_events_server ON connection_events (server_id, event_seq DESC);
CREATE INDEX connection_events_at ON connection_events (at);
COMMENT ON TABLE connection_events IS 'Agents coming, going and being refused.';
COMMENT ON COLUMN connection_events.event_seq IS 'Sequence in OPS_FACT: the same after every rebuild.';
COMMENT ON COLUMN connection_events.at IS 'Stream time, the trusted clock.';
COMMENT ON COLUMN connection_events.duration_s IS 'disconnected: seconds the session lasted. reconnected: seconds the server was away.';

CREATE TABLE agent_session (
    server_id text NOT NULL,
    session text NOT NULL,
    key_id text NOT NULL,
    transport text NOT NULL,
    address text,
    since timestamptz NOT NULL,
    PRIMARY KEY (server_id, session)
);
CREATE INDEX agent_session_key ON agent_session (key_id);
COMMENT ON TABLE agent_session IS 'Connections that are open now.';

CREATE TABLE server_presence (
    server_id text PRIMARY KEY,
    status text CHECK (status IN ('online', 'offline')),
    transport text,
    connected_since timestamptz,
    last_connected_at timestamptz,
    last_disconnected_at timestamptz,
    hello_at timestamptz,
    agent_version text,
    hostname text,
    os text,
    kernel text,
    arch text,
    cpu_model text,
    cores integer,
    memory_total bigint,
    capabilities text[] NOT NULL DEFAULT '{}',
    interval_ms integer,
    spooled bigint,
    dropped bigint
);
COMMENT ON TABLE server_presence IS 'Per server: connected or not, and what its agent said of itself after its last connect.';
COMMENT ON COLUMN server_presence.status IS 'NULL: an agent spoke, but no connection was ever recorded.';
COMMENT ON COLUMN server_presence.connected_since IS 'When the server came online; NULL while offline.';
COMMENT ON COLUMN server_presence.memory_total IS 'Bytes.';
COMMENT ON COLUMN server_presence.spooled IS 'Samples that were waiting on the host''s disk at the last hello.';
COMMENT ON COLUMN server_presence.dropped IS 'Samples the host dropped because its spool was full, since the agent was installed.';

CREATE TABLE key_use (
    key_id text PRIMARY KEY,
    last_used_at timestamptz NOT NULL
);
COMMENT ON TABLE key_use IS 'Last connect with each API key.';

CREATE VIEW fleet AS
SELECT s.server_id, s.name, u.username AS owner, s.tags, p.status, p.transport, p.connected_since, p.last_connected_at,
       p.last_disconnected_at, p.agent_version, p.hostname, p.os, p.kernel, p.arch, p.cores, p.memory_total, s.created_at
FROM servers s
LEFT JOIN users u ON u.user_id = s.owner
LEFT JOIN server_presence p USING (server_id)
WHERE s.deleted_at IS NULL;
COMMENT ON VIEW fleet IS 'Servers with their owner and presence, for people.';
