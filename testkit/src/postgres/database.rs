//! A database of one's own on the shared server.

use std::{
    collections::hash_map::{DefaultHasher, RandomState},
    env,
    fs::File,
    hash::{BuildHasher, Hash, Hasher},
};

use anyhow::Context;

use super::{psql::Psql, shared::Shared};

/// Dropped, together with all its sessions, when the value is.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    psql: Psql,
    // Its lock tells the reaper that somebody still uses the server.
    _user: File,
}

impl Database {
    /// A clone of the template `name`, which `migrate` fills when this test binary asks for it
    /// for the first time in a run; `migrate` gets the URL of an empty database and must have
    /// closed its connections when it returns.
    pub async fn create<F, E>(name: &str, migrate: F) -> anyhow::Result<Self>
    where
        F: AsyncFnOnce(String) -> Result<(), E>,
        E: Into<anyhow::Error>,
    {
        let shared = Shared::join().await?;
        let template = format!("template_{name}_{:016x}", binary_identity()?);
        let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
        if shared.cluster.psql("postgres", &exists).await?.is_empty() {
            let _turn = shared.template_turn(&template).await?;
            if shared.cluster.psql("postgres", &exists).await?.is_empty() {
                build_template(&shared, &template, migrate).await?;
            }
        }
        Self::clone_of(shared, &template).await
    }

    /// An empty database: no template, no extension.
    pub async fn empty() -> anyhow::Result<Self> {
        Self::clone_of(Shared::join().await?, "template1").await
    }

    async fn clone_of(shared: Shared, template: &str) -> anyhow::Result<Self> {
        let name = format!("test_{:016x}", RandomState::new().build_hasher().finish());
        let create = format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"");
        shared
            .cluster
            .psql("postgres", &create)
            .await
            .with_context(|| format!("clone {template}"))?;
        Ok(Self {
            url: shared.cluster.url(&name),
            psql: shared.cluster.psql_program().clone(),
            name,
            _user: shared.user,
        })
    }

    /// `postgres://…`, superuser, on loopback.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL in it; the answer as unaligned rows without header.
    pub async fn psql(&self, sql: &str) -> anyhow::Result<String> {
        self.psql.run(&self.name, sql).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // If it fails the database goes with the whole server at the end of the run.
        let _ = self.psql.run_blocking(
            "postgres",
            &format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name),
        );
    }
}

/// Under another name until it is complete, so that a killed test leaves no half template.
async fn build_template<F, E>(shared: &Shared, template: &str, migrate: F) -> anyhow::Result<()>
where
    F: AsyncFnOnce(String) -> Result<(), E>,
    E: Into<anyhow::Error>,
{
    let building = format!("{template}_building");
    shared
        .cluster
        .psql(
            "postgres",
            &format!("DROP DATABASE IF EXISTS \"{building}\" WITH (FORCE)"),
        )
        .await?;
    shared
        .cluster
        .psql("postgres", &format!("CREATE DATABASE \"{building}\""))
        .await?;
    migrate(shared.cluster.url(&building))
        .await
        .map_err(Into::into)
        .with_context(|| format!("migrate the template {template}"))?;
    // Sessions the migration left open would forbid cloning.
    let close = [
        format!("ALTER DATABASE \"{building}\" WITH ALLOW_CONNECTIONS false"),
        format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{building}'"
        ),
        format!("ALTER DATABASE \"{building}\" RENAME TO \"{template}\""),
    ];
    for statement in &close {
        shared.cluster.psql("postgres", statement).await?;
    }
    Ok(())
}

/// Changes with every rebuild of the test binary, and so with every change of the migrations.
fn binary_identity() -> anyhow::Result<u64> {
    let path = env::current_exe().context("find this test binary")?;
    let changed = path
        .metadata()
        .and_then(|metadata| metadata.modified())
        .context("read the age of this test binary")?;
    let mut hasher = DefaultHasher::new();
    (path, changed).hash(&mut hasher);
    Ok(hasher.finish())
}
