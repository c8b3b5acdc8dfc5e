use std::sync::Arc;

use evenkeel_core::plan::Verb;

use super::*;
use crate::planning::{action, marks, ours, plan_of, world, writes};
use crate::topic::spec::Topic;

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:paid";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:orders";

fn kinds() -> [Arc<dyn Kind>; 3] {
    [Arc::new(Topic), Arc::new(Subscription), Arc::new(queue::spec::Queue)]
}

fn topic(parts: &[&str]) -> Observed {
    let attributes = BTreeMap::from([("DisplayName".to_owned(), String::new())]);
    topic::spec::observed(TOPIC, &attributes, None, marks("paid", parts).to_tags())
}

fn there(attributes: Json) -> Observed {
    let mut out = Observed::new(key(TOPIC, "sqs", QUEUE), format!("{TOPIC}:1"));
    out.marks = Some(marks("paid", &[]));
    let attributes = attributes.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect();
    describe(&mut out, &attributes);
    out
}

fn plan_for(mut properties: Json, attributes: Json) -> evenkeel_core::plan::Plan {
    properties["TopicArn"] = json!(TOPIC);
    properties["Protocol"] = json!("sqs");
    properties["Endpoint"] = json!(QUEUE);
    let world = world([(TYPE, vec![there(attributes)])]);
    plan_of(&[Arc::new(Subscription)], &[("fan", TYPE, properties)], &world)
}

fn names(plan: &evenkeel_core::plan::Plan) -> Vec<(String, String)> {
    let name = |input: &Json, key: &str| input[key].as_str().unwrap_or_default().to_owned();
    writes(plan).iter().map(|(_, i)| (name(i, "AttributeName"), name(i, "AttributeValue"))).collect()
}

#[test]
fn what_sns_adds_is_no_drift() {
    let plan = plan_for(
        json!({"FilterPolicy": {"kind": ["b", "a"]}, "DeliveryPolicy": {"requestPolicy": {"headerContentType": "t"}}}),
        json!({"RawMessageDelivery": "false", "FilterPolicy": "{\"kind\":[\"a\",\"b\"]}",
            "FilterPolicyScope": "MessageAttributes", "PendingConfirmation": "false",
            "DeliveryPolicy": {"healthyRetryPolicy": null, "guaranteed": false, "throttlePolicy": {"x": 1},
                "requestPolicy": {"headerContentType": "t"}}}),
    );
    assert!(plan.is_converged(), "{:?}", plan.actions);
    assert!(plan_for(json!({}), json!({"FilterPolicy": "{}", "FilterPolicyScope": "MessageBody"})).is_converged());
}

#[test]
fn the_scope_goes_before_a_filter_of_the_body_and_after_one_of_attributes() {
    let body = plan_for(
        json!({"FilterPolicy": {"a": {"b": ["c"]}}, "FilterPolicyScope": "MessageBody"}),
        json!({"FilterPolicy": "{\"a\":[\"c\"]}", "FilterPolicyScope": "MessageAttributes"}),
    );
    assert_eq!(names(&body).iter().map(|n| n.0.as_str()).collect::<Vec<_>>(), ["FilterPolicyScope", "FilterPolicy"]);
    let back = plan_for(
        json!({"FilterPolicy": {"a": ["c"]}}),
        json!({"FilterPolicy": "{\"a\":{\"b\":[\"c\"]}}", "FilterPolicyScope": "MessageBody"}),
    );
    assert_eq!(names(&back).iter().map(|n| n.0.as_str()).collect::<Vec<_>>(), ["FilterPolicy", "FilterPolicyScope"]);
}

