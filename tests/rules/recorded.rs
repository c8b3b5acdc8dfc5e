//! What AWS was heard to answer, against specs that it would have come from: all of it is understood, none of it is drift,
//! and nothing that a spec could say is overlooked.
//!
//! The answers are those that real AWS gave to the tests of another project (see `CONTRIBUTING.md`). They hold no requests,
//! so the spec is made from the answer: of every member these tests know whether a spec can say it and what AWS answers
//! where none does, as AWS's documentation has it and not as the kinds do. The account that then holds all of these
//! resources at once is swept and planned as any other.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed test says why and stops")]

mod heard;
mod lambda;
mod others;
mod stage;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel::converge;
use evenkeel::observe;
use evenkeel::world::World;
use evenkeel_core::model::resource::{Desired, Resource, SpecSource};
use evenkeel_core::model::{Node, Place};
use evenkeel_core::plan::{Action, Imports, Input, Observation, Plan, Scope, Seen, Standing, Verb};
use evenkeel_tests::aws::{ACCOUNT, REGION};
use evenkeel_tests::tape::Tape;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use heard::Heard;
use others::Hanging;
use stage::Stage;

/// Answers that tell of nothing that evenkeel reads: service, what they hold, why they are left.
const LEFT: &[(&str, &str, &str)] = &[
    ("iam", "User", "users are not managed"),
    ("iam", "UserName", "policies of users are read in one listing, GetAccountAuthorizationDetails"),
    ("iam", "GroupName", "policies of groups are read in one listing, GetAccountAuthorizationDetails"),
    ("iam", "Groups", "groups are not managed"),
    ("iam", "ServerCertificate", "certificates are not managed"),
    ("iam", "ServiceSpecificCredential", "credentials are not managed"),
    ("iam", "ServiceSpecificCredentials", "credentials are not managed"),
    ("iam", "DeletionTaskId", "deletions of service-linked roles are not asked for"),
    ("iam", "Status", "deletions of service-linked roles are not asked for"),
    ("iam", "EvaluationResults", "policies are not simulated"),
    ("iam", "StackResourceDetail", "an answer of CloudFormation's"),
    ("lambda", "AccountLimit", "limits are not asked for"),
    ("lambda", "ProvisionedConcurrencyConfigs", "provisioned concurrency is asked for by qualifier"),
    ("lambda", "CodeSigningConfig", "no kind for code signing configurations yet"),
    ("lambda", "FunctionArns", "no kind for code signing configurations yet"),
    ("lambda", "StatusCode", "an invocation, or a deletion"),
    ("lambda", "Messages", "messages are not read"),
    ("lambda", "Successful", "messages are not sent"),
    ("lambda", "QueueUrl", "says a URL and no more"),
    ("lambda", "TableDescription", "no kind for tables yet"),
    ("logs", "Statement", "what was written"),
    ("logs", "delivery", "no kind for deliveries yet"),
    ("logs", "deliveryDestination", "no kind for deliveries yet"),
    ("logs", "deliverySource", "no kind for deliveries yet"),
    ("logs", "deliverySources", "no kind for deliveries yet"),
    ("logs", "policy", "no kind for deliveries yet"),
    ("logs", "destination", "no kind for destinations yet"),
    ("logs", "destinations", "no kind for destinations yet"),
    ("logs", "exportTasks", "exports are not managed"),
    ("logs", "taskId", "exports are not managed"),
    ("logs", "logStreams", "streams are not managed"),
    ("logs", "rejectedLogEventsInfo", "events are not written"),
    ("logs", "metricFilters", "no kind for metric filters yet"),
    ("logs", "subscriptionFilters", "no kind for subscription filters yet"),
    ("logs", "queries", "queries are not managed"),
    ("logs", "queryId", "queries are not managed"),
    ("logs", "resourcePolicies", "policies of the account, which no log group has"),
    ("logs", "resourcePolicy", "policies of the account, which no log group has"),
    ("sns", "ConfirmSubscriptionResult", "subscriptions are not confirmed"),
    ("sns", "SubscriptionArn", "says an ARN and no more"),
    ("sns", "TopicArn", "says an ARN and no more"),
    ("sns", "EndpointArn", "no kind for mobile endpoints yet"),
    ("sns", "Attributes", "no kind for mobile endpoints yet, or how many messages a queue holds"),
    ("sns", "Endpoints", "no kind for mobile endpoints yet"),
    ("sns", "PlatformApplicationArn", "no kind for mobile endpoints yet"),
    ("sns", "PlatformApplications", "no kind for mobile endpoints yet"),
    ("sns", "Successful", "messages are not sent"),
    ("sns", "MessageId", "messages are not sent"),
    ("sns", "PublishResult", "messages are not sent"),
    ("sns", "Messages", "messages are not read"),
    ("sns", "attributes", "settings of short messages are not managed"),
    ("sns", "isOptedOut", "settings of short messages are not managed"),
    ("sns", "phoneNumbers", "settings of short messages are not managed"),
    ("sns", "events", "events are not read"),
    ("sqs", "ApproximateNumberOfMessagesMoved", "messages are not moved"),
    ("sqs", "Results", "messages are not moved"),
    ("sqs", "TaskHandle", "messages are not moved"),
    ("sqs", "Successful", "messages are not sent"),
    ("sqs", "MD5OfMessageBody", "messages are not sent"),
    ("sqs", "Messages", "messages are not read"),
    ("ssm", "Tier", "what was written"),
];

