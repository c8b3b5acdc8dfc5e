use serde_json::{Value, json};

use super::super::tests::resources;

fn function() -> Value {
    json!({"Type": "AWS::Serverless::Function", "Properties": {
        "Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "src",
    }})
}

#[test]
fn a_connector_gives_the_functions_role_a_policy() {
    let got = resources(json!({"Resources": {
        "Send": function(),
        "Orders": {"Type": "AWS::SQS::Queue"},
        "Link": {"Type": "AWS::Serverless::Connector", "Properties": {
            "Source": {"Id": "Send"}, "Destination": {"Id": "Orders"}, "Permissions": ["Write"],
        }},
    }}))
    .unwrap();
    let policy = &got["LinkPolicy"]["Properties"];
    assert_eq!(policy["Roles"], json!([{"Ref": "SendRole"}]));
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Resource"], json!([{"Fn::GetAtt": ["Orders", "Arn"]}]));
    assert!(statement["Action"].as_array().unwrap().contains(&json!("sqs:SendMessage")));
}

#[test]
fn an_embedded_connector_takes_the_id_of_both_and_the_mapping_waits_for_it() {
    let mut read = function();
    read["Properties"]["Events"] =
        json!({"In": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Orders", "Arn"]}}}});
    let connectors = json!({"Feed": {"Properties": {"Destination": {"Id": "Read"}, "Permissions": ["Read", "Write"]}}});
    let got = resources(json!({"Resources": {
        "Read": read,
        "Orders": {"Type": "AWS::SQS::Queue", "Connectors": connectors},
    }}))
    .unwrap();
    assert_eq!(got["OrdersFeedPolicy"]["Properties"]["Roles"], json!([{"Ref": "ReadRole"}]));
    assert_eq!(got["ReadIn"]["DependsOn"], json!(["OrdersFeedPolicy"]));
    assert!(got["Orders"].get("Connectors").is_none());
}

#[test]
fn ends_that_cannot_be_connected_are_refused_with_their_types() {
    let said = resources(json!({"Resources": {
        "Send": function(),
        "Orders": {"Type": "AWS::SQS::Queue"},
        "Link": {"Type": "AWS::Serverless::Connector", "Properties": {
            "Source": {"Id": "Orders"}, "Destination": {"Id": "Send"}, "Permissions": ["Write"],
        }},
    }}));
    let said = said.unwrap_err().join("\n");
    assert!(said.contains("valid combinations are: Read + Write"), "{said}");
}

#[test]
fn who_waits_for_a_connector_waits_for_its_policies() {
    let got = resources(json!({"Resources": {
        "Send": function(),
        "Orders": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic", "DependsOn": "Link"},
        "Link": {"Type": "AWS::Serverless::Connector", "Properties": {
            "Source": {"Id": "Send"}, "Destination": [{"Id": "Orders"}, {"Id": "Topic"}], "Permissions": ["Write"],
        }},
    }}))
    .unwrap();
    assert_eq!(got["Topic"]["DependsOn"], json!(["LinkPolicyDestination0", "LinkPolicyDestination1"]));
}