#[test]
fn what_the_spec_does_not_say_is_cleared() {
    let plan = plan_for(
        json!({}),
        json!({"RawMessageDelivery": "true", "FilterPolicy": "{\"a\":[\"c\"]}", "FilterPolicyScope": "MessageBody",
            "RedrivePolicy": "{\"deadLetterTargetArn\":\"q\"}"}),
    );
    let expected = [("RawMessageDelivery", "false"), ("RedrivePolicy", ""), ("FilterPolicy", "{}")];
    assert_eq!(names(&plan), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn a_new_subscription_is_one_call_with_everything_in_it() {
    let given = json!({"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": QUEUE, "RawMessageDelivery": "true",
        "RedrivePolicy": {"deadLetterTargetArn": "q"}});
    let plan = plan_of(&kinds(), &[("fan", TYPE, given)], &world([(TYPE, vec![])]));
    assert_eq!(
        writes(&plan),
        [(
            "Subscribe",
            json!({"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": QUEUE, "Attributes":
            {"RawMessageDelivery": "true", "RedrivePolicy": "{\"deadLetterTargetArn\":\"q\"}"}})
        )]
    );
}

#[test]
fn a_subscription_that_waits_for_its_endpoint_holds_nothing_up() {
    let key = key(TOPIC, "email", "a@example.com");
    let world = world([(TYPE, vec![listed(&key, PENDING, true, &Observation::new())])]);
    let given =
        json!({"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "a@example.com", "FilterPolicy": {"a": [1]}});
    let plan = plan_of(&kinds(), &[("mail", TYPE, given)], &world);
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn ours_is_what_the_topics_mark_lists_and_else_what_ends_at_our_own() {
    let mail = key(TOPIC, "email", "a@example.com");
    let word = Subscription.part_word(&mail).unwrap();
    let marked = world([(topic::spec::TYPE, vec![topic(&[&word])])]);
    assert_eq!(listed(&mail, "x", false, &marked).marks.map(|marks| marks.id), Some("paid".to_owned()));
    let unmarked = world([(topic::spec::TYPE, vec![topic(&[])])]);
    assert_eq!(listed(&mail, "x", false, &unmarked).marks, None);
    let mut mine = Observed::new("orders", "url");
    mine.marks = Some(marks("orders", &[]));
    let by_queue = world([(queue::spec::TYPE, vec![mine])]);
    let marks = listed(&key(TOPIC, "sqs", QUEUE), "x", false, &by_queue).marks.unwrap();
    assert_eq!((marks.id.as_str(), marks.parent.as_deref()), ("orders", Some("orders")));
    let elsewhere = key(TOPIC, "sqs", "arn:aws:sqs:eu-west-1:999999999999:orders");
    assert_eq!(listed(&elsewhere, "x", false, &by_queue).marks, None);
    assert_eq!(listed(&key(TOPIC, "sqs", QUEUE), PENDING, false, &by_queue).marks, None);
}

#[test]
fn the_topics_mark_has_the_word_before_the_subscription_is_made() {
    let resources = [
        ("paid", topic::spec::TYPE, json!({"TopicName": "paid"})),
        ("mail", TYPE, json!({"TopicArn": {"Ref": "paid"}, "Protocol": "email", "Endpoint": "a@example.com"})),
    ];
    let world = world([(topic::spec::TYPE, vec![topic(&[])]), (TYPE, vec![])]);
    let plan = plan_of(&kinds(), &resources, &world);
    assert_eq!(writes(&plan).iter().map(|w| w.0).collect::<Vec<_>>(), ["TagResource", "Subscribe"]);
    assert_eq!(action(&plan, "mail").after, [0]);
}

#[test]
fn a_subscription_that_left_the_spec_goes_and_one_that_is_not_ours_stays() {
    let foreign = Observed::new(key(TOPIC, "email", "b@example.com"), format!("{TOPIC}:2"));
    let tagged = topic::spec::observed(TOPIC, &BTreeMap::new(), None, ours("paid"));
    let mut old = there(json!({}));
    old.marks = listed(&old.key, "x", false, &world([(topic::spec::TYPE, vec![topic(&["x"])])])).marks;
    assert_eq!(old.marks, None);
    let word = Subscription.part_word(&old.key).unwrap();
    old.marks = listed(&old.key, "x", false, &world([(topic::spec::TYPE, vec![topic(&[&word])])])).marks;
    let mut topic = tagged;
    topic.tags = Some(marks("paid", &[&word]).to_tags());
    topic.marks = Some(marks("paid", &[&word]));
    let world = world([(topic::spec::TYPE, vec![topic]), (TYPE, vec![old, foreign])]);
    let plan = plan_of(&kinds(), &[("paid", topic::spec::TYPE, json!({"TopicName": "paid"}))], &world);
    assert_eq!(writes(&plan), [("Unsubscribe", json!({"SubscriptionArn": format!("{TOPIC}:1")}))]);
}

#[test]
fn what_hangs_on_a_retained_topic_goes_before_its_marks_do_and_what_it_made_itself_stays_with_it() {
    use evenkeel_core::model::resource::{DeletionPolicy, Desired};
    let mut all: Vec<_> = [
        (
            "paid",
            topic::spec::TYPE,
            json!({"TopicName": "paid", "Subscription": [{"Protocol": "sqs", "Endpoint": QUEUE}]}),
        ),
        ("mail", TYPE, json!({"TopicArn": {"Ref": "paid"}, "Protocol": "email", "Endpoint": "a@example.com"})),
    ]
    .map(|(id, type_name, properties)| crate::planning::resource(id, type_name, &properties))
    .into();
    all[0].deletion_policy = Some(DeletionPolicy::Retain);
    let desired =
        Desired { resources: all.into_iter().map(|one| (one.id.clone(), one)).collect(), ..crate::planning::nothing() };
    let nothing = world([(topic::spec::TYPE, vec![]), (TYPE, vec![]), (queue::spec::TYPE, vec![])]);
    let made = writes(&crate::planning::plan_desired(&crate::kinds::kinds(), &desired, &nothing)).remove(0).1;
    let tags = made["Tags"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect();

    let topic = topic::spec::observed(TOPIC, &BTreeMap::new(), None, tags);
    let of_its_own =
        listed(&key(TOPIC, "sqs", QUEUE), "arn:own", false, &world([(topic::spec::TYPE, vec![topic.clone()])]));
    let mail = listed(
        &key(TOPIC, "email", "a@example.com"),
        "arn:mail",
        false,
        &world([(topic::spec::TYPE, vec![topic.clone()])]),
    );
    let both = world([(topic::spec::TYPE, vec![topic.clone()]), (TYPE, vec![of_its_own.clone(), mail])]);
    assert_eq!(writes(&plan_of(&kinds(), &[], &both)), [("Unsubscribe", json!({"SubscriptionArn": "arn:mail"}))]);
    let one = world([(topic::spec::TYPE, vec![topic]), (TYPE, vec![of_its_own])]);
    let names: Vec<_> = writes(&plan_of(&kinds(), &[], &one)).into_iter().map(|(operation, _)| operation).collect();
    assert!(names.contains(&"UntagResource") && !names.contains(&"Unsubscribe"), "{names:?}");
}

#[test]
fn a_topic_in_another_region_is_refused_with_the_reason() {
    let given = json!({"TopicArn": TOPIC.replace("eu-west-1", "us-east-1"), "Protocol": "sqs", "Endpoint": QUEUE});
    let plan = plan_of(&kinds(), &[("fan", TYPE, given)], &world([(TYPE, vec![])]));
    assert_eq!(action(&plan, "fan").verb, Verb::Blocked);
    assert!(action(&plan, "fan").reason.as_deref().unwrap_or_default().contains("us-east-1"));
}

#[test]
fn every_property_that_aws_documents_is_managed_or_refused() {
    crate::planning::says_something(
        &Subscription,
        &json!({"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": QUEUE, "FilterPolicy": {"a": ["b"]}}),
        &json!({"TopicArn": TOPIC.replace("paid", "other"), "Protocol": "lambda", "Endpoint": "x",
            "FilterPolicy": {"a": ["c"]}, "FilterPolicyScope": "MessageBody", "RawMessageDelivery": true,
            "RedrivePolicy": {"deadLetterTargetArn": "x"}, "DeliveryPolicy": {"requestPolicy": {"x": 1}},
            "ReplayPolicy": {"PointType": "Timestamp"}, "SubscriptionRoleArn": "r", "Region": "us-east-1"}),
    );
}
