//! What queues lose, and what they show late: sections 7.1, 7.2, 7.4 and 7.5.

use std::time::Duration;

use evenkeel_tests::aws::Rules;
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::function;

#[tokio::test(start_paused = true)]
async fn how_long_messages_are_kept_is_written_once_though_reads_flip_for_a_quarter_of_an_hour() {
    for seed in 0..5 {
        let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
        trial.converge("Queue q: {visibilityTimeout: 60, messageRetentionPeriod: 86400}").await;
        trial.aws.forget();
        let spec = "Queue q: {visibilityTimeout: 90, messageRetentionPeriod: 3600}";
        for _ in 0..30 {
            trial.converge(spec).await;
            tokio::time::sleep(Duration::from_secs(25)).await;
        }
        assert_eq!(trial.aws.writes(), [("SetQueueAttributes".to_owned(), 2)].into(), "{}", trial.story());
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_are_not_lost_to_a_shorter_time_unless_a_person_allows_it() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge("Queue q: {messageRetentionPeriod: 86400}").await;
    let waiting = |count: &str| {
        trial.aws.with(|cloud| {
            let attributes = &mut cloud.sqs.queues.get_mut("t-q").unwrap().attributes;
            attributes.insert("ApproximateNumberOfMessages".to_owned(), json!(count));
        });
    };
    waiting("3");
    trial.aws.forget();
    let plan = trial.careful("Queue q: {messageRetentionPeriod: 3600}").await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("about 3 messages") && text.contains("--allow-delete"), "{text}");
    assert_eq!(trial.aws.writes(), [].into());
    // Longer is no loss, and neither is what else changes.
    let plan = trial.careful("Queue q: {messageRetentionPeriod: 90000, visibilityTimeout: 60}").await.plan;
    assert!(plan.is_converged(), "{}", left(&plan));
    trial.converge("Queue q: {messageRetentionPeriod: 3600}").await;
    // An empty queue has nothing to lose.
    waiting("0");
    let plan = trial.careful("Queue q: {messageRetentionPeriod: 600}").await.plan;
    assert!(plan.is_converged(), "{}", left(&plan));
}

#[tokio::test(start_paused = true)]
async fn a_largest_message_of_before_2025_is_no_drift_where_the_spec_is_silent() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge("Queue q: {}").await;
    let largest = |created: &str, bytes: &str| {
        trial.aws.with(|cloud| {
            let attributes = &mut cloud.sqs.queues.get_mut("t-q").unwrap().attributes;
            attributes.insert("CreatedTimestamp".to_owned(), json!(created));
            attributes.insert("MaximumMessageSize".to_owned(), json!(bytes));
        });
    };
    let [before, after] = ["1735689600", "1767225600"];
    largest(before, "262144");
    trial.quiet("Queue q: {}").await;
    for (created, bytes) in [(before, "2048"), (after, "262144")] {
        largest(created, bytes);
        trial.converge("Queue q: {}").await;
        trial.aws.with(|cloud| assert_eq!(cloud.sqs.queues["t-q"].attributes["MaximumMessageSize"], "1048576"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_queue_without_encryption_gets_sqs_own_once() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| {
        let attributes = &mut cloud.sqs.queues.get_mut("t-q").unwrap().attributes;
        attributes.insert("SqsManagedSseEnabled".to_owned(), json!("false"));
    });
    trial.converge("Queue q: {}").await;
    assert_eq!(trial.count("SetQueueAttributes"), 1, "{}", trial.story());
    trial.quiet("Queue q: {}").await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_beyond_the_first_thousand_is_found() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge("Queue q: {}").await;
    for n in 0..1005 {
        trial.aws.ask("sqs", "CreateQueue", json!({"QueueName": format!("a{n}")})).unwrap();
    }
    trial.aws.forget();
    trial.quiet("Queue q: {}").await;
    let pages = trial.aws.calls().into_iter().filter(|call| call.operation == "ListQueues").count();
    assert_eq!(pages, 2, "each page names its size, else there is no second one");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_queue_that_is_still_found_for_a_while_is_deleted_once() {
    let trial = Trial::start(Rules { queue_lingers: Duration::from_secs(45), ..Rules::default() }).await;
    let rest = "Queue other: {}\nQueue more: {}\nQueue last: {}";
    trial.converge(&format!("Queue q: {{}}\n{rest}")).await;
    trial.converge(rest).await;
    assert_eq!(trial.count("DeleteQueue"), 1, "{}", trial.story());
    trial.quiet(rest).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_goes_before_its_queues() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue dead: {}\nQueue q: {visibilityTimeout: 60, deadLetter: {queue: dead, maxReceiveCount: 5}}\n"
        .to_owned()
        + &function("triggers: [{queue: q}]");
    trial.converge(&spec).await;
    trial.converge("Topic left: {}").await;
    let mapping = trial.time("DeleteEventSourceMapping", "");
    let queues = trial.times("DeleteQueue", "");
    assert!(queues.len() == 2 && queues.iter().all(|at| *at > mapping), "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_another_name_is_another_queue() {
    let trial = Trial::start(Rules::default()).await;
    for (spec, name) in [("Queue q: {queueName: one}", "one"), ("Queue q: {queueName: two}", "two")] {
        trial.converge(spec).await;
        let names: Vec<String> = trial.aws.with(|cloud| cloud.sqs.queues.keys().cloned().collect());
        assert_eq!(names, [name], "{}", trial.story());
    }
    assert_eq!(trial.aws.refusals(), [""; 0]);
}
