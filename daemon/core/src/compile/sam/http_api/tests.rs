use serde_json::{Value, json};

use super::super::tests::resources;

fn function(events: Value) -> Value {
    json!({"Type": "AWS::Serverless::Function", "Properties": {
        "Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "src", "Events": events,
    }})
}

#[test]
fn an_event_without_path_and_method_is_the_default_route() {
    let got = resources(json!({"Resources": {"Get": function(json!({"Call": {"Type": "HttpApi"}}))}})).unwrap();
    let paths = &got["ServerlessHttpApi"]["Properties"]["Body"]["paths"];
    assert_eq!(paths["$default"]["x-amazon-apigateway-any-method"]["isDefaultRoute"], true);
    assert_eq!(got["ServerlessHttpApiApiGatewayDefaultStage"]["Properties"]["StageName"], "$default");
    let source = got["GetCallPermission"]["Properties"]["SourceArn"]["Fn::Sub"][0].as_str().unwrap();
    assert!(source.ends_with("/${__Stage__}/*"), "{source}");
}

#[test]
fn the_default_routes_permission_covers_the_functions_other_routes() {
    let events = json!({
        "All": {"Type": "HttpApi"},
        "One": {"Type": "HttpApi", "Properties": {"Path": "/one/{id}", "Method": "get"}},
    });
    let got = resources(json!({"Resources": {"Get": function(events)}})).unwrap();
    assert!(got.get("GetOnePermission").is_none());
    let route = &got["ServerlessHttpApi"]["Properties"]["Body"]["paths"]["/one/{id}"]["get"];
    assert_eq!(route["parameters"], json!([{"name": "id", "in": "path", "required": true}]));
}

#[test]
fn a_jwt_authorizer_without_an_identity_source_is_refused() {
    let auth = json!({"Authorizers": {"Jwt": {"JwtConfiguration": {"Issuer": "https://example.com"}}}});
    let said = resources(json!({"Resources": {
        "Shop": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Auth": auth}},
    }}));
    let said = said.unwrap_err().join("\n");
    assert!(said.contains("Jwt OAuth2 Authorizer must define 'IdentitySource'"), "{said}");
}

#[test]
fn a_lambda_authorizer_gets_its_permission_only_where_asked_for() {
    let authorizer = |ask: bool| json!({"FunctionArn": "arn:f", "AuthorizerPayloadFormatVersion": "2.0", "EnableFunctionDefaultPermissions": ask});
    let auth = json!({"Authorizers": {"Yes": authorizer(true), "No": authorizer(false)}});
    let got = resources(json!({"Resources": {
        "Shop": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Auth": auth}},
    }}))
    .unwrap();
    assert!(got.get("ShopYesAuthorizerPermission").is_some());
    assert!(got.get("ShopNoAuthorizerPermission").is_none());
}

#[test]
fn cors_stands_in_the_document_under_its_own_names() {
    let cors = json!({"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "MaxAge": 0});
    let got = resources(json!({"Resources": {
        "Shop": {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": cors}},
    }}))
    .unwrap();
    let want = json!({"allowOrigins": ["https://example.com"], "allowMethods": ["GET"], "maxAge": 0});
    assert_eq!(got["Shop"]["Properties"]["Body"]["x-amazon-apigateway-cors"], want);
}

#[test]
fn a_name_that_the_document_has_already_is_refused() {
    let body = json!({"openapi": "3.0.1", "info": {"title": "mine"}, "paths": {}});
    let said = resources(json!({"Resources": {
        "Shop": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Name": "shop", "DefinitionBody": body}},
    }}));
    assert!(said.unwrap_err().join("\n").contains("Unable to set Name because it is already defined"));
}

#[test]
fn route_settings_of_an_event_stand_on_the_stage() {
    let events = json!({"One": {"Type": "HttpApi", "Properties": {
        "Path": "/one", "Method": "get", "RouteSettings": {"ThrottlingBurstLimit": 5},
    }}});
    let got = resources(json!({"Resources": {"Get": function(events)}})).unwrap();
    let settings = &got["ServerlessHttpApiApiGatewayDefaultStage"]["Properties"]["RouteSettings"];
    assert_eq!(*settings, json!({"GET /one": {"ThrottlingBurstLimit": 5}}));
}

#[test]
fn what_sam_ignores_is_worth_a_warning_with_the_nearest_key() {
    use super::super::tests::{context, template};
    let domain = json!({"DomainName": "a.example.com", "CertificateArn": "arn:cert", "BasePaths": "v1"});
    let api = json!({"Resources": {
        "Shop": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Domain": domain}},
    }});
    let (_, warnings) = super::super::transform(template(api), &context()).unwrap();
    let said: Vec<_> = warnings.iter().map(|item| (item.message.as_str(), item.help.as_deref())).collect();
    let message = "resource `Shop`: property `Domain` has no key `BasePaths`";
    assert_eq!(said, [(message, Some("did you mean `BasePath`?"))]);
}

#[test]
fn a_name_needs_a_document_with_a_version_and_paths() {
    for document in [json!({"openapi": "3.0.1"}), json!({"openapi": "3.0.1", "paths": []}), json!({"Ref": "Doc"})] {
        let said = resources(json!({"Resources": {
            "Shop": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Description": "x", "DefinitionBody": document}},
        }}));
        let said = said.unwrap_err().join("\n");
        assert!(said.contains("`Shop`") && said.contains("Invalid OpenApi document"), "{said}");
    }
}

#[test]
fn the_id_of_a_hosted_zone_counts_before_its_name() {
    let group = |type_name: &str, more: Value| {
        let mut properties = json!({
            "DefinitionBody": {"openapi": "3.0.1", "paths": {}},
            "Domain": {"DomainName": "a.example.com", "CertificateArn": "arn:c", "Route53": {
                "HostedZoneId": "Z1", "HostedZoneName": "example.com.",
            }},
        });
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let got = resources(json!({"Resources": {"Shop": {"Type": type_name, "Properties": properties}}})).unwrap();
        let mut all = got.as_object().unwrap().values();
        all.find(|one| one["Type"] == "AWS::Route53::RecordSetGroup").unwrap()["Properties"].clone()
    };
    let http = group("AWS::Serverless::HttpApi", json!({}));
    assert_eq!((&http["HostedZoneId"], http.get("HostedZoneName")), (&json!("Z1"), None));
    // CloudFormation judges the two names that a REST API is given.
    let rest = group("AWS::Serverless::Api", json!({"StageName": "Prod"}));
    assert_eq!((&rest["HostedZoneId"], &rest["HostedZoneName"]), (&json!("Z1"), &json!("example.com.")));
}
