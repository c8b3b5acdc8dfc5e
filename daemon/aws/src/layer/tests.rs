use std::sync::Arc;

use evenkeel_core::plan::kind::{Artifact, Kind};
use evenkeel_core::plan::{Observation, Observed, Scope, Verb};
use serde_json::{Value as Json, json};

use super::spec::LayerVersion;
use super::{TYPE, mark, spec};
use crate::document::Input;
use crate::planning::{self, plan_of, scope, want, writes};

fn shared(description: &str) -> Json {
    json!({"Content": {"S3Bucket": "b", "S3Key": "k"}, "Description": description, "CompatibleRuntimes":
        ["python3.13", "python3.12"]})
}

/// A version that was published for this spec, as AWS would list it.
fn published(version: u64, properties: Json) -> Observed {
    let kinds: Vec<Arc<dyn Kind>> = vec![Arc::new(LayerVersion)];
    let plan = plan_of(&kinds, &[("shared", TYPE, properties)], &planning::world([(TYPE, vec![])]));
    let (operation, mut input) = writes(&plan).remove(0);
    assert_eq!(operation, "PublishLayerVersion");
    input["Version"] = json!(version);
    input["LayerVersionArn"] = json!(format!("arn:aws:lambda:eu-west-1:111122223333:layer:shop-shared:{version}"));
    spec::observed("shop-shared", Input(&input)).unwrap()
}

fn world(layers: Vec<Observed>, used: &[&str]) -> Observation {
    let mut user = Observed::new("f", "f");
    user.properties.insert("Layers".into(), json!(used));
    planning::world([(TYPE, layers), (crate::function::TYPE, vec![user])])
}

fn planned(properties: Json, world: &Observation) -> evenkeel_core::plan::Plan {
    let kinds: Vec<Arc<dyn Kind>> = vec![Arc::new(LayerVersion)];
    plan_of(&kinds, &[("shared", TYPE, properties)], world)
}

#[test]
fn a_published_version_is_found_again_by_its_description() {
    let item = published(3, shared("ours"));
    assert_eq!(item.properties["Description"], "ours");
    assert!(planned(shared("ours"), &world(vec![item], &[])).is_converged());
}

#[test]
fn the_newest_version_that_fits_is_current_and_the_others_go() {
    let layers = vec![published(3, shared("ours")), published(4, shared("other")), published(5, shared("ours"))];
    let plan = planned(shared("ours"), &world(layers, &[]));
    assert_eq!(plan.actions[0].physical_id.as_deref().map(|arn| arn.ends_with(":5")), Some(true));
    assert_eq!(plan.count(Verb::Delete), 2);
}

#[test]
fn a_version_that_a_function_uses_stays() {
    let layers = vec![published(1, shared("old")), published(2, shared("ours"))];
    let used = layers[0].physical_id.clone();
    let plan = planned(shared("ours"), &world(layers, &[&used]));
    assert_eq!(writes(&plan), []);
}

/// Versions that nothing keeps, of those that this word marks.
fn goes(keep: Option<u32>, policy: Option<&str>, superseded: bool) -> Vec<String> {
    let layers = (1..=8).map(|version| {
        let mut item = published(version, shared("ours"));
        item.marks.as_mut().unwrap().policy = policy.map(str::to_owned);
        item
    });
    let world = world(layers.collect(), &[]);
    let scope = Scope { keep, ..scope() };
    let items = world.table(TYPE).items().filter(|item| !LayerVersion.keeps(&scope, item, &world, superseded));
    items.map(|item| item.key.trim_start_matches("shop-shared:").to_owned()).collect()
}

#[test]
fn old_versions_are_kept_where_the_tree_says_how_many_or_sam_would_retain_them() {
    assert_eq!(goes(None, None, true), ["1", "2", "3", "4", "5", "6", "7"], "what nobody keeps goes at once");
    assert_eq!(goes(Some(3), None, true), ["1", "2", "3", "4"]);
    assert_eq!(goes(None, Some(mark::KEPT), true), ["1", "2"]);
    assert_eq!(goes(Some(3), Some(mark::KEPT), false), ["1", "2", "3", "4", "5"], "without a current one");
    assert_eq!(goes(Some(3), None, false).len(), 8, "a layer that left the spec goes as a whole");
}

#[test]
fn what_sam_retains_by_itself_is_marked_as_kept_and_what_a_person_retains_as_retained() {
    let marked = |kept: bool| {
        let mut want = want("shared", TYPE, shared("ours"));
        let resource = Arc::make_mut(&mut want.resource);
        resource.kept_by_default = kept;
        resource.deletion_policy = Some(evenkeel_core::model::resource::DeletionPolicy::Retain);
        mark::parse(&mark::suffix(&scope(), &want, "0011")).marks.unwrap().policy
    };
    assert_eq!((marked(true).as_deref(), marked(false).as_deref()), (Some(mark::KEPT), Some("Retain")));
}

