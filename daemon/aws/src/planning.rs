//! What the kinds' tests share: a scope, wants, and plans over a small world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_core::model::resource::{Desired, Resource, SpecSource};
use evenkeel_core::model::{Node, Place};
use evenkeel_core::plan::kind::{Kind, Kinds, Scope, Want};
use evenkeel_core::plan::observation::{Observation, Observed, Seen};
use evenkeel_core::plan::{Action, Input, Marks, Plan, Tags, plan};
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn scope() -> Scope {
    Scope {
        source: "default".into(),
        app: "shop".into(),
        env: None,
        stack: "shop".into(),
        region: "eu-west-1".into(),
        account: ACCOUNT.into(),
        partition: "aws".into(),
        artifacts: BTreeMap::new(),
        keep: None,
    }
}

pub(crate) fn want(id: &str, type_name: &str, properties: Json) -> Want {
    Want {
        resource: Arc::new(resource(id, type_name, &properties)),
        properties: map(properties),
        unknown: BTreeMap::new(),
        secrets: BTreeSet::new(),
    }
}

/// A resource as a spec asks for it.
pub(crate) fn resource(id: &str, type_name: &str, properties: &Json) -> Resource {
    Resource::new(id, type_name, Node::from_json(properties, Place::NOWHERE), Place::NOWHERE)
}

pub(crate) fn map(value: Json) -> Map<String, Json> {
    value.as_object().cloned().unwrap_or_default()
}

/// The tags of a resource of ours.
pub(crate) fn ours(id: &str) -> Tags {
    marks(id, &[]).to_tags()
}

pub(crate) fn marks(id: &str, parts: &[&str]) -> Marks {
    Marks {
        source: "default".into(),
        app: "shop".into(),
        id: id.into(),
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
        ..Marks::default()
    }
}

/// A world in which every one of these types was swept.
pub(crate) fn world<const N: usize>(tables: [(&str, Vec<Observed>); N]) -> Observation {
    let mut world = Observation::new();
    for (type_name, items) in tables {
        world.swept(type_name, Seen { items, ..Seen::default() });
    }
    world
}

pub(crate) fn plan_of(kinds: &[Arc<dyn Kind>], resources: &[(&str, &str, Json)], world: &Observation) -> Plan {
    let resources: IndexMap<String, Resource> = resources
        .iter()
        .map(|(id, type_name, properties)| ((*id).to_owned(), resource(id, type_name, properties)))
        .collect();
    plan_desired(&Kinds::new(kinds.iter().cloned()), &Desired { resources, ..nothing() }, world)
}

/// An application without resources.
pub(crate) fn nothing() -> Desired {
    Desired {
        app: "shop".into(),
        env: None,
        stack: "shop".into(),
        region: None,
        account: None,
        role_arn: None,
        source: SpecSource::Native,
        tags: BTreeMap::new(),
        resources: IndexMap::new(),
        outputs: IndexMap::new(),
        deleted: false,
        allow_delete: None,
    }
}

pub(crate) fn plan_desired(kinds: &Kinds, desired: &Desired, world: &Observation) -> Plan {
    plan(Input {
        scope: &scope(),
        desired,
        world,
        kinds,
        held: &BTreeMap::new(),
        previous: None,
        allowed: &BTreeSet::new(),
        imports: &evenkeel_core::plan::Imports::new(),
        no_deletes: None,
    })
}

/// The plan's writes in order: operation and input.
pub(crate) fn writes(plan: &Plan) -> Vec<(&'static str, Json)> {
    plan.actions.iter().flat_map(|action| &action.steps).map(|step| (step.operation, step.input.clone())).collect()
}

pub(crate) fn action<'a>(plan: &'a Plan, id: &str) -> &'a Action {
    plan.actions.iter().find(|action| action.id == id).expect("the plan has an action for every resource")
}

/// Properties of AWS's schema that the kind makes nothing of, though the want gives them.
pub(crate) fn unmanaged(kind: &dyn Kind, want: &Want, key: &str) -> Vec<String> {
    let schema = evenkeel_core::model::schema::lookup(kind.type_name()).expect("the type has a schema");
    let desired = kind.desired(&scope(), want, key);
    schema.writable().filter(|name| *name != "Tags" && !desired.contains_key(*name)).map(str::to_owned).collect()
}

/// Holds a kind against AWS's schema of its type: every property that can be written must mean something to the kind.
/// `base` is a resource that works; `samples` gives each property another value.
///
/// # Panics
/// Names the property that has no sample, or that changes nothing.
pub(crate) fn says_something(kind: &dyn Kind, base: &Json, samples: &Json) {
    let schema = evenkeel_core::model::schema::lookup(kind.type_name()).expect("AWS has a schema for the type");
    let world = Observation::new();
    let told = |properties: Json| {
        let want = want("it", kind.type_name(), properties);
        let located = kind.locate(&scope(), &want, &world);
        let key = located.instances.first().map(|instance| instance.key.clone()).unwrap_or_default();
        let desired = kind.desired(&scope(), &want, &key);
        let refused = kind.refuses(&scope(), &want, &world);
        format!("{located:?} {desired:?} {:?} {refused:?}", kind.claims(&scope(), &want, &located.instances))
    };
    for property in schema.writable().filter(|property| *property != "Tags") {
        let sample = samples.get(property).unwrap_or_else(|| panic!("{property} has no sample"));
        let mut other = base.clone();
        other[property] = sample.clone();
        assert_ne!(told(base.clone()), told(other), "{property} of {} is ignored", kind.type_name());
    }
}
