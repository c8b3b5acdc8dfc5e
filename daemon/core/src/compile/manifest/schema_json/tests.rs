use super::*;

fn references<'j>(json: &'j Json, found: &mut Vec<&'j str>) {
    match json {
        Json::Object(map) => map.iter().for_each(|(key, inner)| match (key.as_str(), inner.as_str()) {
            ("$ref", Some(target)) => found.push(target),
            _ => references(inner, found),
        }),
        Json::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

fn words(schema: &Json, kind: &str) -> Vec<String> {
    schema["definitions"][kind]["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_reference_in_the_schema_leads_somewhere() {
    let schema = json_schema();
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.len() > 50);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(schema.pointer(pointer).is_some(), "{target}");
    }
}

#[test]
fn the_schema_is_the_same_every_time() {
    assert_eq!(json_schema().to_string(), json_schema().to_string());
}

#[test]
fn every_kind_has_its_aws_properties_and_our_words() {
    let schema = json_schema();
    for kind in Kind::ALL {
        assert!(schema["definitions"][kind.as_str()].is_object(), "{}", kind.as_str());
    }
    let function = words(&schema, "Function");
    for word in ["code", "environment", "triggers", "connects", "rollout", "memorySize", "vpcConfig", "deletionPolicy"]
    {
        assert!(function.iter().any(|known| known == word), "{word}");
    }
    assert!(!function.iter().any(|known| known == "arn"), "only AWS sets an ARN");
    assert!(words(&schema, "Queue").iter().any(|known| known == "visibilityTimeout"));
    assert!(words(&schema, "Parameter").iter().any(|known| known == "keyId"));
}

#[test]
fn limits_and_enumerations_of_aws_reach_the_editor() {
    let schema = json_schema();
    let timeout = &schema["definitions"]["Queue"]["properties"]["visibilityTimeout"];
    assert_eq!(timeout["anyOf"][0]["type"], json!("integer"));
    let modes = &schema["definitions"]["Function"]["properties"]["tracingConfig"]["anyOf"][0]["properties"]["mode"];
    assert_eq!(modes["anyOf"][0]["enum"], json!(["Active", "PassThrough"]));
}
