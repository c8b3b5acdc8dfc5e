//! Which of the listed things a sweep reads in full.
//!
//! A listing is cheap and a deep read is not. A thing is read in full when it was never read, when its line in the
//! listing is not what it was (its *marker* moved), when it was not settled, when something was written to it since,
//! and else in slow rotation: those that were read longest ago first, as many as the kind's [`Pace`] allows. All others
//! are kept as they are known. Losing what is remembered here costs calls, never correctness.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::{Ask, Seen, State, Table};

/// All of a kind is read again within this time, where its pace is slow.
const CIRCLE: Duration = Duration::from_secs(3600);
/// And in no fewer sweeps than this.
const SWEEPS: u64 = 10;
/// So few are read again in every sweep.
const FEW: usize = 20;
/// What part of the time between two sweeps a brisk kind may take.
const PART: f64 = 0.2;

/// How fast deep reads of a kind go round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Its listing tells of most changes: all within an hour or ten sweeps, whichever is later, and no more than so many
    /// in one sweep.
    Slow {
        /// The most that one sweep reads again.
        at_most: usize,
    },
    /// Its listing tells of no change, and its calls have a quota of their own: as many as our share of that allows in a
    /// fifth of the time between two sweeps.
    Brisk {
        /// Deep reads a second that the whole quota allows.
        a_second: f64,
    },
}

impl Pace {
    /// How many of `count` one sweep reads again, where this part of the quotas is ours.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    fn slice(self, count: usize, every: Duration, part: f64) -> usize {
        match self {
            Pace::Slow { at_most } => {
                let sweeps = (CIRCLE.as_secs_f64() / every.as_secs_f64().max(1.0)).max(SWEEPS as f64);
                ((count as f64 / sweeps).ceil() as usize).max(FEW).min(at_most)
            }
            Pace::Brisk { a_second } => ((a_second * part * PART * every.as_secs_f64()).round() as usize).max(FEW),
        }
    }
}

/// A deep read that was made: in which sweep, and what the listing said then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    marker: u64,
    sweep: u64,
}

/// What a sweep reads in full, and what it keeps.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// To be read in full: keys, or groups of keys that one call answers for.
    pub read: Vec<String>,
    kept: Vec<String>,
    reads: BTreeMap<String, Read>,
}

impl Choice {
    /// These and nothing else: no sweep.
    pub fn only(read: impl IntoIterator<Item = String>) -> Self {
        Choice { read: read.into_iter().collect(), ..Choice::default() }
    }

    /// Notes in the sweep's answer what is kept. What failed is read again next time.
    #[must_use]
    pub fn noted(mut self, mut seen: Seen) -> Seen {
        for (key, _) in &seen.failed {
            self.reads.remove(key);
        }
        seen.kept.extend(self.kept);
        seen.reads.extend(self.reads);
        seen
    }

    /// One of the groups could not be read.
    pub fn unread(&mut self, group: &str) {
        self.reads.remove(group);
    }
}

/// A marker made of whatever tells of a change.
pub fn marker(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Ask<'_> {
    /// Chooses among listed keys, each with its marker.
    pub fn choose(&self, type_name: &str, listed: impl IntoIterator<Item = (String, u64)>, pace: Pace) -> Choice {
        self.choose_groups(type_name, listed, pace, None)
    }

    /// Chooses among groups of keys: a group's keys begin with its name and `separator`.
    pub fn choose_groups(
        &self,
        type_name: &str,
        listed: impl IntoIterator<Item = (String, u64)>,
        pace: Pace,
        separator: Option<char>,
    ) -> Choice {
        let table = self.world.table(type_name);
        let mut choice = Choice::default();
        let mut known: Vec<(u64, String, u64, Vec<String>)> = Vec::new();
        for (group, marker) in listed {
            let keys = table.settled(&group, separator);
            match table.reads.get(&group).filter(|read| read.marker == marker) {
                Some(read) if !keys.is_empty() => known.push((read.sweep, group, marker, keys)),
                _ => choice.add(table, group, marker),
            }
        }
        let again = pace.slice(known.len(), self.world.every, self.world.part).min(known.len());
        known.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let kept = known.split_off(again);
        for (_, group, marker, _) in known {
            choice.add(table, group, marker);
        }
        for (sweep, group, marker, keys) in kept {
            choice.kept.extend(keys);
            choice.reads.insert(group, Read { marker, sweep });
        }
        choice
    }
}

