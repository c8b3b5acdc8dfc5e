//! What was written a moment ago: AWS's reads may not show it yet, or show it and then not again.
//!
//! A read that shows what was before a write of ours is no reason to write the same again: a queue answers old and new
//! attributes in turn for a minute, a new role is not found for seconds. So the same step is not taken twice within the
//! time that its kind says its writes need to spread; the resource is looked at again instead.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use evenkeel_core::plan::{Action, Kinds, Step, Verb};
use tokio::time::Instant;

/// The last writes of one world.
#[derive(Debug, Default)]
pub struct Recent(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By application and logical id.
    writes: BTreeMap<(String, String), Writes>,
    /// By type and key: until when the name of what was deleted rests.
    resting: BTreeMap<(&'static str, String), Instant>,
}

#[derive(Debug, Default)]
struct Writes {
    /// Of the desired properties that were written: another spec begins anew.
    fingerprint: String,
    /// Until when each step is on its way.
    steps: BTreeMap<u64, Instant>,
}

impl Recent {
    /// Notes steps of an action that AWS has accepted, and when.
    pub fn wrote(&self, app: &str, action: &Action, kinds: &Kinds, done: &[(usize, Instant)]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { writes, resting } = &mut *state;
        let writes = writes.entry((app.to_owned(), action.id.clone())).or_default();
        if writes.fingerprint != action.fingerprint {
            *writes = Writes { fingerprint: action.fingerprint.clone(), ..Writes::default() };
        }
        for (step, at) in done.iter().filter_map(|(index, at)| Some((action.steps.get(*index)?, *at))) {
            let Some(kind) = kinds.get(step.type_name) else { continue };
            writes.steps.insert(mark(step), at + kind.spreads(step));
            if matches!(action.verb, Verb::Delete | Verb::Replace) && !kind.rests().is_zero() {
                resting.insert((step.type_name, step.refresh.1.clone()), at + kind.rests());
            }
        }
    }

    /// Until when an action has to wait because of what was written before, and why; `None` where it may begin.
    pub fn on_its_way(&self, app: &str, action: &Action) -> Option<(Instant, &'static str)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let step = action.steps.first()?;
        let later = |until: &&Instant| **until > Instant::now();
        if action.verb == Verb::Create
            && let Some(until) = state.resting.get(&(step.type_name, step.refresh.1.clone())).filter(later)
        {
            return Some((*until, "AWS does not give a name again so soon after its deletion"));
        }
        let writes = state.writes.get(&(app.to_owned(), action.id.clone()))?;
        let until = writes.steps.get(&mark(step)).filter(later)?;
        (writes.fingerprint == action.fingerprint).then_some((*until, "written, and AWS does not show it yet"))
    }

    /// Forgets what has surely spread.
    pub fn tidy(&self) {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.resting.retain(|_, until| *until > now);
        state.writes.retain(|_, writes| {
            writes.steps.retain(|_, until| *until > now);
            !writes.steps.is_empty()
        });
    }
}

/// Inputs may hold secrets: a hash is kept.
fn mark(step: &Step) -> u64 {
    let mut hasher = DefaultHasher::new();
    step.type_name.hash(&mut hasher);
    step.operation.hash(&mut hasher);
    step.refresh.1.hash(&mut hasher);
    without_revision(step).hash(&mut hasher);
    hasher.finish()
}

/// The optimistic lock says what was read, not what is written.
fn without_revision(step: &Step) -> String {
    let mut input = step.input.clone();
    if let Some(input) = input.as_object_mut() {
        input.shift_remove("RevisionId");
    }
    input.to_string()
}
