//! The difference between two values, by path.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::model::node::MASK;

/// One property that is not as the spec says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `Environment.Variables.LOG_LEVEL`, `Layers[0]`, `Tags.team`.
    pub path: String,
    /// The observed value; null where there is none. Secrets are masked.
    pub from: Json,
    /// The value that the spec asks for; null where it asks for none. Secrets are masked.
    pub to: Json,
    /// Set where the wanted value will only be known once another resource is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_unknown: Option<Unknown>,
    /// Why it differs.
    pub cause: Cause,
}

/// What a value waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// `id.Attribute`, or `id` where it is a `Ref`.
    pub after: String,
}

/// Why a property differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The spec changed.
    Spec,
    /// The world changed.
    Drift,
    /// Something that it refers to changed.
    Dependency,
}

/// The top-level property of a path.
pub fn head(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

/// Whether `path` is `prefix` or lies below it.
pub fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The differences of two maps as (path, observed, desired): objects by key, lists of equal length by index, anything
/// else whole. Null and nothing are the same.
pub fn diff(desired: &Map<String, Json>, observed: &Map<String, Json>) -> Vec<(String, Json, Json)> {
    let mut out = Vec::new();
    walk_maps("", desired, observed, &mut out);
    out
}

fn walk_maps(at: &str, desired: &Map<String, Json>, observed: &Map<String, Json>, out: &mut Vec<(String, Json, Json)>) {
    let keys: BTreeSet<&String> = desired.keys().chain(observed.keys()).collect();
    for key in keys {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        walk(&path, desired.get(key), observed.get(key), out);
    }
}

fn walk(path: &str, desired: Option<&Json>, observed: Option<&Json>, out: &mut Vec<(String, Json, Json)>) {
    match (desired, observed) {
        (Some(Json::Object(a)), Some(Json::Object(b))) => walk_maps(path, a, b, out),
        (Some(Json::Array(a)), Some(Json::Array(b))) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}[{index}]"), Some(a), Some(b), out);
            }
        }
        (None | Some(Json::Null), None | Some(Json::Null)) => {}
        (Some(a), Some(b)) if a == b => {}
        (a, b) => out.push((path.to_owned(), b.cloned().unwrap_or(Json::Null), a.cloned().unwrap_or(Json::Null))),
    }
}

/// Removes what lies at `path` (`Policies.extra`, `Policy`) from a map; nothing happens where there is nothing. A key
/// that has dots in it (`Policies.read.only`) is found too.
pub fn remove_path(map: &mut Map<String, Json>, path: &str) {
    if map.shift_remove(path).is_none()
        && let Some((first, rest)) = path.split_once('.')
        && let Some(Json::Object(inner)) = map.get_mut(first)
    {
        remove_path(inner, rest);
    }
}

