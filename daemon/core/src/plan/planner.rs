//! The planner: desired state held against the observation, resource by resource, in the order of their needs.
//!
//! # Guarantees
//! Pure and deterministic. Unknown is never taken for absent. A step is given only where all its inputs are known and
//! all it needs is settled or is made by an earlier step of the same plan. Nothing that is not ours gets a step.

mod bounds;
mod compare;
mod tags;
mod turns;

pub(super) use bounds::held_up_by;
pub use tags::tags_of;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::action::{Action, Held, Plan, Standing, Verb};
use super::diff;
use super::export::{Export, Imports};
use super::graph;
use super::guard;
use super::kind::{Bound, Claim, Instance, Kind, Kinds, Scope, TagWork, Target, Want};
use super::marks;
use super::observation::{Found, Observation, Observed, State};
use super::resolve::{self, Lookup, Origin};
use crate::model::resource::{DeletionPolicy, Desired, Resource};

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where.
    pub scope: &'a Scope,
    /// What should be.
    pub desired: &'a Desired,
    /// What is.
    pub world: &'a Observation,
    /// What the types mean.
    pub kinds: &'a Kinds,
    /// Logical ids that are not to be tried now.
    pub held: &'a BTreeMap<String, Held>,
    /// Fingerprints of the last converged plan of this process, where there was one.
    pub previous: Option<&'a BTreeMap<String, String>>,
    /// Digests of deletions that a person allowed, beyond those in the spec, and what `Plan::allowed` told of plans
    /// before this one.
    pub allowed: &'a BTreeSet<String>,
    /// What other applications export and this one uses.
    pub imports: &'a Imports,
    /// Why nothing may be deleted in this round, where that is so (a tree that is not git and was seen only once).
    pub no_deletes: Option<&'a str>,
}

/// What is known about a resource after it was planned.
struct Planned {
    want: Want,
    key: Option<String>,
    observed: Option<Arc<Observed>>,
    action: usize,
    settles_at_once: bool,
}

pub(super) struct Planner<'a> {
    input: Input<'a>,
    needs: BTreeMap<&'a str, BTreeSet<String>>,
    done: BTreeMap<&'a str, Planned>,
    claims: Vec<Claim>,
    bounds: Vec<Bound>,
    parts: BTreeMap<(&'static str, String), BTreeSet<String>>,
    said: BTreeMap<(&'static str, String, String), (&'a str, String)>,
    plan: Plan,
}

/// Makes the plan.
pub fn plan(input: Input<'_>) -> Plan {
    let mut planner = Planner::new(input);
    let mut whole = true;
    if !input.desired.deleted {
        whole = planner.walk();
        planner.outputs();
    }
    let kept = planner.kept();
    let Planner { mut plan, .. } = planner;
    if whole {
        super::prune::prune(&input, &kept, &mut plan);
    }
    guard::check(&input, &mut plan);
    for action in &mut plan.actions {
        action.hide();
    }
    plan
}

/// Whether AWS's schema says that a property can only be given at creation.
pub fn is_create_only(type_name: &str, path: &str) -> bool {
    crate::model::schema::lookup(type_name).is_some_and(|schema| schema.is_create_only(path))
}

impl Lookup for Planner<'_> {
    fn value(&self, id: &str, attribute: Option<&str>) -> Option<(Json, bool)> {
        let planned = self.done.get(id)?;
        let kind = self.input.kinds.get(&planned.want.resource.type_name)?;
        let target =
            Target { want: &planned.want, key: planned.key.as_deref()?, observed: planned.observed.as_deref() };
        let value = kind.attribute(self.input.scope, target, attribute)?;
        let secret = attribute.is_some_and(|attribute| {
            planned.want.secrets.iter().any(|path| diff::is_below(path, attribute))
                || kind.secret_paths(&planned.want).iter().any(|path| path == attribute)
        });
        Some((value, secret))
    }

    fn import(&self, name: &str) -> Option<(Json, bool)> {
        let export = &self.input.imports.get(name)?.export;
        Some((export.value.clone()?, export.secret))
    }
}

