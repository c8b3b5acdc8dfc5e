//! The planner against made-up kinds and a made-up world.

mod again;
mod bounds;
mod exports;
mod leaving;
mod unread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::model::resource::SpecSource;
use crate::model::{Node, Output, Place};
use crate::plan::diff::{Cause, Unknown};
use crate::plan::kind::Facts;
use crate::plan::kind::{TagWork, Work};
use crate::plan::marks::{Marks, Tags};
use crate::plan::naming::{NameStyle, Naming};
use crate::plan::observation::Seen;
use crate::plan::step::Step;

/// A kind with a name and tags. `size` is a plain property, `shape` can only be given at creation, `secret` is secret.
#[derive(Debug)]
struct Thing {
    type_name: &'static str,
    rank: u8,
    settles_at_once: bool,
    holds_data: bool,
}

impl Kind for Thing {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: self.settles_at_once,
            rank: self.rank,
            holds_data: self.holds_data,
            taggable: true,
            naming: Some(Naming { property: "Name", limit: 20, style: NameStyle::Stack }),
            reads: self.type_name,
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let mut out = want.properties.clone();
        out.shift_remove("Name");
        out.shift_remove("Tags");
        out.entry("size").or_insert(json!(1));
        out
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(json!(target.key)),
            Some("Arn") => Some(json!(scope.arn("thing", target.key))),
            // Only the real thing knows its number.
            Some("Number") => target.observed?.attributes.get("Number").cloned(),
            Some(_) => None,
        }
    }

    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        path == "shape"
    }

    fn secret_paths(&self, _want: &Want) -> Vec<String> {
        vec!["secret".to_owned()]
    }

    fn data_at_risk(&self, observed: &Observed) -> Option<String> {
        observed
            .attributes
            .get("Messages")
            .filter(|count| **count != json!(0))
            .map(|count| format!("it still holds {count} messages"))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        vec![self.step("Create", work.key, json!({"properties": work.desired, "tags": work.tags.all}))]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        vec![self.step("Update", work.key, json!({"properties": work.desired}))]
    }

    fn retag(&self, _scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        vec![self.step("Tag", &observed.key, json!({"set": tags.set, "remove": tags.remove}))]
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![self.step("Delete", &observed.key, json!({}))]
    }
}

impl Thing {
    fn step(&self, operation: &'static str, key: &str, input: Json) -> Step {
        Step { type_name: self.type_name, operation, input, refresh: (self.type_name, key.to_owned()) }
    }
}

const FUNCTION: &str = "T::Function";
const QUEUE: &str = "T::Queue";
const LOG: &str = "T::Log";

fn kinds() -> Kinds {
    let kind = |type_name, rank, settles_at_once, holds_data| {
        Arc::new(Thing { type_name, rank, settles_at_once, holds_data }) as Arc<dyn Kind>
    };
    Kinds::new([kind(FUNCTION, 60, false, false), kind(QUEUE, 20, true, false), kind(LOG, 0, true, true)])
}

/// A world that does what steps say.
#[derive(Clone, Default)]
struct World {
    things: BTreeMap<(String, String), Observed>,
    writes: Vec<String>,
    numbers: u64,
}

impl World {
    fn put(&mut self, type_name: &str, name: &str, properties: Json, tags: Tags) {
        let mut observed = Observed::new(name, name).with_tags(tags);
        observed.properties = properties.as_object().cloned().unwrap_or_default();
        self.numbers += 1;
        observed.attributes.insert("Number".into(), json!(self.numbers));
        self.things.insert((type_name.to_owned(), name.to_owned()), observed);
    }

