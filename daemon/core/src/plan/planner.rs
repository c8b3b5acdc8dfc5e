//! The planner: desired state held against the observation, resource by resource, in the order of their needs.
//!
//! # Guarantees
//! Pure and deterministic. Unknown is never taken for absent. A step is given only where all its inputs are known and
//! all it needs is settled or is made by an earlier step of the same plan. Nothing that is not ours gets a step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use super::diff::{self, Cause, Change, Unknown};
use super::graph;
use super::guard;
use super::kind::{Claim, Instance, Kind, Kinds, Scope, TagWork, Target, Want, Work};
use super::marks::{self, Marks, Tags};
use super::naming::short_hash;
use super::observation::{Found, Observation, Observed, State};
use super::resolve::{self, Lookup};
use super::step::Step;
use crate::model::resource::{DeletionPolicy, Desired, Origin, Resource};

/// What is done about a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Nothing.
    None,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and made again.
    Replace,
    /// It is deleted.
    Delete,
    /// Something should be done, and cannot be.
    Blocked,
}

/// How a resource stands in this round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As the spec says, and settled.
    Ready,
    /// This round's steps change it.
    Acting,
    /// It waits for something that is under way.
    Waiting(String),
    /// It cannot go on until somebody does something.
    Blocked(String),
}

/// What the plan does about one resource.
#[derive(Clone, Debug)]
pub struct Action {
    /// Logical id; for what left the spec, the id in its marks.
    pub id: String,
    /// AWS's type name.
    pub type_name: String,
    /// What is done.
    pub verb: Verb,
    /// The real thing, where it is there.
    pub physical_id: Option<String>,
    /// What differs.
    pub changes: Vec<Change>,
    /// Why it is blocked, replaced, deleted or waits.
    pub reason: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// One after another; all inputs known.
    pub steps: Vec<Step>,
    /// Actions (by index in the plan) that must succeed first.
    pub after: Vec<usize>,
    /// Who asked for it.
    pub origin: Origin,
    /// Keys in the observation, with the type whose table holds them.
    pub keys: Vec<(&'static str, String)>,
    /// A hash of the desired properties.
    pub fingerprint: String,
}

/// One round's plan for one application in one environment.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In an order in which each comes after what it needs; deletions last.
    pub actions: Vec<Action>,
    /// A digest of this plan's deletions and replacements, where it has some: what a person allows.
    pub digest: Option<String>,
    /// A hash of each resource's desired properties, to tell drift from a changed spec next time.
    pub fingerprints: BTreeMap<String, String>,
    /// Keys that the spec wants, by the type whose table answers for them.
    pub wanted: BTreeMap<&'static str, BTreeSet<String>>,
    /// Unsettled resources to look at again, by type.
    pub pending: BTreeMap<&'static str, BTreeSet<String>>,
    /// Values of the outputs that are known.
    pub outputs: BTreeMap<String, Json>,
}

impl Plan {
    /// Whether this round writes anything.
    pub fn has_steps(&self) -> bool {
        self.actions.iter().any(|action| !action.steps.is_empty())
    }

    /// Whether everything is as the spec says.
    pub fn is_converged(&self) -> bool {
        self.actions.iter().all(|action| action.verb == Verb::None && action.standing == Standing::Ready)
    }

    /// How many actions have a verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.actions.iter().filter(|action| action.verb == verb).count()
    }
}

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
    /// Digests of deletions that a person allowed, beyond those in the spec.
    pub allowed: &'a BTreeSet<String>,
    /// Why nothing may be deleted in this round, where that is so (a tree that is not git and was seen only once).
    pub no_deletes: Option<&'a str>,
}

/// Why a resource is not to be tried now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A pause before the next try.
    Pausing(String),
    /// An error that only a new spec, or somebody, mends.
    Stalled(String),
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
    parts: BTreeMap<(&'static str, String), BTreeSet<String>>,
    plan: Plan,
}

/// Makes the plan.
pub fn plan(input: Input<'_>) -> Plan {
    let mut planner = Planner::new(input);
    if !input.desired.deleted {
        planner.walk();
        planner.outputs();
    }
    let kept = planner.kept();
    let Planner { mut plan, .. } = planner;
    super::prune::prune(&input, &kept, &mut plan);
    guard::check(&input, &mut plan);
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
}

