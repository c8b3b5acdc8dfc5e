use serde_json::{Value, json};

use super::super::tests::resources;

fn api(more: Value) -> Value {
    let mut properties = json!({
        "RouteSelectionExpression": "$request.body.action",
        "Routes": {"$connect": {"FunctionArn": "arn:in"}, "sendNews": {"FunctionArn": "arn:news"}},
    });
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"Resources": {"Chat": {"Type": "AWS::Serverless::WebSocketApi", "Properties": properties}}})
}

#[test]
fn a_route_has_an_integration_and_a_permission() {
    let got = resources(api(json!({}))).unwrap();
    assert_eq!(got["ChatSendnewsRoute"]["Properties"]["RouteKey"], "sendNews");
    let target = &got["ChatSendnewsRoute"]["Properties"]["Target"]["Fn::Join"][1];
    assert_eq!(*target, json!(["integrations", {"Ref": "ChatSendnewsIntegration"}]));
    assert_eq!(got["ChatConnectPermission"]["Properties"]["FunctionName"], "arn:in");
    assert_eq!(got["ChatDefaultStage"]["Properties"]["StageName"], "default");
}

#[test]
fn an_authorizer_guards_the_connect_route() {
    let got = resources(api(json!({"Auth": {"AuthType": "CUSTOM", "AuthArn": "arn:auth"}}))).unwrap();
    let route = &got["ChatConnectRoute"]["Properties"];
    assert_eq!(route["AuthorizerId"], json!({"Ref": "ChatConnectAuthorizer"}));
    assert!(got["ChatSendnewsRoute"]["Properties"].get("AuthorizerId").is_none());
    assert!(got.get("ChatAuthorizerPermission").is_some());
}

#[test]
fn what_iam_does_not_take_is_refused() {
    let said = resources(api(json!({"Auth": {"AuthType": "AWS_IAM", "AuthArn": "arn:auth"}})));
    assert!(said.unwrap_err().join("\n").contains("No additional configurations supported for AuthType AWS_IAM"));
}

#[test]
fn route_settings_make_the_stage_wait_for_the_routes() {
    let got = resources(api(json!({"RouteSettings": {"sendNews": {"ThrottlingBurstLimit": 5}}}))).unwrap();
    assert_eq!(got["ChatDefaultStage"]["DependsOn"], json!(["ChatConnectRoute", "ChatSendnewsRoute"]));
}
