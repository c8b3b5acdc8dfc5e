use serde_json::json;

use super::*;

#[test]
fn the_table_is_whole_dated_and_small() {
    assert!(count() > 1800, "{}", count());
    assert!(date().starts_with("2026-"), "{}", date());
    assert!(source().starts_with("cfn-lint 1."), "{}", source());
    assert!(include_bytes!("../../../schemas/aws-resources.bin").len() < 3_000_000);
}

#[test]
fn every_type_reads_and_every_reference_leads_somewhere() {
    fn check(schema: &TypeSchema, shape: &Shape) {
        if let Some(name) = &shape.reference
            && !name.starts_with('#')
        {
            assert!(schema.definitions.contains_key(name), "{}: {name}", schema.name);
        }
        let inner = shape.properties.values().chain(shape.items.as_deref()).chain(&shape.any_of);
        inner.chain(&shape.one_of).chain(&shape.all_of).for_each(|shape| check(schema, shape));
    }
    for name in type_names() {
        let schema = lookup(name).unwrap_or_else(|| panic!("{name} does not read"));
        check(schema, &schema.root);
        schema.definitions.values().for_each(|shape| check(schema, shape));
    }
}

#[test]
fn a_function_is_known_in_detail() {
    let function = lookup("AWS::Lambda::Function").unwrap();
    assert!(function.is_create_only("FunctionName"));
    assert!(function.is_create_only("TenancyConfig.TenantIsolationMode"));
    assert!(!function.is_create_only("MemorySize"));
    assert!(function.is_read_only("Arn"));
    assert!(function.is_read_only("SnapStartResponse.ApplyOn"));
    assert!(function.is_write_only("Code.ZipFile"));
    assert_eq!(function.primary_identifier, ["FunctionName"]);
    assert_eq!(function.tagging.as_ref().map(|tagging| tagging.property.as_str()), Some("Tags"));
    let vpc = function.property("VpcConfig").unwrap();
    assert!(vpc.properties.contains_key("SubnetIds"));
    assert!(function.handlers["create"].contains(&"iam:PassRole".to_owned()));
    assert!(function.writable().any(|name| name == "MemorySize"));
    assert!(function.writable().all(|name| name != "Arn"));
}

#[test]
fn paths_match_below_and_through_lists() {
    let listed = vec!["A".to_owned(), "B.*.C".to_owned()];
    assert!(lists(&listed, "A"));
    assert!(lists(&listed, "A.X[0]"));
    assert!(lists(&listed, "B[3].C"));
    assert!(!lists(&listed, "B[3]"));
    assert!(!lists(&listed, "AB"));
}

#[test]
fn what_aws_does_not_have_is_not_found() {
    assert!(lookup("AWS::Lambda::Funktion").is_none());
}

#[test]
fn attributes_are_the_read_only_properties_and_what_the_type_gives_beyond_them() {
    let attributes = |name: &str| lookup(name).unwrap().attributes();
    assert_eq!(attributes("AWS::IAM::Role"), ["Arn", "RoleId"]);
    let queue = lookup("AWS::SQS::Queue").unwrap();
    assert!(queue.has_attribute("QueueName") && queue.has_attribute("QueueUrl") && !queue.has_attribute("Arm"));
    assert!(!lookup("AWS::Lambda::Function").unwrap().has_attribute("MemorySize"));
    assert!(lookup("AWS::CloudFormation::Stack").unwrap().has_attribute("Outputs.Url"));
}

#[test]
fn patterns_can_be_read_but_for_those_that_look_around() {
    fn visit(shape: &Shape, seen: &mut std::collections::BTreeSet<String>) {
        seen.extend(shape.pattern.iter().cloned());
        let inner = shape.properties.values().chain(shape.items.as_deref()).chain(&shape.any_of);
        inner.chain(&shape.one_of).chain(&shape.all_of).for_each(|shape| visit(shape, seen));
    }
    let mut seen = std::collections::BTreeSet::new();
    for service in ["AWS::Lambda::", "AWS::SQS::", "AWS::SNS::", "AWS::SSM::", "AWS::IAM::", "AWS::Logs::", "AWS::S3::"]
    {
        for name in type_names().filter(|name| name.starts_with(service)) {
            let schema = lookup(name).unwrap();
            visit(&schema.root, &mut seen);
            schema.definitions.values().for_each(|shape| visit(shape, &mut seen));
        }
    }
    let looks_around = |pattern: &str| ["(?!", "(?=", "(?<"].iter().any(|mark| pattern.contains(mark));
    let unread: Vec<&String> = seen
        .iter()
        .filter(|pattern| {
            !looks_around(pattern) && regex::RegexBuilder::new(pattern).size_limit(8 << 20).build().is_err()
        })
        .collect();
    assert!(seen.len() > 100, "{}", seen.len());
    assert!(unread.is_empty(), "{unread:#?}");
}

#[test]
fn numbers_are_text_where_aws_takes_only_text_and_stay_numbers_elsewhere() {
    let spelled = |name: &str, properties: serde_json::Value| {
        let mut properties = properties.as_object().unwrap().clone();
        lookup(name).unwrap().spell(&mut properties);
        serde_json::Value::Object(properties)
    };
    assert_eq!(
        spelled(
            "AWS::Lambda::EventInvokeConfig",
            json!({"FunctionName": 7, "Qualifier": 1, "MaximumRetryAttempts": 1})
        ),
        json!({"FunctionName": "7", "Qualifier": "1", "MaximumRetryAttempts": 1})
    );
    let function = |year: serde_json::Value| json!({"MemorySize": 128, "Tags": [{"Key": "year", "Value": year}], "VpcConfig": {"Ipv6AllowedForDualStack": true}});
    assert_eq!(spelled("AWS::Lambda::Function", function(json!(2026))), function(json!("2026")));
    let policy = json!({"Statement": [{"Condition": {"NumericLessThan": {"s3:max-keys": 10}}}]});
    let role = json!({"RoleName": "r", "AssumeRolePolicyDocument": policy});
    assert_eq!(spelled("AWS::IAM::Role", role.clone()), role);
}