/// Types whose resources are found by all that they are.
const IDENTITY: [&str; 3] =
    ["AWS::Lambda::Permission", "AWS::Lambda::LayerVersion", "AWS::Lambda::LayerVersionPermission"];

/// Takes an answer in; `false` where it tells of nothing that evenkeel reads.
fn take(stage: &mut Stage, heard: &Heard) -> bool {
    let (body, place) = (&heard.body, heard.place.as_str());
    let has = |names: &[&str]| names.iter().all(|name| body.contains_key(*name));
    let each = |name: &str| -> Vec<Map<String, Json>> {
        let items = body[name].as_array().unwrap();
        items.iter().map(|item| item.as_object().unwrap().clone()).collect()
    };
    let none = Map::new();
    let operation = match heard.service {
        "lambda" if has(&["Configuration", "Code"]) => {
            lambda::configuration(stage, place, body["Configuration"].as_object().unwrap(), body);
            "GetFunction"
        }
        "lambda" if has(&["FunctionName", "Role"]) => {
            lambda::configuration(stage, place, body, &none);
            "a function's configuration"
        }
        "lambda" if has(&["Versions"]) => {
            each("Versions").iter().for_each(|one| lambda::configuration(stage, place, one, &none));
            "ListVersionsByFunction"
        }
        "lambda" if has(&["AliasArn"]) => {
            lambda::alias(stage, place, body, None);
            "GetAlias"
        }
        "lambda" if has(&["Aliases"]) => {
            each("Aliases").iter().for_each(|one| lambda::alias(stage, place, one, None));
            "ListAliases"
        }
        "lambda" if has(&["RequestedProvisionedConcurrentExecutions"]) => {
            lambda::provisioned(stage, place, body);
            "GetProvisionedConcurrencyConfig"
        }
        "lambda" if has(&["Policy"]) => {
            lambda::policy(stage, place, &body["Policy"]);
            "GetPolicy"
        }
        "lambda" if has(&["Statement"]) => {
            lambda::policy(
                stage,
                place,
                &serde_json::json!({"Version": "2012-10-17", "Statement": [body["Statement"]]}),
            );
            "AddPermission"
        }
        "lambda" if has(&["FunctionUrl"]) => {
            lambda::url(stage, place, body);
            "GetFunctionUrlConfig"
        }
        "lambda" if has(&["FunctionUrlConfigs"]) => {
            each("FunctionUrlConfigs").iter().for_each(|one| lambda::url(stage, place, one));
            "ListFunctionUrlConfigs"
        }
        "lambda" if has(&["UUID"]) => {
            lambda::mapping(stage, place, body, &none);
            "GetEventSourceMapping"
        }
        "lambda" if has(&["EventSourceMappings"]) => {
            each("EventSourceMappings").iter().for_each(|one| lambda::mapping(stage, place, one, &none));
            "ListEventSourceMappings"
        }
        "lambda" if has(&["DestinationConfig", "FunctionArn"]) => {
            lambda::invoke_config(stage, place, body);
            "GetFunctionEventInvokeConfig"
        }
        "lambda" if has(&["FunctionEventInvokeConfigs"]) => {
            each("FunctionEventInvokeConfigs").iter().for_each(|one| lambda::invoke_config(stage, place, one));
            "ListFunctionEventInvokeConfigs"
        }
        "lambda" if has(&["LayerVersionArn"]) => {
            lambda::layer(stage, place, body);
            "GetLayerVersion"
        }
        "lambda" if has(&["LayerVersions"]) => {
            each("LayerVersions").iter().for_each(|one| _ = lambda::layer(stage, place, one));
            "ListLayerVersions"
        }
        "lambda" if has(&["Tags"]) => {
            lambda::tags(stage, place, body["Tags"].as_object().unwrap());
            "ListTags"
        }
        "lambda" if has(&["ReservedConcurrentExecutions"]) => {
            lambda::extra(stage, place, "GetFunctionConcurrency", body);
            "GetFunctionConcurrency"
        }
        "lambda" if has(&["RecursiveLoop"]) => {
            lambda::extra(stage, place, "GetFunctionRecursionConfig", body);
            "GetFunctionRecursionConfig"
        }
        "lambda" if has(&["CodeSigningConfigArn", "FunctionName"]) => {
            let mut body = body.clone();
            body.shift_remove("FunctionName");
            lambda::extra(stage, place, "GetFunctionCodeSigningConfig", &body);
            "GetFunctionCodeSigningConfig"
        }
        "sqs" if has(&["Attributes"]) => {
            others::queue(stage, place, body["Attributes"].as_object().unwrap(), &none);
            "GetQueueAttributes"
        }
        "sqs" if has(&["Tags"]) => {
            others::queue(stage, place, &none, body["Tags"].as_object().unwrap());
            "ListQueueTags"
        }
        "sqs" if has(&["QueueUrls"]) => "ListQueues",
        "sns" if body.get("Attributes").is_some_and(|it| it.get("SubscriptionArn").is_some()) => {
            others::subscription(stage, place, body["Attributes"].as_object().unwrap());
            "GetSubscriptionAttributes"
        }
        "sns" if body.get("Attributes").is_some_and(|it| it.get("TopicArn").is_some()) => {
            let attributes = body["Attributes"].as_object().unwrap();
            others::topic(stage, place, attributes, &serde_json::json!([]), None);
            "GetTopicAttributes"
        }
        "sns" if has(&["Tags"]) => {
            others::plain_topic(stage, place, &body["Tags"], None);
            "ListTagsForResource (SNS)"
        }
        "sns" if has(&["DataProtectionPolicy"]) => {
            others::plain_topic(stage, place, &serde_json::json!([]), Some(&body["DataProtectionPolicy"]));
            "GetDataProtectionPolicy"
        }
        "sns" if has(&["Subscriptions"]) => {
            each("Subscriptions").iter().for_each(|one| others::subscription(stage, place, one));
            "ListSubscriptions"
        }
        "sns" if has(&["Topics"]) => {
            let none = serde_json::json!([]);
            each("Topics").iter().for_each(|one| _ = others::topic(stage, place, one, &none, None));
            "ListTopics"
        }
        "ssm" if has(&["Parameter"]) => {
            others::parameter(stage, place, body["Parameter"].as_object().unwrap());
            "GetParameter"
        }
        "ssm" if has(&["Parameters"]) => {
            each("Parameters").iter().for_each(|one| others::parameter(stage, place, one));
            "GetParameters"
        }
        "iam" if has(&["Role"]) => {
            others::role(stage, place, body["Role"].as_object().unwrap(), &Hanging::default());
            "GetRole"
        }
        "iam" if has(&["Roles"]) => {
            each("Roles").iter().for_each(|one| others::role(stage, place, one, &Hanging::default()));
            "ListRoles"
        }
        "iam" if has(&["RoleName", "PolicyDocument"]) => {
            let inline = Some((&body["PolicyName"], &body["PolicyDocument"]));
            others::plain_role(stage, place, &Hanging { inline, ..Hanging::default() });
            "GetRolePolicy"
        }
        "iam" if has(&["AttachedPolicies"]) => {
            let attached = Some(&body["AttachedPolicies"]);
            others::plain_role(stage, place, &Hanging { attached, ..Hanging::default() });
            "ListAttachedRolePolicies"
        }
        "iam" if has(&["PolicyNames"]) => {
            assert!(body["PolicyNames"].as_array().unwrap().is_empty(), "{place}: a policy without a document");
            others::plain_role(stage, place, &Hanging::default());
            "ListRolePolicies"
        }
        "iam" if has(&["Policy"]) => {
            others::managed_policy(stage, place, body["Policy"].as_object().unwrap());
            "GetPolicy (IAM)"
        }
        "logs" if has(&["logGroups"]) => {
            each("logGroups").iter().for_each(|one| others::log_group(stage, place, one, &none));
            "DescribeLogGroups"
        }
        "logs" if has(&["tags"]) => {
            others::plain_log_group(stage, place, body["tags"].as_object().unwrap());
            "ListTagsForResource (Logs)"
        }
        _ => return false,
    };
    *stage.covered.entry(operation).or_default() += 1;
    true
}

