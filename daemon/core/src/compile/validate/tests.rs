use proptest::prelude::*;

use super::*;
use crate::compile::yaml;
use crate::model::resource::SpecSource;
use crate::model::{Desired, FileId, Node, Place};

fn node(text: &str) -> Node {
    yaml::read_documents(text, FileId(0)).unwrap().remove(0)
}

fn complaints(type_name: &str, text: &str) -> Vec<Diagnostic> {
    let mut out = Diagnostics::new();
    validate_resource(&Resource::new("it", type_name, node(text), Place::new(FileId(0), 99, 1)), &mut out);
    out.sorted().into_iter().cloned().collect()
}

fn only(type_name: &str, text: &str) -> Diagnostic {
    let all = complaints(type_name, text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

const FUNCTION: &str = "AWS::Lambda::Function";
const RIGHT: &str = "Role: !GetAtt R.Arn\nCode: {LocalPath: src}\n";

#[test]
fn a_right_function_has_no_complaints() {
    let text = format!(
        "{RIGHT}Handler: a.b\nRuntime: python3.13\nTimeout: \"12\"\nMemorySize: 256\nEnvironment: {{Variables: {{A: 1, B: !Ref X}}}}\nLayers: [!Ref L]\nTags: [{{Key: a, Value: b}}]\n"
    );
    assert_eq!(complaints(FUNCTION, &text), vec![]);
}

#[test]
fn an_unknown_property_is_an_error_at_its_key_with_the_nearest_name() {
    let it = only(FUNCTION, &format!("{RIGHT}MemorySice: 256\n"));
    assert_eq!(
        (it.code, it.place.line, it.help.as_deref()),
        ("unknown-property", 3, Some("did you mean `MemorySize`?"))
    );
    let it = only(FUNCTION, &format!("{RIGHT}VpcConfig: {{SubnetIdz: [a]}}\n"));
    assert_eq!((it.code, it.help.as_deref()), ("unknown-property", Some("did you mean `SubnetIds`?")));
}

#[test]
fn an_unknown_type_is_an_error_with_the_nearest_name() {
    let it = only("AWS::Lambda::Funktion", "{}");
    assert_eq!((it.code, it.help.as_deref()), ("unknown-type", Some("did you mean `AWS::Lambda::Function`?")));
}

#[test]
fn what_is_missing_is_told_where_the_resource_stands() {
    let it = only(FUNCTION, "Role: !Ref R\n");
    assert_eq!((it.code, it.place.line), ("missing-property", 99));
}

#[test]
fn types_enums_and_limits_are_held() {
    for (line, code) in [
        ("Timeout: soon", "wrong-type"),
        ("Timeout: 1000000", "out-of-range"),
        ("Layers: arn", "wrong-type"),
        ("Architectures: [arm65]", "bad-value"),
        ("TracingConfig: {Mode: active}", "bad-value"),
        ("Environment: [a]", "wrong-type"),
    ] {
        let all = complaints(FUNCTION, &format!("{RIGHT}{line}\n"));
        assert!(all.iter().any(|it| it.code == code && it.place.line == 3), "{line}: {all:#?}");
    }
}

#[test]
fn what_only_aws_sets_cannot_be_given() {
    assert_eq!(only("AWS::SQS::Queue", "Arn: x").code, "read-only");
}

#[test]
fn a_secure_string_and_its_key_are_taken_beyond_the_schema() {
    assert_eq!(complaints("AWS::SSM::Parameter", "{Type: SecureString, Value: x, KeyId: alias/a}"), vec![]);
    assert_eq!(only("AWS::SSM::Parameter", "{Type: Secret, Value: x}").code, "bad-value");
}

#[test]
fn a_secret_is_not_repeated_in_a_complaint() {
    let mut properties = node("{Type: String, Value: x}");
    properties.set("Type", Node::str("hunter2", Place::NOWHERE).into_secret());
    let mut out = Diagnostics::new();
    validate_resource(&Resource::new("it", "AWS::SSM::Parameter", properties, Place::NOWHERE), &mut out);
    assert!(out.has_errors());
    assert!(!format!("{out:?}").contains("hunter2"));
}

#[test]
fn scalars_take_the_type_that_the_schema_gives_them() {
    let mut properties =
        node("{Timeout: \"12\", Description: 12, Environment: {Variables: {A: 1}}, MemorySize: 256.0}");
    canonicalise(FUNCTION, &mut properties);
    assert_eq!(
        properties.to_json(),
        serde_json::json!({"Timeout": 12, "Description": "12", "Environment": {"Variables": {"A": 1}}, "MemorySize": 256})
    );
}

fn any_node() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|f| serde_json::json!(f)),
        ".{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![
            "[A-Z][a-z]{1,8}",
            Just("Code".into()),
            Just("Environment".into()),
            Just("Ref".into()),
            Just("Policies".into())
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_makes_validation_panic(json in any_node(), which in 0usize..6) {
        let types = [FUNCTION, "AWS::SQS::Queue", "AWS::IAM::Role", "AWS::ApiGateway::RestApi", "AWS::S3::Bucket", "AWS::DynamoDB::Table"];
        let mut properties = Node::from_json(&json, Place::NOWHERE);
        let mut out = Diagnostics::new();
        validate_resource(&Resource::new("it", types[which], properties.clone(), Place::NOWHERE), &mut out);
        canonicalise(types[which], &mut properties);
        let again = { let mut again = properties.clone(); canonicalise(types[which], &mut again); again };
        prop_assert_eq!(again, properties);
    }
}

