//! What a plan consists of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;

use super::diff::{Cause, Change, Unknown};
use super::export::Export;
use super::hidden::Hidden;
use super::kind::Want;
use super::step::Step;
use crate::model::resource::Origin;

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
    /// What data the change in place would lose.
    pub loses: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// One after another; all inputs known.
    pub steps: Vec<Step>,
    /// Whether more steps follow, once others have done theirs.
    pub later: bool,
    /// Actions (by index in the plan) that must succeed first.
    pub after: Vec<usize>,
    /// Who asked for it.
    pub origin: Origin,
    /// Keys in the observation, with the type whose table holds them.
    pub keys: Vec<(&'static str, String)>,
    /// A hash of the desired properties.
    pub fingerprint: String,
    /// The secret texts of the spec's resource, to keep them out of what is said of it.
    pub hidden: Hidden,
}

/// One round's plan for one application in one environment.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In an order in which each comes after what it needs; deletions last.
    pub actions: Vec<Action>,
    /// A digest of this plan's deletions and replacements, where it has some: what a person allows.
    pub digest: Option<String>,
    /// The deletions and replacements that a person allowed by that digest: to be allowed in the rounds that follow,
    /// whose plans are what is left of this one.
    pub allowed: BTreeSet<String>,
    /// A hash of each resource's desired properties, to tell drift from a changed spec next time.
    pub fingerprints: BTreeMap<String, String>,
    /// Keys that the spec wants, by the type whose table answers for them.
    pub wanted: BTreeMap<&'static str, BTreeSet<String>>,
    /// Unsettled resources to look at again, by type.
    pub pending: BTreeMap<&'static str, BTreeSet<String>>,
    /// Values of the outputs that are known; secrets are masked.
    pub outputs: BTreeMap<String, Json>,
    /// What other applications may import, by the exports' names.
    pub exports: BTreeMap<String, Export>,
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

/// Why a resource is not to be tried now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A pause before the next try.
    Pausing(String),
    /// An error that only a new spec, or somebody, mends.
    Stalled(String),
}

impl Action {
    /// An action without changes and steps: standing ready where nothing is to be done, else acting.
    pub fn new(id: impl Into<String>, type_name: impl Into<String>, verb: Verb) -> Self {
        Action {
            id: id.into(),
            type_name: type_name.into(),
            verb,
            physical_id: None,
            changes: Vec::new(),
            reason: None,
            loses: None,
            standing: if verb == Verb::None { Standing::Ready } else { Standing::Acting },
            steps: Vec::new(),
            later: false,
            after: Vec::new(),
            origin: Origin::Written,
            keys: Vec::new(),
            fingerprint: String::new(),
            hidden: Hidden::default(),
        }
    }

    /// Takes the resource's secret texts out of the sentences and the name that people see. What the steps and the keys
    /// hold is nobody's but AWS's.
    pub(super) fn hide(&mut self) {
        let Action { physical_id, reason, loses, standing, hidden, .. } = self;
        let held = match standing {
            Standing::Waiting(reason) | Standing::Blocked(reason) => Some(reason),
            Standing::Ready | Standing::Acting => None,
        };
        for text in physical_id.iter_mut().chain(reason).chain(loses).chain(held) {
            *text = hidden.text(text);
        }
    }

    /// Whether something is still to be done about it, and cannot be planned yet.
    pub fn is_waiting(&self) -> bool {
        matches!(self.standing, Standing::Waiting(_))
    }

    pub(super) fn block(&mut self, reason: String) {
        self.verb = Verb::Blocked;
        self.steps.clear();
        self.reason = Some(reason.clone());
        self.standing = Standing::Blocked(reason);
    }

    pub(super) fn wait(&mut self, reason: String) {
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

    pub(super) fn wait_for(&mut self, want: &Want) {
        if let Some(unknown) = want.unknown.values().next() {
            self.wait(format!("waits for {}", unknown.after));
        }
    }

    pub(super) fn act(&mut self, steps: Vec<Step>) {
        if !steps.is_empty() && matches!(self.standing, Standing::Ready | Standing::Acting) {
            self.steps.extend(steps);
            self.standing = Standing::Acting;
        } else if self.verb != Verb::None && self.standing == Standing::Ready {
            // A difference that no step answers must be seen, not called ready.
            self.block("differs, but no AWS call can change it in place".to_owned());
        }
    }

    pub(super) fn unknowns(&mut self, want: &Want) {
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
