//! Subscriptions and topics, as their lists tell them: sections 8.1 to 8.3.

use std::time::Duration;

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;
use serde_json::json;

const QUEUE: &str = "Queue q: {}\nTopic n: {subscriptions: [{queue: q}]}";

const HTTPS: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  N: {Type: AWS::SNS::Topic}
  S:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref N, Protocol: https, Endpoint: "https://example.org/hear"}
"#;

#[tokio::test(start_paused = true)]
async fn a_subscription_that_waits_for_its_endpoint_is_left_alone_and_made_again_once_where_it_went() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(HTTPS).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        trial.quiet(HTTPS).await;
    }
    let calls = trial.aws.calls();
    let by_word = |call: &evenkeel_tests::aws::Call| {
        call.input.get("SubscriptionArn").and_then(|arn| arn.as_str()).is_some_and(|arn| !arn.starts_with("arn:"))
    };
    assert!(!calls.iter().any(by_word), "nobody asks for what has no ARN");
    let subscribed = calls.iter().find(|call| call.operation == "Subscribe").unwrap();
    assert!(subscribed.input["ReturnSubscriptionArn"].to_string().contains("true"), "{}", subscribed.input);
    // Nobody confirmed: it goes after three days.
    trial.aws.with(|cloud| cloud.sns.subscriptions.clear());
    trial.converge(HTTPS).await;
    trial.quiet(HTTPS).await;
    assert_eq!(trial.count("Subscribe"), 2, "{}", trial.story());
    // Where it left the spec there is nothing to call it by.
    let (without, _) = HTTPS.split_once("  S:").unwrap();
    trial.converge(without).await;
    assert_eq!(trial.count("Unsubscribe"), 0, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_says_deleted_is_no_subscription() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(QUEUE).await;
    trial.aws.with(|cloud| {
        let (_, gone) = cloud.sns.subscriptions.pop_first().unwrap();
        cloud.sns.ghosts.push(json!({"SubscriptionArn": "Deleted", "Owner": "111122223333",
            "Protocol": gone["Protocol"], "Endpoint": gone["Endpoint"], "TopicArn": gone["TopicArn"]}));
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.converge(QUEUE).await;
    trial.quiet(QUEUE).await;
    assert_eq!(trial.count("Subscribe"), 2, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_topic_left_listed_is_no_subscription_of_the_topic_made_anew() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(QUEUE).await;
    trial.aws.with(|cloud| {
        let (arn, gone) = cloud.sns.subscriptions.pop_first().unwrap();
        cloud.sns.topics.clear();
        cloud.sns.ghosts.push(json!({"SubscriptionArn": arn, "Owner": "111122223333",
            "Protocol": gone["Protocol"], "Endpoint": gone["Endpoint"], "TopicArn": gone["TopicArn"]}));
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.converge(QUEUE).await;
    trial.aws.with(|cloud| assert_eq!((cloud.sns.topics.len(), cloud.sns.subscriptions.len()), (1, 1)));
    trial.quiet(QUEUE).await;
    assert_eq!(trial.count("Subscribe"), 2, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn another_endpoint_is_subscribed_before_the_old_one_goes() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |to: &str| format!("Queue a: {{}}\nQueue b: {{}}\nTopic n: {{subscriptions: [{{queue: {to}}}]}}");
    trial.converge(&spec("a")).await;
    trial.aws.forget();
    trial.converge(&spec("b")).await;
    assert!(trial.time("Subscribe", "") < trial.time("Unsubscribe", ""), "{}", trial.story());
    trial.quiet(&spec("b")).await;
}

#[tokio::test(start_paused = true)]
async fn topics_and_subscriptions_beyond_the_first_hundred_are_found() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(QUEUE).await;
    for n in 0..120 {
        let topic = trial.aws.ask("sns", "CreateTopic", json!({"Name": format!("a{n}")})).unwrap();
        for to in ["x", "y"] {
            let endpoint = format!("arn:aws:sqs:eu-west-1:111122223333:{to}");
            let input = json!({"TopicArn": topic["TopicArn"], "Protocol": "sqs", "Endpoint": endpoint});
            trial.aws.ask("sns", "Subscribe", input).unwrap();
        }
    }
    trial.aws.forget();
    trial.quiet(QUEUE).await;
    assert_eq!((trial.count("ListTopics"), trial.count("ListSubscriptions")), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn counters_and_the_effective_delivery_policy_of_a_topic_are_no_drift() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Topic n: {}").await;
    for _ in 0..5 {
        trial.quiet("Topic n: {}").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_another_name_is_another_topic() {
    let trial = Trial::start(Rules::default()).await;
    for (spec, name) in [("Topic n: {topicName: one}", "one"), ("Topic n: {topicName: two}", "two")] {
        trial.converge(spec).await;
        let names: Vec<String> = trial.aws.with(|cloud| cloud.sns.topics.keys().cloned().collect());
        assert_eq!(names, [name], "{}", trial.story());
    }
    assert_eq!(trial.aws.refusals(), [""; 0]);
}
