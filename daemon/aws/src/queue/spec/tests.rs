use evenkeel_core::plan::{Standing, Verb};

use super::*;
use crate::planning::{action, ours, plan_of, scope, want, world, writes};
use crate::queue::policy::QUEUE_POLICY;

const URL: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/orders";

fn kinds() -> [std::sync::Arc<dyn Kind>; 2] {
    [std::sync::Arc::new(Queue), std::sync::Arc::new(QUEUE_POLICY)]
}

fn answer(more: Json) -> BTreeMap<String, String> {
    let mut all = json!({
        "QueueArn": "arn:aws:sqs:eu-west-1:111122223333:orders", "VisibilityTimeout": "30", "DelaySeconds": "0",
        "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true", "ApproximateNumberOfMessages": "0", "CreatedTimestamp": "1",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn plan_for(properties: Json, answers: Json) -> evenkeel_core::plan::Plan {
    let world = world([(TYPE, vec![observed(URL, &answer(answers), ours("orders"))])]);
    let mut properties = properties;
    properties["QueueName"] = json!("orders");
    plan_of(&kinds(), &[("orders", TYPE, properties)], &world)
}

#[test]
fn a_queue_as_aws_makes_it_is_no_drift() {
    let plan = plan_for(json!({}), json!({}));
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn spellings_that_mean_the_same_are_no_drift() {
    let plan = plan_for(
        json!({
            "VisibilityTimeout": "60", "FifoQueue": "false", "ContentBasedDeduplication": false,
            "RedrivePolicy": {"maxReceiveCount": 5, "deadLetterTargetArn": "arn:dlq"},
            "RedriveAllowPolicy": {"redrivePermission": "byQueue", "sourceQueueArns": ["b", "a"]},
        }),
        json!({
            "VisibilityTimeout": "60",
            "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:dlq\",\"maxReceiveCount\":\"5\"}",
            "RedriveAllowPolicy": "{\"sourceQueueArns\":[\"a\",\"b\"],\"redrivePermission\":\"byQueue\"}",
        }),
    );
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn a_queue_that_is_fifo_by_a_capital_letter_and_waits_for_thirty_point_zero_seconds_is_no_other_queue() {
    let plan = plan_for(
        json!({"FifoQueue": "True", "ContentBasedDeduplication": "False", "VisibilityTimeout": 30.0}),
        json!({"FifoQueue": "true", "ContentBasedDeduplication": "false"}),
    );
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn drift_is_corrected_in_one_call_and_what_is_not_wanted_is_cleared() {
    let plan = plan_for(
        json!({"DelaySeconds": 5}),
        json!({"VisibilityTimeout": "99", "RedrivePolicy": "{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":3}",
            "Policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"}),
    );
    assert_eq!(
        writes(&plan),
        [(
            "SetQueueAttributes",
            json!({"QueueUrl": URL, "Attributes":
            {"DelaySeconds": "5", "VisibilityTimeout": "30", "RedrivePolicy": "", "Policy": ""}})
        )]
    );
}

#[test]
fn a_kms_key_and_sqs_own_encryption_are_never_named_together() {
    let plan = plan_for(json!({"KmsMasterKeyId": "alias/k"}), json!({}));
    assert_eq!(
        writes(&plan)[0].1["Attributes"],
        json!({"KmsMasterKeyId": "alias/k", "KmsDataKeyReusePeriodSeconds": "300"})
    );
    let encrypted = json!({"KmsMasterKeyId": "alias/k", "SqsManagedSseEnabled": "false"});
    assert!(plan_for(json!({"KmsMasterKeyId": "alias/k"}), encrypted.clone()).is_converged());
    // An answer that names both does not stall the queue: there is nothing to be done about it.
    let both = json!({"KmsMasterKeyId": "alias/k", "SqsManagedSseEnabled": "true"});
    assert!(plan_for(json!({"KmsMasterKeyId": "alias/k"}), both).is_converged());
    let back = plan_for(json!({}), encrypted);
    assert_eq!(writes(&back)[0].1["Attributes"], json!({"SqsManagedSseEnabled": "true", "KmsMasterKeyId": ""}));
}

#[test]
fn a_fifo_queue_is_made_with_what_differs_from_the_defaults() {
    let world = world([(TYPE, vec![])]);
    let plan =
        plan_of(&kinds(), &[("orders", TYPE, json!({"FifoQueue": true, "ContentBasedDeduplication": "true"}))], &world);
    let made = &writes(&plan)[0];
    assert_eq!(made.1["QueueName"], "shop-orders.fifo");
    assert_eq!(made.1["Attributes"], json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"}));
    assert_eq!(made.1["Tags"]["evenkeel:id"], "orders");
}

#[test]
fn a_standard_queue_is_made_without_attributes_that_sqs_refuses() {
    let plan = plan_of(&kinds(), &[("orders", TYPE, json!({}))], &world([(TYPE, vec![])]));
    assert_eq!(writes(&plan)[0].1["Attributes"], json!({}));
}

#[test]
fn a_queue_with_messages_is_not_taken_away() {
    let full = observed(URL, &answer(json!({"ApproximateNumberOfMessagesNotVisible": "3"})), ours("orders"));
    let plan = plan_of(&kinds(), &[], &world([(TYPE, vec![full])]));
    assert!(writes(&plan).is_empty());
    let reason = action(&plan, "orders").reason.clone().unwrap_or_default();
    assert!(reason.contains("about 3 messages still wait"), "{reason}");
    let empty = observed(URL, &answer(json!({})), ours("orders"));
    let plan = plan_of(&kinds(), &[], &world([(TYPE, vec![empty])]));
    assert_eq!(writes(&plan), [("DeleteQueue", json!({"QueueUrl": URL}))]);
}

#[test]
fn ref_is_the_url_that_sqs_answered() {
    let want = want("orders", TYPE, json!({}));
    let there = observed(URL, &answer(json!({})), ours("orders"));
    let target = |observed| Target { want: &want, key: "orders", observed };
    assert_eq!(Queue.attribute(&scope(), target(None), None), None);
    assert_eq!(Queue.attribute(&scope(), target(Some(&there)), None), Some(json!(URL)));
    assert_eq!(
        Queue.attribute(&scope(), target(None), Some("Arn")),
        Some(json!("arn:aws:sqs:eu-west-1:111122223333:orders"))
    );
}

fn policy_resources() -> [(&'static str, &'static str, Json); 2] {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "sqs:SendMessage", "Resource": "*"}]});
    [
        ("orders", TYPE, json!({"QueueName": "orders"})),
        ("access", "AWS::SQS::QueuePolicy", json!({"Queues": [{"Ref": "orders"}], "PolicyDocument": document})),
    ]
}

#[test]
fn a_queue_policy_claims_the_policy_of_its_queue() {
    let answered = json!({"Policy": "{\"Statement\":{\"Action\":[\"SQS:SendMessage\"],\"Effect\":\"Allow\",\
        \"Resource\":\"*\",\"Principal\":{\"AWS\":\"*\"}},\"Version\":\"2012-10-17\"}"});
    let there = observed(URL, &answer(answered), ours("orders"));
    let plan = plan_of(&kinds(), &policy_resources(), &world([(TYPE, vec![there])]));
    assert!(plan.is_converged(), "{:?}", plan.actions);

    let bare = observed(URL, &answer(json!({})), ours("orders"));
    let plan = plan_of(&kinds(), &policy_resources(), &world([(TYPE, vec![bare])]));
    let steps = &action(&plan, "access").steps;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].operation, "SetQueueAttributes");
    assert_eq!(steps[0].refresh, (TYPE, "orders".to_owned()));
    assert_eq!(action(&plan, "orders").verb, Verb::None);
}

