-- One rule for whether a server is there, for every query that shows or filters it.

CREATE FUNCTION server_status(presence text, connected_since timestamptz, newest timestamptz, interval_ms integer)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN presence = 'online' THEN
            CASE WHEN greatest(newest, connected_since) >= now() - greatest(3 * coalesce(interval_ms, 5000), 15000) * interval '1 millisecond'
                 THEN 'online' ELSE 'stale' END
        WHEN presence = 'offline' THEN 'offline'
        WHEN newest IS NULL THEN 'never'
        WHEN newest >= now() - greatest(3 * coalesce(interval_ms, 5000), 15000) * interval '1 millisecond' THEN 'online'
        ELSE 'offline'
    END
$$;
COMMENT ON FUNCTION server_status IS 'online, stale (connected, but three samples are missing), offline or never. Connections decide; a server that only ever posted samples is online while they are fresh.';
