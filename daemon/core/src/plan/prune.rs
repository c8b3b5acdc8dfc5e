//! What is ours and in no spec any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Action, Plan, Standing, Verb};
use super::kind::{Kind, TagWork};
use super::marks;
use super::observation::{Found, Observation, Observed, State};
use super::planner::{Input, Kept, held_up_by};
use crate::model::resource::{DeletionPolicy, Origin};

/// Adds the deletions to a plan: what carries our marks and is not wanted, dependents first, after everything else.
///
/// Only the highest rank that is left gets steps in a round: what carries the mark of a child goes after the child.
pub(super) fn prune(input: &Input<'_>, kept: &Kept, plan: &mut Plan) {
    let busy = plan.actions.iter().any(|action| matches!(action.standing, Standing::Acting | Standing::Waiting(_)));
    let mut found: Vec<(u8, Turn, Action)> = Vec::new();
    // Deletions that others have to wait for.
    let mut awaited: BTreeSet<(&str, String)> = BTreeSet::new();
    let goners = goners(input, kept, plan);
    let released: BTreeSet<(&str, &str)> =
        goners.iter().map(|(kind, item)| (kind.type_name(), item.key.as_str())).collect();
    let leaving: BTreeSet<(&str, &str)> = goners
        .iter()
        .filter(|(kind, item)| !retained(input, kept, *kind, item))
        .map(|(kind, item)| (kind.type_name(), item.key.as_str()))
        .collect();
    let remaining = input.world.without(&leaving);
    // What hangs on a resource goes with it. Of one that stays, only what it makes itself does: a function that is
    // retained must not leave a URL open that nobody asks for any more.
    let rides_along = |kind: &dyn Kind, item: &Observed| {
        let Some(parent) = kind.parent(&item.key) else { return false };
        let place = (parent.type_name, parent.key.as_str());
        let id = |marks: Option<&marks::Marks>| marks.map(|marks| marks.id.clone());
        let its_own =
            || id(input.world.table(place.0).get(place.1).and_then(|it| it.marks.as_ref())) == id(item.marks.as_ref());
        // What feeds something that goes is stopped before it.
        if kind.feeds(&item.key).is_some_and(|(type_name, key)| leaving.contains(&(type_name, key.as_str()))) {
            return false;
        }
        place != (kind.type_name(), item.key.as_str())
            && (leaving.contains(&place) || (released.contains(&place) && its_own()))
    };
    for (kind, item) in &goners {
        if !rides_along(*kind, item)
            && let Some((turn, action)) = deletion(input, kept, *kind, item, &remaining)
        {
            let facts = kind.facts();
            let waits = action.verb == Verb::Delete && matches!(action.standing, Standing::Waiting(_));
            if waits && matches!(item.state, State::Pending { .. }) && facts.reads == kind.type_name() {
                plan.pending.entry(facts.reads).or_default().insert(item.key.clone());
            }
            if action.verb == Verb::Delete {
                for other in held_up_by(input, plan, *kind, item) {
                    plan.actions[other].wait(format!("waits until `{}` has gone", action.id));
                    awaited.insert((kind.type_name(), item.key.clone()));
                }
            }
            found.push((facts.rank, turn, action));
        }
    }
    let held: BTreeSet<String> = found
        .iter()
        .filter(|(_, _, action)| matches!(action.standing, Standing::Blocked(_)))
        .flat_map(|(_, _, action)| {
            let parent = match &action.origin {
                Origin::Generated { parent } => parent.clone(),
                Origin::Written => action.id.clone(),
            };
            [action.id.clone(), parent]
        })
        .collect();
    // What settles or pauses keeps its place, or what it depends on would go before it.
    let first = found.iter().filter(|(_, turn, _)| *turn == Turn::Taken).map(|(rank, ..)| *rank).max();
    found.sort_by(|(a, _, x), (b, _, y)| b.cmp(a).then_with(|| x.id.cmp(&y.id)));
    for (rank, _, mut action) in found {
        let family = match &action.origin {
            Origin::Generated { parent } => parent.clone(),
            Origin::Written => action.id.clone(),
        };
        if !action.steps.is_empty() {
            let awaited = action.keys.iter().any(|key| awaited.contains(key));
            if busy && !awaited {
                action.hold("waits for the changes that come first");
            } else if Some(rank) != first {
                action.hold("waits for what depends on it to go first");
            } else if held.contains(&family) {
                action.hold("waits for a resource of the same family that cannot go yet");
            }
        }
        plan.actions.push(action);
    }
}

