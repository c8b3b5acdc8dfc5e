//! What comes back after it was let go of, and deletions that were cut short.

use super::*;

fn with_retained_logs() -> Desired {
    let mut spec = shop();
    spec.resources.get_mut("logs").unwrap().deletion_policy = Some(DeletionPolicy::Retain);
    spec
}

/// A world in which evenkeel let go of the logs.
fn released() -> World {
    let mut world = World::default();
    converge(&with_retained_logs(), &mut world);
    let mut without = shop();
    without.resources.shift_remove("logs");
    converge(&without, &mut world);
    world.writes.clear();
    world
}

#[test]
fn what_was_let_go_of_is_taken_back_without_a_person_and_without_a_trace() {
    let mut world = released();
    assert!(converge(&with_retained_logs(), &mut world).is_converged());
    let logs = &world.things[&(LOG.into(), "shop-dev-logs".into())];
    assert_eq!(logs.marks.as_ref().map(|marks| marks.id.as_str()), Some("logs"));
    assert!(!logs.tags.iter().flatten().any(|(key, _)| key == crate::plan::marks::RELEASED));
    assert!(!world.writes.iter().any(|write| write.starts_with("Create shop-dev-logs")), "{:?}", world.writes);
}

#[test]
fn what_another_one_let_go_of_is_not_taken() {
    let world = released();
    let mut other = with_retained_logs();
    let mut logs = other.resources.shift_remove("logs").unwrap();
    logs.id = "journal".into();
    let mut properties = Node::map::<String>([], Place::NOWHERE);
    properties.set("Name", Node::str("shop-dev-logs", Place::NOWHERE));
    logs.properties = properties;
    other.resources.insert("journal".into(), logs);
    let plan = planned(&other, &world.observed());
    let reason = action(&plan, "journal").reason.clone().unwrap_or_default();
    assert!(reason.contains("evenkeel adopt shop/journal"), "{reason}");
}

#[test]
fn what_is_left_of_an_allowed_deletion_stays_allowed_by_its_digest() {
    let mut world = World::default();
    let many = |n: usize| desired((0..n).map(|i| resource(&format!("q{i}"), QUEUE, json!({}))));
    converge(&many(6), &mut world);
    let digest = planned(&many(1), &world.observed()).digest.unwrap();
    let allowed = BTreeSet::from([digest.clone()]);
    assert_eq!(planned_with(&many(1), &world.observed(), &allowed).count(Verb::Delete), 5);
    // The process is killed after the first of them; the next one is told the same digest.
    world.things.remove(&(QUEUE.into(), "shop-dev-q5".into()));
    let rest = planned_with(&many(1), &world.observed(), &allowed);
    assert_eq!((rest.count(Verb::Delete), rest.count(Verb::Blocked)), (4, 0));
    assert_ne!(rest.digest, Some(digest));
    let more = planned_with(&desired([]), &world.observed(), &allowed);
    assert_eq!(more.count(Verb::Delete), 0, "what was not in it is not allowed by it");
}

#[test]
fn what_holds_data_is_allowed_by_its_own_name_alone() {
    let mut world = World::default();
    let two = desired([resource("a", LOG, json!({})), resource("b", LOG, json!({}))]);
    converge(&two, &mut world);
    let without = |id: &str| desired(two.resources.values().filter(|one| one.id != id).cloned());
    let digest = planned(&without("a"), &world.observed()).digest.unwrap();
    let allowed = BTreeSet::from([digest]);
    assert_eq!(planned_with(&without("a"), &world.observed(), &allowed).count(Verb::Delete), 1);
    assert_eq!(planned_with(&without("b"), &world.observed(), &allowed).count(Verb::Delete), 0);
}

#[test]
fn a_deletion_of_very_many_is_allowed_by_one_short_digest() {
    let mut world = World::default();
    let many = |n: usize| desired((0..n).map(|i| resource(&format!("q{i}"), QUEUE, json!({}))));
    converge(&many(60), &mut world);
    let digest = planned(&many(1), &world.observed()).digest.unwrap();
    assert!(digest.len() < 20, "{digest}");
    let plan = planned_with(&many(1), &world.observed(), &BTreeSet::from([digest]));
    assert_eq!(plan.count(Verb::Delete), 59);
    let left = planned_with(&many(1), &world.observed(), &plan.allowed);
    assert_eq!(left.count(Verb::Delete), 59);
}
