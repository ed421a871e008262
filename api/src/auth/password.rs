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

    /// Whether the password is the one of the stored hash; always false, in the same time, without a hash.
    pub async fn verify(
        &self,
        stored: Option<String>,
        password: SecretString,
    ) -> Result<bool, Problem> {
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| self.nobody.as_ref().to_owned());
        let matches =
            blocking(Arc::clone(&self.permits), move || verify(&phc, &password)).await??;
        Ok(known && matches)
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

fn verify(phc: &str, password: &SecretString) -> Result<bool, Problem> {
    let phc = PasswordHash::new(phc).map_err(|error| Problem::internal(&error))?;
    Ok(Argon2::default()
        .verify_password(password.expose_secret().as_bytes(), &phc)
        .is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new(1).await.unwrap();
        let phc = passwords.hash("tangerine lamp 7".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$"), "{phc}");
        assert!(
            passwords
                .verify(Some(phc.clone()), "tangerine lamp 7".into())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(Some(phc), "tangerine lamp 8".into())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(None, "tangerine lamp 7".into())
                .await
                .unwrap()
        );
    }
}
