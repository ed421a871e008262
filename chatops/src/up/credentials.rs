//! The secrets of an installation, made once at the first start of `up` and kept in the data directory, or printed by
//! `chatops admin credentials` for servers that somebody else runs.

use std::fmt::Write;

use anyhow::Context;
use chatops_ingest::gate::GateKeys;
use rand::{TryRngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};

use super::place::{Place, write_private};

/// Name of the setting that newer builds added.
const VAULT: &str = "vault_secret";
/// Bytes of randomness in a password or signing secret.
const STRENGTH: usize = 32;

/// A complete set. Debug output shows nothing.
#[derive(Debug)]
pub(crate) struct Credentials {
    svc_password: SecretString,
    auth_password: SecretString,
    sys_password: SecretString,
    issuer_seed: SecretString,
    xkey_seed: SecretString,
    database_password: SecretString,
    vault_secret: SecretString,
}

impl Credentials {
    /// Fresh random ones.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        let (issuer_seed, xkey_seed) = GateKeys::generate().context("make the gate's keys")?;
        Ok(Self {
            svc_password: random()?,
            auth_password: random()?,
            sys_password: random()?,
            issuer_seed,
            xkey_seed,
            database_password: random()?,
            vault_secret: random()?,
        })
    }

    /// As a layer of settings.
    pub(crate) fn toml(&self) -> String {
        let mut text = String::new();
        let mut section = |name: &str, values: &[(&str, &SecretString)]| {
            let _ = writeln!(text, "[{name}]");
            for (key, value) in values {
                let _ = writeln!(text, "{key} = \"{}\"", value.expose_secret());
            }
        };
        section(
            "nats",
            &[
                ("svc_password", &self.svc_password),
                ("auth_password", &self.auth_password),
                ("sys_password", &self.sys_password),
                ("issuer_seed", &self.issuer_seed),
                ("xkey_seed", &self.xkey_seed),
            ],
        );
        section("database", &[("password", &self.database_password)]);
        section("api", &[(VAULT, &self.vault_secret)]);
        text
    }

    /// What nats/accounts.conf takes from the environment.
    pub(crate) fn nats_environment(&self) -> anyhow::Result<Vec<(String, String)>> {
        environment(
            &self.svc_password,
            &self.auth_password,
            &self.sys_password,
            &self.issuer_seed,
            &self.xkey_seed,
        )
    }
}

/// Makes the set unless there is one, and adds what a set made by an older build lacks. `true`: it was made now.
pub(super) fn ensure(place: &Place) -> anyhow::Result<bool> {
    let path = place.credentials();
    if path.exists() {
        let text = std::fs::read_to_string(&path).context("read the credentials")?;
        if !text.contains(VAULT) {
            let secret = random()?;
            let added = format!("[api]\n{VAULT} = \"{}\"\n", secret.expose_secret());
            write_private(&path, &format!("{text}{added}"))?;
        }
        return Ok(false);
    }
    let heading =
        "# Made by the first start of `chatops up`. Whoever reads this file may do everything.\n";
    write_private(
        &path,
        &format!("{heading}{}", Credentials::generate()?.toml()),
    )?;
    Ok(true)
}

/// What nats/accounts.conf takes from the environment, out of the settings.
pub(crate) fn nats_environment(
    nats: &crate::config::Nats,
) -> anyhow::Result<Vec<(String, String)>> {
    use crate::config::required;
    environment(
        required(&nats.svc_password, "nats.svc_password")?,
        required(&nats.auth_password, "nats.auth_password")?,
        required(&nats.sys_password, "nats.sys_password")?,
        required(&nats.issuer_seed, "nats.issuer_seed")?,
        required(&nats.xkey_seed, "nats.xkey_seed")?,
    )
}

/// Strings in quotes, so that no value is mistaken for a number. Of the keys nats-server gets the public halves.
fn environment(
    svc: &SecretString,
    auth: &SecretString,
    sys: &SecretString,
    issuer: &SecretString,
    xkey: &SecretString,
) -> anyhow::Result<Vec<(String, String)>> {
    let keys = GateKeys::from_seeds(issuer, xkey)
        .context("nats.issuer_seed and nats.xkey_seed do not fit")?;
    let values = [
        ("CHATOPS_NATS_SVC_PASSWORD", svc.expose_secret().to_owned()),
        (
            "CHATOPS_NATS_AUTH_PASSWORD",
            auth.expose_secret().to_owned(),
        ),
        ("CHATOPS_NATS_SYS_PASSWORD", sys.expose_secret().to_owned()),
        ("CHATOPS_NATS_ISSUER", keys.issuer_public()),
        ("CHATOPS_NATS_XKEY", keys.xkey_public()),
    ];
    let quoted = |(name, value): (&str, String)| (name.to_owned(), format!("\"{value}\""));
    Ok(values.into_iter().map(quoted).collect())
}

fn random() -> anyhow::Result<SecretString> {
    let mut bytes = [0; STRENGTH];
    OsRng
        .try_fill_bytes(&mut bytes[..])
        .context("ask the system for randomness")?;
    Ok(data_encoding::BASE64URL_NOPAD.encode(&bytes[..]).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn generated_once_private_and_readable_as_settings() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::prepare(root.path()).unwrap();
        assert!(ensure(&place).unwrap());
        assert!(!ensure(&place).unwrap());
        let flags = vec![("data".to_owned(), root.path().display().to_string())];
        let config = Settings::read(None, |_| None, &flags)
            .unwrap()
            .config()
            .unwrap();
        let environment = nats_environment(&config.nats).unwrap();
        let issuer = &environment
            .iter()
            .find(|(name, _)| name == "CHATOPS_NATS_ISSUER")
            .unwrap()
            .1;
        assert!(issuer.starts_with("\"A"), "{issuer}");
        assert!(config.database.password.get().is_some());
        assert!(config.api.vault_secret.get().is_some());

        // As an older build left it: what is new is added, once, and the rest stays.
        let path = place.credentials();
        let text = std::fs::read_to_string(&path).unwrap();
        let (old, _) = text.split_once("[api]").unwrap();
        std::fs::write(&path, old).unwrap();
        assert!(!ensure(&place).unwrap());
        let completed = std::fs::read_to_string(&path).unwrap();
        assert!(completed.starts_with(old) && completed.contains(VAULT));
        assert!(!ensure(&place).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), completed);
    }

    #[test]
    fn debug_output_shows_nothing() {
        let credentials = Credentials::generate().unwrap();
        let secret = credentials.svc_password.expose_secret().to_owned();
        assert!(!format!("{credentials:?}").contains(&secret));
    }
}
