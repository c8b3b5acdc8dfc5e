//! Filter policies: one spelling for each meaning.

use crate::values::parsed;
use serde_json::{Map, Value as Json};

/// A filter policy in canonical form; `None` where it lets everything through.
///
/// The conditions on one key are alternatives, and so a set; what is inside an operator (`{"numeric": [">", 0]}`) has
/// its order.
pub(super) fn canonical(policy: &Json) -> Option<Json> {
    match parsed(policy) {
        Json::Object(map) if map.is_empty() => None,
        Json::Object(map) => Some(keys(&map)),
        Json::String(text) if text.is_empty() => None,
        Json::Null => None,
        other => Some(other),
    }
}

fn keys(map: &Map<String, Json>) -> Json {
    let mut names: Vec<&String> = map.keys().collect();
    names.sort();
    Json::Object(names.into_iter().map(|name| (name.clone(), conditions(name, &map[name]))).collect())
}

fn conditions(name: &str, value: &Json) -> Json {
    match value {
        Json::Object(nested) => keys(nested),
        Json::Array(items) => {
            let mut items: Vec<Json> = items
                .iter()
                .map(|item| match item {
                    Json::Object(alternative) if name == "$or" => keys(alternative),
                    other => other.clone(),
                })
                .collect();
            items.sort_by_key(Json::to_string);
            Json::Array(items)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn alternatives_have_no_order_and_operators_have_theirs() {
        let written = json!({"b": ["y", "x"], "a": [{"numeric": [">", 0, "<=", 100]}]});
        let answered = json!("{\"a\":[{\"numeric\":[\">\",0,\"<=\",100]}],\"b\":[\"x\",\"y\"]}");
        assert_eq!(canonical(&written), canonical(&answered));
        let narrower = json!({"b": ["y", "x"], "a": [{"numeric": ["<=", 100, ">", 0]}]});
        assert_ne!(canonical(&written), canonical(&narrower));
    }

    #[test]
    fn an_empty_filter_is_none() {
        assert_eq!(canonical(&json!("{}")), None);
        assert_eq!(canonical(&json!({})), None);
        assert_eq!(canonical(&json!("")), None);
    }

    #[test]
    fn nested_keys_and_alternatives_are_compared_by_meaning() {
        let a = json!({"$or": [{"y": ["2"]}, {"x": ["1"]}], "body": {"k": ["b", "a"]}});
        let b = json!({"body": {"k": ["a", "b"]}, "$or": [{"x": ["1"]}, {"y": ["2"]}]});
        assert_eq!(canonical(&a), canonical(&b));
    }
}
