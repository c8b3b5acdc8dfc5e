//! Small readings of JSON values, by which both sides of a comparison come to one spelling.

use evenkeel_core::plan::{Tags, planner};
use serde_json::{Map, Value as Json};

use crate::document;
use crate::spelling::{boolean, integer};

/// A property as text; empty text is the same as none.
pub(crate) fn filled(map: &Map<String, Json>, key: &str) -> Option<String> {
    map.get(key).and_then(document::text).filter(|text| !text.is_empty())
}

/// The same value with texts that hold a whole number or a truth value read as such: templates may write `"10"` and
/// `"true"`, and AWS answers times as `1.0`.
pub(crate) fn scalar(value: &Json) -> Json {
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Some(whole) if !value.is_i64() && whole.fract() == 0.0 && whole.abs() < 9e15 => Json::from(whole as i64),
        _ => integer(&boolean(value)),
    }
}

/// A list whose order says nothing.
pub(crate) fn sorted(value: &Json) -> Json {
    match value {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(ordered).collect();
            items.sort_by_cached_key(Json::to_string);
            items.dedup();
            Json::Array(items)
        }
        other => other.clone(),
    }
}

/// The same value with the keys of its objects in order, so that equal values have equal text.
pub(crate) fn ordered(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Json::Object(keys.into_iter().map(|key| (key.clone(), ordered(&map[key]))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(ordered).collect()),
        other => other.clone(),
    }
}

/// The same value without nulls, empty texts, empty lists and empty objects: AWS answers them where nothing is set.
pub(crate) fn compact(value: &Json) -> Json {
    let keep = |value: &Json| match value {
        Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
        _ => true,
    };
    match value {
        Json::Object(map) => Json::Object(
            map.iter().map(|(key, value)| (key.clone(), compact(value))).filter(|(_, value)| keep(value)).collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(compact).collect()),
        other => other.clone(),
    }
}

/// Takes every entry of a JSON object.
pub(crate) fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// One page of a listing: its items under `items`, and the token of the next page under `next`.
pub(crate) fn list_of(page: Json, items: &str, next: &str) -> (Vec<Json>, Option<String>) {
    let mut page = object(page);
    let token = page.get(next).and_then(Json::as_str).map(str::to_owned);
    match page.shift_remove(items) {
        Some(Json::Array(items)) => (items, token),
        _ => (Vec::new(), token),
    }
}

/// Tags of an answer, a map or a list of `{Key, Value}`, without AWS's own, which are nobody's to change.
pub(crate) fn tags_in(answer: &Json, member: &str) -> Tags {
    planner::tags_of(answer.get(member)).into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_booleans_may_be_written_as_text() {
        assert_eq!(scalar(&json!("10")), json!(10));
        assert_eq!(scalar(&json!(10.0)), json!(10));
        assert_eq!(scalar(&json!("true")), json!(true));
        assert_eq!(scalar(&json!("ten")), json!("ten"));
    }

    #[test]
    fn empty_parts_of_an_answer_are_no_settings() {
        let answer = json!({"OnFailure": {}, "OnSuccess": {"Destination": ""}, "Keep": {"N": 0, "B": false}});
        assert_eq!(compact(&answer), json!({"Keep": {"N": 0, "B": false}}));
    }

    #[test]
    fn a_set_has_one_order_whatever_the_order_of_its_items_and_their_keys() {
        assert_eq!(sorted(&json!([{"b": 1, "a": 2}, "x"])), sorted(&json!(["x", {"a": 2, "b": 1}])));
    }
}
