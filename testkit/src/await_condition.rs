//! Waiting for something to become true. Called by tests instead of sleeping: the wait ends as
//! soon as the condition holds, and says what was missing when it never does.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// First pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks at `condition` until it is true.
///
/// # Panics
/// When it is not true within `deadline`, naming `what` was awaited.
pub async fn eventually<F>(what: &str, deadline: Duration, mut condition: F)
where
    F: AsyncFnMut() -> bool,
{
    until(what, deadline, async || condition().await.then_some(())).await;
}

/// Calls `probe` until it gives a value, and returns that.
///
/// # Panics
/// When there is none within `deadline`, naming `what` was awaited. A probe that hangs is ended
/// by the same deadline.
pub async fn until<T, F>(what: &str, deadline: Duration, mut probe: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        match timeout_at(end, probe()).await {
            Ok(Some(value)) => return value,
            Ok(None) if Instant::now() < end => sleep(pause).await,
            Ok(None) | Err(_) => panic!("waited {deadline:?} in vain: {what}"),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
