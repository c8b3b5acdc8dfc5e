//! Tags: the spec's, and the marks among them.

use serde_json::Value as Json;

use super::Planner;
use crate::model::node::MASK;
use crate::model::resource::{DeletionPolicy, Origin};
use crate::plan::diff::{self, Cause, Change};
use crate::plan::kind::{Kind, Scope, TagWork, Want};
use crate::plan::marks::{self, Marks, Tags};
use crate::plan::observation::Observed;

impl Planner<'_> {
    pub(super) fn tag_work(&self, kind: &dyn Kind, want: &Want, key: &str, observed: Option<&Observed>) -> TagWork {
        if !kind.facts().taggable {
            return TagWork::default();
        }
        let Scope { source, app, env, .. } = self.input.scope;
        let mut spec: Tags = self.input.desired.tags.clone();
        spec.extend(tags_of(want.properties.get("Tags")));
        let marks = Marks {
            source: source.clone(),
            app: app.clone(),
            env: env.clone(),
            id: want.id().to_owned(),
            keys: spec.keys().cloned().collect(),
            code: kind.code_mark(self.input.scope, want, observed, self.input.world),
            parts: {
                let mut parts = self.parts.get(&(kind.type_name(), key.to_owned())).cloned().unwrap_or_default();
                parts.extend(kind.own_parts(want, observed));
                // Without its word a child is never looked for again: it leaves only once all children are known.
                if let Some(marks) = observed.and_then(|observed| observed.marks.as_ref())
                    && !self.children_known()
                {
                    parts.extend(marks.parts.iter().cloned());
                }
                parts
            },
            policy: want
                .resource
                .deletion_policy
                .filter(|policy| *policy != DeletionPolicy::Delete)
                .map(|policy| policy.as_str().to_owned()),
            parent: match &want.resource.origin {
                Origin::Generated { parent } => Some(parent.clone()),
                Origin::Written => None,
            },
        };
        let mut all = spec;
        all.extend(marks.to_tags());
        let have = observed.and_then(|observed| observed.tags.clone()).unwrap_or_default();
        let ignored =
            |tag: &str| want.resource.ignore_drift.iter().any(|path| diff::is_below(&format!("Tags.{tag}"), path));
        let set = all
            .iter()
            .filter(|(k, v)| have.get(*k) != Some(v) && !ignored(k))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let managed =
            observed.and_then(|observed| observed.marks.as_ref()).map(|marks| marks.keys.clone()).unwrap_or_default();
        let remove = have
            .keys()
            .filter(|k| {
                let ours = managed.contains(*k) || marks::is_mark(k) || *k == marks::RELEASED;
                !all.contains_key(*k) && ours && !ignored(k)
            })
            .cloned()
            .collect();
        TagWork { all, set, remove }
    }
}

impl Planner<'_> {
    /// Whether all that could be a child without tags was read.
    fn children_known(&self) -> bool {
        self.input.kinds.iter().all(|kind| {
            let facts = kind.facts();
            facts.taggable || facts.reads != kind.type_name() || !self.input.world.table(facts.reads).has_gaps()
        })
    }
}

/// Tags as the spec writes them: a map, or a list of `{Key, Value}`.
pub fn tags_of(property: Option<&Json>) -> Tags {
    match property {
        Some(Json::Object(map)) => map.iter().map(|(k, v)| (k.clone(), scalar(v))).collect(),
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(|item| Some((item.get("Key")?.as_str()?.to_owned(), scalar(item.get("Value")?))))
            .collect(),
        _ => Tags::new(),
    }
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// The changes of tags; `secret` where the spec calls the value of one of them so.
pub(super) fn tag_changes(observed: &Observed, tags: &TagWork, secret: bool) -> Vec<Change> {
    let shown = |value: &String| Json::from(if secret { MASK } else { value.as_str() });
    let have = |key: &str| observed.tags.as_ref().and_then(|tags| tags.get(key)).map_or(Json::Null, shown);
    let change = |key: &String, to: Json| Change {
        path: format!("Tags.{key}"),
        from: have(key),
        to,
        to_unknown: None,
        cause: Cause::Spec,
    };
    let set = tags.set.iter().map(|(key, value)| change(key, shown(value)));
    set.chain(tags.remove.iter().map(|key| change(key, Json::Null))).collect()
}
