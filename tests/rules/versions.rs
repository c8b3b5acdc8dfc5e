//! Versions and aliases: section 2.

#![expect(clippy::unwrap_used, reason = "a failed test says why and stops")]

use std::time::Duration;

use evenkeel_core::plan::Plan;
use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::function;

fn served(more: &str) -> String {
    function(&format!("rollout: {{strategy: AllAtOnce}}{more}"))
}

/// The version that the one alias points to.
fn pointed_to(trial: &Trial) -> String {
    trial.aws.with(|cloud| {
        let alias = cloud.lambda.functions["t-f"].aliases.values().next().unwrap();
        alias["FunctionVersion"].as_str().unwrap().to_owned()
    })
}

#[tokio::test(start_paused = true)]
async fn a_version_is_waited_for_until_it_is_active_before_an_alias_points_to_it() {
    let trial = Trial::start(Rules { version: Duration::from_secs(240), ..Rules::default() }).await;
    let spec = |timeout: u32| served(&format!(", snapStart: {{applyOn: PublishedVersions}}, timeout: {timeout}"));
    trial.converge(&spec(5)).await;
    assert!(trial.time("CreateAlias", "") - trial.time("PublishVersion", "") >= 240.0, "{}", trial.story());
    trial.aws.forget();
    trial.converge(&spec(6)).await;
    assert!(trial.time("UpdateAlias", "") - trial.time("PublishVersion", "") >= 240.0, "{}", trial.story());
    assert!(trial.count("ListVersionsByFunction") < 10, "looks cost the small bucket nothing: {}", trial.story());
    trial.quiet(&spec(6)).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_of_which_aws_says_nothing_under_snap_start_is_under_way() {
    let trial = Trial::start(Rules { update: Duration::from_secs(25), ..Rules::default() }).await;
    trial.converge(&served(", snapStart: {applyOn: PublishedVersions}")).await;
    trial.aws.forget();
    trial.file("src/app.py", "def handler(event, context):\n    return 2\n");
    let spec = served(", snapStart: {applyOn: PublishedVersions}, environment: {AA: b}");
    trial.converge(&spec).await;
    assert_eq!(trial.aws.refusals(), [""; 0], "nothing is tried while it may be under way:\n{}", trial.story());
    let (configuration, code) = (trial.time("UpdateFunctionConfiguration", ""), trial.time("UpdateFunctionCode", ""));
    assert!(code - configuration >= 25.0 && trial.time("PublishVersion", "") - code >= 25.0, "{}", trial.story());
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_an_alias_of_somebody_elses_uses_stays_and_the_next_one_goes() {
    let trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    trial.converge(&served(", timeout: 10")).await;
    let pin = json!({"FunctionName": "t-f", "Name": "pinned", "FunctionVersion": "1"});
    trial.aws.ask("lambda", "CreateAlias", pin).unwrap();
    for round in 1..8 {
        trial.converge(&served(&format!(", timeout: {}", 10 + round))).await;
    }
    let there: Vec<u64> = trial.aws.with(|cloud| cloud.lambda.functions["t-f"].versions.keys().copied().collect());
    assert_eq!(there, [1, 3, 4, 5, 6, 7, 8], "{}", trial.story());
    assert!(!trial.aws.refusals().iter().any(|it| it.contains("DeleteFunction")), "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_lambda_will_not_delete_is_looked_at_again() {
    let trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    for round in 0..6 {
        trial.converge(&served(&format!(", timeout: {}", 10 + round))).await;
    }
    let said = "Version is currently referenced by an alias.";
    let used = Fault { code: "ResourceConflictException".into(), status: 409, message: said.into() };
    trial.aws.trouble("DeleteFunction", Trouble::Refused(used));
    trial.aws.forget();
    trial.converge(&served(", timeout: 20")).await;
    let calls: Vec<String> = trial.aws.calls().into_iter().map(|call| call.operation).collect();
    let tries: Vec<usize> = (0..calls.len()).filter(|at| calls[*at] == "DeleteFunction").collect();
    assert_eq!(tries.len(), 2, "{}", trial.story());
    assert!(calls[tries[0]..tries[1]].iter().any(|call| call == "GetFunction"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_versions_go_on_where_a_function_is_made_again() {
    let trial = Trial::start(Rules::default()).await;
    let spec = served("");
    trial.converge(&spec).await;
    assert_eq!(pointed_to(&trial), "1");
    trial.aws.ask("lambda", "DeleteFunction", json!({"FunctionName": "t-f"})).unwrap();
    trial.converge(&spec).await;
    assert_eq!(pointed_to(&trial), "2", "{}", trial.story());
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_publication_whose_answer_was_lost_makes_no_second_version() {
    let trial = Trial::start(Rules::default()).await;
    let spec = served("");
    trial.aws.trouble("PublishVersion", Trouble::LostReply);
    trial.converge(&spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].versions.len(), 1));
    assert_eq!(pointed_to(&trial), "1");
}

/// A function with versions and an alias that a person wrote.
fn written(version: &str, alias: &str) -> String {
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
    Properties: {{FunctionName: f, Role: !GetAtt R.Arn, Runtime: python3.13, Handler: index.handler, Code: {{ZipFile: "def handler(e, c): pass"}}}}
  V:
    Type: AWS::Lambda::Version
    Properties: {{FunctionName: !Ref F{version}}}
  A:
    Type: AWS::Lambda::Alias
    Properties: {{FunctionName: !Ref F, {alias}}}
"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_version_of_other_code_than_the_spec_names_is_refused_with_both_hashes() {
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let trial = Trial::start(Rules::default()).await;
    let spec = written(&format!(", CodeSha256: \"{hash}\""), "Name: live, FunctionVersion: !GetAtt V.Version");
    let plan = trial.run(&spec).await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains(hash) && text.contains("CodeSHA256"), "{text}");
    assert_eq!(trial.count("PublishVersion"), 1, "{}", trial.story());
    trial.aws.with(|cloud| assert!(cloud.lambda.functions["f"].versions.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn an_alias_may_point_to_the_latest_and_then_follows_it() {
    let trial = Trial::start(Rules::default()).await;
    let spec = written("", "Name: live, FunctionVersion: $LATEST");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
}

/// A run in the middle of which somebody else does something: right after the first call of an operation.
async fn run_with(trial: &Trial, spec: &str, operation: &str, meanwhile: impl FnOnce()) -> Plan {
    let run = trial.run(spec);
    tokio::pin!(run);
    while trial.count(operation) == 0 {
        tokio::select! {
            ended = &mut run => panic!("ended before: {}", left(&ended.plan)),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    meanwhile();
    run.await.plan
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_somebody_deleted_meanwhile_is_made_again() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&served(", timeout: 10")).await;
    let name = trial.aws.with(|cloud| cloud.lambda.functions["t-f"].aliases.keys().next().unwrap().clone());
    trial.aws.forget();
    let spec = served(", timeout: 20");
    let meanwhile = || {
        let gone = json!({"FunctionName": "t-f", "Name": name});
        trial.aws.ask("lambda", "DeleteAlias", gone).unwrap();
    };
    let plan = run_with(&trial, &spec, "PublishVersion", meanwhile).await;
    assert!(plan.is_converged(), "{}", left(&plan));
    assert_eq!(trial.aws.refusals(), ["UpdateAlias ResourceNotFoundException"], "{}", trial.story());
    assert_eq!(pointed_to(&trial), "2");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_somebody_moved_meanwhile_is_looked_at_before_it_is_moved_again() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&served(", timeout: 10")).await;
    let name = trial.aws.with(|cloud| cloud.lambda.functions["t-f"].aliases.keys().next().unwrap().clone());
    trial.aws.forget();
    // Between the reading and the write somebody else is at it.
    let spec = served(", timeout: 20");
    let meanwhile = || {
        let touched = json!({"FunctionName": "t-f", "Name": name, "Description": "by hand"});
        trial.aws.ask("lambda", "UpdateAlias", touched).unwrap();
    };
    let plan = run_with(&trial, &spec, "PublishVersion", meanwhile).await;
    assert!(plan.is_converged(), "{}", left(&plan));
    let refused: Vec<String> = trial.aws.refusals();
    assert_eq!(refused, ["UpdateAlias PreconditionFailedException"], "{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].aliases[&name]["Description"], ""));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_was_made_meanwhile_is_gone_on_with() {
    let trial = Trial::start(Rules::default()).await;
    let exists = Fault {
        code: "ResourceConflictException".into(),
        status: 409,
        message: "Alias already exists: arn:aws:lambda:eu-west-1:111122223333:function:t-f:live".into(),
    };
    trial.aws.trouble("CreateAlias", Trouble::Refused(exists));
    trial.converge(&served("")).await;
    assert_eq!(pointed_to(&trial), "1");
}

#[tokio::test(start_paused = true)]
async fn versions_are_read_to_the_last_page() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = served(", timeout: 300");
    trial.converge(&spec).await;
    // The newest come last.
    for round in 1..70 {
        let settings = json!({"FunctionName": "t-f", "Timeout": round});
        trial.aws.ask("lambda", "UpdateFunctionConfiguration", settings).unwrap();
        trial.aws.ask("lambda", "PublishVersion", json!({"FunctionName": "t-f"})).unwrap();
    }
    trial.converge(&spec).await;
    assert_eq!(pointed_to(&trial), "71", "{}", trial.story());
    trial.aws.with(|cloud| assert!(cloud.lambda.functions["t-f"].versions.len() >= 70, "what people published stays"));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn two_versions_in_one_spec_are_published_one_after_the_other() {
    let trial = Trial::start(Rules::default()).await;
    let second =
        "\n  W:\n    Type: AWS::Lambda::Version\n    Properties: {FunctionName: !Ref F, Description: second}\n";
    let spec = written(", Description: first", "Name: live, FunctionVersion: !GetAtt V.Version").trim_end().to_owned()
        + second;
    let plan = trial.run(&spec).await.plan;
    // The same code and configuration is the same version: AWS answers with the one that is there.
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["f"].versions.len(), 1, "{}", left(&plan)));
    assert!(left(&plan).contains("version 1 is that, and has another description"), "{}", left(&plan));
    assert!(trial.count("PublishVersion") < 4, "{}", trial.story());
}

/// A function of SAM's whose versions are described so.
fn described(words: &str) -> String {
    super::statements::template("")
        .replace("AutoPublishAlias: live", &format!("AutoPublishAlias: live, VersionDescription: {words}"))
}

#[tokio::test(start_paused = true)]
async fn another_description_alone_makes_no_other_version_and_that_is_said() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&described("first")).await;
    trial.aws.forget();
    let plan = trial.run(&described("second")).await.plan;
    assert!(plan.is_converged(), "{}", left(&plan));
    let said = plan.actions.iter().filter_map(|action| action.reason.as_deref()).collect::<String>();
    assert!(said.contains("its description stays as it is"), "{said}");
    assert_eq!(trial.count("PublishVersion"), 0, "{}", trial.story());
    trial.file("src/app.py", "def handler(event, context):\n    return 2\n");
    trial.converge(&described("second")).await;
    trial.aws.with(|cloud| {
        let description = cloud.lambda.functions["t-f"].versions[&2]["Description"].as_str().unwrap().to_owned();
        assert!(description.starts_with("second"), "{description}");
    });
    trial.quiet(&described("second")).await;
}
