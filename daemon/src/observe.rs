//! Fills a world's store: sweeps of everything, and reads of what was just written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use evenkeel_core::plan::{Ask, Reading, Seen};
use tracing::{debug, warn};

use crate::world::World;

/// Observes everything, unless somebody has before: applications that start together share the first sweep, and nobody
/// waits for a later one.
pub async fn sweep_once(world: &World) {
    if !world.swept.load(Ordering::Acquire) {
        let _alone = world.sweeping.lock().await;
        if !world.swept.load(Ordering::Acquire) {
            sweep_alone(world).await;
        }
    }
}

/// Observes every type by listing. What could not be listed stays unknown; the plan then leaves it alone.
pub async fn sweep(world: &World) {
    let _alone = world.sweeping.lock().await;
    sweep_alone(world).await;
}

/// Under the lock: two sweeps of one world never run side by side.
async fn sweep_alone(world: &World) {
    let wanted = world.wanted().await;
    let empty = BTreeSet::new();
    // A sweep is made beside the store and takes its place at the end: nobody plans against half of one.
    let mut fresh = world.known().clone();
    *world.read_meanwhile() = Some(Vec::new());
    for stage in &world.stages {
        let answers = futures::future::join_all(stage.iter().map(|type_name| {
            let ask = Ask { reading: Reading::Sweep, wanted: wanted.get(type_name).unwrap_or(&empty), world: &fresh };
            let reach = world.reaches.get(type_name);
            async move { Some((*type_name, reach?.observe(ask).await)) }
        }))
        .await;
        for (type_name, seen) in answers.into_iter().flatten() {
            if let Some(reason) = &seen.failure {
                warn!(
                    type_name,
                    reason, "the listing could not be completed; nothing of this type is taken for absent"
                );
            }
            debug!(type_name, items = seen.items.len(), failed = seen.failed.len(), "observed");
            fresh.swept(type_name, seen);
        }
    }
    let mut store = world.known_mut();
    // What was read again meanwhile, after a write of ours, is newer than any page of the sweep.
    for (type_name, seen) in world.read_meanwhile().take().into_iter().flatten() {
        fresh.refreshed(type_name, seen);
    }
    fresh.drop_children(&world.kinds);
    *store = fresh;
    world.swept.store(true, Ordering::Release);
}

/// Reads single resources again.
pub async fn refresh(world: &World, keys: &BTreeMap<&'static str, BTreeSet<String>>) {
    let mut fresh = world.known().clone();
    let mut all = Vec::new();
    for stage in &world.stages {
        let answers = futures::future::join_all(stage.iter().filter_map(|type_name| {
            let only = keys.get(type_name).filter(|keys| !keys.is_empty())?;
            let reach = world.reaches.get(type_name)?;
            let ask = Ask { reading: Reading::Only(only), wanted: only, world: &fresh };
            Some(async move { (*type_name, reach.observe(ask).await) })
        }))
        .await;
        for (type_name, seen) in answers {
            fresh.refreshed(type_name, seen.clone());
            all.push((type_name, seen));
        }
    }
    // Others may have read other things meanwhile: only what was read here is taken in, and nothing else of the copy, or
    // it would bring back what has gone since.
    take_in(world, all);
}

/// Takes in what was read of single resources, or what the answers to writes told.
pub fn take_in(world: &World, all: Vec<(&'static str, Seen)>) {
    let mut store = world.known_mut();
    for (type_name, seen) in &all {
        store.refreshed(type_name, seen.clone());
    }
    if let Some(meanwhile) = world.read_meanwhile().as_mut() {
        meanwhile.extend(all);
    }
    store.drop_children(&world.kinds);
}

#[cfg(test)]
mod tests;
