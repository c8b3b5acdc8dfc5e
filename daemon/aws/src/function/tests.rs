use std::sync::Arc;

use evenkeel_core::plan::kind::{Artifact, Kind, Kinds};
use evenkeel_core::plan::marks::CodeMark;
use evenkeel_core::plan::{Input as PlanInput, Marks, Observation, Observed, Plan, Scope, Seen, State, Verb, plan};
use serde_json::{Value as Json, json};

use super::spec::Function;
use super::{TYPE, canonical};
use crate::planning::{self, plan_of, scope, want, writes};

const ROLE: &str = "arn:aws:iam::111122223333:role/r";

/// What AWS answers for a function that was made with nothing but what must be given.
fn answer(tags: Json) -> Json {
    json!({
        "Code": {"RepositoryType": "S3", "Location": "https://awslambda"},
        "Configuration": {
            "Architectures": ["x86_64"], "CodeSha256": "sha=", "CodeSize": 300, "Description": "",
            "EphemeralStorage": {"Size": 512}, "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:shop-f",
            "FunctionName": "shop-f", "Handler": "app.handler", "LastModified": "2025-11-25T02:26:54.000+0000",
            "LastUpdateStatus": "Successful",
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/shop-f"}, "MemorySize": 128,
            "PackageType": "Zip", "RevisionId": "r1", "Role": ROLE, "Runtime": "python3.13",
            "RuntimeVersionConfig": {"RuntimeVersionArn": "arn:aws:lambda:eu-west-1::runtime:0"},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}, "State": "Active", "Timeout": 3,
            "TracingConfig": {"Mode": "PassThrough"}, "Version": "$LATEST",
            "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": false},
            "Environment": {"Variables": {}}
        },
        "Tags": tags
    })
}

fn s3(key: &str) -> Json {
    json!({"Code": {"S3Bucket": "b", "S3Key": key}, "Handler": "app.handler", "Role": ROLE, "Runtime": "python3.13"})
}

fn local() -> Json {
    json!({"Code": {"LocalPath": "./src"}, "Handler": "app.handler", "Role": ROLE, "Runtime": "python3.13"})
}

/// A function of ours as AWS would answer for it, with this code mark.
fn ours(mark: Option<(&str, &str)>, sha: &str, modified: &str) -> Observed {
    let marks = Marks {
        code: mark.map(|(content, sha256)| CodeMark { content: content.into(), sha256: sha256.into() }),
        ..planning::marks("f", &[])
    };
    let mut answer = answer(json!(marks.to_tags()));
    answer["Configuration"]["CodeSha256"] = json!(sha);
    answer["Configuration"]["LastModified"] = json!(modified);
    canonical::observed(&answer).unwrap()
}

fn world(item: Observed) -> Observation {
    planning::world([(TYPE, vec![item])])
}

fn kinds() -> Vec<Arc<dyn Kind>> {
    vec![Arc::new(Function)]
}

fn planned(properties: Json, item: Observed) -> Plan {
    plan_of(&kinds(), &[("f", TYPE, properties)], &world(item))
}

