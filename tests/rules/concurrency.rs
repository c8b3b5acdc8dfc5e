//! Reserved and provisioned concurrency: sections 1.1, 2.1, 4 and 17.

use std::time::Duration;

use evenkeel_tests::aws::Rules;
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::{FUNCTION, function};

#[tokio::test(start_paused = true)]
async fn a_reservation_that_the_account_cannot_spare_is_refused_with_the_minimum_that_must_stay() {
    // A new account.
    let trial = Trial::start(Rules { concurrency: (10, 10), ..Rules::default() }).await;
    let plan = trial.run(&function("reservedConcurrentExecutions: 1")).await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("below its minimum value of [10]"), "{text}");
    assert!(text.contains("ask AWS for a higher limit"), "{text}");
    assert_eq!(trial.count("PutFunctionConcurrency"), 1, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn the_reservation_of_one_function_is_lowered_before_that_of_another_is_raised() {
    let spec = |a: u32, b: u32| {
        let one = |name: &str, count: u32| {
            function(&format!("reservedConcurrentExecutions: {count}"))
                .replace("Function f", &format!("Function {name}"))
                + "\n"
        };
        one("a", a) + &one("b", b)
    };
    for seed in 0..10 {
        for (before, after, down, up) in [((700, 200), (200, 700), "t-a", "t-b"), ((100, 800), (800, 50), "t-b", "t-a")]
        {
            let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
            trial.converge(&spec(before.0, before.1)).await;
            trial.aws.forget();
            trial.converge(&spec(after.0, after.1)).await;
            assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
            assert!(trial.time("PutFunctionConcurrency", down) < trial.time("PutFunctionConcurrency", up));
            trial.quiet(&spec(after.0, after.1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_is_given_up_makes_room_before_another_takes_it() {
    let trial = Trial::start(Rules::default()).await;
    let b = |more: &str| function(&format!("timeout: 5{more}")).replace("Function f", "Function b") + "\n";
    trial.converge(&(function("reservedConcurrentExecutions: 900") + "\n" + &b(""))).await;
    trial.aws.forget();
    let after = FUNCTION.to_owned() + "\n" + &b(", reservedConcurrentExecutions: 900");
    trial.converge(&after).await;
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    assert!(trial.time("DeleteFunctionConcurrency", "") < trial.time("PutFunctionConcurrency", ""));
    trial.quiet(&after).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_cannot_give_back_holds_up_nobody() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |a: u32, b: u32| {
        function(&format!("reservedConcurrentExecutions: {a}")).replace("Function f", "Function a")
            + "\n"
            + &function(&format!("reservedConcurrentExecutions: {b}")).replace("Function f", "Function b")
    };
    trial.converge(&spec(50, 50)).await;
    // Somebody else has taken the one.
    trial.aws.with(|cloud| {
        let tags = &mut cloud.lambda.functions.get_mut("t-a").unwrap().tags;
        tags.insert("evenkeel:app".to_owned(), json!("another"));
    });
    trial.run(&spec(10, 60)).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-b"].reserved, Some(60)));
}

#[tokio::test(start_paused = true)]
async fn nothing_reserved_and_all_calls_stopped_are_two_different_things() {
    let trial = Trial::start(Rules::default()).await;
    let stopped = function("reservedConcurrentExecutions: 0");
    trial.converge(&stopped).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].reserved, Some(0)));
    trial.quiet(&stopped).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].reserved, None));
    trial.quiet(FUNCTION).await;
    assert_eq!(trial.count("UpdateFunctionConfiguration"), 0, "it is a call of its own");
}

/// A function with a version and an alias: what is provisioned on each, and more of the function and the alias.
fn provisioned(version: u32, alias: u32, of_function: &str, of_alias: &str) -> String {
    let config = |count: u32| match count {
        0 => String::new(),
        count => format!(", ProvisionedConcurrencyConfig: {{ProvisionedConcurrentExecutions: {count}}}"),
    };
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]}}
  F:
    Type: AWS::Lambda::Function
    Properties: {{FunctionName: f, Role: !GetAtt R.Arn, Runtime: python3.13, Handler: index.handler, Code: {{ZipFile: "def handler(e, c): pass"}}{of_function}}}
  V:
    Type: AWS::Lambda::Version
    Properties: {{FunctionName: !Ref F{}}}
  A:
    Type: AWS::Lambda::Alias
    Properties: {{FunctionName: !Ref F, Name: live, FunctionVersion: !GetAtt V.Version{}{of_alias}}}