impl Choice {
    fn add(&mut self, table: &Table, group: String, marker: u64) {
        self.reads.insert(group.clone(), Read { marker, sweep: table.sweeps + 1 });
        self.read.push(group);
    }
}

impl Table {
    /// The keys of a group that are known, where all of them are settled; none where one is not.
    fn settled(&self, group: &str, separator: Option<char>) -> Vec<String> {
        let mut out = Vec::new();
        let first = group.to_owned() + separator.map(String::from).unwrap_or_default().as_str();
        let of_group = |key: &str| if separator.is_some() { key.starts_with(&first) } else { key == group };
        for (key, item) in self.items.range(first.clone()..).take_while(|(key, _)| of_group(key)) {
            if item.state != State::Settled || self.failed.contains_key(key) {
                return Vec::new();
            }
            out.push(key.clone());
        }
        out
    }

    /// Something was written to these keys, or they were read again by themselves: the next sweep reads them, and the
    /// groups that they are in.
    pub(super) fn disturbed(&mut self, key: &str) {
        self.reads.remove(key);
        if let Some((group, _)) = key.split_once('|') {
            self.reads.remove(group);
        }
        if let Some((group, _)) = key.rsplit_once(':') {
            self.reads.remove(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::{Observation, Observed, Reading};
    use super::*;

    const SLOW: Pace = Pace::Slow { at_most: usize::MAX };

    /// One sweep over these keys and markers; gives the keys that were read in full.
    fn sweep(world: &mut Observation, listed: &[(String, u64)], pace: Pace) -> Vec<String> {
        let wanted = BTreeSet::new();
        let ask = Ask { reading: Reading::Sweep, wanted: &wanted, world };
        let choice = ask.choose("T", listed.iter().cloned(), pace);
        let read = choice.read.clone();
        let items = read.iter().map(|key| Observed::new(key, key)).collect();
        let seen = choice.noted(Seen { items, ..Seen::default() });
        world.swept("T", seen);
        read
    }

    fn listed(count: usize) -> Vec<(String, u64)> {
        (0..count).map(|n| (format!("k{n:04}"), 0)).collect()
    }

    #[test]
    fn the_first_sweep_reads_everything_and_the_next_a_slice() {
        let mut world = Observation::new();
        let listed = listed(1200);
        assert_eq!(sweep(&mut world, &listed, SLOW).len(), 1200);
        // Every five minutes: twelve sweeps an hour.
        assert_eq!(sweep(&mut world, &listed, SLOW).len(), 100);
        assert_eq!(sweep(&mut world, &listed, Pace::Slow { at_most: 30 }).len(), 30);
        assert_eq!(world.table("T").items().count(), 1200, "the others are kept");
        assert!(world.table("T").is_complete());
    }

    #[test]
    fn a_few_are_read_in_every_sweep() {
        let mut world = Observation::new();
        let listed = listed(15);
        for _ in 0..3 {
            assert_eq!(sweep(&mut world, &listed, SLOW).len(), 15);
        }
    }

    #[test]
    fn a_brisk_kind_takes_a_fifth_of_the_time_between_sweeps_whatever_our_share_is() {
        for (part, reads) in [(0.6, 270), (1.0, 450), (0.1, 45), (0.01, 20)] {
            let mut world = Observation::new();
            world.sweep_every(Duration::from_secs(300), part);
            let listed = listed(1000);
            let pace = Pace::Brisk { a_second: 7.5 };
            sweep(&mut world, &listed, pace);
            assert_eq!(sweep(&mut world, &listed, pace).len(), reads, "{part}");
        }
    }

    #[test]
    fn all_come_round_within_an_hour_or_ten_sweeps() {
        for every in [120, 300, 1800] {
            let mut world = Observation::new();
            world.sweep_every(Duration::from_secs(every), 0.6);
            let listed = listed(500);
            sweep(&mut world, &listed, SLOW);
            let sweeps = (3600 / every).max(10);
            let mut read = BTreeSet::new();
            for _ in 0..sweeps {
                read.extend(sweep(&mut world, &listed, SLOW));
            }
            assert_eq!(read.len(), 500, "every {every} s");
        }
    }

    #[test]
    fn a_marker_that_moved_is_read_at_once_and_what_vanished_is_absent() {
        let mut world = Observation::new();
        let mut listed = listed(300);
        sweep(&mut world, &listed, SLOW);
        for _ in 0..3 {
            sweep(&mut world, &listed, SLOW);
        }
        let at_rest = sweep(&mut world.clone(), &listed, SLOW);
        let moved = listed.iter().position(|(key, _)| !at_rest.contains(key)).unwrap();
        listed[moved].1 = 7;
        assert!(sweep(&mut world, &listed, SLOW).contains(&listed[moved].0));
        let gone = listed.pop().unwrap().0;
        sweep(&mut world, &listed, SLOW);
        assert!(matches!(world.table("T").look(&gone), super::super::Found::Absent));
    }

    #[test]
    fn what_was_read_again_by_itself_or_is_not_settled_is_read_by_the_next_sweep() {
        let mut world = Observation::new();
        let listed = listed(300);
        sweep(&mut world, &listed, SLOW);
        let (written, pending) = ("k0200", "k0250");
        let mut unsettled = Observed::new(pending, pending);
        unsettled.state = State::Pending { reason: "Creating".into() };
        let items = vec![Observed::new(written, written), unsettled];
        world.refreshed("T", Seen { items, ..Seen::default() });
        let read = sweep(&mut world, &listed, SLOW);
        assert!(read.contains(&written.to_owned()) && read.contains(&pending.to_owned()), "{read:?}");
        assert_eq!(read.len(), 25 + 2);
    }

    #[test]
    fn what_could_not_be_read_is_read_again_and_unknown_until_then() {
        let mut world = Observation::new();
        let listed = listed(100);
        let wanted = BTreeSet::new();
        let ask = Ask { reading: Reading::Sweep, wanted: &wanted, world: &world };
        let choice = ask.choose("T", listed.clone(), SLOW);
        let items = choice.read.iter().filter(|key| *key != "k0099").map(|key| Observed::new(key, key)).collect();
        let failed = vec![("k0099".to_owned(), "throttled".to_owned())];
        let seen = choice.noted(Seen { items, failed, ..Seen::default() });
        world.swept("T", seen);
        assert!(matches!(world.table("T").look("k0099"), super::super::Found::Unknown(_)));
        assert!(sweep(&mut world, &listed, SLOW).contains(&"k0099".to_owned()));
    }

    #[test]
    fn a_groups_keys_are_kept_together() {
        let mut world = Observation::new();
        let wanted = BTreeSet::new();
        let groups: Vec<(String, u64)> = (0..60).map(|n| (format!("f{n:02}"), 0)).collect();
        let mut read = Vec::new();
        for _ in 0..2 {
            let ask = Ask { reading: Reading::Sweep, wanted: &wanted, world: &world };
            let choice = ask.choose_groups("T", groups.clone(), SLOW, Some('|'));
            read.clone_from(&choice.read);
            // `f00-b` lies between `f00` and `f00|a`, and is none of its parts.
            let items = choice.read.iter().flat_map(|group| {
                [format!("{group}|a"), format!("{group}|b"), format!("{group}-b|a")]
                    .map(|key| Observed::new(&key, &key))
            });
            let seen = Seen { items: items.collect(), ..Seen::default() };
            let seen = choice.noted(seen);
            world.swept("T", seen);
        }
        assert_eq!(read.len(), 20);
        let keys: Vec<&str> = world.table("T").items().map(|item| item.key.as_str()).collect();
        assert_eq!(keys.iter().filter(|key| !key.contains('-')).count(), 120);
        assert_eq!(keys.iter().filter(|key| key.contains('-')).count(), 20, "only those that were read");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_changes_is_read_and_nothing_listed_is_lost(
            changes in proptest::collection::vec((0usize..80, 0u8..4), 1..120),
        ) {
            let mut world = Observation::new();
            let mut listed = listed(80);
            sweep(&mut world, &listed, SLOW);
            for (n, what) in changes {
                let key = listed[n % listed.len()].0.clone();
                match what {
                    0 => listed[n % 80].1 += 1,
                    1 => world.refreshed("T", Seen { items: vec![Observed::new(&key, &key)], ..Seen::default() }),
                    2 => world.refreshed("T", Seen { absent: vec![key.clone()], ..Seen::default() }),
                    _ => {}
                }
                let read = sweep(&mut world, &listed, Pace::Slow { at_most: 3 });
                prop_assert!(what == 3 || read.contains(&key));
                prop_assert_eq!(world.table("T").items().count(), listed.len());
            }
        }
    }
}
