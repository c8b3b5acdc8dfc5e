//! Typed values from [`Node`]s through serde: errors come back as diagnostics at the place of what is wrong.

use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::super::place::{FileId, Place};
use super::super::suggest::did_you_mean;
use super::super::{Diagnostic, Entry, Map, Node, Val};

/// Reads a typed value. A field of type [`Node`] takes any value with its places and secrets.
///
/// # Errors
/// The first thing that does not fit, at its place: an unknown key (under `deny_unknown_fields`) with the nearest known
/// one, a missing one, a value of the wrong type. A secret is never quoted.
pub fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Diagnostic> {
    T::deserialize(NodeDeserializer { node }).map_err(|error| {
        let error = error.at(node);
        Diagnostic::error(error.code, error.place.unwrap_or(node.place), error.message).maybe_help(error.help)
    })
}

/// What does not fit.
#[derive(Debug)]
struct Misfit {
    code: &'static str,
    message: String,
    /// The message without the value.
    discreet: String,
    place: Option<Place>,
    help: Option<String>,
}

impl Misfit {
    fn new(code: &'static str, message: String, discreet: String) -> Self {
        Misfit { code, message, discreet, place: None, help: None }
    }

    /// Says where, unless it was said closer to it.
    fn at(mut self, node: &Node) -> Self {
        if self.place.is_none() {
            self.place = Some(node.place);
            if node.secret {
                self.message = self.discreet.clone();
                self.help = None;
            }
        }
        self
    }

    fn at_key(mut self, place: Place) -> Self {
        self.place = self.place.or(Some(place));
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

/// A value in words.
struct Found<'a>(Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Str(text) => write!(f, "the text `{text}`"),
            Unexpected::Bool(value) => write!(f, "`{value}`"),
            Unexpected::Unsigned(value) => write!(f, "`{value}`"),
            Unexpected::Signed(value) => write!(f, "`{value}`"),
            Unexpected::Float(value) => write!(f, "`{value}`"),
            Unexpected::Unit | Unexpected::Option => f.write_str("nothing"),
            Unexpected::Seq => f.write_str("a list"),
            Unexpected::Map => f.write_str("a map"),
            ref other => write!(f, "{other}"),
        }
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Misfit::new("invalid-value", message.to_string(), "the value does not fit".to_owned())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Misfit::new(
            "wrong-type",
            format!("{} stands where {expected} belongs", Found(found)),
            format!("{expected} belongs here"),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Misfit { code: "invalid-value", ..Misfit::invalid_type(found, expected) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known = expected.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        let message = format!("`{variant}` is none of {known}");
        Misfit {
            help: did_you_mean(variant, expected.iter().copied()),
            ..Misfit::new("invalid-value", message, format!("the value is none of {known}"))
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("there is no `{field}` here");
        let known = expected.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        let known = (!expected.is_empty()).then(|| format!("known here: {known}"));
        Misfit {
            help: did_you_mean(field, expected.iter().copied()).or(known),
            ..Misfit::new("unknown-property", message.clone(), message)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("`{field}` is missing");
        Misfit::new("missing-property", message.clone(), message)
    }

    fn duplicate_field(field: &'static str) -> Self {
        let message = format!("`{field}` stands twice");
        Misfit::new("duplicate-key", message.clone(), message)
    }
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de> {
    node: &'de Node,
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Val::Null => visitor.visit_unit(),
            Val::Bool(value) => visitor.visit_bool(*value),
            Val::Int(value) => visitor.visit_i64(*value),
            Val::Float(value) => visitor.visit_f64(*value),
            Val::Str(text) => visitor.visit_borrowed_str(text),
            Val::List(items) => visitor.visit_seq(Items { items: items.iter() }),
            Val::Map(map) => visitor.visit_map(Entries { entries: map.iter(), value: None }),
        }
        .map_err(|error| error.at(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        if name == WHOLE { visitor.visit_newtype_struct(Whole(self.node)) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let result = match &self.node.value {
            Val::Str(text) => visitor.visit_enum(BorrowedStrDeserializer::<Misfit>::new(text)),
            Val::Map(map) if map.len() == 1 => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Entries { entries: map.iter(), value: None }))
            }
            _ => {
                let found = self.node.type_word();
                let message = "a word, or a map with one key, belongs here".to_owned();
                Err(Misfit::new("wrong-type", format!("{message}, not {found}"), message))
            }
        };
        result.map_err(|error| error.at(self.node))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A list's items.
struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer { node }).map(Some).map_err(|error| error.at(node))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// A map's entries.
struct Entries<'de> {
    entries: indexmap::map::Iter<'de, String, Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((key, entry)) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key = BorrowedStrDeserializer::<Misfit>::new(key);
        seed.deserialize(key).map(Some).map_err(|error| error.at_key(entry.key_place))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer { node: &entry.node }).map_err(|error| error.at(&entry.node))
    }
}

