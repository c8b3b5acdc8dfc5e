use evenkeel_core::plan::Verb;

use super::*;
use crate::planning::{action, ours, plan_of, want, world, writes};
use crate::subscription::spec::Subscription;
use crate::topic::policy::{TOPIC_POLICY, default, is_default};

const ARN: &str = "arn:aws:sns:eu-west-1:111122223333:paid";

fn kinds() -> [Arc<dyn Kind>; 3] {
    [Arc::new(Topic), Arc::new(TOPIC_POLICY), Arc::new(Subscription)]
}

fn answer(more: Json) -> BTreeMap<String, String> {
    let mut all = json!({"TopicArn": ARN, "DisplayName": "", "Owner": "111122223333", "SubscriptionsConfirmed": "2",
        "EffectiveDeliveryPolicy": "{}", "Policy": default(ARN, "111122223333").to_string()});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn plan_for(properties: Json, answers: Json) -> evenkeel_core::plan::Plan {
    let topic = observed(ARN, &answer(answers), None, ours("paid"));
    let mut properties = properties;
    properties["TopicName"] = json!("paid");
    plan_of(&kinds(), &[("paid", TYPE, properties)], &world([(TYPE, vec![topic]), (subscription::spec::TYPE, vec![])]))
}

fn set(name: &str, value: &str) -> (&'static str, Json) {
    ("SetTopicAttributes", json!({"TopicArn": ARN, "AttributeName": name, "AttributeValue": value}))
}

#[test]
fn a_topic_as_aws_makes_it_is_no_drift() {
    assert!(plan_for(json!({}), json!({})).is_converged());
    let said = json!({"SignatureVersion": 1, "TracingConfig": "PassThrough", "MaximumMessageSize": "262144"});
    assert!(plan_for(said, json!({"KmsMasterKeyId": "", "Policy": ""})).is_converged());
}

#[test]
fn every_attribute_that_drifted_is_one_call() {
    let plan = plan_for(
        json!({"DisplayName": "Paid", "DeliveryStatusLogging": [{"Protocol": "sqs", "SuccessFeedbackRoleArn": "r",
            "SuccessFeedbackSampleRate": "50"}]}),
        json!({"TracingConfig": "Active", "KmsMasterKeyId": "alias/k", "LambdaFailureFeedbackRoleArn": "old",
            "LambdaSuccessFeedbackSampleRate": "10"}),
    );
    assert_eq!(
        writes(&plan),
        [
            set("DisplayName", "Paid"),
            set("SQSSuccessFeedbackRoleArn", "r"),
            set("SQSSuccessFeedbackSampleRate", "50"),
            set("TracingConfig", "PassThrough"),
            set("KmsMasterKeyId", ""),
            set("LambdaFailureFeedbackRoleArn", ""),
            set("LambdaSuccessFeedbackSampleRate", "0"),
        ]
    );
}

#[test]
fn a_fifo_topic_is_made_bare_and_then_told_the_rest() {
    let given = json!({"FifoTopic": true, "ContentBasedDeduplication": "true", "FifoThroughputScope": "MessageGroup",
        "ArchivePolicy": {"MessageRetentionPeriod": 7}});
    let plan = plan_of(&kinds(), &[("paid", TYPE, given)], &world([(TYPE, vec![])]));
    let all = writes(&plan);
    assert_eq!(all[0].0, "CreateTopic");
    assert_eq!(all[0].1["Name"], "shop-paid.fifo");
    assert_eq!(all[0].1["Attributes"], json!({"FifoTopic": "true"}));
    let rest: Vec<&str> = all[1..].iter().filter_map(|(_, input)| input["AttributeName"].as_str()).collect();
    assert_eq!(rest, ["ArchivePolicy", "ContentBasedDeduplication", "FifoThroughputScope"]);
    assert_eq!(all[1].1["AttributeValue"], "{\"MessageRetentionPeriod\":7}");
}

#[test]
fn a_policy_that_nobody_asked_for_gives_way_to_the_default() {
    let wide = json!({"Policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "sns:*", "Resource": ARN}]}});
    let plan = plan_for(json!({}), wide);
    let [(operation, input)] = writes(&plan).try_into().unwrap();
    assert_eq!((operation, &input["AttributeName"]), ("SetTopicAttributes", &json!("Policy")));
    assert!(is_default(&input["AttributeValue"], ARN, "111122223333"));
}

#[test]
fn the_default_policy_is_told_by_its_meaning_and_not_by_its_id() {
    let account = "111122223333";
    let mut older = default(ARN, account);
    older["Statement"][0]["Action"] = json!(["SNS:Publish", "SNS:Receive"]);
    assert!(is_default(&older, ARN, account));
    let mut wide = default(ARN, account);
    wide["Statement"][0].as_object_mut().unwrap().shift_remove("Condition");
    assert!(!is_default(&wide, ARN, account));
    let mut other = default(ARN, account);
    other["Statement"][0]["Action"] = json!("*");
    assert!(!is_default(&other, ARN, account));
}

#[test]
fn a_topic_policy_claims_the_policy_of_its_topic() {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "sns:Publish", "Resource": ARN}]});
    let topic = observed(ARN, &answer(json!({"Policy": document.to_string()})), None, ours("paid"));
    let resources = [
        ("paid", TYPE, json!({"TopicName": "paid"})),
        ("access", "AWS::SNS::TopicPolicy", json!({"Topics": [{"Ref": "paid"}], "PolicyDocument": document})),
    ];
    let plan = plan_of(&kinds(), &resources, &world([(TYPE, vec![topic])]));
    assert!(plan.is_converged(), "{:?}", plan.actions);
    // The ARN is known beforehand: both are made in one round, in order.
    let plan = plan_of(&kinds(), &resources, &world([(TYPE, vec![])]));
    assert_eq!(writes(&plan).iter().map(|w| w.0).collect::<Vec<_>>(), ["CreateTopic", "SetTopicAttributes"]);
    assert_eq!(action(&plan, "access").after, [0]);
}

