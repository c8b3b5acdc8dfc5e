//! Reading a map of known words: what nobody took is an error at its key.

use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Place, Val};

/// A map that is being read word by word.
///
/// Every word asked for is remembered, so that a misspelt one can be answered with the nearest right one.
pub(super) struct Fields {
    /// What a person would call this map: "queue `orders`".
    pub what: String,
    /// Where the map begins.
    pub place: Place,
    map: Map,
    known: Vec<&'static str>,
}

impl Fields {
    /// Begins to read `node`; anything but a map is an error. Null counts as empty.
    pub fn new(node: &Node, what: impl Into<String>, out: &mut Diagnostics) -> Fields {
        let what = what.into();
        let map = match &node.value {
            Val::Map(map) if node.as_call().is_none() => map.clone(),
            Val::Null => Map::new(),
            _ => {
                let found =
                    if node.as_call().is_some() { "an intrinsic that only AWS can answer" } else { node.type_word() };
                out.error("wrong-type", node.place, format!("{what} must be a map, not {found}"));
                Map::new()
            }
        };
        Fields { what, place: node.place, map, known: Vec::new() }
    }

    /// Takes the value under `key`; null counts as left out.
    pub fn take(&mut self, key: &'static str) -> Option<Node> {
        self.take_entry(key).map(|entry| entry.node)
    }

    /// The same with the place of the key.
    pub fn take_entry(&mut self, key: &'static str) -> Option<Entry> {
        self.known.push(key);
        self.map.shift_remove(key).filter(|entry| !entry.node.is_null())
    }

    /// Looks at the value under `key` without taking it.
    pub fn peek(&self, key: &str) -> Option<&Node> {
        self.map.get(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// Takes text.
    pub fn text(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<Text> {
        let node = self.take(key)?;
        self.expect(
            key,
            "text",
            &node,
            node.as_str().map(|text| Text { text: text.to_owned(), place: node.place }),
            out,
        )
    }

    /// Takes a scalar as text: an account number may be written without quotes.
    pub fn scalar(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<Text> {
        let node = self.take(key)?;
        self.expect(key, "text", &node, node.scalar_text().map(|text| Text { text, place: node.place }), out)
    }

    /// Takes a whole number.
    pub fn int(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<(i64, Place)> {
        let node = self.take(key)?;
        let number = node.as_int().or_else(|| node.as_str()?.parse().ok());
        self.expect(key, "a whole number", &node, number.map(|number| (number, node.place)), out)
    }

    /// Takes a truth value.
    pub fn bool(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<bool> {
        let node = self.take(key)?;
        let answer = node.as_bool().or_else(|| node.as_str()?.parse().ok());
        self.expect(key, "true or false", &node, answer, out)
    }

    /// Takes a list.
    pub fn list(&mut self, key: &'static str, out: &mut Diagnostics) -> Vec<Node> {
        let Some(node) = self.take(key) else { return Vec::new() };
        self.expect(key, "a list", &node, node.as_list().map(<[Node]>::to_vec), out).unwrap_or_default()
    }

    /// Takes a map's entries.
    pub fn map(&mut self, key: &'static str, out: &mut Diagnostics) -> Map {
        let Some(node) = self.take(key) else { return Map::new() };
        let map = node.as_map().filter(|_| node.as_call().is_none()).cloned();
        self.expect(key, "a map", &node, map, out).unwrap_or_default()
    }

    fn expect<T>(&self, key: &str, wanted: &str, node: &Node, found: Option<T>, out: &mut Diagnostics) -> Option<T> {
        if found.is_none() {
            let word = if node.as_call().is_some() { "a value that is known only later" } else { node.type_word() };
            out.error("wrong-type", node.place, format!("`{key}` of {} must be {wanted}, not {word}", self.what));
        }
        found
    }

    /// Ends the reading: each word left over is an error.
    pub fn finish(self, out: &mut Diagnostics) {
        for (key, entry) in &self.map {
            out.push(
                Diagnostic::error("unknown-word", entry.key_place, format!("{} has no `{key}`", self.what))
                    .help(did_you_mean(key, self.known.iter().copied()).unwrap_or_else(|| self.possible())),
            );
        }
    }

    fn possible(&self) -> String {
        let words: Vec<String> = self.known.iter().map(|word| format!("`{word}`")).collect();
        format!("possible here: {}", words.join(", "))
    }

    /// Ends the reading: what is left over, for a reader that knows the rest.
    pub fn rest(self) -> Node {
        Node::new(Val::Map(self.map), self.place)
    }

    /// The same with what this map is called and the words that were asked for.
    pub fn into_parts(self) -> (String, Vec<&'static str>, Node) {
        (self.what, self.known, Node::new(Val::Map(self.map), self.place))
    }
}

/// Text with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Where it was written.
    pub place: Place,
}