    fn apply(&mut self, step: &Step) {
        let at = (step.type_name.to_owned(), step.refresh.1.clone());
        self.writes.push(format!("{} {}", step.operation, at.1));
        let texts = |value: &Json| -> Tags { serde_json::from_value(value.clone()).unwrap() };
        match step.operation {
            "Create" => {
                assert!(!self.things.contains_key(&at), "{} was created twice", at.1);
                self.put(&at.0, &at.1, step.input["properties"].clone(), texts(&step.input["tags"]));
            }
            "Update" => {
                self.things.get_mut(&at).unwrap().properties = step.input["properties"].as_object().cloned().unwrap();
            }
            "Tag" => {
                let mut tags = self.things[&at].tags.clone().unwrap();
                tags.extend(texts(&step.input["set"]));
                for key in step.input["remove"].as_array().unwrap() {
                    tags.remove(key.as_str().unwrap());
                }
                let observed = self.things.remove(&at).unwrap();
                self.things.insert(at, observed.with_tags(tags));
            }
            _ => {
                self.things.remove(&at).unwrap();
            }
        }
    }

    fn observed(&self) -> Observation {
        let mut world = Observation::new();
        for type_name in [FUNCTION, QUEUE, LOG] {
            let items = self.things.iter().filter(|((t, _), _)| t == type_name).map(|(_, item)| item.clone()).collect();
            world.swept(type_name, Seen { items, ..Seen::default() });
        }
        world
    }
}

fn scope() -> Scope {
    Scope {
        source: "default".into(),
        app: "shop".into(),
        env: Some("dev".into()),
        stack: "shop-dev".into(),
        region: "eu-west-1".into(),
        account: "111122223333".into(),
        partition: "aws".into(),
        artifacts: BTreeMap::new(),
        keep: None,
    }
}

fn resource(id: &str, type_name: &str, properties: Json) -> Resource {
    Resource::new(id, type_name, Node::from_json(&properties, Place::NOWHERE), Place::NOWHERE)
}

fn desired(resources: impl IntoIterator<Item = Resource>) -> Desired {
    Desired {
        app: "shop".into(),
        env: Some("dev".into()),
        stack: "shop-dev".into(),
        region: None,
        account: None,
        role_arn: None,
        source: SpecSource::Native,
        tags: BTreeMap::new(),
        resources: resources.into_iter().map(|resource| (resource.id.clone(), resource)).collect(),
        outputs: IndexMap::new(),
        deleted: false,
        allow_delete: None,
    }
}

fn planned(desired: &Desired, world: &Observation) -> Plan {
    planned_with(desired, world, &BTreeSet::new())
}

fn planned_with(desired: &Desired, world: &Observation, allowed: &BTreeSet<String>) -> Plan {
    plan_held(desired, world, allowed, &BTreeMap::new())
}

fn plan_held(
    desired: &Desired,
    world: &Observation,
    allowed: &BTreeSet<String>,
    held: &BTreeMap<String, Held>,
) -> Plan {
    let (scope, kinds) = (scope(), kinds());
    plan(Input {
        scope: &scope,
        desired,
        world,
        kinds: &kinds,
        held,
        previous: None,
        allowed,
        imports: &Imports::new(),
        no_deletes: None,
    })
}

fn action<'a>(plan: &'a Plan, id: &str) -> &'a Action {
    plan.actions.iter().find(|action| action.id == id).unwrap()
}

/// Rounds until nothing is left to do.
fn converge(desired: &Desired, world: &mut World) -> Plan {
    for _ in 0..20 {
        let plan = planned(desired, &world.observed());
        if !plan.has_steps() {
            return plan;
        }
        for step in plan.actions.iter().flat_map(|action| &action.steps) {
            world.apply(step);
        }
    }
    panic!("no end after 20 rounds: {:?}", world.writes);
}

fn shop() -> Desired {
    desired([
        resource("orders", QUEUE, json!({"size": 2})),
        resource("charge", FUNCTION, json!({"queue": {"Fn::GetAtt": ["orders", "Arn"]}})),
        resource("logs", LOG, json!({})),
    ])
}

#[test]
fn a_converged_application_plans_nothing() {
    let mut world = World::default();
    assert!(converge(&shop(), &mut world).is_converged());
    assert_eq!(world.writes.len(), 3);
    assert_eq!(
        world.things[&(FUNCTION.into(), "shop-dev-charge".into())].properties["queue"],
        json!("arn:aws:thing:eu-west-1:111122223333:shop-dev-orders")
    );
}

