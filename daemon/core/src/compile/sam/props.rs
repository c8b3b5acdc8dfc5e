//! Reading properties strictly: a wrong type, a missing or an unknown name is an error where it was written.

use crate::model::{Diagnostic, Map, Node, Place, Val};

/// Who a message is about.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    resource: String,
    event: Option<String>,
    /// Where its name was written.
    pub place: Place,
}

impl Owner {
    /// A resource.
    pub fn resource(id: &str, place: Place) -> Self {
        Owner { resource: id.to_owned(), event: None, place }
    }

    /// An event of a resource.
    pub fn event(resource: &str, event: &str, place: Place) -> Self {
        Owner { resource: resource.to_owned(), event: Some(event.to_owned()), place }
    }

    /// An error about it, at `place` or else where its name was written.
    pub fn error(&self, place: Place, message: impl AsRef<str>) -> Diagnostic {
        self.error_with("invalid-template", place, message)
    }

    /// An error of a certain class about it.
    pub fn error_with(&self, code: &'static str, place: Place, message: impl AsRef<str>) -> Diagnostic {
        let who = match &self.event {
            // The id of what it generates is how AWS's translator names an event in some of its messages.
            Some(event) => format!("event `{event}` (`{0}{event}`) of resource `{0}`", self.resource),
            None => format!("resource `{}`", self.resource),
        };
        Diagnostic::error(code, place.or(self.place), format!("{who} is invalid: {}", message.as_ref()))
    }
}

/// What a value may be. Intrinsics pass everywhere: CloudFormation judges what they give.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Anything; CloudFormation judges it.
    Any,
    /// Text.
    Str,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A map.
    Map,
    /// A list.
    List,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any of these.
    OneOf(&'static [Kind]),
    /// A list of these.
    ListOf(&'static Kind),
    /// A map of these.
    MapOf(&'static Kind),
}

impl Kind {
    /// Whether a value is of this kind; intrinsics are maps here.
    pub fn fits(self, node: &Node) -> bool {
        match (self, &node.value) {
            (Kind::Any, _)
            | (Kind::Str, Val::Str(_))
            | (Kind::Bool, Val::Bool(_))
            // As in Python, where a truth value is a number too.
            | (Kind::Int, Val::Int(_) | Val::Bool(_))
            | (Kind::Map, Val::Map(_))
            | (Kind::List, Val::List(_)) => true,
            (Kind::Word(words), Val::Str(word)) => words.contains(&word.as_str()),
            (Kind::OneOf(kinds), _) => kinds.iter().any(|kind| kind.fits(node)),
            (Kind::ListOf(kind), Val::List(items)) => items.iter().all(|item| kind.fits(item)),
            (Kind::MapOf(kind), Val::Map(map)) => map.values().all(|entry| kind.fits(&entry.node)),
            _ => false,
        }
    }

    /// What a person would call it.
    pub fn word(self) -> String {
        match self {
            Kind::Any => "anything".to_owned(),
            Kind::Str => "a string".to_owned(),
            Kind::Bool => "a boolean".to_owned(),
            Kind::Int => "an integer".to_owned(),
            Kind::Map => "a map".to_owned(),
            Kind::List => "a list".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::OneOf(kinds) => kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" or "),
            Kind::ListOf(kind) => format!("a list, each item {}", kind.word()),
            Kind::MapOf(kind) => format!("a map, each value {}", kind.word()),
        }
    }
}

/// A property that a resource or event may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Property {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it may be.
    pub kind: Kind,
    /// Whether SAM itself must know the value, so that an intrinsic is an error.
    pub literal: bool,
}

/// A property that may be left out.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Property {
    Property { name, required: false, kind, literal: false }
}

/// A property that must be there.
pub(super) const fn required(name: &'static str, kind: Kind) -> Property {
    Property { name, required: true, kind, literal: false }
}

/// A property that may be left out and that takes no intrinsic.
pub(super) const fn optional_literal(name: &'static str, kind: Kind) -> Property {
    Property { name, required: false, kind, literal: true }
}

/// A property that must be there and that takes no intrinsic.
pub(super) const fn literal(name: &'static str, kind: Kind) -> Property {
    Property { name, required: true, kind, literal: true }
}

/// Properties that have been held against their list. A null counts as absent.
#[derive(Clone, Debug)]
pub(super) struct Props {
    owner: Owner,
    node: Node,
}

impl Props {
    /// Holds a map against the properties of `type_name`.
    ///
    /// # Errors
    /// The first unknown name, value of a wrong type, or missing name.
    pub fn read(owner: Owner, type_name: &str, properties: &Node, known: &[Property]) -> Result<Props, Diagnostic> {
        let Some(map) = properties.as_map() else {
            return Err(owner.error(properties.place, "`Properties` should be a map"));
        };
        for (key, entry) in map {
            if !known.iter().any(|property| property.name == key) {
                let names = known.iter().map(|property| property.name);
                return Err(owner
                    .error_with(
                        "unknown-property",
                        entry.key_place,
                        format!("property `{key}` is not defined for {type_name}"),
                    )
                    .maybe_help(nearest(key, names)));
            }
        }
        let props = Props { owner, node: properties.clone() };
        for property in known {
            match props.get(property.name) {
                Some(value) if (property.literal || !has_one_key(value)) && !property.kind.fits(value) => {
                    return Err(props.owner.error_with(
                        "wrong-type",
                        value.place,
                        format!(
                            "property `{}` should be {}, not {}",
                            property.name,
                            property.kind.word(),
                            value.type_word()
                        ),
                    ));
                }
                None if property.required => {
                    return Err(props.owner.error_with(
                        "missing-property",
                        properties.place,
                        format!("required property `{}` is missing", property.name),
                    ));
                }
                _ => {}
            }
        }
        Ok(props)
    }

    /// The value, where it is there and not null.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.node.get(name).filter(|node| node.value != Val::Null)
    }

    /// A copy of the value, where it is there and not null.
    pub fn take(&self, name: &str) -> Option<Node> {
        self.get(name).cloned()
    }

    /// Text, where it is there and is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::as_str)
    }

    /// A map, where it is there and is one.
    pub fn map(&self, name: &str) -> Option<&Map> {
        self.get(name).and_then(Node::as_map)
    }

    /// Replaces a value.
    pub fn set(&mut self, name: &str, value: Node) {
        self.node.set(name, value);
    }

    /// Where the key stands, else where the owner's name stands.
    pub fn place_of(&self, name: &str) -> Place {
        self.node.as_map().and_then(|map| map.get(name)).map_or(self.owner.place, |entry| entry.key_place)
    }

    /// How messages name the owner.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// An error at a property.
    pub fn error(&self, name: &str, message: impl AsRef<str>) -> Diagnostic {
        self.owner.error(self.place_of(name), message)
    }
}

/// SAM takes any map with a single key for an intrinsic and leaves its type alone.
fn has_one_key(node: &Node) -> bool {
    node.as_map().is_some_and(|map| map.len() == 1)
}

pub(super) use crate::model::suggest::did_you_mean as nearest;
