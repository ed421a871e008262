-- Lines of logs: read model of the stream OPS_LOG, written by the projector logs-v1 only. It knows servers by their id
-- alone, so that it never waits for the inventory.

CREATE TABLE log_sources (
    source_pk integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id text NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (server_id, source)
);
COMMENT ON TABLE log_sources IS 'What hosts ship lines of.';
COMMENT ON COLUMN log_sources.source IS 'Its name in the settings of the agent.';
COMMENT ON COLUMN log_sources.kind IS 'file, journal, container or unknown.';

CREATE TABLE log_lines (
    at timestamptz NOT NULL,
    batch uuid NOT NULL,
    source_pk integer NOT NULL,
    cut integer,
    n smallint NOT NULL,
    level smallint NOT NULL,
    message text NOT NULL,
    origin text,
    fields jsonb,
    PRIMARY KEY (at, batch, n, source_pk)
);
SELECT create_hypertable('log_lines', 'at', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false);
COMMENT ON TABLE log_lines IS 'Lines as they came. For people: the view log_entries. There is no index over texts: it would make writing several times dearer, and searches are bounded by time.';
COMMENT ON COLUMN log_lines.at IS 'Time of the line by the host''s clock; of its batch, where the line has none or an impossible one.';
COMMENT ON COLUMN log_lines.batch IS 'Id of the event that brought it: with n the same after every repetition and every rebuild.';
COMMENT ON COLUMN log_lines.n IS 'Place in the batch, from 0.';
COMMENT ON COLUMN log_lines.level IS '0 unknown, 1 trace, 2 debug, 3 info, 4 warn, 5 error, 6 fatal.';
COMMENT ON COLUMN log_lines.origin IS 'Path of the file, name of the unit or of the container.';
COMMENT ON COLUMN log_lines.cut IS 'Bytes of the message that the agent cut off.';

CREATE TABLE log_counts (
    minute timestamptz NOT NULL,
    source_pk integer NOT NULL,
    level smallint NOT NULL,
    lines bigint NOT NULL,
    PRIMARY KEY (minute, source_pk, level)
);
SELECT create_hypertable('log_counts', 'minute', chunk_time_interval => INTERVAL '7 days', create_default_indexes => false);
COMMENT ON TABLE log_counts IS 'Lines per minute, source and level: what the chart above the lines is drawn from.';

CREATE TABLE log_drops (
    at timestamptz NOT NULL,
    batch uuid NOT NULL,
    source_pk integer NOT NULL,
    reason text NOT NULL,
    lines bigint NOT NULL,
    PRIMARY KEY (at, batch, source_pk, reason)
);
COMMENT ON TABLE log_drops IS 'Lines that a host did not send.';
COMMENT ON COLUMN log_drops.reason IS 'rate: more than the source may send; spool: the host''s disk space for events was full; source: lost before they could be read.';

CREATE VIEW log_entries AS
SELECT l.at, s.server_id, s.source, s.kind, l.origin,
       (ARRAY['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'])[l.level + 1] AS level,
       l.message, l.fields, l.cut, l.batch, l.n
FROM log_lines l JOIN log_sources s USING (source_pk);
COMMENT ON VIEW log_entries IS 'Lines of logs with their server and source, for people.';
