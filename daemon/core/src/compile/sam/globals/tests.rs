use serde_json::{Value, json};

use super::super::tests::{resources, template};
use super::apply;

fn merged(globals: Value, own: Value) -> Result<Value, String> {
    let mut node = template(json!({
        "Globals": globals,
        "Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": own}},
    }));
    apply(&mut node).map_err(|diagnostic| diagnostic.message)?;
    Ok(node.to_json()["Resources"]["Fn"]["Properties"].clone())
}

#[test]
fn maps_merge_lists_join_and_the_resource_wins() {
    let got = merged(
        json!({"Function": {
            "Timeout": 3, "MemorySize": 128, "Layers": ["a"], "Architectures": ["arm64"],
            "Environment": {"Variables": {"A": "g", "B": "g"}}, "Tags": {"t": "g"},
        }}),
        json!({
            "Timeout": 9, "Layers": ["b"], "Architectures": ["x86_64"],
            "Environment": {"Variables": {"B": "l"}}, "Tags": {"Fn::If": ["C", {}, {}]},
        }),
    );
    let want = json!({
        "Timeout": 9, "MemorySize": 128, "Layers": ["a", "b"], "Architectures": ["x86_64"],
        "Environment": {"Variables": {"A": "g", "B": "l"}}, "Tags": {"Fn::If": ["C", {}, {}]},
    });
    assert_eq!(got, Ok(want));
}

#[test]
fn an_unknown_section_or_property_is_an_error_of_the_section() {
    let said = merged(json!({"Funktion": {}}), json!({})).unwrap_err();
    assert!(said.starts_with("the `Globals` section is invalid: `Funktion` is not supported"), "{said}");
    let said = merged(json!({"Function": {"Policies": []}}), json!({})).unwrap_err();
    assert!(said.contains("`Policies` is not a supported property of `Function`"), "{said}");
}

#[test]
fn a_resource_may_ignore_all_or_some_globals() {
    let timeout = |ignored: Value| {
        let got = resources(json!({
            "Globals": {"Function": {"Timeout": 3, "MemorySize": 128}},
            "Resources": {"Fn": {"Type": "AWS::Serverless::Function", "IgnoreGlobals": ignored, "Properties": {
                "Runtime": "r", "Handler": "h", "InlineCode": "x",
            }}},
        }))?;
        let properties = &got["Fn"]["Properties"];
        Ok::<_, Vec<String>>((properties["Timeout"].clone(), properties["MemorySize"].clone()))
    };
    assert_eq!(timeout(json!("*")), Ok((json!(null), json!(null))));
    assert_eq!(timeout(json!(["Timeout"])), Ok((json!(null), json!(128))));
    assert!(timeout(json!(["Handler"])).unwrap_err()[0].contains("resource `Fn`"));
}
