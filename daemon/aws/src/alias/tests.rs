use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_core::plan::diff::diff;
use evenkeel_core::plan::{Kind, Observation, Observed};
use serde_json::json;

use super::TYPE;
use super::spec::{Alias, observed};
use crate::document::Input;
use crate::function_part::FUNCTION;
use crate::planning::{self, marks, plan_of, scope, want, writes};

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:f:live";

fn functions(parts: &[&str]) -> Observation {
    let mut function = Observed::new("f", "f");
    function.marks = Some(marks("f", parts));
    planning::world([(FUNCTION, vec![function])])
}

#[test]
fn weights_mean_the_same_as_a_list_and_as_a_map() {
    let spec = json!({"FunctionName": "f", "Name": "live", "FunctionVersion": 2, "Description": "",
        "RoutingConfig": {"AdditionalVersionWeights": [{"FunctionVersion": "1", "FunctionWeight": "0.2"}]}});
    let answer = json!({"AliasArn": ARN, "Name": "live", "FunctionVersion": "2", "Description": "", "RevisionId": "r",
        "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.2}}});
    let seen = observed("f", Input(&answer), &functions(&[])).unwrap();
    assert_eq!(diff(&Alias.desired(&scope(), &want("a", TYPE, spec), "f|live"), &seen.properties), []);
}

#[test]
fn weights_are_cleared_by_sending_none() {
    let answer = json!({"AliasArn": ARN, "Name": "live", "FunctionVersion": "2", "RevisionId": "r",
        "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.2}}});
    let mut world = functions(&["alias:live"]);
    let item = observed("f", Input(&answer), &world).unwrap();
    world.swept(TYPE, evenkeel_core::plan::Seen { items: vec![item], ..Default::default() });
    let kinds: Vec<Arc<dyn Kind>> = vec![Arc::new(Alias)];
    let spec = json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "2"});
    let plan = plan_of(&kinds, &[("a", TYPE, spec)], &world);
    let (operation, input) = writes(&plan).remove(0);
    assert_eq!(operation, "UpdateAlias");
    assert_eq!(input["RoutingConfig"], json!({"AdditionalVersionWeights": {}}));
    assert_eq!(input["RevisionId"], "r");
}

#[test]
fn an_alias_is_ours_only_where_its_functions_mark_names_it() {
    let answer = json!({"AliasArn": ARN, "Name": "live", "FunctionVersion": "2"});
    let ours = observed("f", Input(&answer), &functions(&["alias:live"])).unwrap();
    assert_eq!(ours.marks.map(|marks| marks.app), Some("shop".to_owned()));
    let foreign = observed("f", Input(&answer), &functions(&["alias:other"])).unwrap();
    assert_eq!(foreign.marks, None);
}

#[test]
fn every_writable_property_is_handled() {
    let schema = evenkeel_core::model::schema::lookup(TYPE).unwrap();
    let names: BTreeSet<&str> = schema.writable().collect();
    let handled =
        ["Description", "FunctionName", "FunctionVersion", "Name", "ProvisionedConcurrencyConfig", "RoutingConfig"];
    assert_eq!(names, handled.into());
}
