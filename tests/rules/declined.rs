//! What SQS and SNS refuse, for good or for a while: sections 7.2 to 8.3.

use std::time::Duration;

use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};

const SPEC: &str = "Queue q: {}\nTopic n: {displayName: Name, subscriptions: [{queue: q}]}";

fn fault(code: &str, status: u16, message: &str) -> Fault {
    Fault { code: code.to_owned(), status, message: message.to_owned() }
}

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
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(operation, Trouble::Always(fault(code, status, said)));
        let text = left(&trial.run(SPEC).await.plan);
        assert!(text.contains("Blocked") && text.contains(code) && text.contains(said), "{text}");
        assert_eq!(trial.count(operation), 1, "{said}");
        trial.aws.heal(operation);
        trial.converge(SPEC).await;
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
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(operation, Trouble::Always(fault(code, status, said)));
        let text = left(&trial.run(SPEC).await.plan);
        assert!(text.contains("Blocked") && text.contains(said) && text.contains("waited"), "{text}");
        let calls = trial.aws.calls().into_iter().filter(|call| call.operation == operation);
        let at: Vec<f64> = calls.map(|call| call.at.as_secs_f64()).collect();
        let span = at[at.len() - 1] - at[0];
        assert!((60.0..150.0).contains(&span) && at.len() < 60, "{said}: {} calls in {span} s", at.len());

        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(operation, Trouble::Always(fault(code, status, said)));
        let passes = async {
            tokio::time::sleep(Duration::from_secs(45)).await;
            trial.aws.heal(operation);
        };
        let (ended, ()) = tokio::join!(trial.run(SPEC), passes);
        assert!(ended.plan.is_converged(), "{said}: {}", left(&ended.plan));
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