#[test]
fn unknown_is_neither_created_nor_deleted() {
    let mut world = World::default().observed();
    world.swept(QUEUE, Seen { failure: Some("throttled".into()), ..Seen::default() });
    let plan = planned(&shop(), &world);
    assert_eq!(action(&plan, "orders").verb, Verb::Blocked);
    assert!(action(&plan, "orders").steps.is_empty());
    assert!(action(&plan, "charge").steps.is_empty(), "what depends on it waits too");
    assert_eq!(action(&plan, "logs").verb, Verb::Create, "what does not goes on");
}

#[test]
fn what_is_not_ours_is_not_touched_and_the_command_to_adopt_it_is_told() {
    let mut world = World::default();
    world.put(QUEUE, "shop-dev-orders", json!({"size": 9}), Tags::new());
    let plan = converge(&shop(), &mut world);
    let orders = action(&plan, "orders");
    assert_eq!(orders.verb, Verb::Blocked);
    assert!(orders.reason.as_ref().unwrap().contains("evenkeel adopt shop/orders --env dev"));
    assert_eq!(world.things[&(QUEUE.into(), "shop-dev-orders".into())].properties["size"], json!(9));
}

#[test]
fn another_applications_resource_is_foreign() {
    let mut world = World::default();
    let marks = Marks { source: "default".into(), app: "bank".into(), id: "orders".into(), ..Marks::default() };
    world.put(QUEUE, "shop-dev-orders", json!({}), marks.to_tags());
    let plan = converge(&shop(), &mut world);
    assert!(action(&plan, "orders").reason.as_ref().unwrap().contains("belongs to `orders` of bank"));
}

#[test]
fn drift_is_named_by_its_path_and_put_right() {
    let mut world = World::default();
    let fingerprints = converge(&shop(), &mut world).fingerprints;
    world.things.get_mut(&(QUEUE.into(), "shop-dev-orders".into())).unwrap().properties["size"] = json!(7);
    let (desired, observed, scope, kinds) = (shop(), world.observed(), scope(), kinds());
    let plan = plan(Input {
        scope: &scope,
        desired: &desired,
        world: &observed,
        kinds: &kinds,
        held: &BTreeMap::new(),
        previous: Some(&fingerprints),
        allowed: &BTreeSet::new(),
        imports: &Imports::new(),
        no_deletes: None,
    });
    let change = &action(&plan, "orders").changes[0];
    assert_eq!(
        (change.path.as_str(), &change.from, &change.to, change.cause),
        ("size", &json!(7), &json!(2), Cause::Drift)
    );
    assert!(converge(&shop(), &mut world).is_converged());
}

#[test]
fn a_renamed_id_takes_over_what_has_its_name() {
    let mut world = World::default();
    let named = |id: &str| desired([resource(id, QUEUE, json!({"Name": "orders"}))]);
    converge(&named("old"), &mut world);
    assert!(converge(&named("new"), &mut world).is_converged());
    assert_eq!(world.writes, ["Create orders", "Tag orders"]);
}

#[test]
fn a_new_name_is_made_before_the_old_one_goes() {
    let mut world = World::default();
    let named = |name: &str| {
        desired([
            resource("orders", QUEUE, json!({"Name": name})),
            resource("a", QUEUE, json!({})),
            resource("b", QUEUE, json!({})),
            resource("c", QUEUE, json!({})),
        ])
    };
    converge(&named("one"), &mut world);
    world.writes.clear();
    assert!(converge(&named("two"), &mut world).is_converged());
    assert_eq!(world.writes, ["Create two", "Delete one"]);
}

#[test]
fn a_value_that_only_the_real_thing_knows_waits_for_it() {
    let spec = desired([
        resource("orders", QUEUE, json!({})),
        resource("charge", FUNCTION, json!({"number": {"Fn::GetAtt": ["orders", "Number"]}})),
    ]);
    let mut world = World::default();
    let plan = planned(&spec, &world.observed());
    let unknown = action(&plan, "charge").changes.iter().find_map(|change| change.to_unknown.clone());
    assert_eq!(unknown, Some(Unknown { after: "orders.Number".into() }));
    assert!(action(&plan, "charge").steps.is_empty());
    assert!(converge(&spec, &mut world).is_converged());
}

