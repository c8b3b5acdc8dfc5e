//! Event source mappings: section 5.

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;

use super::refused::{Patience, fault, for_a_while, for_good};

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

const INVALID: &str = "InvalidParameterValueException";

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
