//! One bucket of the limiter: who may call AWS now, and who waits.
//!
//! # Guarantees
//! In any span of `t` seconds at most `rate * t + burst` calls are let through; `rate` is the granted share of AWS's
//! quota and `burst` is small enough that no second holds more calls than the quota itself. Of those who wait the
//! higher priority goes first, then the one that came first; a sweep leaves a reserve of the burst, so that an edit
//! that comes while it runs does not even wait for a refill. Nobody starves: of ten calls one goes to whoever has
//! waited longest, once that is longer than [`AGED`]. Each throttling answer takes a part of the rate away, no more
//! than once a second, and the rate comes back slowly.
//!
//! It has no clock: it is told the time, and tells when to ask again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::queue::{Now, Priority};

/// What is left of the rate after a throttling answer.
const CUT: f64 = 0.7;
/// The least that is left of it, however often AWS throttles.
const FLOOR: f64 = 0.1;
/// What comes back each second, as a part of the whole rate.
const RECOVERY: f64 = 0.02;
/// Answers to calls that were under way when the rate was cut say nothing new.
const BETWEEN_CUTS: Duration = Duration::from_secs(1);
/// Who has waited longer than this gets one of ten calls, whatever its priority.
pub const AGED: Duration = Duration::from_secs(20);
/// Every so many calls one goes to who has waited longest.
const EVERY: u32 = 10;

/// What part of AWS's quotas evenkeel takes: the rest is for people and other tools.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// From a percentage; `None` where it is not between 1 and 100.
    pub fn percent(percent: f64) -> Option<Share> {
        (1.0..=100.0).contains(&percent).then(|| Share(percent / 100.0))
    }

    /// As a part of the whole.
    pub const fn part(self) -> f64 {
        self.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Share(0.6)
    }
}

/// Somebody's place in the queue.
pub type Ticket = u64;

/// What a ticket's turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The call may be made; the ticket is used up.
    Admitted,
    /// It is next: to ask again then.
    At(Now),
    /// This one is before it.
    Behind(Ticket),
}

#[derive(Clone, Copy, Debug)]
struct Waiter {
    priority: Priority,
    since: Now,
}

/// A token bucket with a queue, whose rate adapts.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Calls a second while AWS does not complain.
    granted: f64,
    burst: f64,
    /// What part of `granted` is left after throttling.
    factor: f64,
    level: f64,
    at: Now,
    cut: Option<Now>,
    waiting: BTreeMap<Ticket, Waiter>,
    next: Ticket,
    /// Calls since one went to who had waited longest.
    since_aged: u32,
}

impl Bucket {
    /// A full bucket of a quota of so many calls a second.
    pub fn new(quota: f64, share: Share, now: Now) -> Self {
        let granted = quota * share.0;
        // A full bucket and a second's refill are together what AWS grants in that second.
        let burst = (quota - granted).max(1.0);
        Bucket {
            granted,
            burst,
            factor: 1.0,
            level: burst,
            at: now,
            cut: None,
            waiting: BTreeMap::new(),
            next: 0,
            since_aged: 0,
        }
    }

    /// Calls a second now.
    pub fn rate(&self) -> f64 {
        self.granted * self.factor
    }

    /// The most that is let through at once.
    pub fn burst(&self) -> f64 {
        self.burst
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Joins the queue.
    pub fn enter(&mut self, priority: Priority, now: Now) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting.insert(ticket, Waiter { priority, since: now });
        ticket
    }

    /// Leaves the queue without a call.
    pub fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Who is next.
    pub fn head(&self, now: Now) -> Option<Ticket> {
        self.aged(now).or_else(|| {
            let by_priority = |(ticket, waiter): &(&Ticket, &Waiter)| (waiter.priority, std::cmp::Reverse(**ticket));
            self.waiting.iter().max_by_key(by_priority).map(|(ticket, _)| *ticket)
        })
    }

    /// Who has waited too long, where it is the turn of such.
    fn aged(&self, now: Now) -> Option<Ticket> {
        let (ticket, waiter) = self.waiting.iter().next().filter(|_| self.since_aged >= EVERY - 1)?;
        (now.saturating_sub(waiter.since) > AGED).then_some(*ticket)
    }

