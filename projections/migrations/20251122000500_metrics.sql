-- Samples: read model of the stream OPS_METRICS, written by the projectors metrics-v1-p0 … p7 only.
--
-- One row is one sample. Numbers of the host are columns. Numbers of devices lie in one flat real[] per family, device
-- after device, in the order of the layout's names: a row costs 4 bytes a value and no row per device.
-- Everything is real (7 digits): what a chart can show. Exact counters are in the stream.

CREATE TABLE metric_layout (
    layout_pk integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_pk integer NOT NULL,
    digest uuid NOT NULL,
    fs text[] NOT NULL DEFAULT '{}',
    disk text[] NOT NULL DEFAULT '{}',
    net text[] NOT NULL DEFAULT '{}',
    temp text[] NOT NULL DEFAULT '{}',
    container text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (server_pk, digest)
);
COMMENT ON TABLE metric_layout IS 'Which devices the arrays of a row are about, in order. A device that appears or disappears makes a new layout.';
COMMENT ON COLUMN metric_layout.digest IS 'UUIDv5 of the names, so that the same set is stored once per server.';
COMMENT ON COLUMN metric_layout.used_at IS 'Last use, to the hour.';

CREATE TABLE metrics_raw (
    ts timestamptz NOT NULL,
    seq bigint NOT NULL,
    server_pk integer NOT NULL,
    layout integer NOT NULL,
    cpu real, cpu_user real, cpu_system real, cpu_iowait real, cpu_steal real, load1 real, load5 real, load15 real,
    mem_total real, mem_used real, mem_available real, mem_cached real, mem_buffers real, swap_total real,
    swap_used real, psi_cpu real, psi_mem real, psi_io real, uptime_s real, processes real, procs_running real,
    procs_blocked real, rx real, tx real, disk_read real, disk_write real, disk_max real, temp_max real,
    core real[], fs real[], disk real[], net real[], temp real[], container real[],
    PRIMARY KEY (server_pk, ts)
);
SELECT create_hypertable('metrics_raw', 'ts', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false);
COMMENT ON TABLE metrics_raw IS 'Samples as they came. Names for people: the views metrics, metrics_fs, metrics_disk, metrics_net, metrics_core, metrics_temp, metrics_container.';
COMMENT ON COLUMN metrics_raw.ts IS 'Clock of the host.';
COMMENT ON COLUMN metrics_raw.seq IS 'Sequence in OPS_METRICS.';
COMMENT ON COLUMN metrics_raw.layout IS 'metric_layout.layout_pk; 0: no devices.';
COMMENT ON COLUMN metrics_raw.cpu IS 'percent busy: everything but idle and iowait';
COMMENT ON COLUMN metrics_raw.cpu_user IS 'percent';
COMMENT ON COLUMN metrics_raw.cpu_system IS 'percent';
COMMENT ON COLUMN metrics_raw.cpu_iowait IS 'percent';
COMMENT ON COLUMN metrics_raw.cpu_steal IS 'percent';
COMMENT ON COLUMN metrics_raw.load1 IS 'run queue, 1 minute';
COMMENT ON COLUMN metrics_raw.load5 IS 'run queue, 5 minutes';
COMMENT ON COLUMN metrics_raw.load15 IS 'run queue, 15 minutes';
COMMENT ON COLUMN metrics_raw.mem_total IS 'bytes';
COMMENT ON COLUMN metrics_raw.mem_used IS 'bytes: total - available';
COMMENT ON COLUMN metrics_raw.mem_available IS 'bytes';
COMMENT ON COLUMN metrics_raw.mem_cached IS 'bytes';
COMMENT ON COLUMN metrics_raw.mem_buffers IS 'bytes';
COMMENT ON COLUMN metrics_raw.swap_total IS 'bytes';
COMMENT ON COLUMN metrics_raw.swap_used IS 'bytes';
COMMENT ON COLUMN metrics_raw.psi_cpu IS 'percent of 10 s in which a task waited for a processor';
COMMENT ON COLUMN metrics_raw.psi_mem IS 'percent of 10 s in which a task waited for memory';
COMMENT ON COLUMN metrics_raw.psi_io IS 'percent of 10 s in which a task waited for a block device';
COMMENT ON COLUMN metrics_raw.uptime_s IS 'seconds since boot';
COMMENT ON COLUMN metrics_raw.processes IS 'count';
COMMENT ON COLUMN metrics_raw.procs_running IS 'tasks running or ready';
COMMENT ON COLUMN metrics_raw.procs_blocked IS 'tasks in uninterruptible sleep';
COMMENT ON COLUMN metrics_raw.rx IS 'bytes per second, all physical interfaces';
COMMENT ON COLUMN metrics_raw.tx IS 'bytes per second, all physical interfaces';
COMMENT ON COLUMN metrics_raw.disk_read IS 'bytes per second, all block devices';
COMMENT ON COLUMN metrics_raw.disk_write IS 'bytes per second, all block devices';
COMMENT ON COLUMN metrics_raw.disk_max IS 'percent used of the fullest file system, as df counts';
COMMENT ON COLUMN metrics_raw.temp_max IS 'degrees Celsius of the hottest sensor';
COMMENT ON COLUMN metrics_raw.core IS 'Per device: busy.';
COMMENT ON COLUMN metrics_raw.fs IS 'Per device: total, used, available, inodes, inodes_used.';
COMMENT ON COLUMN metrics_raw.disk IS 'Per device: read, write, read_ops, write_ops, util, await_ms.';
COMMENT ON COLUMN metrics_raw.net IS 'Per device: rx, tx, rx_packets, tx_packets, rx_errors, tx_errors, rx_drops, tx_drops.';
COMMENT ON COLUMN metrics_raw.temp IS 'Per device: celsius.';
COMMENT ON COLUMN metrics_raw.container IS 'Per device: cpu, mem, rx, tx, read, write.';

