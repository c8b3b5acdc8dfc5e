//! One turn of one application in the daemon, and how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_aws::limiter::with_priority;
use evenkeel_core::engine::Priority;
use evenkeel_core::engine::queue::Turn;
use evenkeel_core::plan::{Export, Plan, Standing};
use tokio::sync::{Mutex, watch};
use tokio::task;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::until_told_to_end;
use crate::apps::{Target, Tree};
use crate::converge::{Converged, Run};
use crate::report::AppReport;
use crate::server::Board;
use crate::session::{PrepareError, Prepared, Ready, Session};
use crate::{observe, reverts};

/// A turn that still waits after this gives its place to others.
const TURN: Duration = Duration::from_secs(60);

/// What the daemon remembers about an application.
#[derive(Default)]
pub(super) struct Memory {
    /// The last spec that compiled.
    pub(super) good: Option<Arc<Prepared>>,
    /// Fingerprints of the last converged plan.
    pub(super) fingerprints: Option<BTreeMap<String, String>>,
    /// What it exported at the end of its last turn.
    pub(super) exports: BTreeMap<String, Export>,
    /// Since when resources have been waiting for what AWS calls a matter of time.
    pub(super) waiting_since: BTreeMap<String, Instant>,
    /// Changes of ours that somebody else undoes.
    pub(super) reverts: reverts::Watch,
    /// What is left of deletions that were allowed by their digest and interrupted.
    pub(super) allowed: BTreeSet<String>,
}

/// How a turn ended, and what others have of it.
pub(super) struct Ended {
    pub(super) turn: Turn,
    /// Whether what it exports is not what it was.
    pub(super) exports_changed: bool,
    /// Keys of the applications that it imports from.
    pub(super) imports_from: BTreeSet<String>,
}

impl Ended {
    pub(super) fn failed() -> Self {
        Ended { turn: Turn::Failed, exports_changed: false, imports_from: BTreeSet::new() }
    }
}

/// How a turn ended, by its task; nothing for one that panicked: it is tried again as a failed one is, and holds up
/// nobody else.
pub(super) fn ended<T>(finished: Result<(task::Id, T), task::JoinError>) -> (task::Id, Option<T>) {
    match finished {
        Ok((id, ended)) => (id, Some(ended)),
        Err(failure) => {
            error!(%failure, "a turn ended in the middle; this is a bug in evenkeel");
            (failure.id(), None)
        }
    }
}

/// One application's turn.
pub(super) struct Work {
    pub(super) session: Arc<Session>,
    pub(super) board: Board,
    pub(super) allowed: BTreeSet<String>,
    pub(super) tree: Arc<Tree>,
    pub(super) target: Target,
    pub(super) confirmed: bool,
    pub(super) memory: Arc<Mutex<Memory>>,
    pub(super) stopped: watch::Receiver<bool>,
    /// Turns true when the process is to end.
    pub(super) draining: watch::Receiver<bool>,
    pub(super) priority: Priority,
}

impl Work {
    pub(super) async fn turn(self) -> Ended {
        let mut memory = self.memory.lock().await;
        let revision = self.tree.snapshot.revision.name.clone();
        let (app, env) = (self.target.app.as_str(), self.target.env.as_deref());
        let mut word = "Frozen";
        let mut known = Ready::new();
        let looked = self.session.prepare(&self.tree, &self.target, &mut known);
        let Some(looked) = until_told_to_end(&self.draining, looked).await else { return Ended::failed() };
        let (prepared, frozen) = match looked {
            Ok(prepared) => (prepared, None),
            Err(failure) => {
                let sentence = match &failure {
                    PrepareError::Spec(_) | PrepareError::Value(_) => {
                        format!("frozen at the last good revision: {}", failure.sentence())
                    }
                    PrepareError::Aws(unreached) => {
                        word = unreached.reason;
                        unreached.message.clone()
                    }
                };
                warn!(reason = sentence, "cannot be planned");
                match &memory.good {
                    Some(good) => (Arc::clone(good), Some(sentence)),
                    None => {
                        self.board.report(AppReport::failed(app, env, &revision, word, sentence));
                        return Ended::failed();
                    }
                }
            }
        };
        let swept = async {
            observe::sweep_once(&prepared.world).await;
            for exporter in prepared.imports.values() {
                observe::sweep_once(&exporter.world).await;
            }
        };
        if until_told_to_end(&self.draining, swept).await.is_none() {
            return Ended::failed();
        }
        let board = self.board.clone();
        let frozen_note = frozen.clone();
        let report = move |plan: &Plan| {
            let mut report = AppReport::of(app, env, &revision, plan);
            if let Some(sentence) = &frozen_note {
                report = report.stalled(word, sentence.clone());
            }
            board.report(report);
        };
        let allowed = self.allowed.union(&memory.allowed).cloned().collect();
        let reverts = memory.reverts.clone();
        // An edit is another try, with all patience.
        let waiting_since =
            if self.priority == Priority::Edit { BTreeMap::new() } else { std::mem::take(&mut memory.waiting_since) };
        let run = Run {
            reverts: Some(&reverts),
            prepared: &prepared,
            allowed: &allowed,
            no_deletes: (!self.confirmed)
                .then_some("waits until the directory, which is no clean git checkout, was seen twice"),
            previous: memory.fingerprints.as_ref(),
            waiting_since: &waiting_since,
            doubts: false,
            deadline: Instant::now() + TURN,
            draining: self.stopped.clone(),
            on_round: &report,
        };
        let first = run.plan().await;
        // What a resync finds to be different is a repair from here on.
        let repair = self.priority.max(Priority::Drift);
        if !first.is_converged() {
            with_priority(repair, run.confirm(&first)).await;
        }
        let Converged { plan, interrupted, applied, allowed, waiting_since } =
            with_priority(repair, run.converge()).await;
        memory.waiting_since = waiting_since;
        report(&plan);
        if applied > 0 || self.priority == Priority::Edit {
            info!(applied, converged = plan.is_converged(), "turn ended");
        }
        let turn = if frozen.is_some() && !interrupted {
            // What was not read this time may be there the next.
            Turn::Failed
        } else if plan.is_converged() {
            Turn::Converged
        } else if interrupted {
            Turn::Again(Duration::ZERO)
        } else if plan.actions.iter().any(|action| matches!(action.standing, Standing::Blocked(_))) {
            Turn::Failed
        } else {
            Turn::Again(Duration::from_secs(2))
        };
        memory.allowed = if plan.is_converged() { BTreeSet::new() } else { allowed };
        if plan.is_converged() {
            memory.fingerprints = Some(plan.fingerprints);
        }
        if frozen.is_none() {
            memory.good = Some(Arc::clone(&prepared));
        }
        let exports_changed = memory.exports != plan.exports;
        memory.exports = plan.exports;
        let imports_from = prepared.imports.values().map(|exporter| exporter.target.key()).collect();
        Ended { turn, exports_changed, imports_from }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_turn_that_panics_is_known_by_its_own_application() {
        let mut runs: JoinSet<Turn> = JoinSet::new();
        let good = runs.spawn(async { Turn::Converged }).id();
        let bad = runs.spawn(async { panic!("a bug") }).id();
        let mut turns = HashMap::new();
        while let Some(finished) = runs.join_next_with_id().await {
            turns.extend([ended(finished)]);
        }
        assert_eq!(turns, HashMap::from([(good, Some(Turn::Converged)), (bad, None)]));
    }
}
