//! Making nodes: short constructors that put everything at one place, and the few questions that SAM asks of values.

use crate::model::{Diagnostic, Node, Place, Val};

pub(super) use super::artifact::is_truthy as truthy;
use super::intrinsics;

/// What a step of the transform gives, or the complaint that ends the resource it belongs to.
pub(super) type Outcome<T> = Result<T, Diagnostic>;

/// Makes nodes that all stand at one place: that of the resource or event which asked for them.
#[derive(Clone, Copy)]
pub(super) struct At(pub(super) Place);

impl At {
    /// Text.
    pub fn text(self, text: impl Into<String>) -> Node {
        Node::str(text, self.0)
    }

    /// A truth value.
    pub fn bool(self, value: bool) -> Node {
        Node::new(Val::Bool(value), self.0)
    }

    /// A list.
    pub fn list(self, items: impl IntoIterator<Item = Node>) -> Node {
        Node::list(items.into_iter().collect(), self.0)
    }

    /// A map.
    pub fn map<K: Into<String>>(self, entries: impl IntoIterator<Item = (K, Node)>) -> Node {
        Node::map(entries, self.0)
    }

    /// An empty map.
    pub fn empty(self) -> Node {
        Node::new(Val::Map(Default::default()), self.0)
    }

    /// `{"Ref": id}`
    pub fn reference(self, id: &str) -> Node {
        Node::reference(id, self.0)
    }

    /// `{"Fn::GetAtt": [id, attribute]}`
    pub fn get_att(self, id: &str, attribute: &str) -> Node {
        Node::get_att(id, attribute, self.0)
    }

    /// `{"Fn::Sub": text}`
    pub fn sub(self, text: impl Into<String>) -> Node {
        intrinsics::sub(text, self.0)
    }

    /// `{"Fn::Sub": [text, variables]}`
    pub fn sub_with<K: Into<String>>(
        self,
        text: impl Into<String>,
        variables: impl IntoIterator<Item = (K, Node)>,
    ) -> Node {
        intrinsics::sub_with(text, variables, self.0)
    }

    /// `{"Ref": "AWS::NoValue"}`
    pub fn no_value(self) -> Node {
        intrinsics::no_value(self.0)
    }

    /// `value` where the condition holds, and nothing otherwise.
    pub fn when(self, condition: &str, value: Node) -> Node {
        intrinsics::make_if(condition, value, self.no_value(), self.0)
    }
}

/// The value under `key`, where SAM takes it for given.
pub(super) fn given<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|value| truthy(value))
}

/// The value under `key`, unless it is null.
pub(super) fn some<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|value| !value.is_null())
}

/// A value as a person would see it in a message.
pub(super) fn shown(node: &Node) -> String {
    match node.scalar_text() {
        Some(text) if !node.secret => text,
        _ => node.to_masked_json().to_string(),
    }
}

/// Whether two values are equal, wherever they were written.
pub(super) fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Val::List(left), Val::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Val::Map(left), Val::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, entry)| right.get(key).is_some_and(|other| same(&entry.node, &other.node)))
        }
        (left, right) => left == right,
    }
}