#[test]
fn what_aws_makes_of_a_minimal_function_is_no_drift() {
    let plan = planned(s3("k"), ours(Some(("s3:b/k", "sha=")), "sha=", "t1"));
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn every_writable_property_is_handled() {
    let schema = evenkeel_core::model::schema::lookup(TYPE).unwrap();
    let sample = json!({
        "Architectures": ["arm64"], "Description": "d", "Handler": "a.b", "KmsKeyArn": "arn:k", "MemorySize": 256,
        "Role": ROLE, "Runtime": "nodejs22.x", "Timeout": 9, "FunctionName": "n", "PackageType": "Zip",
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn:c"}},
        "Code": {"S3Bucket": "b", "S3Key": "k"}, "CodeSigningConfigArn": "arn:s", "DeadLetterConfig": {"TargetArn": "arn:q"},
        "DurableConfig": {"ExecutionTimeout": 60}, "Environment": {"Variables": {"A": "1"}},
        "EphemeralStorage": {"Size": 1024}, "FileSystemConfigs": [{"Arn": "arn:f", "LocalMountPath": "/mnt/x"}],
        "ImageConfig": {"Command": ["c"]}, "Layers": ["arn:l:1"],
        "LoggingConfig": {"LogFormat": "JSON"}, "RecursiveLoop": "Allow", "ReservedConcurrentExecutions": 5,
        "RuntimeManagementConfig": {"UpdateRuntimeOn": "FunctionUpdate"}, "SnapStart": {"ApplyOn": "PublishedVersions"},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}, "TracingConfig": {"Mode": "Active"},
        "VpcConfig": {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"]},
        "PublishToLatestPublished": true, "FunctionScalingConfig": {"MinExecutionEnvironments": 3},
    });
    let none = want("f", TYPE, json!({}));
    let bare = Function.desired(&scope(), &none, "f");
    for property in schema.writable().filter(|name| !["Tags", "FunctionName"].contains(name)) {
        let value = sample.get(property).unwrap_or_else(|| panic!("no sample for {property}: a new property"));
        let one = want("f", TYPE, json!({property: value}));
        let differs = evenkeel_core::plan::diff::diff(&Function.desired(&scope(), &one, "f"), &bare);
        let heard = differs.iter().any(|(path, ..)| path.starts_with(property)) || property == "PackageType";
        assert!(heard, "{property} is dropped silently");
    }
}

#[test]
fn a_cleared_setting_is_sent_as_an_explicit_empty() {
    let mut item = ours(Some(("s3:b/k", "sha=")), "sha=", "t1");
    for (name, value) in [
        ("Environment", json!({"Variables": {"A": "1"}})),
        ("Layers", json!(["arn:l:1"])),
        ("DeadLetterConfig", json!({"TargetArn": "arn:q"})),
        ("Description", json!("old")),
        ("KmsKeyArn", json!("arn:k")),
        ("VpcConfig", json!({"SubnetIds": ["s"], "SecurityGroupIds": ["g"], "Ipv6AllowedForDualStack": false})),
    ] {
        item.properties.insert(name.into(), value);
    }
    let plan = planned(s3("k"), item);
    let writes = writes(&plan);
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].0, "UpdateFunctionConfiguration");
    let expected = json!({
        "Description": "", "Environment": {"Variables": {}}, "DeadLetterConfig": {"TargetArn": ""}, "KMSKeyArn": "",
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": false}, "Layers": [],
        "FunctionName": "shop-f", "RevisionId": "r1",
    });
    let mut sent = writes[0].1.clone();
    sent.sort_all_objects();
    let mut expected = expected;
    expected.sort_all_objects();
    assert_eq!(sent, expected);
}

#[test]
fn code_and_configuration_never_go_in_the_same_round() {
    let mut spec = s3("k2");
    spec["Timeout"] = json!(30);
    let plan = planned(spec, ours(Some(("s3:b/k", "sha=")), "sha=", "t1"));
    let operations: Vec<_> = writes(&plan).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["TagResource", "UpdateFunctionCode"]);
}

/// Plans a function whose code comes from S3 until nothing is left, with an AWS that keeps what is written.
/// `uploads` is what an upload makes of the hash; `crash` stops the first round after so many writes.
fn play(mut mark: Option<(String, String)>, mut sha: String, key: &str, uploaded: &str, crash: usize) -> usize {
    let mut clock = 0;
    let mut uploads = 0;
    for round in 0..6 {
        let item = ours(mark.as_ref().map(|(c, s)| (c.as_str(), s.as_str())), &sha, &format!("t{clock}"));
        let plan = planned(s3(key), item);
        if plan.is_converged() {
            return uploads;
        }
        for (number, (operation, input)) in writes(&plan).into_iter().enumerate() {
            if round == 0 && number == crash {
                break;
            }
            match operation {
                "TagResource" => {
                    let tags: evenkeel_core::plan::Tags = serde_json::from_value(input["Tags"].clone()).unwrap();
                    let mut all = planning::ours("f");
                    all.extend(tags);
                    mark = Marks::from_tags(&all).and_then(|marks| marks.code).map(|code| (code.content, code.sha256));
                }
                "UpdateFunctionCode" => {
                    uploads += 1;
                    clock += 1;
                    sha = uploaded.to_owned();
                }
                other => panic!("{other}"),
            }
        }
    }
    panic!("not converged");
}

