//! What one run remembers of resources: why they are held, how often they were tried and written.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_core::engine::Backoff;
use evenkeel_core::plan::{Action, ApplyError, Held};
use tokio::time::Instant;

use super::seed;
use super::underway::Underway;

/// How often one resource may be written in one run before evenkeel stops: AWS, or somebody else, undoes the change.
const WRITES_BEFORE_STALL: u32 = 8;
/// Pauses after errors that pass by themselves.
const RETRY: Backoff = Backoff { base: Duration::from_millis(500), limit: Duration::from_secs(30) };
/// How often an error that should pass by itself may come back in one run.
const TRIES: u32 = 6;

/// Why a resource is not tried.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) held: Held,
    pub(super) until: Option<Instant>,
    /// What to read again when the time is up.
    pub(super) look: Vec<(&'static str, String)>,
}

impl Hold {
    fn stalled(reason: String) -> Hold {
        Hold { held: Held::Stalled(reason), until: None, look: Vec::new() }
    }

    fn pausing(reason: String, pause: Duration) -> Hold {
        Hold { held: Held::Pausing(reason), until: Some(Instant::now() + pause), look: Vec::new() }
    }
}

/// By logical id.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) holds: BTreeMap<String, Hold>,
    pub(super) waiting_since: BTreeMap<String, Instant>,
    /// Looks at what was written and does not show yet.
    pub(super) looks: BTreeMap<String, u32>,
    /// Failures in a row that should pass by themselves.
    tries: BTreeMap<String, u32>,
    /// Refusals in a row that say when to come again.
    refusals: BTreeMap<String, u32>,
    writes: BTreeMap<String, u32>,
}

impl Memory {
    /// Nothing yet, but since when resources have been waiting.
    pub(super) fn new(waiting_since: BTreeMap<String, Instant>) -> Self {
        Memory { waiting_since, ..Memory::default() }
    }

    /// Leaves these as they are, for these reasons.
    pub(super) fn stall(&mut self, reasons: BTreeMap<String, String>) {
        self.holds.extend(reasons.into_iter().map(|(id, reason)| (id, Hold::stalled(reason))));
    }

    /// Lets go of what was held until now: the ids, and what to read of each before it is planned.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(String, Vec<(&'static str, String)>)> {
        let mut due = Vec::new();
        self.holds.retain(|id, hold| {
            let holds = hold.until.is_none_or(|until| until > now);
            if !holds {
                due.push((id.clone(), std::mem::take(&mut hold.look)));
            }
            holds
        });
        due
    }

    /// When the next is let go.
    pub(super) fn next(&self) -> Option<Instant> {
        self.holds.values().filter_map(|hold| hold.until).min()
    }

    /// What is not to be tried now.
    pub(super) fn held(&self, underway: &Underway<'_>) -> BTreeMap<String, Held> {
        let busy = underway.busy().map(|id| (id.clone(), Held::Pausing("under way".to_owned())));
        let holds = self.holds.iter().map(|(id, hold)| (id.clone(), hold.held.clone()));
        busy.chain(holds).collect()
    }

    /// Takes in how an action ended of which something was tried.
    pub(super) fn remember(&mut self, action: &Action, error: Option<&ApplyError>) {
        let now = Instant::now();
        let id = &action.id;
        let Some(error) = error else {
            self.tries.remove(id);
            self.refusals.remove(id);
            self.waiting_since.remove(id);
            let writes = self.writes.entry(id.clone()).or_insert(0);
            *writes += 1;
            if *writes > WRITES_BEFORE_STALL {
                let paths: Vec<&str> = action.changes.iter().map(|change| change.path.as_str()).collect();
                let reason = format!(
                    "written {writes} times and still different ({}): something else changes it, or AWS does not keep the value",
                    paths.join(", ")
                );
                self.holds.insert(id.clone(), Hold::stalled(reason));
            } else if *writes > 2 {
                let reason = "written, and not yet seen to have taken effect".to_owned();
                self.holds.insert(id.clone(), Hold::pausing(reason, RETRY.pause(*writes - 2, seed(id))));
            }
            return;
        };
        // What only takes its time, and a refusal for too many calls, are no failed tries: after many of them the first lost
        // answer would be one too many.
        let counts = if matches!(error, ApplyError::Wait { .. } | ApplyError::Throttled(_)) {
            &mut self.refusals
        } else {
            &mut self.tries
        };
        let tries = counts.entry(id.clone()).or_insert(0);
        *tries += 1;
        let tries = *tries;
        let again = || Hold::pausing(error.to_string(), RETRY.pause(tries, seed(id)));
        let hold = match error {
            ApplyError::Wait { reason, retry_after, patience } => {
                let since = *self.waiting_since.entry(id.clone()).or_insert(now);
                if now.duration_since(since) > *patience {
                    Hold::stalled(format!("{reason} (waited {} s)", patience.as_secs()))
                } else {
                    Hold::pausing(error.to_string(), *retry_after)
                }
            }
            ApplyError::Throttled(_) => again(),
            ApplyError::Uncertain(_) | ApplyError::Conflict(_) if tries <= TRIES => again(),
            other => Hold::stalled(other.to_string()),
        };
        self.holds.insert(id.clone(), hold);
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_core::plan::Verb;

    use super::*;

    fn action() -> Action {
        Action::new("f", "AWS::Lambda::Function", Verb::Create)
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_and_throttles_are_no_failed_tries() {
        let mut memory = Memory::default();
        let wait = ApplyError::Wait {
            reason: "the role cannot be assumed yet".to_owned(),
            retry_after: Duration::from_secs(1),
            patience: Duration::from_secs(600),
        };
        for _ in 0..2 * TRIES {
            memory.remember(&action(), Some(&wait));
            memory.remember(&action(), Some(&ApplyError::Throttled("Rate exceeded".to_owned())));
        }
        let lost = ApplyError::Uncertain("the connection was reset".to_owned());
        for _ in 0..TRIES {
            memory.remember(&action(), Some(&lost));
            assert!(matches!(memory.holds["f"].held, Held::Pausing(_)));
        }
        memory.remember(&action(), Some(&lost));
        assert!(matches!(memory.holds["f"].held, Held::Stalled(_)));
    }
}
