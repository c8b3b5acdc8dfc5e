//! Laying one spec over another: defaults below, an environment's overrides above.

use crate::model::{Entry, Map, Node, Val};

/// Lays `over` on `under` the way SAM's Globals work: maps are merged key by key, lists are appended to those below, and
/// anything else above stands in place of what is below. An intrinsic counts as a single value.
pub fn with_defaults(under: &Node, over: &Node) -> Node {
    match (&under.value, &over.value) {
        (_, Val::Null) => under.clone(),
        (Val::Map(below), Val::Map(above)) if under.as_call().is_none() && over.as_call().is_none() => {
            merge_maps(below, above, over, &with_defaults)
        }
        (Val::List(below), Val::List(above)) => {
            let mut node = over.clone();
            node.value = Val::List(below.iter().chain(above).cloned().collect());
            node
        }
        _ => over.clone(),
    }
}

/// Lays an environment's override on a spec as a JSON merge patch (RFC 7396): maps are merged, null takes a key out, and
/// anything else, a list too, stands in place of what was there. An intrinsic counts as a single value.
pub fn with_patch(spec: &Node, patch: &Node) -> Node {
    let (Val::Map(below), Val::Map(above)) = (&spec.value, &patch.value) else { return patch.clone() };
    if spec.as_call().is_some() || patch.as_call().is_some() {
        return patch.clone();
    }
    let mut node = merge_maps(below, above, spec, &with_patch);
    if let Some(map) = node.as_map_mut() {
        map.retain(|_, entry| !entry.node.is_null());
    }
    node
}

fn merge_maps(below: &Map, above: &Map, like: &Node, merge: &dyn Fn(&Node, &Node) -> Node) -> Node {
    let mut map = below.clone();
    for (key, entry) in above {
        let node = match below.get(key) {
            Some(under) => merge(&under.node, &entry.node),
            None => entry.node.clone(),
        };
        map.insert(key.clone(), Entry { key_place: entry.key_place, node });
    }
    let mut node = like.clone();
    node.value = Val::Map(map);
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;
    use serde_json::json;

    fn node(json: serde_json::Value) -> Node {
        Node::from_json(&json, Place::NOWHERE)
    }

    #[test]
    fn defaults_give_way_to_scalars_merge_into_maps_and_precede_lists() {
        let merged = with_defaults(
            &node(
                json!({"timeout": 10, "environment": {"A": "1", "B": "2"}, "layers": ["base"], "runtime": "python3.13"}),
            ),
            &node(json!({"timeout": 30, "environment": {"B": "3"}, "layers": ["own"]})),
        );
        assert_eq!(
            merged.to_json(),
            json!({"timeout": 30, "environment": {"A": "1", "B": "3"}, "layers": ["base", "own"], "runtime": "python3.13"})
        );
    }

    #[test]
    fn an_intrinsic_is_one_value_and_is_never_merged_into() {
        let merged = with_defaults(
            &node(json!({"environment": {"A": {"Ref": "X"}}})),
            &node(json!({"environment": {"A": {"parameter": "y"}}})),
        );
        assert_eq!(merged.to_json(), json!({"environment": {"A": {"parameter": "y"}}}));
    }

    #[test]
    fn a_patch_replaces_lists_and_null_takes_a_key_out() {
        let patched = with_patch(
            &node(json!({"layers": ["base"], "rollout": {"strategy": "AllAtOnce", "alarms": ["a"]}, "timeout": 3})),
            &node(json!({"layers": ["other"], "rollout": {"strategy": "Canary10Percent5Minutes"}, "timeout": null})),
        );
        assert_eq!(
            patched.to_json(),
            json!({"layers": ["other"], "rollout": {"strategy": "Canary10Percent5Minutes", "alarms": ["a"]}})
        );
    }
}