/// Everything that was heard, with why some of it is left out.
fn stage() -> Option<(Stage, BTreeMap<&'static str, usize>)> {
    let mut stage = Stage::default();
    let mut left = BTreeMap::new();
    for heard in heard::all()? {
        if take(&mut stage, &heard) {
            continue;
        }
        let row = LEFT.iter().find(|(service, name, _)| *service == heard.service && heard.body.contains_key(*name));
        match row {
            Some((_, _, reason)) => *left.entry(*reason).or_default() += 1,
            None if heard.body.is_empty() => *left.entry("says nothing").or_default() += 1,
            None => {
                let names: Vec<&String> = heard.body.keys().collect();
                stage.problems.insert(format!("{}: nobody knows what this is: {names:?}", heard.place));
            }
        }
    }
    Some((stage, left))
}

/// The application that has all of it, each resource's properties through `change`.
fn desired(stage: &Stage, change: impl Fn(&stage::Case, &mut Map<String, Json>)) -> Desired {
    let resource = |case: &stage::Case| {
        let mut properties = case.spec.clone();
        change(case, &mut properties);
        let node = Node::from_json(&Json::Object(properties), Place::NOWHERE);
        (case.id.clone(), Resource::new(case.id.as_str(), case.type_name, node, Place::NOWHERE))
    };
    Desired {
        app: "heard".to_owned(),
        env: None,
        stack: "heard".to_owned(),
        region: None,
        account: None,
        role_arn: None,
        source: SpecSource::Native,
        tags: BTreeMap::new(),
        resources: stage.cases.iter().map(resource).collect::<IndexMap<_, _>>(),
        outputs: IndexMap::new(),
        deleted: false,
        allow_delete: None,
    }
}

