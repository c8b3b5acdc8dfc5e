//! Mappings and the parts of functions against an emulator.

#![expect(clippy::expect_used, reason = "a test may fail where an emulator does not answer")]

use crate::emulator::Feature;
use crate::support::{Runner, endpoint};
use serde_json::{Value as Json, json};

const FUNCTION: &str = "AWS::Lambda::Function";
const PERMISSION: &str = "AWS::Lambda::Permission";
const URL: &str = "AWS::Lambda::Url";
const INVOKE: &str = "AWS::Lambda::EventInvokeConfig";
const MAPPING: &str = "AWS::Lambda::EventSourceMapping";

/// A function of the application, with an alias that somebody made for it.
fn function(runner: &Runner, name: &str) -> (&'static str, &'static str, Json) {
    let properties = json!({"FunctionName": name, "Runtime": "python3.12", "Handler": "index.handler",
        "Role": format!("arn:aws:iam::{}:role/parts", runner.account.id()),
        "Code": {"ZipFile": "def handler(event, context):\n    return event\n"}});
    ("fn", FUNCTION, properties)
}

async fn with_alias(runner: &mut Runner, name: &str) {
    runner.role("parts").await;
    let function = function(runner, name);
    runner.converge(&[function]).await;
    let lambda = runner.account.lambda.clone();
    lambda.publish_version().function_name(name).send().await.expect("published");
    lambda.create_alias().function_name(name).name("live").function_version("1").send().await.expect("aliased");
}

#[tokio::test]
async fn permissions_urls_and_invoke_settings_are_made_repaired_and_deleted() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "parts", &[FUNCTION, PERMISSION, URL, INVOKE]).await;
    with_alias(&mut runner, "parts-fn").await;
    let lambda = runner.account.lambda.clone();
    let function = function(&runner, "parts-fn");
    // What is said of the alias is said of the function where the emulator does not keep them apart.
    let qualified = runner.can(Feature::Qualifiers).then_some("live");
    let name = format!("arn:aws:lambda:eu-west-1:{}:function:parts-fn", runner.account.id());
    let name = qualified.map_or(name.clone(), |alias| format!("{name}:{alias}"));
    let (urls, invokes) = (runner.can(Feature::FunctionUrls), runner.can(Feature::InvokeConfigs));
    let left_out = |operation: &str| {
        (!urls && operation.contains("FunctionUrl")) || (!invokes && operation.contains("InvokeConfig"))
    };
    let expected = |operations: &[&'static str]| -> Vec<&'static str> {
        operations.iter().copied().filter(|operation| !left_out(operation)).collect()
    };
    let allow = |source: &str| {
        json!({"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
            "SourceArn": source})
    };
    let mut spec: Vec<(&str, &str, Json)> = vec![
        function.clone(),
        ("rule", PERMISSION, allow("arn:aws:events:eu-west-1:111122223333:rule/a")),
        (
            "account",
            PERMISSION,
            json!({"FunctionName": {"Ref": "fn"}, "Action": "lambda:InvokeFunction", "Principal": "222233334444"}),
        ),
        (
            "url",
            URL,
            json!({"TargetFunctionArn": {"Fn::GetAtt": ["fn", "Arn"]}, "AuthType": "NONE",
                "Cors": {"AllowOrigins": ["*"], "AllowMethods": ["PUT", "GET"], "MaxAge": 60}}),
        ),
        ("settings", INVOKE, json!({"FunctionName": {"Ref": "fn"}, "Qualifier": "live", "MaximumRetryAttempts": 0})),
    ];
    spec.retain(|(_, type_name, _)| (urls || *type_name != URL) && (invokes || *type_name != INVOKE));
    let mut writes = runner.converge(&spec).await;
    // The word in the function's mark comes first: a crash in between must not hide a part.
    assert_eq!(writes.remove(0), "TagResource");
    writes.sort_unstable();
    let all = ["AddPermission", "AddPermission", "CreateFunctionUrlConfig", "PutFunctionEventInvokeConfig"];
    assert_eq!(writes, expected(&all));

    // Somebody's hands.
    let auth = aws_sdk_lambda::types::FunctionUrlAuthType::AwsIam;
    if urls {
        lambda.update_function_url_config().function_name("parts-fn").auth_type(auth).send().await.expect("written");
    }
    if invokes {
        let put = lambda.put_function_event_invoke_config().function_name("parts-fn").qualifier("live");
        put.maximum_retry_attempts(1).maximum_event_age_in_seconds(60).send().await.expect("written");
    }
    let policy = lambda.get_policy().function_name("parts-fn").send().await.expect("read");
    let policy: Json = serde_json::from_str(policy.policy().expect("a policy")).expect("JSON");
    let sid = policy["Statement"][0]["Sid"].as_str().expect("a Sid").to_owned();
    lambda.remove_permission().function_name("parts-fn").statement_id(sid).send().await.expect("removed");
    let theirs =
        lambda.add_permission().function_name("parts-fn").statement_id("theirs").action("lambda:InvokeFunction");
    theirs.principal("sns.amazonaws.com").send().await.expect("added");
    let mut repaired = runner.converge(&spec).await;
    repaired.sort_unstable();
    assert_eq!(repaired, expected(&["AddPermission", "PutFunctionEventInvokeConfig", "UpdateFunctionUrlConfig"]));

    // Other content is another statement: the new one comes first.
    let mut other = spec.clone();
    other[1].2 = allow("arn:aws:events:eu-west-1:111122223333:rule/b");
    if urls {
        other[3].2 = json!({"TargetFunctionArn": "parts-fn", "AuthType": "NONE"});
    }
    let writes = runner.converge(&other).await;
    let at = |operation: &str| writes.iter().position(|write| *write == operation).expect("it was written");
    assert_eq!(writes.len(), if urls { 3 } else { 2 }, "{writes:?}");
    assert!(at("AddPermission") < at("RemovePermission"), "{writes:?}");
    assert_eq!(writes.contains(&"UpdateFunctionUrlConfig"), urls);

    let mut gone = runner.converge(&[function]).await;
    // The permissions go first, and then the last of the words in the function's mark.
    assert_eq!(gone.last(), Some(&"UntagResource"), "{gone:?}");
    gone.retain(|operation| !operation.ends_with("agResource"));
    gone.sort_unstable();
    let all = ["DeleteFunctionEventInvokeConfig", "DeleteFunctionUrlConfig", "RemovePermission", "RemovePermission"];
    assert_eq!(gone, expected(&all));
    let left = lambda.get_policy().function_name("parts-fn").send().await.expect("read");
    assert!(left.policy().is_some_and(|policy| policy.contains("theirs") && !policy.contains("evenkeel")));
    assert_eq!(runner.converge(&[]).await, ["DeleteFunction"]);
}

