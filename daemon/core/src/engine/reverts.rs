//! Changes that somebody else undoes: put right twice, then left with a reason, instead of a fight without end.
//!
//! A revert is a difference of something that was as the spec says, while the spec has not changed. One is drift, and is
//! put right; so is a second. At a third within [`WINDOW`] of the last repair the resource stalls: a person who insists, a
//! script, or a second controller with other specs writes to it too. Two controllers that fight so both stop, or one of
//! them wins; neither goes on for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::{Action, Plan, Standing, Verb};

/// Repairs of one resource after which the next revert stalls it.
pub const REPAIRS: usize = 2;
/// How long a repair counts: what differs again after this is drift as any other.
pub const WINDOW: Duration = Duration::from_secs(3600);

/// What one application's process remembers of reverts. `now` is the time since any fixed moment.
#[derive(Clone, Debug, Default)]
pub struct Reverts(BTreeMap<String, Entry>);

#[derive(Clone, Debug, Default)]
struct Entry {
    /// Of the desired properties: another spec begins anew.
    fingerprint: String,
    /// Whether it was as the spec says since the last repair.
    settled: bool,
    /// The difference that is being put right.
    repairing: bool,
    /// When it was put right.
    repairs: Vec<Duration>,
    stalled: Option<String>,
}

impl Reverts {
    /// Takes in a plan, and says what is to be left alone: reasons by logical id.
    pub fn look(&mut self, plan: &Plan, now: Duration) -> BTreeMap<String, String> {
        self.0.retain(|id, _| plan.actions.iter().any(|action| action.id == *id));
        let mut out = BTreeMap::new();
        for action in &plan.actions {
            let entry = self.0.entry(action.id.clone()).or_default();
            if entry.fingerprint != action.fingerprint {
                *entry = Entry { fingerprint: action.fingerprint.clone(), ..Entry::default() };
            }
            entry.repairs.retain(|at| now.saturating_sub(*at) < WINDOW);
            if is_settled(action) {
                *entry = Entry { settled: true, repairing: false, stalled: None, ..std::mem::take(entry) };
            } else if matches!(action.verb, Verb::Create | Verb::Update | Verb::Replace) && !action.steps.is_empty() {
                if entry.settled {
                    entry.settled = false;
                    entry.repairing = entry.repairs.len() < REPAIRS;
                    entry.stalled = (!entry.repairing).then(|| reason(action));
                }
                if let Some(reason) = &entry.stalled {
                    out.insert(action.id.clone(), reason.clone());
                }
            }
        }
        out
    }

    /// Takes in that a resource was written, or that a write was sent whose answer was lost.
    ///
    /// Only this counts: a read that shows what was before a write of ours differs too, and nothing is written because of it.
    pub fn wrote(&mut self, id: &str, now: Duration) {
        if let Some(entry) = self.0.get_mut(id)
            && std::mem::take(&mut entry.repairing)
        {
            entry.repairs.push(now);
        }
    }
}

fn is_settled(action: &Action) -> bool {
    action.verb == Verb::None && action.standing == Standing::Ready
}

fn reason(action: &Action) -> String {
    let mut paths: Vec<&str> = action.changes.iter().map(|change| change.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let what = match (action.verb, paths.as_slice()) {
        (Verb::Create, _) => "it".to_owned(),
        (_, []) => "it".to_owned(),
        (_, paths) => format!("`{}`", paths.join("`, `")),
    };
    let ignore = match (action.verb, paths.as_slice()) {
        (Verb::Create, _) | (_, []) => String::new(),
        (_, paths) => {
            format!(", or leave it alone with the annotation evenkeel.dev/ignore-drift: \"{}\"", paths.join(", "))
        }
    };
    let done = if action.verb == Verb::Create { "deleted" } else { "changed" };
    format!(
        "somebody else {done} {what} again after evenkeel had put it right {REPAIRS} times, so it is left as it is now: find out who (CloudTrail tells, a second evenkeel with other specs is one) and stop them{ignore}; evenkeel goes on when the spec of it changes, when it is as the spec says, or after a restart"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Cause, Change, Step};
    use serde_json::Value as Json;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn plan(fingerprint: &str, differs: bool) -> Plan {
        let mut action =
            Action { fingerprint: fingerprint.to_owned(), ..Action::new("q", "AWS::SQS::Queue", Verb::None) };
        if differs {
            action.verb = Verb::Update;
            action.standing = Standing::Acting;
            action.steps = vec![Step {
                type_name: "AWS::SQS::Queue",
                operation: "SetQueueAttributes",
                input: Json::Null,
                refresh: ("AWS::SQS::Queue", "q".to_owned()),
            }];
            action.changes = vec![Change {
                path: "VisibilityTimeout".to_owned(),
                from: Json::Null,
                to: Json::Null,
                to_unknown: None,
                cause: Cause::Drift,
            }];
        }
        Plan { actions: vec![action], ..Plan::default() }
    }

    /// One turn that puts right what it may; true where it did.
    fn turn(reverts: &mut Reverts, fingerprint: &str, now: Duration) -> bool {
        let goes_on = reverts.look(&plan(fingerprint, true), now).is_empty();
        if goes_on {
            reverts.wrote("q", now);
            reverts.look(&plan(fingerprint, false), now);
        }
        goes_on
    }

    #[test]
    fn a_change_that_is_undone_is_put_right_twice_and_the_third_time_it_stalls() {
        let mut reverts = Reverts::default();
        assert!(turn(&mut reverts, "one", at(0)), "the first writing is no repair");
        assert!(turn(&mut reverts, "one", at(10)));
        assert!(turn(&mut reverts, "one", at(20)));
        for later in [30, 40, 5000, 500_000] {
            let stalled = reverts.look(&plan("one", true), at(later));
            let reason = &stalled["q"];
            assert!(reason.contains("`VisibilityTimeout`") && reason.contains("evenkeel.dev/ignore-drift"), "{reason}");
        }
    }

    #[test]
    fn a_read_that_flips_between_old_and_new_is_no_revert() {
        let mut reverts = Reverts::default();
        for now in 0..20 {
            assert!(reverts.look(&plan("one", now % 2 == 0), at(now)).is_empty());
        }
    }

    #[test]
    fn another_spec_begins_anew() {
        let mut reverts = Reverts::default();
        for now in 0..3 {
            assert!(turn(&mut reverts, "one", at(now)));
        }
        assert!(!turn(&mut reverts, "one", at(3)));
        for now in 4..7 {
            assert!(turn(&mut reverts, "two", at(now)), "{now}");
        }
        assert!(!turn(&mut reverts, "two", at(7)));
    }

    #[test]
    fn what_is_as_the_spec_says_again_is_no_longer_stalled_and_the_next_revert_stalls_at_once() {
        let mut reverts = Reverts::default();
        for now in 0..3 {
            assert!(turn(&mut reverts, "one", at(now)));
        }
        assert!(!turn(&mut reverts, "one", at(3)));
        assert!(reverts.look(&plan("one", false), at(4)).is_empty());
        assert!(!turn(&mut reverts, "one", at(5)));
    }

    #[test]
    fn drift_that_comes_seldom_is_always_put_right() {
        let mut reverts = Reverts::default();
        for hour in 0..50 {
            assert!(turn(&mut reverts, "one", at(hour * 3600)), "{hour}");
        }
    }

    #[test]
    fn what_was_never_as_the_spec_says_is_no_revert() {
        let mut reverts = Reverts::default();
        for now in 0..20 {
            assert!(reverts.look(&plan("one", true), at(now)).is_empty(), "a write that fails is tried again");
            reverts.wrote("q", at(now));
        }
    }
}