fn scope(stage: &Stage) -> Scope {
    Scope {
        source: "default".to_owned(),
        app: "heard".to_owned(),
        env: None,
        stack: "heard".to_owned(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        partition: "aws".to_owned(),
        artifacts: stage.artifacts.clone(),
        keep: None,
    }
}

fn planned(scope: &Scope, desired: &Desired, observation: &Observation) -> Plan {
    evenkeel_core::plan::plan(Input {
        scope,
        desired,
        world: observation,
        kinds: &evenkeel_aws::kinds::kinds(),
        held: &BTreeMap::new(),
        previous: None,
        allowed: &BTreeSet::new(),
        imports: &Imports::new(),
        no_deletes: None,
    })
}

/// An account that answers all of it, as a sweep sees it, and the application that it came from.
async fn swept(mut stage: Stage) -> (Stage, Scope, Desired, Observation) {
    let (scope, desired) = (scope(&stage), desired(&stage, |_, _| ()));
    // The marks are those that evenkeel writes when it makes these resources.
    let mut nothing = Observation::new();
    for type_name in evenkeel_aws::kinds::stages().into_iter().flatten() {
        nothing.swept(type_name, Seen::default());
    }
    let making = planned(&scope, &desired, &nothing);
    for at in 0..stage.cases.len() {
        let id = &stage.cases[at].id;
        let action = making.actions.iter().find(|action| action.id == *id).unwrap();
        stage.mark(at, &action.steps);
    }
    let stage = Arc::new(stage);
    let tape = {
        let stage = Arc::clone(&stage);
        Tape::new(move |service, operation, input| stage.answer(service, operation, input))
    };
    let world = World::new(Arc::new(tape.connect().await));
    world.want("heard", converge::wanted(&world, &desired, &scope)).await;
    observe::sweep(&world).await;
    let observation = world.known().clone();
    drop((world, tape));
    let stage = Arc::into_inner(stage).unwrap();
    (stage, scope, desired, observation)
}

/// What a plan would do about a resource that is as it should be, for people.
fn complaint(stage: &Stage, action: &Action) -> Option<String> {
    // What AWS says of itself, that it is under way or failed, is no difference.
    let fine = match &action.standing {
        Standing::Ready => action.verb == Verb::None,
        Standing::Waiting(reason) => action.verb == Verb::None && reason.starts_with("settling: "),
        Standing::Blocked(reason) => action.changes.is_empty() && reason.starts_with("AWS reports it failed: "),
        Standing::Acting => false,
    };
    let case = stage.cases.iter().find(|case| case.id == action.id);
    let what = case.map_or("what nobody asked for".to_owned(), |case| format!("{} {}", case.type_name, case.place));
    let changes: Vec<String> =
        action.changes.iter().map(|change| format!("    {}: {} -> {}", change.path, change.from, change.to)).collect();
    let verb = action.verb;
    (!fine).then(|| format!("{what}\n    {verb:?} {:?}\n{}", action.standing, changes.join("\n")))
}

#[tokio::test(start_paused = true)]
async fn nothing_that_aws_was_heard_to_answer_is_drift_from_the_spec_it_came_from() {
    let Some((stage, left)) = stage() else { return };
    for (operation, count) in &stage.covered {
        println!("{count:5} {operation}");
    }
    for (reason, count) in &left {
        println!("{count:5} left: {reason}");
    }
    let minimal = stage.cases.iter().filter(|case| case.optional.is_empty()).count();
    println!("{} resources, {minimal} of them with nothing but what is required", stage.cases.len());
    assert!(stage.problems.is_empty(), "{}", stage.problems.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(stage.covered.values().sum::<usize>() > 900, "too few answers were found");

    let (stage, scope, desired, observation) = swept(stage).await;
    for type_name in evenkeel_aws::kinds::stages().into_iter().flatten() {
        let table = observation.table(type_name);
        assert_eq!(table.failure(), None, "{type_name}");
    }
    let plan = planned(&scope, &desired, &observation);
    let complaints: Vec<String> = plan.actions.iter().filter_map(|action| complaint(&stage, action)).collect();
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), plan.actions.len(), complaints.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn numbers_and_truth_values_may_be_written_as_text_and_the_other_way_round() {
    let Some((stage, _)) = stage() else { return };
    let (stage, scope, _, observation) = swept(stage).await;
    let respelled = Cell::new(0);
    let other = desired(&stage, |_, properties| {
        for value in properties.values_mut() {
            let spelled = match &*value {
                Json::Number(number) => Json::from(number.to_string()),
                // As Python writes it, and some templates.
                Json::Bool(truth) => Json::from(if *truth { "True" } else { "False" }),
                Json::String(text) => match serde_json::from_str::<Json>(text) {
                    Ok(one @ (Json::Number(_) | Json::Bool(_))) => one,
                    _ => continue,
                },
                _ => continue,
            };
            respelled.set(respelled.get() + 1);
            *value = spelled;
        }
    });
    let plan = planned(&scope, &other, &observation);
    let complaints: Vec<String> = plan.actions.iter().filter_map(|action| complaint(&stage, action)).collect();
    println!("{} values were spelled otherwise", respelled.get());
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), plan.actions.len(), complaints.join("\n"));
    assert!(respelled.get() > 300, "only {}", respelled.get());
}

