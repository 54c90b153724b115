//! Tries: how often a source is asked again, and after which waits.

use std::time::{Duration, Instant};

use super::answer::{Answer, FetchOptions, FetchOutcome, transient};
use super::policy::Policy;
use crate::capture::{CaptureError, FailureKind};

/// The longest wait inside one ask; a source that wants to be left alone for longer is asked by a later one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Tries until there is an answer, as often and as long as the policy and the ask allow.
pub(super) async fn with_tries<T: Future<Output = Result<Answer, CaptureError>>>(
    shown: &str,
    policy: &Policy,
    with: &FetchOptions,
    request: impl Fn() -> T,
) -> FetchOutcome {
    let mut tries = 0;
    loop {
        let answer = tokio::time::timeout(policy.total_timeout, request()).await;
        let answer = answer.unwrap_or_else(|_| {
            let problem = "it did not answer completely in time".to_owned();
            Ok(Answer::Again { kind: FailureKind::TimeOut, problem, wait: None })
        });
        let (kind, problem, wait) = match answer {
            Ok(Answer::Fetched(fetched)) => return FetchOutcome { result: Ok(fetched), not_before: None },
            Ok(Answer::Again { kind, problem, wait }) => (kind, problem, wait),
            // Followed by the request itself.
            Ok(Answer::Redirect(_)) => (FailureKind::Redirect, "it redirects".to_owned(), None),
            Err(error) => return FetchOutcome { result: Err(error), not_before: None },
        };
        tries += 1;
        let now = Instant::now();
        let not_before = wait.and_then(|wait| now.checked_add(wait));
        let failed = |problem: String| FetchOutcome { result: Err(transient(shown, kind, problem)), not_before };
        if tries >= policy.tries {
            return failed(format!("{problem} (tried {tries} {})", if tries == 1 { "time" } else { "times" }));
        }
        let backoff = policy.backoff.saturating_mul(1 << (tries - 1).min(10)).min(LONGEST_WAIT);
        let pause = jitter(backoff).max(wait.unwrap_or_default());
        let is_too_late = with.no_try_after.is_some_and(|end| now.checked_add(pause).is_none_or(|next| next >= end));
        if is_too_late || pause > LONGEST_WAIT {
            let asks = wait.map(|wait| format!(", and asks to be left alone for {} s", wait.as_secs()));
            return failed(format!("{problem}{}", asks.unwrap_or_default()));
        }
        tracing::info!(url = %shown, %problem, wait_ms = pause.as_millis(), "trying again");
        tokio::time::sleep(pause).await;
    }
}

/// Somewhere between nothing and `most`, so that many clients do not come back at once.
fn jitter(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}
