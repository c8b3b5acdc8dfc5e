//! Settings that are held against each other.

use super::*;
use crate::plan::kind::{Bound, Setting};

const LINK: &str = "T::Link";

/// Holds the `size` of its `lesser` against that of its `greater`.
#[derive(Debug)]
struct Link(Thing);

impl Kind for Link {
    fn type_name(&self) -> &'static str {
        LINK
    }

    fn facts(&self) -> Facts {
        self.0.facts()
    }

    fn desired(&self, scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        self.0.desired(scope, want, key)
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        self.0.attribute(scope, target, attribute)
    }

    fn bounds(&self, _scope: &Scope, properties: &Map<String, Json>, _world: &Observation) -> Vec<Bound> {
        let setting = |name: &str| {
            let (kind, key) = properties.get(name)?.as_str()?.split_once(' ')?;
            let type_name = [FUNCTION, QUEUE].into_iter().find(|type_name| type_name.ends_with(kind))?;
            Some(Setting { type_name, key: format!("shop-dev-{key}"), path: "size".to_owned() })
        };
        setting("lesser")
            .zip(setting("greater"))
            .map(|(lesser, greater)| Bound { lesser, greater, until: None })
            .into_iter()
            .collect()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        self.0.create(work)
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        self.0.update(work)
    }

    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step> {
        self.0.delete(scope, observed)
    }
}

/// A function and a queue with these sizes, the function's at most the queue's; `more` is more of either.
fn pair(function: u64, queue: u64, more: (Json, Json)) -> Desired {
    let with = |size: u64, more: &Json| {
        let mut all = json!({"size": size});
        all.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        all
    };
    desired([
        resource("charge", FUNCTION, with(function, &more.0)),
        resource("orders", QUEUE, with(queue, &more.1)),
        resource("link", LINK, json!({"lesser": "Function charge", "greater": "Queue orders"})),
    ])
}

fn plain(function: u64, queue: u64) -> Desired {
    pair(function, queue, (json!({}), json!({})))
}

fn planned(desired: &Desired, world: &World) -> Plan {
    planned_while(desired, world, &BTreeMap::new())
}

fn planned_while(desired: &Desired, world: &World, held: &BTreeMap<String, Held>) -> Plan {
    let link = Link(Thing { type_name: LINK, rank: 90, settles_at_once: true, holds_data: false });
    let kinds = Kinds::new(
        [FUNCTION, QUEUE]
            .map(|type_name| {
                let settles_at_once = type_name == QUEUE;
                Arc::new(Thing { type_name, rank: 20, settles_at_once, holds_data: false }) as Arc<dyn Kind>
            })
            .into_iter()
            .chain([Arc::new(link) as Arc<dyn Kind>]),
    );
    let mut observed = world.observed();
    let links = world.things.iter().filter(|((t, _), _)| t == LINK).map(|(_, item)| item.clone()).collect();
    observed.swept(LINK, Seen { items: links, ..Seen::default() });
    plan(Input {
        scope: &scope(),
        desired,
        world: &observed,
        kinds: &kinds,
        held,
        previous: None,
        allowed: &BTreeSet::new(),
        imports: &Imports::new(),
        no_deletes: None,
    })
}

/// A world in which all of it is as the spec says.
fn made(desired: &Desired) -> World {
    let mut world = World::default();
    for _ in 0..5 {
        let plan = planned(desired, &world);
        plan.actions.iter().flat_map(|action| &action.steps).for_each(|step| world.apply(step));
    }
    assert!(planned(desired, &world).is_converged());
    world
}

/// Where an action stands in its plan.
fn at(plan: &Plan, id: &str) -> usize {
    plan.actions.iter().position(|action| action.id == id).unwrap()
}

#[test]
fn raised_together_the_greater_goes_first() {
    let plan = planned(&plain(50, 60), &made(&plain(10, 30)));
    assert_eq!(action(&plan, "charge").after, [at(&plan, "orders")]);
    assert!(!action(&plan, "charge").steps.is_empty() && !action(&plan, "orders").steps.is_empty());
}