#[test]
fn inline_subscriptions_that_are_not_there_are_made_and_the_others_left() {
    let there = Observed::new(format!("{ARN}|sqs|arn:aws:sqs:eu-west-1:111122223333:a"), format!("{ARN}:1"));
    let topic = observed(ARN, &answer(json!({})), None, ours("paid"));
    let given = json!({"TopicName": "paid", "Subscription": [
        {"Protocol": "sqs", "Endpoint": "arn:aws:sqs:eu-west-1:111122223333:a"},
        {"Protocol": "email", "Endpoint": "a@example.com"}]});
    let world = world([(TYPE, vec![topic]), (subscription::spec::TYPE, vec![there])]);
    let plan = plan_of(&kinds(), &[("paid", TYPE, given)], &world);
    let all = writes(&plan);
    // First the word in the topic's mark, so that a crash cannot hide the subscription.
    assert_eq!(all.iter().map(|w| w.0).collect::<Vec<_>>(), ["TagResource", "Subscribe"]);
    assert_eq!(all[1].1["Endpoint"], "a@example.com");
    assert_eq!(action(&plan, "paid").verb, Verb::Update);
}

#[test]
fn a_topic_that_archives_stops_that_before_it_goes() {
    let topic = observed(ARN, &answer(json!({"ArchivePolicy": "{\"MessageRetentionPeriod\":7}"})), None, ours("paid"));
    let steps = Topic.delete(&crate::planning::scope(), &topic);
    assert_eq!(steps.iter().map(|step| step.operation).collect::<Vec<_>>(), ["SetTopicAttributes", "DeleteTopic"]);
}

#[test]
fn ref_is_the_arn_even_before_the_topic_is_there() {
    let want = want("paid", TYPE, json!({}));
    let target = Target { want: &want, key: "paid", observed: None };
    assert_eq!(Topic.attribute(&crate::planning::scope(), target, None), Some(json!(ARN)));
}

#[test]
fn every_property_that_aws_documents_is_managed() {
    let other = ARN.replace("paid", "other");
    crate::planning::says_something(
        &Topic,
        &json!({"FifoTopic": true}),
        &json!({"TopicName": "other", "FifoTopic": false, "ContentBasedDeduplication": true, "DisplayName": "x",
            "FifoThroughputScope": "MessageGroup", "KmsMasterKeyId": "k", "MaximumMessageSize": 1024,
            "SignatureVersion": "2", "TracingConfig": "Active", "ArchivePolicy": {"MessageRetentionPeriod": 1},
            "DataProtectionPolicy": {"Name": "x"}, "DeliveryStatusLogging": [{"Protocol": "sqs",
            "FailureFeedbackRoleArn": "r"}], "Subscription": [{"Protocol": "sqs", "Endpoint": "x"}]}),
    );
    crate::planning::says_something(
        &TOPIC_POLICY,
        &json!({"Topics": [ARN], "PolicyDocument": {"Statement": []}}),
        &json!({"Topics": [other], "PolicyDocument": {"Version": "2012-10-17"}}),
    );
    crate::planning::says_something(
        &crate::topic::policy::TOPIC_INLINE_POLICY,
        &json!({"TopicArn": ARN, "PolicyDocument": {"Statement": []}}),
        &json!({"TopicArn": other, "PolicyDocument": {"Version": "2012-10-17"}}),
    );
}

#[test]
fn a_policy_that_is_just_what_sns_gives_every_topic_is_there_already() {
    let topic = observed(ARN, &answer(json!({})), None, ours("paid"));
    let resources = [
        ("paid", TYPE, json!({"TopicName": "paid"})),
        (
            "access",
            "AWS::SNS::TopicPolicy",
            json!({"Topics": [{"Ref": "paid"}], "PolicyDocument": default(ARN, "111122223333")}),
        ),
    ];
    let plan = plan_of(&kinds(), &resources, &world([(TYPE, vec![topic]), (subscription::spec::TYPE, vec![])]));
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn a_topic_that_kept_its_name_keeps_its_inline_subscriptions() {
    let queue = "arn:aws:sqs:eu-west-1:111122223333:jobs";
    let properties = json!({"Subscription": [{"Protocol": "sqs", "Endpoint": queue}]});
    // It was named by the spec once; a name made now would be `shop-paid`.
    let topic = observed(ARN, &answer(json!({})), None, ours("paid"));
    let mut there = Observed::new(subscription::spec::key(ARN, "sqs", queue), format!("{ARN}:1"));
    there.marks = Some(crate::planning::marks("paid", &[]));
    subscription::spec::describe(&mut there, &BTreeMap::from([("RawMessageDelivery".to_owned(), "false".to_owned())]));
    let world = world([(TYPE, vec![topic]), (subscription::spec::TYPE, vec![there])]);
    let plan = plan_of(&kinds(), &[("paid", TYPE, properties)], &world);
    assert!(plan.actions.iter().all(|action| action.verb != Verb::Delete), "{:?}", plan.actions);
}