/// Puts what is at a path of one map into another, and takes it out where the first has nothing there. An item of a list
/// is the same one only where both lists are equally long.
pub fn keep(map: &mut Map<String, Json>, from: &Map<String, Json>, path: &str) {
    if let Some(value) = from.get(path) {
        map.insert(path.to_owned(), value.clone());
        return;
    }
    let (first, rest) = match path.split_once('.').filter(|_| !map.contains_key(path)) {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    if let Some((name, index)) = item_of(first) {
        if let (Some(Json::Array(items)), Some(Json::Array(from))) = (map.get_mut(name), from.get(name))
            && items.len() == from.len()
            && let (Some(item), Some(from)) = (items.get_mut(index), from.get(index))
        {
            match (rest, item, from) {
                (Some(rest), Json::Object(item), Json::Object(from)) => keep(item, from, rest),
                (None, item, from) => item.clone_from(from),
                _ => {}
            }
        }
        return;
    }
    let Some(rest) = rest else {
        map.shift_remove(path);
        return;
    };
    let nothing = Map::new();
    let inner = from.get(first).and_then(Json::as_object).unwrap_or(&nothing);
    let there = map.contains_key(first);
    let outer = map.entry(first).or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(outer) = outer {
        keep(outer, inner, rest);
        if outer.is_empty() && !there {
            map.shift_remove(first);
        }
    }
}

/// `Layers[0]`: the list and the number.
fn item_of(path: &str) -> Option<(&str, usize)> {
    let (name, index) = path.strip_suffix(']')?.split_once('[')?;
    Some((name, index.parse().ok()?))
}

/// Masks a value where its path is secret, or where something secret lies within it.
pub fn mask(path: &str, value: &Json, secret: &dyn Fn(&str) -> bool) -> Json {
    if value.is_null() {
        return Json::Null;
    }
    if secret(path) {
        return Json::String(MASK.to_owned());
    }
    match value {
        Json::Object(map) => {
            Json::Object(map.iter().map(|(k, v)| (k.clone(), mask(&format!("{path}.{k}"), v, secret))).collect())
        }
        Json::Array(items) => {
            Json::Array(items.iter().enumerate().map(|(i, v)| mask(&format!("{path}[{i}]"), v, secret)).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Json) -> Map<String, Json> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_changed_leaf_is_named_by_its_path() {
        let want = map(json!({"A": {"B": [1, {"C": 2}]}, "D": 1}));
        let have = map(json!({"A": {"B": [1, {"C": 3}]}, "D": 1, "E": null}));
        assert_eq!(diff(&want, &have), vec![("A.B[1].C".to_owned(), json!(3), json!(2))]);
    }

    #[test]
    fn what_is_missing_on_either_side_is_null_there() {
        let want = map(json!({"A": 1}));
        let have = map(json!({"B": 2}));
        assert_eq!(
            diff(&want, &have),
            vec![("A".to_owned(), Json::Null, json!(1)), ("B".to_owned(), json!(2), Json::Null)]
        );
    }

    #[test]
    fn a_path_is_removed_even_where_a_key_has_dots_in_it() {
        let mut all = map(json!({"Policies": {"read.only": 1, "read": {"only": 2}}, "Policy": 3}));
        remove_path(&mut all, "Policies.read.only");
        remove_path(&mut all, "Policy");
        remove_path(&mut all, "Nothing.there");
        assert_eq!(all, map(json!({"Policies": {"read": {"only": 2}}})));
    }

    #[test]
    fn a_secret_inside_a_value_is_masked_and_the_rest_is_not() {
        let value = json!({"Variables": {"A": "x", "KEY": "s3cret"}});
        let masked = mask("Environment", &value, &|path| path == "Environment.Variables.KEY");
        assert_eq!(masked, json!({"Variables": {"A": "x", "KEY": MASK}}));
    }

    #[test]
    fn what_is_kept_is_what_is_there_at_its_path_alone() {
        let map = |value: Json| value.as_object().cloned().unwrap();
        let kept = |desired: Json, seen: Json, path: &str| {
            let mut desired = map(desired);
            keep(&mut desired, &map(seen), path);
            Json::Object(desired)
        };
        assert_eq!(
            kept(json!({"A": {"x": 1, "y": 2}}), json!({"A": {"x": 9, "z": 8}}), "A.x"),
            json!({"A": {"x": 9, "y": 2}})
        );
        assert_eq!(kept(json!({"A": {"x": 1}}), json!({}), "A.x"), json!({"A": {}}));
        assert_eq!(kept(json!({}), json!({"A": {"x": 9}}), "A.x"), json!({"A": {"x": 9}}));
        assert_eq!(kept(json!({"B": 1}), json!({"A": {"y": 9}}), "A.x"), json!({"B": 1}));
        assert_eq!(kept(json!({"A": 1}), json!({"A": 2}), "A"), json!({"A": 2}));
        assert_eq!(kept(json!({"A": 1}), json!({}), "A"), json!({}));
        assert_eq!(kept(json!({"A": [1, 2]}), json!({"A": [8, 9]}), "A[1]"), json!({"A": [1, 9]}));
        assert_eq!(
            kept(json!({"A": [{"x": 1, "y": 2}]}), json!({"A": [{"x": 9}]}), "A[0].x"),
            json!({"A": [{"x": 9, "y": 2}]})
        );
        assert_eq!(kept(json!({"A": [1]}), json!({"A": [8, 9]}), "A[0]"), json!({"A": [1]}));
        assert_eq!(kept(json!({"A": [1]}), json!({"A": [8]}), "A[7]"), json!({"A": [1]}));
    }
}