CREATE TABLE metrics_top (
    ts timestamptz NOT NULL,
    server_pk integer NOT NULL,
    cpu jsonb NOT NULL,
    mem jsonb NOT NULL,
    PRIMARY KEY (server_pk, ts)
);
SELECT create_hypertable('metrics_top', 'ts', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false);
COMMENT ON TABLE metrics_top IS 'Busiest processes, the first list of each minute.';
COMMENT ON COLUMN metrics_top.ts IS 'Start of the minute.';
COMMENT ON COLUMN metrics_top.cpu IS '[{pid, name, user, cpu (percent of one core), mem (bytes)}], most processor time first.';
COMMENT ON COLUMN metrics_top.mem IS 'The same, most memory first.';

CREATE TABLE metrics_1m (
    bucket timestamptz NOT NULL,
    server_pk integer NOT NULL,
    layout integer NOT NULL,
    n integer NOT NULL,
    cpu_avg real, cpu_min real, cpu_max real, cpu_user_avg real, cpu_user_min real, cpu_user_max real,
    cpu_system_avg real, cpu_system_min real, cpu_system_max real, cpu_iowait_avg real, cpu_iowait_min real,
    cpu_iowait_max real, cpu_steal_avg real, cpu_steal_min real, cpu_steal_max real, load1_avg real, load1_min real,
    load1_max real, load5_avg real, load5_min real, load5_max real, load15_avg real, load15_min real,
    load15_max real, mem_total_avg real, mem_total_min real, mem_total_max real, mem_used_avg real,
    mem_used_min real, mem_used_max real, mem_available_avg real, mem_available_min real, mem_available_max real,
    mem_cached_avg real, mem_cached_min real, mem_cached_max real, mem_buffers_avg real, mem_buffers_min real,
    mem_buffers_max real, swap_total_avg real, swap_total_min real, swap_total_max real, swap_used_avg real,
    swap_used_min real, swap_used_max real, psi_cpu_avg real, psi_cpu_min real, psi_cpu_max real, psi_mem_avg real,
    psi_mem_min real, psi_mem_max real, psi_io_avg real, psi_io_min real, psi_io_max real, uptime_s_avg real,
    uptime_s_min real, uptime_s_max real, processes_avg real, processes_min real, processes_max real,
    procs_running_avg real, procs_running_min real, procs_running_max real, procs_blocked_avg real,
    procs_blocked_min real, procs_blocked_max real, rx_avg real, rx_min real, rx_max real, tx_avg real, tx_min real,
    tx_max real, disk_read_avg real, disk_read_min real, disk_read_max real, disk_write_avg real,
    disk_write_min real, disk_write_max real, disk_max_avg real, disk_max_min real, disk_max_max real,
    temp_max_avg real, temp_max_min real, temp_max_max real,
    core_avg real[], core_min real[], core_max real[], fs_avg real[], fs_min real[], fs_max real[], disk_avg real[],
    disk_min real[], disk_max real[], net_avg real[], net_min real[], net_max real[], temp_avg real[],
    temp_min real[], temp_max real[], container_avg real[], container_min real[], container_max real[],
    PRIMARY KEY (server_pk, bucket)
);
SELECT create_hypertable('metrics_1m', 'bucket', chunk_time_interval => INTERVAL '7 days', create_default_indexes => false);
COMMENT ON TABLE metrics_1m IS 'One row per server and minute with samples, always recomputed as a whole from metrics_raw.';
COMMENT ON COLUMN metrics_1m.bucket IS 'Start of the minute.';
COMMENT ON COLUMN metrics_1m.n IS 'Samples in it. avg is over those that had the value; sum = avg * n.';
COMMENT ON COLUMN metrics_1m.layout IS 'Names of all devices seen in the minute; one that was there for a part of it has the average of that part.';