#[test]
fn code_in_s3_is_uploaded_once_wherever_the_round_before_stopped() {
    for crash in [0, 1, 9] {
        let mark = || Some(("s3:b/old".to_owned(), "old".to_owned()));
        assert_eq!(play(mark(), "old".into(), "new", "new", crash), 1, "after {crash} writes");
        assert_eq!(play(mark(), "old".into(), "new", "old", crash), 1, "the same bytes, after {crash} writes");
    }
}

#[test]
fn code_that_somebody_else_uploaded_is_put_back() {
    assert_eq!(play(Some(("s3:b/k".into(), "good".into())), "evil".into(), "k", "good", 9), 1);
}

#[test]
fn a_new_function_from_s3_only_completes_its_mark() {
    let created = Function.code_mark(&scope(), &want("f", TYPE, s3("k")), None, &Observation::new()).unwrap();
    assert_eq!(play(Some((created.content, created.sha256)), "any".into(), "k", "any", 9), 0);
}

fn packed(content: &str, sha256: &str) -> Scope {
    let artifact = Artifact { content: content.into(), sha256: sha256.into(), zip_bytes: 100, unzipped_bytes: 200 };
    Scope { artifacts: [("./src".to_owned(), artifact)].into(), ..scope() }
}

fn planned_in(scope: &Scope, item: Observed) -> Plan {
    let node = evenkeel_core::model::Node::from_json(&local(), evenkeel_core::model::Place::NOWHERE);
    let resource = evenkeel_core::model::Resource::new("f", TYPE, node, evenkeel_core::model::Place::NOWHERE);
    let desired = evenkeel_core::model::Desired {
        app: "shop".into(),
        env: None,
        stack: "shop".into(),
        region: None,
        account: None,
        role_arn: None,
        source: evenkeel_core::model::resource::SpecSource::Native,
        tags: Default::default(),
        resources: [("f".to_owned(), resource)].into_iter().collect(),
        outputs: Default::default(),
        deleted: false,
        allow_delete: None,
    };
    let mut world = Observation::new();
    world.swept(TYPE, Seen { items: vec![item], ..Seen::default() });
    plan(PlanInput {
        scope,
        desired: &desired,
        world: &world,
        kinds: &Kinds::new(kinds()),
        held: &Default::default(),
        previous: None,
        allowed: &Default::default(),
        imports: &evenkeel_core::plan::Imports::new(),
        no_deletes: None,
    })
}

#[test]
fn the_same_content_in_another_compressors_bytes_is_not_uploaded() {
    let plan = planned_in(&packed("content", "new-zip"), ours(Some(("content", "old-zip")), "old-zip", "t1"));
    assert!(plan.is_converged(), "{:?}", plan.actions);
    let changed = planned_in(&packed("other", "new-zip"), ours(Some(("content", "old-zip")), "old-zip", "t1"));
    let operations: Vec<_> = writes(&changed).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["TagResource", "UpdateFunctionCode"]);
    assert_eq!(writes(&changed)[1].1["LocalPath"], "./src");
    assert_eq!(writes(&changed)[1].1["Sha256"], "new-zip");
}

