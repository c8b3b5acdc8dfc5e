//! Event source mappings: section 5.

#![expect(clippy::unwrap_used, reason = "a failed test says why and stops")]

use std::time::Duration;

use evenkeel_tests::aws::{Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::{Value as Json, json};

use super::function;
use super::refused::{Patience, fault, for_a_while, for_good};
use super::statements::template;

const INVALID: &str = "InvalidParameterValueException";

fn fed(more: &str) -> String {
    "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function(&format!("triggers: [{{queue: q{more}}}]"))
}

/// A function that a stream feeds: these properties besides.
fn streamed(more: &str) -> String {
    template("").replace(
        "AutoPublishAlias: live",
        &format!("Events: {{E: {{Type: Kinesis, Properties: {{Stream: \"arn:aws:kinesis:eu-west-1:111122223333:stream/s\"{more}}}}}}}"),
    )
}

/// The one mapping as it is told.
fn told(trial: &Trial) -> Json {
    let all = trial.aws.ask("lambda", "ListEventSourceMappings", json!({})).unwrap();
    let all = all["EventSourceMappings"].as_array().cloned().unwrap_or_default();
    assert_eq!(all.len(), 1, "{all:?}\n{}", trial.story());
    all[0].clone()
}

#[tokio::test(start_paused = true)]
async fn what_a_streams_mapping_is_given_by_default_is_no_drift_and_comes_back_where_the_spec_is_silent() {
    let trial = Trial::start(Rules::default()).await;
    let bare = streamed(", StartingPosition: LATEST");
    trial.converge(&bare).await;
    trial.quiet(&bare).await;
    let before = told(&trial);
    let more = ", BatchSize: 7, MaximumBatchingWindowInSeconds: 3, BisectBatchOnFunctionError: true, MaximumRecordAgeInSeconds: 60, MaximumRetryAttempts: 4, ParallelizationFactor: 2, TumblingWindowInSeconds: 5, FunctionResponseTypes: [ReportBatchItemFailures], FilterCriteria: {Filters: [{Pattern: '{\"a\":[1]}'}]}, DestinationConfig: {OnFailure: {Destination: \"arn:aws:sns:eu-west-1:111122223333:n\"}}";
    let full = streamed(&format!(", StartingPosition: LATEST{more}"));
    trial.converge(&full).await;
    trial.quiet(&full).await;
    assert_eq!(told(&trial)["MaximumRetryAttempts"], 4);
    trial.converge(&bare).await;
    let mut after = told(&trial);
    after["LastModified"] = before["LastModified"].clone();
    assert_eq!(after, before, "{}", trial.story());
    trial.quiet(&bare).await;
}

#[tokio::test(start_paused = true)]
async fn a_streams_mapping_that_starts_elsewhere_goes_before_its_successor_is_made() {
    let trial = Trial::start(Rules::default()).await;
    let from =
        |second: u32| streamed(&format!(", StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: {second}"));
    trial.converge(&streamed(", StartingPosition: LATEST")).await;
    for spec in [streamed(", StartingPosition: TRIM_HORIZON"), from(1_700_000_000), from(1_700_000_600)] {
        trial.aws.forget();
        trial.converge(&spec).await;
        let (gone, made) = (trial.time("DeleteEventSourceMapping", ""), trial.time("CreateEventSourceMapping", ""));
        assert!(made - gone >= 20.0, "the old one had not gone:\n{}", trial.story());
        assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
        trial.quiet(&spec).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_of_somebody_elses_for_the_same_pair_is_named_and_left_alone() {
    let mut trial = Trial::start(Rules::kind()).await;
    trial.converge(&fed("")).await;
    trial.aws.with(|cloud| cloud.lambda.mappings.values_mut().for_each(|mapping| mapping.tags.clear()));
    trial.restart().await;
    let theirs = told(&trial);
    trial.aws.forget();
    let text = left(&trial.run(&fed("")).await.plan);
    let uuid = theirs["UUID"].as_str().unwrap();
    assert!(text.contains("Blocked") && text.contains(uuid) && text.contains("evenkeel adopt"), "{text}");
    assert_eq!(trial.count("CreateEventSourceMapping"), 0, "{}", trial.story());
    assert_eq!(told(&trial), theirs);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_somebody_made_meanwhile_is_looked_for_and_the_refusal_tells_its_uuid() {
    let said = "An event source mapping with SQS arn (\" arn:aws:sqs:eu-west-1:111122223333:t-q \") and function (\" t-f \") already exists. Please update or delete the existing mapping with UUID 1234";
    let trial = Trial::start(Rules::kind()).await;
    trial.aws.trouble("CreateEventSourceMapping", Trouble::Always(fault("ResourceConflictException", 409, said)));
    let text = left(&trial.run(&fed("")).await.plan);
    assert!(text.contains("Blocked") && text.contains("UUID 1234"), "{text}");
    assert!((2..10).contains(&trial.count("CreateEventSourceMapping")), "{}", trial.story());
    trial.aws.heal("CreateEventSourceMapping");
    trial.converge(&fed("")).await;
}

#[tokio::test(start_paused = true)]
async fn two_mappings_of_one_spec_for_the_same_pair_are_told_and_one_stands() {
    let trial = Trial::start(Rules::default()).await;
    let mapping = |id: &str| {
        format!(
            "  {id}: {{Type: AWS::Lambda::EventSourceMapping, Properties: {{FunctionName: !Ref F, EventSourceArn: !GetAtt A.Arn}}}}\n"
        )
    };
    let spec = template(&("  A: {Type: AWS::SQS::Queue}\n".to_owned() + &mapping("M") + &mapping("N")))
        .replace("AutoPublishAlias: live", "Policies: [SQSPollerPolicy: {QueueName: !GetAtt A.QueueName}]");
    let text = left(&trial.run(&spec).await.plan);
    assert!(text.contains("Blocked") && text.contains("already belongs to"), "{text}\n{}", trial.story());
    let uuid = told(&trial)["UUID"].clone();
    trial.run(&spec).await;
    assert_eq!(told(&trial)["UUID"], uuid);
    assert_eq!(trial.times("CreateEventSourceMapping", "").len(), 1, "{}", trial.story());
}

/// What AWS says of a mapping that is between two states.
const IN_USE: &str = "Cannot update the event source mapping because it is in use: it is in the Updating state.";

#[tokio::test(start_paused = true)]
async fn a_mapping_between_two_states_is_waited_for_ten_minutes_before_it_goes() {
    let busy = || fault("ResourceInUseException", 400, IN_USE);
    let without = "Queue q: {visibilityTimeout: 60}\n".to_owned() + super::FUNCTION;
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&fed("")).await;
    trial.aws.trouble("DeleteEventSourceMapping", Trouble::Always(busy()));
    let text = left(&trial.run(&without).await.plan);
    assert!(text.contains("Blocked") && text.contains("in use") && text.contains("waited 600 s"), "{text}");
    trial.aws.heal("DeleteEventSourceMapping");
    trial.converge(&without).await;
    trial.aws.with(|cloud| assert!(cloud.lambda.mappings.is_empty()));

    let trial = Trial::start(Rules::default()).await;
    trial.converge(&fed("")).await;
    for operation in ["UpdateEventSourceMapping", "DeleteEventSourceMapping"] {
        trial.aws.trouble(operation, Trouble::Refused(busy()));
        trial.aws.trouble(operation, Trouble::Refused(busy()));
    }
    trial.converge(&fed(", batchSize: 3")).await;
    trial.converge(&without).await;
    trial.aws.with(|cloud| assert!(cloud.lambda.mappings.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_somebody_is_deleting_is_waited_for_and_made_again() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&fed("")).await;
    let uuid = told(&trial)["UUID"].clone();
    trial.aws.ask("lambda", "DeleteEventSourceMapping", json!({"UUID": uuid})).unwrap();
    trial.aws.forget();
    trial.converge(&fed("")).await;
    assert_eq!(trial.aws.writes(), [("CreateEventSourceMapping".to_owned(), 1)].into(), "{}", trial.story());
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    assert_ne!(told(&trial)["UUID"], uuid);
    trial.quiet(&fed("")).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_may_be_made_disabled_and_is_enabled_where_the_spec_says_so_again() {
    let trial = Trial::start(Rules::default()).await;
    for (more, state) in [(", enabled: false", "Disabled"), ("", "Enabled"), (", enabled: false", "Disabled")] {
        trial.converge(&fed(more)).await;
        assert_eq!(told(&trial)["State"], state);
        trial.quiet(&fed(more)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_ten_messages_at_a_time_come_and_go_with_their_window() {
    let trial = Trial::start(Rules::default()).await;
    for more in ["", ", batchSize: 100, maximumBatchingWindowInSeconds: 5", ""] {
        trial.converge(&fed(more)).await;
        trial.quiet(&fed(more)).await;
    }
    assert_eq!(trial.aws.refusals().iter().filter(|it| it.contains("Update")).count(), 0, "{}", trial.story());
    assert_eq!((&told(&trial)["BatchSize"], &told(&trial)["MaximumBatchingWindowInSeconds"]), (&json!(10), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_was_deleted_by_hand_is_made_anew_and_its_mapping_stays() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&fed("")).await;
    let uuid = told(&trial)["UUID"].clone();
    trial
        .aws
        .ask("sqs", "DeleteQueue", json!({"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/t-q"}))
        .unwrap();
    trial.converge(&fed("")).await;
    assert_eq!(told(&trial)["UUID"], uuid);
    assert_eq!(trial.times("CreateEventSourceMapping", "").len(), 1, "{}", trial.story());
    trial.quiet(&fed("")).await;
}

/// What passes by itself, and words of what to do where it does not.
const FOR_A_WHILE: [(&str, &str); 4] = [
    ("The role defined for the function cannot be assumed by Lambda.", "trust policy"),
    ("The provided execution role does not have permissions to call ReceiveMessage on SQS", "sqs:ReceiveMessage"),
    (
        "Cannot access stream arn:s. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.",
        "ensure the role can perform",
    ),
    ("Queue visibility timeout: 60 seconds is less than Function timeout: 180 seconds", "six times"),
];

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_of_a_mapping_is_waited_for_two_minutes_and_then_said_with_what_to_do() {
    for (said, words) in FOR_A_WHILE {
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble("CreateEventSourceMapping", Trouble::Always(fault(INVALID, 400, said)));
        let text = left(&trial.run(&fed("")).await.plan);
        assert!(text.contains("Blocked") && text.contains(said) && text.contains("waited"), "{text}");
        assert!(text.contains(words), "what to do: {text}");
        let tries = trial.count("CreateEventSourceMapping");
        assert!((10..40).contains(&tries), "{said}: {tries}");

        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble("CreateEventSourceMapping", Trouble::Always(fault(INVALID, 400, said)));
        let passes = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            trial.aws.heal("CreateEventSourceMapping");
        };
        let spec = fed("");
        let (ended, ()) = tokio::join!(trial.run(&spec), passes);
        assert!(ended.plan.is_converged(), "{said}: {}", left(&ended.plan));
    }
}

/// A queue that feeds the alias of a function.
fn feeding_an_alias(visibility: u32, timeout: u32) -> String {
    format!("Queue q: {{visibilityTimeout: {visibility}}}\n")
        + &function(&format!("timeout: {timeout}, triggers: [{{queue: q}}], rollout: {{strategy: AllAtOnce}}"))
}

#[tokio::test(start_paused = true)]
async fn visibility_is_lowered_after_the_alias_that_a_queue_feeds_has_left_the_slower_version() {
    for seed in 0..5 {
        let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
        trial.converge(&feeding_an_alias(300, 200)).await;
        assert!(told(&trial)["FunctionArn"].as_str().unwrap().ends_with(":live"), "{}", told(&trial));
        tokio::time::sleep(Duration::from_secs(120)).await;
        trial.aws.forget();
        trial.converge(&feeding_an_alias(30, 5)).await;
        let (alias, queue) = (trial.time("UpdateAlias", ""), trial.time("SetQueueAttributes", ""));
        assert!(alias < queue, "seed {seed}:\n{}", trial.story());
        trial.quiet(&feeding_an_alias(30, 5)).await;
        // Raised, the queue goes first.
        tokio::time::sleep(Duration::from_secs(120)).await;
        trial.aws.forget();
        trial.converge(&feeding_an_alias(300, 200)).await;
        let (queue, function) = (trial.time("SetQueueAttributes", ""), trial.time("UpdateFunctionConfiguration", ""));
        assert!(queue < function, "seed {seed}:\n{}", trial.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_of_a_function_that_is_nobodys_goes_where_it_left_the_spec() {
    for (restarts, many) in [(false, false), (true, false), (false, true)] {
        let mut trial = Trial::start(Rules { quotas: false, ..Rules::kind() }).await;
        let queue = "  A: {Type: AWS::SQS::Queue}\n";
        let spec = |more: &str| {
            template(&(queue.to_owned() + more))
                .replace("AutoPublishAlias: live", "Policies: [SQSPollerPolicy: {QueueName: !GetAtt A.QueueName}]")
        };
        trial.converge(&spec("")).await;
        trial.aws.with(|cloud| {
            let mut theirs = cloud.lambda.functions["t-f"].clone();
            theirs.tags.clear();
            for (name, value) in
                [("FunctionName", "theirs"), ("FunctionArn", "arn:aws:lambda:eu-west-1:111122223333:function:theirs")]
            {
                theirs.configuration.insert(name.to_owned(), json!(value));
            }
            cloud.lambda.functions.insert("theirs".to_owned(), theirs);
        });
        for n in 0..if many { 40 } else { 2 } {
            let source = format!("arn:aws:sqs:eu-west-1:111122223333:other{n}");
            trial
                .aws
                .ask("lambda", "CreateEventSourceMapping", json!({"FunctionName": "theirs", "EventSourceArn": source}))
                .unwrap();
        }
        let count = || trial.aws.with(|cloud| cloud.lambda.mappings.len());
        let before = count();
        let mapped = spec(
            "  M: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: theirs, EventSourceArn: !GetAtt A.Arn}}\n",
        );
        trial.converge(&mapped).await;
        trial.quiet(&mapped).await;
        assert_eq!(count(), before + 1);
        if restarts {
            trial.restart().await;
        }
        trial.converge(&spec("")).await;
        let left = trial.aws.with(|cloud| cloud.lambda.mappings.len());
        assert_eq!(left, before, "restarts {restarts}, many {many}\n{}", trial.story());
        assert_eq!(trial.count("DeleteEventSourceMapping"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_cannot_be_changed_holds_back_only_the_visibility_of_its_queue() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |visibility: u32, timeout: u32, delay: u32| {
        format!("Queue q: {{visibilityTimeout: {visibility}, delaySeconds: {delay}}}\n")
            + &function(&format!("timeout: {timeout}, triggers: [{{queue: q}}]"))
    };
    trial.converge(&spec(300, 200, 0)).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let refused =
        fault("AccessDeniedException", 403, "User: x is not authorized to perform: lambda:UpdateFunctionConfiguration");
    trial.aws.trouble("UpdateFunctionConfiguration", Trouble::Always(refused));
    let text = left(&trial.run(&spec(30, 5, 7)).await.plan);
    assert!(text.contains("not authorized") && text.contains("needs `f`"), "{text}");
    let attributes = || trial.aws.with(|cloud| cloud.sqs.queues["t-q"].attributes.clone());
    assert_eq!(
        (&attributes()["DelaySeconds"], &attributes()["VisibilityTimeout"]),
        (&json!("7"), &json!("300")),
        "{}",
        trial.story()
    );
    trial.aws.heal("UpdateFunctionConfiguration");
    trial.converge(&spec(30, 5, 7)).await;
    assert_eq!(attributes()["VisibilityTimeout"], "30");
    tokio::time::sleep(Duration::from_secs(120)).await;
    trial.quiet(&spec(30, 5, 7)).await;
}

/// A queue, and a function that is named so in its mapping.
fn mapped(function: &str, more: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]}}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]
  F:
    Type: AWS::Lambda::Function
    Properties: {{FunctionName: f, Role: !GetAtt R.Arn, Runtime: python3.13, Handler: index.handler, Code: {{ZipFile: "def handler(e, c): pass"}}}}
  V: {{Type: AWS::Lambda::Version, Properties: {{FunctionName: !Ref F}}}}
  A: {{Type: AWS::Lambda::Alias, Properties: {{FunctionName: !Ref F, FunctionVersion: !GetAtt V.Version, Name: live}}}}
  Q: {{Type: AWS::SQS::Queue, Properties: {{VisibilityTimeout: 60}}}}
  M: {{Type: AWS::Lambda::EventSourceMapping, DependsOn: A, Properties: {{EventSourceArn: !GetAtt Q.Arn, FunctionName: {function}{more}}}}}
"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_mapping_reads_back_with_the_functions_whole_arn_however_it_was_named() {
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:f";
    for (named, whole) in [
        ("f", arn.to_owned()),
        ("!Ref F", arn.to_owned()),
        ("!GetAtt F.Arn", arn.to_owned()),
        ("\"111122223333:function:f\"", arn.to_owned()),
        ("!Ref A", format!("{arn}:live")),
        ("\"f:live\"", format!("{arn}:live")),
        ("!Ref V", format!("{arn}:1")),
    ] {
        let trial = Trial::start(Rules::default()).await;
        let spec = mapped(named, "");
        trial.converge(&spec).await;
        trial.aws.with(|cloud| {
            let functions: Vec<_> = cloud.lambda.mappings.values().map(|mapping| mapping.function.clone()).collect();
            assert_eq!(functions, [whole], "{named}");
        });
        trial.quiet(&spec).await;
        assert_eq!(trial.count("CreateEventSourceMapping"), 1, "{named}:\n{}", trial.story());
    }
}

#[tokio::test(start_paused = true)]
async fn another_function_or_alias_is_a_change_of_the_mapping_and_no_other_mapping() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&mapped("!Ref F", "")).await;
    trial.aws.forget();
    let spec = mapped("!Ref A", "");
    trial.converge(&spec).await;
    assert_eq!(trial.aws.writes(), [("UpdateEventSourceMapping".to_owned(), 1)].into(), "{}", trial.story());
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_role_may_not_do_yet_is_waited_for_and_then_told() {
    let patience = Patience { seconds: 150.0, calls: 60 };
    for said in [
        "The role defined for the function cannot be assumed by Lambda.",
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        "Cannot access stream x. Please ensure the role can perform the GetRecords action on your stream in IAM.",
    ] {
        for_a_while(&mapped("f", ""), "CreateEventSourceMapping", fault(INVALID, 400, said), patience, said).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_mapping_can_never_be_is_refused_at_once() {
    for said in [
        "Function does not exist",
        "Invalid filter pattern definition.",
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        "Batch size must be less than or equal to 10 for FIFO queues",
    ] {
        for_good(&mapped("f", ""), "CreateEventSourceMapping", fault(INVALID, 400, said), said).await;
    }
}