#[tokio::test]
async fn mappings_are_made_repaired_moved_and_deleted() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "maps", &[FUNCTION, MAPPING]).await;
    with_alias(&mut runner, "maps-fn").await;
    let function = function(&runner, "maps-fn");
    let lambda = runner.account.lambda.clone();
    let mut queues = Vec::new();
    for queue in ["maps-a", "maps-b"] {
        let made = runner.account.sqs.create_queue().queue_name(queue).send().await.expect("created");
        queues.extend(made.queue_url);
    }
    let arn = |queue: &str| format!("arn:aws:sqs:eu-west-1:{}:{queue}", runner.account.id());
    let (a, b) = (arn("maps-a"), arn("maps-b"));
    let full = json!({"FunctionName": "maps-fn", "EventSourceArn": a, "BatchSize": 5,
        "FilterCriteria": {"Filters": [{"Pattern": "{\"body\": {\"kind\": [\"order\"]}}"}]},
        "ScalingConfig": {"MaximumConcurrency": 3}, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "Tags": [{"Key": "team", "Value": "pay"}]});
    let spec: Vec<(&str, &str, Json)> = vec![function.clone(), ("map", MAPPING, full)];
    assert_eq!(runner.converge(&spec).await, ["CreateEventSourceMapping"]);

    let all = lambda.list_event_source_mappings().event_source_arn(&a).send().await.expect("listed");
    assert_eq!(all.event_source_mappings().len(), 1);
    let uuid = all.event_source_mappings()[0].uuid().expect("a UUID").to_owned();
    let spoil = lambda.update_event_source_mapping().uuid(&uuid).batch_size(9).enabled(false);
    spoil.send().await.expect("written");
    assert_eq!(runner.converge(&spec).await, ["UpdateEventSourceMapping"]);

    // What leaves the spec is cleared; an alias may take over.
    let alias = runner.can(Feature::AliasOfMapping);
    let target = if alias { "maps-fn:live" } else { "maps-fn" };
    let bare: Vec<(&str, &str, Json)> = vec![
        function.clone(),
        ("map", MAPPING, json!({"FunctionName": target, "EventSourceArn": a, "Enabled": false})),
    ];
    let writes = runner.converge(&bare).await;
    assert!(writes.contains(&"UpdateEventSourceMapping") && writes.contains(&"UntagResource"), "{writes:?}");
    assert!(!writes.contains(&"CreateEventSourceMapping"), "{writes:?}");
    let after = lambda.get_event_source_mapping().uuid(&uuid).send().await.expect("read");
    assert!(after.function_arn().is_some_and(|arn| arn.ends_with(target)), "{after:?}");
    assert!(after.filter_criteria().is_none_or(|filters| filters.filters().is_empty()), "{after:?}");

    // Another source is another mapping; the old one goes once the new one stands.
    let moved: Vec<(&str, &str, Json)> =
        vec![function.clone(), ("map", MAPPING, json!({"FunctionName": "maps-fn", "EventSourceArn": b}))];
    assert_eq!(runner.converge(&moved).await, ["CreateEventSourceMapping", "DeleteEventSourceMapping"]);
    assert_eq!(runner.converge(&[function]).await, ["DeleteEventSourceMapping"]);
    assert_eq!(runner.converge(&[]).await, ["DeleteFunction"]);
    for queue in queues {
        runner.account.sqs.delete_queue().queue_url(queue).send().await.expect("deleted");
    }
}
