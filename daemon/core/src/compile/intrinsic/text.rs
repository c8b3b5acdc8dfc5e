//! Text: `Fn::Sub`, `Fn::Join`, and the one flat form of text that is not wholly known.

use super::{Evaluator, is_symbolic};
use crate::model::{Node, Place, Val};

/// A piece of an `Fn::Sub` text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text that stands for itself.
    Literal(&'t str),
    /// `${!name}`: the text `${name}`. Holds `name`.
    Escaped(&'t str),
    /// `${name}`. Holds `name` without the spaces around it.
    Reference(&'t str),
}

/// The pieces of an `Fn::Sub` text. A `${` that is never closed is literal.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start + 2..].find('}') else { break };
        if start > 0 {
            all.push(Piece::Literal(&rest[..start]));
        }
        let name = &rest[start + 2..start + 2 + length];
        all.push(match name.strip_prefix('!') {
            Some(escaped) => Piece::Escaped(escaped),
            None => Piece::Reference(name.trim()),
        });
        rest = &rest[start + 3 + length..];
    }
    if !rest.is_empty() {
        all.push(Piece::Literal(rest));
    }
    all
}

/// A scalar as CloudFormation writes it into text: `true`, `12`, `1` for a float that is whole. `None` for lists and
/// maps.
pub fn scalar(node: &Node) -> Option<String> {
    match node.value {
        Val::Null => Some(String::new()),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and far below 2^63")]
        Val::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => Some((value as i64).to_string()),
        _ => node.scalar_text(),
    }
}

/// Collects the parts of a text: literals that meet are merged, joins with an empty delimiter dissolve.
struct Parts {
    parts: Vec<Node>,
    place: Place,
}

impl Parts {
    fn add(&mut self, part: Node) {
        if let Some(("Fn::Join", argument)) = part.as_call()
            && let Some([delimiter, list]) = argument.as_list()
            && delimiter.as_str() == Some("")
            && let Val::List(items) = &list.value
        {
            items.iter().cloned().for_each(|item| self.add(item));
            return;
        }
        let Some(text) = scalar(&part) else {
            self.parts.push(part);
            return;
        };
        if text.is_empty() {
            return;
        }
        match self.parts.last_mut() {
            Some(Node { value: Val::Str(last), secret, .. }) => {
                last.push_str(&text);
                *secret |= part.secret;
            }
            _ => self.parts.push(Node { value: Val::Str(text), place: self.place, secret: part.secret }),
        }
    }

    /// The text: a literal, the one part that there is, or a flat join.
    fn finish(mut self) -> Node {
        match (self.parts.len(), self.parts.pop()) {
            (_, None) => Node::str("", self.place),
            (1, Some(part)) => part,
            (_, Some(last)) => {
                self.parts.push(last);
                let list = Node::list(self.parts, self.place);
                Node::call("Fn::Join", Node::list(vec![Node::str("", self.place), list], self.place), self.place)
            }
        }
    }
}

impl Evaluator<'_> {
    /// Puts evaluated parts together into one text.
    pub(super) fn concatenate(&mut self, parts: Vec<Node>, place: Place) -> Node {
        let mut all = Parts { parts: Vec::new(), place };
        for part in parts {
            let size = if let Val::Str(text) = &part.value { text.len() } else { 8 };
            if !self.spend(size, place) {
                break;
            }
            match &part.value {
                Val::List(items) if items.iter().any(|item| scalar(item).is_none()) => {
                    let list = vec![Node::str(",", place), part];
                    all.add(Node::call("Fn::Join", Node::list(list, place), place));
                }
                // A list parameter in text is its items with commas, as a person passed them.
                Val::List(items) => {
                    let texts: Vec<String> = items.iter().filter_map(scalar).collect();
                    all.add(Node { value: Val::Str(texts.join(",")), place, secret: part.has_secret() });
                }
                Val::Map(_) if !is_symbolic(&part) => {
                    self.error("invalid-function", part.place.or(place), "text cannot be made of a map");
                }
                _ => all.add(part),
            }
        }
        all.finish()
    }

    pub(super) fn sub(&mut self, argument: &Node, place: Place) -> Option<Node> {
        let (template, variables) = match &argument.value {
            Val::List(items) => match items.as_slice() {
                [template] => (template, None),
                [template, variables] => match &variables.value {
                    Val::Map(map) => (template, Some(map)),
                    _ => return Some(self.misuse("Fn::Sub", argument)),
                },
                _ => return Some(self.misuse("Fn::Sub", argument)),
            },
            _ => (argument, None),
        };
        let template = self.evaluate(template)?;
        let Some(text) = template.scalar_text() else { return Some(self.misuse("Fn::Sub", argument)) };
        let at = template.place.or(place);
        let mut parts = Vec::new();
        for piece in pieces(&text) {
            let part = match piece {
                Piece::Literal(text) => Some(Node::str(text, at)),
                Piece::Escaped(name) => Some(Node::str(format!("${{{name}}}"), at)),
                Piece::Reference(name) => match variables.and_then(|map| map.get(name)) {
                    Some(entry) => self.evaluate(&entry.node),
                    None => self.substitute(name, at),
                },
            };
            parts.extend(part.map(|part| if template.secret { part.into_secret() } else { part }));
        }
        Some(self.concatenate(parts, place))
    }

    /// `${name}` or `${resource.attribute}`.
    fn substitute(&mut self, name: &str, place: Place) -> Option<Node> {
        if name.is_empty() {
            self.error("invalid-function", place, "`Fn::Sub` has a `${}` without a name");
            return None;
        }
        if self.scope.parameters.contains_key(name) {
            return self.reference(name, place);
        }
        let Some((id, attribute)) = name.split_once('.') else {
            if !super::Pseudo::NAMES.contains(&name) {
                self.check_resource(name, "Fn::Sub", place);
                return Some(Node::reference(name, place));
            }
            return self.reference(name, place);
        };
        Some(self.attribute(id, attribute, "Fn::Sub", place, place))
    }

    pub(super) fn join(&mut self, argument: &Node, place: Place) -> Node {
        let Some([delimiter, list]) = argument.as_list() else { return self.misuse("Fn::Join", argument) };
        let (Some(delimiter), Some(list)) = (self.evaluate(delimiter), self.evaluate(list)) else {
            return self.misuse("Fn::Join", argument);
        };
        let Some(between) = scalar(&delimiter) else { return self.misuse("Fn::Join", argument) };
        let items = match list.value {
            Val::List(items) => items,
            // A list that only AWS can tell.
            _ if is_symbolic(&list) => {
                return Node::call("Fn::Join", Node::list(vec![Node::str(between, place), list], place), place);
            }
            _ => return self.misuse("Fn::Join", argument),
        };
        let mut parts = Vec::new();
        for item in items {
            // A list parameter among the items counts as its items.
            let inner = match item.value {
                Val::List(inner) => inner,
                _ => vec![item],
            };
            for part in inner {
                if !parts.is_empty() && !between.is_empty() {
                    parts.push(Node { value: Val::Str(between.clone()), place, secret: delimiter.secret });
                }
                parts.push(part);
            }
        }
        self.concatenate(parts, place)
    }
}
