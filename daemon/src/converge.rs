//! Rounds: plan, apply, read again, until a plan is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_core::engine::Backoff;
use evenkeel_core::model::Desired;
use evenkeel_core::plan::{self, Action, ApplyError, Held, Imports, Input, Observation, Plan, Scope, Standing, Verb};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::info;

use crate::session::Prepared;
use crate::world::World;
use crate::{apply, exports, observe};

/// How often one resource may be written in one run before evenkeel stops: AWS, or somebody else, undoes the change.
const WRITES_BEFORE_STALL: u32 = 8;
/// Pauses between looks at something that settles.
const POLL: Backoff = Backoff { base: Duration::from_millis(100), limit: Duration::from_secs(5) };
/// Pauses after errors that pass by themselves.
const RETRY: Backoff = Backoff { base: Duration::from_millis(500), limit: Duration::from_secs(30) };
/// How often an error that should pass by itself may come back in one run.
const TRIES: u32 = 6;

/// One application to converge.
pub struct Run<'a> {
    /// What should be, and where.
    pub prepared: &'a Prepared,
    /// Digests of deletions that a person allowed.
    pub allowed: &'a BTreeSet<String>,
    /// Why nothing may be deleted, where that is so.
    pub no_deletes: Option<&'a str>,
    /// Fingerprints of the last converged plan of this process.
    pub previous: Option<&'a BTreeMap<String, String>>,
    /// Since when resources have been waiting for what AWS calls a matter of time, when the run before this one ended:
    /// a turn may be shorter than the patience for it.
    pub waiting_since: &'a BTreeMap<String, Instant>,
    /// When to stop waiting for what settles.
    pub deadline: Instant,
    /// Turns true when the process is to end.
    pub draining: watch::Receiver<bool>,
    /// Told about every round, for progress and status.
    pub on_round: &'a (dyn Fn(&Plan) + Send + Sync),
}

/// How a run ended.
#[derive(Debug)]
pub struct Converged {
    /// The last plan: nothing to do, or what is blocked or still waits.
    pub plan: Plan,
    /// Steps that succeeded.
    pub applied: usize,
    /// Whether the process was told to end in the middle.
    pub interrupted: bool,
    /// What `allowed` was in the end: with the single deletions of the plans that were allowed by their digest.
    pub allowed: BTreeSet<String>,
    /// What `waiting_since` is for the next run.
    pub waiting_since: BTreeMap<String, Instant>,
}

#[derive(Debug)]
struct Hold {
    held: Held,
    until: Option<Instant>,
    /// What to read again when the time is up.
    look: Vec<(&'static str, String)>,
}

#[derive(Debug, Default)]
struct Memory {
    holds: BTreeMap<String, Hold>,
    tries: BTreeMap<String, u32>,
    waiting_since: BTreeMap<String, Instant>,
    writes: BTreeMap<String, u32>,
    looks: BTreeMap<String, u32>,
}

/// The keys that a spec wants, before anything was observed.
pub fn wanted(world: &World, desired: &Desired, scope: &Scope) -> BTreeMap<&'static str, BTreeSet<String>> {
    let nothing = Observation::new();
    let input = Input {
        scope,
        desired,
        world: &nothing,
        kinds: &world.kinds,
        held: &BTreeMap::new(),
        previous: None,
        allowed: &BTreeSet::new(),
        imports: &Imports::new(),
        no_deletes: None,
    };
    plan::plan(input).wanted
}

