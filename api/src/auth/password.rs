//! Password hashes: argon2id, on blocking threads, a bounded number at once.
//!
//! A check takes some 30 ms of a core and 19 MiB, so a flood of sign-ins must not take the machine: what cannot start in
//! time is answered with 503 while everything else goes on. An unknown account costs the same time as a wrong password.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{auth::secret, code::Code, problem::Problem};

/// How long a check may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a password that somebody gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one.
    Wrong,
    /// It is.
    Right,
    /// It is, and its hash is of a weaker kind than today's: hash it again while the password is at hand.
    Outdated,
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Hash of a random secret: what a password of nobody is compared with.
    nobody: Arc<str>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords")
            .field("permits", &self.permits)
            .finish_non_exhaustive()
    }
}

impl Passwords {
    /// Allows `at_once` checks at the same time.
    pub async fn new(at_once: usize) -> Result<Self, Problem> {
        let permits = Arc::new(Semaphore::new(at_once.max(1)));
        let secret = secret::token()?;
        let nobody = blocking(Arc::clone(&permits), move || hash(&secret)).await??;
        Ok(Self {
            permits,
            nobody: nobody.into(),
        })
    }

    /// The PHC text of a new password.
    pub async fn hash(&self, password: SecretString) -> Result<String, Problem> {
        blocking(Arc::clone(&self.permits), move || hash(&password)).await?
    }

    /// Whether the password is the one of the stored hash; always wrong, in the same time, without a hash.
    pub async fn verify(
        &self,
        stored: Option<SecretString>,
        password: SecretString,
    ) -> Result<Verdict, Problem> {
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| self.nobody.as_ref().into());
        let verdict =
            blocking(Arc::clone(&self.permits), move || verify(&phc, &password)).await??;
        Ok(if known { verdict } else { Verdict::Wrong })
    }
}

async fn blocking<T: Send + 'static>(
    permits: Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let permit: OwnedSemaphorePermit = tokio::time::timeout(PATIENCE, permits.acquire_owned())
        .await
        .map_err(|_| Problem::new(Code::Busy).retry_after(PATIENCE.as_secs()))?
        .map_err(|error| Problem::internal(&error))?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    done.await.map_err(|error| Problem::internal(&error))
}

fn hash(password: &SecretString) -> Result<String, Problem> {
    Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map(|phc: PasswordHash| phc.to_string())
        .map_err(|error| Problem::internal(&error))
}

/// With the costs that the hash names, whatever they are today.
fn verify(phc: &SecretString, password: &SecretString) -> Result<Verdict, Problem> {
    let phc = PasswordHash::new(phc.expose_secret()).map_err(|error| Problem::internal(&error))?;
    let matches = Argon2::default()
        .verify_password(password.expose_secret().as_bytes(), &phc)
        .is_ok();
    Ok(match (matches, is_current(&phc)) {
        (false, _) => Verdict::Wrong,
        (true, true) => Verdict::Right,
        (true, false) => Verdict::Outdated,
    })
}

/// Whether a hash made now would have the same algorithm and costs.
fn is_current(phc: &PasswordHash) -> bool {
    let costs = argon2::Params::try_from(phc);
    phc.algorithm == argon2::Algorithm::Argon2id.ident()
        && phc.version == Some(argon2::Version::default().into())
        && costs.is_ok_and(|costs| {
            let now = argon2::Params::default();
            (costs.m_cost(), costs.t_cost(), costs.p_cost())
                == (now.m_cost(), now.t_cost(), now.p_cost())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new(1).await.unwrap();
        let phc = passwords.hash("tangerine lamp 7".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$"), "{phc}");
        let verdict = async |phc: Option<&str>, password: &str| {
            let phc = phc.map(SecretString::from);
            passwords.verify(phc, password.into()).await.unwrap()
        };
        assert_eq!(
            verdict(Some(&phc), "tangerine lamp 7").await,
            Verdict::Right
        );
        assert_eq!(
            verdict(Some(&phc), "tangerine lamp 8").await,
            Verdict::Wrong
        );
        // Who does not exist costs what everybody costs.
        let nobody = PasswordHash::new(&passwords.nobody).unwrap();
        assert!(is_current(&nobody), "{nobody}");
        assert_eq!(verdict(None, "tangerine lamp 7").await, Verdict::Wrong);
        // Half the memory: good, but to be made anew.
        let params = argon2::Params::new(9_728, 2, 1, None).unwrap();
        let weak = Argon2::new(
            argon2::Algorithm::Argon2id,
            argon2::Version::default(),
            params,
        )
        .hash_password(b"tangerine lamp 7")
        .map(|phc: PasswordHash| phc.to_string())
        .unwrap();
        assert_eq!(
            verdict(Some(&weak), "tangerine lamp 7").await,
            Verdict::Outdated
        );
        assert_eq!(
            verdict(Some(&weak), "tangerine lamp 8").await,
            Verdict::Wrong
        );
    }
}
