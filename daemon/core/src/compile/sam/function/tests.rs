use serde_json::{Value, json};

use super::super::tests::resources;

/// A function `Fn` with these properties beside its code.
fn function(properties: Value) -> Value {
    let mut all = json!({"Runtime": "python3.13", "Handler": "app.run", "CodeUri": "src/"});
    let map = all.as_object_mut().unwrap();
    map.extend(properties.as_object().unwrap().clone());
    json!({"Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": all}}})
}

fn expand(properties: Value) -> Value {
    resources(function(properties)).unwrap()
}

fn refuse(properties: Value) -> String {
    resources(function(properties)).unwrap_err().join("; ")
}

fn ids(resources: &Value) -> Vec<&str> {
    resources.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_function_has_a_role_that_may_write_logs() {
    let got = expand(json!({}));
    assert_eq!(ids(&got), ["Fn", "FnRole"]);
    assert_eq!(got["Fn"]["Properties"]["Code"], json!({"LocalPath": "src/"}));
    assert_eq!(got["Fn"]["Properties"]["Role"], json!({"Fn::GetAtt": ["FnRole", "Arn"]}));
    assert_eq!(got["FnRole"]["GeneratedFor"], "Fn");
    assert_eq!(
        got["FnRole"]["Properties"]["ManagedPolicyArns"],
        json!(["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"])
    );
}

#[test]
fn policies_of_every_form_go_into_the_role() {
    let got = expand(json!({"Policies": [
        "AmazonSQSReadOnlyAccess",
        "arn:aws:iam::1:policy/own",
        {"Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "*"}]},
        {"SQSSendMessagePolicy": {"QueueName": {"Fn::GetAtt": ["Q", "QueueName"]}}},
        {"Fn::If": ["Prod", {"S3ReadPolicy": {"BucketName": "b"}}, {"Ref": "AWS::NoValue"}]},
    ]}));
    let role = &got["FnRole"]["Properties"];
    assert_eq!(role["ManagedPolicyArns"][1], "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess");
    assert_eq!(role["ManagedPolicyArns"][2], "arn:aws:iam::1:policy/own");
    assert_eq!(role["Policies"][0]["PolicyName"], "FnRolePolicy2");
    let statement = &role["Policies"][1]["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Action"], json!(["sqs:SendMessage*"]));
    assert_eq!(
        statement["Resource"],
        json!({"Fn::Sub": [
            "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${QueueName}",
            {"QueueName": {"Fn::GetAtt": ["Q", "QueueName"]}},
        ]})
    );
    assert_eq!(role["Policies"][2]["Fn::If"][1]["PolicyName"], "FnRolePolicy4");
}

#[test]
fn a_policy_template_without_its_parameters_is_an_error() {
    let said = refuse(json!({"Policies": [{"SQSPollerPolicy": {"Queue": "q"}}]}));
    assert!(said.contains("`Fn`") && said.contains("QueueName") && said.contains("SQSPollerPolicy"), "{said}");
    let said = refuse(json!({"Policies": [{"SQSPolerPolicy": {"QueueName": "q"}}]}));
    assert!(said.contains("policy at index 0"), "{said}");
}

#[test]
fn an_alias_comes_with_a_version_that_is_retained_and_a_rollout() {
    let got = expand(json!({
        "AutoPublishAlias": "live",
        "DeploymentPreference": {"Type": "Canary10Percent5Minutes", "Alarms": ["a"]},
    }));
    assert_eq!(ids(&got), ["Fn", "FnVersion", "FnAliaslive", "FnRole"]);
    assert_eq!(got["FnVersion"]["DeletionPolicy"], "Retain");
    assert_eq!(got["FnAliaslive"]["Rollout"], json!({"Type": "Canary10Percent5Minutes", "Alarms": ["a"]}));
    assert_eq!(
        got["FnAliaslive"]["Properties"],
        json!({
            "Name": "live",
            "FunctionName": {"Ref": "Fn"},
            "FunctionVersion": {"Fn::GetAtt": ["FnVersion", "Version"]},
        })
    );
}

#[test]
fn a_disabled_deployment_preference_needs_no_alias_and_an_enabled_one_does() {
    assert_eq!(ids(&expand(json!({"DeploymentPreference": {"Enabled": false}}))), ["Fn", "FnRole"]);
    let said = refuse(json!({"DeploymentPreference": {"Type": "AllAtOnce"}}));
    assert!(said.contains("requires `AutoPublishAlias`"), "{said}");
}

#[test]
fn references_to_alias_and_version_stand_for_what_was_generated() {
    let mut template = function(json!({"AutoPublishAlias": "live"}));
    template["Resources"]["Topic"] = json!({"Type": "AWS::SNS::Topic", "Properties": {
        "A": {"Ref": "Fn.Alias"},
        "B": {"Fn::Sub": "${Fn.Version} ${Fn.Arn} ${!Fn.Alias}"},
        "C": {"Fn::GetAtt": ["Fn", "Version.Version"]},
        "D": {"Ref": "Fn.Other"},
    }});
    let got = resources(template).unwrap();
    assert_eq!(
        got["Topic"]["Properties"],
        json!({
            "A": {"Ref": "FnAliaslive"},
            "B": {"Fn::Sub": "${FnVersion} ${Fn.Arn} ${!Fn.Alias}"},
            "C": {"Fn::GetAtt": ["FnVersion", "Version"]},
            "D": {"Ref": "Fn.Other"},
        })
    );
}

#[test]
fn a_public_url_comes_with_two_permissions() {
    let got = expand(json!({"FunctionUrlConfig": {"AuthType": "NONE"}}));
    assert_eq!(ids(&got), ["Fn", "FnUrl", "FnUrlPublicPermissions", "FnURLInvokeAllowPublicAccess", "FnRole"]);
    assert_eq!(got["FnUrl"]["Properties"], json!({"AuthType": "NONE", "TargetFunctionArn": {"Ref": "Fn"}}));
    assert_eq!(got["FnURLInvokeAllowPublicAccess"]["Properties"]["InvokedViaFunctionUrl"], true);
    let said = refuse(json!({"FunctionUrlConfig": {"AuthType": "SOME"}}));
    assert!(said.contains("AWS_IAM or NONE"), "{said}");
}

#[test]
fn a_destination_without_an_arn_is_generated_and_may_be_sent_to() {
    let got = expand(json!({"EventInvokeConfig": {
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnFailure": {"Type": "SQS"}},
    }}));
    let arn = json!({"Fn::GetAtt": ["FnEventInvokeConfigOnFailureQueue", "Arn"]});
    let config = &got["FnEventInvokeConfig"]["Properties"];
    assert_eq!(config["DestinationConfig"], json!({"OnFailure": {"Destination": arn}}));
    assert_eq!(config["Qualifier"], "$LATEST");
    let policy = &got["FnRole"]["Properties"]["Policies"][0];
    assert_eq!(policy["PolicyName"], "FnEventInvokeConfigOnFailureSQSPolicy");
    assert_eq!(policy["PolicyDocument"]["Statement"][0]["Resource"], arn);
}

#[test]
fn a_role_that_is_no_value_under_a_condition_is_generated_for_it() {
    let got = expand(json!({"Role": {"Fn::If": ["Own", "arn:own", {"Ref": "AWS::NoValue"}]}}));
    assert_eq!(
        got["Fn"]["Properties"]["Role"],
        json!({"Fn::If": ["Own", "arn:own", {"Fn::GetAtt": ["FnRole", "Arn"]}]})
    );
    assert_eq!(got["FnRole"]["Condition"], "NOTOwn");
    assert_eq!(ids(&expand(json!({"Role": "arn:own"}))), ["Fn"]);
}

#[test]
fn code_is_inline_or_in_s3_or_a_path_or_an_image() {
    let code = |properties: Value| expand(properties)["Fn"]["Properties"]["Code"].clone();
    assert_eq!(code(json!({"CodeUri": null, "InlineCode": "x"})), json!({"ZipFile": "x"}));
    assert_eq!(
        code(json!({"CodeUri": "s3://b/k/x.zip?versionId=7"})),
        json!({"S3Bucket": "b", "S3Key": "k/x.zip", "S3ObjectVersion": "7"})
    );
    assert_eq!(code(json!({"CodeUri": {"Bucket": "b", "Key": "k"}})), json!({"S3Bucket": "b", "S3Key": "k"}));
    assert!(refuse(json!({"CodeUri": "https://example.com/x.zip"})).contains("S3 URL"));
    assert!(refuse(json!({"CodeUri": {"Bucket": "b"}})).contains("Bucket and Key"));
    assert!(refuse(json!({"CodeUri": null})).contains("`InlineCode` and `CodeUri`"));
    let image = json!({"Type": "AWS::Serverless::Function", "Metadata": {"Dockerfile": "D"}, "Properties": {"PackageType": "Image"}});
    let got = resources(json!({"Resources": {"Fn": image}})).unwrap();
    assert_eq!(
        got["Fn"]["Properties"]["Code"]["ImageUri"],
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sam-local-artifact:Fn"
    );
}

#[test]
fn a_template_with_the_transform_may_leave_the_code_out() {
    let mut template = function(json!({"CodeUri": null}));
    template["Transform"] = json!(["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]);
    assert_eq!(resources(template).unwrap()["Fn"]["Properties"]["Code"], json!({"LocalPath": "."}));
}

#[test]
fn what_is_generated_inherits_condition_and_deletion_policy() {
    let mut template = function(json!({"AutoPublishAlias": "live"}));
    let source = template["Resources"]["Fn"].as_object_mut().unwrap();
    source.insert("Condition".to_owned(), json!("Prod"));
    source.insert("DeletionPolicy".to_owned(), json!("Delete"));
    source.insert("DependsOn".to_owned(), json!(["Q"]));
    let got = resources(template).unwrap();
    for id in ["Fn", "FnVersion", "FnAliaslive", "FnRole"] {
        assert_eq!(got[id]["Condition"], "Prod", "{id}");
        assert_eq!(got[id]["DeletionPolicy"], "Delete", "{id}");
    }
    assert_eq!(got["Fn"]["DependsOn"], json!(["Q"]));
    assert_eq!(got["FnRole"].get("DependsOn"), None);
}

#[test]
fn a_generated_id_that_is_taken_is_an_error() {
    let mut template = function(json!({}));
    template["Resources"]["FnRole"] = json!({"Type": "AWS::IAM::Role"});
    let said = resources(template).unwrap_err().join("; ");
    assert!(said.contains("`Fn`") && said.contains("`FnRole`"), "{said}");
}

#[test]
fn the_limits_of_a_capacity_provider_are_numbers() {
    let with = |memory: Value| json!({"CapacityProviderConfig": {"Arn": "arn:c", "ExecutionEnvironmentMemoryGiBPerVCpu": memory}});
    for fine in [json!(4), json!("4"), json!(1.5), json!({"Ref": "Memory"})] {
        let got = expand(with(fine.clone()));
        let config = &got["Fn"]["Properties"]["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"];
        assert_eq!(config["ExecutionEnvironmentMemoryGiBPerVCpu"], fine);
    }
    let said = refuse(with(json!("much")));
    assert!(
        said.contains("`CapacityProviderConfig.ExecutionEnvironmentMemoryGiBPerVCpu` should be a number"),
        "{said}"
    );
}
