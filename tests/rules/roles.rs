//! Roles and policies: sections 1.7 and 10.

use std::time::Duration;

use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::FUNCTION;

#[tokio::test(start_paused = true)]
async fn a_role_that_is_too_new_is_waited_for() {
    let trial = Trial::start(Rules { role: Duration::from_secs(30), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    let waited = trial.time("CreateFunction", "") - trial.time("CreateRole", "");
    assert!((30.0..40.0).contains(&waited), "{}", trial.story());
    assert!(trial.count("CreateFunction") <= 8, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_never_assumable_becomes_an_error_that_says_why() {
    let trial = Trial::start(Rules { role: Duration::from_secs(100_000), ..Rules::default() }).await;
    let plan = trial.run(FUNCTION).await.plan;
    let text = left(&plan);
    assert!(text.contains("cannot be assumed by Lambda") && text.contains("Blocked"), "{text}");
    assert!(trial.count("CreateFunction") < 60);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_iam_does_not_find_yet_is_not_made_again() {
    let trial = Trial::start(Rules { iam_reads: Duration::from_secs(12), ..Rules::default() }).await;
    trial.converge("Role r: {}").await;
    assert_eq!(trial.count("CreateRole"), 1, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_role_loses_its_policies_before_it_goes() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&format!("{FUNCTION}\nQueue q: {{}}")).await;
    trial
        .aws
        .ask(
            "iam",
            "AttachRolePolicy",
            json!({"RoleName": "t-eu-west-1-f-role", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        )
        .unwrap();
    trial.converge("Queue q: {}").await;
    assert_eq!(trial.aws.refusals().iter().filter(|it| it.contains("DeleteConflict")).count(), 0, "{}", trial.story());
    trial.aws.with(|cloud| assert!(cloud.iam.roles.is_empty()));
}

const TRUST: &str = r#"{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}"#;

#[tokio::test(start_paused = true)]
async fn new_policies_are_attached_before_old_ones_go() {
    let spec = |policy: &str, inline: &str| {
        format!(
            "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {TRUST}\n      ManagedPolicyArns: [\"arn:aws:iam::aws:policy/{policy}\"]\n      Policies: [{{PolicyName: {inline}, PolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Action: \"sqs:SendMessage\", Resource: \"*\"}}]}}}}]\n"
        )
    };
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec("One", "one")).await;
    trial.aws.forget();
    trial.converge(&spec("Two", "two")).await;
    assert!(trial.time("AttachRolePolicy", "") < trial.time("DetachRolePolicy", ""), "{}", trial.story());
    assert!(trial.time("PutRolePolicy", "") < trial.time("DeleteRolePolicy", ""), "{}", trial.story());
    trial.quiet(&spec("Two", "two")).await;
}

#[tokio::test(start_paused = true)]
async fn a_trust_that_names_a_new_role_is_waited_for() {
    let spec = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  A:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {TRUST}\n  B:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Principal: {{AWS: !GetAtt A.Arn}}, Action: \"sts:AssumeRole\"}}]}}\n"
    );
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec).await;
    assert!(trial.aws.refusals().iter().any(|it| it.contains("MalformedPolicyDocument")), "the rule was met");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_managed_policy_keeps_no_more_than_five_versions() {
    let spec = |n: u32| {
        format!(
            "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Action: \"sqs:SendMessage\", Resource: \"arn:aws:sqs:*:*:q{n}\"}}]}}\n"
        )
    };
    let trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    for n in 0..8 {
        trial.converge(&spec(n)).await;
    }
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    trial.aws.with(|cloud| {
        let policy = cloud.iam.policies.values().next().unwrap();
        assert!(policy.versions.len() <= 5 && policy.versions[&policy.default].contains(":q7"));
    });
    trial.quiet(&spec(7)).await;
}

#[tokio::test(start_paused = true)]
async fn documents_are_compared_by_meaning() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| {
        for role in cloud.iam.roles.values_mut() {
            let mut trust: serde_json::Value = serde_json::from_str(&role.trust).unwrap();
            // One in a list is the same as one alone, and blanks say nothing.
            let action = trust["Statement"][0]["Action"].clone();
            trust["Statement"][0]["Action"] = if action.is_array() { action[0].clone() } else { json!([action]) };
            role.trust = serde_json::to_string_pretty(&trust).unwrap();
        }
    });
    trial.quiet(FUNCTION).await;
}

/// A template with one role, `Resources` and all.
fn role(more: &str) -> String {
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {{RoleName: r, AssumeRolePolicyDocument: {TRUST}{more}}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_role_with_as_many_policies_as_it_may_have_exchanges_some_one_by_one() {
    let spec = |from: u32| {
        let arns: Vec<String> = (from..from + 10).map(|n| format!("\"arn:aws:iam::aws:policy/P{n}\"")).collect();
        role(&format!(", ManagedPolicyArns: [{}]", arns.join(", ")))
    };
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec(0)).await;
    trial.converge(&spec(2)).await;
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.iam.roles["r"].attached.len(), 10));
    trial.quiet(&spec(2)).await;
}

#[tokio::test(start_paused = true)]
async fn inline_policies_that_fill_a_role_are_exchanged_within_its_room() {
    // Each action stands for a hundred characters.
    let policy = |name: &str, size: usize| {
        let actions: Vec<String> = (0..size / 100).map(|n| format!("\"sqs:{n:0>92}\"")).collect();
        format!(
            "{{PolicyName: {name}, PolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Action: [{}], Resource: \"*\"}}]}}}}",
            actions.join(", ")
        )
    };
    let spec = |policies: &[(&str, usize)]| {
        let policies: Vec<String> = policies.iter().map(|(name, size)| policy(name, *size)).collect();
        role(&format!(", Policies: [{}]", policies.join(", ")))
    };
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec(&[("a", 1_000), ("b", 8_000)])).await;
    for policies in [[("a", 8_000), ("b", 1_000)], [("c", 8_000), ("b", 1_000)], [("c", 1_000), ("d", 8_000)]] {
        trial.converge(&spec(&policies)).await;
        assert_eq!(trial.aws.refusals(), [""; 0], "{policies:?}: {}", trial.story());
        trial.quiet(&spec(&policies)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn roles_are_read_to_the_last_page() {
    let spec: String = (0..16).map(|n| format!("Role r{n}: {{}}\n")).collect();
    let mut trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    trial.converge(&spec).await;
    trial.restart().await;
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn an_arn_that_iam_does_not_know_yet_is_not_handed_on() {
    let trial = Trial::start(Rules { iam_reads: Duration::from_secs(10), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    let given = |call: &evenkeel_tests::aws::Call| {
        call.input["Role"].as_str().is_some_and(|role| role.starts_with("arn:aws:iam::"))
    };
    assert!(trial.aws.calls().iter().filter(|call| call.operation == "CreateFunction").all(given));
}

#[tokio::test(start_paused = true)]
async fn a_role_of_another_path_is_made_anew_and_everything_else_changes_in_place() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&role("")).await;
    let boundary = "PermissionsBoundary: \"arn:aws:iam::aws:policy/PowerUserAccess\"";
    trial.converge(&role(&format!(", Description: text, MaxSessionDuration: 7200, {boundary}"))).await;
    trial.converge(&role("")).await;
    assert_eq!((trial.count("CreateRole"), trial.count("DeleteRole")), (1, 0), "{}", trial.story());
    trial.quiet(&role("")).await;
    trial.converge(&role(", Path: /app/")).await;
    assert_eq!((trial.count("CreateRole"), trial.count("DeleteRole")), (2, 1), "{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.iam.roles["r"].path, "/app/"));
    trial.quiet(&role(", Path: /app/")).await;
}

#[tokio::test(start_paused = true)]
async fn a_role_that_somebody_elses_function_runs_with_stays() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = format!("{FUNCTION}\nQueue q: {{}}");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let mut theirs = cloud.lambda.functions["t-f"].clone();
        theirs.tags.clear();
        let sealed = json!({"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt your environment variables."});
        theirs.configuration.insert("Environment".to_owned(), json!({"Error": sealed}));
        theirs.configuration.insert("FunctionName".to_owned(), json!("theirs"));
        cloud.lambda.functions.insert("theirs".to_owned(), theirs);
    });
    trial.converge("Queue q: {}").await;
    assert_eq!(trial.count("DeleteRole"), 0, "{}", trial.story());
    trial
        .aws
        .with(|cloud| assert!(!cloud.iam.roles["t-eu-west-1-f-role"].inline.is_empty(), "it can still do its work"));
    trial.aws.with(|cloud| cloud.lambda.functions.remove("theirs"));
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| assert!(cloud.iam.roles.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_role_whose_name_somebody_has_in_other_letters_is_refused_with_that_reason() {
    let trial = Trial::start(Rules::kind()).await;
    let theirs = json!({"RoleName": "R", "AssumeRolePolicyDocument": "{}"});
    trial.aws.ask("iam", "CreateRole", theirs).unwrap();
    let text = left(&trial.run(&role("")).await.plan);
    assert!(text.contains("Blocked") && text.contains("already exists"), "{text}");
    assert!(trial.count("CreateRole") < 12, "{}", trial.story());
    trial.aws.with(|cloud| assert!(cloud.iam.roles["R"].tags.is_empty(), "it is not touched"));
}

fn fault(code: &str, status: u16, message: &str) -> Fault {
    Fault { code: code.to_owned(), status, message: message.to_owned() }
}

/// Operation, code, status, what AWS says, and words that a person is told.
const FOR_GOOD: [(&str, &str, u16, &str, &str); 8] = [
    ("CreateRole", "LimitExceeded", 409, "Cannot exceed quota for RolesPerAccount: 1000", "RolesPerAccount"),
    ("CreateRole", "LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048", "trust policy shorter"),
    ("AttachRolePolicy", "LimitExceeded", 409, "Cannot exceed quota for PoliciesPerRole: 10", "put several into one"),
    (
        "PutRolePolicy",
        "LimitExceeded",
        409,
        "Maximum policy size of 10240 bytes exceeded for role r",
        "make one a managed policy",
    ),
    ("PutRolePolicy", "MalformedPolicyDocument", 400, "Syntax errors in policy.", "Syntax errors"),
    ("CreateRole", "MalformedPolicyDocument", 400, "This policy contains invalid Json", "invalid Json"),
    ("CreateRole", "InvalidInput", 400, "Duplicate tag keys found.", "Duplicate tag keys"),
    ("CreateRole", "AccessDenied", 403, "User: x is not authorized to perform: iam:CreateRole", "iam:CreateRole"),
];

const WITH_POLICIES: &str = ", ManagedPolicyArns: [\"arn:aws:iam::aws:policy/One\"], Policies: [{PolicyName: p, PolicyDocument: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"sqs:SendMessage\", Resource: \"*\"}]}}]";

#[tokio::test(start_paused = true)]
async fn what_iam_refuses_for_good_is_said_and_asked_for_once() {
    for (operation, code, status, said, words) in FOR_GOOD {
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(operation, Trouble::Always(fault(code, status, said)));
        let text = left(&trial.run(&role(WITH_POLICIES)).await.plan);
        assert!(text.contains("Blocked") && text.contains(code) && text.contains(words), "{text}");
        assert_eq!(trial.count(operation), 1, "{said}");
        trial.aws.heal(operation);
        trial.converge(&role(WITH_POLICIES)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_not_there_is_told_and_not_waited_for_for_ever() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = role(", ManagedPolicyArns: [\"arn:aws:iam::111122223333:policy/nobody\"]");
    let text = left(&trial.run(&spec).await.plan);
    assert!(text.contains("Blocked") && text.contains("does not exist or is not attachable"), "{text}");
    assert!(trial.count("AttachRolePolicy") < 12, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_role_that_others_make_at_the_same_time_are_waited_for() {
    for (operation, code) in [
        ("CreateRole", "ConcurrentModification"),
        ("PutRolePolicy", "ConcurrentModification"),
        ("AttachRolePolicy", "ConcurrentModificationException"),
        ("PutRolePolicy", "EntityTemporarilyUnmodifiable"),
    ] {
        let trial = Trial::start(Rules::kind()).await;
        let refused = fault(
            code,
            409,
            "The request was rejected because multiple requests to change this object were submitted simultaneously.",
        );
        trial.aws.trouble(operation, Trouble::Refused(refused.clone()));
        trial.aws.trouble(operation, Trouble::Refused(refused));
        trial.converge(&role(WITH_POLICIES)).await;
        assert_eq!(trial.count(operation), 3, "{operation}: {}", trial.story());
        trial.quiet(&role(WITH_POLICIES)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_iam_does_not_let_go_yet_is_deleted_a_moment_later() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(&format!("{FUNCTION}\nQueue q: {{}}")).await;
    // What was detached is not detached everywhere yet.
    let said = "Cannot delete entity, must detach all policies first.";
    for _ in 0..3 {
        trial.aws.trouble("DeleteRole", Trouble::Refused(fault("DeleteConflict", 409, said)));
    }
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| assert!(cloud.iam.roles.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_not_be_passed_is_an_error_that_says_so() {
    let trial = Trial::start(Rules::kind()).await;
    let said = "User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/t-eu-west-1-f-role because no identity-based policy allows the iam:PassRole action";
    trial.aws.trouble("CreateFunction", Trouble::Always(fault("AccessDeniedException", 403, said)));
    let text = left(&trial.run(FUNCTION).await.plan);
    assert!(text.contains("Blocked") && text.contains("iam:PassRole"), "{text}");
    assert_eq!(trial.count("CreateFunction"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_makes_room_on_a_full_role_does_not_wait_for_its_function() {
    let spec = |from: u32, timeout: u32| {
        let arns: Vec<String> = (from..from + 10).map(|n| format!("\"arn:aws:iam::aws:policy/P{n}\"")).collect();
        let role = role(&format!(", ManagedPolicyArns: [{}]", arns.join(", ")));
        format!(
            "{role}  F: {{Type: AWS::Lambda::Function, Properties: {{Role: !GetAtt R.Arn, Timeout: {timeout}, Runtime: python3.13, Handler: index.handler, Code: {{ZipFile: \"def handler(e, c): pass\"}}}}}}\n"
        )
    };
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec(0, 10)).await;
    trial.converge(&spec(1, 20)).await;
    assert_eq!(trial.aws.refusals().iter().filter(|it| it.contains("Limit")).count(), 0, "{}", trial.story());
    trial.quiet(&spec(1, 20)).await;
}

#[tokio::test(start_paused = true)]
async fn a_role_that_a_kept_version_runs_with_stays_until_that_goes() {
    let spec = |role: &str, n: u32| {
        format!(
            "Role {role}: {{policies: []}}\n{}",
            super::function(&format!("role: {role}, environment: {{KEY: v{n}}}, rollout: {{strategy: AllAtOnce}}"))
        )
    };
    let trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    trial.converge(&spec("old", 0)).await;
    trial.converge(&spec("new", 1)).await;
    let there = || trial.aws.with(|cloud| cloud.iam.roles.keys().any(|name| name.ends_with("old")));
    assert!(there(), "version 1 can be gone back to");
    trial.quiet(&spec("new", 1)).await;
    for n in 2..9 {
        trial.converge(&spec("new", n)).await;
    }
    trial.converge(&spec("new", 8)).await;
    assert!(!there(), "nothing runs with it any more: {}", trial.story());
}
