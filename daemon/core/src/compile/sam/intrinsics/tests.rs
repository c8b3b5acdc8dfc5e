use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::tests::template as node;
use super::{Renames, referenced_id, resolve};
use crate::model::{Node, Place};

fn resolved(json: Value, secret: bool) -> Value {
    let value = Node::str("prod", Place::NOWHERE);
    let value = if secret { value.into_secret() } else { value };
    let parameters = IndexMap::from([("Stage".to_owned(), value)]);
    resolve(&node(json), &parameters).to_json()
}

#[test]
fn parameters_are_looked_up_at_every_depth_and_nothing_else_is() {
    let got = resolved(
        json!({"a": [{"Ref": "Stage"}, {"Ref": "Queue"}], "b": {"Fn::Sub": ["${Stage}-${Queue}-${x}", {"x": {"Ref": "Stage"}}]}}),
        false,
    );
    assert_eq!(got, json!({"a": ["prod", {"Ref": "Queue"}], "b": {"Fn::Sub": ["prod-${Queue}-${x}", {"x": "prod"}]}}));
}

#[test]
fn a_secret_is_not_written_into_text() {
    assert_eq!(resolved(json!({"Fn::Sub": "${Stage}"}), true), json!({"Fn::Sub": "${Stage}"}));
}

#[test]
fn references_follow_an_id_that_changed() {
    let renames = Renames { ids: IndexMap::from([("Old".to_owned(), "New".to_owned())]), ..Renames::default() };
    let mut got = node(json!([
        {"Ref": "Old"}, {"Fn::GetAtt": "Old.Arn"}, {"Fn::GetAtt": ["Old", "A.B"]}, {"Fn::Sub": "${Old}/${Old.Arn}/${Older}"},
    ]));
    renames.apply(&mut got);
    let want = json!([
        {"Ref": "New"}, {"Fn::GetAtt": ["New", "Arn"]}, {"Fn::GetAtt": ["New", "A.B"]}, {"Fn::Sub": "${New}/${New.Arn}/${Older}"},
    ]);
    assert_eq!(got.to_json(), want);
}

#[test]
fn the_id_of_a_reference_is_found_in_either_form() {
    let id = |json: Value| referenced_id(&node(json)).map(str::to_owned);
    assert_eq!(id(json!({"Ref": "Q"})).as_deref(), Some("Q"));
    assert_eq!(id(json!({"Fn::GetAtt": ["Q", "Arn"]})).as_deref(), Some("Q"));
    assert_eq!(id(json!({"Fn::GetAtt": "Q.Arn"})).as_deref(), Some("Q"));
    assert_eq!(id(json!({"Fn::Join": ["", ["Q"]]})), None);
}