#[test]
fn what_left_the_spec_goes_dependents_first() {
    let mut world = World::default();
    let many = |n: usize| (0..n).map(|i| resource(&format!("keep{i}"), QUEUE, json!({})));
    converge(&desired(shop().resources.into_values().filter(|r| r.id != "logs").chain(many(8))), &mut world);
    world.writes.clear();
    assert!(converge(&desired(many(8)), &mut world).is_converged());
    assert_eq!(world.writes, ["Delete shop-dev-charge", "Delete shop-dev-orders"]);
}

#[test]
fn too_many_deletions_stop_and_say_how_to_allow_exactly_this_plan() {
    let mut world = World::default();
    let many = |n: usize| desired((0..n).map(|i| resource(&format!("q{i}"), QUEUE, json!({}))));
    converge(&many(5), &mut world);
    world.writes.clear();
    let plan = converge(&many(3), &mut world);
    assert_eq!((plan.count(Verb::Blocked), world.writes.len()), (2, 0));
    let digest = plan.digest.clone().unwrap();
    assert!(action(&plan, "q4").reason.as_ref().unwrap().contains(&format!("--allow-delete {digest}")));
    let allowed = planned_with(&many(3), &world.observed(), &BTreeSet::from([digest]));
    assert_eq!(allowed.count(Verb::Delete), 2);
    let left = planned_with(&many(3), &world.observed(), &allowed.allowed);
    assert_eq!(left.count(Verb::Delete), 2, "the rounds that follow are allowed as well");
    let more = planned_with(&many(2), &world.observed(), &allowed.allowed);
    assert_eq!(more.count(Verb::Delete), 0, "and nothing beyond");
    let other = planned_with(&many(2), &world.observed(), &BTreeSet::from([plan.digest.unwrap()]));
    assert_eq!(other.count(Verb::Delete), 0, "a digest allows one plan and no other");
}

#[test]
fn an_empty_spec_takes_nothing_away() {
    let mut world = World::default();
    converge(&shop(), &mut world);
    world.writes.clear();
    converge(&desired([]), &mut world);
    assert!(world.writes.is_empty());
}

#[test]
fn what_holds_data_needs_a_word_even_alone() {
    let mut world = World::default();
    converge(&shop(), &mut world);
    world.writes.clear();
    let mut without = shop();
    without.resources.shift_remove("logs");
    assert_eq!(action(&converge(&without, &mut world), "logs").verb, Verb::Blocked);
    assert!(world.writes.is_empty());
}

#[test]
fn a_queue_that_still_holds_messages_is_neither_deleted_nor_replaced() {
    let mut world = World::default();
    converge(&shop(), &mut world);
    world
        .things
        .get_mut(&(QUEUE.into(), "shop-dev-orders".into()))
        .unwrap()
        .attributes
        .insert("Messages".into(), json!(3));
    world.writes.clear();
    let mut other = shop();
    other.resources.insert("orders".into(), resource("orders", QUEUE, json!({"size": 2, "shape": "fifo"})));
    let plan = converge(&other, &mut world);
    assert!(action(&plan, "orders").reason.as_ref().unwrap().contains("3 messages"));
    assert!(!world.writes.contains(&"Delete shop-dev-orders".to_owned()));
}

#[test]
fn retained_resources_stay_without_their_marks() {
    let mut world = World::default();
    let mut spec = shop();
    spec.resources.get_mut("logs").unwrap().deletion_policy = Some(DeletionPolicy::Retain);
    converge(&spec, &mut world);
    spec.resources.shift_remove("logs");
    converge(&spec, &mut world);
    let logs = &world.things[&(LOG.into(), "shop-dev-logs".into())];
    assert_eq!(logs.marks, None);
    assert!(!logs.tags.iter().flatten().any(|(key, _)| crate::plan::marks::is_mark(key)), "{:?}", logs.tags);
}