    /// Whether it is this ticket's turn.
    pub fn turn(&mut self, ticket: Ticket, now: Now) -> Turn {
        self.refill(now);
        let aged = self.aged(now) == Some(ticket);
        match self.head(now) {
            Some(head) if head != ticket && self.waiting.contains_key(&ticket) => return Turn::Behind(head),
            _ => {}
        }
        let kept = match self.waiting.get(&ticket).map(|waiter| waiter.priority) {
            Some(Priority::Resync) if !aged => self.reserve(),
            Some(Priority::Drift) if !aged => self.reserve() / 2.0,
            _ => 0.0,
        };
        let short = 1.0 + kept - self.level;
        if short > 1e-9 {
            return Turn::At(now + Duration::from_secs_f64(short / self.rate()));
        }
        self.level -= 1.0;
        self.since_aged = if aged { 0 } else { self.since_aged.saturating_add(1) };
        self.waiting.remove(&ticket);
        Turn::Admitted
    }

    /// AWS asked for fewer calls.
    pub fn throttled(&mut self, now: Now) {
        self.refill(now);
        // Whatever was saved up: AWS's own bucket is empty.
        self.level = self.level.min(0.0);
        if self.cut.is_none_or(|cut| now.saturating_sub(cut) >= BETWEEN_CUTS) {
            self.factor = (self.factor * CUT).max(FLOOR);
            self.cut = Some(now);
        }
    }

    /// What a sweep leaves for an edit.
    fn reserve(&self) -> f64 {
        (self.capacity() - 1.0) / 2.0
    }

    fn capacity(&self) -> f64 {
        (self.burst * self.factor).max(1.0)
    }

