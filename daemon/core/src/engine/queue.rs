//! The work queue: which application comes next.
//!
//! # Guarantees
//! A key stands in the queue at most once, and is never handed out while it is being worked on. Of several requests
//! for one key the earliest time and the highest priority count. A request that comes while the key is being worked on
//! is kept for afterwards. Among due keys the higher priority comes first, then the one that has waited longest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::backoff::Backoff;

/// Why a key was put on the queue, as far as order is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A timer.
    Resync,
    /// The world was seen to differ.
    Drift,
    /// A person changed the spec.
    Edit,
}

/// Time since the program's start: the queue has no clock of its own.
pub type Now = Duration;

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Now,
    since: Now,
    priority: Priority,
}

/// What became of a key's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It converged: failures are forgotten.
    Converged,
    /// Something settles: look again after this pause; no failure.
    Again(Duration),
    /// It failed: tried again after a growing pause.
    Failed,
}

/// The queue.
#[derive(Clone, Debug)]
pub struct Queue {
    waiting: BTreeMap<String, Entry>,
    running: BTreeSet<String>,
    failures: BTreeMap<String, u32>,
    backoff: Backoff,
}

impl Queue {
    /// An empty queue with this backoff for failures.
    pub fn new(backoff: Backoff) -> Self {
        Queue { waiting: BTreeMap::new(), running: BTreeSet::new(), failures: BTreeMap::new(), backoff }
    }

    /// Asks for a turn of `key` at `due`. An edit forgets earlier failures.
    pub fn add(&mut self, key: &str, priority: Priority, due: Now, now: Now) {
        if priority == Priority::Edit {
            self.failures.remove(key);
        }
        let entry = self.waiting.entry(key.to_owned()).or_insert(Entry { due, since: now, priority });
        entry.due = entry.due.min(due);
        entry.priority = entry.priority.max(priority);
    }

    /// Takes the next key whose time has come; it is then being worked on until [`Queue::done`].
    pub fn next(&mut self, now: Now) -> Option<(String, Priority)> {
        let (key, priority) = self
            .waiting
            .iter()
            .filter(|(key, entry)| entry.due <= now && !self.running.contains(*key))
            .max_by_key(|(_, entry)| (entry.priority, std::cmp::Reverse(entry.since)))
            .map(|(key, entry)| (key.clone(), entry.priority))?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some((key, priority))
    }

    /// Says what became of a turn. `seed` decides the jitter of a failure's pause.
    pub fn done(&mut self, key: &str, turn: Turn, now: Now, seed: u64) {
        self.running.remove(key);
        match turn {
            Turn::Converged => {
                self.failures.remove(key);
            }
            Turn::Again(pause) => self.add(key, Priority::Drift, now + pause, now),
            Turn::Failed => {
                let tries = self.failures.entry(key.to_owned()).or_insert(0);
                *tries = tries.saturating_add(1);
                let pause = self.backoff.pause(*tries, seed);
                self.add(key, Priority::Drift, now + pause, now);
            }
        }
    }

    /// When the next key will be due, where one waits that is not being worked on.
    pub fn next_due(&self) -> Option<Now> {
        self.waiting.iter().filter(|(key, _)| !self.running.contains(*key)).map(|(_, entry)| entry.due).min()
    }

    /// Drops a key that nobody wants any more.
    pub fn forget(&mut self, key: &str) {
        self.waiting.remove(key);
        self.failures.remove(key);
    }

    /// Keys that are being worked on.
    pub fn running(&self) -> usize {
        self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queue() -> Queue {
        Queue::new(Backoff { base: Duration::from_secs(1), limit: Duration::from_secs(60) })
    }

    const fn at(seconds: u64) -> Now {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_edit_overtakes_a_resync() {
        let mut queue = queue();
        queue.add("a", Priority::Resync, at(0), at(0));
        queue.add("b", Priority::Edit, at(1), at(1));
        assert_eq!(queue.next(at(1)), Some(("b".into(), Priority::Edit)));
        assert_eq!(queue.next(at(1)), Some(("a".into(), Priority::Resync)));
    }

    #[test]
    fn a_request_during_a_turn_is_kept_for_afterwards() {
        let mut queue = queue();
        queue.add("a", Priority::Edit, at(0), at(0));
        assert!(queue.next(at(0)).is_some());
        queue.add("a", Priority::Edit, at(0), at(0));
        assert_eq!(queue.next(at(5)), None);
        queue.done("a", Turn::Converged, at(5), 0);
        assert_eq!(queue.next(at(5)), Some(("a".into(), Priority::Edit)));
    }

    #[test]
    fn failures_pause_longer_each_time_and_an_edit_forgets_them() {
        let mut queue = queue();
        queue.add("a", Priority::Resync, at(0), at(0));
        for _ in 0..5 {
            let now = queue.next_due().unwrap_or_default();
            assert!(queue.next(now).is_some());
            queue.done("a", Turn::Failed, now, 7);
        }
        let due = queue.next_due().unwrap();
        queue.add("a", Priority::Edit, at(20), at(20));
        assert!(queue.next_due().unwrap() <= due.min(at(20)));
        assert!(queue.next(at(20)).is_some());
        queue.done("a", Turn::Failed, at(20), 7);
        assert!(queue.next_due().unwrap() <= at(21));
    }

    proptest! {
        #[test]
        fn no_key_runs_twice_at_once_and_none_is_lost(ops in proptest::collection::vec((0u8..4, 0u8..5, 0u64..10), 1..200)) {
            let mut queue = queue();
            let mut running = BTreeSet::new();
            let mut asked = BTreeSet::new();
            let mut now = at(0);
            for (op, key, seconds) in ops {
                let key = format!("k{key}");
                match op {
                    0 | 1 => {
                        queue.add(&key, if op == 0 { Priority::Resync } else { Priority::Edit }, now + at(seconds), now);
                        asked.insert(key);
                    }
                    2 => {
                        now += at(seconds);
                        if let Some((key, _)) = queue.next(now) {
                            prop_assert!(running.insert(key.clone()));
                            asked.remove(&key);
                        }
                    }
                    _ => if let Some(key) = running.pop_first() { queue.done(&key, Turn::Converged, now, 0) },
                }
            }
            for key in running { queue.done(&key, Turn::Converged, now, 0); }
            while let Some((key, _)) = queue.next(now + at(1000)) {
                asked.remove(&key);
                queue.done(&key, Turn::Converged, now, 0);
            }
            prop_assert!(asked.is_empty());
        }
    }
}
