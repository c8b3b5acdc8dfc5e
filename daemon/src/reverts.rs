//! What a daemon remembers of changes that somebody else undoes: the engine's memory, with a clock and for several hands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_core::engine::Reverts;
use evenkeel_core::plan::Plan;
use tokio::time::Instant;

/// One application's memory; clones are the same one.
#[derive(Clone, Debug)]
pub struct Watch {
    since: Instant,
    reverts: Arc<Mutex<Reverts>>,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { since: Instant::now(), reverts: Arc::default() }
    }
}

impl Watch {
    fn reverts(&self) -> MutexGuard<'_, Reverts> {
        self.reverts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a plan, and says what is to be left alone: reasons by logical id.
    pub fn look(&self, plan: &Plan) -> BTreeMap<String, String> {
        self.reverts().look(plan, self.since.elapsed())
    }

    /// Takes in that a resource was written.
    pub fn wrote(&self, id: &str) {
        self.reverts().wrote(id, self.since.elapsed());
    }
}
