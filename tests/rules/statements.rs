//! The statements of a function's policy: section 3.

use std::time::Duration;

use evenkeel_tests::aws::{Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::{Value as Json, json};

use super::function;
use super::refused::fault;

fn called_by_a_topic() -> String {
    "Topic n: {}\n".to_owned() + &function("triggers: [{topic: n}]")
}

/// A template with a function, an alias of it that is called `live`, and these resources.
pub(super) fn template(more: &str) -> String {
    let head = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: t-f, CodeUri: ./src, Handler: app.handler, Runtime: python3.13, AutoPublishAlias: live}
"#;
    head.to_owned() + more
}

/// A permission for a rule of EventBridge.
fn permission(id: &str, function: &str, rule: &str) -> String {
    format!(
        "  {id}: {{Type: AWS::Lambda::Permission, Properties: {{FunctionName: {function}, Action: \"lambda:InvokeFunction\", Principal: events.amazonaws.com, SourceArn: \"arn:aws:events:eu-west-1:111122223333:rule/{rule}\"}}}}\n"
    )
}

/// The statements of the function itself.
fn statements(trial: &Trial) -> Vec<Json> {
    trial.aws.with(|cloud| cloud.lambda.functions["t-f"].statements.get("").cloned().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_is_not_visible_yet_is_added_once_and_one_that_still_is_removed_once() {
    let trial = Trial::start(Rules { policy: Duration::from_secs(10), ..Rules::default() }).await;
    trial.converge(&called_by_a_topic()).await;
    assert_eq!(trial.count("AddPermission"), 1, "{}", trial.story());
    tokio::time::sleep(Duration::from_secs(30)).await;
    trial.quiet(&called_by_a_topic()).await;
    let without = "Topic n: {}\n".to_owned() + super::FUNCTION;
    trial.converge(&without).await;
    assert_eq!(trial.count("RemovePermission"), 1, "{}", trial.story());
    tokio::time::sleep(Duration::from_secs(30)).await;
    trial.quiet(&without).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_reads_a_policy_before_its_statement_is_visible_ends_with_one_statement() {
    let mut trial = Trial::start(Rules { policy: Duration::from_secs(12), ..Rules::default() }).await;
    trial.converge(&called_by_a_topic()).await;
    trial.restart().await;
    trial.converge(&called_by_a_topic()).await;
    assert_eq!(statements(&trial).len(), 1, "{}", trial.story());
    trial.quiet(&called_by_a_topic()).await;
}

#[tokio::test(start_paused = true)]
async fn statements_of_a_function_and_of_its_alias_are_written_one_after_another() {
    for seed in 0..5 {
        let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
        let more: String = (0..6)
            .map(|n| permission(&format!("P{n}"), if n % 2 == 0 { "!Ref F" } else { "!Ref FAliaslive" }, "r"))
            .collect();
        trial.converge(&template(&more)).await;
        assert_eq!(trial.count("AddPermission"), 6, "none was lost and written again:\n{}", trial.story());
        trial.aws.with(|cloud| {
            let statements = &cloud.lambda.functions["t-f"].statements;
            assert_eq!((statements[""].len(), statements["live"].len()), (3, 3));
        });
        trial.quiet(&template(&more)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_somebody_wrote_anew_under_its_id_is_put_right() {
    let trial = Trial::start(Rules::default()).await;
    let spec = called_by_a_topic();
    trial.converge(&spec).await;
    let sid = statements(&trial)[0]["Sid"].clone();
    let id = json!({"FunctionName": "t-f", "StatementId": sid});
    trial.aws.ask("lambda", "RemovePermission", id.clone()).unwrap();
    let mut wide = id;
    wide["Action"] = json!("lambda:InvokeFunction");
    wide["Principal"] = json!("*");
    trial.aws.ask("lambda", "AddPermission", wide).unwrap();
    trial.aws.forget();
    trial.converge(&spec).await;
    assert_eq!(trial.count("AddPermission"), 1, "{}", trial.story());
    assert_eq!(statements(&trial)[0]["Principal"], json!({"Service": "sns.amazonaws.com"}));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_full_is_said_with_what_to_do() {
    let trial = Trial::start(Rules::kind()).await;
    let rule = "a-name-that-takes-its-place".repeat(6);
    let more: String = (0..60).map(|n| permission(&format!("P{n}"), "!Ref F", &format!("{rule}{n}"))).collect();
    let text = left(&trial.run(&template(&more)).await.plan);
    assert!(text.contains("Blocked") && text.contains("PolicyLengthExceededException"), "{text}");
    assert!(text.contains("by a wildcard in its SourceArn"), "{text}");
    let refused = trial.aws.refusals().len();
    assert_eq!(statements(&trial).len() + refused, 60, "each is asked for once:\n{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_topic_may_call_the_function_before_it_is_subscribed() {
    // What SAM makes of an event names no order.
    let of_sam = template("").replace(
        "AutoPublishAlias: live",
        "AutoPublishAlias: live, Events: {N: {Type: SNS, Properties: {Topic: !Ref N}}}",
    ) + "  N: {Type: AWS::SNS::Topic}\n";
    for spec in [called_by_a_topic(), of_sam] {
        for seed in 0..8 {
            let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
            trial.converge(&spec).await;
            assert!(trial.time("AddPermission", "") < trial.time("Subscribe", ""), "{seed}: {}", trial.story());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_not_subscribed_where_it_may_not_call_the_function() {
    let trial = Trial::start(Rules::kind()).await;
    trial.aws.trouble("AddPermission", Trouble::Always(fault("InvalidParameterValueException", 400, "never")));
    let text = left(&trial.run(&called_by_a_topic()).await.plan);
    assert!(text.contains("never") && text.contains("which is blocked"), "{text}");
    assert_eq!(trial.count("Subscribe"), 0, "what it sends would be lost:\n{}", trial.story());
    trial.aws.heal("AddPermission");
    trial.converge(&called_by_a_topic()).await;
}

/// A function that a bucket may call.
fn called_by_a_bucket(bucket: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  F: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: t-f, CodeUri: ./src, Handler: app.handler, Runtime: python3.13}}}}
  Allow: {{Type: AWS::Lambda::Permission, Properties: {{FunctionName: !Ref F, Action: "lambda:InvokeFunction", Principal: s3.amazonaws.com, SourceArn: "arn:aws:s3:::{bucket}", SourceAccount: "111122223333"}}}}
"#
    )
}

#[tokio::test(start_paused = true)]
async fn other_content_is_allowed_under_another_name_before_the_old_statement_goes() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&called_by_a_bucket("old")).await;
    trial.aws.forget();
    trial.converge(&called_by_a_bucket("new")).await;
    assert!(trial.time("AddPermission", "") < trial.time("RemovePermission", ""), "{}", trial.story());
    trial.aws.with(|cloud| {
        let statements = &cloud.lambda.functions["t-f"].statements[""];
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0]["Condition"]["ArnLike"]["AWS:SourceArn"], "arn:aws:s3:::new");
        assert_eq!(statements[0]["Condition"]["StringEquals"]["AWS:SourceAccount"], "111122223333");
    });
    trial.quiet(&called_by_a_bucket("new")).await;
}

#[tokio::test(start_paused = true)]
async fn a_statement_is_added_again_where_the_function_or_alias_is_not_known_everywhere_yet() {
    let spec = called_by_a_bucket("b");
    let missing = "Function not found: arn:aws:lambda:eu-west-1:111122223333:function:t-f";
    let busy = "The operation cannot be performed at this time. An update is in progress for resource.";
    for (code, status, said) in [("ResourceNotFoundException", 404, missing), ("ResourceConflictException", 409, busy)]
    {
        let trial = Trial::start(Rules::default()).await;
        for _ in 0..3 {
            trial.aws.trouble("AddPermission", Trouble::Refused(fault(code, status, said)));
        }
        trial.converge(&spec).await;
        trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].statements[""].len(), 1));
        trial.quiet(&spec).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_statements_name_is_one_that_lambda_takes_however_long_the_resources_is() {
    let trial = Trial::start(Rules::kind()).await;
    let long = "Allow".repeat(40);
    let spec = called_by_a_bucket("b").replace("Allow:", &format!("{long}:"));
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let sid = cloud.lambda.functions["t-f"].statements[""][0]["Sid"].as_str().unwrap().to_owned();
        assert!(sid.len() <= 100 && sid.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{sid}");
    });
    trial.quiet(&spec).await;
}
