//! Who works on which application, where several replicas share them.
//!
//! Every replica keeps one row alive, its heartbeat, and reads the rows of the others. An application belongs to the live
//! replica that wins its rendezvous hash, so that nothing needs to be agreed on, and one that joins or dies moves only its
//! own share. Before a replica works on an application it claims it: one conditional write, only when the holder changes.
//!
//! # Guarantees
//! No clock is compared with another machine's. A replica may act for [`VALID`] after it *began* to write the last
//! heartbeat that arrived; others take it for dead only when they saw the same heartbeat for [`DEAD`], which is longer,
//! and began to see it later. Before anything is taken from a dead replica its row is removed, on the condition that its
//! heartbeat did not move: one that comes back finds its row gone, and with it every claim.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::queue::Now;

/// Pause between two heartbeats.
pub const BEAT: Duration = Duration::from_secs(5);
/// How long a replica may act after it began to write a heartbeat.
pub const VALID: Duration = Duration::from_secs(12);
/// How long a heartbeat must have stood still until its replica counts as dead. With one pause before it is first seen
/// and one until it is looked at again, an application is taken over within 26 s.
pub const DEAD: Duration = Duration::from_secs(16);

/// One process that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its identity: a new one each time it joins.
    pub id: String,
    /// Counts up with each heartbeat.
    pub beat: u64,
    /// The applications that it asks others to hand over, where it is a guest: a single run beside the daemons. Guests
    /// get no share.
    pub wants: Option<BTreeSet<String>>,
}

/// What one replica knows of all.
#[derive(Clone, Debug)]
pub struct Membership {
    me: String,
    wants: Option<BTreeSet<String>>,
    /// When the last heartbeat that arrived was begun.
    last: Option<Now>,
    /// The others' last heartbeats, and since when each stands at that.
    seen: BTreeMap<String, (Replica, Now)>,
}

impl Membership {
    /// Alone, before the first heartbeat. `wants` makes it a guest.
    pub fn new(me: String, wants: Option<BTreeSet<String>>) -> Self {
        Membership { me, wants, last: None, seen: BTreeMap::new() }
    }

    /// This replica.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// A heartbeat arrived whose write was begun at `started`.
    pub fn beaten(&mut self, started: Now) {
        self.last = self.last.max(Some(started));
    }

    /// Until when this replica may act; `None` where it may not yet.
    pub fn valid_until(&self) -> Option<Now> {
        self.last.map(|last| last + VALID)
    }

    /// Whether this replica may start anything now.
    pub fn may_act(&self, now: Now) -> bool {
        self.valid_until().is_some_and(|until| now < until)
    }

    /// All rows were read; `now` is when the answer was there.
    pub fn saw(&mut self, rows: Vec<Replica>, now: Now) {
        let mut seen = BTreeMap::new();
        for row in rows.into_iter().filter(|row| row.id != self.me) {
            let since = match self.seen.get(&row.id) {
                Some((before, since)) if before.beat == row.beat => *since,
                _ => now,
            };
            seen.insert(row.id.clone(), (row, since));
        }
        self.seen = seen;
    }

    /// Whether a replica is known and alive.
    pub fn is_live(&self, id: &str, now: Now) -> bool {
        id == self.me || self.seen.get(id).is_some_and(|(_, since)| now.saturating_sub(*since) < DEAD)
    }

    /// Whether a replica has a row, alive or not.
    pub fn is_known(&self, id: &str) -> bool {
        id == self.me || self.seen.contains_key(id)
    }

    /// Rows whose heartbeat stands still for too long: they are to be removed.
    pub fn dead(&self, now: Now) -> Vec<Replica> {
        self.seen
            .values()
            .filter(|(_, since)| now.saturating_sub(*since) >= DEAD)
            .map(|(replica, _)| replica.clone())
            .collect()
    }

    /// A dead replica's row is gone.
    pub fn removed(&mut self, id: &str) {
        self.seen.remove(id);
    }

    /// Whether this replica should hold an application now.
    pub fn should_hold(&self, app: &str, now: Now) -> bool {
        if let Some(wants) = &self.wants {
            return wants.contains(app);
        }
        let live = || self.seen.values().filter(|(_, since)| now.saturating_sub(*since) < DEAD).map(|(row, _)| row);
        if live().any(|replica| replica.wants.as_ref().is_some_and(|wants| wants.contains(app))) {
            return false;
        }
        let mine = weight(&self.me, app);
        live().filter(|replica| replica.wants.is_none()).all(|replica| weight(&replica.id, app) < mine)
    }
}