impl<'a> Planner<'a> {
    fn new(input: Input<'a>) -> Self {
        Planner {
            needs: graph::dependencies(&input.desired.resources),
            input,
            done: BTreeMap::new(),
            claims: Vec::new(),
            bounds: Vec::new(),
            parts: BTreeMap::new(),
            said: BTreeMap::new(),
            plan: Plan::default(),
        }
    }

    /// Plans every resource after what it needs. `false` where resources need each other in a circle: then nothing is done
    /// at all, and what the spec accounts for is not known.
    fn walk(&mut self) -> bool {
        let resources = &self.input.desired.resources;
        let (sorted, cycle) = match graph::order(resources, &self.needs) {
            Ok(sorted) => (sorted, None),
            // The compiler refuses cycles with their places.
            Err(cycle) => (resources.keys().map(String::as_str).collect(), Some(cycle.join(" -> "))),
        };
        self.survey(&sorted);
        for id in sorted {
            self.visit(id);
        }
        self.order_bounds();
        self.order_purses();
        self.order_grants();
        self.order_feeders();
        if let Some(cycle) = &cycle {
            for action in &mut self.plan.actions {
                action.block(format!("nothing is done while resources need each other in a circle: {cycle}"));
            }
        }
        cycle.is_none()
    }

    /// The first instance that a resource asks for, and the tags it should carry.
    pub(super) fn tags_for(input: Input<'a>, id: &str) -> Option<(Instance, TagWork)> {
        let mut planner = Planner::new(input);
        planner.walk();
        let want = planner.done.remove(id)?.want;
        let kind = input.kinds.get(&want.resource.type_name)?;
        let instance = kind.locate(input.scope, &want, input.world).instances.into_iter().next()?;
        let observed = match &instance.found {
            Found::Present(observed) => Some(Arc::clone(observed)),
            _ => None,
        };
        let tags = planner.tag_work(kind, &want, &instance.key, observed.as_deref());
        Some((instance, tags))
    }

