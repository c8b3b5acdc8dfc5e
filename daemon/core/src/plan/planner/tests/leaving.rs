//! What leaves the spec, when something goes wrong on the way.

use super::*;
use crate::plan::action::Held;

fn many(n: usize) -> impl Iterator<Item = Resource> {
    (0..n).map(|i| resource(&format!("keep{i}"), QUEUE, json!({})))
}

/// A world with a shop that has left the spec, its log group aside.
fn left() -> (Desired, World) {
    let mut world = World::default();
    converge(&desired(shop().resources.into_values().filter(|r| r.id != "logs").chain(many(8))), &mut world);
    (desired(many(8)), world)
}

fn plan_held(desired: &Desired, world: &Observation, held: BTreeMap<String, Held>, no_deletes: Option<&str>) -> Plan {
    let (scope, kinds) = (scope(), kinds());
    plan(Input {
        scope: &scope,
        desired,
        world,
        kinds: &kinds,
        held: &held,
        previous: None,
        allowed: &BTreeSet::new(),
        imports: &Imports::new(),
        no_deletes,
    })
}

#[test]
fn what_could_not_be_read_again_is_not_deleted() {
    let (spec, world) = left();
    let mut observed = world.observed();
    let failed = vec![("shop-dev-charge".to_owned(), "did not answer in time".to_owned())];
    observed.refreshed(FUNCTION, Seen { failed, ..Seen::default() });
    let plan = planned(&spec, &observed);
    let charge = action(&plan, "charge");
    assert_eq!((charge.verb, charge.steps.len()), (Verb::Blocked, 0));
    assert!(charge.reason.as_ref().unwrap().contains("could not be read"));
}

#[test]
fn what_depends_on_others_keeps_its_place_while_it_pauses() {
    let (spec, world) = left();
    let held = BTreeMap::from([("charge".to_owned(), Held::Pausing("throttled".to_owned()))]);
    let plan = plan_held(&spec, &world.observed(), held, None);
    assert!(!plan.has_steps(), "the queue waits for the function: {:?}", action(&plan, "orders"));
    let stalled = BTreeMap::from([("charge".to_owned(), Held::Stalled("denied".to_owned()))]);
    let plan = plan_held(&spec, &world.observed(), stalled, None);
    assert_eq!(action(&plan, "orders").steps.len(), 1, "for what cannot go it does not");
}

#[test]
fn letting_go_of_what_is_retained_pauses_and_stalls_like_any_other_step() {
    let mut world = World::default();
    let mut kept = resource("orders", QUEUE, json!({}));
    kept.deletion_policy = Some(DeletionPolicy::Retain);
    converge(&desired(many(2).chain([kept])), &mut world);
    let spec = desired(many(2));
    let plan = planned(&spec, &world.observed());
    assert_eq!(action(&plan, "orders").steps[0].operation, "Tag");
    let held = BTreeMap::from([("orders".to_owned(), Held::Stalled("denied".to_owned()))]);
    let plan = plan_held(&spec, &world.observed(), held, None);
    assert_eq!((action(&plan, "orders").verb, plan.has_steps()), (Verb::Blocked, false));
    let plan = plan_held(&spec, &world.observed(), BTreeMap::new(), Some("seen only once"));
    assert!(!plan.has_steps(), "a directory that was seen only once lets go of nothing");
}

#[test]
fn where_resources_need_each_other_nothing_is_done_and_nothing_deleted() {
    let mut world = World::default();
    converge(&desired(many(8)), &mut world);
    let circle = |id: &str, other: &str| {
        let mut one = resource(id, QUEUE, json!({}));
        one.depends_on.push(other.into());
        one
    };
    // One of eight leaves, which would pass the guard.
    let spec = desired(many(7).chain([circle("a", "b"), circle("b", "a")]));
    let plan = planned(&spec, &world.observed());
    assert!(!plan.has_steps());
    assert!(
        plan.actions
            .iter()
            .all(|action| action.verb == Verb::Blocked && action.reason.as_ref().unwrap().contains("circle"))
    );
}
