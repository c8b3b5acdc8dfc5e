//! What is under way in one run: steps, readings of what they touched, looks at what settles.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_core::engine::Backoff;
use evenkeel_core::plan::{Artifacts, Kinds, Plan};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::seed;
use crate::apply::{self, Done, Slots};
use crate::observe;
use crate::world::World;

type Key = (&'static str, String);

enum Event {
    Applied(Done),
    Read { ids: Vec<String>, looks: Vec<Key> },
}

/// When something that settles is looked at again.
#[derive(Clone, Copy, Debug)]
struct Look {
    looks: u32,
    pause: Duration,
    /// `None` while a look is under way.
    due: Option<Instant>,
}

/// All that is under way.
pub(super) struct Underway<'a> {
    world: &'a World,
    jobs: FuturesUnordered<BoxFuture<'a, Event>>,
    /// Logical ids that something is under way for, and how much.
    busy: BTreeMap<String, usize>,
    /// What ended and is to be read, with the id that waits for it.
    touched: Vec<(String, Vec<Key>)>,
    settling: BTreeMap<Key, Look>,
    /// Whether something became known, or free, since the last plan.
    pub(super) has_news: bool,
}

impl<'a> Underway<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Underway {
            world,
            jobs: FuturesUnordered::new(),
            busy: BTreeMap::new(),
            touched: Vec::new(),
            settling: BTreeMap::new(),
            has_news: true,
        }
    }

    /// Whether nothing is under way or waits to be read.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.touched.is_empty()
    }

    /// Whether steps or readings are under way.
    pub(super) fn is_running(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Whether a reading or a plan is worth its while.
    pub(super) fn wants_turn(&self) -> bool {
        self.has_news || !self.touched.is_empty()
    }

    /// Logical ids that something is under way for.
    pub(super) fn busy(&self) -> impl Iterator<Item = &String> {
        self.busy.keys()
    }

    /// Starts the steps of a plan.
    pub(super) fn start(
        &mut self,
        plan: &Plan,
        artifacts: &'a dyn Artifacts,
        draining: &'a watch::Receiver<bool>,
        slots: &'a Slots,
    ) {
        for action in plan.actions.iter().filter(|action| !action.steps.is_empty()) {
            *self.busy.entry(action.id.clone()).or_insert(0) += 1;
        }
        for job in apply::start(self.world, plan, artifacts, draining, slots) {
            self.jobs.push(job.map(Event::Applied).boxed());
        }
    }

    /// Notes what is to be read before an id is planned again.
    pub(super) fn touched(&mut self, id: String, keys: Vec<Key>) {
        if keys.is_empty() {
            self.has_news = true;
        } else {
            *self.busy.entry(id.clone()).or_insert(0) += 1;
            self.touched.push((id, keys));
        }
    }

    /// Starts to read what was touched. Families are read apart: a slow one holds up no other.
    pub(super) fn read(&mut self) {
        let mut families: BTreeMap<&'static str, (BTreeSet<Key>, Vec<String>)> = BTreeMap::new();
        for (id, keys) in std::mem::take(&mut self.touched) {
            for (number, key) in keys.into_iter().enumerate() {
                let (all, ids) = families.entry(family(&self.world.kinds, &key)).or_default();
                all.insert(key);
                ids.push(id.clone());
                if number > 0 {
                    *self.busy.entry(id.clone()).or_insert(0) += 1;
                }
            }
        }
        for (keys, ids) in families.into_values() {
            self.reading(keys, ids, Vec::new());
        }
    }

    /// Notes what the last plan found to be settling.
    pub(super) fn settling(&mut self, pending: &BTreeMap<&'static str, BTreeSet<String>>, now: Instant) {
        let is_pending = |(type_name, key): &Key| pending.get(type_name).is_some_and(|keys| keys.contains(key));
        self.settling.retain(|key, _| is_pending(key));
        for (type_name, keys) in pending {
            for key in keys {
                let key = (*type_name, key.clone());
                if !self.settling.contains_key(&key) {
                    let pause = self.pause(&key, 1);
                    self.settling.insert(key, Look { looks: 1, pause, due: Some(now + pause) });
                }
            }
        }
    }

    /// Starts to look at what settles, where it is time. What is almost due is looked at with its kin: one listing may
    /// answer for all.
    pub(super) fn look(&mut self, now: Instant) {
        let is_due = |look: &Look, early: Duration| look.due.is_some_and(|due| due <= now + early);
        let of = |(type_name, key): &Key| family(&self.world.kinds, &(*type_name, key.clone()));
        let due: BTreeSet<&str> =
            self.settling.iter().filter(|(_, look)| is_due(look, Duration::ZERO)).map(|(key, _)| of(key)).collect();
        let mut families: BTreeMap<&'static str, BTreeSet<Key>> = BTreeMap::new();
        for (key, look) in &mut self.settling {
            let family = family(&self.world.kinds, key);
            if due.contains(family) && is_due(look, look.pause / 2) {
                look.due = None;
                families.entry(family).or_default().insert(key.clone());
            }
        }
        for keys in families.into_values() {
            let looks = keys.iter().cloned().collect();
            self.reading(keys, Vec::new(), looks);
        }
    }

    /// When the next look is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.settling.values().filter_map(|look| look.due).min()
    }

    /// What ends next: steps, or `None` where it was a reading. Never where nothing is under way.
    pub(super) async fn event(&mut self) -> Option<Done> {
        match self.jobs.next().await {
            None => std::future::pending().await,
            Some(Event::Applied(done)) => {
                self.free(&done.action.id);
                Some(done)
            }
            Some(Event::Read { ids, looks }) => {
                for id in ids {
                    self.free(&id);
                }
                let now = Instant::now();
                for key in looks {
                    let Some(Look { looks, .. }) = self.settling.get(&key).copied() else { continue };
                    let pause = self.pause(&key, looks + 1);
                    self.settling.insert(key, Look { looks: looks + 1, pause, due: Some(now + pause) });
                }
                self.has_news = true;
                None
            }
        }
    }

    fn reading(&mut self, keys: BTreeSet<Key>, ids: Vec<String>, looks: Vec<Key>) {
        let mut by_type: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for (type_name, key) in keys {
            by_type.entry(type_name).or_default().insert(key);
        }
        let world = self.world;
        let job = async move {
            observe::refresh(world, &by_type).await;
            Event::Read { ids, looks }
        };
        self.jobs.push(job.boxed());
    }

    fn free(&mut self, id: &str) {
        if let Some(count) = self.busy.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(id);
            }
        }
    }

    fn pause(&self, (type_name, key): &Key, looks: u32) -> Duration {
        let (base, limit) = self
            .world
            .kinds
            .get(type_name)
            .map_or((Duration::from_millis(100), Duration::from_secs(5)), |kind| kind.looks());
        Backoff { base, limit }.pause(looks, seed(key))
    }
}

/// The type of the parent that a thing is read after, or its own.
fn family(kinds: &Kinds, (type_name, key): &Key) -> &'static str {
    kinds.get(type_name).and_then(|kind| kind.parent(key)).map_or(*type_name, |parent| parent.type_name)
}