    /// A first walk that only finds keys: what resources claim of others, and which children a parent will have, must
    /// be known before the parent is compared.
    fn survey(&mut self, sorted: &[&'a str]) {
        let mut wanted: BTreeSet<(&str, String)> = BTreeSet::new();
        let mut retained_parents: BTreeSet<(&str, String)> = BTreeSet::new();
        let mut children: Vec<(&dyn Kind, String, &str)> = Vec::new();
        for id in sorted {
            let Some(resource) = self.input.desired.resources.get(*id) else { continue };
            let Some(kind) = self.input.kinds.get(&resource.type_name) else { continue };
            let (want, _) = self.want(resource);
            let located = kind.locate(self.input.scope, &want, self.input.world);
            let claims = kind.claims(self.input.scope, &want, &located.instances);
            for claim in &claims {
                // A child that its parent makes itself (a topic's inline subscription) is claimed by its own key.
                for child in self.input.kinds.iter() {
                    if child.parent(&claim.path).is_some_and(|parent| parent.key == claim.key) {
                        self.note_part(child, &claim.path);
                    }
                }
            }
            self.claims.extend(claims);
            self.bounds.extend(kind.bounds(self.input.scope, &want.properties, self.input.world));
            for instance in &located.instances {
                self.note_part(kind, &instance.key);
                self.note_words(kind, &instance.key, kind.further_words(Some(&want), None));
                let retained = resource.deletion_policy == Some(DeletionPolicy::Retain);
                // A version tells itself whether it is one of those that go, and its key is not known before it is there.
                let remembered = (retained && !kind.is_version()) || kind.forgets_id();
                if retained {
                    retained_parents.insert((kind.type_name(), instance.key.clone()));
                }
                if !kind.facts().taggable && remembered {
                    let word = marks::child_word(kind.type_name(), &instance.key, id, retained);
                    self.note_words(kind, &instance.key, vec![word]);
                } else if !kind.facts().taggable && !kind.is_version() {
                    children.push((kind, instance.key.clone(), id));
                }
                wanted.insert((kind.type_name(), instance.key.clone()));
            }
            let only = located.instances.into_iter().next();
            let (key, observed) = match only {
                Some(Instance { key, found: Found::Present(observed) }) => (Some(key), Some(observed)),
                Some(Instance { key, .. }) => (Some(key), None),
                None => (None, None),
            };
            let settles_at_once = kind.facts().settles_at_once;
            self.done.insert(*id, Planned { want, key, observed, action: usize::MAX, settles_at_once });
        }
        self.done.clear();
        // Of what stays when the spec lets go of it, what hangs on it goes by itself, and must be told from what it
        // makes itself.
        for (kind, key, id) in children {
            if kind.parent(&key).is_some_and(|parent| retained_parents.contains(&(parent.type_name, parent.key))) {
                self.note_words(kind, &key, vec![marks::child_word(kind.type_name(), &key, id, false)]);
            }
        }
        // Children that are still there keep their word in the mark until they are gone: a crash in between must not
        // hide them. Another application's children are its own: a word would turn them into ours.
        let Scope { source, app, env, .. } = self.input.scope;
        let (kinds, world) = (self.input.kinds, self.input.world);
        for kind in kinds.iter() {
            for item in world.table(kind.type_name()).items() {
                if item.marks.as_ref().is_some_and(|marks| marks.is_at_home(source, app, env.as_deref())) {
                    self.note_part(kind, &item.key);
                    self.note_words(kind, &item.key, kind.further_words(None, Some(item)));
                    // What the mark remembers of a child that is asked for no more, it remembers until that is gone.
                    let parent = kind.parent(&item.key).filter(|_| !kind.facts().taggable);
                    let parent = parent.and_then(|parent| world.table(parent.type_name).get(&parent.key));
                    if let Some(marks) = parent.and_then(|parent| parent.marks.as_ref())
                        && let Some((id, retained)) = marks.child(kind.type_name(), &item.key)
                        && !wanted.contains(&(kind.type_name(), item.key.clone()))
                    {
                        let word = marks::child_word(kind.type_name(), &item.key, id, retained);
                        self.note_words(kind, &item.key, vec![word]);
                    }
                }
            }
        }
    }

    /// Notes the word that a child leaves in its parent's mark.
    fn note_part(&mut self, kind: &dyn Kind, key: &str) {
        if let Some(parent) = kind.parent(key)
            && let Some(word) = kind.part_word(key)
        {
            self.parts.entry((parent.type_name, parent.key)).or_default().insert(word);
        }
    }

    fn note_words(&mut self, kind: &dyn Kind, key: &str, words: Vec<String>) {
        if let Some(parent) = kind.parent(key)
            && !words.is_empty()
        {
            self.parts.entry((parent.type_name, parent.key)).or_default().extend(words);
        }
    }

    /// What a resource asks for, and where its values come from.
    fn want(&self, resource: &Resource) -> (Want, Vec<(String, Origin)>) {
        let mut resolved = resolve::resolve(&resource.properties, self);
        if let Some(schema) = crate::model::schema::lookup(&resource.type_name) {
            schema.spell(&mut resolved.properties);
        }
        let want = Want {
            resource: Arc::new(resource.clone()),
            properties: resolved.properties,
            unknown: resolved.unknown,
            secrets: resolved.secrets,
        };
        (want, resolved.derived)
    }

    fn visit(&mut self, id: &'a str) {
        let Some(resource) = self.input.desired.resources.get(id) else { return };
        let (want, derived) = self.want(resource);
        let mut action = Action { origin: resource.origin.clone(), ..Action::new(id, &resource.type_name, Verb::None) };
        let index = self.plan.actions.len();
        let Some(kind) = self.input.kinds.get(&resource.type_name) else {
            action.block(format!("evenkeel has no kind for {} yet", resource.type_name));
            self.plan.actions.push(action);
            self.done.insert(id, Planned { want, key: None, observed: None, action: index, settles_at_once: true });
            return;
        };
        let facts = kind.facts();
        if let Some(reason) = kind.refuses(self.input.scope, &want, self.input.world) {
            action.block(reason);
            self.plan.actions.push(action);
            self.done.insert(id, Planned { want, key: None, observed: None, action: index, settles_at_once: true });
            return;
        }
        let located = kind.locate(self.input.scope, &want, self.input.world);
        if let Some(unknown) = &located.waits {
            action.verb = Verb::Create;
            action.wait(format!("waits for {}", unknown.after));
        }
        if let Some((other, what)) = self.rival(id, kind, &want, &located.instances) {
            action.block(format!("`{other}` says something else of {what}: make one of the two"));
            self.plan.actions.push(action);
            self.done.insert(id, Planned { want, key: None, observed: None, action: index, settles_at_once: true });
            return;
        }
        let mut current = None;
        for (number, instance) in located.instances.iter().enumerate() {
            let home = match facts.reads == kind.type_name() {
                true => (facts.reads, instance.key.clone()),
                false => {
                    kind.parent(&instance.key).map_or((facts.reads, instance.key.clone()), |p| (p.type_name, p.key))
                }
            };
            self.plan.wanted.entry(home.0).or_default().insert(home.1.clone());
            action.keys.push((kind.type_name(), instance.key.clone()));
            if let Found::Present(observed) = &instance.found
                && let State::Pending { .. } = &observed.state
            {
                self.plan.pending.entry(home.0).or_default().insert(home.1);
            }
            self.compare(kind, &want, &derived, instance, &mut action);
            if number == 0 && action.verb != Verb::Replace {
                current = match &instance.found {
                    Found::Present(observed) => Some(Arc::clone(observed)),
                    _ => None,
                };
            }
        }
        action.hold_back(self.input.held.get(id));
        self.order(id, &mut action);
        self.order_imports(&derived, &mut action);
        let remark = || kind.remark(&want, current.as_deref()?);
        if let Some(note) = rollout_note(resource).or_else(remark) {
            action.reason.get_or_insert(note);
        }
        let key = located.instances.first().map(|instance| instance.key.clone());
        self.plan.fingerprints.insert(action.id.clone(), action.fingerprint.clone());
        self.plan.actions.push(action);
        self.done.insert(
            id,
            Planned { want, key, observed: current, action: index, settles_at_once: facts.settles_at_once },
        );
    }

    /// Another resource that says something else of what has no marks to tell whose it is: a part of a parent, a claim.
    /// Each of the two would write over the other for ever. Notes what this one says.
    fn rival(
        &mut self,
        id: &'a str,
        kind: &dyn Kind,
        want: &Want,
        instances: &[Instance],
    ) -> Option<(&'a str, String)> {
        if kind.facts().taggable || kind.is_version() || !want.unknown.is_empty() {
            return None;
        }
        let claims = kind.claims(self.input.scope, want, instances);
        let places: Vec<(&'static str, String, String)> = match claims.is_empty() {
            false => claims.into_iter().map(|claim| (claim.type_name, claim.key, claim.path)).collect(),
            true => instances.iter().map(|at| (kind.type_name(), at.key.clone(), String::new())).collect(),
        };
        for place in places {
            let content = Json::Object(kind.desired(self.input.scope, want, &place.1)).to_string();
            match self.said.get(&place) {
                Some((other, said)) if *said != content => {
                    let (_, key, path) = place;
                    let what = if path.is_empty() { format!("`{key}`") } else { format!("{path} of `{key}`") };
                    return Some((other, what));
                }
                _ => {
                    self.said.insert(place, (id, content));
                }
            }
        }
        None
    }

    /// Holds an action back until what it needs is there.
    fn order(&self, id: &str, action: &mut Action) {
        for need in self.needs.get(id).into_iter().flatten() {
            let Some(planned) = self.done.get(need.as_str()) else { continue };
            let Some(other) = self.plan.actions.get(planned.action) else { continue };
            match &other.standing {
                Standing::Ready => {}
                Standing::Blocked(_) => action.block(format!("needs `{need}`, which is blocked")),
                Standing::Acting if planned.settles_at_once && other.verb != Verb::Replace => {
                    if !action.steps.is_empty() {
                        action.after.push(planned.action);
                    }
                }
                Standing::Acting | Standing::Waiting(_) => {
                    if action.verb != Verb::None {
                        action.wait(format!("waits for `{need}`"));
                    }
                }
            }
        }
    }

    /// Holds an action back until what it imports can be relied upon.
    fn order_imports(&self, derived: &[(String, Origin)], action: &mut Action) {
        for (_, origin) in derived {
            let Origin::Export(name) = origin else { continue };
            match self.input.imports.get(name).map(|imported| imported.waits(name)) {
                Some(Standing::Blocked(reason)) => action.block(reason),
                Some(Standing::Waiting(reason)) if action.verb != Verb::None => action.wait(reason),
                _ => {}
            }
        }
    }

    /// How what a value comes from stands: the worst of it.
    fn standing(&self, derived: &[(String, Origin)]) -> Standing {
        let mut worst = Standing::Ready;
        for (_, origin) in derived {
            let one = match origin {
                Origin::Resource(id) => self
                    .done
                    .get(id.as_str())
                    .and_then(|planned| self.plan.actions.get(planned.action))
                    .map_or(Standing::Ready, |action| action.standing.clone()),
                Origin::Export(name) => self.input.imports.get(name).map_or_else(
                    || Standing::Waiting(format!("waits for the export `{name}`")),
                    |imported| imported.waits(name),
                ),
            };
            match one {
                Standing::Ready => {}
                Standing::Blocked(_) => return one,
                other => worst = other,
            }
        }
        worst
    }

    /// A value without the secret texts of the resources that it comes from: a name may be made of one.
    fn hidden(&self, derived: &[(String, Origin)], value: &Json) -> Json {
        let mut value = value.clone();
        for (_, origin) in derived {
            if let Origin::Resource(id) = origin
                && let Some(planned) = self.done.get(id.as_str())
            {
                self.plan.actions[planned.action].hidden.value(&mut value);
            }
        }
        value
    }

    fn outputs(&mut self) {
        for (name, output) in &self.input.desired.outputs {
            let mut properties = crate::model::Node::map::<String>([], crate::model::Place::NOWHERE);
            properties.set("Value", output.value.clone());
            let resolved = resolve::resolve(&properties, self);
            let value = resolved.properties.get("Value").filter(|_| resolved.unknown.is_empty());
            if let Some(name) = output.export.as_ref().and_then(crate::model::Node::scalar_text) {
                let standing = self.standing(&resolved.derived);
                let secret = !resolved.secrets.is_empty()
                    || value.is_some_and(|value| self.hidden(&resolved.derived, value) != *value);
                self.plan.exports.insert(name, Export { value: value.cloned(), secret, standing });
            }
            if let Some(value) = value {
                let value = diff::mask("Value", value, &|path| resolved.secrets.contains(path));
                let value = self.hidden(&resolved.derived, &value);
                self.plan.outputs.insert(name.clone(), value);
            }
        }
    }

    /// What the spec wants, for the pruning that follows.
    fn kept(&self) -> Kept {
        let mut kept = Kept::default();
        for action in &self.plan.actions {
            kept.keys.extend(action.keys.iter().cloned());
            kept.standing.insert(action.id.clone(), (action.type_name.clone(), action.standing.clone()));
        }
        kept.claims = self.claims.clone();
        kept
    }
}

/// What to say of an alias whose traffic should shift in steps: it moves at once, and nobody should believe otherwise.
fn rollout_note(resource: &Resource) -> Option<String> {
    let rollout = resource.rollout.as_ref()?;
    let off = rollout.get("Enabled").and_then(crate::model::Node::scalar_text).is_some_and(|text| text == "false");
    let strategy = rollout.get("Type")?.as_str()?;
    (!off && strategy != "AllAtOnce").then(|| format!("{strategy} is applied all at once: rollouts are not built yet"))
}

/// What of the world the spec accounts for.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Current instances.
    pub(super) keys: BTreeSet<(&'static str, String)>,
    /// Type and standing by logical id.
    pub(super) standing: BTreeMap<String, (String, Standing)>,
    /// Claims of the spec's resources.
    pub(super) claims: Vec<Claim>,
}

#[cfg(test)]
mod tests;
