//! Small conversions that many kinds share: spec values that may be text, and JSON that travels as text.

use serde_json::{Map, Value as Json};

/// A whole number, where the value is one or spells one.
pub(crate) fn integer(value: &Json) -> Json {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.map_or_else(|| value.clone(), Json::from)
}

/// A truth value, where the value is one or spells one.
pub(crate) fn boolean(value: &Json) -> Json {
    match value.as_str() {
        Some("true") => Json::Bool(true),
        Some("false") => Json::Bool(false),
        _ => value.clone(),
    }
}

/// JSON, where the value is text that holds some.
pub(crate) fn parsed(value: &Json) -> Json {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// The text that AWS takes for a value: text as it is, anything else as JSON.
pub(crate) fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The text of a property, where it is given.
pub(crate) fn text_of(map: &Map<String, Json>, property: &str) -> Option<String> {
    map.get(property).filter(|value| !value.is_null()).map(text)
}

/// Whether a property is given and true.
pub(crate) fn is_true(map: &Map<String, Json>, property: &str) -> bool {
    map.get(property).map(boolean) == Some(Json::Bool(true))
}

/// The elements of a list that are text; a single text is a list of one.
pub(crate) fn texts(value: Option<&Json>) -> Vec<&str> {
    match value {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
        Some(Json::String(one)) => vec![one],
        _ => Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_that_spells_a_value_is_that_value() {
        assert_eq!(integer(&json!("30")), json!(30));
        assert_eq!(integer(&json!("many")), json!("many"));
        assert_eq!(boolean(&json!("true")), json!(true));
        assert_eq!(parsed(&json!("{\"a\":1}")), json!({"a": 1}));
        assert_eq!(parsed(&json!("plain")), json!("plain"));
    }

    #[test]
    fn a_name_is_the_last_part_of_an_arn_and_of_a_url() {
        assert_eq!(last_part("arn:aws:sqs:eu-west-1:111122223333:orders"), "orders");
        assert_eq!(last_part("http://127.0.0.1:4566/111122223333/orders"), "orders");
    }
}
