//! Queues: section 7.

use std::time::Duration;

use evenkeel_tests::aws::Rules;
use evenkeel_tests::{Trial, left};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn flipping_attributes_are_not_written_again() {
    for seed in 0..20 {
        let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
        trial.converge("Queue q: {visibilityTimeout: 60}").await;
        trial.aws.forget();
        trial.converge("Queue q: {visibilityTimeout: 90}").await;
        // The reads of the whole minute show now the old, now the new.
        for _ in 0..30 {
            trial.converge("Queue q: {visibilityTimeout: 90}").await;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        assert_eq!(
            trial.aws.writes(),
            [("SetQueueAttributes".to_owned(), 1)].into(),
            "seed {seed}:\n{}",
            trial.story()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_attribute_that_still_differs_after_a_minute_is_written_again() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Queue q: {visibilityTimeout: 60}").await;
    trial.converge("Queue q: {visibilityTimeout: 90}").await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    let by_hand = json!({"QueueUrl": "t-q", "Attributes": {"VisibilityTimeout": "60"}});
    trial.aws.ask("sqs", "SetQueueAttributes", by_hand).unwrap();
    tokio::time::sleep(Duration::from_secs(70)).await;
    trial.converge("Queue q: {visibilityTimeout: 90}").await;
    assert_eq!(trial.times("SetQueueAttributes", "").len(), 2, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn an_edit_does_not_wait_for_the_minute_of_the_edit_before() {
    let trial = Trial::start(Rules::default()).await;
    for visibility in [60, 90, 120, 150] {
        trial.converge(&format!("Queue q: {{visibilityTimeout: {visibility}}}")).await;
    }
    let edits: Vec<String> = trial
        .aws
        .calls()
        .into_iter()
        .filter_map(|call| Some(call.input.pointer("/Attributes/VisibilityTimeout")?.as_str()?.to_owned()))
        .collect();
    assert_eq!(edits, ["60", "90", "120", "150"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_queues_name_is_waited_for_sixty_seconds() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Queue q: {}\nQueue other: {}\nQueue more: {}\nQueue last: {}").await;
    trial.converge("Queue other: {}\nQueue more: {}\nQueue last: {}").await;
    let deleted = trial.time("DeleteQueue", "");
    trial.converge("Queue q: {}\nQueue other: {}\nQueue more: {}\nQueue last: {}").await;
    let made = *trial.times("CreateQueue", "t-q").last().unwrap();
    assert!((60.0..70.0).contains(&(made - deleted)), "{}", trial.story());
    assert_eq!(trial.aws.refusals(), [""; 0], "nobody asks for the name before");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_process_deleted_a_moment_ago_is_waited_for() {
    let trial = Trial::start(Rules::default()).await;
    trial.aws.ask("sqs", "CreateQueue", json!({"QueueName": "t-q"})).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    trial.aws.ask("sqs", "DeleteQueue", json!({"QueueUrl": "t-q"})).unwrap();
    trial.converge("Queue q: {}").await;
    assert!(trial.aws.refusals().iter().all(|it| it.contains("QueueDeletedRecently")), "{}", trial.story());
    assert!(trial.count("CreateQueue") <= 6, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_was_just_made_is_not_made_again_where_it_is_not_found_yet() {
    let trial = Trial::start(Rules { queue_appears: Duration::from_secs(15), ..Rules::default() }).await;
    trial.converge("Queue q: {visibilityTimeout: 60}").await;
    assert_eq!(trial.count("CreateQueue"), 1, "{}", trial.story());
    trial.quiet("Queue q: {visibilityTimeout: 60}").await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_is_usable_before_the_queue_that_names_it() {
    let trial = Trial::start(Rules { queue_appears: Duration::from_secs(5), ..Rules::default() }).await;
    let spec = "Queue q: {deadLetter: {maxReceiveCount: 5}}";
    trial.converge(spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.sqs.queues.len(), 2));
    trial.quiet(spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_never_hears_of_fifo_and_a_fifo_queue_has_its_defaults() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {fifoQueue: false}\nQueue f: {fifoQueue: true, contentBasedDeduplication: true}";
    trial.converge(spec).await;
    assert_eq!(trial.aws.refusals(), [""; 0]);
    trial.quiet(spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_switches_the_queues_own_encryption_off_and_is_cleared_with_an_empty_text() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Queue q: {}").await;
    trial.converge("Queue q: {kmsMasterKeyId: alias/mine}").await;
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.sqs.queues["t-q"].attributes["SqsManagedSseEnabled"], "false"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.quiet("Queue q: {kmsMasterKeyId: alias/mine}").await;
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| {
        let attributes = &cloud.sqs.queues["t-q"].attributes;
        assert!(!attributes.contains_key("KmsMasterKeyId") && attributes["SqsManagedSseEnabled"] == "true");
    });
}

#[tokio::test(start_paused = true)]
async fn a_redrive_policy_is_compared_by_meaning_and_cleared_with_an_empty_text() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue dead: {}\nQueue q: {deadLetter: {queue: dead, maxReceiveCount: 5}}";
    trial.converge(spec).await;
    trial.aws.with(|cloud| {
        let attributes = &mut cloud.sqs.queues.get_mut("t-q").unwrap().attributes;
        let policy =
            json!({"maxReceiveCount": "5", "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:t-dead"});
        attributes.insert("RedrivePolicy".to_owned(), json!(policy.to_string()));
    });
    trial.quiet(spec).await;
    trial.converge("Queue dead: {}\nQueue q: {}").await;
    trial.aws.with(|cloud| assert!(!cloud.sqs.queues["t-q"].attributes.contains_key("RedrivePolicy")));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_queue_of_the_name_is_not_taken_over_by_making_it_again() {
    let trial = Trial::start(Rules::kind()).await;
    trial.aws.ask("sqs", "CreateQueue", json!({"QueueName": "t-q"})).unwrap();
    let plan = trial.run("Queue q: {}").await.plan;
    assert!(!plan.is_converged());
    assert_eq!(trial.aws.writes(), [].into());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fills_once_its_reader_has_gone_is_not_deleted() {
    let spec =
        "Queue q: {}\nFunction f: {code: ./src, handler: app.handler, runtime: python3.13, triggers: [{queue: q}]}";
    let trial = Trial::start(Rules::default()).await;
    trial.converge(spec).await;
    let aws = trial.aws.clone();
    let sender = tokio::spawn(async move {
        while !aws.calls().iter().any(|call| call.operation == "DeleteEventSourceMapping") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        aws.with(|cloud| {
            let queue = cloud.sqs.queues.get_mut("t-q").unwrap();
            queue.attributes.insert("ApproximateNumberOfMessages".to_owned(), json!("3"));
        });
    });
    let converged = trial.run("Topic n: {}").await;
    sender.await.unwrap();
    assert!(left(&converged.plan).contains("3 messages"), "{}", left(&converged.plan));
    trial.aws.with(|cloud| assert!(cloud.sqs.queues.contains_key("t-q")));
    assert_eq!(trial.count("DeleteQueue"), 0, "{}", trial.story());
    // Somebody takes them.
    trial.aws.with(|cloud| {
        let queue = cloud.sqs.queues.get_mut("t-q").unwrap();
        queue.attributes.insert("ApproximateNumberOfMessages".to_owned(), json!("0"));
    });
    trial.converge("Topic n: {}").await;
    trial.aws.with(|cloud| assert!(cloud.sqs.queues.is_empty()));
}
