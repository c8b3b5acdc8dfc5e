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
    let versions = versions.iter().filter_map(|version| spec::observed(Input(version), &Observation::new())).collect();
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
    let mut version = spec::observed(Input(&configuration("1", "a", 3)), &Observation::new()).unwrap();
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
    assert_eq!(spec::observed(Input(&configuration("$LATEST.PUBLISHED", "a", 3)), &Observation::new()), None);
}

/// A version that evenkeel published and nobody said to retain.
fn kept(number: u32) -> Json {
    let mut configuration = configuration(&number.to_string(), &format!("code-{number}"), 3);
    configuration["Description"] = json!("fast [ek:Kept]");
    configuration
}

const ALIAS: &str = "AWS::Lambda::Alias";

/// A function with these versions, an alias that shifts from 6 to 7, and nothing else.
fn with_alias(versions: &[Json], others: Vec<(&'static str, Observed)>) -> Observation {
    let mut function = Observed::new("f", "f");
    function.marks = Some(marks("f", &["alias:live"]));
    let latest = configuration("$LATEST", "code-7", 3);
    function.attributes.insert("Digest".into(), json!(crate::function::canonical::digest(Input(&latest))));
    let mut world = planning::world([(FUNCTION, vec![function])]);
    let there = versions.iter().filter_map(|version| spec::observed(Input(version), &world)).collect();
    let alias = json!({"Name": "live", "AliasArn": "arn:live", "FunctionVersion": "7",
        "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.1}}});
    let alias = crate::alias::spec::observed("f", Input(&alias), &world);
    let mut tables: std::collections::BTreeMap<&str, Vec<Observed>> = [
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Url",
        "AWS::Lambda::EventInvokeConfig",
    ]
    .map(|type_name| (type_name, Vec::new()))
    .into();
    tables.insert(TYPE, there);
    tables.insert(ALIAS, alias.into_iter().collect());
    for (type_name, item) in others {
        tables.entry(type_name).or_default().push(item);
    }
    for (type_name, items) in tables {
        world.swept(type_name, evenkeel_core::plan::Seen { items, ..Default::default() });
    }
    world
}

/// Numbers of the versions that nothing keeps where this many old ones stay.
fn goes(keep: Option<u32>, world: &Observation) -> Vec<String> {
    let scope = evenkeel_core::plan::Scope { keep, ..scope() };
    let items = world.table(TYPE).items().filter(|item| !Version.keeps(&scope, item, world, false));
    items.map(|item| item.key.trim_start_matches("f|").to_owned()).collect()
}

fn all() -> Vec<Json> {
    (1..=7).map(kept).collect()
}

#[test]
fn old_versions_beyond_those_that_are_kept_go_and_never_one_that_an_alias_shifts_from() {
    assert_eq!(goes(None, &with_alias(&all(), vec![])), ["1"], "five old ones stay");
    assert_eq!(goes(Some(2), &with_alias(&all(), vec![])), ["1", "2", "3", "4"]);
    assert_eq!(
        goes(Some(0), &with_alias(&all(), vec![])),
        ["1", "2", "3", "4", "5"],
        "6 has a weight, 7 is the newest"
    );
}

#[test]
fn what_people_published_or_asked_to_retain_stays() {
    let mut versions = all();
    versions[0]["Description"] = json!("by hand");
    assert_eq!(goes(Some(3), &with_alias(&versions, vec![])), ["2", "3"]);
}

#[test]
fn a_version_that_something_refers_to_stays() {
    let part = |type_name: &'static str, key: &str| (type_name, Observed::new(key, key));
    let (mapping, mut reads) = part("AWS::Lambda::EventSourceMapping", "uuid");
    reads.properties.insert("FunctionName".into(), json!("arn:aws:lambda:eu-west-1:111122223333:function:f:1"));
    let others = vec![
        (mapping, reads),
        part("AWS::Lambda::Permission", "f|2|evenkeel-x"),
        part("AWS::Lambda::EventInvokeConfig", "f|3"),
    ];
    assert_eq!(goes(Some(0), &with_alias(&all(), others)), ["4", "5"]);
}

#[test]
fn nothing_goes_while_somebody_could_refer_to_it_unseen() {
    let mut unread = with_alias(&all(), vec![]);
    unread.swept(ALIAS, evenkeel_core::plan::Seen { failure: Some("throttled".into()), ..Default::default() });
    assert!(goes(Some(0), &unread).is_empty());
    let mut unlisted = with_alias(&all(), vec![]);
    unlisted.swept(ALIAS, evenkeel_core::plan::Seen::default());
    assert!(goes(Some(0), &unlisted).is_empty());
}

#[test]
fn a_published_version_says_in_its_description_that_it_may_go_unless_a_person_retains_it() {
    let describe = |kept: bool, retain: bool| {
        let mut want = generated(json!({"FunctionName": "f", "Description": "fast"}));
        let resource = std::sync::Arc::make_mut(&mut want.resource);
        resource.kept_by_default = kept;
        resource.deletion_policy = retain.then_some(evenkeel_core::model::resource::DeletionPolicy::Retain);
        super::mark::describe(&want).unwrap()
    };
    assert_eq!(describe(true, true), "fast [ek:Kept]");
    assert_eq!(describe(false, false), "fast [ek:Delete]");
    assert_eq!(describe(false, true), "fast");
    assert_eq!(super::mark::parse("fast [ek:Kept]".into()), ("fast".into(), Some("Kept")));
    assert_eq!(super::mark::parse("fast [ek:x]".into()), ("fast [ek:x]".into(), None));
    let want = generated(json!({"FunctionName": "f", "Description": "fast"}));
    assert_eq!(
        located(&want, &with_alias(&all(), vec![])),
        ("f|7".into(), true),
        "the mark is no part of what is asked"
    );
}
