//! Calls that are made twice, and calls that come too late: sections 0.4 and 0.5.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_core::plan::Standing;
use evenkeel_tests::aws::{Call, Rules, Trouble};
use evenkeel_tests::{Trial, left};

use super::everything::{ALL, KEEP, census};
use super::refused::fault;

/// A kind account where everything stands.
async fn converged() -> Trial {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(ALL).await;
    trial.aws.forget();
    trial
}

/// The operations that a run asks for.
fn operations(trial: &Trial) -> BTreeSet<String> {
    trial.aws.calls().into_iter().filter(Call::is_write).map(|call| call.operation).collect()
}

fn holds<'a>(operations: &BTreeSet<String>, wanted: impl IntoIterator<Item = &'a str>) {
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !operations.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {operations:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_makes_nothing_twice_whatever_was_asked_for() {
    let undisturbed = Trial::start(Rules::kind()).await;
    undisturbed.converge(ALL).await;
    let whole = census(&undisturbed);
    let once: BTreeMap<String, usize> = undisturbed.aws.writes();
    let asked = operations(&undisturbed);
    let lambda = ["CreateFunction", "PublishVersion", "PublishLayerVersion", "CreateAlias", "CreateEventSourceMapping"];
    let parts =
        ["AddPermission", "AddLayerVersionPermission", "CreateFunctionUrlConfig", "PutFunctionEventInvokeConfig"];
    let concurrency = ["PutFunctionConcurrency", "PutProvisionedConcurrencyConfig"];
    let messaging = ["CreateQueue", "SetQueueAttributes", "CreateTopic", "SetTopicAttributes", "Subscribe"];
    let others = ["PutParameter", "CreateRole", "CreatePolicy", "PutRolePolicy", "AttachRolePolicy", "CreateLogGroup"];
    holds(&asked, lambda.into_iter().chain(parts).chain(concurrency).chain(messaging).chain(others));
    for operation in asked {
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(&operation, Trouble::LostReply);
        trial.converge(ALL).await;
        assert_eq!(census(&trial), whole, "{operation}:\n{}", trial.story());
        // What may be said twice without harm may be said again, and nothing else.
        let again = trial.times(&operation, "").len() - once[&operation];
        assert!(again == 0 || !operation.starts_with("Create"), "{operation}:\n{}", trial.story());
        assert!(again == 0 || !operation.starts_with("Publish"), "{operation}:\n{}", trial.story());
        trial.quiet(ALL).await;
    }
}

/// What takes an answer of "it exists" for what it is: somebody made it a moment ago, so it is looked at.
#[tokio::test(start_paused = true)]
async fn what_exists_already_is_looked_at_before_anything_is_said_of_it() {
    let creations = [
        ("CreateFunction", "ResourceConflictException", 409, "Function already exist: t-f"),
        ("CreateAlias", "ResourceConflictException", 409, "Alias already exists: live"),
        (
            "CreateEventSourceMapping",
            "ResourceConflictException",
            409,
            "The event source arn (\" a \") and function (\" f \") provided mapping already exists. Please update or delete the existing mapping with UUID 1-2-3",
        ),
        (
            "AddPermission",
            "ResourceConflictException",
            409,
            "The statement id (x) provided already exists. Please provide a new statement id, or remove the existing statement.",
        ),
        (
            "CreateFunctionUrlConfig",
            "ResourceConflictException",
            409,
            "Failed to create function url config for [functionArn = f]. Error message:  FunctionUrlConfig exists for this Lambda function",
        ),
        (
            "CreateQueue",
            "QueueAlreadyExists",
            400,
            "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
        ),
        (
            "CreateQueue",
            "QueueNameExists",
            400,
            "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
        ),
        (
            "PutParameter",
            "ParameterAlreadyExists",
            400,
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ),
        ("CreateRole", "EntityAlreadyExists", 409, "Role with name x already exists."),
        (
            "CreatePolicy",
            "EntityAlreadyExists",
            409,
            "A policy called x already exists. Duplicate names are not allowed.",
        ),
        ("CreateLogGroup", "ResourceAlreadyExistsException", 400, "The specified log group already exists"),
    ];
    for (operation, code, status, message) in creations {
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble(operation, Trouble::Refused(fault(code, status, message)));
        let converged = trial.run(ALL).await;
        assert!(converged.plan.is_converged(), "{operation} {code}:\n{}\n{}", left(&converged.plan), trial.story());
        trial.quiet(ALL).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answer_is_lost_is_over_where_it_is_gone() {
    let undisturbed = converged().await;
    undisturbed.converge(KEEP).await;
    let asked = operations(&undisturbed);
    let left_over = census(&undisturbed);
    assert_eq!(left_over.values().sum::<usize>(), 1, "{left_over:?}");
    let lambda = ["DeleteFunction", "DeleteEventSourceMapping", "DeleteLayerVersion"];
    let others =
        ["DeleteQueue", "DeleteTopic", "DeleteParameter", "DeletePolicy", "DetachRolePolicy", "DeleteRolePolicy"];
    holds(&asked, lambda.into_iter().chain(others).chain(["DeleteRole", "DeleteLogGroup"]));
    for operation in asked {
        let trial = converged().await;
        trial.aws.trouble(&operation, Trouble::LostReply);
        trial.converge(KEEP).await;
        assert_eq!(census(&trial), left_over, "{operation}:\n{}", trial.story());
        trial.quiet(KEEP).await;
    }
}

const PROVISIONED: &str = "      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}\n";

/// The spec without some of its lines.
fn without(lines: &[&str]) -> String {
    let mut spec = ALL.to_owned();
    for gone in lines {
        assert!(spec.contains(gone), "{gone}");
        spec = spec.replace(gone, "");
    }
    spec
}

/// The function, the topic and the layer without what hangs on them.
fn without_parts() -> String {
    let spec = without(&[
        PROVISIONED,
        "      AutoPublishAlias: live\n",
        "      ReservedConcurrentExecutions: 5\n",
        "      EventInvokeConfig: {MaximumRetryAttempts: 0}\n",
        "      FunctionUrlConfig: {AuthType: NONE}\n",
        "      Events:\n",
        "        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}\n",
        "        News: {Type: SNS, Properties: {Topic: !Ref News}}\n",
    ]);
    let part = |line: &&str| line.starts_with("  Fan:") || line.starts_with("  SharedAccess:");
    spec.lines().filter(|line| !part(line)).map(|line| format!("{line}\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_before_it_is_deleted_counts_as_deleted_whatever_the_service_calls_it() {
    let lambda = ("ResourceNotFoundException", 404, "The resource you requested does not exist.");
    let statement = ("ResourceNotFoundException", 404, "No policy is associated with the given resource.");
    let another = ("ResourceNotFoundException", 404, "Statement x is not found in resource policy.");
    let iam = ("NoSuchEntity", 404, "It cannot be found.");
    let whole = [
        ("DeleteFunction", lambda),
        ("DeleteEventSourceMapping", lambda),
        ("DeleteLayerVersion", lambda),
        ("DeleteQueue", ("AWS.SimpleQueueService.NonExistentQueue", 400, "The specified queue does not exist.")),
        ("DeleteQueue", ("QueueDoesNotExist", 400, "The specified queue does not exist.")),
        ("DeleteTopic", ("NotFound", 404, "Topic does not exist")),
        ("DeleteParameter", ("ParameterNotFound", 400, "Parameter /a not found.")),
        ("DeleteRole", iam),
        ("DeletePolicy", iam),
        ("DetachRolePolicy", iam),
        ("DeleteRolePolicy", iam),
        ("DeleteLogGroup", ("ResourceNotFoundException", 400, "The specified log group does not exist.")),
    ];
    let parts = [
        ("DeleteAlias", lambda),
        ("DeleteFunctionConcurrency", lambda),
        ("DeleteFunctionEventInvokeConfig", lambda),
        ("DeleteFunctionUrlConfig", lambda),
        ("DeleteEventSourceMapping", lambda),
        ("RemovePermission", statement),
        ("RemovePermission", another),
        ("RemoveLayerVersionPermission", another),
        ("Unsubscribe", ("NotFound", 404, "Subscription does not exist")),
    ];
    let trial = converged().await;
    let (unprovisioned, less) = (without(&[PROVISIONED]), without_parts());
    let mut of = BTreeMap::new();
    for spec in [unprovisioned.as_str(), less.as_str(), KEEP] {
        trial.converge(spec).await;
        of.insert(spec, census(&trial));
    }
    let provisioned = [("DeleteProvisionedConcurrencyConfig", lambda, unprovisioned.as_str())];
    let whole = whole.map(|(operation, fault)| (operation, fault, KEEP));
    let parts = parts.map(|(operation, fault)| (operation, fault, less.as_str()));
    for (operation, (code, status, message), spec) in provisioned.into_iter().chain(parts).chain(whole) {
        let trial = converged().await;
        trial.aws.trouble(operation, Trouble::Refused(fault(code, status, message)));
        let converged = trial.run(spec).await;
        let stuck = |action: &evenkeel_core::plan::Action| matches!(action.standing, Standing::Blocked(_));
        assert!(!converged.plan.actions.iter().any(stuck), "{operation} {code}:\n{}", left(&converged.plan));
        assert!(trial.count(operation) > 0, "nobody asked for {operation}");
        assert_eq!(census(&trial), of[spec], "{operation} {code}:\n{}", trial.story());
        trial.quiet(spec).await;
    }
}