CREATE TABLE metrics_1h (
    bucket timestamptz NOT NULL,
    server_pk integer NOT NULL,
    layout integer NOT NULL,
    n integer NOT NULL,
    cpu_avg real, cpu_min real, cpu_max real, cpu_user_avg real, cpu_user_min real, cpu_user_max real,
    cpu_system_avg real, cpu_system_min real, cpu_system_max real, cpu_iowait_avg real, cpu_iowait_min real,
    cpu_iowait_max real, cpu_steal_avg real, cpu_steal_min real, cpu_steal_max real, load1_avg real, load1_min real,
    load1_max real, load5_avg real, load5_min real, load5_max real, load15_avg real, load15_min real,
    load15_max real, mem_total_avg real, mem_total_min real, mem_total_max real, mem_used_avg real,
    mem_used_min real, mem_used_max real, mem_available_avg real, mem_available_min real, mem_available_max real,
    mem_cached_avg real, mem_cached_min real, mem_cached_max real, mem_buffers_avg real, mem_buffers_min real,
    mem_buffers_max real, swap_total_avg real, swap_total_min real, swap_total_max real, swap_used_avg real,
    swap_used_min real, swap_used_max real, psi_cpu_avg real, psi_cpu_min real, psi_cpu_max real, psi_mem_avg real,
    psi_mem_min real, psi_mem_max real, psi_io_avg real, psi_io_min real, psi_io_max real, uptime_s_avg real,
    uptime_s_min real, uptime_s_max real, processes_avg real, processes_min real, processes_max real,
    procs_running_avg real, procs_running_min real, procs_running_max real, procs_blocked_avg real,
    procs_blocked_min real, procs_blocked_max real, rx_avg real, rx_min real, rx_max real, tx_avg real, tx_min real,
    tx_max real, disk_read_avg real, disk_read_min real, disk_read_max real, disk_write_avg real,
    disk_write_min real, disk_write_max real, disk_max_avg real, disk_max_min real, disk_max_max real,
    temp_max_avg real, temp_max_min real, temp_max_max real,
    core_avg real[], core_min real[], core_max real[], fs_avg real[], fs_min real[], fs_max real[], disk_avg real[],
    disk_min real[], disk_max real[], net_avg real[], net_min real[], net_max real[], temp_avg real[],
    temp_min real[], temp_max real[], container_avg real[], container_min real[], container_max real[],
    PRIMARY KEY (server_pk, bucket)
);
SELECT create_hypertable('metrics_1h', 'bucket', chunk_time_interval => INTERVAL '90 days', create_default_indexes => false);
COMMENT ON TABLE metrics_1h IS 'One row per server and hour with samples, always recomputed as a whole from metrics_1m.';
COMMENT ON COLUMN metrics_1h.bucket IS 'Start of the hour.';
COMMENT ON COLUMN metrics_1h.n IS 'Samples in it. avg is over those that had the value; sum = avg * n.';
COMMENT ON COLUMN metrics_1h.layout IS 'Names of all devices seen in the hour; one that was there for a part of it has the average of that part.';

