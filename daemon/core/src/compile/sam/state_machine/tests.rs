use serde_json::{Value, json};

use super::super::tests::resources;

fn machine(properties: Value) -> Value {
    json!({"Resources": {"Flow": {"Type": "AWS::Serverless::StateMachine", "Properties": properties}}})
}

#[test]
fn intrinsics_in_a_definition_become_substitutions_in_the_order_of_keys() {
    let definition = json!({"StartAt": "B", "States": {
        "B": {"Resource": {"Fn::GetAtt": ["Second", "Arn"]}},
        "A": {"Resource": {"Fn::GetAtt": ["First", "Arn"]}, "Comment": "{{resolve:ssm:/note:1}}"},
    }});
    let got = resources(machine(json!({"Definition": definition}))).unwrap();
    let flow = &got["Flow"]["Properties"];
    let want = json!({
        "definition_substitution_1": "{{resolve:ssm:/note:1}}",
        "definition_substitution_2": {"Fn::GetAtt": ["First", "Arn"]},
        "definition_substitution_3": {"Fn::GetAtt": ["Second", "Arn"]},
    });
    assert_eq!(flow["DefinitionSubstitutions"], want);
    let text = flow["DefinitionString"].as_str().unwrap();
    assert!(text.starts_with("{\n    \"StartAt\": \"B\",\n    \"States\": {\n        \"A\": {"), "{text}");
    assert_eq!(flow["RoleArn"], json!({"Fn::GetAtt": ["FlowRole", "Arn"]}));
}

#[test]
fn a_role_and_policies_together_are_refused() {
    let said = resources(machine(json!({
        "DefinitionUri": "flow.asl.json", "Role": "arn:role", "Policies": ["AmazonSQSFullAccess"],
    })));
    assert!(said.unwrap_err().join("\n").contains("Specify either 'Role' or 'Policies'"));
}

#[test]
fn a_schedule_starts_the_alias_where_asked_to() {
    let got = resources(machine(json!({
        "DefinitionUri": "flow.asl.json", "AutoPublishAlias": "live", "UseAliasAsEventTarget": true,
        "Events": {"Daily": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}},
    })))
    .unwrap();
    let target = &got["FlowDaily"]["Properties"]["Targets"][0];
    assert_eq!(target["Arn"], json!({"Ref": "FlowAliaslive"}));
    assert_eq!(target["RoleArn"], json!({"Fn::GetAtt": ["FlowDailyRole", "Arn"]}));
    assert_eq!(got["FlowVersion"]["DeletionPolicy"], "Retain");
    assert_eq!(got["Flow"]["Properties"]["DefinitionS3Location"], json!({"LocalPath": "flow.asl.json"}));
}

#[test]
fn an_api_event_starts_an_execution_with_the_requests_body() {
    let got = resources(machine(json!({
        "DefinitionUri": "flow.asl.json",
        "Events": {"Start": {"Type": "Api", "Properties": {"Path": "/start", "Method": "post"}}},
    })))
    .unwrap();
    let method = &got["ServerlessRestApi"]["Properties"]["Body"]["paths"]["/start"]["post"];
    let integration = &method["x-amazon-apigateway-integration"];
    assert_eq!(integration["credentials"], json!({"Fn::GetAtt": ["FlowStartRole", "Arn"]}));
    let template = integration["requestTemplates"]["application/json"]["Fn::Sub"].as_str().unwrap();
    assert!(template.ends_with("\"stateMachineArn\": \"${Flow}\"}"), "{template}");
}

#[test]
fn an_unknown_event_type_is_refused_by_name() {
    let said = resources(machine(json!({
        "DefinitionUri": "flow.asl.json", "Events": {"Daily": {"Type": "Shedule", "Properties": {}}},
    })));
    let said = said.unwrap_err().join("\n");
    assert!(said.contains("`Daily`") && said.contains("there is no event type `Shedule`"), "{said}");
}
