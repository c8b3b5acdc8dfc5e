//! How the kinds write down a call, and make it a step.

use evenkeel_core::plan::{Step, TagWork};
use serde_json::{Map, Value as Json};

use crate::document::tags_json;

/// The input of one AWS operation, as it grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call(Map<String, Json>);

impl Call {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Call::default()
    }

    /// The same with one more member.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The same with one more member where there is a value for it.
    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The step that makes this call for a resource of `type_name`, and reads `key` of the same type afterwards.
    pub(crate) fn step(self, type_name: &'static str, operation: &'static str, key: &str) -> Step {
        Step { type_name, operation, input: Json::Object(self.0), refresh: (type_name, key.to_owned()) }
    }
}

/// The steps that bring a resource's tags to what they should be: `target` says which resource it is, `set` and `remove`
/// are the operations, each with what its member is called.
pub(crate) fn retag(
    (type_name, key): (&'static str, &str),
    target: Call,
    set: (&'static str, &str),
    remove: (&'static str, &str),
    tags: &TagWork,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if !tags.set.is_empty() {
        steps.push(target.clone().with(set.1, tags_json(&tags.set)).step(type_name, set.0, key));
    }
    if !tags.remove.is_empty() {
        steps.push(target.with(remove.1, tags.remove.clone()).step(type_name, remove.0, key));
    }
    steps
}
