use serde_json::{Value, json};

use super::super::tests::resources;

/// A template of one function with one API event, and what else is given.
fn with_event(event: Value, more: &[(&str, Value)]) -> Value {
    let mut all = json!({"Get": {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "src",
            "Events": {"Call": {"Type": "Api", "Properties": event}},
        },
    }});
    for (id, resource) in more {
        all[*id] = resource.clone();
    }
    json!({"Resources": all})
}

fn api(properties: Value) -> Value {
    json!({"Type": "AWS::Serverless::Api", "Properties": properties})
}

#[test]
fn an_event_without_an_api_makes_one_with_a_deployment_and_the_stage_prod() {
    let got = resources(with_event(json!({"Path": "/orders/{id}", "Method": "get"}), &[])).unwrap();
    let ids: Vec<&String> = got.as_object().unwrap().keys().collect();
    let want = ["Get", "GetRole", "GetCallPermissionProd", "ServerlessRestApi", "ServerlessRestApiDeployment"];
    assert!(want.iter().all(|id| ids.iter().any(|other| other == id)), "{ids:?}");
    assert_eq!(got["ServerlessRestApiProdStage"]["Properties"]["StageName"], "Prod");
    let method = &got["ServerlessRestApi"]["Properties"]["Body"]["paths"]["/orders/{id}"]["get"];
    assert_eq!(method["x-amazon-apigateway-integration"]["httpMethod"], "POST");
    let source = &got["GetCallPermissionProd"]["Properties"]["SourceArn"]["Fn::Sub"][0];
    assert!(source.as_str().unwrap().ends_with("/${__Stage__}/GET/orders/*"), "{source}");
}