#[test]
fn the_policy_of_a_queue_that_is_not_there_yet_waits_for_it() {
    let plan = plan_of(&kinds(), &policy_resources(), &world([(TYPE, vec![])]));
    assert!(matches!(action(&plan, "access").standing, Standing::Waiting(_)));
    assert_eq!(writes(&plan).len(), 1);
}

#[test]
fn nobody_elses_queue_gets_a_policy() {
    let foreign = observed(URL, &answer(json!({})), Tags::new());
    let mut resources = policy_resources().to_vec();
    resources.remove(0);
    resources[0].2["Queues"] = json!([URL]);
    let plan = plan_of(&kinds(), &resources, &world([(TYPE, vec![foreign])]));
    assert_eq!(action(&plan, "access").verb, Verb::Blocked);
    resources[0].2["Queues"] = json!([URL.replace("1111", "9999")]);
    let plan = plan_of(&kinds(), &resources, &world([(TYPE, vec![])]));
    assert_eq!(action(&plan, "access").verb, Verb::Blocked);
}

#[test]
fn every_property_that_aws_documents_is_managed() {
    let url = URL.replace("orders", "other");
    crate::planning::says_something(
        &Queue,
        &json!({"FifoQueue": true, "KmsMasterKeyId": "k"}),
        &json!({"QueueName": "other", "FifoQueue": false, "KmsMasterKeyId": "l", "KmsDataKeyReusePeriodSeconds": 60,
            "SqsManagedSseEnabled": true, "ContentBasedDeduplication": true, "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId", "DelaySeconds": 1, "MaximumMessageSize": 1024,
            "MessageRetentionPeriod": 60, "ReceiveMessageWaitTimeSeconds": 1, "VisibilityTimeout": 1,
            "RedrivePolicy": {"deadLetterTargetArn": "x"}, "RedriveAllowPolicy": {"redrivePermission": "denyAll"}}),
    );
    crate::planning::says_something(
        &QUEUE_POLICY,
        &json!({"Queues": [URL], "PolicyDocument": {"Statement": []}}),
        &json!({"Queues": [url], "PolicyDocument": {"Version": "2012-10-17"}}),
    );
    crate::planning::says_something(
        &crate::queue::policy::QUEUE_INLINE_POLICY,
        &json!({"Queue": URL, "PolicyDocument": {"Statement": []}}),
        &json!({"Queue": url, "PolicyDocument": {"Version": "2012-10-17"}}),
    );
}

#[test]
fn two_policies_of_one_queue_that_differ_are_told_and_two_that_agree_are_not() {
    let [queue, access] = policy_resources();
    let mut other = access.clone();
    other.0 = "again";
    let there = || world([(TYPE, vec![observed(URL, &answer(json!({})), ours("orders"))])]);
    let agreeing = plan_of(&kinds(), &[queue.clone(), access.clone(), other.clone()], &there());
    assert!(agreeing.actions.iter().all(|action| action.verb != Verb::Blocked), "{:?}", agreeing.actions);
    other.2["PolicyDocument"]["Statement"][0]["Action"] = json!("sqs:*");
    let plan = plan_of(&kinds(), &[queue, access, other], &there());
    let reason = action(&plan, "again").reason.as_deref().unwrap_or_default();
    assert!(reason.contains("`access` says something else of Policy of `orders`"), "{reason}");
    assert_eq!(action(&plan, "access").steps.len(), 1);
}