#[test]
fn inline_code_is_known_by_its_hash_before_it_is_uploaded() {
    let spec = json!({"Code": {"ZipFile": "def handler(e, c): pass"}, "Handler": "index.handler", "Role": ROLE,
        "Runtime": "python3.13"});
    let desired = Function.desired(&scope(), &want("f", TYPE, spec.clone()), "shop-f");
    let hash = desired["Code"]["CodeSha256"].as_str().unwrap().to_owned();
    let plan = plan_of(&kinds(), &[("f", TYPE, spec)], &planning::world([(TYPE, vec![])]));
    let (operation, input) = writes(&plan).remove(0);
    assert_eq!(operation, "CreateFunction");
    use base64::Engine as _;
    use sha2::Digest as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let zip = engine.decode(input["Code"]["ZipFile"].as_str().unwrap()).unwrap();
    assert_eq!(engine.encode(sha2::Sha256::digest(zip)), hash);
}

#[test]
fn an_update_in_progress_is_waited_for_and_a_failed_one_is_not() {
    let state = |status: Json| {
        let mut answer = answer(json!({}));
        answer["Configuration"]["LastUpdateStatus"] = status;
        canonical::observed(&answer).unwrap().state
    };
    assert!(matches!(state(json!("InProgress")), State::Pending { .. }));
    assert!(matches!(state(json!("Failed")), State::Failed { .. }));
    assert_eq!(state(json!(null)), State::Settled);
    let mut snap = answer(json!({}));
    snap["Configuration"]["LastUpdateStatus"] = json!("");
    snap["Configuration"]["SnapStart"] = json!({"ApplyOn": "PublishedVersions"});
    assert!(matches!(canonical::observed(&snap).unwrap().state, State::Pending { .. }));
}

#[test]
fn tags_that_cannot_be_read_are_not_taken_for_none() {
    let mut denied = answer(json!(null));
    denied["TagsError"] = json!({"ErrorCode": "AccessDeniedException", "Message": "not authorized: lambda:ListTags"});
    assert!(canonical::observed(&denied).unwrap_err().contains("lambda:ListTags"));
    let mut sealed = answer(json!({}));
    sealed["Configuration"]["Environment"] = json!({"Error": {"Message": "KMS access was denied"}});
    assert!(canonical::observed(&sealed).unwrap_err().contains("decrypt"));
}

#[test]
fn a_version_keeps_the_digest_of_the_configuration_it_was_made_from() {
    let digest = |configuration: &Json| canonical::digest(crate::document::Input(configuration));
    let latest = answer(json!({}))["Configuration"].clone();
    let mut published = latest.clone();
    published["Version"] = json!("3");
    published["Description"] = json!("third");
    published["RevisionId"] = json!("other");
    published["State"] = json!("Pending");
    assert_eq!(digest(&latest), digest(&published));
    published["Environment"] = json!({"Variables": {"A": "2"}});
    assert_ne!(digest(&latest), digest(&published));
}

#[test]
fn another_package_type_is_a_replacement() {
    let image = json!({"Code": {"ImageUri": "1.dkr.ecr/x:1"}, "Role": ROLE});
    let plan = planned(image, ours(Some(("s3:b/k", "sha=")), "sha=", "t1"));
    assert_eq!(plan.count(Verb::Replace) + plan.count(Verb::Blocked), 1);
}

#[test]
fn a_mark_tells_code_that_somebody_uploaded_from_code_that_was_edited() {
    use evenkeel_core::plan::Cause;
    let cause = |content: &str| {
        let plan = planned_in(&packed(content, "zip"), ours(Some(("content", "zip")), "by-hand", "t1"));
        let changes: Vec<_> = plan.actions[0].changes.iter().filter(|change| change.path.starts_with("Code")).collect();
        assert_eq!(changes.len(), 1, "{:?}", plan.actions);
        changes[0].cause
    };
    assert_eq!((cause("content"), cause("edited")), (Cause::Drift, Cause::Spec));
}

const CAPACITY: &str = "CapacityProviderConfig";

