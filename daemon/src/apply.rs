//! Carries out a plan's steps: bounded concurrency, dependency order, no choices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_aws::fence::until_stopped;
use evenkeel_core::engine::quota;
use evenkeel_core::plan::{Action, ApplyError, Artifacts, Plan, Step, Told};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::observe;
use crate::world::World;

/// Steps that run at once, or wait for their place, in one of AWS's quotas: what waits in one holds up no other.
const CONCURRENCY: usize = 32;

/// Places for steps, by the quota that they are taken from.
#[derive(Debug, Default)]
pub struct Slots(Mutex<BTreeMap<String, Arc<Semaphore>>>);

impl Slots {
    fn of(&self, step: &Step) -> Arc<Semaphore> {
        let name = quota::of_step(step).map_or_else(String::new, |quota| quota.name);
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(name).or_insert_with(|| Arc::new(Semaphore::new(CONCURRENCY))))
    }
}

/// What became of an action's steps.
#[derive(Debug)]
pub struct Done {
    /// The action.
    pub action: Arc<Action>,
    /// Why it did not succeed.
    pub error: Option<ApplyError>,
    /// What to read again: the type and the key.
    pub touched: Vec<(&'static str, String)>,
    /// Steps that succeeded: their index, and when they were answered.
    pub written: Vec<(usize, Instant)>,
}

impl Done {
    /// Whether a step was tried, with whatever success; an action whose forerunner failed was not.
    pub fn was_tried(&self) -> bool {
        !self.written.is_empty() || self.error.is_some()
    }
}

/// Carries out all steps of a plan, a future for each action that has some. An action starts when those it comes after
/// have succeeded; where one of them failed it is left for a later plan. When `draining` turns true no further step
/// starts; those under way end.
pub fn start<'a>(
    world: &'a World,
    plan: &Plan,
    artifacts: &'a dyn Artifacts,
    draining: &'a watch::Receiver<bool>,
    slots: &'a Slots,
) -> Vec<BoxFuture<'a, Done>> {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        plan.actions.iter().map(|_| watch::channel::<Option<bool>>(None)).unzip();
    let mut out = Vec::new();
    for (action, sender) in plan.actions.iter().zip(senders).filter(|(action, _)| !action.steps.is_empty()) {
        let before: Vec<_> = action
            .after
            .iter()
            .filter(|index| plan.actions.get(**index).is_some_and(|other| !other.steps.is_empty()))
            .filter_map(|index| receivers.get(*index).cloned())
            .collect();
        let action = Arc::new(action.clone());
        let run = async move {
            let mut ready = true;
            for mut other in before {
                ready &= other.wait_for(Option::is_some).await.ok().and_then(|verdict| *verdict).unwrap_or(false);
            }
            let mut done = Done { action, error: None, touched: Vec::new(), written: Vec::new() };
            if ready {
                ready = take(world, &mut done, artifacts, draining, slots).await;
            }
            // The receivers may be gone: nobody waits for this action then.
            sender.send_replace(Some(ready));
            done
        };
        out.push(run.boxed());
    }
    out
}

/// Takes the steps of one action, one after another; true where all of them succeeded.
async fn take(
    world: &World,
    done: &mut Done,
    artifacts: &dyn Artifacts,
    draining: &watch::Receiver<bool>,
    slots: &Slots,
) -> bool {
    let action = Arc::clone(&done.action);
    for (number, step) in action.steps.iter().enumerate() {
        let slot = slots.of(step);
        let Ok(_slot) = slot.acquire().await else { return false };
        if *draining.borrow() {
            return false;
        }
        let Some(reach) = world.reaches.get(step.type_name) else {
            done.touched.push(step.refresh.clone());
            continue;
        };
        let (applied, sent) = until_stopped(draining.clone(), reach.apply(step, artifacts)).await;
        match applied {
            Err(ApplyError::Stopped) => {
                if sent {
                    done.touched.push(step.refresh.clone());
                }
                return false;
            }
            Ok(answer) => {
                done.written.push((number, Instant::now()));
                info!(id = action.id, operation = step.operation, "applied");
                let told = answer.and_then(|answer| reach.told(step, &answer, &world.known()));
                let whole = matches!(told, Some(Told::Whole(_)));
                if let Some(Told::Whole(seen) | Told::Part(seen)) = told {
                    observe::take_in(world, vec![(step.type_name, seen)]);
                }
                if !whole {
                    done.touched.push(step.refresh.clone());
                }
            }
            Err(failure) => {
                warn!(
                    id = action.id,
                    operation = step.operation,
                    reason = action.hidden.text(&failure.to_string()),
                    "not applied"
                );
                done.touched.push(step.refresh.clone());
                // What a part was held against may have been its parent (the revision of a version's function).
                let parent = world.kinds.get(step.type_name).and_then(|kind| kind.parent(&step.refresh.1));
                if let (ApplyError::Conflict(_), Some(parent)) = (&failure, parent) {
                    done.touched.push((parent.type_name, parent.key));
                }
                done.error = Some(failure);
                return false;
            }
        }
    }
    true
}
