//! `AWS::IAM::Policy` and `AWS::IAM::RolePolicy`: inline policies of roles, written beside them. The first puts them on
//! users and groups too, see [`people`].

use evenkeel_core::plan::diff::Unknown;
use evenkeel_core::plan::kind::{Claim, Facts, Instance, Kind, Located, Parent, Scope, Target, Want, Work};
use evenkeel_core::plan::observation::{Found, Observation, Observed};
use evenkeel_core::plan::policy;
use evenkeel_core::plan::step::Step;
use serde_json::{Map, Value as Json};

use super::people::{self, People};
use super::spec;
use crate::facet::{foreign_parent, part_of};
use crate::values::{text, texts};

const NAME: &str = "PolicyName";
pub(super) const DOCUMENT: &str = "PolicyDocument";
/// The type whose own table holds the policies of users and groups.
pub(crate) const POLICY_TYPE: &str = "AWS::IAM::Policy";

/// A type whose resources put an inline policy on roles.
#[derive(Clone, Copy, Debug)]
pub struct InlinePolicy {
    type_name: &'static str,
    /// The property that names the roles.
    roles: &'static str,
    /// The attribute that stands for the resource beside `Ref`.
    id: Option<&'static str>,
}

/// One policy on several roles, users and groups.
pub const POLICY: InlinePolicy = InlinePolicy { type_name: POLICY_TYPE, roles: "Roles", id: Some("Id") };

/// One policy on one role.
pub const ROLE_POLICY: InlinePolicy = InlinePolicy { type_name: "AWS::IAM::RolePolicy", roles: "RoleName", id: None };

impl Kind for InlinePolicy {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 40, holds_data: false, taggable: false, naming: None, reads: spec::TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        let named = |property: &str| want.properties.contains_key(property) || want.unknown_below(property).is_some();
        if !named(self.roles) && !self.people().iter().any(|people| named(people.property())) {
            return Some(format!("names no role in `{}`", self.roles));
        }
        let mut roles = texts(want.properties.get(self.roles)).into_iter();
        roles.find_map(|role| foreign_parent(scope, world, spec::TYPE, "role", role))
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        let identity = [self.roles, NAME].into_iter().chain(self.people().iter().map(|people| people.property()));
        if let Some(unknown) = identity.into_iter().find_map(|property| want.unknown_below(property)) {
            return Located { instances: Vec::new(), waits: Some(Unknown { after: unknown.after.clone() }) };
        }
        let Some(name) = want.text(NAME) else { return Located::default() };
        let instances = texts(want.properties.get(self.roles)).into_iter().map(|role| {
            let key = format!("{role}|{name}");
            let found = match world.table(spec::TYPE).look(role) {
                Found::Present(parent) => match parent.properties.get(spec::POLICIES).and_then(|all| all.get(name)) {
                    Some(document) => {
                        let mut part = part_of(&parent, &key, want);
                        part.properties.insert(DOCUMENT.to_owned(), document.clone());
                        Found::Present(part.into())
                    }
                    None => Found::Absent,
                },
                other => other,
            };
            Instance { key, found }
        });
        let of_people = self.people().iter().flat_map(|people| {
            let holders = texts(want.properties.get(people.property())).into_iter();
            holders.map(|holder| {
                let key = people.key(holder, name);
                Instance { found: world.table(POLICY_TYPE).look(&key), key }
            })
        });
        Located { instances: instances.chain(of_people).collect(), waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let document = want.properties.get(DOCUMENT).map(policy::canonical);
        document.into_iter().map(|document| (DOCUMENT.to_owned(), document)).collect()
    }

    fn claims(&self, _scope: &Scope, want: &Want, _at: &[Instance]) -> Vec<Claim> {
        let Some(name) = want.text(NAME) else { return Vec::new() };
        let claim = |role: &str| Claim {
            type_name: spec::TYPE,
            key: role.to_owned(),
            path: format!("{}.{name}", spec::POLICIES),
        };
        texts(want.properties.get(self.roles)).into_iter().map(claim).collect()
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(Json::from(target.want.text(NAME)?)),
            Some(other) => (self.id == Some(other)).then(|| Json::from(target.want.id())),
        }
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        // Role and name are the identity; the document itself can always be written over.
        false
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        if people::split(key).is_some() {
            // Read where it is itself: no user and no group is observed for its own sake.
            return Some(Parent { type_name: POLICY_TYPE, key: key.to_owned(), part: "" });
        }
        let (role, _) = key.split_once('|')?;
        Some(Parent { type_name: spec::TYPE, key: role.to_owned(), part: "" })
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        put(work).into_iter().collect()
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        put(work).into_iter().collect()
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let of_role = || observed.key.split_once('|').map(|(role, name)| spec::delete_inline(role, name));
        people::delete(&observed.key).or_else(of_role).into_iter().collect()
    }
}

impl InlinePolicy {
    /// Users and groups, where the type takes any.
    fn people(&self) -> &'static [People] {
        if self.type_name == POLICY_TYPE { &People::ALL } else { &[] }
    }
}

fn put(work: Work<'_>) -> Option<Step> {
    if people::split(work.key).is_some() {
        return people::put(work.scope, work.want, work.key);
    }
    let (role, name) = work.key.split_once('|')?;
    let document = work.want.properties.get(DOCUMENT)?;
    Some(spec::put_inline(role, name, &Json::from(text(document))))
}