/// Resources of this application that the spec does not account for.
fn goners<'a>(input: &Input<'a>, kept: &Kept, plan: &Plan) -> Vec<(&'a dyn Kind, Arc<Observed>)> {
    let scope = input.scope;
    let mut out = Vec::new();
    for kind in input.kinds.iter() {
        for item in input.world.table(kind.type_name()).items() {
            let item = &remembered(input.world, kind, item);
            let Some(marks) = &item.marks else { continue };
            if !marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref())
                || kept.keys.contains(&(kind.type_name(), item.key.clone()))
            {
                continue;
            }
            let claimed = kind.parent(&item.key).is_some_and(|parent| {
                kept.claims.iter().any(|claim| {
                    claim.type_name == parent.type_name && claim.key == parent.key && claim.path == item.key
                })
            });
            if claimed {
                continue;
            }
            match kept.standing.get(&marks.id) {
                // The same id is wanted elsewhere: this one is superseded, and goes once its successor stands; before it
                // where it is in the way of what the successor needs.
                Some((type_name, standing))
                    if type_name == kind.type_name()
                        && *standing != Standing::Ready
                        && held_up_by(input, plan, kind, item).is_empty() => {}
                _ if kind.keeps(scope, item, input.world, superseded(kept, kind, item)) => {}
                _ => out.push((kind, Arc::clone(item))),
            }
        }
    }
    out
}

/// A child with what its parent's mark remembers of it.
fn remembered(world: &Observation, kind: &dyn Kind, item: &Arc<Observed>) -> Arc<Observed> {
    let parent = kind.parent(&item.key).filter(|_| !kind.facts().taggable);
    let parent = parent.and_then(|parent| world.table(parent.type_name).get(&parent.key)?.marks.as_ref());
    let Some((id, retained)) = parent.and_then(|marks| marks.child(kind.type_name(), &item.key)) else {
        return Arc::clone(item);
    };
    let mut item = Observed::clone(item);
    if let Some(marks) = &mut item.marks {
        marks.id = id.to_owned();
        marks.policy = retained.then(|| DeletionPolicy::Retain.as_str().to_owned());
    }
    Arc::new(item)
}

/// Whether a resource stays when the spec lets go of it.
fn retained(input: &Input<'_>, kept: &Kept, kind: &dyn Kind, item: &Observed) -> bool {
    let Some(marks) = item.marks.as_ref() else { return false };
    match input.desired.resources.get(&marks.id).filter(|_| superseded(kept, kind, item)) {
        // How many versions stay that nobody said anything of, the kind has told already.
        Some(resource) if kind.is_version() && resource.kept_by_default => false,
        Some(resource) => {
            [resource.update_replace_policy, resource.deletion_policy].contains(&Some(DeletionPolicy::Retain))
        }
        None => marks.policy.as_deref().and_then(DeletionPolicy::parse) == Some(DeletionPolicy::Retain),
    }
}

/// Whether another resource has taken over its id.
fn superseded(kept: &Kept, kind: &dyn Kind, item: &Observed) -> bool {
    let id = item.marks.as_ref().map(|marks| &marks.id);
    id.and_then(|id| kept.standing.get(id)).is_some_and(|(type_name, _)| type_name == kind.type_name())
}

/// Whether a deletion takes its place in the order of ranks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It goes now, or as soon as it has settled or paused: lower ranks wait for it.
    Taken,
    /// It cannot go, or only after another: nobody waits for it.
    Left,
}

