//! Secret texts, wherever a kind's canonical form puts them.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::model::node::MASK;
use crate::plan::diff::Change;

/// A shorter one is looked for as a whole value alone: as a part of other texts it would hide half of every plan.
const SHORTEST_PART: usize = 6;

/// Texts that the spec calls secret. Paths tell where they stand in the spec; a kind may make a key of one, sort what
/// holds it, put it into a longer text or a name; AWS may say it in an answer.
#[derive(Clone, Default)]
pub struct Hidden(BTreeSet<String>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secret texts", self.0.len())
    }
}

impl Hidden {
    /// The texts at secret paths of a resource's properties.
    pub(super) fn of(properties: &Map<String, Json>, secret: &dyn Fn(&str) -> bool) -> Self {
        let mut hidden = Hidden::default();
        for (name, value) in properties {
            hidden.collect(name, value, secret(name), secret);
        }
        hidden
    }

    fn collect(&mut self, path: &str, value: &Json, within: bool, secret: &dyn Fn(&str) -> bool) {
        match value {
            Json::Object(map) => map.iter().for_each(|(key, value)| {
                let path = format!("{path}.{key}");
                self.collect(&path, value, within || secret(&path), secret);
            }),
            Json::Array(items) => items.iter().enumerate().for_each(|(at, value)| {
                let path = format!("{path}[{at}]");
                self.collect(&path, value, within || secret(&path), secret);
            }),
            Json::String(text) if within && !text.is_empty() => {
                self.0.insert(text.clone());
            }
            _ => {}
        }
    }

    /// Adds those of another.
    pub(super) fn extend(&mut self, other: &Hidden) {
        self.0.extend(other.0.iter().cloned());
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        if self.0.contains(text) {
            return MASK.to_owned();
        }
        let mut long: Vec<&String> = self.0.iter().filter(|secret| secret.len() >= SHORTEST_PART).collect();
        // One that is a part of another would leave the other's rest to be read.
        long.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        long.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    /// Takes them out of a value, keys and all.
    pub(super) fn value(&self, value: &mut Json) {
        match value {
            Json::String(text) => *text = self.text(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Json::Object(map) => {
                let entries = std::mem::take(map).into_iter().map(|(key, mut value)| {
                    self.value(&mut value);
                    (self.text(&key), value)
                });
                *map = entries.collect();
            }
            _ => {}
        }
    }

    /// Takes them out of what a plan shows.
    pub(super) fn scrub(&self, change: &mut Change) {
        if !self.0.is_empty() {
            change.path = self.text(&change.path);
            self.value(&mut change.from);
            self.value(&mut change.to);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::diff::Cause;

    #[test]
    fn a_secret_is_hidden_where_it_became_a_key_a_part_or_an_item() {
        let properties =
            json!({"Subscription": [{"Endpoint": "https://pager/KEY123", "Protocol": "https"}], "Pin": "42"});
        let secret = |path: &str| path == "Subscription[0].Endpoint" || path == "Pin";
        let hidden = Hidden::of(properties.as_object().unwrap(), &secret);
        let mut change = Change {
            path: "Subscription.https|https://pager/KEY123".into(),
            from: json!({"https|https://pager/KEY123": true}),
            to: json!(["https://pager/KEY123", "a42", "42", 42]),
            to_unknown: None,
            cause: Cause::Spec,
        };
        hidden.scrub(&mut change);
        assert!(!format!("{change:?}").contains("KEY123"));
        assert_eq!(change.to, json!([MASK, "a42", MASK, 42]));
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_of_the_other() {
        let properties = json!({"Pass": "hunter22", "Url": "tcp://me:hunter22@db"});
        let hidden = Hidden::of(properties.as_object().unwrap(), &|_| true);
        assert_eq!(
            hidden.text("could not reach tcp://me:hunter22@db as hunter22"),
            format!("could not reach {MASK} as {MASK}")
        );
    }
}