#[test]
fn lowered_together_the_lesser_goes_first_and_the_greater_waits_until_it_has_gone() {
    let mut world = made(&plain(50, 60));
    let plan = planned(&plain(10, 30), &world);
    assert_eq!(action(&plan, "orders").standing, Standing::Waiting("waits for `charge`".into()));
    assert!(action(&plan, "orders").steps.is_empty());
    let steps = &action(&plan, "charge").steps;
    assert_eq!(steps.len(), 1);
    steps.iter().for_each(|step| world.apply(step));
    let plan = planned(&plain(10, 30), &world);
    assert_eq!(action(&plan, "orders").standing, Standing::Acting);
}

#[test]
fn what_fits_before_and_after_has_no_order() {
    for (function, queue) in [(20, 60), (5, 20)] {
        let plan = planned(&plain(function, queue), &made(&plain(10, 30)));
        assert_eq!(action(&plan, "charge").after, Vec::<usize>::new(), "{function} {queue}");
        assert!(plan.actions.iter().all(|action| !action.is_waiting()), "{function} {queue}");
    }
}

#[test]
fn what_refers_to_the_greater_does_not_wait_for_it_in_turn() {
    let refers = || (json!({"queue": {"Fn::GetAtt": ["orders", "Arn"]}}), json!({}));
    let plan = planned(&pair(10, 30, refers()), &made(&pair(50, 60, refers())));
    assert!(action(&plan, "orders").is_waiting());
    assert!(!action(&plan, "charge").steps.is_empty(), "{:?}", action(&plan, "charge"));
    let plan = planned(&pair(50, 60, refers()), &made(&pair(10, 30, refers())));
    assert!(!action(&plan, "orders").steps.is_empty() && !action(&plan, "charge").steps.is_empty());
}

#[test]
fn where_the_greater_needs_the_lesser_they_do_not_wait_for_each_other() {
    let refers = || (json!({}), json!({"function": {"Fn::GetAtt": ["charge", "Arn"]}}));
    let plan = planned(&pair(50, 60, refers()), &made(&pair(10, 30, refers())));
    assert!(action(&plan, "orders").is_waiting());
    assert!(!action(&plan, "charge").steps.is_empty());
}

#[test]
fn what_must_come_after_something_that_is_held_up_is_held_up_too() {
    let world = made(&plain(50, 60));
    let charge = |held| BTreeMap::from([("charge".to_owned(), held)]);
    let plan = planned_while(&plain(10, 30), &world, &charge(Held::Stalled("denied".into())));
    assert_eq!(action(&plan, "orders").standing, Standing::Blocked("needs `charge`, which is blocked".into()));
    let plan = planned_while(&plain(10, 30), &world, &charge(Held::Pausing("throttled".into())));
    assert_eq!(action(&plan, "orders").standing, Standing::Waiting("waits for `charge`".into()));
}

fn without_link(function: u64, queue: u64) -> Desired {
    let mut all = plain(function, queue);
    all.resources.shift_remove("link");
    all
}

#[test]
fn what_would_break_a_bound_that_leaves_waits_until_that_has_gone() {
    let mut world = made(&plain(10, 30));
    let plan = planned(&without_link(50, 30), &world);
    assert_eq!(action(&plan, "charge").standing, Standing::Waiting("waits until `link` has gone".into()));
    let steps = &action(&plan, "link").steps;
    assert_eq!(steps.iter().map(|step| step.operation).collect::<Vec<_>>(), ["Delete"]);
    steps.iter().for_each(|step| world.apply(step));
    let plan = planned(&without_link(50, 30), &world);
    assert_eq!(action(&plan, "charge").standing, Standing::Acting);
}

#[test]
fn a_bound_that_leaves_and_holds_up_nothing_goes_last() {
    let plan = planned(&without_link(20, 30), &made(&plain(10, 30)));
    assert_eq!(action(&plan, "charge").standing, Standing::Acting);
    assert!(action(&plan, "link").steps.is_empty());
}
