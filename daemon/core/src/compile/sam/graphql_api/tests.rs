use serde_json::{Value, json};

use super::super::tests::resources;

fn api(more: Value) -> Value {
    let mut properties = json!({"SchemaInline": "type Query { a: String }", "Auth": {"Type": "AWS_IAM"}});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"Resources": {"Graph": {"Type": "AWS::Serverless::GraphQLApi", "Properties": properties}}})
}

#[test]
fn a_resolver_is_a_pipeline_of_functions() {
    let got = resources(api(json!({
        "DataSources": {"DynamoDb": {"Posts": {"TableName": "posts"}}},
        "Functions": {"read": {
            "Runtime": {"Name": "APPSYNC_JS", "Version": "1.0.0"}, "DataSource": "Posts", "CodeUri": "read.js",
        }},
        "Resolvers": {"Query": {"post": {"Pipeline": ["read"]}}},
    })))
    .unwrap();
    let resolver = &got["GraphQuerypost"];
    assert_eq!(resolver["DependsOn"], json!(["GraphSchema"]));
    let functions = &resolver["Properties"]["PipelineConfig"]["Functions"];
    assert_eq!(*functions, json!([{"Fn::GetAtt": ["Graphread", "FunctionId"]}]));
    let function = &got["Graphread"]["Properties"];
    assert_eq!(function["DataSourceName"], json!({"Fn::GetAtt": ["GraphPostsDynamoDBDataSource", "Name"]}));
    assert_eq!(function["CodeS3Location"], json!({"LocalPath": "read.js"}));
    assert!(got.get("GraphPostsDynamoDBDataSourceToTableConnectorPolicy").is_some());
}

#[test]
fn a_schema_is_needed_once() {
    let said = resources(api(json!({"SchemaUri": "schema.graphql"})));
    assert!(said.unwrap_err().join("\n").contains("Both 'SchemaInline' and 'SchemaUri' cannot be defined"));
}

#[test]
fn a_pipeline_of_an_unknown_function_is_refused() {
    let said = resources(api(json!({"Resolvers": {"Query": {"post": {"Pipeline": ["read"]}}}})));
    assert!(said.unwrap_err().join("\n").contains("Function 'read' does not exist"));
}

#[test]
fn logs_have_a_role_unless_they_are_turned_off() {
    assert!(resources(api(json!({}))).unwrap().get("GraphCloudWatchRole").is_some());
    assert!(resources(api(json!({"Logging": false}))).unwrap().get("GraphCloudWatchRole").is_none());
}

#[test]
fn x_ray_is_a_truth_value_that_sam_itself_must_know() {
    let got = resources(api(json!({"XrayEnabled": "true"}))).unwrap();
    assert_eq!(got["Graph"]["Properties"]["XrayEnabled"], true);
    for odd in [json!({"Ref": "Trace"}), json!([]), json!("maybe")] {
        let said = resources(api(json!({"XrayEnabled": odd}))).unwrap_err().join("\n");
        assert!(said.contains("resource `Graph` is invalid: property `XrayEnabled`"), "{said}");
    }
}
