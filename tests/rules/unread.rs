//! Settings that the credentials may not read: they matter only where the spec speaks of them.

use evenkeel_tests::aws::{Cloud, Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::function;

fn template(resources: &str) -> String {
    format!("AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n{resources}")
}

fn group(more: &str) -> String {
    template(&format!(
        "  G: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: /g, RetentionInDays: 7{more}}}}}\n"
    ))
}

fn topic(more: &str) -> String {
    template(&format!("  N: {{Type: AWS::SNS::Topic, Properties: {{TopicName: n{more}}}}}\n"))
}

/// A setting that takes a reading of its own.
struct Setting {
    operation: &'static str,
    action: &'static str,
    code: &'static str,
    property: &'static str,
    /// Before the credentials lose the permission.
    before: String,
    /// Without a word about the setting.
    silent: String,
    /// The same, changed elsewhere.
    edited: String,
    /// With the setting.
    spoken: String,
    /// What somebody else does to the account.
    meanwhile: fn(&mut Cloud),
}

fn settings() -> Vec<Setting> {
    let policy = "{Version: \"2012-10-17\", Statement: [{Effect: Allow, Principal: {Service: es.amazonaws.com}, Action: \"logs:PutLogEvents\", Resource: \"*\"}]}";
    let protection = "{Name: p, Version: \"2021-06-01\", Statement: []}";
    let of_group = |operation, action, property, value: &str, meanwhile: fn(&mut Cloud)| Setting {
        operation,
        action,
        code: "AccessDeniedException",
        property,
        before: group(""),
        silent: group(""),
        edited: group("").replace(": 7", ": 14"),
        spoken: group(&format!(", {property}: {value}")).replace(": 7", ": 14"),
        meanwhile,
    };
    let of_function = |operation, action, property, api: &str| Setting {
        operation,
        action,
        code: "AccessDeniedException",
        property,
        before: function(api),
        silent: function("timeout: 10"),
        edited: function("timeout: 20"),
        spoken: function(&format!("timeout: 20, {api}")),
        meanwhile: |_| {},
    };
    vec![
        of_group(
            "DescribeIndexPolicies",
            "logs:DescribeIndexPolicies",
            "FieldIndexPolicies",
            "[{Fields: [a]}]",
            |_| {},
        ),
        of_group("DescribeResourcePolicies", "logs:DescribeResourcePolicies", "ResourcePolicyDocument", policy, |_| {}),
        of_group(
            "GetDataProtectionPolicy",
            "logs:GetDataProtectionPolicy",
            "DataProtectionPolicy",
            protection,
            |cloud| {
                let group = cloud.logs.groups.entry("/g".to_owned()).or_default();
                group.entry.insert("dataProtectionStatus".to_owned(), json!("ACTIVATED"));
            },
        ),
        Setting {
            operation: "GetDataProtectionPolicy",
            action: "sns:GetDataProtectionPolicy",
            code: "AuthorizationError",
            property: "DataProtectionPolicy",
            before: topic(""),
            silent: topic(""),
            edited: topic(", DisplayName: Name"),
            spoken: topic(&format!(", DisplayName: Name, DataProtectionPolicy: {protection}")),
            meanwhile: |_| {},
        },
        of_function(
            "GetFunctionRecursionConfig",
            "lambda:GetFunctionRecursionConfig",
            "RecursiveLoop",
            "recursiveLoop: Allow",
        ),
        of_function(
            "GetRuntimeManagementConfig",
            "lambda:GetRuntimeManagementConfig",
            "RuntimeManagementConfig",
            "runtimeManagementConfig: {updateRuntimeOn: FunctionUpdate}",
        ),
        of_function(
            "GetFunctionCodeSigningConfig",
            "lambda:GetFunctionCodeSigningConfig",
            "CodeSigningConfigArn",
            "codeSigningConfigArn: \"arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-12345678901234567\"",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_may_not_be_read_matters_only_where_the_spec_speaks_of_it() {
    for Setting { operation, action, code, property, before, silent, edited, spoken, meanwhile } in settings() {
        let mut trial = Trial::start(Rules::kind()).await;
        trial.converge(&before).await;
        trial.aws.with(meanwhile);
        trial.restart().await;
        let text = format!("User: someone is not authorized to perform: {action}");
        trial.aws.trouble(operation, Trouble::Always(Fault { code: code.to_owned(), status: 403, message: text }));
        trial.converge(&silent).await;
        trial.quiet(&silent).await;
        assert!(trial.count(operation) > 0, "{operation}: the rule was not met");
        // Everything else of the resource goes on.
        trial.converge(&edited).await;
        trial.quiet(&edited).await;

        trial.aws.forget();
        let text = left(&trial.run(&spoken).await.plan);
        assert!(
            text.contains("Blocked") && text.contains(property) && text.contains(&format!("allow {action}")),
            "{text}"
        );
        assert!(trial.aws.writes().is_empty(), "{operation}: {}", trial.story());
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_looked_after_again_once_it_can_be() {
    let mut trial = Trial::start(Rules::kind()).await;
    trial.converge(&group(", FieldIndexPolicies: [{Fields: [a]}]")).await;
    trial.restart().await;
    let denied = Fault { code: "AccessDeniedException".into(), status: 400, message: "not authorized".into() };
    trial.aws.trouble("DescribeIndexPolicies", Trouble::Always(denied));
    trial.quiet(&group("")).await;
    trial.aws.heal("DescribeIndexPolicies");
    trial.converge(&group("")).await;
    trial.aws.with(|cloud| assert_eq!(cloud.logs.groups["/g"].index, None, "what the spec no longer says"));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_may_not_be_decrypted_is_never_written_over_and_its_parameter_can_go() {
    let mut trial = Trial::start(Rules::kind()).await;
    let spec = "Parameter p: {type: SecureString, value: hunter2}\nParameter q: {value: plain}\n";
    trial.converge(spec).await;
    trial.restart().await;
    trial.aws.forget();
    let text = "User: someone is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1 because no identity-based policy allows the kms:Decrypt action";
    let fault = Fault { code: "AccessDeniedException".into(), status: 400, message: text.into() };
    trial.aws.with(|cloud| cloud.ssm.sealed = Some(fault));
    let text = left(&trial.run(spec).await.plan);
    assert!(text.contains("kms:Decrypt") && text.contains("`Value`") && !text.contains("hunter2"), "{text}");
    assert_eq!(text.lines().count(), 1, "the others are read: {text}");
    assert!(trial.aws.writes().is_empty(), "{}", trial.story());
    trial.converge("Parameter q: {value: plain}").await;
    trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters.len(), 1));
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_no_longer_good_are_no_missing_permission() {
    let mut trial = Trial::start(Rules::kind()).await;
    trial.converge(&group("")).await;
    trial.restart().await;
    let expired = Fault { code: "ExpiredTokenException".into(), status: 403, message: "The token has expired".into() };
    trial.aws.trouble("DescribeIndexPolicies", Trouble::Always(expired));
    let text = left(&trial.run(&group("")).await.plan);
    assert!(text.contains("could not be read") && text.contains("expired"), "{text}");
}

/// Readings of kinds of which the spec below has no resource.
const OTHERS: [&str; 9] = [
    "ListLayers",
    "ListEventSourceMappings",
    "ListFunctionUrlConfigs",
    "ListFunctionEventInvokeConfigs",
    "GetPolicy",
    "ListSubscriptions",
    "ListTopics",
    "DescribeParameters",
    "ListPolicies",
];

#[tokio::test(start_paused = true)]
async fn kinds_that_may_not_be_listed_matter_only_where_the_spec_has_some() {
    for operation in OTHERS {
        let mut trial = Trial::start(Rules::kind()).await;
        let fault = Fault { code: "AccessDeniedException".into(), status: 403, message: "not authorized".into() };
        trial.aws.trouble(operation, Trouble::Always(fault));
        let spec =
            |timeout: u32| format!("{}\nQueue q: {{}}\nLogGroup g: {{}}", function(&format!("timeout: {timeout}")));
        trial.converge(&spec(10)).await;
        trial.restart().await;
        trial.converge(&spec(20)).await;
        trial.quiet(&spec(20)).await;
        trial.converge("Queue q: {}").await;
        trial.aws.with(|cloud| assert!(cloud.lambda.functions.is_empty(), "{operation}"));
    }
}
