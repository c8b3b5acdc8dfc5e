//! What SQS and SNS refuse, for good or for a while: sections 7.2 to 8.3.

use evenkeel_tests::aws::{Rules, Trouble};
use evenkeel_tests::{Trial, left};

use super::refused::{Patience, fault, for_a_while, for_good};

const SPEC: &str = "Queue q: {}\nTopic n: {displayName: Name, subscriptions: [{queue: q}]}";

/// Operation, code, status, what AWS says.
const FOR_GOOD: [(&str, &str, u16, &str); 8] = [
    ("CreateQueue", "OverLimit", 403, "The specified action violates a limit."),
    ("CreateQueue", "InvalidAttributeName", 400, "Unknown Attribute FifoQueue."),
    ("CreateQueue", "InvalidParameterValue", 400, "Modifying queue type is not supported."),
    ("CreateTopic", "TopicLimitExceeded", 403, "Topic limit exceeded"),
    ("Subscribe", "InvalidParameter", 400, "Invalid parameter: SQS endpoint ARN"),
    (
        "Subscribe",
        "InvalidParameter",
        400,
        "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
    ),
    ("Subscribe", "SubscriptionLimitExceeded", 403, "Subscription limit exceeded"),
    ("Subscribe", "FilterPolicyLimitExceeded", 403, "Filter policy limit exceeded"),
];

#[tokio::test(start_paused = true)]
async fn what_sqs_and_sns_refuse_for_good_is_said_and_asked_for_once() {
    for (operation, code, status, said) in FOR_GOOD {
        for_good(SPEC, operation, fault(code, status, said), said).await;
    }
}

/// The same, which passes by itself.
const FOR_A_WHILE: [(&str, &str, u16, &str); 4] = [
    ("SetQueueAttributes", "InvalidAttributeValue", 400, "Invalid value for the parameter Policy."),
    (
        "SetTopicAttributes",
        "InvalidParameter",
        400,
        "Invalid parameter: Policy statement action out of service scope! PrincipalNotFound",
    ),
    (
        "CreateQueue",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        400,
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ),
    (
        "CreateQueue",
        "QueueDeletedRecently",
        400,
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ),
];

#[tokio::test(start_paused = true)]
async fn what_sqs_and_sns_refuse_for_a_while_is_waited_for_two_minutes_at_most() {
    for (operation, code, status, said) in FOR_A_WHILE {
        let patience = Patience { seconds: 150.0, calls: 60 };
        for_a_while(SPEC, operation, fault(code, status, said), patience, said).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_topic_arn_is_a_refusal_and_no_absence() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(SPEC).await;
    trial.aws.forget();
    let said = fault("InvalidParameter", 400, "Invalid parameter: TopicArn");
    trial.aws.trouble("GetTopicAttributes", Trouble::Always(said));
    let text = left(&trial.run(SPEC).await.plan);
    assert!(text.contains("Blocked") && text.contains("Invalid parameter: TopicArn"), "{text}");
    assert_eq!(trial.count("CreateTopic"), 0, "{}", trial.story());
}
