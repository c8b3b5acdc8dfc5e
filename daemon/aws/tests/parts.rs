//! Mappings and the parts of functions against an emulator.

mod support;

use std::io::Write as _;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use evenkeel_core::plan::{Marks, Observed, Seen};
use serde_json::{Value as Json, json};
use support::{Runner, endpoint};

const FUNCTION: &str = "AWS::Lambda::Function";
const PERMISSION: &str = "AWS::Lambda::Permission";
const URL: &str = "AWS::Lambda::Url";
const INVOKE: &str = "AWS::Lambda::EventInvokeConfig";
const MAPPING: &str = "AWS::Lambda::EventSourceMapping";

/// The smallest zip there is: one stored file.
fn package() -> Vec<u8> {
    let (name, body) = (b"app.py", b"def handler(event, context):\n    return event\n");
    let mut crc = 0xffff_ffff_u32;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let (crc, size, length) = ((!crc).to_le_bytes(), (body.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
    let mut out = Vec::new();
    let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 33, 0][..], &crc, &size, &size, &length, &[0, 0]].concat();
    for part in [&b"PK\x03\x04"[..], &common, name, body] {
        out.write_all(part).expect("memory");
    }
    let at = out.len() as u32;
    for part in [&b"PK\x01\x02\x14\x00"[..], &common, &[0; 8], &0o100_644_u32.rotate_left(16).to_le_bytes(), &[0; 4], name] {
        out.write_all(part).expect("memory");
    }
    let directory = (out.len() as u32 - at).to_le_bytes();
    for part in [&b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"[..], &directory, &at.to_le_bytes(), &[0, 0]] {
        out.write_all(part).expect("memory");
    }
    out
}

/// A function of the application, and what the observation knows of it.
async fn function(runner: &mut Runner, name: &str, parts: &[&str]) {
    let lambda = runner.account.lambda.clone();
    let code = FunctionCode::builder().zip_file(Blob::new(package())).build();
    let role = format!("arn:aws:iam::{}:role/none", runner.account.id());
    let call = lambda.create_function().function_name(name).code(code).role(role).handler("app.handler");
    call.runtime(Runtime::Python312).publish(true).send().await.expect("created");
    lambda.create_alias().function_name(name).name("live").function_version("1").send().await.expect("aliased");
    known(runner, name, parts);
}

fn known(runner: &mut Runner, name: &str, parts: &[&str]) {
    let mut observed = Observed::new(name, name);
    observed.marks = Some(Marks {
        source: runner.scope.source.clone(),
        app: runner.scope.app.clone(),
        id: "fn".into(),
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
        ..Marks::default()
    });
    runner.world.swept(FUNCTION, Seen { items: vec![observed], ..Seen::default() });
}

#[tokio::test]
async fn permissions_urls_and_invoke_settings_are_made_repaired_and_deleted() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "parts", &[PERMISSION, URL, INVOKE]).await;
    function(&mut runner, "parts-fn", &[]).await;
    let lambda = runner.account.lambda.clone();
    let alias = format!("arn:aws:lambda:eu-west-1:{}:function:parts-fn:live", runner.account.id());
    let allow = |source: &str| {
        json!({"FunctionName": alias, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
            "SourceArn": source})
    };
    let spec: Vec<(&str, &str, Json)> = vec![
        ("rule", PERMISSION, allow("arn:aws:events:eu-west-1:111122223333:rule/a")),
        ("account", PERMISSION, json!({"FunctionName": "parts-fn", "Action": "lambda:InvokeFunction",
            "Principal": "222233334444"})),
        ("url", URL, json!({"TargetFunctionArn": "parts-fn", "AuthType": "NONE",
            "Cors": {"AllowOrigins": ["*"], "AllowMethods": ["PUT", "GET"], "MaxAge": 60}})),
        ("settings", INVOKE, json!({"FunctionName": "parts-fn", "Qualifier": "live", "MaximumRetryAttempts": 0})),
    ];
    let mut writes = runner.converge(&spec).await;
    writes.sort_unstable();
    assert_eq!(
        writes,
        ["AddPermission", "AddPermission", "CreateFunctionUrlConfig", "PutFunctionEventInvokeConfig"]
    );

    // Somebody's hands.
    let auth = aws_sdk_lambda::types::FunctionUrlAuthType::AwsIam;
    lambda.update_function_url_config().function_name("parts-fn").auth_type(auth).send().await.expect("written");
    let put = lambda.put_function_event_invoke_config().function_name("parts-fn").qualifier("live");
    put.maximum_retry_attempts(1).maximum_event_age_in_seconds(60).send().await.expect("written");
    let policy = lambda.get_policy().function_name("parts-fn").send().await.expect("read");
    let policy: Json = serde_json::from_str(policy.policy().expect("a policy")).expect("JSON");
    let sid = policy["Statement"][0]["Sid"].as_str().expect("a Sid").to_owned();
    lambda.remove_permission().function_name("parts-fn").statement_id(sid).send().await.expect("removed");
    let theirs = lambda.add_permission().function_name("parts-fn").statement_id("theirs").action("lambda:InvokeFunction");
    theirs.principal("sns.amazonaws.com").send().await.expect("added");
    let mut repaired = runner.converge(&spec).await;
    repaired.sort_unstable();
    assert_eq!(repaired, ["AddPermission", "PutFunctionEventInvokeConfig", "UpdateFunctionUrlConfig"]);

    // Other content is another statement: the new one comes first.
    let mut other = spec.clone();
    other[0].2 = allow("arn:aws:events:eu-west-1:111122223333:rule/b");
    other[2].2 = json!({"TargetFunctionArn": "parts-fn", "AuthType": "NONE"});
    known(&mut runner, "parts-fn", &["permission", "permission:live", "url", "invoke"]);
    let writes = runner.converge(&other).await;
    let at = |operation: &str| writes.iter().position(|write| *write == operation).expect("it was written");
    assert_eq!(writes.len(), 3, "{writes:?}");
    assert!(at("AddPermission") < at("RemovePermission"), "{writes:?}");
    assert!(writes.contains(&"UpdateFunctionUrlConfig"));

    let mut gone = runner.converge(&[]).await;
    gone.sort_unstable();
    assert_eq!(
        gone,
        ["DeleteFunctionEventInvokeConfig", "DeleteFunctionUrlConfig", "RemovePermission", "RemovePermission"]
    );
    let left = lambda.get_policy().function_name("parts-fn").send().await.expect("read");
    assert!(left.policy().is_some_and(|policy| policy.contains("theirs") && !policy.contains("evenkeel")));
    lambda.delete_function().function_name("parts-fn").send().await.expect("deleted");
}