CREATE TABLE rollup_dirty (
    level smallint NOT NULL,
    bucket timestamptz NOT NULL,
    grp integer NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE rollup_dirty IS 'Buckets to recompute. Rows are only added and removed, never changed: a mark and the samples it stands for become visible together, so none can be missed.';
COMMENT ON COLUMN rollup_dirty.level IS '1: metrics_1m from metrics_raw. 2: metrics_1h from metrics_1m.';
COMMENT ON COLUMN rollup_dirty.grp IS 'server_pk / 64: coarse, so that a batch of a thousand samples leaves a few marks.';

CREATE VIEW metrics AS
SELECT s.server_id, s.name AS server, m.ts,
       m.cpu, m.cpu_user, m.cpu_system, m.cpu_iowait, m.cpu_steal, m.load1, m.load5, m.load15, m.mem_total,
       m.mem_used, m.mem_available, m.mem_cached, m.mem_buffers, m.swap_total, m.swap_used, m.psi_cpu, m.psi_mem,
       m.psi_io, m.uptime_s, m.processes, m.procs_running, m.procs_blocked, m.rx, m.tx, m.disk_read, m.disk_write,
       m.disk_max, m.temp_max, 100 * m.mem_used / nullif(m.mem_total, 0) AS mem,
       100 * m.swap_used / nullif(m.swap_total, 0) AS swap, m.seq
FROM metrics_raw m JOIN servers s USING (server_pk);
COMMENT ON VIEW metrics IS 'Samples: numbers of the host.';

CREATE VIEW metrics_core AS
SELECT s.server_id, s.name AS server, m.ts, (d.i - 1)::integer AS core, d.busy
FROM metrics_raw m JOIN servers s USING (server_pk) CROSS JOIN LATERAL unnest(m.core) WITH ORDINALITY AS d (busy, i);
COMMENT ON VIEW metrics_core IS 'Samples: percent busy per processor core.';

CREATE VIEW metrics_fs AS
SELECT s.server_id, s.name AS server, m.ts, d.mount,
       m.fs[(d.i - 1) * 5 + 1] AS total, m.fs[(d.i - 1) * 5 + 2] AS used, m.fs[(d.i - 1) * 5 + 3] AS available,
       m.fs[(d.i - 1) * 5 + 4] AS inodes, m.fs[(d.i - 1) * 5 + 5] AS inodes_used
FROM metrics_raw m JOIN servers s USING (server_pk) JOIN metric_layout l ON l.layout_pk = m.layout
CROSS JOIN LATERAL unnest(l.fs) WITH ORDINALITY AS d (mount, i);
COMMENT ON VIEW metrics_fs IS 'Samples: numbers per mount.';

CREATE VIEW metrics_disk AS
SELECT s.server_id, s.name AS server, m.ts, d.device,
       m.disk[(d.i - 1) * 6 + 1] AS read, m.disk[(d.i - 1) * 6 + 2] AS write, m.disk[(d.i - 1) * 6 + 3] AS read_ops,
       m.disk[(d.i - 1) * 6 + 4] AS write_ops, m.disk[(d.i - 1) * 6 + 5] AS util,
       m.disk[(d.i - 1) * 6 + 6] AS await_ms
FROM metrics_raw m JOIN servers s USING (server_pk) JOIN metric_layout l ON l.layout_pk = m.layout
CROSS JOIN LATERAL unnest(l.disk) WITH ORDINALITY AS d (device, i);
COMMENT ON VIEW metrics_disk IS 'Samples: numbers per device.';

CREATE VIEW metrics_net AS
SELECT s.server_id, s.name AS server, m.ts, d.interface,
       m.net[(d.i - 1) * 8 + 1] AS rx, m.net[(d.i - 1) * 8 + 2] AS tx, m.net[(d.i - 1) * 8 + 3] AS rx_packets,
       m.net[(d.i - 1) * 8 + 4] AS tx_packets, m.net[(d.i - 1) * 8 + 5] AS rx_errors,
       m.net[(d.i - 1) * 8 + 6] AS tx_errors, m.net[(d.i - 1) * 8 + 7] AS rx_drops,
       m.net[(d.i - 1) * 8 + 8] AS tx_drops
FROM metrics_raw m JOIN servers s USING (server_pk) JOIN metric_layout l ON l.layout_pk = m.layout
CROSS JOIN LATERAL unnest(l.net) WITH ORDINALITY AS d (interface, i);
COMMENT ON VIEW metrics_net IS 'Samples: numbers per interface.';

CREATE VIEW metrics_temp AS
SELECT s.server_id, s.name AS server, m.ts, d.sensor,
       m.temp[(d.i - 1) * 1 + 1] AS celsius
FROM metrics_raw m JOIN servers s USING (server_pk) JOIN metric_layout l ON l.layout_pk = m.layout
CROSS JOIN LATERAL unnest(l.temp) WITH ORDINALITY AS d (sensor, i);
COMMENT ON VIEW metrics_temp IS 'Samples: numbers per sensor.';

CREATE VIEW metrics_container AS
SELECT s.server_id, s.name AS server, m.ts, d.container,
       m.container[(d.i - 1) * 6 + 1] AS cpu, m.container[(d.i - 1) * 6 + 2] AS mem,
       m.container[(d.i - 1) * 6 + 3] AS rx, m.container[(d.i - 1) * 6 + 4] AS tx,
       m.container[(d.i - 1) * 6 + 5] AS read, m.container[(d.i - 1) * 6 + 6] AS write
FROM metrics_raw m JOIN servers s USING (server_pk) JOIN metric_layout l ON l.layout_pk = m.layout
CROSS JOIN LATERAL unnest(l.container) WITH ORDINALITY AS d (container, i);
COMMENT ON VIEW metrics_container IS 'Samples: numbers per container.';