"#,
        config(version),
        config(alias)
    )
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_that_is_being_allocated_is_waited_for() {
    let trial = Trial::start(Rules::default()).await;
    let spec = provisioned(0, 2, "", "");
    trial.converge(&spec).await;
    let now = trial.aws.with(|cloud| cloud.now.as_secs_f64());
    assert!(now - trial.time("PutProvisionedConcurrencyConfig", "") >= 60.0, "{}", trial.story());
    trial.quiet(&spec).await;
    trial.converge(&provisioned(0, 3, "", "")).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["f"].provisioned["live"].0, 3));
    trial.converge(&provisioned(0, 0, "", "")).await;
    trial.aws.with(|cloud| assert!(cloud.lambda.functions["f"].provisioned.is_empty()));
    trial.quiet(&provisioned(0, 0, "", "")).await;
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_that_failed_is_told_with_its_reason_and_not_asked_for_again() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&provisioned(0, 0, "", "")).await;
    let fails = |reason: Option<&str>| {
        trial.aws.with(|cloud| {
            cloud.lambda.functions.get_mut("f").unwrap().provision_fails = reason.map(str::to_owned);
        });
    };
    fails(Some("FUNCTION_ERROR_INIT_FAILURE"));
    let plan = trial.run(&provisioned(0, 2, "", "")).await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("FUNCTION_ERROR_INIT_FAILURE"), "{text}");
    assert_eq!(trial.count("PutProvisionedConcurrencyConfig"), 1, "{}", trial.story());
    fails(None);
    trial.converge(&provisioned(0, 3, "", "")).await;
}

#[tokio::test(start_paused = true)]
async fn an_alias_and_its_version_are_not_both_provisioned() {
    let trial = Trial::start(Rules::default()).await;
    let plan = trial.run(&provisioned(2, 2, "", "")).await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("provision either the alias or the version"), "{text}");
    assert_eq!(trial.count("PutProvisionedConcurrencyConfig"), 2, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn what_is_provisioned_is_changed_after_the_weights_that_nobody_asked_for_are_gone() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&provisioned(0, 2, "", "")).await;
    let settings = json!({"FunctionName": "f", "Timeout": 9});
    trial.aws.ask("lambda", "UpdateFunctionConfiguration", settings).unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    trial.aws.ask("lambda", "PublishVersion", json!({"FunctionName": "f"})).unwrap();
    let weights = json!({"AdditionalVersionWeights": {"2": 0.5}});
    let shifted = json!({"FunctionName": "f", "Name": "live", "RoutingConfig": weights});
    trial.aws.ask("lambda", "UpdateAlias", shifted).unwrap();
    trial.aws.forget();
    trial.converge(&provisioned(0, 3, "", "")).await;
    assert!(trial.time("UpdateAlias", "") < trial.time("PutProvisionedConcurrencyConfig", ""), "{}", trial.story());
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_was_deleted_gets_back_what_was_provisioned_on_it() {
    let trial = Trial::start(Rules::default()).await;
    let spec = provisioned(0, 2, "", "");
    trial.converge(&spec).await;
    trial.aws.ask("lambda", "DeleteAlias", json!({"FunctionName": "f", "Name": "live"})).unwrap();
    trial.aws.with(|cloud| assert!(cloud.lambda.functions["f"].provisioned.is_empty()));
    trial.converge(&spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["f"].provisioned["live"].0, 2));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_account_cannot_provision_is_refused_with_the_minimum_that_must_stay() {
    let trial = Trial::start(Rules::default()).await;
    let plan = trial.run(&provisioned(0, 950, "", "")).await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("minimum value of [100]"), "{text}");
    assert_eq!(trial.count("PutProvisionedConcurrencyConfig"), 1, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn what_is_reserved_stands_before_what_is_provisioned_out_of_it() {
    // Of the account's own share there is too little.
    let trial = Trial::start(Rules { concurrency: (200, 100), ..Rules::default() }).await;
    let spec = provisioned(0, 100, ", ReservedConcurrentExecutions: 100", "");
    trial.converge(&spec).await;
    assert!(trial.time("PutFunctionConcurrency", "") < trial.time("PutProvisionedConcurrencyConfig", ""));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_reserved_is_not_lowered_below_what_is_provisioned_and_the_refusal_says_how() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&provisioned(0, 50, ", ReservedConcurrentExecutions: 100", "")).await;
    let plan = trial.run(&provisioned(0, 50, ", ReservedConcurrentExecutions: 50, Timeout: 9", "")).await.plan;
    assert!(plan.is_converged(), "{}", left(&plan));
    let plan = trial.run(&provisioned(0, 20, ", ReservedConcurrentExecutions: 20, Timeout: 9", "")).await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("lower what is provisioned first"), "{text}");
    trial.converge(&provisioned(0, 20, ", ReservedConcurrentExecutions: 50, Timeout: 9", "")).await;
    trial.converge(&provisioned(0, 20, ", ReservedConcurrentExecutions: 20, Timeout: 9", "")).await;
}

#[tokio::test(start_paused = true)]
async fn a_reservation_out_of_what_a_deleted_function_leaves_is_refused_at_first_and_made_by_the_next_run() {
    let trial = Trial::start(Rules::default()).await;
    let b = |more: &str| function(&format!("timeout: 5{more}")).replace("Function f", "Function b") + "\n";
    trial.converge(&(function("reservedConcurrentExecutions: 900") + "\n" + &b(""))).await;
    let after = b(", reservedConcurrentExecutions: 900");
    let first = trial.run(&after).await.plan;
    assert!(left(&first).contains("minimum value of [100]"), "{}", left(&first));
    // The deletion does not wait for what cannot be.
    trial.aws.with(|cloud| assert!(!cloud.lambda.functions.contains_key("t-f")));
    trial.converge(&after).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-b"].reserved, Some(900)));
    trial.quiet(&after).await;
}
