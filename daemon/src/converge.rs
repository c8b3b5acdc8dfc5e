//! Plan, apply, read again, until a plan is empty.

mod memory;
mod underway;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_core::engine::Backoff;
use evenkeel_core::model::Desired;
use evenkeel_core::plan::{
    self, Action, ApplyError, Artifacts, Held, Imports, Input, Observation, Plan, Scope, Standing, Verb,
};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::info;

use self::memory::{Hold, Memory};
use self::underway::Underway;
use crate::session::Prepared;
use crate::world::World;
use crate::{apply, exports, observe, reverts};

/// The least time between two plans while something is under way, and what each of the plan's actions adds to it: what
/// ends meanwhile is taken together, and a large plan takes a while to make.
const TICK: Duration = Duration::from_millis(400);
const TICK_EACH: Duration = Duration::from_micros(500);
/// The longest sleep while something is under way: whatever ends wakes the run.
const IDLE: Duration = Duration::from_secs(3600);
/// How long what a person waits for is tried again.
const PATIENCE: Duration = Duration::from_secs(60);
/// After which time what looks blocked is looked at once more, and how much of it at most. What others did a moment ago
/// may not show yet: marks that were just put on, a parameter that is not listed so far.
const DOUBT: Duration = Duration::from_millis(2500);
const DOUBTED: usize = 50;
/// Pauses between looks at what was written and does not show yet.
const POLL: Backoff = Backoff { base: Duration::from_millis(100), limit: Duration::from_secs(5) };

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
    /// Changes that somebody else undoes, where the process lives long enough to see it.
    pub reverts: Option<&'a reverts::Watch>,
    /// Since when resources have been waiting for what AWS calls a matter of time, when the run before this one ended:
    /// a turn may be shorter than the patience for it.
    pub waiting_since: &'a BTreeMap<String, Instant>,
    /// Whether what looks blocked is looked at once more before it is told: where nobody plans again by itself.
    pub doubts: bool,
    /// When to stop waiting for what settles.
    pub deadline: Instant,
    /// Turns true when the process is to end.
    pub draining: watch::Receiver<bool>,
    /// Told about every plan, for progress and status.
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
        let store = self.prepared.world.known().clone();
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

    /// Reads again, after a while, what a plan leaves alone because of what was read; true where there is something.
    async fn look_again(&self, plan: &Plan, memory: &Memory) -> bool {
        let mut keys: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        // What AWS refused is held by the memory, and no matter of looking.
        let blocked = |action: &&Action| {
            matches!(action.standing, Standing::Blocked(_)) && !memory.holds.contains_key(&action.id)
        };
        for (type_name, key) in plan.actions.iter().filter(blocked).flat_map(|action| self.homes(action)).take(DOUBTED)
        {
            keys.entry(type_name).or_default().insert(key);
        }
        if keys.is_empty() || Instant::now() + DOUBT >= self.deadline {
            return false;
        }
        let mut draining = self.draining.clone();
        tokio::select! {
            () = tokio::time::sleep(DOUBT) => {}
            _ = draining.wait_for(|draining| *draining) => return false,
        }
        observe::refresh(&self.prepared.world, &keys).await;
        true
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

    /// Plans and carries out until nothing is left to do, everything left is blocked, the deadline has passed or the
    /// process is to end.
    ///
    /// No plan waits for the steps of the one before it: what has ended is read again, and a new plan goes on from
    /// there, while the rest is under way and held.
    pub async fn converge(&self) -> Converged {
        let world = &self.prepared.world;
        let slots = apply::Slots::default();
        let mut memory = Memory::new(self.waiting_since.clone());
        let mut underway = Underway::new(world);
        let mut allowed = self.allowed.clone();
        let mut applied = 0;
        let mut turn = Instant::now();
        let mut doubts = self.doubts;
        loop {
            let now = Instant::now();
            let interrupted = *self.draining.borrow();
            for (id, look) in memory.due(now) {
                underway.touched(id, look);
            }
            if turn <= now || !underway.is_running() {
                underway.read();
            }
            if !interrupted && now < self.deadline {
                underway.look(now);
            }
            if underway.is_idle() || (underway.has_news && turn <= now && !interrupted) {
                let mut plan = self.plan_with(&memory.held(&underway), &allowed).await;
                let undone = self.reverts.map(|reverts| reverts.look(&plan)).unwrap_or_default();
                if !undone.is_empty() {
                    memory.stall(undone);
                    plan = self.plan_with(&memory.held(&underway), &allowed).await;
                }
                allowed.extend(plan.allowed.iter().cloned());
                (self.on_round)(&plan);
                turn = now + TICK + TICK_EACH.saturating_mul(u32::try_from(plan.actions.len()).unwrap_or(u32::MAX));
                underway.has_news = false;
                if interrupted {
                    let waiting_since = memory.waiting_since;
                    return Converged { plan, applied, interrupted, allowed, waiting_since };
                }
                if self.wait_for_what_spreads(&mut memory, &plan) {
                    turn = now;
                    underway.has_news = true;
                    continue;
                }
                underway.settling(&plan.pending, now);
                if plan.has_steps() {
                    underway.start(&plan, self.prepared.packer.as_ref(), &self.draining, &slots);
                } else if underway.is_idle() {
                    let waits = plan.actions.iter().any(|action| matches!(action.standing, Standing::Waiting(_)));
                    if !waits || (memory.next().is_none() && plan.pending.is_empty()) || now >= self.deadline {
                        if std::mem::take(&mut doubts) && self.look_again(&plan, &memory).await {
                            continue;
                        }
                        let waiting_since = memory.waiting_since;
                        return Converged { plan, applied, interrupted, allowed, waiting_since };
                    }
                    info!("waiting for what settles");
                }
            }
            let look = underway.next().filter(|_| now < self.deadline);
            let next = if interrupted {
                None
            } else {
                [underway.wants_turn().then_some(turn), memory.next(), look].into_iter().flatten().min()
            };
            let limit = if underway.is_idle() { self.deadline } else { now + IDLE };
            let mut draining = self.draining.clone();
            tokio::select! {
                ended = underway.event() => {
                    if let Some(done) = ended {
                        applied += done.written.len();
                        self.remember(&mut memory, &done);
                        underway.touched(done.action.id.clone(), done.touched);
                    }
                }
                () = tokio::time::sleep_until(next.map_or(limit, |next| next.min(limit))) => {}
                _ = draining.wait_for(|draining| *draining), if !interrupted => {}
            }
        }
    }

    /// Takes in how the steps of an action ended.
    fn remember(&self, memory: &mut Memory, done: &apply::Done) {
        let (world, action) = (&self.prepared.world, &*done.action);
        // A write whose answer was lost may have taken effect, and nobody writes it again then.
        let perhaps = matches!(done.error, Some(ApplyError::Uncertain(_)));
        if (!done.written.is_empty() || perhaps)
            && let Some(reverts) = self.reverts
        {
            reverts.wrote(&action.id);
        }
        if !done.written.is_empty() {
            world.recent.wrote(&self.prepared.desired.key(), action, &world.kinds, &done.written);
            memory.looks.remove(&action.id);
        }
        world.recent.tidy();
        if done.was_tried() {
            memory.remember(action, done.error.as_ref());
        }
    }
}

/// Carries out a plan whose steps may be repeated, such as an adoption, and tries again what should pass by itself.
///
/// # Errors
/// What does not pass, or not within a minute.
pub async fn carry_out(world: &World, plan: &Plan, artifacts: &dyn Artifacts) -> Result<(), ApplyError> {
    let deadline = Instant::now() + PATIENCE;
    let (_alive, draining) = watch::channel(false);
    let slots = apply::Slots::default();
    let mut memory = Memory::default();
    loop {
        let done = futures::future::join_all(apply::start(world, plan, artifacts, &draining, &slots)).await;
        let Some((action, error)) = done.into_iter().find_map(|done| Some((done.action, done.error?))) else {
            return Ok(());
        };
        memory.remember(&action, Some(&error));
        match memory.holds.remove(&action.id) {
            Some(Hold { until: Some(until), .. }) if until < deadline => tokio::time::sleep_until(until).await,
            _ => return Err(error),
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