/// A function on managed instances.
fn managed(more: Json) -> Json {
    let mut properties = s3("k");
    properties[CAPACITY] = json!({"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn:c"}});
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    properties
}

/// The same as AWS tells it: with this timeout, and published with that one.
fn on_instances(timeout: u32, published: Option<u32>, scaling: Json) -> Observed {
    let marks = Marks {
        code: Some(CodeMark { content: "s3:b/k".into(), sha256: "sha=".into() }),
        ..planning::marks("f", &["published"])
    };
    let mut answer = answer(json!(marks.to_tags()));
    answer["Configuration"][CAPACITY] = managed(json!({}))[CAPACITY].clone();
    answer["Configuration"]["Timeout"] = json!(timeout);
    if let Some(published) = published {
        let mut there = answer["Configuration"].clone();
        there["Timeout"] = json!(published);
        there["Version"] = json!("$LATEST.PUBLISHED");
        answer["Extras"] = json!({"Published": there, "Scaling": scaling});
    }
    canonical::observed(&answer).unwrap()
}

#[test]
fn latest_published_follows_the_function_and_then_scales() {
    let wanted = managed(json!({"FunctionScalingConfig": {"MinExecutionEnvironments": "3"}}));
    let operations = |item| writes(&planned(wanted.clone(), item));
    // The function itself comes first.
    assert_eq!(operations(on_instances(9, Some(9), json!(null)))[0].0, "UpdateFunctionConfiguration");
    for published in [None, Some(9)] {
        let steps = operations(on_instances(3, published, json!(null)));
        let input = json!({"FunctionName": "shop-f", "PublishTo": "LATEST_PUBLISHED", "RevisionId": "r1"});
        assert_eq!(steps, [("PublishVersion", input)], "{published:?}");
    }
    let input = json!({"FunctionName": "shop-f", "Qualifier": "$LATEST.PUBLISHED",
        "FunctionScalingConfig": {"MinExecutionEnvironments": 3}});
    assert_eq!(operations(on_instances(3, Some(3), json!(null))), [("PutFunctionScalingConfig", input)]);
    let there = json!({"MinExecutionEnvironments": 3});
    assert!(planned(wanted.clone(), on_instances(3, Some(3), there)).is_converged());
}

#[test]
fn what_is_published_is_left_alone_where_the_spec_says_so_and_refused_without_instances() {
    let off = managed(json!({"PublishToLatestPublished": "false"}));
    let plan = planned(off, on_instances(3, Some(9), json!({"MinExecutionEnvironments": 5})));
    assert!(writes(&plan).iter().all(|(operation, _)| *operation == "UntagResource"), "{:?}", plan.actions);
    let plain = want("f", TYPE, json!({"PublishToLatestPublished": true}));
    let reason = Function.refuses(&scope(), &plain, &Observation::new()).unwrap();
    assert!(reason.contains("PublishToLatestPublished") && reason.contains(CAPACITY), "{reason}");
}

#[test]
fn a_function_settles_with_what_is_published_of_it() {
    let mut answer = answer(json!({}));
    let mut published = answer["Configuration"].clone();
    published["State"] = json!("Pending");
    answer["Extras"] = json!({"Published": published, "Scaling": null});
    assert!(matches!(canonical::observed(&answer).unwrap().state, State::Pending { .. }));
}

#[test]
fn a_package_over_fifty_megabytes_is_refused_before_any_call() {
    let sized = |zip_bytes: u64| {
        let artifact = Artifact { content: "c".into(), sha256: "s".into(), zip_bytes, unzipped_bytes: zip_bytes };
        let scope = Scope { artifacts: [("./src".to_owned(), artifact)].into(), ..scope() };
        Function.refuses(&scope, &want("f", TYPE, local()), &Observation::new())
    };
    assert_eq!(sized(52_428_800), None);
    assert!(sized(52_428_801).is_some_and(|reason| reason.contains("put it into S3")));
}