#[test]
fn a_tombstone_takes_everything_but_what_holds_data() {
    let mut world = World::default();
    converge(&shop(), &mut world);
    let mut tombstone = desired([]);
    tombstone.deleted = true;
    let plan = converge(&tombstone, &mut world);
    assert_eq!(action(&plan, "logs").verb, Verb::Blocked);
    let mut world = World::default();
    let mut spec = shop();
    spec.resources.shift_remove("logs");
    converge(&spec, &mut world);
    converge(&tombstone, &mut world);
    assert!(world.things.is_empty());
}

#[test]
fn a_tag_that_leaves_the_spec_is_removed_and_a_foreign_one_is_left_alone() {
    let mut world = World::default();
    let tagged = |tags: Json| desired([resource("orders", QUEUE, json!({"Tags": tags}))]);
    converge(&tagged(json!({"team": "a", "cost": "1"})), &mut world);
    let at = (QUEUE.to_owned(), "shop-dev-orders".to_owned());
    let mut tags = world.things[&at].tags.clone().unwrap();
    tags.insert("console".into(), "by hand".into());
    let observed = world.things.remove(&at).unwrap();
    world.things.insert(at.clone(), observed.with_tags(tags));
    assert!(converge(&tagged(json!({"team": "b"})), &mut world).is_converged());
    let tags = world.things[&at].tags.clone().unwrap();
    assert_eq!(
        (tags.get("team").map(String::as_str), tags.get("cost"), tags.contains_key("console")),
        (Some("b"), None, true)
    );
}

#[test]
fn secrets_never_stand_in_a_plan() {
    let mut world = World::default();
    let with = |secret: &str| desired([resource("orders", QUEUE, json!({"secret": secret}))]);
    let first = planned(&with("hunter2"), &world.observed());
    converge(&with("hunter2"), &mut world);
    let second = planned(&with("hunter3"), &world.observed());
    for plan in [first, second] {
        let shown = format!("{:?}", plan.actions);
        assert!(!shown.contains("hunter"), "{shown}");
    }
}

#[test]
fn a_secret_that_became_a_name_or_that_aws_said_is_hidden_too() {
    let mut world = World::default();
    let mut spec = desired([
        resource("orders", QUEUE, json!({"Name": "q-hunter2", "secret": "hunter2"})),
        resource("bare", QUEUE, json!({})),
    ]);
    let node = |value| Node::from_json(&value, Place::NOWHERE);
    let output = Output { value: node(json!({"Fn::GetAtt": ["orders", "Arn"]})), description: None, export: None };
    spec.outputs.insert("Queue".to_owned(), output);
    let plan = converge(&spec, &mut world);
    assert_eq!(action(&plan, "orders").physical_id.as_deref(), Some("q-(secret)"));
    assert!(plan.outputs["Queue"].as_str().unwrap().ends_with("q-(secret)"), "{:?}", plan.outputs);

    let heard = Held::Stalled("AWS refused the value `hunter2`".to_owned());
    let held = BTreeMap::from([("orders".to_owned(), heard)]);
    let plan = plan_held(&spec, &World::default().observed(), &BTreeSet::new(), &held);
    assert_eq!(action(&plan, "orders").standing, Standing::Blocked("AWS refused the value `(secret)`".to_owned()));
    let told: Vec<_> = plan.actions.iter().map(|action| (&action.reason, &action.changes)).collect();
    assert!(!format!("{told:?}").contains("hunter"), "{told:?}");
}

#[test]
fn a_stalled_resource_stops_only_what_depends_on_it() {
    let held = BTreeMap::from([("orders".to_owned(), Held::Stalled("refused".to_owned()))]);
    let plan = plan_held(&shop(), &World::default().observed(), &BTreeSet::new(), &held);
    assert_eq!(action(&plan, "orders").verb, Verb::Blocked);
    assert_eq!(action(&plan, "charge").verb, Verb::Blocked);
    assert_eq!(action(&plan, "logs").steps.len(), 1);
}

#[test]
fn a_type_without_a_kind_is_blocked_and_the_rest_goes_on() {
    let spec = desired([resource("api", "AWS::ApiGateway::RestApi", json!({})), resource("orders", QUEUE, json!({}))]);
    let plan = planned(&spec, &World::default().observed());
    assert!(action(&plan, "api").reason.as_ref().unwrap().contains("no kind for AWS::ApiGateway::RestApi"));
    assert_eq!(action(&plan, "orders").verb, Verb::Create);
}

