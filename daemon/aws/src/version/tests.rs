use std::collections::BTreeSet;

use evenkeel_core::model::resource::{Origin, Resource};
use evenkeel_core::model::{Node, Place};
use evenkeel_core::plan::{Found, Kind, Observation, Observed, Want};
use serde_json::{Value as Json, json};

use super::TYPE;
use super::spec::{self, Version};
use crate::document::Input;
use crate::function_part::FUNCTION;
use crate::planning::{self, marks, scope, want};

/// A configuration as AWS answers it for `$LATEST` or for a version.
fn configuration(version: &str, code: &str, timeout: u32) -> Json {
    let mut arn = "arn:aws:lambda:eu-west-1:111122223333:function:f".to_owned();
    if version != "$LATEST" {
        arn = format!("{arn}:{version}");
    }
    json!({"FunctionName": "f", "FunctionArn": arn, "Version": version, "CodeSha256": code, "Timeout": timeout,
        "State": "Active", "Description": "", "RevisionId": version})
}

fn world(latest: Json, versions: &[Json]) -> Observation {
    let mut function = Observed::new("f", "f");
    function.marks = Some(marks("f", &[]));
    function.attributes.insert("Digest".into(), json!(crate::function::canonical::digest(Input(&latest))));
    let versions = versions.iter().filter_map(|version| spec::observed(Input(version))).collect();
    planning::world([(FUNCTION, vec![function]), (TYPE, versions)])
}

fn generated(properties: Json) -> Want {
    let node = Node::from_json(&properties, Place::NOWHERE);
    let resource = Resource::new("v", TYPE, node, Place::NOWHERE).generated_for("f");
    assert_ne!(resource.origin, Origin::Written);
    Want { resource: resource.into(), ..want("v", TYPE, properties) }
}

/// The key that is wanted, and whether it is there.
fn located(want: &Want, world: &Observation) -> (String, bool) {
    let instance = Version.locate(&scope(), want, world).instances.remove(0);
    (instance.key, matches!(instance.found, Found::Present(_)))
}

#[test]
fn a_generated_version_is_the_newest_one_while_that_is_what_the_function_is() {
    let want = generated(json!({"FunctionName": "f"}));
    let versions = [configuration("2", "a", 3), configuration("10", "b", 3)];
    assert_eq!(located(&want, &world(configuration("$LATEST", "b", 3), &versions)), ("f|10".into(), true));
    let other_code = world(configuration("$LATEST", "c", 3), &versions);
    assert_eq!(located(&want, &other_code), ("f|next".into(), false));
    let other_configuration = world(configuration("$LATEST", "b", 9), &versions);
    assert_eq!(located(&want, &other_configuration), ("f|next".into(), false));
    // Going back to what an old version was is a new version too: AWS numbers on.
    assert_eq!(located(&want, &world(configuration("$LATEST", "a", 3), &versions)), ("f|next".into(), false));
}

#[test]
fn a_version_that_a_person_wrote_stays_whatever_the_function_becomes() {
    let versions = [configuration("1", "a", 3), configuration("2", "b", 3)];
    let world = world(configuration("$LATEST", "c", 9), &versions);
    let pinned = want("v", TYPE, json!({"FunctionName": "f", "CodeSha256": "a"}));
    assert_eq!(located(&pinned, &world), ("f|1".into(), true));
    let any = want("v", TYPE, json!({"FunctionName": "arn:aws:lambda:eu-west-1:111122223333:function:f"}));
    assert_eq!(located(&any, &world), ("f|2".into(), true));
    let missing = want("v", TYPE, json!({"FunctionName": "f", "Description": "release"}));
    assert_eq!(located(&missing, &world), ("f|next".into(), false));
}

#[test]
fn what_could_not_be_listed_publishes_nothing() {
    let mut world = world(configuration("$LATEST", "a", 3), &[]);
    world.swept(TYPE, evenkeel_core::plan::Seen { failure: Some("throttled".into()), ..Default::default() });
    let instance = Version.locate(&scope(), &generated(json!({"FunctionName": "f"})), &world).instances.remove(0);
    assert!(matches!(instance.found, Found::Unknown(_)));
}

#[test]
fn every_writable_property_is_handled() {
    let schema = evenkeel_core::model::schema::lookup(TYPE).unwrap();
    let names: BTreeSet<&str> = schema.writable().collect();
    let handled = [
        "CodeSha256",
        "Description",
        "FunctionName",
        "FunctionScalingConfig",
        "ProvisionedConcurrencyConfig",
        "RuntimePolicy",
    ];
    assert_eq!(names, handled.into());
}

/// The writes for version 1 with this policy, where AWS tells that one.
fn policy(wanted: Option<Json>, told: Json) -> Vec<(&'static str, Json)> {
    let mut version = spec::observed(Input(&configuration("1", "a", 3))).unwrap();
    spec::add_runtime_policy(&mut version, Input(&told));
    version.marks = Some(marks("f", &[]));
    let mut function = Observed::new("f", "f");
    function.marks = Some(marks("f", &["runtime-policy"]));
    let mut properties = json!({"FunctionName": "f"});
    if let Some(wanted) = wanted {
        properties["RuntimePolicy"] = wanted;
    }
    let world = planning::world([(FUNCTION, vec![function]), (TYPE, vec![version])]);
    planning::writes(&planning::plan_of(&[std::sync::Arc::new(Version)], &[("v", TYPE, properties)], &world))
}

#[test]
fn a_versions_runtime_policy_is_set_repaired_and_taken_back() {
    let manual = json!({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:r"});
    let put = |members: Json| {
        let mut input = json!({"FunctionName": "f", "Qualifier": "1"});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        vec![("PutRuntimeManagementConfig", input)]
    };
    assert_eq!(policy(Some(manual.clone()), json!({"UpdateRuntimeOn": "Auto"})), put(manual.clone()));
    assert_eq!(policy(Some(manual.clone()), manual.clone()), []);
    assert_eq!(policy(None, manual), put(json!({"UpdateRuntimeOn": "Auto"})));
    assert_eq!(policy(Some(json!({"UpdateRuntimeOn": "Auto"})), json!({"UpdateRuntimeOn": "Auto"})), []);
}

#[test]
fn what_follows_the_function_is_no_numbered_version() {
    assert_eq!(spec::observed(Input(&configuration("$LATEST.PUBLISHED", "a", 3))), None);
}