#[test]
fn references_to_the_stage_of_an_api_follow_to_what_was_made() {
    let mut template = with_event(json!({"Path": "/", "Method": "any"}), &[]);
    template["Resources"]["Note"] =
        json!({"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "ServerlessRestApi.Stage"}}});
    let got = resources(template).unwrap();
    assert_eq!(got["Note"]["Properties"]["Value"], json!({"Ref": "ServerlessRestApiProdStage"}));
}

#[test]
fn a_stage_named_by_a_reference_does_not_shape_its_id() {
    let got = resources(json!({"Resources": {"Shop": api(json!({"StageName": {"Ref": "Stage"}}))}})).unwrap();
    assert!(got.get("ShopStage").is_some(), "{got}");
}

#[test]
fn two_events_for_one_method_are_refused() {
    let mut template = with_event(json!({"Path": "/", "Method": "get"}), &[]);
    template["Resources"]["Get"]["Properties"]["Events"]["Again"] =
        json!({"Type": "Api", "Properties": {"Path": "/", "Method": "GET"}});
    let said = resources(template).unwrap_err().join("\n");
    assert!(said.contains("API method \"get\" defined multiple times for path \"/\""), "{said}");
}

#[test]
fn an_event_that_names_an_unknown_api_is_refused() {
    let said = resources(with_event(json!({"Path": "/", "Method": "get", "RestApiId": {"Ref": "Shup"}}), &[]));
    let said = said.unwrap_err().join("\n");
    assert!(said.contains("RestApiId must be a valid reference to an 'AWS::Serverless::Api' resource"), "{said}");
}

#[test]
fn the_default_authorizer_guards_every_method_but_those_that_chose() {
    let auth = json!({
        "DefaultAuthorizer": "Pool",
        "Authorizers": {"Pool": {"UserPoolArn": "arn:pool"}, "Token": {"FunctionArn": "arn:function"}},
    });
    let mut template = with_event(
        json!({"Path": "/", "Method": "get", "RestApiId": {"Ref": "Shop"}}),
        &[("Shop", api(json!({"StageName": "v1", "Auth": auth})))],
    );
    let events = &mut template["Resources"]["Get"]["Properties"]["Events"];
    for (name, method, authorizer) in [("Put", "put", "Token"), ("Open", "head", "NONE")] {
        events[name] = json!({"Type": "Api", "Properties": {
            "Path": "/", "Method": method, "RestApiId": {"Ref": "Shop"}, "Auth": {"Authorizer": authorizer},
        }});
    }
    let got = resources(template).unwrap();
    let body = &got["Shop"]["Properties"]["Body"];
    assert_eq!(body["paths"]["/"]["get"]["security"], json!([{"Pool": []}]));
    assert_eq!(body["paths"]["/"]["put"]["security"], json!([{"Token": []}]));
    assert_eq!(body["paths"]["/"]["head"]["security"], json!([{"NONE": []}]));
    assert_eq!(body["securityDefinitions"]["Pool"]["x-amazon-apigateway-authtype"], "cognito_user_pools");
    assert!(got.get("ShopTokenAuthorizerPermission").is_some());
    assert!(got.get("ShopPoolAuthorizerPermission").is_none());
}

#[test]
fn an_authorizer_that_the_api_does_not_have_is_refused() {
    let said = resources(with_event(json!({"Path": "/", "Method": "get", "Auth": {"Authorizer": "Pool"}}), &[]));
    let said = said.unwrap_err().join("\n");
    assert!(said.contains("Unable to set Authorizer [Pool] on API method [get] for path [/]"), "{said}");
}

#[test]
fn cors_answers_with_the_methods_of_the_path() {
    let template = with_event(
        json!({"Path": "/", "Method": "post", "RestApiId": {"Ref": "Shop"}}),
        &[("Shop", api(json!({"StageName": "v1", "Cors": "'https://example.com'"})))],
    );
    let got = resources(template).unwrap();
    let options = &got["Shop"]["Properties"]["Body"]["paths"]["/"]["options"];
    let headers = &options["x-amazon-apigateway-integration"]["responses"]["default"]["responseParameters"];
    assert_eq!(headers["method.response.header.Access-Control-Allow-Methods"], "'OPTIONS,POST'");
    assert_eq!(headers["method.response.header.Access-Control-Allow-Origin"], "'https://example.com'");
}

#[test]
fn credentials_for_every_origin_are_refused() {
    let cors = json!({"AllowCredentials": true});
    let said = resources(json!({"Resources": {"Shop": api(json!({"StageName": "v1", "Cors": cors}))}}));
    assert!(said.unwrap_err().join("\n").contains("'AllowCredentials' can not be true"));
}

#[test]
fn an_unknown_key_of_cors_is_an_error_with_the_nearest_key() {
    let cors = json!({"AllowOrigins": "'*'"});
    let said = resources(json!({"Resources": {"Shop": api(json!({"StageName": "v1", "Cors": cors}))}}));
    assert_eq!(said.unwrap_err(), ["resource `Shop` is invalid: property `Cors` has no key `AllowOrigins`"]);
}

#[test]
fn a_path_whose_methods_all_have_conditions_is_there_under_any_of_them() {
    let mut template = with_event(json!({"Path": "/", "Method": "get"}), &[]);
    template["Conditions"] = json!({"A": {"Fn::Equals": ["a", "a"]}, "B": {"Fn::Equals": ["a", "b"]}});
    let mut other = template["Resources"]["Get"].clone();
    template["Resources"]["Get"]["Condition"] = json!("A");
    other["Condition"] = json!("B");
    other["Properties"]["Events"]["Call"]["Properties"]["Method"] = json!("put");
    template["Resources"]["Put"] = other;
    let got = resources(template).unwrap();
    assert_eq!(got["ServerlessRestApi"]["Condition"], "ServerlessRestApiCondition");
    let path = &got["ServerlessRestApi"]["Properties"]["Body"]["paths"]["/"]["Fn::If"];
    assert_eq!(path[0], "ServerlessRestApiSLASHPathCondition");
    assert_eq!(path[1]["get"]["Fn::If"][0], "A");
}

#[test]
fn a_domain_comes_with_mappings_and_records() {
    let domain = json!({
        "DomainName": "api.example.com", "CertificateArn": "arn:cert", "BasePath": ["/one", "two"],
        "Route53": {"HostedZoneId": "Z1", "IpV6": true},
    });
    let got = resources(json!({"Resources": {"Shop": api(json!({"StageName": "v1", "Domain": domain}))}})).unwrap();
    assert_eq!(got["ShoponeBasePathMapping"]["Properties"]["BasePath"], "one");
    assert_eq!(got["ShoptwoBasePathMapping"]["Properties"]["Stage"], json!({"Ref": "Shopv1Stage"}));
    let groups = got.as_object().unwrap().values();
    let records: Vec<&Value> = groups
        .filter(|resource| resource["Type"] == "AWS::Route53::RecordSetGroup")
        .flat_map(|group| group["Properties"]["RecordSets"].as_array().unwrap())
        .collect();
    assert_eq!(records.iter().map(|record| &record["Type"]).collect::<Vec<_>>(), ["A", "AAAA"]);
}

#[test]
fn apis_that_share_a_usage_plan_have_one() {
    let plan = |stage: &str| api(json!({"StageName": stage, "Auth": {"UsagePlan": {"CreateUsagePlan": "SHARED"}}}));
    let got = resources(json!({"Resources": {"One": plan("a"), "Two": plan("b")}})).unwrap();
    let plan = &got["ServerlessUsagePlan"];
    assert_eq!(plan["DependsOn"], json!(["One", "Two"]));
    assert_eq!(plan["Properties"]["ApiStages"].as_array().unwrap().len(), 2);
}

#[test]
fn open_api_3_keeps_its_schemes_under_components() {
    let auth = json!({"DefaultAuthorizer": "Pool", "Authorizers": {"Pool": {"UserPoolArn": "arn:pool"}}});
    let template = with_event(
        json!({"Path": "/", "Method": "get", "RestApiId": {"Ref": "Shop"}}),
        &[("Shop", api(json!({"StageName": "v1", "OpenApiVersion": "3.0.1", "Auth": auth})))],
    );
    let got = resources(template).unwrap();
    let body = &got["Shop"]["Properties"]["Body"];
    assert_eq!(body["openapi"], "3.0.1");
    assert!(body.get("swagger").is_none() && body.get("securityDefinitions").is_none());
    assert!(body["components"]["securitySchemes"]["Pool"].is_object());
    assert!(got["ShopDeployment"]["Properties"].get("StageName").is_none());
}

#[test]
fn a_method_merges_into_the_document_that_a_person_wrote() {
    let body = json!({"swagger": "2.0", "paths": {"/": {"get": {"summary": "All"}}}});
    let template = with_event(
        json!({"Path": "/", "Method": "get", "RestApiId": {"Ref": "Shop"}}),
        &[("Shop", api(json!({"StageName": "v1", "MergeDefinitions": true, "DefinitionBody": body})))],
    );
    let got = resources(template).unwrap();
    let method = &got["Shop"]["Properties"]["Body"]["paths"]["/"]["get"];
    assert_eq!(method["summary"], "All");
    assert!(method["x-amazon-apigateway-integration"].is_object());
}

#[test]
fn authorization_can_be_overridden_only_for_a_path_that_the_document_has() {
    let event = |path: &str| {
        let auth = json!({"Authorizer": "NONE", "OverrideApiAuth": true});
        json!({"Path": path, "Method": "get", "RestApiId": {"Ref": "Shop"}, "Auth": auth})
    };
    let document = json!({"swagger": "2.0", "paths": {"/a": {"get": {}}}});
    let shop =
        || api(json!({"StageName": "Prod", "DefinitionBody": document, "Auth": {"DefaultAuthorizer": "AWS_IAM"}}));
    assert!(resources(with_event(event("/a"), &[("Shop", shop())])).is_ok());
    let said = resources(with_event(event("/b"), &[("Shop", shop())])).unwrap_err().join("\n");
    assert!(said.contains("event `Call`") && said.contains("'/b' path must be a dictionary"), "{said}");
}
