//! Claiming sign-in names. A name (or e-mail address) is an aggregate of its own, so the stream itself refuses the second
//! claim; no two accounts can end up with the same name, however many servers run.

use chatops_bus::{AppendError, StreamName};
use chatops_projections::view;
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::ctl::{NameClaimed, NameReleased},
    ids::UserId,
    subject::{self, Entity},
};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{
    code::Code,
    problem::Problem,
    state::Api,
    written::{self, By},
};

/// What the first owner claims. As a name it cannot be registered: names hold no space.
pub const FOUNDER: &str = "the founder";
/// A claim whose account does not go by that name after this time is left over from a crash and may be taken over
/// (microseconds; longer than any request lives).
const ABANDONED: i64 = 120 * 1_000_000;
const ATTEMPTS: usize = 3;

/// The subject of a name. Names hold no `@` and addresses do, so they share one space without meeting.
pub fn subject_of(name: &str) -> String {
    let folded = name.trim().to_lowercase();
    subject::ctl(
        Entity::Name,
        &HEXLOWER.encode(&Sha256::digest(folded.as_bytes())),
    )
}

/// Claims a name for an account that is about to be made or changed. False: somebody else has it.
pub async fn claim(api: &Api, by: &By, name: &str, user: UserId) -> Result<bool, Problem> {
    let subject = subject_of(name);
    for _ in 0..ATTEMPTS {
        let Some(expected) = free_at(api, &subject, user).await? else {
            return Ok(false);
        };
        let event = written::event(api, by, NameClaimed { user });
        match api
            .bus()
            .append(StreamName::Ctl, &subject, expected, &event)
            .await
        {
            Ok(_) => return Ok(true),
            Err(AppendError::Conflict { .. }) => {}
            Err(error) => return Err(written::refused(&error)),
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Gives a name back. Best effort: what stays behind is abandoned and can be taken over.
pub async fn release(api: &Api, by: &By, name: &str, user: UserId) {
    let subject = subject_of(name);
    let released = async {
        let Some(last) = api
            .bus()
            .last(StreamName::Ctl, &subject)
            .await
            .map_err(|e| written::unread(&e))?
        else {
            return Ok::<_, Problem>(());
        };
        let mine = matches!(
            codec::decode_any(&last.payload).map(|event| event.data),
            Ok(Payload::NameClaimed(claim)) if claim.user == user
        );
        if mine {
            let event = written::event(api, by, NameReleased { user });
            let appended = api
                .bus()
                .append(StreamName::Ctl, &subject, last.seq, &event)
                .await;
            appended.map_err(|error| written::refused(&error))?;
        }
        Ok(())
    };
    if let Err(problem) = released.await {
        tracing::warn!(
            code = problem.code().as_str(),
            "a sign-in name could not be released"
        );
    }
}

/// The sequence that a claim has to expect; `None` when the name is somebody else's.
async fn free_at(api: &Api, subject: &str, user: UserId) -> Result<Option<u64>, Problem> {
    let Some(last) = api
        .bus()
        .last(StreamName::Ctl, subject)
        .await
        .map_err(|error| written::unread(&error))?
    else {
        return Ok(Some(0));
    };
    let event = codec::decode_any(&last.payload).map_err(|error| Problem::internal(&error))?;
    match event.data {
        Payload::NameReleased(_) => Ok(Some(last.seq)),
        Payload::NameClaimed(claim) if claim.user == user => Ok(Some(last.seq)),
        Payload::NameClaimed(claim) => {
            let age = api.clock().now().micros_since(last.stored_at);
            if age < ABANDONED {
                return Ok(None);
            }
            let holder = api.store().user(claim.user).await?;
            let held = holder.is_some_and(|holder| holds(&holder, subject));
            Ok((!held).then_some(last.seq))
        }
        _ => Ok(None),
    }
}

/// Whether an account really goes by a name that it once claimed.
fn holds(account: &view::User, subject: &str) -> bool {
    let names = [
        Some(account.username.as_str()),
        account.email.as_deref(),
        Some(FOUNDER),
    ];
    names
        .into_iter()
        .flatten()
        .any(|name| subject_of(name) == subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_in_any_spelling_is_one_subject() {
        assert_eq!(subject_of("Ada"), subject_of(" ada "));
        assert_ne!(subject_of("ada"), subject_of("ada@example.org"));
        let subject = subject_of("'; DROP TABLE users; -- .*>");
        assert!(
            subject
                .rsplit('.')
                .next()
                .unwrap()
                .bytes()
                .all(|b| b.is_ascii_hexdigit()),
            "{subject}"
        );
    }
}