/// What is said of the attributes that one resource asks of a queue `Q` and a custom resource `C`.
fn asked(value: &str) -> Vec<Diagnostic> {
    let place = Place::new(FileId(0), 99, 1);
    let resources = [
        Resource::new("Q", "AWS::SQS::Queue", node("{}"), place),
        Resource::new("C", "AWS::CloudFormation::CustomResource", node("{}"), place),
        Resource::new("P", "AWS::SSM::Parameter", node(&format!("Type: String\nValue: {value}\n")), place),
    ];
    let desired = Desired {
        app: "app".into(),
        env: None,
        stack: "app".into(),
        region: None,
        account: None,
        role_arn: None,
        source: SpecSource::Template,
        tags: Default::default(),
        resources: resources.into_iter().map(|resource| (resource.id.clone(), resource)).collect(),
        outputs: Default::default(),
        deleted: false,
        allow_delete: None,
    };
    let mut out = Diagnostics::new();
    check_attributes(&desired, &mut out);
    out.iter().cloned().collect()
}

#[test]
fn an_attribute_that_a_type_does_not_have_is_an_error_where_it_is_asked_for() {
    for right in ["!GetAtt Q.Arn", "!GetAtt Q.QueueName", "!GetAtt C.Anything", "!Ref Q"] {
        assert_eq!(asked(right), [], "{right}");
    }
    for wrong in ["!GetAtt Q.Arm", "!Join ['', [a, !GetAtt Q.Arm]]"] {
        let all = asked(wrong);
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((all[0].code, all[0].place.line), ("unknown-attribute", 2));
        assert_eq!(all[0].help.as_deref(), Some("did you mean `Arn`?"));
    }
}

#[test]
fn patterns_of_tags_and_names_are_held() {
    assert_eq!(only("AWS::SQS::Queue", "Tags: [{Key: \"a{b\", Value: c}]").code, "bad-value");
    assert_eq!(complaints("AWS::SQS::Queue", "Tags: [{Key: größe, Value: ok}]"), vec![]);
    assert_eq!(only("AWS::Logs::LogGroup", "LogGroupName: \"a b\"").code, "bad-value");
}

#[test]
fn properties_that_need_or_exclude_each_other_are_told() {
    let alarm = "ComparisonOperator: LessThanThreshold\nEvaluationPeriods: 1\nMetricName: m\nNamespace: n\nPeriod: 60\nStatistic: Sum\n";
    assert_eq!(complaints("AWS::CloudWatch::Alarm", &format!("{alarm}Threshold: 1\n")), vec![]);
    let it = only("AWS::CloudWatch::Alarm", &format!("{alarm}Threshold: 1\nThresholdMetricId: x\n"));
    assert_eq!((it.code, it.place.line), ("unsupported-together", 8));
    let rule = "AWS::Events::Rule";
    assert_eq!(complaints(rule, "ScheduleExpression: rate(1 minute)\n"), vec![]);
    assert_eq!(only(rule, "State: ENABLED\n").code, "missing-property");
    let sse =
        "{KeySchema: [{AttributeName: a, KeyType: HASH}], SSESpecification: {SSEEnabled: true, KMSMasterKeyId: k}}";
    let it = only("AWS::DynamoDB::Table", sse);
    assert_eq!(it.code, "missing-property");
    assert!(it.message.contains("`SSESpecification.SSEType`"), "{}", it.message);
}
