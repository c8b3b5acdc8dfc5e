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
pub use dump::dump;
pub use program::Ran;
pub use rig::Rig;
pub use trial::{Trial, left};
pub use wire::{Call, Wire};

use std::time::{Duration, Instant};

/// Asks until there is an answer, and tells how long it took.
///
/// # Panics
/// Where there is none within `bound`.
pub async fn eventually<T>(what: &str, bound: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> (T, Duration) {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return (answer, started.elapsed());
        }
        assert!(started.elapsed() < bound, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