#[test]
fn another_content_is_another_version() {
    let mut changed = shared("ours");
    changed["Content"]["S3ObjectVersion"] = json!("v2");
    let plan = planned(changed, &world(vec![published(1, shared("ours"))], &[]));
    let operations: Vec<_> = writes(&plan).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["PublishLayerVersion"], "nothing goes before its successor stands");
}

#[test]
fn a_failed_listing_publishes_nothing() {
    let mut unknown = Observation::new();
    unknown.swept(TYPE, evenkeel_core::plan::Seen { failure: Some("throttled".into()), ..Default::default() });
    let plan = planned(shared("ours"), &unknown);
    assert_eq!(plan.count(Verb::Blocked), 1);
    // Nor does a reading of single keys prove that no other version is there.
    unknown
        .refreshed(TYPE, evenkeel_core::plan::Seen { absent: vec!["shop-shared:next".into()], ..Default::default() });
    assert_eq!(writes(&planned(shared("ours"), &unknown)), []);
}

#[test]
fn a_mark_survives_the_description_and_never_exceeds_it() {
    let odd = Scope { app: "my shop".into(), env: Some("dev/eu".into()), ..scope() };
    let want = want("lib [x]", TYPE, json!({}));
    let suffix = mark::suffix(&odd, &want, "0011");
    let text = "d".repeat(300);
    let description = mark::describe(&text, &suffix);
    assert_eq!(description.chars().count(), 256);
    let parsed = mark::parse(&description);
    let marks = parsed.marks.unwrap();
    assert!(marks.is_at_home("default", "my shop", Some("dev/eu")));
    assert_eq!((marks.id.as_str(), parsed.content.as_str()), ("lib [x]", "0011"));
    assert_eq!(parsed.text, mark::fitting(&text, &suffix));
    assert_eq!(mark::parse("a layer [ek: of sorts]").marks, None);
}

#[test]
fn blanks_at_the_edge_of_a_description_may_get_lost_and_the_mark_does_not() {
    for text in ["", " ", "  text", "text  "] {
        let item = published(1, shared(text));
        assert!(planned(shared(text), &world(vec![item], &[])).is_converged(), "{text:?}");
        let suffix = mark::suffix(&scope(), &want("shared", TYPE, shared(text)), "0011");
        let description = mark::describe(text, &suffix);
        assert_eq!(description, description.trim(), "{text:?}");
        let parsed = mark::parse(&description);
        assert_eq!((parsed.text.as_str(), parsed.content.as_str()), (mark::fitting(text, &suffix).as_str(), "0011"));
        // As it was written until now.
        assert_eq!(mark::parse(&suffix), mark::parse(suffix.trim_start()));
    }
}

#[test]
fn a_version_stays_while_it_is_not_known_which_versions_of_functions_have_it() {
    let mut world = world(vec![published(1, shared("old")), published(2, shared("ours"))], &[]);
    assert_eq!(planned(shared("ours"), &world).count(Verb::Delete), 1);
    world.swept(
        crate::version::TYPE,
        evenkeel_core::plan::Seen { failure: Some("throttled".into()), ..Default::default() },
    );
    assert_eq!(writes(&planned(shared("ours"), &world)), []);
}

#[test]
fn every_writable_property_is_handled() {
    let schema = evenkeel_core::model::schema::lookup(TYPE).unwrap();
    let bare = LayerVersion.desired(&scope(), &want("l", TYPE, json!({})), "l:next");
    for property in schema.writable() {
        let value = match property {
            "Content" => json!({"S3Bucket": "b", "S3Key": "k"}),
            "CompatibleArchitectures" | "CompatibleRuntimes" => json!(["x"]),
            "Description" | "LayerName" | "LicenseInfo" => json!("x"),
            other => panic!("no sample for {other}: a new property"),
        };
        let one = LayerVersion.desired(&scope(), &want("l", TYPE, json!({property: value})), "l:next");
        assert_ne!(one, bare, "{property}");
    }
}

#[test]
fn a_local_layer_is_told_by_its_content_whatever_packed_it() {
    let artifact =
        |sha256: &str| Artifact { content: "same".into(), sha256: sha256.into(), zip_bytes: 1, unzipped_bytes: 1 };
    let within = |sha256: &str| {
        let scope = Scope { artifacts: [("./lib".to_owned(), artifact(sha256))].into(), ..scope() };
        LayerVersion.desired(&scope, &want("l", TYPE, json!({"Content": {"LocalPath": "./lib"}})), "l:next")
    };
    assert_eq!(within("one"), within("two"));
}
