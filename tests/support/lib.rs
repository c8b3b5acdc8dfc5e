//! What tests need: an emulator of their own, a directory of specs, the program, the daemon; and an AWS account within
//! the process.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed test says why and stops"
)]

pub mod aws;
pub mod cold;
mod crash;
mod daemon;
mod dump;
pub mod hostile;
mod program;
mod rig;
pub mod tape;
mod trial;
mod wire;

pub use crash::Life;
pub use daemon::Daemon;
pub use dump::{dump, dump_recounted};
pub use program::Ran;
pub use rig::Rig;
pub use trial::{Trial, left};
pub use wire::{Call, Wire};

use std::time::{Duration, Instant};

/// A bound on how long something may take: behind a hostile network every call may have to be made several times, after
/// pauses, and how many of them come is a matter of chance.
pub(crate) fn patience(bound: Duration) -> Duration {
    if std::env::var_os("EVENKEEL_HOSTILE").is_some() { bound * 3 + Duration::from_secs(20) } else { bound }
}

/// Asks until there is an answer, and tells how long it took.
///
/// # Panics
/// Where there is none within `bound`.
pub async fn eventually<T>(what: &str, bound: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> (T, Duration) {
    let (started, bound) = (Instant::now(), patience(bound));
    loop {
        if let Some(answer) = ask().await {
            return (answer, started.elapsed());
        }
        assert!(started.elapsed() < bound, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