impl Run<'_> {
    /// One plan against what the store knows now.
    pub async fn plan(&self) -> Plan {
        self.plan_with(&BTreeMap::new(), self.allowed).await
    }

    async fn plan_with(&self, held: &BTreeMap<String, Held>, allowed: &BTreeSet<String>) -> Plan {
        let imports = exports::imports(self.prepared).await;
        let store = self.prepared.world.store.read().await;
        plan::plan(Input {
            scope: &self.prepared.scope,
            desired: &self.prepared.desired,
            world: &store,
            kinds: &self.prepared.world.kinds,
            held,
            previous: self.previous,
            allowed,
            imports: &imports,
            no_deletes: self.no_deletes,
        })
    }

    /// Reads again what a plan would change: a listing may be a few seconds old, an edit comes between sweeps.
    pub async fn confirm(&self, plan: &Plan) {
        let mut keys: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for action in plan.actions.iter().filter(|action| action.verb != Verb::None) {
            for (type_name, key) in self.homes(action) {
                keys.entry(type_name).or_default().insert(key);
            }
        }
        observe::refresh(&self.prepared.world, &keys).await;
    }

    fn homes(&self, action: &Action) -> Vec<(&'static str, String)> {
        let keys = action.keys.iter().map(|(type_name, key)| home(&self.prepared.world, type_name, key));
        keys.chain(action.steps.iter().map(|step| step.refresh.clone())).collect()
    }

    /// Holds back what was written a moment ago and does not show yet; true where something was.
    fn wait_for_what_spreads(&self, memory: &mut Memory, plan: &Plan) -> bool {
        let now = Instant::now();
        let app = self.prepared.desired.key();
        let mut found = false;
        for action in plan.actions.iter().filter(|action| !action.steps.is_empty()) {
            let Some((spread, why)) = self.prepared.world.recent.on_its_way(&app, action) else { continue };
            let looks = memory.looks.entry(action.id.clone()).or_insert(0);
            *looks += 1;
            let until = (now + POLL.pause(*looks, seed(&action.id))).min(spread);
            let held = Held::Pausing(why.to_owned());
            memory.holds.insert(action.id.clone(), Hold { held, until: Some(until), look: self.homes(action) });
            found = true;
        }
        found
    }

    /// Runs rounds until nothing is left to do, everything left is blocked, the deadline has passed or the process is
    /// to end.
    pub async fn converge(&self) -> Converged {
        let mut memory = Memory { waiting_since: self.waiting_since.clone(), ..Memory::default() };
        let mut applied = 0;
        let mut polls = 0;
        let mut allowed = self.allowed.clone();
        loop {
            let now = Instant::now();
            let mut look: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
            memory.holds.retain(|_, hold| {
                let holds = hold.until.is_none_or(|until| until > now);
                if !holds {
                    for (type_name, key) in hold.look.drain(..) {
                        look.entry(type_name).or_default().insert(key);
                    }
                }
                holds
            });
            if !look.is_empty() {
                observe::refresh(&self.prepared.world, &look).await;
            }
            let held = memory.holds.iter().map(|(id, hold)| (id.clone(), hold.held.clone())).collect();
            let plan = self.plan_with(&held, &allowed).await;
            allowed.extend(plan.allowed.iter().cloned());
            (self.on_round)(&plan);
            let interrupted = *self.draining.borrow();
            if interrupted {
                let waiting_since = memory.waiting_since;
                return Converged { plan, applied, interrupted, allowed, waiting_since };
            }
            if self.wait_for_what_spreads(&mut memory, &plan) {
                continue;
            }
            if plan.has_steps() {
                polls = 0;
                let outcome =
                    apply::apply(&self.prepared.world, &plan, self.prepared.packer.as_ref(), &self.draining).await;
                applied += outcome.done;
                for (at, done) in &outcome.written {
                    if let Some(action) = plan.actions.get(*at) {
                        self.prepared.world.recent.wrote(
                            &self.prepared.desired.key(),
                            action,
                            &self.prepared.world.kinds,
                            done,
                        );
                        memory.looks.remove(&action.id);
                    }
                }
                self.prepared.world.recent.tidy();
                self.remember(&mut memory, &plan, &outcome);
                observe::refresh(&self.prepared.world, &outcome.touched).await;
                continue;
            }
            let waits = plan.actions.iter().any(|action| matches!(action.standing, Standing::Waiting(_)));
            let due = memory.holds.values().filter_map(|hold| hold.until).min();
            if !waits || (due.is_none() && plan.pending.is_empty()) || now >= self.deadline {
                let waiting_since = memory.waiting_since;
                return Converged { plan, applied, interrupted, allowed, waiting_since };
            }
            polls += 1;
            let mut until = if plan.pending.is_empty() { self.deadline } else { now + POLL.pause(polls, 0) };
            until = due.map_or(until, |due| until.min(due)).min(self.deadline);
            info!("waiting for what settles");
            let mut draining = self.draining.clone();
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                _ = draining.wait_for(|draining| *draining) => {}
            }
            observe::refresh(&self.prepared.world, &plan.pending).await;
        }
    }

    fn remember(&self, memory: &mut Memory, plan: &Plan, outcome: &apply::Outcome) {
        let now = Instant::now();
        let tried = |action: &&Action| !action.steps.is_empty() && outcome.tried.contains(&action.id);
        for action in plan.actions.iter().filter(tried) {
            let id = &action.id;
            let Some(error) = outcome.errors.get(id) else {
                memory.tries.remove(id);
                memory.waiting_since.remove(id);
                let writes = memory.writes.entry(id.clone()).or_insert(0);
                *writes += 1;
                if *writes > WRITES_BEFORE_STALL {
                    let paths: Vec<&str> = action.changes.iter().map(|change| change.path.as_str()).collect();
                    let reason = format!(
                        "written {writes} times and still different ({}): something else changes it, or AWS does not keep the value",
                        paths.join(", ")
                    );
                    memory
                        .holds
                        .insert(id.clone(), Hold { held: Held::Stalled(reason), until: None, look: Vec::new() });
                } else if *writes > 2 {
                    let reason = "written, and not yet seen to have taken effect".to_owned();
                    let until = now + RETRY.pause(*writes - 2, seed(id));
                    memory
                        .holds
                        .insert(id.clone(), Hold { held: Held::Pausing(reason), until: Some(until), look: Vec::new() });
                }
                continue;
            };
            let tries = memory.tries.entry(id.clone()).or_insert(0);
            *tries += 1;
            let tries = *tries;
            let pausing = |pause: Duration| Hold {
                held: Held::Pausing(error.to_string()),
                until: Some(now + pause),
                look: Vec::new(),
            };
            let stalled = |reason: String| Hold { held: Held::Stalled(reason), until: None, look: Vec::new() };
            let hold = match error {
                ApplyError::Wait { reason, retry_after, patience } => {
                    let since = *memory.waiting_since.entry(id.clone()).or_insert(now);
                    if now.duration_since(since) > *patience {
                        stalled(format!("{reason} (waited {} s)", patience.as_secs()))
                    } else {
                        pausing(*retry_after)
                    }
                }
                ApplyError::Throttled(_) => pausing(RETRY.pause(tries, seed(id))),
                ApplyError::Uncertain(_) | ApplyError::Conflict(_) if tries <= TRIES => {
                    pausing(RETRY.pause(tries, seed(id)))
                }
                other => stalled(other.to_string()),
            };
            memory.holds.insert(id.clone(), hold);
        }
    }
}

fn seed(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The table and key that answer for a key of a type.
fn home(world: &World, type_name: &'static str, key: &str) -> (&'static str, String) {
    match world.kinds.get(type_name) {
        Some(kind) if kind.facts().reads != type_name => {
            kind.parent(key).map_or((kind.facts().reads, key.to_owned()), |parent| (parent.type_name, parent.key))
        }
        _ => (type_name, key.to_owned()),
    }
}
