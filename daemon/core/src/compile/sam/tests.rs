use proptest::prelude::*;
use serde_json::{Value, json};

use super::{SamContext, transform};
use crate::model::{Node, Place};

pub(super) fn context() -> SamContext {
    SamContext {
        region: "eu-central-1".to_owned(),
        partition: "aws".to_owned(),
        account: "123456789012".to_owned(),
        stack: "shop".to_owned(),
        parameters: indexmap::IndexMap::new(),
    }
}

/// A template as a node that nobody wrote.
pub(super) fn template(json: Value) -> Node {
    Node::from_json(&json, Place::NOWHERE)
}

/// The resulting `Resources`, or the messages.
pub(super) fn resources(json: Value) -> Result<Value, Vec<String>> {
    transform(template(json), &context())
        .map(|(template, _)| template.to_json()["Resources"].clone())
        .map_err(|diagnostics| diagnostics.iter().map(|item| item.message.clone()).collect())
}

#[test]
fn a_layer_keeps_its_id_and_is_retained() {
    let got = resources(json!({"Resources": {"Util": {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {"ContentUri": "layers/util"},
    }}}));
    let want = json!({"Util": {
        "Type": "AWS::Lambda::LayerVersion",
        "DeletionPolicy": "Retain", "KeptByDefault": "true",
        "Properties": {"LayerName": "Util", "Content": {"LocalPath": "layers/util"}},
    }});
    assert_eq!(got, Ok(want));
}

#[test]
fn an_unknown_property_is_an_error_that_names_the_resource() {
    let got = resources(json!({"Resources": {"Util": {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {"ContentUrl": "layers/util"},
    }}}));
    let message = "resource `Util` is invalid: property `ContentUrl` is not defined for AWS::Serverless::LayerVersion";
    assert_eq!(got, Err(vec![message.to_owned()]));
}

#[test]
fn a_table_without_a_key_is_keyed_by_id() {
    let got = resources(json!({"Resources": {"Orders": {"Type": "AWS::Serverless::SimpleTable"}}}));
    let want = json!({"Orders": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    }});
    assert_eq!(got, Ok(want));
}

#[test]
fn a_layer_says_what_becomes_of_old_versions() {
    let policy = |retention: Value| {
        let got = resources(json!({"Resources": {"Util": {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {"ContentUri": "util", "RetentionPolicy": retention},
        }}}))?;
        Ok::<_, Vec<String>>(got["Util"]["DeletionPolicy"].clone())
    };
    assert_eq!(policy(json!("delete")), Ok(json!("Delete")));
    assert!(policy(json!("Maybe")).unwrap_err()[0].contains("`Retain` or `Delete`"));
    assert!(policy(json!({"Fn::If": ["C", "Retain", "Delete"]})).is_err());
}

#[test]
fn a_capacity_provider_has_an_operator_role_and_scales_by_itself() {
    let got = resources(json!({"Resources": {"Fleet": {
        "Type": "AWS::Serverless::CapacityProvider",
        "Properties": {"VpcConfig": {"SubnetIds": ["s"]}, "ScalingConfig": {"MaxVCpuCount": "8"}},
    }}}))
    .unwrap();
    let properties = &got["Fleet"]["Properties"];
    assert_eq!(properties["CapacityProviderScalingConfig"], json!({"MaxVCpuCount": 8, "ScalingMode": "Auto"}));
    let role = json!({"Fn::GetAtt": ["FleetOperatorRole", "Arn"]});
    assert_eq!(properties["PermissionsConfig"], json!({"CapacityProviderOperatorRoleArn": role}));
    assert_eq!(got["FleetOperatorRole"]["GeneratedFor"], "Fleet");
}

#[test]
fn a_template_without_resources_or_with_odd_ones_is_an_error() {
    assert!(resources(json!({})).unwrap_err()[0].contains("`Resources` section is required"));
    assert!(resources(json!({"Resources": {"A": "b"}})).unwrap_err()[0].contains("`A` is a string"));
    let odd = json!({"Resources": {"no-id": {"Type": "AWS::Serverless::SimpleTable"}}});
    assert!(resources(odd).unwrap_err()[0].contains("letters and digits"));
}

#[test]
fn an_error_in_globals_points_at_globals_and_one_in_an_intrinsic_at_it() {
    let text = "Globals:\n  Function:\n    Layers: odd\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      Policies:\n        - !If [C, {SQSPollerPolicy: {}}, !Ref AWS::NoValue]\n      Handler: h\n      Runtime: r\n      InlineCode: x\n";
    let places = |text: &str| {
        let mut documents = crate::compile::yaml::read_documents(text, crate::model::FileId(0)).unwrap();
        let diagnostics = transform(documents.remove(0), &context()).unwrap_err();
        diagnostics.iter().map(|item| (item.place.line, item.place.column)).collect::<Vec<_>>()
    };
    assert_eq!(places(text), [(3, 13)]);
    assert_eq!(places(&text.replace("Layers: odd", "Timeout: 3")), [(9, 20)]);
}

#[test]
fn what_sam_ignores_is_said() {
    let json = json!({"Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": {
        "Handler": "h", "Runtime": "r", "InlineCode": "x",
        "Policies": ["AmazonSQSFullAcces", {"SQSPollerPolicy": {"QueueName": "q", "Queue": "q"}}],
    }}}});
    let warnings = transform(template(json), &context()).unwrap().1;
    let messages: Vec<&str> = warnings.iter().map(|item| item.message.as_str()).collect();
    assert_eq!(messages.len(), 2);
    assert!(messages[0].contains("no AWS managed policy `AmazonSQSFullAcces`"), "{messages:?}");
    assert!(messages[1].contains("no parameter `Queue`"), "{messages:?}");
}

