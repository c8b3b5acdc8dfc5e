//! What is read one by one, kept between sweeps and read again in slow rotation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Every so many sweeps each key is read again.
const TURNS: u64 = 10;

/// Answers by key. Losing them costs calls, never correctness.
#[derive(Debug)]
pub(crate) struct Rotating<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    sweep: u64,
    known: BTreeMap<String, T>,
}

impl<T> Default for Rotating<T> {
    fn default() -> Self {
        Rotating { state: Mutex::new(State { sweep: 0, known: BTreeMap::new() }) }
    }
}

impl<T: Clone> Rotating<T> {
    /// A new sweep has listed these keys: the others are forgotten.
    pub(crate) fn next_sweep(&self, listed: &BTreeSet<&str>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sweep += 1;
        state.known.retain(|key, _| listed.contains(key.as_str()));
    }

    /// What is known of a key, unless it is its turn to be read again.
    pub(crate) fn get(&self, key: &str) -> Option<T> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Spread over the sweeps by the key, so that no sweep reads everything.
        let turn = key.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        if state.sweep.wrapping_add(turn) % TURNS == 0 {
            return None;
        }
        state.known.get(key).cloned()
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: &str, value: T) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).known.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_again_once_in_ten_sweeps_and_forgotten_when_it_is_gone() {
        let cache = Rotating::default();
        cache.put("a", 1);
        let listed = BTreeSet::from(["a"]);
        let read_again = (0..TURNS)
            .filter(|_| {
                cache.next_sweep(&listed);
                cache.get("a").is_none()
            })
            .count();
        assert_eq!(read_again, 1);
        cache.next_sweep(&BTreeSet::new());
        cache.next_sweep(&BTreeSet::new());
        assert_eq!(cache.get("a"), None);
    }
}
