//! Functions against an emulator.

#![expect(clippy::expect_used, reason = "a failed test says why and stops")]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::emulator::{Feature, http};
use crate::support::{Runner, endpoint};
use base64::Engine as _;
use evenkeel_core::model::archive::{ArchiveEntry, content_hash, zip};
use evenkeel_core::plan::Artifacts;
use evenkeel_core::plan::kind::Artifact;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

const FUNCTION: &str = "AWS::Lambda::Function";
const LAYER: &str = "AWS::Lambda::LayerVersion";
const VERSION: &str = "AWS::Lambda::Version";
const ALIAS: &str = "AWS::Lambda::Alias";
const LAYER_PERMISSION: &str = "AWS::Lambda::LayerVersionPermission";

/// Local folders, packed.
#[derive(Default)]
struct Packed(BTreeMap<String, Vec<u8>>);

impl Artifacts for Packed {
    fn bytes(&self, local_path: &str, sha256: &str) -> Result<Arc<[u8]>, String> {
        let bytes = self.0.get(local_path).ok_or("no such folder")?;
        if hash(bytes) == sha256 { Ok(bytes.as_slice().into()) } else { Err("it changed".to_owned()) }
    }
}

fn hash(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes))
}

/// Gives the runner a folder with one file.
fn pack(runner: &mut Runner, folder: &str, file: &str, text: &str) {
    let entry = || [ArchiveEntry { path: file.to_owned(), mode: 0o644, bytes: text.as_bytes().to_vec() }];
    let bytes = zip(entry()).expect("it fits");
    let artifact = Artifact {
        content: content_hash(entry()),
        sha256: hash(&bytes),
        zip_bytes: bytes.len() as u64,
        unzipped_bytes: text.len() as u64,
    };
    runner.scope.artifacts.insert(folder.to_owned(), artifact);
    runner.artifacts = Arc::new(Packed([(folder.to_owned(), bytes)].into()));
}

fn plain(role: &str) -> Json {
    json!({"Code": {"LocalPath": "./src"}, "Handler": "app.handler", "Runtime": "python3.13", "Role": role})
}

#[tokio::test]
async fn a_function_is_made_changed_repaired_and_removed() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "fns", &[FUNCTION]).await;
    let role = runner.role("fns-role").await;
    pack(&mut runner, "./src", "app.py", "def handler(event, context):\n    return 1\n");
    // What an earlier run may have left.
    runner.converge(&[]).await;
    let bare = [("f", FUNCTION, plain(&role))];
    assert_eq!(runner.converge(&bare).await, ["CreateFunction"]);
    assert_eq!(runner.converge(&bare).await, Vec::<&str>::new(), "a second run writes nothing");

    // Everything that can be changed in place, then back to the defaults.
    let mut full = plain(&role);
    for (name, value) in [
        ("Description", json!("charges")),
        ("Timeout", json!("30")),
        ("MemorySize", json!(512)),
        ("Environment", json!({"Variables": {"A": "1", "B": 2}})),
        ("TracingConfig", json!({"Mode": "Active"})),
        ("EphemeralStorage", json!({"Size": 1024})),
        ("LoggingConfig", json!({"LogFormat": "JSON", "SystemLogLevel": "WARN"})),
        ("DeadLetterConfig", json!({"TargetArn": format!("arn:aws:sqs:eu-west-1:{}:dead", runner.account.id())})),
        ("ReservedConcurrentExecutions", json!(7)),
        ("RecursiveLoop", json!("Allow")),
        ("KmsKeyArn", json!(format!("arn:aws:kms:eu-west-1:{}:key/1", runner.account.id()))),
        ("Tags", json!([{"Key": "team", "Value": "a"}])),
    ] {
        full[name] = value;
    }
    let properties = full.as_object_mut().expect("a map");
    for (feature, names) in [
        (Feature::FunctionTargets, &["DeadLetterConfig", "LoggingConfig"][..]),
        (Feature::FunctionSettings, &["TracingConfig", "EphemeralStorage", "KmsKeyArn"]),
        (Feature::RecursiveLoop, &["RecursiveLoop"]),
    ] {
        if !runner.can(feature) {
            properties.retain(|name, _| !names.contains(&name.as_str()));
        }
    }
    let full = [("f", FUNCTION, full)];
    let written = runner.converge(&full).await;
    assert!(
        written.contains(&"UpdateFunctionConfiguration") && written.contains(&"PutFunctionConcurrency"),
        "{written:?}"
    );
    assert_eq!(runner.converge(&full).await, Vec::<&str>::new());
    let lambda = runner.account.lambda.clone();
    lambda
        .update_function_configuration()
        .function_name("fns-f")
        .timeout(3)
        .memory_size(128)
        .description("by hand")
        .send()
        .await
        .expect("the emulator does it");
    lambda.delete_function_concurrency().function_name("fns-f").send().await.expect("the emulator does it");
    let repaired = runner.converge(&full).await;
    assert_eq!(repaired, ["PutFunctionConcurrency", "UpdateFunctionConfiguration"]);
    let cleared = runner.converge(&bare).await;
    assert!(cleared.contains(&"DeleteFunctionConcurrency"), "{cleared:?}");
    assert_eq!(runner.converge(&bare).await, Vec::<&str>::new());

    // New code, and code that somebody else uploaded.
    pack(&mut runner, "./src", "app.py", "def handler(event, context):\n    return 2\n");
    assert_eq!(runner.converge(&bare).await, ["TagResource", "UpdateFunctionCode"]);
    let evil = zip([ArchiveEntry { path: "app.py".into(), mode: 0o644, bytes: b"evil".to_vec() }]).expect("it fits");
    lambda
        .update_function_code()
        .function_name("fns-f")
        .zip_file(aws_sdk_lambda::primitives::Blob::new(evil))
        .send()
        .await
        .expect("the emulator does it");
    assert_eq!(runner.converge(&bare).await, ["UpdateFunctionCode"]);

    let mut text = plain(&role);
    text["Code"] = json!({"ZipFile": "def handler(e, c): return 3"});
    text["Handler"] = json!("index.handler");
    let written = runner.converge(&[("f", FUNCTION, text)]).await;
    assert_eq!(written, ["TagResource", "UpdateFunctionCode", "UpdateFunctionConfiguration"]);

    assert_eq!(runner.converge(&[]).await, ["DeleteFunction"]);
}