/// The deletion of one resource; `remaining` is the world without all that leaves.
fn deletion(
    input: &Input<'_>,
    kept: &Kept,
    kind: &dyn Kind,
    item: &Arc<Observed>,
    remaining: &Observation,
) -> Option<(Turn, Action)> {
    let marks = item.marks.as_ref()?;
    let superseded = superseded(kept, kind, item);
    let mut action = Action {
        physical_id: Some(item.physical_id.clone()),
        reason: Some(match (superseded, kind.is_version()) {
            (true, _) => "superseded".to_owned(),
            (false, true) => "an old version, beyond those that are kept".to_owned(),
            (false, false) => "not in the spec any more".to_owned(),
        }),
        origin: marks.parent.clone().map_or(Origin::Written, |parent| Origin::Generated { parent }),
        keys: vec![(kind.type_name(), item.key.clone())],
        ..Action::new(&marks.id, kind.type_name(), Verb::Delete)
    };
    let unknown = match input.world.table(kind.type_name()).look(&item.key) {
        // It was there once; whether it is now, and whose, nobody could tell.
        Found::Unknown(reason) => Some(format!("could not be read: {reason}")),
        _ => None,
    };
    if retained(input, kept, kind, item) {
        // Retain takes the marks off and leaves the resource; where there are none to take off it is simply left.
        let remove: Vec<String> =
            item.tags.iter().flatten().map(|(key, _)| key.clone()).filter(|key| marks::is_mark(key)).collect();
        if remove.is_empty() {
            return None;
        }
        action.verb = Verb::Update;
        action.reason = Some("its DeletionPolicy is Retain: it stays, and evenkeel lets go of it".to_owned());
        if let Some(reason) = unknown {
            action.block(reason);
        } else if let Some(reason) = input.no_deletes {
            action.hold(reason);
        } else {
            action.steps =
                kind.retag(input.scope, item, &TagWork { remove, set: marks.released(), ..TagWork::default() });
            action.hold_back(input.held.get(&marks.id));
        }
        return Some((turn_of(&action), action));
    }
    if kind.still_used(item, remaining).is_some() {
        return None;
    }
    if let Some(reason) = unknown {
        action.block(format!("{}, but {reason}", action.reason.clone().unwrap_or_default()));
    } else if let Some(risk) = kind.data_at_risk(item) {
        action.block(format!("{}, but {risk}", action.reason.clone().unwrap_or_default()));
    } else if let Some(reason) = input.no_deletes {
        action.hold(reason);
    } else if let State::Pending { reason } = &item.state {
        action.hold(&format!("settling: {reason}"));
    } else if let Some(user) = kind.still_used(item, input.world) {
        // The user leaves with this plan, so this one does too, after it.
        action.hold(&format!("waits: {user}"));
        return Some((Turn::Left, action));
    } else {
        action.steps = kind.delete(input.scope, item);
        action.hold_back(input.held.get(&marks.id));
    }
    Some((turn_of(&action), action))
}

fn turn_of(action: &Action) -> Turn {
    if matches!(action.standing, Standing::Blocked(_)) { Turn::Left } else { Turn::Taken }
}

impl Action {
    fn hold(&mut self, reason: &str) {
        self.steps.clear();
        self.standing = Standing::Waiting(reason.to_owned());
    }
}

/// Applications of this source that are in AWS and not in the tree (`app` or `app/env`), each with the number of its
/// resources: reported, and left alone.
pub fn orphans(world: &Observation, source: &str, known: &BTreeSet<String>) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for (_, table) in world.tables() {
        for marks in table.items().filter_map(|item| item.marks.as_ref()).filter(|marks| marks.source == source) {
            let key = match &marks.env {
                Some(env) => format!("{}/{env}", marks.app),
                None => marks.app.clone(),
            };
            if !known.contains(&key) {
                *out.entry(key).or_insert(0) += 1;
            }
        }
    }
    out
}