impl<'a> Planner<'a> {
    fn new(input: Input<'a>) -> Self {
        Planner {
            needs: graph::dependencies(&input.desired.resources),
            input,
            done: BTreeMap::new(),
            claims: Vec::new(),
            parts: BTreeMap::new(),
            plan: Plan::default(),
        }
    }

    /// Plans every resource after what it needs.
    fn walk(&mut self) {
        let resources = &self.input.desired.resources;
        let sorted = match graph::order(resources, &self.needs) {
            Ok(sorted) => sorted,
            // The compiler refuses cycles with their places; planning one in any order would only wait for ever.
            Err(cycle) => {
                cycle.iter().filter_map(|id| resources.get_key_value(id).map(|(id, _)| id.as_str())).collect()
            }
        };
        self.survey(&sorted);
        for id in sorted {
            self.visit(id);
        }
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
        for id in sorted {
            let Some(resource) = self.input.desired.resources.get(*id) else { continue };
            let Some(kind) = self.input.kinds.get(&resource.type_name) else { continue };
            let want = self.want(resource);
            let located = kind.locate(self.input.scope, &want, self.input.world);
            let claims = kind.claims(self.input.scope, &want);
            for claim in &claims {
                // A child that its parent makes itself (a topic's inline subscription) is claimed by its own key.
                for child in self.input.kinds.iter() {
                    if child.parent(&claim.path).is_some_and(|parent| parent.key == claim.key) {
                        self.note_part(child, &claim.path);
                    }
                }
            }
            self.claims.extend(claims);
            for instance in &located.instances {
                self.note_part(kind, &instance.key);
                self.note_words(kind, &instance.key, kind.further_words(Some(&want), None));
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
        // Children that are still there keep their word in the mark until they are gone: a crash in between must not
        // hide them. Another application's children are its own: a word would turn them into ours.
        let Scope { source, app, env, .. } = self.input.scope;
        let (kinds, world) = (self.input.kinds, self.input.world);
        for kind in kinds.iter() {
            for item in world.table(kind.type_name()).items() {
                if item.marks.as_ref().is_some_and(|marks| marks.is_at_home(source, app, env.as_deref())) {
                    self.note_part(kind, &item.key);
                    self.note_words(kind, &item.key, kind.further_words(None, Some(item)));
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

    fn want(&self, resource: &Resource) -> Want {
        let resolved = resolve::resolve(&resource.properties, self);
        Want {
            resource: Arc::new(resource.clone()),
            properties: resolved.properties,
            unknown: resolved.unknown,
            secrets: resolved.secrets,
        }
    }

    fn visit(&mut self, id: &'a str) {
        let Some(resource) = self.input.desired.resources.get(id) else { return };
        let resolved = resolve::resolve(&resource.properties, self);
        let derived = resolved.derived;
        let want = Want {
            resource: Arc::new(resource.clone()),
            properties: resolved.properties,
            unknown: resolved.unknown,
            secrets: resolved.secrets,
        };
        let mut action = Action {
            id: id.to_owned(),
            type_name: resource.type_name.clone(),
            verb: Verb::None,
            physical_id: None,
            changes: Vec::new(),
            reason: None,
            standing: Standing::Ready,
            steps: Vec::new(),
            after: Vec::new(),
            origin: resource.origin.clone(),
            keys: Vec::new(),
            fingerprint: String::new(),
        };
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
        let key = located.instances.first().map(|instance| instance.key.clone());
        self.plan.fingerprints.insert(action.id.clone(), action.fingerprint.clone());
        self.plan.actions.push(action);
        self.done.insert(
            id,
            Planned { want, key, observed: current, action: index, settles_at_once: facts.settles_at_once },
        );
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

    fn compare(
        &self,
        kind: &dyn Kind,
        want: &Want,
        derived: &BTreeMap<String, String>,
        instance: &Instance,
        action: &mut Action,
    ) {
        let scope = self.input.scope;
        let desired = kind.desired(scope, want, &instance.key);
        let secrets = secrets(kind, want);
        let fingerprint = short_hash(&Json::Object(desired.clone()).to_string());
        action.fingerprint.push_str(&fingerprint);
        let observed = match &instance.found {
            Found::Unknown(reason) => {
                action.block(format!("could not be read: {reason}"));
                return;
            }
            Found::Absent => None,
            Found::Present(observed) => Some(observed.as_ref()),
        };
        let Some(observed) = observed else {
            let tags = self.tag_work(kind, want, &instance.key, None);
            action.verb = action.verb.max(Verb::Create);
            for (path, value) in &desired {
                let to = diff::mask(path, value, &|path| is_secret(&secrets, path));
                action.changes.push(Change {
                    path: path.clone(),
                    from: Json::Null,
                    to,
                    to_unknown: None,
                    cause: Cause::Spec,
                });
            }
            action.unknowns(want);
            if want.unknown.is_empty() {
                let work = Work {
                    scope,
                    want,
                    key: &instance.key,
                    desired: &desired,
                    observed: None,
                    changes: &[],
                    tags: &tags,
                };
                action.act(kind.create(work));
            } else {
                action.wait_for(want);
            }
            return;
        };
        action.physical_id = Some(match action.physical_id.take() {
            Some(before) => format!("{before},{}", observed.physical_id),
            None => observed.physical_id.clone(),
        });
        if let Err(reason) = self.owned(kind, want, observed) {
            action.block(reason);
            return;
        }
        let mut desired = desired;
        let mut seen = observed.properties.clone();
        kind.align(scope, want, &mut desired, &mut seen, observed);
        for path in want.unknown.keys() {
            diff::remove_path(&mut desired, diff::head(path));
            diff::remove_path(&mut seen, diff::head(path));
        }
        for claim in &self.claims {
            if claim.type_name == kind.type_name() && claim.key == instance.key {
                diff::remove_path(&mut desired, &claim.path);
                diff::remove_path(&mut seen, &claim.path);
            }
        }
        let mut differences = diff::diff(&desired, &seen);
        differences
            .retain(|(path, _, _)| !want.resource.ignore_drift.iter().any(|ignored| diff::is_below(path, ignored)));
        let replace =
            differences.iter().find(|(path, from, to)| kind.replaces(path, from, to)).map(|(path, _, _)| path.clone());
        let cause = |path: &str| self.cause(action.id.as_str(), &fingerprint, derived, path);
        let changes: Vec<Change> = differences
            .into_iter()
            .map(|(path, from, to)| Change {
                from: mask_observed(&path, &from, &to, &secrets),
                to: diff::mask(&path, &to, &|path| is_secret(&secrets, path)),
                to_unknown: None,
                cause: cause(&path),
                path,
            })
            .collect();
        let tags = self.tag_work(kind, want, &instance.key, Some(observed));
        let work = Work {
            scope,
            want,
            key: &instance.key,
            desired: &desired,
            observed: Some(observed),
            changes: &changes,
            tags: &tags,
        };
        let steps = match &replace {
            Some(path) => {
                action.verb = Verb::Replace;
                action.reason = Some(format!("`{path}` can only be given at creation"));
                match self.may_replace(kind, want, observed) {
                    Ok(()) => kind.delete(scope, observed),
                    Err(reason) => {
                        action.block(reason);
                        Vec::new()
                    }
                }
            }
            None => {
                let mut steps = if tags.is_empty() { Vec::new() } else { kind.retag(scope, observed, &tags) };
                if !changes.is_empty() {
                    steps.extend(kind.update(work));
                }
                steps
            }
        };
        let tag_changes = tag_changes(observed, &tags);
        if replace.is_none() && (!changes.is_empty() || !tag_changes.is_empty()) {
            action.verb = action.verb.max(Verb::Update);
        }
        action.changes.extend(changes);
        action.changes.extend(tag_changes);
        action.unknowns(want);
        match &observed.state {
            State::Pending { reason } => action.wait(format!("settling: {reason}")),
            State::Failed { reason } if action.verb == Verb::None => {
                action.block(format!("AWS reports it failed: {reason}"))
            }
            _ if !want.unknown.is_empty() => action.wait_for(want),
            _ => action.act(steps),
        }
    }

    fn cause(&self, id: &str, fingerprint: &str, derived: &BTreeMap<String, String>, path: &str) -> Cause {
        if let Some((_, target)) = derived.iter().find(|(at, _)| diff::is_below(at, diff::head(path)))
            && let Some(planned) = self.done.get(target.as_str())
            && self.plan.actions.get(planned.action).is_some_and(|action| action.verb != Verb::None)
        {
            return Cause::Dependency;
        }
        match self.input.previous.and_then(|previous| previous.get(id)) {
            Some(previous) if previous.contains(fingerprint) => Cause::Drift,
            _ => Cause::Spec,
        }
    }

    /// Whether evenkeel may write to a real resource that has the wanted name.
    fn owned(&self, kind: &dyn Kind, want: &Want, observed: &Observed) -> Result<(), String> {
        let Scope { source, app, env, .. } = self.input.scope;
        let id = want.id();
        match &observed.marks {
            Some(marks) if marks.is_at_home(source, app, env.as_deref()) => {
                let other = &marks.id;
                let taken = other != id
                    && self
                        .input
                        .desired
                        .resources
                        .get(other)
                        .is_some_and(|resource| resource.type_name == want.resource.type_name)
                    && want.resource.renamed_from.as_deref() != Some(other);
                if taken {
                    Err(format!("`{}` already belongs to `{other}` of the same application", observed.physical_id))
                } else {
                    Ok(())
                }
            }
            Some(marks) => Err(format!("`{}` belongs to {}", observed.physical_id, marks.owner())),
            None if kind.adopts_unmarked(self.input.scope, want, self.input.world) => Ok(()),
            None => Err(format!(
                "`{}` exists and is not evenkeel's; to take it over: evenkeel adopt {app}/{id}{}",
                observed.physical_id,
                env.as_deref().map(|env| format!(" --env {env}")).unwrap_or_default()
            )),
        }
    }

    fn may_replace(&self, kind: &dyn Kind, want: &Want, observed: &Observed) -> Result<(), String> {
        if let Some(reason) = self.input.no_deletes {
            return Err(reason.to_owned());
        }
        if let Some(risk) = kind.data_at_risk(observed) {
            return Err(format!("must be replaced, but {risk}"));
        }
        if want.resource.update_replace_policy == Some(DeletionPolicy::Retain) {
            return Err(format!(
                "must be replaced, but its UpdateReplacePolicy is Retain and a new one cannot have the same name: give it another name, or delete `{}` by hand",
                observed.physical_id
            ));
        }
        Ok(())
    }

    fn tag_work(&self, kind: &dyn Kind, want: &Want, key: &str, observed: Option<&Observed>) -> TagWork {
        if !kind.facts().taggable {
            return TagWork::default();
        }
        let Scope { source, app, env, .. } = self.input.scope;
        let mut spec: Tags = self.input.desired.tags.clone();
        spec.extend(tags_of(want.properties.get("Tags")));
        let marks = Marks {
            source: source.clone(),
            app: app.clone(),
            env: env.clone(),
            id: want.id().to_owned(),
            keys: spec.keys().cloned().collect(),
            code: kind.code_mark(self.input.scope, want, observed),
            parts: {
                let mut parts = self.parts.get(&(kind.type_name(), key.to_owned())).cloned().unwrap_or_default();
                parts.extend(kind.own_parts(want, observed));
                parts
            },
            policy: want
                .resource
                .deletion_policy
                .filter(|policy| *policy != DeletionPolicy::Delete)
                .map(|policy| policy.as_str().to_owned()),
            parent: match &want.resource.origin {
                Origin::Generated { parent } => Some(parent.clone()),
                Origin::Written => None,
            },
        };
        let mut all = spec;
        all.extend(marks.to_tags());
        let have = observed.and_then(|observed| observed.tags.clone()).unwrap_or_default();
        let ignored =
            |tag: &str| want.resource.ignore_drift.iter().any(|path| diff::is_below(&format!("Tags.{tag}"), path));
        let set = all
            .iter()
            .filter(|(k, v)| have.get(*k) != Some(v) && !ignored(k))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let managed =
            observed.and_then(|observed| observed.marks.as_ref()).map(|marks| marks.keys.clone()).unwrap_or_default();
        let remove = have
            .keys()
            .filter(|k| !all.contains_key(*k) && (managed.contains(*k) || marks::is_mark(k)) && !ignored(k))
            .cloned()
            .collect();
        TagWork { all, set, remove }
    }

    fn outputs(&mut self) {
        for (name, output) in &self.input.desired.outputs {
            let mut properties = crate::model::Node::map::<String>([], crate::model::Place::NOWHERE);
            properties.set("Value", output.value.clone());
            let resolved = resolve::resolve(&properties, self);
            if let Some(value) = resolved.properties.get("Value")
                && resolved.unknown.is_empty()
            {
                let value = diff::mask("Value", value, &|path| resolved.secrets.contains(path));
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

impl Action {
    pub(super) fn block(&mut self, reason: String) {
        self.verb = Verb::Blocked;
        self.steps.clear();
        self.reason = Some(reason.clone());
        self.standing = Standing::Blocked(reason);
    }

    fn wait(&mut self, reason: String) {
        self.steps.clear();
        if !matches!(self.standing, Standing::Blocked(_)) {
            self.reason.get_or_insert_with(|| reason.clone());
            self.standing = Standing::Waiting(reason);
        }
    }

    /// Leaves the steps for later where the id is held; what is as it should be stays so.
    pub(super) fn hold_back(&mut self, held: Option<&Held>) {
        match held {
            _ if self.steps.is_empty() => {}
            Some(Held::Stalled(reason)) => self.block(reason.clone()),
            Some(Held::Pausing(reason)) => {
                self.steps.clear();
                self.standing = Standing::Waiting(reason.clone());
            }
            None => {}
        }
    }

    fn wait_for(&mut self, want: &Want) {
        if let Some(unknown) = want.unknown.values().next() {
            self.wait(format!("waits for {}", unknown.after));
        }
    }

    fn act(&mut self, steps: Vec<Step>) {
        if !steps.is_empty() && matches!(self.standing, Standing::Ready | Standing::Acting) {
            self.steps.extend(steps);
            self.standing = Standing::Acting;
        } else if self.verb != Verb::None && self.standing == Standing::Ready {
            // A difference that no step answers must be seen, not called ready.
            self.block("differs, but no AWS call can change it in place".to_owned());
        }
    }

    fn unknowns(&mut self, want: &Want) {
        for (path, unknown) in &want.unknown {
            self.changes.push(Change {
                path: path.clone(),
                from: Json::Null,
                to: Json::Null,
                to_unknown: Some(Unknown { after: unknown.after.clone() }),
                cause: Cause::Dependency,
            });
        }
    }
}

/// Tags as the spec writes them: a map, or a list of `{Key, Value}`.
pub fn tags_of(property: Option<&Json>) -> Tags {
    match property {
        Some(Json::Object(map)) => map.iter().map(|(k, v)| (k.clone(), scalar(v))).collect(),
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(|item| Some((item.get("Key")?.as_str()?.to_owned(), scalar(item.get("Value")?))))
            .collect(),
        _ => Tags::new(),
    }
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

fn tag_changes(observed: &Observed, tags: &TagWork) -> Vec<Change> {
    let have = |key: &str| {
        observed.tags.as_ref().and_then(|tags| tags.get(key)).map_or(Json::Null, |v| Json::from(v.as_str()))
    };
    let change = |key: &String, to: Json| Change {
        path: format!("Tags.{key}"),
        from: have(key),
        to,
        to_unknown: None,
        cause: Cause::Spec,
    };
    let set = tags.set.iter().map(|(key, value)| change(key, Json::from(value.as_str())));
    set.chain(tags.remove.iter().map(|key| change(key, Json::Null))).collect()
}

fn secrets(kind: &dyn Kind, want: &Want) -> BTreeSet<String> {
    want.secrets.iter().cloned().chain(kind.secret_paths(want)).collect()
}

fn is_secret(secrets: &BTreeSet<String>, path: &str) -> bool {
    secrets.iter().any(|secret| diff::is_below(path, secret))
}

/// An observed value is shown only where the spec does not call it secret; an environment value only where the spec
/// holds the same plain text: whatever else is in an environment may be a secret that somebody put there by hand.
fn mask_observed(path: &str, from: &Json, to: &Json, secrets: &BTreeSet<String>) -> Json {
    let environment = |at: &str| diff::is_below(at, "Environment.Variables") && at != "Environment.Variables";
    let within = |at: &str| is_secret(secrets, at) || (environment(at) && from != to);
    if diff::is_below("Environment.Variables", path) && !from.is_null() {
        return diff::mask(path, from, &|at| is_secret(secrets, at) || environment(at));
    }
    diff::mask(path, from, &within)
}

#[cfg(test)]
mod tests;