    fn refill(&mut self, now: Now) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed * self.rate()).min(self.capacity());
        self.factor = (self.factor + passed * RECOVERY).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(millis: u64) -> Now {
        Duration::from_millis(millis)
    }

    /// Lambda's bucket at the usual share: 9 a second, 6 at once.
    fn lambda() -> Bucket {
        Bucket::new(15.0, Share::default(), at(0))
    }

    /// Lets whoever is next through, as the time passes; gives when each ticket was admitted.
    fn drain(bucket: &mut Bucket, from: Now, until: Now) -> Vec<(Ticket, Now)> {
        let mut now = from;
        let mut out = Vec::new();
        while let Some(head) = bucket.head(now) {
            match bucket.turn(head, now) {
                Turn::Admitted => out.push((head, now)),
                Turn::At(next) => now = next.max(now + Duration::from_nanos(1)),
                Turn::Behind(_) => unreachable!("the head is behind nobody"),
            }
            if now > until {
                break;
            }
        }
        out
    }

    #[test]
    fn a_second_never_holds_more_calls_than_the_quota_itself() {
        for (quota, percent) in [(15.0, 60.0), (100.0, 60.0), (3.0, 60.0), (15.0, 90.0), (4.0, 10.0)] {
            let mut bucket = Bucket::new(quota, Share::percent(percent).unwrap(), at(0));
            for _ in 0..1000 {
                bucket.enter(Priority::Edit, at(0));
            }
            let times: Vec<Now> = drain(&mut bucket, at(0), at(60_000)).into_iter().map(|(_, at)| at).collect();
            for (first, time) in times.iter().enumerate() {
                let within = times.iter().skip(first).filter(|later| **later < *time + at(1000)).count();
                assert!(within as f64 <= quota.max(2.0) + 1.0, "{within} calls in a second of {quota}");
            }
        }
    }

    #[test]
    fn an_edit_that_comes_during_a_sweep_goes_at_once() {
        let mut bucket = lambda();
        for _ in 0..500 {
            bucket.enter(Priority::Resync, at(0));
        }
        drain(&mut bucket, at(0), at(10_000));
        let edit = bucket.enter(Priority::Edit, at(10_200));
        assert_eq!(bucket.turn(edit, at(10_200)), Turn::Admitted);
    }

    #[test]
    fn a_repair_goes_before_a_sweep_and_after_an_edit() {
        let mut bucket = lambda();
        let sweep = bucket.enter(Priority::Resync, at(0));
        let repair = bucket.enter(Priority::Drift, at(1));
        let edit = bucket.enter(Priority::Edit, at(2));
        assert_eq!(bucket.turn(sweep, at(3)), Turn::Behind(edit));
        let order: Vec<Ticket> = drain(&mut bucket, at(3), at(3000)).into_iter().map(|(ticket, _)| ticket).collect();
        assert_eq!(order, [edit, repair, sweep]);
    }

    #[test]
    fn edits_without_end_do_not_starve_a_sweep() {
        let mut bucket = lambda();
        // Nothing is saved up.
        bucket.throttled(at(0));
        let sweep = bucket.enter(Priority::Resync, at(0));
        let mut admitted = None;
        // Twice as many edits as the bucket grants.
        for tick in 0..600 {
            let now = at(tick * 50);
            bucket.enter(Priority::Edit, now);
            for (ticket, when) in drain(&mut bucket, now, now) {
                if ticket == sweep {
                    admitted = Some(when);
                }
            }
        }
        let admitted = admitted.expect("it had its turn");
        assert!(admitted > AGED && admitted < AGED + at(2000), "{admitted:?}");
    }

    #[test]
    fn after_a_throttle_the_rate_falls_and_comes_back() {
        let mut bucket = lambda();
        assert_eq!(bucket.rate(), 9.0);
        // Answers to calls that were under way together count once.
        for _ in 0..5 {
            bucket.throttled(at(100));
        }
        assert!((bucket.rate() - 6.3).abs() < 1e-9, "{}", bucket.rate());
        let edit = bucket.enter(Priority::Edit, at(100));
        assert!(matches!(bucket.turn(edit, at(100)), Turn::At(_)), "what was saved up is gone");
        assert_eq!(bucket.turn(edit, at(6_100)), Turn::Admitted);
        assert!(bucket.rate() > 6.3 && bucket.rate() < 9.0);
        bucket.enter(Priority::Edit, at(20_100));
        drain(&mut bucket, at(20_100), at(21_000));
        assert_eq!(bucket.rate(), 9.0);
    }

    #[test]
    fn however_often_aws_throttles_a_tenth_is_left() {
        let mut bucket = lambda();
        for second in 0..100 {
            bucket.throttled(at(second * 1000));
        }
        assert!(bucket.rate() >= 0.9, "{}", bucket.rate());
    }

    #[test]
    fn who_leaves_the_queue_holds_nobody_up() {
        let mut bucket = lambda();
        let gone = bucket.enter(Priority::Edit, at(0));
        let sweep = bucket.enter(Priority::Resync, at(0));
        assert_eq!(bucket.turn(sweep, at(0)), Turn::Behind(gone));
        bucket.leave(gone);
        assert_eq!(bucket.turn(sweep, at(0)), Turn::Admitted);
        assert_eq!(bucket.waiting(), 0);
    }

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(Share::percent(60.0), Some(Share::default()));
        assert!(Share::percent(0.0).is_none() && Share::percent(101.0).is_none() && Share::percent(f64::NAN).is_none());
    }

    fn priority() -> impl Strategy<Value = Priority> {
        prop_oneof![Just(Priority::Resync), Just(Priority::Drift), Just(Priority::Edit)]
    }

    proptest! {
        #[test]
        fn in_no_span_more_than_rate_and_burst_is_let_through(
            quota in 1.0f64..120.0,
            percent in 5.0f64..100.0,
            calls in proptest::collection::vec((0u64..400, priority(), any::<bool>()), 1..200),
        ) {
            let mut bucket = Bucket::new(quota, Share::percent(percent).unwrap(), at(0));
            let (rate, burst) = (bucket.rate(), bucket.burst());
            let mut now = at(0);
            let mut times = Vec::new();
            let mut entered = 0;
            for (pause, priority, throttled) in calls {
                let later = now + at(pause);
                times.extend(drain(&mut bucket, now, later));
                now = later.max(times.last().map_or(now, |(_, at)| *at));
                if throttled && pause % 7 == 0 {
                    bucket.throttled(now);
                }
                bucket.enter(priority, now);
                entered += 1;
            }
            times.extend(drain(&mut bucket, now, now + Duration::from_secs(100_000)));
            prop_assert_eq!(times.len(), entered, "everybody had a turn");
            let times: Vec<f64> = times.into_iter().map(|(_, at)| at.as_secs_f64()).collect();
            for (first, start) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as f64;
                    prop_assert!(count <= rate * (end - start) + burst + 1e-3, "{} in {}", count, end - start);
                }
            }
        }

        #[test]
        fn an_edit_waits_for_edits_alone(
            sweeps in 1usize..300,
            edits in 1usize..20,
            come in 0u64..30_000,
        ) {
            let mut bucket = lambda();
            for _ in 0..sweeps {
                bucket.enter(Priority::Resync, at(0));
            }
            // The sweep takes what it gets until the edits come.
            drain(&mut bucket, at(0), at(come));
            let come = at(come) + at(200);
            let tickets: Vec<Ticket> = (0..edits).map(|_| bucket.enter(Priority::Edit, come)).collect();
            let admitted = drain(&mut bucket, come, come + at(60_000));
            let last = admitted.iter().filter(|(ticket, _)| tickets.contains(ticket)).map(|(_, at)| *at).max();
            let waited = last.unwrap() - come;
            // One in ten may have gone to a sweep's call that had waited too long.
            let fair = (edits as f64 * 1.1 + 1.0) / 9.0;
            prop_assert!(waited.as_secs_f64() <= fair, "{waited:?} for {edits} edits");
        }
    }
}
