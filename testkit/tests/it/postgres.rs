use std::sync::atomic::{AtomicU32, Ordering};

use chatops_testkit::{Database, Postgres};

static MIGRATIONS: AtomicU32 = AtomicU32::new(0);

async fn migrated() -> Database {
    Database::create("testkit", |url: String| async move {
        MIGRATIONS.fetch_add(1, Ordering::Relaxed);
        psql(&url, "CREATE EXTENSION timescaledb").await?;
        psql(
            &url,
            "CREATE TABLE sample (at timestamptz NOT NULL, value real)",
        )
        .await?;
        psql(&url, "SELECT create_hypertable('sample', 'at')").await
    })
    .await
    .unwrap()
}

/// The testkit runs SQL in databases it made; a template being built is known by its URL only.
async fn psql(url: &str, sql: &str) -> anyhow::Result<()> {
    let program = chatops_testkit::Runtime::find()?.program("psql")?;
    let output = tokio::process::Command::new(program)
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
        .output()
        .await?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_are_independent_and_migrated_once() {
    let (one, two) = tokio::join!(migrated(), migrated());
    one.psql("INSERT INTO sample VALUES ('2026-01-01Z', 1), ('2026-02-01Z', 2)")
        .await
        .unwrap();
    assert_eq!(
        one.psql("SELECT count(*) FROM show_chunks('sample')")
            .await
            .unwrap(),
        "2"
    );
    assert_eq!(two.psql("SELECT count(*) FROM sample").await.unwrap(), "0");
    assert!(MIGRATIONS.load(Ordering::Relaxed) <= 1);
}

#[tokio::test]
async fn a_dropped_database_is_gone_even_with_a_session_in_it() {
    let (stays, goes) = tokio::join!(migrated(), migrated());
    let name = goes.name().to_owned();
    let url = goes.url().to_owned();
    let session = tokio::spawn(async move { psql(&url, "SELECT pg_sleep(60)").await });
    let busy =
        format!("SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND state = 'active'");
    chatops_testkit::eventually(
        "the session is busy",
        std::time::Duration::from_secs(10),
        async || !stays.psql(&busy).await.unwrap().is_empty(),
    )
    .await;
    drop(goes);
    assert!(session.await.unwrap().is_err());
    assert_eq!(
        stays
            .psql(&format!(
                "SELECT count(*) FROM pg_database WHERE datname = '{name}'"
            ))
            .await
            .unwrap(),
        "0"
    );
}

#[tokio::test]
async fn a_failing_migration_is_reported_and_leaves_no_template() {
    for _ in 0..2 {
        let failed = Database::create("broken", |url: String| async move {
            psql(&url, "SELECT nonsense").await
        })
        .await;
        assert!(format!("{:#}", failed.unwrap_err()).contains("nonsense"));
    }
}

#[tokio::test]
async fn a_private_server_keeps_commits_over_kill_and_stop() {
    let mut server = Postgres::builder().durable().start().await.unwrap();
    let url = server.create_database("kept").await.unwrap();
    server.psql("kept", "CREATE TABLE t (n int)").await.unwrap();
    server
        .psql("kept", "INSERT INTO t VALUES (1)")
        .await
        .unwrap();

    server.kill().await.unwrap();
    assert!(server.psql("kept", "SELECT 1").await.is_err());
    server.restart().await.unwrap();
    assert_eq!(server.url("kept"), url);
    assert_eq!(server.psql("kept", "SELECT n FROM t").await.unwrap(), "1");
    assert_eq!(server.psql("kept", "SHOW fsync").await.unwrap(), "on");

    server.stop().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.psql("kept", "SELECT n FROM t").await.unwrap(), "1");
}

#[tokio::test]
async fn an_empty_database_has_no_extension() {
    let database = Database::empty().await.unwrap();
    assert_eq!(
        database
            .psql("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")
            .await
            .unwrap(),
        "0"
    );
}
