//! Policy documents that are a property of another resource: a queue's policy, a topic's policy.
//!
//! Such a facet has no table of its own: it is read off its parent, claims the parent's `Policy` and writes through
//! the parent. Where no facet claims it, a policy is drift of the parent.

use crate::values::{last_part, text, texts};
use evenkeel_core::plan::kind::{Claim, Facts, Instance, Kind, Located, Parent, Scope, Target, Want, Work};
use evenkeel_core::plan::observation::{Found, Observation, Observed};
use evenkeel_core::plan::policy;
use evenkeel_core::plan::step::Step;
use evenkeel_core::plan::{Marks, diff::Unknown};
use serde_json::{Map, Value as Json};

/// The property of the parent that holds the document.
pub(crate) const POLICY: &str = "Policy";
const DOCUMENT: &str = "PolicyDocument";

/// A type whose resources put a policy document on one or more parents.
#[derive(Clone, Copy, Debug)]
pub struct DocumentFacet {
    /// AWS's type name.
    pub type_name: &'static str,
    /// The parent's type.
    pub parent: &'static str,
    /// What the parent is called in a sentence.
    pub parent_word: &'static str,
    /// The property that names the parents: a URL or an ARN, or a list of such.
    pub targets: &'static str,
    /// Whether `Ref` gives the parent; otherwise the logical id stands for it.
    pub refers_to_parent: bool,
    /// The write: scope, the parent as the spec names it, its key, the document as text.
    pub write: fn(&Scope, &str, &str, String) -> Step,
    /// The account and the region in a parent's URL or ARN, as far as it tells them.
    pub home: fn(&str) -> (Option<&str>, Option<&str>),
}

impl DocumentFacet {
    fn targets<'a>(&self, want: &'a Want) -> Vec<&'a str> {
        texts(want.properties.get(self.targets))
    }

    fn found(&self, want: &Want, world: &Observation, key: &str) -> Found {
        match world.table(self.parent).look(key) {
            Found::Present(parent) => match parent.properties.get(POLICY) {
                Some(document) if !document.is_null() => {
                    let mut facet = part_of(&parent, key, want);
                    facet.properties.insert(DOCUMENT.to_owned(), document.clone());
                    Found::Present(facet.into())
                }
                // What every parent is given of itself is nobody's, and may be just what the spec asks for.
                _ => match parent.attributes.get(POLICY) {
                    Some(given) if want.properties.get(DOCUMENT).map(policy::canonical).as_ref() == Some(given) => {
                        let mut facet = part_of(&parent, key, want);
                        facet.properties.insert(DOCUMENT.to_owned(), given.clone());
                        Found::Present(facet.into())
                    }
                    _ => Found::Absent,
                },
            },
            other => other,
        }
    }

    fn put(&self, work: Work<'_>) -> Vec<Step> {
        let target = self.targets(work.want).into_iter().find(|target| last_part(target) == work.key);
        let document = work.want.properties.get(DOCUMENT);
        match (target, document) {
            (Some(target), Some(document)) => vec![(self.write)(work.scope, target, work.key, text(document))],
            _ => Vec::new(),
        }
    }
}

impl Kind for DocumentFacet {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 40, holds_data: false, taggable: false, naming: None, reads: self.parent }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        self.targets(want).into_iter().find_map(|target| {
            let (account, region) = (self.home)(target);
            if account.is_some_and(|account| account != scope.account) || region.is_some_and(|r| r != scope.region) {
                return Some(format!("{} `{target}` is in another account or region", self.parent_word));
            }
            foreign_parent(scope, world, self.parent, self.parent_word, last_part(target))
        })
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        if let Some(unknown) = want.unknown_below(self.targets) {
            return Located { instances: Vec::new(), waits: Some(Unknown { after: unknown.after.clone() }) };
        }
        let instances = self
            .targets(want)
            .into_iter()
            .map(last_part)
            .map(|key| Instance { key: key.to_owned(), found: self.found(want, world, key) })
            .collect();
        Located { instances, waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let document = want.properties.get(DOCUMENT).map(policy::canonical);
        document.into_iter().map(|document| (DOCUMENT.to_owned(), document)).collect()
    }

    fn claims(&self, _scope: &Scope, want: &Want, _at: &[Instance]) -> Vec<Claim> {
        let claim =
            |target: &str| Claim { type_name: self.parent, key: last_part(target).to_owned(), path: POLICY.to_owned() };
        self.targets(want).into_iter().map(claim).collect()
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None if self.refers_to_parent => Some(Json::from(*self.targets(target.want).first()?)),
            // CloudFormation makes an id of no use to anybody; this one is as stable.
            None | Some("Id") if !self.refers_to_parent => Some(Json::from(target.want.id())),
            _ => None,
        }
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        // The parent is part of the identity; the document itself can always be written over.
        false
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(Parent { type_name: self.parent, key: key.to_owned(), part: "" })
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        self.put(work)
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        self.put(work)
    }

    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![(self.write)(scope, &observed.physical_id, &observed.key, String::new())]
    }
}

/// A part of a parent, as an observation of its own: it is whose the parent is, under the wanting resource's id.
pub(crate) fn part_of(parent: &Observed, key: &str, want: &Want) -> Observed {
    let mut part = Observed::new(key, parent.physical_id.as_str());
    part.state = parent.state.clone();
    part.marks = parent.marks.as_ref().map(|marks| Marks {
        source: marks.source.clone(),
        app: marks.app.clone(),
        env: marks.env.clone(),
        id: want.id().to_owned(),
        ..Marks::default()
    });
    part
}

/// Why nothing may be put on a parent: it is there, and not this application's.
pub(crate) fn foreign_parent(
    scope: &Scope,
    world: &Observation,
    parent: &'static str,
    word: &str,
    key: &str,
) -> Option<String> {
    let item = world.table(parent).get(key)?;
    match &item.marks {
        Some(marks) if marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()) => None,
        Some(marks) => Some(format!("{word} `{key}` belongs to {}", marks.owner())),
        None => Some(format!("{word} `{key}` is not evenkeel's, so nothing is changed on it")),
    }
}