/// Any JSON that is not too large.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..99).prop_map(Value::from),
        "[a-zA-Z:/${}.*]{0,12}".prop_map(Value::from),
        Just(json!({"Ref": "AWS::NoValue"})),
        Just(json!({"Ref": "B"})),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"Fn::If": ["C", a, b]})),
            prop::collection::btree_map(
                prop::sample::select(vec![
                    "Type",
                    "Properties",
                    "Ref",
                    "Fn::Sub",
                    "Fn::If",
                    "Fn::GetAtt",
                    "Arn",
                    "URI",
                    "Queue",
                    "Statement",
                    "Destination",
                    "OnFailure",
                    "SQSPollerPolicy",
                    "QueueName",
                    "Topic",
                    "Bucket",
                    "Events",
                ]),
                inner,
                0..4
            )
            .prop_map(|map| json!(map)),
        ]
    })
}

/// A template with most of what a function may have.
fn rich() -> Value {
    let text = r#"{
        "Transform": "AWS::Serverless-2016-10-31",
        "Globals": {"Function": {"Timeout": 3, "Environment": {"Variables": {"A": "b"}}, "Tags": {"t": "v"}}},
        "Conditions": {"C": {"Fn::Equals": ["a", "a"]}},
        "Resources": {
            "B": {"Type": "AWS::S3::Bucket"},
            "P": {"Type": "AWS::Cognito::UserPool"},
            "L": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "l", "RetentionPolicy": "Retain"}},
            "T": {"Type": "AWS::Serverless::SimpleTable", "Properties": {"PrimaryKey": {"Name": "n", "Type": "String"}}},
            "F": {"Type": "AWS::Serverless::Function", "Condition": "C", "DependsOn": ["B"], "Properties": {
                "Runtime": "r", "Handler": "h", "CodeUri": "src", "PropagateTags": true, "Tracing": "Active",
                "Policies": ["AmazonS3ReadOnlyAccess", {"SQSPollerPolicy": {"QueueName": "q"}}, {"Statement": [{}]}],
                "AutoPublishAlias": "live", "AutoPublishCodeSha256": "abc", "DeadLetterQueue": {"Type": "SQS", "TargetArn": "a"},
                "DeploymentPreference": {"Type": "AllAtOnce", "Hooks": {"PreTraffic": "h"}},
                "FunctionUrlConfig": {"AuthType": "NONE", "Cors": {"AllowOrigins": ["*"]}},
                "EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Type": "SQS"}, "OnSuccess": {"Type": "SNS", "Destination": "a"}}},
                "Events": {
                    "A": {"Type": "S3", "Properties": {"Bucket": {"Ref": "B"}, "Events": "x"}},
                    "B": {"Type": "SNS", "Properties": {"Topic": {"Ref": "T"}, "SqsSubscription": true}},
                    "C": {"Type": "Cognito", "Properties": {"UserPool": {"Ref": "P"}, "Trigger": "PreSignUp"}},
                    "D": {"Type": "Schedule", "Properties": {"Schedule": "r", "DeadLetterConfig": {"Type": "SQS"}}},
                    "E": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "r"}},
                    "F": {"Type": "SelfManagedKafka", "Properties": {
                        "KafkaBootstrapServers": ["a"], "Topics": ["t"],
                        "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:s"}]
                    }},
                    "G": {"Type": "Kinesis", "Properties": {
                        "Stream": "s", "StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Type": "SNS", "Destination": "a"}}
                    }},
                    "H": {"Type": "Api", "Properties": {"Path": "/a", "Method": "get"}}
                }
            }}
        }
    }"#;
    serde_json::from_str(text).unwrap()
}

/// The JSON pointers of every value below.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let path = format!("{at}/{key}");
        pointers(child, &path, out);
        out.push(path);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_a_template_is_expanded_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4)
    ) {
        let mut json = rich();
        prop_assert!(resources(json.clone()).is_ok());
        for (index, value) in changes {
            let mut paths = Vec::new();
            pointers(&json, "", &mut paths);
            let path: &String = index.get(paths.as_slice());
            *json.pointer_mut(path.as_str()).unwrap() = value;
        }
        if let Err(messages) = resources(json) {
            prop_assert!(!messages.is_empty());
        }
    }
}

#[test]
fn the_condition_of_any_resource_is_a_name() {
    for odd in [json!(true), json!(["IsProd"]), json!({"Ref": "IsProd"})] {
        let said = resources(json!({"Resources": {
            "Util": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layers/util"}},
            "Socket": {"Type": "AWS::Serverless::WebSocketApi", "Condition": odd, "Properties": {}},
        }}));
        let said = said.unwrap_err().join("\n");
        assert!(said.contains("`Condition` of resource `Socket` must be a string"), "{said}");
    }
}

#[test]
fn a_capacity_provider_needs_subnets() {
    let said = resources(json!({"Resources": {
        "Pool": {"Type": "AWS::Serverless::CapacityProvider", "Properties": {"VpcConfig": {}}},
    }}));
    let said = said.unwrap_err().join("\n");
    assert!(said.contains("`Pool`") && said.contains("required property `SubnetIds` is missing"), "{said}");
}
