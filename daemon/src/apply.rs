//! Carries out a plan's steps: bounded concurrency, dependency order, no choices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_core::plan::{ApplyError, Artifacts, Plan};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::world::World;

/// Steps that run at once.
const CONCURRENCY: usize = 32;

/// What became of a plan's steps.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Errors by logical id.
    pub errors: BTreeMap<String, ApplyError>,
    /// Logical ids of which a step was tried, with whatever success; an action whose forerunner failed is not among them.
    pub tried: BTreeSet<String>,
    /// What to read again, by type.
    pub touched: BTreeMap<&'static str, BTreeSet<String>>,
    /// Steps that succeeded.
    pub done: usize,
    /// Which they are: by action (its index in the plan), the step's index and when it was answered.
    pub written: BTreeMap<usize, Vec<(usize, Instant)>>,
}

/// Carries out all steps of a plan. An action starts when those it comes after have succeeded; where one of them
/// failed it is left for the next round. When `draining` turns true no further step starts; those under way end.
pub async fn apply(world: &World, plan: &Plan, artifacts: &dyn Artifacts, draining: &watch::Receiver<bool>) -> Outcome {
    let slots = Arc::new(Semaphore::new(CONCURRENCY));
    let (senders, receivers): (Vec<_>, Vec<_>) =
        plan.actions.iter().map(|_| watch::channel::<Option<bool>>(None)).unzip();
    let runs = plan.actions.iter().enumerate().zip(senders).filter(|((_, action), _)| !action.steps.is_empty()).map(
        |((at, action), sender)| {
            let before: Vec<_> = action
                .after
                .iter()
                .filter(|index| plan.actions.get(**index).is_some_and(|other| !other.steps.is_empty()))
                .filter_map(|index| receivers.get(*index).cloned())
                .collect();
            let slots = Arc::clone(&slots);
            async move {
                let mut touched = Vec::new();
                let mut done = Vec::new();
                let mut error = None;
                let mut ready = true;
                for mut other in before {
                    ready &= other.wait_for(Option::is_some).await.ok().and_then(|verdict| *verdict).unwrap_or(false);
                }
                for (number, step) in action.steps.iter().enumerate().take_while(|_| ready) {
                    let Ok(_slot) = slots.acquire().await else { break };
                    if *draining.borrow() {
                        ready = false;
                        break;
                    }
                    touched.push(step.refresh.clone());
                    let Some(reach) = world.reaches.get(step.type_name) else { continue };
                    match reach.apply(step, artifacts).await {
                        Ok(()) => {
                            done.push((number, Instant::now()));
                            info!(id = action.id, operation = step.operation, "applied");
                        }
                        Err(failure) => {
                            warn!(id = action.id, operation = step.operation, reason = %failure, "not applied");
                            error = Some(failure);
                            break;
                        }
                    }
                }
                // The receivers may be gone: nobody waits for this action then.
                sender.send_replace(Some(ready && error.is_none()));
                (at, touched, done, error)
            }
        },
    );
    let mut outcome = Outcome::default();
    for (at, touched, done, error) in futures::future::join_all(runs).await {
        for (type_name, key) in touched {
            outcome.touched.entry(type_name).or_default().insert(key);
        }
        if let Some(action) = plan.actions.get(at) {
            if !done.is_empty() || error.is_some() {
                outcome.tried.insert(action.id.clone());
            }
            if let Some(error) = error {
                outcome.errors.insert(action.id.clone(), error);
            }
        }
        outcome.done += done.len();
        outcome.written.insert(at, done);
    }
    outcome
}
