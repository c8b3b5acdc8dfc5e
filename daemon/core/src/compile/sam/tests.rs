use serde_json::{Value, json};

use super::{SamContext, transform};
use crate::model::{Node, Place};

fn context() -> SamContext {
    SamContext {
        region: "eu-central-1".to_owned(),
        partition: "aws".to_owned(),
        account: "123456789012".to_owned(),
        stack: "shop".to_owned(),
        parameters: indexmap::IndexMap::new(),
    }
}

/// The resulting `Resources`, or the messages.
pub(super) fn resources(template: Value) -> Result<Value, Vec<String>> {
    let template = Node::from_json(&template, Place::NOWHERE);
    transform(template, &context())
        .map(|template| template.to_json()["Resources"].clone())
        .map_err(|diagnostics| diagnostics.iter().map(|item| item.message.clone()).collect())
}

#[test]
fn a_layer_keeps_its_id_and_is_retained() {
    let got = resources(json!({"Resources": {"Util": {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {"ContentUri": "layers/util"},
    }}}));
    let want = json!({"Util": {
        "Type": "AWS::Lambda::LayerVersion",
        "DeletionPolicy": "Retain",
        "Properties": {"LayerName": "Util", "Content": {"LocalPath": "layers/util"}},
    }});
    assert_eq!(got, Ok(want));
}

#[test]
fn an_unknown_property_is_an_error_that_names_the_resource() {
    let got = resources(json!({"Resources": {"Util": {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {"ContentUrl": "layers/util"},
    }}}));
    let message = "resource `Util` is invalid: property `ContentUrl` is not defined for AWS::Serverless::LayerVersion";
    assert_eq!(got, Err(vec![message.to_owned()]));
}

#[test]
fn a_table_without_a_key_is_keyed_by_id() {
    let got = resources(json!({"Resources": {"Orders": {"Type": "AWS::Serverless::SimpleTable"}}}));
    let want = json!({"Orders": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    }});
    assert_eq!(got, Ok(want));
}
