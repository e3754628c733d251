//! Retries of requests, with exponential backoff.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use github_stats_actors::source::SourceError;
use rand::RngExt;
use tokio::time::Instant;

use super::api_request::RequestFailure;

tokio::task_local! {
    /// The number of the current attempt, from 1.
    static ATTEMPT: u64;
}

/// How often and for how long a request is retried.
#[derive(Clone, Copy, Debug)]
pub struct RetrySettings {
    /// Attempts in all, the first included.
    pub max_attempts: usize,
    /// The first pause.
    pub initial_backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// Whether pauses are randomised, so that replicas do not retry in step.
    pub jitter: bool,
    /// No retry is begun later than this after the first attempt.
    pub deadline: Duration,
}

impl RetrySettings {
    /// Retries transient failures with growing pauses, as often and as long as configured.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, SourceError>
    where
        F: Future<Output = Result<T, RequestFailure>>,
    {
        let started = Instant::now();
        let mut backoffs = self.backoffs();
        let mut number = 0;
        loop {
            number += 1;
            let error = match ATTEMPT.scope(number, attempt()).await {
                Ok(result) => return Ok(result),
                Err(RequestFailure::Permanent(error)) => return Err(error),
                Err(RequestFailure::Transient(error) | RequestFailure::TimedOut(error)) => error,
            };
            let Some(backoff) = backoffs.next() else { return Err(error) };
            let pause = error.retry_after.unwrap_or_default().max(self.jittered(backoff));
            if started.elapsed() + pause > self.deadline {
                return Err(error);
            }
            tracing::debug!(%error, ?pause, "retrying a request to GitHub");
            tokio::time::sleep(pause).await;
        }
    }

    /// The pause before a smaller request is made in place of one that was too heavy.
    pub fn first_pause(&self) -> Duration {
        self.jittered(self.initial_backoff)
    }

    fn backoffs(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.initial_backoff)
            .with_max_delay(self.max_backoff)
            .with_max_times(self.max_attempts.saturating_sub(1))
            .build()
    }

    /// Full jitter: anything from zero to the pause, so that requests that failed together are not
    /// retried together.
    fn jittered(&self, pause: Duration) -> Duration {
        if self.jitter { pause.mul_f64(rand::rng().random_range(0.0..=1.0)) } else { pause }
    }
}

/// The number of the current attempt, from 1.
pub fn current_attempt() -> u64 {
    ATTEMPT.try_with(|attempt| *attempt).unwrap_or(1)
}