/// The name by which a [`Node`] asks for all of a value, places and secrets included.
const WHOLE: &str = "$evenkeel::Node";

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(WHOLE, NodeVisitor)
    }
}

/// From [`NodeDeserializer`] all of it, from anything else (JSON, say) the value alone.
struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if deserializer.is_human_readable() {
            let json = serde_json::Value::deserialize(deserializer)?;
            return Ok(Node::from_json(&json, Place::NOWHERE));
        }
        deserializer.deserialize_any(PartsVisitor)
    }
}

/// Puts a node together from its parts: file, line, column, secret, kind, value.
struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the parts of a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Node, A::Error> {
        let place = place(&mut parts)?;
        let secret = part(&mut parts)?;
        let value = match part::<u8, A>(&mut parts)? {
            0 => Val::Null,
            1 => Val::Bool(part(&mut parts)?),
            2 => Val::Int(part(&mut parts)?),
            3 => Val::Float(part(&mut parts)?),
            4 => Val::Str(part(&mut parts)?),
            5 => Val::List(part(&mut parts)?),
            _ => {
                let entries: Vec<EntryParts> = part(&mut parts)?;
                Val::Map(entries.into_iter().map(|EntryParts(key, entry)| (key, entry)).collect())
            }
        };
        Ok(Node { value, place, secret })
    }
}

fn part<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
    parts.next_element()?.ok_or_else(|| de::Error::custom("a part of a value is missing"))
}

fn place<'de, A: SeqAccess<'de>>(parts: &mut A) -> Result<Place, A::Error> {
    Ok(Place::new(FileId(part(parts)?), part(parts)?, part(parts)?))
}

/// An entry of a map with the place of its key.
struct EntryParts(String, Entry);

impl<'de> Deserialize<'de> for EntryParts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = EntryParts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the parts of an entry")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<EntryParts, A::Error> {
                let key = part(&mut parts)?;
                let key_place = place(&mut parts)?;
                Ok(EntryParts(key, Entry { key_place, node: part(&mut parts)? }))
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

/// Gives a node in its parts.
struct Whole<'de>(&'de Node);

impl<'de> Deserializer<'de> for Whole<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(Parts { step: 0, what: What::Node(self.0) })
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Gives a map's entries in their parts.
struct MapParts<'de>(&'de Map);

impl<'de> IntoDeserializer<'de, Misfit> for MapParts<'de> {
    type Deserializer = de::value::SeqDeserializer<Box<dyn Iterator<Item = EntrySource<'de>> + 'de>, Misfit>;

    fn into_deserializer(self) -> Self::Deserializer {
        de::value::SeqDeserializer::new(Box::new(self.0.iter().map(|(key, entry)| EntrySource(key, entry))))
    }
}

struct EntrySource<'de>(&'de str, &'de Entry);

impl<'de> IntoDeserializer<'de, Misfit> for EntrySource<'de> {
    type Deserializer = de::value::SeqAccessDeserializer<Parts<'de>>;

    fn into_deserializer(self) -> Self::Deserializer {
        de::value::SeqAccessDeserializer::new(Parts { step: 0, what: What::Entry(self.0, self.1) })
    }
}

#[derive(Clone, Copy)]
enum What<'de> {
    Node(&'de Node),
    Entry(&'de str, &'de Entry),
}

struct Parts<'de> {
    step: usize,
    what: What<'de>,
}