#[tokio::test(start_paused = true)]
async fn nothing_that_a_spec_can_say_is_overlooked_in_what_aws_answers() {
    let Some((stage, _)) = stage() else { return };
    let (stage, scope, _, observation) = swept(stage).await;
    let most = stage.cases.iter().map(|case| case.optional.len()).max().unwrap_or_default();
    let (mut seen, mut overlooked) = (0, Vec::new());
    // In each turn every resource loses another of its optional properties, and the plan must say so.
    for turn in 0..most {
        let less = desired(&stage, |case, properties| {
            case.optional.get(turn).and_then(|property| properties.shift_remove(property));
        });
        let plan = planned(&scope, &less, &observation);
        for (case, property) in stage.cases.iter().filter_map(|case| Some((case, case.optional.get(turn)?))) {
            let action = plan.actions.iter().find(|action| action.id == case.id).unwrap();
            let named = action.changes.iter().any(|change| change.path.split(['.', '[']).next() == Some(property));
            // Where everything is part of the identity, it is another one.
            if named || (action.verb == Verb::Create && IDENTITY.contains(&case.type_name)) {
                seen += 1;
            } else {
                overlooked.push(format!("{} {} {property}: {:?}", case.type_name, case.place, action.standing));
            }
        }
    }
    println!("{seen} settings were seen");
    assert!(overlooked.is_empty(), "{}:\n{}", overlooked.len(), overlooked.join("\n"));
    assert!(seen > 300, "only {seen}");
}
