//! A role that is made anew under its name: section 1.7.

#![expect(clippy::unwrap_used, reason = "a failed test says why and stops")]

use std::time::Duration;

use evenkeel_tests::Trial;
use evenkeel_tests::aws::{Fault, Rules, Trouble};

use super::{FUNCTION, function};

const ROLE: &str = "t-eu-west-1-f-role";

/// The role goes; where `again`, somebody makes its like, as a process does that dies right after it.
fn lose_role(trial: &Trial, name: &str, again: bool) {
    trial.aws.with(|cloud| {
        let mut role = cloud.iam.roles.remove(name).unwrap();
        if again {
            role.id = "AROAANOTHER".to_owned();
            role.born = cloud.now;
            cloud.iam.roles.insert(name.to_owned(), role);
        }
    });
}

fn is_granted(trial: &Trial, function: &str, role: &str) -> bool {
    trial
        .aws
        .with(|cloud| cloud.lambda.functions[function].granted.as_deref() == Some(cloud.iam.roles[role].id.as_str()))
}

#[tokio::test(start_paused = true)]
async fn a_role_made_anew_under_its_name_is_given_to_its_functions_again() {
    let trial = Trial::start(Rules::default()).await;
    let spec = function("environment: {AA: b}");
    trial.converge(&spec).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lose_role(&trial, ROLE, false);
    trial.aws.forget();
    trial.converge(&spec).await;
    assert!(is_granted(&trial, "t-f", ROLE), "{}", trial.story());
    let changes = trial.aws.calls().into_iter().filter(|call| call.service == "lambda" && call.is_write());
    let accepted: Vec<_> = changes.filter(|call| call.fault.is_none()).collect();
    assert_eq!(accepted.len(), 1, "{}", trial.story());
    let sent = &accepted[0].input;
    assert!(sent["Role"].is_string() && sent["Environment"]["Variables"]["AA"] == "b", "{sent}");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_role_is_given_again_also_by_a_process_that_did_not_make_it() {
    let mut trial = Trial::start(Rules::default()).await;
    let spec = function("environment: {AA: b}");
    trial.converge(&spec).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lose_role(&trial, ROLE, true);
    trial.aws.forget();
    trial.restart().await;
    trial.converge(&spec).await;
    assert!(is_granted(&trial, "t-f", ROLE), "{}", trial.story());
    assert_eq!(trial.times("UpdateFunctionConfiguration", "").len(), 1, "{}", trial.story());
    trial.restart().await;
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_role_made_anew_is_given_again_whoever_made_it_and_whichever_function_runs_with_it() {
    let trial = Trial::start(Rules::default()).await;
    let one = |name: &str| {
        let more = function("role: \"arn:aws:iam::111122223333:role/shared\", environment: {AA: b}");
        more.replace("Function f", &format!("Function {name}")) + "\n"
    };
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let input = serde_json::json!({"RoleName": "shared", "AssumeRolePolicyDocument": trust});
    trial.aws.ask("iam", "CreateRole", input).unwrap();
    let spec = one("a") + &one("b");
    trial.converge(&spec).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lose_role(&trial, "shared", true);
    trial.aws.forget();
    trial.converge(&spec).await;
    assert!(is_granted(&trial, "t-a", "shared") && is_granted(&trial, "t-b", "shared"));
    assert_eq!(trial.times("UpdateFunctionConfiguration", "").len(), 2, "{}", trial.story());
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_without_variables_has_no_grant_and_is_left_alone() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lose_role(&trial, ROLE, true);
    trial.quiet(FUNCTION).await;
}

#[tokio::test(start_paused = true)]
async fn new_code_and_handler_do_not_hide_that_the_role_was_made_anew() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&function("environment: {AA: b}")).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lose_role(&trial, ROLE, true);
    trial.aws.forget();
    trial.file("src/app.py", "def other(event, context):\n    return 2\n");
    let spec = function("environment: {AA: b}").replace("app.handler", "app.other");
    trial.converge(&spec).await;
    assert!(is_granted(&trial, "t-f", ROLE), "{}", trial.story());
    let updates = trial.times("UpdateFunctionConfiguration", "");
    let code = trial.time("UpdateFunctionCode", "");
    assert!(updates.len() == 2 && updates[0] < code && code < updates[1], "{}", trial.story());
    let calls = trial.aws.calls().into_iter().find(|call| call.operation == "UpdateFunctionConfiguration");
    assert!(calls.unwrap().input.get("Handler").is_none(), "the handler that is only in the new code comes after it");
    trial.quiet(&spec).await;
}

/// A function from S3, with variables.
fn from_s3(key: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: r
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]}}
  F:
    Type: AWS::Lambda::Function
    Properties: {{FunctionName: f, Role: !GetAtt R.Arn, Runtime: python3.13, Handler: index.handler, Code: {{S3Bucket: packages, S3Key: {key}}}, Environment: {{Variables: {{AA: b}}}}}}
"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_role_given_again_does_not_pass_for_the_upload_that_was_announced() {
    for announced in [false, true] {
        let trial = Trial::start(Rules::default()).await;
        trial.converge(&from_s3("one")).await;
        let before = trial.aws.with(|cloud| cloud.lambda.functions["f"].configuration["CodeSha256"].clone());
        if announced {
            // The mark says that the upload comes, and it never does.
            let broken = Fault { code: "AccessDeniedException".into(), status: 403, message: "no".into() };
            trial.aws.trouble("UpdateFunctionCode", Trouble::Always(broken));
            trial.run(&from_s3("two")).await;
            trial.aws.heal("UpdateFunctionCode");
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        lose_role(&trial, "r", true);
        trial.aws.forget();
        trial.converge(&from_s3("two")).await;
        assert!(is_granted(&trial, "f", "r"), "{}", trial.story());
        assert_eq!(trial.times("UpdateFunctionCode", "").len(), 1, "announced: {announced}\n{}", trial.story());
        trial.aws.with(|cloud| assert_ne!(cloud.lambda.functions["f"].configuration["CodeSha256"], before));
        trial.quiet(&from_s3("two")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_functions_of_a_role_made_anew_one_tries_at_a_time() {
    let trial = Trial::start(Rules { role: Duration::from_secs(30), quotas: false, ..Rules::default() }).await;
    let one =
        |n: u32| function("role: r, environment: {AA: b}").replace("Function f", &format!("Function f{n}")) + "\n";
    let spec = "Role r: {}\n".to_owned() + &(0..40).map(one).collect::<String>();
    trial.converge(&spec).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lose_role(&trial, "t-eu-west-1-r", true);
    trial.aws.forget();
    trial.converge(&spec).await;
    let tried = trial.count("UpdateFunctionConfiguration");
    assert_eq!(trial.times("UpdateFunctionConfiguration", "").len(), 40);
    // Those of the first moment, and then one every five seconds.
    assert!(tried <= 40 + 32 + 8, "tried {tried} times");
    trial.quiet(&spec).await;
}
