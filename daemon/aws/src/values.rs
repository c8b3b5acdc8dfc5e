//! Small readings of JSON values, by which both sides of a comparison come to one spelling: specs, templates and AWS write
//! the same number, truth value or document in several ways.

use evenkeel_core::plan::{Tags, planner};
use serde_json::{Map, Value as Json};

/// A scalar's text; nothing for lists, maps and null.
pub(crate) fn scalar_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The text that AWS takes for a value: text as it is, anything else as JSON.
pub(crate) fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The text of a property, where it is given.
pub(crate) fn text_of(map: &Map<String, Json>, property: &str) -> Option<String> {
    map.get(property).filter(|value| !value.is_null()).map(text)
}

/// A property as text; empty text is the same as none.
pub(crate) fn filled(map: &Map<String, Json>, key: &str) -> Option<String> {
    map.get(key).and_then(scalar_text).filter(|text| !text.is_empty())
}

/// The elements of a list that are text; a single text is a list of one.
pub(crate) fn texts(value: Option<&Json>) -> Vec<&str> {
    match value {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
        Some(Json::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

/// A truth value, also where it is written as text.
pub(crate) fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(flag) => Some(*flag),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A truth value, where the value is one or spells one; anything else as it is, so that it shows in the difference.
pub(crate) fn boolean(value: &Json) -> Json {
    truth(value).map_or_else(|| value.clone(), Json::Bool)
}

/// Whether a property is given and true.
pub(crate) fn is_true(map: &Map<String, Json>, property: &str) -> bool {
    map.get(property).and_then(truth) == Some(true)
}

/// A number, also where it is written as text; anything else as it is, so that it shows in the difference. 2 and 2.0
/// are one number: AWS answers times as `1.0`, and the SDK reads every number that may have a fraction as one that has.
pub(crate) fn number(value: &Json) -> Json {
    let number = match value {
        Json::Number(number) => number.as_i64().is_none().then(|| number.as_f64()).flatten(),
        Json::String(text) => match text.trim().parse::<i64>() {
            Ok(whole) => return Json::from(whole),
            Err(_) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        },
        _ => None,
    };
    match number {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 9e15 => Json::from(whole as i64),
        Some(other) => Json::from(other),
        None => value.clone(),
    }
}

/// A truth value or a number, where the value is one or spells one: templates may write `"10"` and `"true"`.
pub(crate) fn scalar(value: &Json) -> Json {
    truth(value).map_or_else(|| number(value), Json::Bool)
}

/// JSON, where the value is text that holds some.
pub(crate) fn parsed(value: &Json) -> Json {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// A list whose order says nothing: sorted, each item once.
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

/// Inserts a value where there is one.
pub(crate) fn insert_some(map: &mut Map<String, Json>, name: &str, value: Option<Json>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value);
    }
}

/// The last part of an ARN or of a path: `orders` of `arn:aws:sqs:eu-west-1:111122223333:orders` and of a queue's URL.
pub(crate) fn last_part(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or(text)
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
    fn numbers_and_truth_values_may_be_written_as_text() {
        for same in [json!(2), json!(2.0), json!("2"), json!("2.0")] {
            assert_eq!((number(&same), scalar(&same)), (json!(2), json!(2)), "{same}");
        }
        assert_eq!(number(&json!(2.5)), json!(2.5));
        for odd in [json!("many"), json!("inf"), json!([1]), json!(null)] {
            assert_eq!((number(&odd), scalar(&odd), boolean(&odd)), (odd.clone(), odd.clone(), odd));
        }
        for same in [json!(true), json!("true"), json!("True")] {
            assert_eq!((boolean(&same), scalar(&same)), (json!(true), json!(true)), "{same}");
        }
    }

    #[test]
    fn text_that_holds_a_document_is_that_document() {
        assert_eq!(parsed(&json!("{\"a\":1}")), json!({"a": 1}));
        assert_eq!(parsed(&json!("plain")), json!("plain"));
    }

    #[test]
    fn a_name_is_the_last_part_of_an_arn_and_of_a_url() {
        assert_eq!(last_part("arn:aws:sqs:eu-west-1:111122223333:orders"), "orders");
        assert_eq!(last_part("http://127.0.0.1:4566/111122223333/orders"), "orders");
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
