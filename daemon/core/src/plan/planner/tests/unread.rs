//! Properties that the credentials may not read.

use super::*;

/// The world after the first run, of whose queue the size is not told any more.
fn unread() -> World {
    let mut world = World::default();
    converge(&shop(), &mut world);
    let queue = world.things.get_mut(&(QUEUE.to_owned(), "shop-dev-orders".to_owned())).unwrap();
    queue.properties.shift_remove("size");
    queue.unread.insert("size", "allow thing:GetSize".to_owned());
    world
}

fn queue(properties: Json) -> Desired {
    let mut spec = shop();
    spec.resources.insert("orders".to_owned(), resource("orders", QUEUE, properties));
    spec
}

#[test]
fn what_could_not_be_read_is_no_difference_where_the_spec_does_not_speak_of_it() {
    let world = unread().observed();
    assert!(planned(&queue(json!({})), &world).is_converged());
    let plan = planned(&queue(json!({"colour": "red"})), &world);
    let orders = action(&plan, "orders");
    let paths: Vec<&str> = orders.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!((orders.verb, paths), (Verb::Update, vec!["colour"]), "everything else is put right");
    assert_eq!(orders.steps[0].input["properties"].get("size"), None, "nothing is written over it");
}

#[test]
fn what_could_not_be_read_blocks_where_the_spec_speaks_of_it_and_says_what_to_allow() {
    let world = unread().observed();
    for spec in [queue(json!({"size": 2})), queue(json!({"size": {"Fn::GetAtt": ["charge", "Number"]}}))] {
        let mut spec = spec;
        // Not in a circle.
        spec.resources.insert("charge".to_owned(), resource("charge", FUNCTION, json!({})));
        let plan = planned(&spec, &world);
        let orders = action(&plan, "orders");
        assert!(orders.steps.is_empty());
        assert_eq!(orders.reason.as_deref(), Some("`size` could not be read: allow thing:GetSize"));
    }
    let plan = planned(&desired([resource("logs", LOG, json!({}))]), &world);
    assert!(plan.actions.iter().any(|action| action.id == "orders" && action.verb != Verb::None), "it can go");
}