/// Rendezvous hashing: the replica with the greatest weight has the application.
fn weight(replica: &str, app: &str) -> [u8; 32] {
    Sha256::new().chain_update(replica).chain_update([0]).chain_update(app).finalize().into()
}

/// What a replica holds: its claims by application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Counts up each time the holder changes: a release or a takeover with an older one is refused.
    pub epoch: u64,
    /// The revision of the specs that the holder before it left behind.
    pub left: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Duration::from_secs(seconds)
    }

    fn replica(id: &str, beat: u64) -> Replica {
        Replica { id: id.to_owned(), beat, wants: None }
    }

    fn members(ids: &[&str]) -> Vec<Membership> {
        let rows: Vec<Replica> = ids.iter().map(|id| replica(id, 1)).collect();
        ids.iter()
            .map(|id| {
                let mut member = Membership::new((*id).to_owned(), None);
                member.saw(rows.clone(), at(0));
                member
            })
            .collect()
    }

    fn holder(members: &[Membership], app: &str, now: Now) -> Vec<String> {
        members.iter().filter(|member| member.should_hold(app, now)).map(|member| member.me().to_owned()).collect()
    }

    #[test]
    fn replicas_that_know_one_another_agree_on_one_holder_each_and_share_evenly() {
        let members = members(&["a", "b", "c"]);
        let mut shares: BTreeMap<String, usize> = BTreeMap::new();
        for app in 0..300 {
            let holders = holder(&members, &format!("app-{app}"), at(1));
            assert_eq!(holders.len(), 1, "{holders:?}");
            *shares.entry(holders.into_iter().next().unwrap()).or_default() += 1;
        }
        assert!(shares.values().all(|share| (70..130).contains(share)), "{shares:?}");
    }

    #[test]
    fn one_that_leaves_moves_only_its_own_share() {
        let three = members(&["a", "b", "c"]);
        let two = members(&["a", "b"]);
        for app in (0..100).map(|app| format!("app-{app}")) {
            let before = holder(&three, &app, at(1));
            if before != ["c"] {
                assert_eq!(before, holder(&two, &app, at(1)));
            }
        }
    }

    #[test]
    fn a_replica_stops_acting_before_anyone_may_take_it_for_dead() {
        let mut mine = Membership::new("a".into(), None);
        mine.beaten(at(10));
        let mut other = Membership::new("b".into(), None);
        // The earliest moment at which the other can have seen that heartbeat is when its write began.
        other.saw(vec![replica("a", 1)], at(10));
        for now in 10..40 {
            other.saw(vec![replica("a", 1)], at(now));
            let taken = !other.dead(at(now)).is_empty();
            assert!(!(taken && mine.may_act(at(now))), "at {now}");
        }
        assert_eq!(other.dead(at(40)).len(), 1);
    }

    #[test]
    fn a_heartbeat_that_moves_keeps_its_replica_alive_whatever_its_clock_says() {
        let mut other = Membership::new("b".into(), None);
        for beat in 0..20 {
            other.saw(vec![replica("a", beat)], at(beat * 15));
            assert!(other.is_live("a", at(beat * 15)));
        }
    }

    #[test]
    fn a_late_answer_does_not_lengthen_what_an_earlier_heartbeat_gave() {
        let mut mine = Membership::new("a".into(), None);
        mine.beaten(at(10));
        mine.beaten(at(5));
        assert_eq!(mine.valid_until(), Some(at(10) + VALID));
    }

    #[test]
    fn a_guest_gets_what_it_asks_for_and_no_share_of_the_rest() {
        let mut daemon = Membership::new("a".into(), None);
        let guest = Replica { id: "g".into(), beat: 1, wants: Some(BTreeSet::from(["x".to_owned()])) };
        daemon.saw(vec![guest], at(0));
        assert!(!daemon.should_hold("x", at(1)));
        assert!((0..50).all(|app| daemon.should_hold(&format!("app-{app}"), at(1))));
        // A guest that died asks for nothing.
        assert!(daemon.should_hold("x", at(20)));
    }
}
