//! Growing pauses between tries, with jitter that the caller's seed decides.

use std::time::Duration;

/// Exponential backoff: doubles from `base` up to `limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub base: Duration,
    /// The longest pause, before jitter.
    pub limit: Duration,
}

impl Backoff {
    /// The pause before try number `tries + 1`, after `tries` failures. `seed` spreads equal failures over the last
    /// quarter of the pause, so that many keys that failed together do not come back together.
    pub fn pause(&self, tries: u32, seed: u64) -> Duration {
        let doubled = self.base.saturating_mul(1u32.checked_shl(tries.saturating_sub(1).min(20)).unwrap_or(u32::MAX));
        let pause = doubled.min(self.limit);
        pause - jitter(pause / 4, seed)
    }
}

/// A part of `span` that depends on `seed` alone.
pub fn jitter(span: Duration, seed: u64) -> Duration {
    // SplitMix64: spreads consecutive seeds evenly.
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(if millis == 0 { 0 } else { z % (millis + 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_jitter_never_lengthens_them() {
        let backoff = Backoff { base: Duration::from_secs(1), limit: Duration::from_secs(60) };
        for seed in 0..100 {
            assert!(backoff.pause(1, seed) <= Duration::from_secs(1));
            assert!(backoff.pause(3, seed) >= Duration::from_secs(3));
            assert!(backoff.pause(3, seed) <= Duration::from_secs(4));
            assert!(backoff.pause(40, seed) >= Duration::from_secs(45));
            assert!(backoff.pause(40, seed) <= Duration::from_secs(60));
        }
    }
}