#[tokio::test]
async fn a_layer_travels_to_its_function_and_its_old_version_goes() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "lys", &[FUNCTION, LAYER, LAYER_PERMISSION]).await;
    runner.converge(&[]).await;
    let role = runner.role("lys-role").await;
    let mut function = plain(&role);
    function["Code"] = json!({"ZipFile": "def handler(e, c): return 3"});
    function["Layers"] = json!([{"Ref": "lib"}]);
    let spec = [
        ("lib", LAYER, json!({"Content": {"LocalPath": "./lib"}, "CompatibleRuntimes": ["python3.13", "python3.12"]})),
        ("f", FUNCTION, function),
        (
            "share",
            LAYER_PERMISSION,
            json!({"LayerVersionArn": {"Ref": "lib"}, "Action": "lambda:GetLayerVersion", "Principal": "111122223333"}),
        ),
    ];
    pack(&mut runner, "./lib", "python/lib.py", "A = 1\n");
    let made = runner.converge(&spec).await;
    assert_eq!(made.len(), 3, "{made:?}");
    assert_eq!(runner.converge(&spec).await, Vec::<&str>::new(), "a second run writes nothing");
    pack(&mut runner, "./lib", "python/lib.py", "A = 2\n");
    let changed = runner.converge(&spec).await;
    assert_eq!(
        changed,
        ["PublishLayerVersion", "UpdateFunctionConfiguration", "AddLayerVersionPermission", "DeleteLayerVersion"]
    );
    let rest = runner.converge(&spec[..2]).await;
    assert_eq!(rest, ["RemoveLayerVersionPermission"]);
    runner.converge(&[]).await;
    let left = runner.account.lambda.list_layer_versions().layer_name("lys-lib").send().await.expect("it answers");
    assert_eq!(left.layer_versions().len(), 0);
}

#[tokio::test]
async fn a_version_follows_its_function_and_the_alias_follows_the_version() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "als", &[FUNCTION, VERSION, ALIAS]).await;
    runner.converge(&[]).await;
    runner.generated.insert("v", "f");
    let role = runner.role("als-role").await;
    let alias = |more: Json| {
        let mut alias =
            json!({"FunctionName": {"Ref": "f"}, "Name": "live", "FunctionVersion": {"Fn::GetAtt": ["v", "Version"]}});
        for (name, value) in more.as_object().into_iter().flatten() {
            alias[name] = value.clone();
        }
        ("live", ALIAS, alias)
    };
    let spec = |timeout: u32, more: Json| {
        let mut function = plain(&role);
        function["Timeout"] = json!(timeout);
        [("f", FUNCTION, function), ("v", VERSION, json!({"FunctionName": {"Ref": "f"}})), alias(more)]
    };
    pack(&mut runner, "./src", "app.py", "def handler(e, c): return 1\n");
    let made = runner.converge(&spec(3, json!({}))).await;
    assert_eq!(made, ["CreateFunction", "PublishVersion", "CreateAlias"]);
    assert_eq!(runner.converge(&spec(3, json!({}))).await, Vec::<&str>::new(), "a second run writes nothing");

    // New code and a new configuration reach the alias each as a version of its own, in this order.
    pack(&mut runner, "./src", "app.py", "def handler(e, c): return 2\n");
    let changed = runner.converge(&spec(3, json!({}))).await;
    assert_eq!(changed, ["TagResource", "UpdateFunctionCode", "PublishVersion", "UpdateAlias"]);
    let changed = runner.converge(&spec(9, json!({}))).await;
    assert_eq!(changed, ["UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"]);

    // An alias that somebody moved goes back; what the spec says more about it is done.
    let lambda = runner.account.lambda.clone();
    lambda
        .update_alias()
        .function_name("als-f")
        .name("live")
        .function_version("1")
        .description("by hand")
        .send()
        .await
        .expect("the emulator does it");
    assert_eq!(runner.converge(&spec(9, json!({}))).await, ["UpdateAlias"]);
    let mut more = json!({"Description": "d",
        "RoutingConfig": {"AdditionalVersionWeights": [{"FunctionVersion": "1", "FunctionWeight": 0.1}]}});
    let provisioned = runner.can(Feature::ProvisionedConcurrency);
    if provisioned {
        more["ProvisionedConcurrencyConfig"] = json!({"ProvisionedConcurrentExecutions": "2"});
    }
    let written = runner.converge(&spec(9, more.clone())).await;
    let all = ["TagResource", "UpdateAlias", "PutProvisionedConcurrencyConfig"];
    assert_eq!(written, if provisioned { &all[..] } else { &all[1..2] });
    assert_eq!(runner.converge(&spec(9, more)).await, Vec::<&str>::new());
    let cleared = runner.converge(&spec(9, json!({}))).await;
    assert!(cleared.contains(&"UpdateAlias"), "{cleared:?}");
    assert_eq!(cleared.contains(&"DeleteProvisionedConcurrencyConfig"), provisioned, "{cleared:?}");

    // The alias leaves the spec, and nothing else does.
    let rest = runner.converge(&spec(9, json!({}))[..2]).await;
    assert_eq!(rest.first(), Some(&"DeleteAlias"), "{rest:?}");
    assert_eq!(runner.converge(&[]).await, ["DeleteFunction"]);
}

