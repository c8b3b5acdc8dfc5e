//! What one application exports and another imports.

use super::*;
use crate::plan::export::{Export, Imported};

fn exporting(value: Json) -> Desired {
    let node = |value| Node::from_json(&value, Place::NOWHERE);
    let mut desired = shop();
    let output = Output { value: node(value), description: None, export: Some(node(json!("shop-value"))) };
    desired.outputs.insert("Value".to_owned(), output);
    desired
}

fn importing() -> Desired {
    desired([
        resource("reader", FUNCTION, json!({"queue": {"Fn::ImportValue": "shop-value"}})),
        resource("other", QUEUE, json!({})),
    ])
}

fn with(export: Export, world: &Observation) -> Plan {
    let (scope, kinds, desired) = (scope(), kinds(), importing());
    let imports = Imports::from([("shop-value".to_owned(), Imported { from: "shop/dev".to_owned(), export })]);
    plan(Input {
        scope: &scope,
        desired: &desired,
        world,
        kinds: &kinds,
        held: &BTreeMap::new(),
        previous: None,
        allowed: &BTreeSet::new(),
        imports: &imports,
        no_deletes: None,
    })
}

#[test]
fn an_export_is_ready_once_what_it_comes_from_is() {
    let desired = exporting(json!({"Fn::GetAtt": ["charge", "Number"]}));
    let before = planned(&desired, &World::default().observed());
    let export = &before.exports["shop-value"];
    assert_eq!((&export.value, &export.standing), (&None, &Standing::Acting));
    let mut world = World::default();
    let after = converge(&desired, &mut world);
    let export = &after.exports["shop-value"];
    assert_eq!((export.value.is_some(), &export.standing), (true, &Standing::Ready));
}

#[test]
fn a_secret_that_is_exported_stays_secret() {
    let export = Export { value: Some(json!("hunter2")), secret: true, standing: Standing::Ready };
    assert!(!format!("{export:?}").contains("hunter2"));
    let plan = with(export, &World::default().observed());
    let change = action(&plan, "reader").changes.iter().find(|change| change.path == "queue").unwrap();
    assert_eq!(change.to, json!(crate::model::node::MASK));
    assert_eq!(action(&plan, "reader").steps[0].input["properties"]["queue"], json!("hunter2"));
}

#[test]
fn an_import_waits_until_the_value_can_be_relied_upon_and_nothing_else_does() {
    let world = World::default().observed();
    for (value, standing, verb) in [
        (None, Standing::Acting, Verb::Create),
        (Some(json!("arn")), Standing::Acting, Verb::Create),
        (Some(json!("arn")), Standing::Blocked("no".to_owned()), Verb::Blocked),
    ] {
        let plan = with(Export { value, secret: false, standing }, &world);
        let reader = action(&plan, "reader");
        assert_eq!((reader.verb, reader.steps.len()), (verb, 0));
        assert!(reader.reason.as_ref().unwrap().contains("the export `shop-value`"), "{:?}", reader.reason);
        assert_eq!(action(&plan, "other").steps.len(), 1);
    }
    let plan = with(Export { value: Some(json!("arn")), secret: false, standing: Standing::Ready }, &world);
    assert_eq!(action(&plan, "reader").steps[0].input["properties"]["queue"], json!("arn"));
}