#[tokio::test]
async fn mappings_are_made_repaired_moved_and_deleted() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "maps", &[MAPPING]).await;
    function(&mut runner, "maps-fn", &[]).await;
    let lambda = runner.account.lambda.clone();
    for queue in ["maps-a", "maps-b"] {
        runner.account.sqs.create_queue().queue_name(queue).send().await.expect("created");
    }
    let arn = |queue: &str| format!("arn:aws:sqs:eu-west-1:{}:{queue}", runner.account.id());
    let (a, b) = (arn("maps-a"), arn("maps-b"));
    let full = json!({"FunctionName": "maps-fn", "EventSourceArn": a, "BatchSize": 5,
        "FilterCriteria": {"Filters": [{"Pattern": "{\"body\": {\"kind\": [\"order\"]}}"}]},
        "ScalingConfig": {"MaximumConcurrency": 3}, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "Tags": [{"Key": "team", "Value": "pay"}]});
    let spec: Vec<(&str, &str, Json)> = vec![("map", MAPPING, full)];
    assert_eq!(runner.converge(&spec).await, ["CreateEventSourceMapping"]);

    let one = lambda.list_event_source_mappings().function_name("maps-fn").send().await.expect("listed");
    assert_eq!(one.event_source_mappings().len(), 1);
    let uuid = one.event_source_mappings()[0].uuid().expect("a UUID").to_owned();
    let spoil = lambda.update_event_source_mapping().uuid(&uuid).batch_size(9).enabled(false);
    spoil.send().await.expect("written");
    assert_eq!(runner.converge(&spec).await, ["UpdateEventSourceMapping"]);

    // What leaves the spec is cleared; an alias may take over.
    let bare: Vec<(&str, &str, Json)> =
        vec![("map", MAPPING, json!({"FunctionName": "maps-fn:live", "EventSourceArn": a, "Enabled": false}))];
    let writes = runner.converge(&bare).await;
    assert!(writes.contains(&"UpdateEventSourceMapping") && writes.contains(&"UntagResource"), "{writes:?}");
    assert!(!writes.contains(&"CreateEventSourceMapping"), "{writes:?}");
    let after = lambda.get_event_source_mapping().uuid(&uuid).send().await.expect("read");
    assert!(after.function_arn().is_some_and(|arn| arn.ends_with(":live")), "{after:?}");
    assert!(after.filter_criteria().is_none_or(|filters| filters.filters().is_empty()), "{after:?}");

    // Another source is another mapping; the old one goes once the new one stands.
    let moved: Vec<(&str, &str, Json)> =
        vec![("map", MAPPING, json!({"FunctionName": "maps-fn", "EventSourceArn": b}))];
    assert_eq!(runner.converge(&moved).await, ["CreateEventSourceMapping", "DeleteEventSourceMapping"]);
    assert_eq!(runner.converge(&[]).await, ["DeleteEventSourceMapping"]);
    lambda.delete_function().function_name("maps-fn").send().await.expect("deleted");
}
