//! Text of `postgresql.conf` and `pg_hba.conf`.

use std::{fs, net::SocketAddr, path::Path};

/// A password for everybody, and only from this machine.
pub(super) const WHO_MAY_CONNECT: &str = "\
# Written at every start of `chatops up`.
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
";

const MIB: u64 = 1 << 20;

/// Connections outside the pool: each projector and each reader of the evaluator holds one with its lock (26 in all), and
/// psql, migrations and the server's own need some.
const OWN: u32 = 48;

/// `connections` are those of this process's pool; a second process beside it has as many.
pub(super) fn text(listen: SocketAddr, socket: Option<&Path>, connections: u32) -> String {
    let memory = total_memory().unwrap_or(1 << 30);
    let socket = socket
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let socket = socket.replace('\'', "''");
    let shared = (memory / 16).clamp(64 * MIB, 512 * MIB) / MIB;
    let cache = (memory / 2).max(256 * MIB) / MIB;
    format!(
        "\
# Written at every start of `chatops up`; put your own settings into local.conf, read last.
listen_addresses = '{ip}'
port = {port}
unix_socket_directories = '{socket}'
max_connections = {max_connections}

shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
# Its scheduler serves features of another edition.
timescaledb.max_background_workers = 0
jit = off

# For a host that has other work to do.
shared_buffers = {shared}MB
effective_cache_size = {cache}MB
work_mem = 8MB
maintenance_work_mem = 64MB
max_worker_processes = 4
max_parallel_workers_per_gather = 1
autovacuum_max_workers = 2
# Every chunk of a hypertable that a statement touches is one lock.
max_locks_per_transaction = 256

wal_compression = lz4
min_wal_size = 128MB
max_wal_size = 1GB
checkpoint_timeout = 15min
random_page_cost = 1.1

timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_destination = stderr
logging_collector = off

include_if_exists 'local.conf'
",
        ip = listen.ip(),
        port = listen.port(),
        max_connections = 2 * connections + OWN,
    )
}

fn total_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_the_path_stays_inside_the_value() {
        let text = text(
            "127.0.0.1:5439".parse().unwrap(),
            Some(Path::new("/it's/socket")),
            12,
        );
        assert!(
            text.contains("unix_socket_directories = '/it''s/socket'"),
            "{text}"
        );
        assert!(text.contains("max_connections = 72"));
    }
}
