//! Values that remember where they were written and whether they are secret.

pub mod de;

use std::fmt;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::place::Place;

/// A value with its place. Everything between the reader and the planner is made of these, so that any complaint can
/// point at a line.
///
/// Intrinsics are in their long form (`{"Ref": ..}`, `{"Fn::Sub": ..}`): the reader turns YAML's short tags into it.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Val,
    /// Where it was written.
    pub place: Place,
    /// A secret never reaches a log, a plan, an error, an event, a metric or a page.
    pub secret: bool,
}

/// JSON's values, with integers kept apart from floats.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written.
    Map(Map),
}

/// A map's entries by key, in the order written.
pub type Map = IndexMap<String, Entry>;

/// A map's value with the place of its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key was written.
    pub key_place: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// A value at a place.
    pub fn new(value: Val, place: Place) -> Self {
        Node { value, place, secret: false }
    }

    /// Text at a place.
    pub fn str(text: impl Into<String>, place: Place) -> Self {
        Node::new(Val::Str(text.into()), place)
    }

    /// A list at a place.
    pub fn list(items: Vec<Node>, place: Place) -> Self {
        Node::new(Val::List(items), place)
    }

    /// A map of the given entries; keys take each value's place.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Node)>, place: Place) -> Self {
        let map = entries
            .into_iter()
            .map(|(key, node)| (key.into(), Entry { key_place: node.place.or(place), node }))
            .collect();
        Node::new(Val::Map(map), place)
    }

    /// An intrinsic with a single key, such as `{"Ref": "Queue"}`.
    pub fn call(function: &str, argument: Node, place: Place) -> Self {
        Node::map([(function, argument)], place)
    }

    /// `{"Ref": id}`
    pub fn reference(id: &str, place: Place) -> Self {
        Node::call("Ref", Node::str(id, place), place)
    }

    /// `{"Fn::GetAtt": [id, attribute]}`
    pub fn get_att(id: &str, attribute: &str, place: Place) -> Self {
        Node::call("Fn::GetAtt", Node::list(vec![Node::str(id, place), Node::str(attribute, place)], place), place)
    }

    /// JSON with one place for all of it.
    pub fn from_json(json: &Json, place: Place) -> Self {
        let value = match json {
            Json::Null => Val::Null,
            Json::Bool(b) => Val::Bool(*b),
            Json::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(i), _) => Val::Int(i),
                (None, Some(f)) => Val::Float(f),
                (None, None) => Val::Str(n.to_string()),
            },
            Json::String(s) => Val::Str(s.clone()),
            Json::Array(items) => Val::List(items.iter().map(|item| Node::from_json(item, place)).collect()),
            Json::Object(fields) => Val::Map(
                fields
                    .iter()
                    .map(|(key, item)| (key.clone(), Entry { key_place: place, node: Node::from_json(item, place) }))
                    .collect(),
            ),
        };
        Node::new(value, place)
    }

    /// How many values this is, itself included.
    pub fn count(&self) -> usize {
        match &self.value {
            Val::List(items) => 1 + items.iter().map(Node::count).sum::<usize>(),
            Val::Map(map) => 1 + map.values().map(|entry| entry.node.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// Plain JSON, secrets included: for AWS, never for a person.
    pub fn to_json(&self) -> Json {
        self.render(&|_| None)
    }

    /// JSON for a person: each secret stands as [`MASK`]. Text that is empty hides nothing.
    pub fn to_masked_json(&self) -> Json {
        self.render(&|node| (node.secret && node.as_str() != Some("")).then(|| Json::String(MASK.to_owned())))
    }

    fn render(&self, replace: &dyn Fn(&Node) -> Option<Json>) -> Json {
        if let Some(json) = replace(self) {
            return json;
        }
        match &self.value {
            Val::Null => Json::Null,
            Val::Bool(b) => Json::Bool(*b),
            Val::Int(i) => Json::from(*i),
            Val::Float(f) => serde_json::Number::from_f64(*f).map_or(Json::Null, Json::Number),
            Val::Str(s) => Json::String(s.clone()),
            Val::List(items) => Json::Array(items.iter().map(|item| item.render(replace)).collect()),
            Val::Map(map) => {
                Json::Object(map.iter().map(|(key, entry)| (key.clone(), entry.node.render(replace))).collect())
            }
        }
    }

    /// The same value, marked secret all through.
    #[must_use]
    pub fn into_secret(mut self) -> Self {
        self.mark_secret();
        self
    }

    fn mark_secret(&mut self) {
        self.secret = true;
        match &mut self.value {
            Val::List(items) => items.iter_mut().for_each(Node::mark_secret),
            Val::Map(map) => map.values_mut().for_each(|entry| entry.node.mark_secret()),
            _ => {}
        }
    }

    /// Whether this or anything in it is secret.
    pub fn has_secret(&self) -> bool {
        self.secret
            || match &self.value {
                Val::List(items) => items.iter().any(Node::has_secret),
                Val::Map(map) => map.values().any(|entry| entry.node.has_secret()),
                _ => false,
            }
    }

    /// The value under `key`, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// The value under `key` to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key).map(|entry| &mut entry.node)
    }

    /// Sets `key` where this is a map: an existing key keeps its position and the place of its key.
    pub fn set(&mut self, key: &str, node: Node) {
        if let Val::Map(map) = &mut self.value {
            match map.get_mut(key) {
                Some(entry) => entry.node = node,
                None => {
                    map.insert(key.to_owned(), Entry { key_place: node.place, node });
                }
            }
        }
    }

    /// Takes `key` out where this is a map that has it; the order of the rest stays.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        self.as_map_mut()?.shift_remove(key).map(|entry| entry.node)
    }

    /// The text, where this is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Val::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The map, where this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Val::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map to change it, where this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Val::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, where this is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Val::List(items) => Some(items),
            _ => None,
        }
    }

    /// The whole number, where this is one.
    pub fn as_int(&self) -> Option<i64> {
        match &self.value {
            Val::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The truth value, where this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Val::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Val::Null)
    }

    /// A scalar as CloudFormation writes it into text: `true`, `12`, `1.5`; `None` for null, lists and maps.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Val::Bool(b) => Some(b.to_string()),
            Val::Int(i) => Some(i.to_string()),
            Val::Float(f) => Some(float_text(*f)),
            Val::Str(s) => Some(s.clone()),
            Val::Null | Val::List(_) | Val::Map(_) => None,
        }
    }

    /// The single key and its argument, where this is an intrinsic call: a map with exactly one key that is `Ref`,
    /// `Condition` or begins with `Fn::`.
    pub fn as_call(&self) -> Option<(&str, &Node)> {
        let map = self.as_map()?;
        let (key, entry) = map.first()?;
        (map.len() == 1 && (key == "Ref" || key == "Condition" || key.starts_with("Fn::")))
            .then_some((key.as_str(), &entry.node))
    }

    /// What a person would call this value's type.
    pub fn type_word(&self) -> &'static str {
        match &self.value {
            Val::Null => "null",
            Val::Bool(_) => "a boolean",
            Val::Int(_) => "an integer",
            Val::Float(_) => "a number",
            Val::Str(_) => "a string",
            Val::List(_) => "a list",
            Val::Map(_) => "a map",
        }
    }
}

/// What stands for a secret in everything a person can see.
pub const MASK: &str = "(secret)";

/// A float as Python's `str` and so AWS's translator writes it: `1.0`, not `1`.
fn float_text(f: f64) -> String {
    if f.fract() == 0.0 && f.abs() < 1e16 { format!("{f:.1}") } else { f.to_string() }
}

/// Secrets are masked in debug output too.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_masked_json())
    }
}
