//! The schema as people find it.

use chatops_projections::migrate;

use crate::ground;

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = ground::database().await;
    let tables = "SELECT string_agg(table_name, ',' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'public'";
    let before = database.psql(tables).await.unwrap();
    migrate(database.url()).await.unwrap();
    assert_eq!(database.psql(tables).await.unwrap(), before);
}

#[tokio::test]
async fn several_processes_may_migrate_at_once() {
    let database = chatops_testkit::Database::empty().await.unwrap();
    let (a, b) = tokio::join!(migrate(database.url()), migrate(database.url()));
    a.unwrap();
    b.unwrap();
    assert_eq!(
        database
            .psql("SELECT count(*) FROM metrics_raw")
            .await
            .unwrap(),
        "0"
    );
}

/// Tables and views that people are promised by name, each with a sentence about it.
#[tokio::test]
async fn everything_is_named_and_explained() {
    let database = ground::database().await;
    for name in [
        "users",
        "servers",
        "api_keys",
        "metrics",
        "metrics_fs",
        "metrics_disk",
        "metrics_net",
        "metrics_core",
        "metrics_temp",
        "metrics_container",
        "metrics_raw",
        "metrics_1m",
        "metrics_1h",
        "metrics_top",
        "connection_events",
        "log_entries",
        "projection_checkpoint",
        "dlq",
    ] {
        assert_eq!(
            database
                .psql(&format!("SELECT count(*) FROM {name}"))
                .await
                .unwrap()
                .parse::<u32>()
                .map_err(|e| e.to_string()),
            Ok(0),
            "{name}"
        );
    }
    let silent = database
        .psql(
            "SELECT string_agg(c.relname, ', ') FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
             AND c.relkind IN ('r', 'v') AND c.relname <> '_sqlx_migrations' AND obj_description(c.oid) IS NULL",
        )
        .await
        .unwrap();
    assert_eq!(silent, "", "without a comment");
}

#[tokio::test]
async fn nothing_but_the_primary_key_indexes_samples() {
    let database = ground::database().await;
    let indexes = database
        .psql("SELECT string_agg(indexname, ',') FROM pg_indexes WHERE tablename = 'metrics_raw'")
        .await
        .unwrap();
    assert_eq!(indexes, "metrics_raw_pkey");
}