impl<'de> SeqAccess<'de> for Parts<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let step = self.step;
        self.step += 1;
        let number = |seed: T, place: Place, step: usize| {
            let value = [place.file.0, place.line, place.column].get(step).copied().unwrap_or_default();
            seed.deserialize(value.into_deserializer())
        };
        match (self.what, step) {
            (What::Node(node), 0..=2) => number(seed, node.place, step),
            (What::Node(node), 3) => seed.deserialize(node.secret.into_deserializer()),
            (What::Node(node), 4) => {
                let kind: u8 = match node.value {
                    Val::Null => 0,
                    Val::Bool(_) => 1,
                    Val::Int(_) => 2,
                    Val::Float(_) => 3,
                    Val::Str(_) => 4,
                    Val::List(_) => 5,
                    Val::Map(_) => 6,
                };
                seed.deserialize(kind.into_deserializer())
            }
            (What::Node(Node { value: Val::Map(map), .. }), 5) => seed.deserialize(MapParts(map).into_deserializer()),
            (What::Node(node), 5) => seed.deserialize(NodeDeserializer { node }),
            (What::Entry(key, _), 0) => seed.deserialize(StrDeserializer::new(key)),
            (What::Entry(_, entry), 1..=3) => number(seed, entry.key_place, step - 1),
            (What::Entry(_, entry), 4) => seed.deserialize(NodeDeserializer { node: &entry.node }),
            _ => return Ok(None),
        }
        .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::compile::yaml::read_documents;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Function {
        handler: String,
        #[serde(default)]
        timeout: Option<u32>,
        #[serde(default)]
        mode: Mode,
        #[serde(default)]
        tags: BTreeMap<String, String>,
        #[serde(default)]
        layers: Vec<String>,
        #[serde(default)]
        policy: Option<Node>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    enum Mode {
        #[default]
        Active,
        PassThrough,
        Sampled(f64),
    }

    fn read(text: &str) -> Node {
        read_documents(text, FileId(0)).unwrap().remove(0)
    }

    #[test]
    fn values_become_types() {
        let node =
            read("handler: app.h\ntimeout: 5\nmode: PassThrough\ntags: {a: b}\nlayers: [x, y]\npolicy: {k: [1]}\n");
        let function: Function = from_node(&node).unwrap();
        assert_eq!((function.timeout, function.mode, function.layers.len()), (Some(5), Mode::PassThrough, 2));
        assert_eq!(function.tags["a"], "b");
        assert_eq!(function.policy.as_ref(), node.get("policy"));
        let sampled: Function = from_node(&read("handler: h\nmode: {Sampled: 0.5}\ntimeout:\n")).unwrap();
        assert_eq!((sampled.mode, sampled.timeout), (Mode::Sampled(0.5), None));
    }

    #[test]
    fn what_does_not_fit_is_said_at_its_place() {
        for (text, line, column, code, message, help) in [
            (
                "handler: h\ntimeuot: 5\n",
                2,
                1,
                "unknown-property",
                "there is no `timeuot` here",
                "did you mean `timeout`?",
            ),
            ("timeout: 5\n", 1, 1, "missing-property", "`handler` is missing", ""),
            ("handler: h\ntimeout: x\n", 2, 10, "wrong-type", "the text `x` stands where u32 belongs", ""),
            ("handler: h\ntimeout: -1\n", 2, 10, "invalid-value", "`-1` stands where u32 belongs", ""),
            ("handler: h\nlayers: [a, [b]]\n", 2, 13, "wrong-type", "a list stands where a string belongs", ""),
            (
                "handler: h\nmode: Actve\n",
                2,
                7,
                "invalid-value",
                "`Actve` is none of `Active`, `PassThrough`, `Sampled`",
                "did you mean `Active`?",
            ),
            (
                "handler: h\nmode: [a]\n",
                2,
                7,
                "wrong-type",
                "a word, or a map with one key, belongs here, not a list",
                "",
            ),
            ("handler: h\ntags: {a: {b: c}}\n", 2, 11, "wrong-type", "a map stands where a string belongs", ""),
        ] {
            let error = from_node::<Function>(&read(text)).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (code, message), "{text}");
            assert_eq!((error.place.line, error.place.column), (line, column), "{text}");
            assert_eq!(error.help.unwrap_or_default(), help, "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_quoted() {
        let mut node = read("handler: h\ntimeout: 5\n");
        node.set("timeout", Node::str("hunter2", Place::new(FileId(0), 2, 10)).into_secret());
        let error = from_node::<Function>(&node).unwrap_err();
        assert_eq!((error.message.as_str(), error.place.line), ("u32 belongs here", 2));
        node.set("timeout", Node::new(Val::Null, Place::NOWHERE));
        node.set("mode", Node::str("hunter2", Place::NOWHERE).into_secret());
        let error = from_node::<Function>(&node).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn a_node_keeps_places_and_secrets_and_is_read_from_json_too() {
        let mut node = read("a: [1, 2.5, true, null, text]\nb:\n  c: {}\n");
        node.set("s", Node::str("x", Place::NOWHERE).into_secret());
        let whole: Node = from_node(&node).unwrap();
        assert_eq!(whole, node);
        let list: Vec<Node> = from_node(node.get("a").unwrap()).unwrap();
        assert_eq!(list.len(), 5);
        assert_eq!(list[1].place, Place::new(FileId(0), 1, 8));
        let json = json!({"a": [1, {"b": null}]});
        let from_json: Node = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(from_json.to_json(), json);
    }

    proptest! {
        #[test]
        fn every_value_is_handed_over_whole(text in "\\PC{0,20}", number in any::<i64>(), secret in any::<bool>()) {
            let place = Place::new(FileId(3), 7, 9);
            let inner = Node { secret, ..Node::str(text.clone(), place) };
            let node = Node::map([(text, Node::list(vec![inner, Node::new(Val::Int(number), place)], place))], place);
            prop_assert_eq!(from_node::<Node>(&node).unwrap(), node);
        }
    }
}