fn some_spec() -> impl Strategy<Value = Vec<(u8, u8, u8, Option<u8>)>> {
    proptest::collection::vec((0u8..8, 0u8..3, 0u8..4, proptest::option::of(0u8..8)), 0..10)
}

fn build(spec: &[(u8, u8, u8, Option<u8>)]) -> Desired {
    let mut all: IndexMap<String, Resource> = IndexMap::new();
    for (id, kind, size, needs) in spec {
        let mut properties = json!({"size": size});
        // References only go to smaller ids: no circles.
        if let Some(needs) = needs.filter(|needs| needs < id)
            && all.contains_key(&format!("r{needs}"))
        {
            properties["needs"] = json!({"Fn::GetAtt": [format!("r{needs}"), "Number"]});
        }
        let id = format!("r{id}");
        all.insert(id.clone(), resource(&id, [FUNCTION, QUEUE, LOG][*kind as usize], properties));
    }
    all.retain(|_, _| true);
    let known: BTreeSet<String> = all.keys().cloned().collect();
    let dangling = |resource: &Resource| {
        let mut ids = BTreeSet::new();
        crate::plan::resolve::references(&resource.properties, &mut ids);
        ids.iter().any(|id| !known.contains(id))
    };
    assert!(!all.values().any(dangling));
    desired(all.into_values())
}

proptest! {
    /// Whatever specs follow one another: each converges, then plans nothing, and what is not ours stays as it was.
    #[test]
    fn any_series_of_specs_converges_and_then_rests(specs in proptest::collection::vec(some_spec(), 1..5), foreign in 0u8..8) {
        let mut world = World::default();
        let stranger = format!("shop-dev-r{foreign}");
        world.put(QUEUE, &stranger, json!({"size": 99}), Tags::new());
        for spec in &specs {
            let desired = build(spec);
            let mut rounds = 0;
            loop {
                let digests: BTreeSet<String> = planned(&desired, &world.observed()).digest.into_iter().collect();
                let plan = planned_with(&desired, &world.observed(), &digests);
                if !plan.has_steps() { break; }
                for step in plan.actions.iter().flat_map(|action| &action.steps) { world.apply(step); }
                rounds += 1;
                prop_assert!(rounds < 30, "{:?}", world.writes);
            }
            let before = world.writes.len();
            let again = planned(&desired, &world.observed());
            prop_assert!(!again.has_steps());
            prop_assert_eq!(world.writes.len(), before);
            prop_assert_eq!(&world.things[&(QUEUE.to_owned(), stranger.clone())].properties["size"], &json!(99));
            // Everything that is not held up by the stranger is there.
            for action in &again.actions {
                let blocked = matches!(action.standing, Standing::Blocked(_));
                prop_assert!(blocked || action.standing == Standing::Ready, "{:?}", action);
            }
        }
    }
}

#[test]
fn a_rollout_in_steps_is_applied_all_at_once_and_plan_and_condition_say_so() {
    let with = |rollout: Json| {
        let mut alias = resource("live", QUEUE, json!({"size": 2}));
        alias.rollout = Some(Node::from_json(&rollout, Place::NOWHERE));
        desired([alias])
    };
    let note = "Canary10Percent5Minutes is applied all at once: rollouts are not built yet";
    let stepped = with(json!({"Type": "Canary10Percent5Minutes"}));
    let mut world = World::default();
    let first = planned(&stepped, &world.observed());
    assert_eq!((action(&first, "live").verb, action(&first, "live").reason.as_deref()), (Verb::Create, Some(note)));
    let last = converge(&stepped, &mut world);
    assert!(last.is_converged());
    let health = crate::engine::condition::health(&last);
    assert!(health[0].is_ready());
    assert_eq!(health[0].word().1, format!("as the spec says; {note}"));
    for plain in [json!({"Type": "AllAtOnce"}), json!({"Type": "Canary10Percent5Minutes", "Enabled": false})] {
        assert_eq!(action(&planned(&with(plain), &world.observed()), "live").reason, None);
    }
}
