//! `chatops migrate`: brings the database to the schema of this build; running processes of the previous release go on.

use crate::{compose, config::Config, output::Output};

pub(super) async fn run(config: &Config, output: &Output) -> anyhow::Result<()> {
    let config = super::located(config)?;
    output
        .step("database schema", compose::migrate(&config))
        .await
}
