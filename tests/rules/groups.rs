//! Log groups: section 11.

use std::time::Duration;

use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::FUNCTION;

fn group(more: &str) -> String {
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  G: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: /g{more}}}}}\n"
    )
}

fn fault(code: &str, message: &str) -> Fault {
    Fault { code: code.to_owned(), status: 400, message: message.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn groups_are_read_to_the_last_page() {
    let mut trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    let spec: String = (0..120).map(|n| format!("LogGroup g{n}: {{retentionInDays: 7}}\n")).collect();
    trial.converge(&spec).await;
    trial.restart().await;
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_lambda_makes_a_moment_before_ours_is_taken_over() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| cloud.logs.groups.clear());
    trial.aws.trouble(
        "CreateLogGroup",
        Trouble::Meanwhile(|cloud| {
            let entry = json!({"logGroupName": "/aws/lambda/t-f", "logGroupClass": "STANDARD"});
            let entry = entry.as_object().cloned().unwrap();
            let group = evenkeel_tests::aws::Group { entry, ..Default::default() };
            cloud.logs.groups.insert("/aws/lambda/t-f".to_owned(), group);
        }),
    );
    trial.aws.forget();
    trial.converge(FUNCTION).await;
    assert_eq!(trial.aws.refusals(), ["CreateLogGroup ResourceAlreadyExistsException"], "the rule was met");
    trial.aws.with(|cloud| {
        let group = &cloud.logs.groups["/aws/lambda/t-f"];
        assert!(group.tags.contains_key("evenkeel:id") && group.entry.contains_key("retentionInDays"));
    });
    trial.quiet(FUNCTION).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_nobodys_function_is_not_taken_over() {
    let trial = Trial::start(Rules::default()).await;
    trial.aws.ask("logs", "CreateLogGroup", json!({"logGroupName": "/g"})).unwrap();
    let text = left(&trial.run(&group(", RetentionInDays: 7")).await.plan);
    assert!(text.contains("not evenkeel's"), "{text}");
    trial.aws.with(|cloud| assert!(!cloud.logs.groups["/g"].entry.contains_key("retentionInDays")));
}

#[tokio::test(start_paused = true)]
async fn a_group_of_another_class_is_made_anew_where_a_person_allows_it() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&group("")).await;
    let spec = group(", LogGroupClass: INFREQUENT_ACCESS");
    let text = left(&trial.careful(&spec).await.plan);
    assert!(text.contains("Blocked"), "its logs would be lost: {text}");
    assert_eq!(trial.count("DeleteLogGroup"), 0);
    trial.converge(&spec).await;
    assert_eq!((trial.count("DeleteLogGroup"), trial.count("CreateLogGroup")), (1, 2));
    trial.aws.with(|cloud| assert_eq!(cloud.logs.groups["/g"].entry["logGroupClass"], "INFREQUENT_ACCESS"));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_protected_group_is_neither_replaced_nor_deleted_until_the_spec_opens_it() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&group(", DeletionProtectionEnabled: true")).await;
    trial.aws.with(|cloud| {
        let group = cloud.logs.groups.get_mut("/g").unwrap();
        group.entry.insert("deletionProtectionEnabled".to_owned(), json!(true));
    });
    for spec in [group(", LogGroupClass: INFREQUENT_ACCESS, DeletionProtectionEnabled: true"), "Queue q: {}".to_owned()]
    {
        let text = left(&trial.run(&spec).await.plan);
        assert!(text.contains("deletion protection is on"), "{text}");
        assert_eq!(trial.count("DeleteLogGroup"), 0, "{}", trial.story());
    }
    trial.converge(&group("")).await;
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| assert!(cloud.logs.groups.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_groups_key_changes_in_place() {
    let trial = Trial::start(Rules::default()).await;
    let key = |n: u32| group(&format!(", KmsKeyId: \"arn:aws:kms:eu-west-1:111122223333:key/{n}\""));
    for spec in [key(1), key(2), group("")] {
        trial.converge(&spec).await;
        trial.quiet(&spec).await;
    }
    assert_eq!((trial.count("CreateLogGroup"), trial.count("DeleteLogGroup")), (1, 0), "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_retention_that_the_accounts_own_policy_overrides_is_told_and_not_written_for_ever() {
    let trial = Trial::start(Rules::default()).await;
    trial.aws.with(|cloud| cloud.logs.account_retention = Some(30));
    let text = left(&trial.run(&group(", RetentionInDays: 7")).await.plan);
    assert!(text.contains("Blocked") && text.contains("RetentionInDays"), "{text}");
    assert!(trial.count("PutRetentionPolicy") < 12, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_meets_another_one_is_tried_again() {
    let trial = Trial::start(Rules::kind()).await;
    let said = "A conflicting operation is currently in progress against this resource. Please try again.";
    for operation in ["CreateLogGroup", "PutRetentionPolicy"] {
        for _ in 0..3 {
            trial.aws.trouble(operation, Trouble::Refused(fault("OperationAbortedException", said)));
        }
    }
    let spec = group(", RetentionInDays: 7");
    trial.converge(&spec).await;
    assert_eq!((trial.count("CreateLogGroup"), trial.count("PutRetentionPolicy")), (4, 4));
    trial.quiet(&spec).await;
}

/// Operation, code, what AWS says.
const FOR_GOOD: [(&str, &str, &str); 5] = [
    ("CreateLogGroup", "LimitExceededException", "Resource limit exceeded."),
    (
        "CreateLogGroup",
        "InvalidParameterException",
        "The specified KMS key does not exist or is not allowed to be used",
    ),
    ("PutRetentionPolicy", "InvalidParameterException", "The retention period is not valid."),
    ("PutRetentionPolicy", "AccessDeniedException", "User: x is not authorized to perform: logs:PutRetentionPolicy"),
    ("CreateLogGroup", "ValidationException", "Log group class is not supported in this region"),
];

#[tokio::test(start_paused = true)]
async fn what_cloudwatch_logs_refuses_is_said_and_a_later_run_goes_on_from_there() {
    for (operation, code, said) in FOR_GOOD {
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(operation, Trouble::Always(fault(code, said)));
        let spec = group(", RetentionInDays: 7");
        let text = left(&trial.run(&spec).await.plan);
        assert!(text.contains("Blocked") && text.contains(code) && text.contains(said), "{text}");
        assert_eq!(trial.count(operation), 1, "{said}");
        trial.aws.heal(operation);
        tokio::time::sleep(Duration::from_secs(60)).await;
        trial.converge(&spec).await;
        trial.quiet(&spec).await;
    }
}
