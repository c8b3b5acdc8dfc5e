//! Permissions, settings for asynchronous calls, mappings: sections 3 to 5.

use std::time::Duration;

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;
use serde_json::json;

use super::function;

#[tokio::test(start_paused = true)]
async fn statements_of_one_function_are_written_one_after_another() {
    let trial = Trial::start(Rules::default()).await;
    let topics: String = (0..6).map(|n| format!("Topic n{n}: {{}}\n")).collect();
    let triggers: Vec<String> = (0..6).map(|n| format!("{{topic: n{n}}}")).collect();
    let spec = topics + &function(&format!("triggers: [{}]", triggers.join(", ")));
    trial.converge(&spec).await;
    assert_eq!(trial.times("AddPermission", "").len(), 6, "none was lost and written again:\n{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].statements[""].len(), 6));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_not_found_is_no_proof_that_the_function_is_gone() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Topic n: {}\n".to_owned() + &function("triggers: [{topic: n}]");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| cloud.lambda.functions.get_mut("t-f").unwrap().statements.clear());
    trial.aws.forget();
    trial.converge(&spec).await;
    assert_eq!(trial.aws.writes(), [("AddPermission".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn what_others_allow_on_our_function_stays() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = "Topic n: {}\n".to_owned() + &function("triggers: [{topic: n}]");
    trial.converge(&spec).await;
    let theirs = json!({"FunctionName": "t-f", "StatementId": "theirs", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    trial.aws.ask("lambda", "AddPermission", theirs).unwrap();
    trial.quiet(&spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].statements[""].len(), 2));
}

#[tokio::test(start_paused = true)]
async fn empty_destinations_and_the_latest_qualifier_are_no_drift_of_an_invoke_config() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "AWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {FunctionName: t-f, CodeUri: ./src, Handler: app.handler, Runtime: python3.13, EventInvokeConfig: {MaximumRetryAttempts: 0}, FunctionUrlConfig: {AuthType: AWS_IAM}}}\n";
    trial.converge(spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].invoke.len(), 1));
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].urls.len(), 1));
    trial.quiet(spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_is_not_touched_while_it_changes() {
    let trial = Trial::start(Rules { mapping: Duration::from_secs(50), ..Rules::default() }).await;
    let spec = |size: u32| {
        "Queue q: {visibilityTimeout: 60}\n".to_owned()
            + &function(&format!("triggers: [{{queue: q, batchSize: {size}}}]"))
    };
    trial.converge(&spec(10)).await;
    trial.converge(&spec(5)).await;
    trial.converge(&spec(3)).await;
    assert_eq!(trial.count("UpdateEventSourceMapping"), 2, "{}", trial.story());
    assert!(!trial.aws.refusals().iter().any(|it| it.contains("InUse")));
    trial.quiet(&spec(3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_still_changing_is_waited_for_at_its_deletion() {
    let trial = Trial::start(Rules { mapping: Duration::from_secs(50), ..Rules::default() }).await;
    let spec = "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function("triggers: [{queue: q}]");
    trial.converge(&spec).await;
    let uuid = trial.aws.with(|cloud| cloud.lambda.mappings.keys().next().unwrap().clone());
    trial.aws.ask("lambda", "UpdateEventSourceMapping", json!({"UUID": uuid, "BatchSize": 2})).unwrap();
    trial.converge(&("Queue q: {visibilityTimeout: 60}\n".to_owned() + super::FUNCTION)).await;
    trial.aws.with(|cloud| assert!(cloud.lambda.mappings.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_not_read_the_queue_yet_is_waited_for() {
    let trial = Trial::start(Rules { role: Duration::from_secs(25), ..Rules::default() }).await;
    let spec = "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function("triggers: [{queue: q}]");
    trial.converge(&spec).await;
    assert_eq!(trial.times("CreateEventSourceMapping", "").len(), 1);
    trial.quiet(&spec).await;
}

/// A queue with its function, which may know the queue's URL.
fn queue_and_function(visibility: u32, more: &str) -> String {
    format!("Queue q: {{visibilityTimeout: {visibility}}}\n") + &function(&format!("triggers: [{{queue: q}}], {more}"))
}

#[tokio::test(start_paused = true)]
async fn visibility_is_raised_before_the_functions_timeout_and_lowered_after_it() {
    for seed in 0..10 {
        for more in ["", ", environment: {QUEUE: !Ref q}"] {
            let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
            let spec =
                |visibility: u32, timeout: u32| queue_and_function(visibility, &format!("timeout: {timeout}{more}"));
            trial.converge(&spec(60, 10)).await;
            trial.aws.forget();
            trial.converge(&spec(300, 200)).await;
            let (queue, function) =
                (trial.time("SetQueueAttributes", ""), trial.time("UpdateFunctionConfiguration", ""));
            assert!(queue < function, "seed {seed}:\n{}", trial.story());
            tokio::time::sleep(Duration::from_secs(120)).await;
            trial.aws.forget();
            trial.converge(&spec(30, 5)).await;
            let (queue, function) =
                (trial.time("SetQueueAttributes", ""), trial.time("UpdateFunctionConfiguration", ""));
            assert!(function < queue, "seed {seed}:\n{}", trial.story());

            trial.quiet(&spec(30, 5)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn visibility_is_lowered_after_the_timeout_also_where_new_code_comes_first() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |visibility: u32, timeout: u32, handler: &str| {
        queue_and_function(visibility, &format!("timeout: {timeout}")).replace("app.handler", handler)
    };
    trial.converge(&spec(300, 200, "app.handler")).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    trial.aws.forget();
    trial.file("src/app.py", "def other(event, context):\n    return event\n");
    trial.converge(&spec(30, 5, "app.other")).await;
    let code = trial.time("UpdateFunctionCode", "");
    let (function, queue) = (trial.time("UpdateFunctionConfiguration", ""), trial.time("SetQueueAttributes", ""));
    assert!(code < function && function < queue, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_beyond_the_visibility_waits_until_the_mapping_that_leaves_has_gone() {
    for after in [
        "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function("timeout: 200"),
        // Another queue takes its place.
        "Queue q: {visibilityTimeout: 60}\nQueue p: {visibilityTimeout: 300}\n".to_owned()
            + &function("timeout: 200, triggers: [{queue: p}]"),
    ] {
        let trial = Trial::start(Rules::default()).await;
        trial.converge(&queue_and_function(60, "timeout: 10")).await;
        trial.aws.forget();
        trial.converge(&after).await;
        assert!(!trial.story().contains("UpdateFunctionConfiguration t-f  "), "refused:\n{}", trial.story());
        assert!(trial.time("DeleteEventSourceMapping", "") < trial.time("UpdateFunctionConfiguration", ""));
        trial.quiet(&after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_waits_until_lambda_sees_the_queues_visibility() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&("Queue q: {visibilityTimeout: 30}\n".to_owned() + &function("timeout: 100"))).await;
    let spec = "Queue q: {visibilityTimeout: 200}\n".to_owned() + &function("timeout: 100, triggers: [{queue: q}]");
    trial.converge(&spec).await;
    assert_eq!(trial.times("SetQueueAttributes", "").len(), 1, "{}", trial.story());
    assert_eq!(trial.times("CreateEventSourceMapping", "").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_a_mapping_is_cleared_with_an_empty_structure() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |more: &str| {
        "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function(&format!("triggers: [{{queue: q{more}}}]"))
    };
    trial.converge(&spec(", scalingConfig: {maximumConcurrency: 5}, filterCriteria: {filters: [{pattern: '{\"body\":{\"a\":[1]}}'}]}")).await;
    trial.aws.with(|cloud| {
        assert!(
            cloud
                .lambda
                .mappings
                .values()
                .all(|it| it.entry.contains_key("ScalingConfig") && it.entry.contains_key("FilterCriteria"))
        )
    });
    trial.converge(&spec("")).await;
    trial.aws.with(|cloud| {
        assert!(
            cloud
                .lambda
                .mappings
                .values()
                .all(|it| !it.entry.contains_key("ScalingConfig") && !it.entry.contains_key("FilterCriteria"))
        )
    });
    trial.quiet(&spec("")).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_outlived_its_function_is_found_and_not_made_again() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function("triggers: [{queue: q}]");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| cloud.lambda.functions.clear());
    trial.converge(&spec).await;
    assert_eq!(
        trial.count("CreateEventSourceMapping")
            - trial.aws.refusals().iter().filter(|it| it.starts_with("CreateEventSource")).count(),
        1
    );
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.mappings.len(), 1));
}