/// Puts an object into the emulator's S3, which wants a signature and does not look whether it is right.
async fn put(endpoint: &str, path: &str, bytes: &[u8]) {
    let signed = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, \
        SignedHeaders=host, Signature=0\r\n";
    let answer = http(endpoint, "PUT", path, signed, bytes).await;
    assert!(answer.starts_with("HTTP/1.1 200") || answer.contains("BucketAlready"), "{answer}");
}

#[tokio::test]
async fn code_in_s3_and_images_are_uploaded_once_and_put_back() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "s3s", &[FUNCTION]).await;
    runner.converge(&[]).await;
    let role = runner.role("s3s-role").await;
    let archive = |text: &str| {
        zip([ArchiveEntry { path: "app.py".into(), mode: 0o644, bytes: text.as_bytes().to_vec() }]).expect("it fits")
    };
    let place = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    put(&endpoint, "s3s-packages", place.as_bytes()).await;
    put(&endpoint, "s3s-packages/one.zip", &archive("one")).await;
    put(&endpoint, "s3s-packages/same.zip", &archive("one")).await;
    put(&endpoint, "s3s-packages/two.zip", &archive("two")).await;
    let at = |key: &str| {
        let mut function = plain(&role);
        function["Code"] = json!({"S3Bucket": "s3s-packages", "S3Key": key});
        [("f", FUNCTION, function)]
    };
    assert_eq!(runner.converge(&at("one.zip")).await, ["CreateFunction", "TagResource"]);
    assert_eq!(runner.converge(&at("one.zip")).await, Vec::<&str>::new());
    let timed = runner.can(Feature::CodeTime);
    for key in ["two.zip", "one.zip", "same.zip"] {
        // Only the time tells that the same bytes were uploaded from another place.
        if key == "same.zip" && !timed {
            continue;
        }
        let written = runner.converge(&at(key)).await;
        assert_eq!(written, ["TagResource", "UpdateFunctionCode", "TagResource"], "{key}");
        assert_eq!(runner.converge(&at(key)).await, Vec::<&str>::new(), "{key}");
    }
    let evil = aws_sdk_lambda::primitives::Blob::new(archive("evil"));
    let lambda = runner.account.lambda.clone();
    lambda.update_function_code().function_name("s3s-f").zip_file(evil).send().await.expect("the emulator does it");
    let repaired = runner.converge(&at(if timed { "same.zip" } else { "one.zip" })).await;
    assert_eq!(repaired, ["TagResource", "UpdateFunctionCode", "TagResource"]);

    let image = |tag: &str| {
        let uri = format!("{}.dkr.ecr.eu-west-1.amazonaws.com/app:{tag}", runner.scope.account);
        [("image", FUNCTION, json!({"Code": {"ImageUri": uri}, "Role": role, "ImageConfig": {"Command": ["run"]}}))]
    };
    let (first, second) = (image("1"), image("2"));
    let made = runner.converge(&first).await;
    assert!(made.contains(&"CreateFunction"), "{made:?}");
    assert_eq!(runner.converge(&second).await, ["UpdateFunctionCode"]);
    assert_eq!(runner.converge(&second).await, Vec::<&str>::new());
    assert_eq!(runner.converge(&[]).await, ["DeleteFunction"]);
}
