//! A plain CloudFormation resource that the transform made.

use crate::model::{Entry, Map, Node, Place, Val};

/// A resource to be written into the resulting template.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Logical id.
    pub id: String,
    /// AWS's type name.
    pub type_name: String,
    /// `Properties`, a map.
    pub properties: Node,
    /// `DependsOn`.
    pub depends_on: Option<Node>,
    /// Other attributes (`Condition`, `DeletionPolicy`, `Rollout`, ...).
    pub attributes: Map,
    /// Where a person asked for it.
    pub place: Place,
}

impl Made {
    /// A resource without properties.
    pub fn new(id: impl Into<String>, type_name: &str, place: Place) -> Self {
        Made {
            id: id.into(),
            type_name: type_name.to_owned(),
            properties: Node::map::<String>([], place),
            depends_on: None,
            attributes: Map::new(),
            place,
        }
    }

    /// With these attributes, such as those that a SAM resource hands on.
    #[must_use]
    pub fn attributes(mut self, attributes: Map) -> Self {
        self.attributes = attributes;
        self
    }

    /// With `DependsOn`.
    #[must_use]
    pub fn depends_on(mut self, depends_on: Option<Node>) -> Self {
        self.depends_on = depends_on;
        self
    }

    /// With a property.
    #[must_use]
    pub fn with(mut self, key: &str, value: Node) -> Self {
        self.set(key, value);
        self
    }

    /// With a property, where there is a value for it.
    #[must_use]
    pub fn maybe(mut self, key: &str, value: Option<Node>) -> Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Sets a property.
    pub fn set(&mut self, key: &str, value: Node) {
        self.properties.set(key, value);
    }

    /// Sets an attribute.
    pub fn set_attribute(&mut self, key: &str, value: Node) {
        self.attributes.insert(key.to_owned(), Entry { key_place: value.place, node: value });
    }

    /// `{"Ref": id}`
    pub fn reference(&self) -> Node {
        Node::reference(&self.id, self.place)
    }

    /// `{"Fn::GetAtt": [id, attribute]}`
    pub fn att(&self, attribute: &str) -> Node {
        Node::get_att(&self.id, attribute, self.place)
    }

    /// The entry for `Resources`; `parent` is the resource that asked for it where that is another one.
    pub fn into_node(self, parent: Option<&str>) -> Node {
        let place = self.place;
        let mut node = Node::map([("Type", Node::str(self.type_name, place))], place);
        if let Some(depends_on) = self.depends_on {
            node.set("DependsOn", depends_on);
        }
        if let Val::Map(map) = &mut node.value {
            map.extend(self.attributes);
        }
        node.set("Properties", self.properties);
        if let Some(parent) = parent {
            node.set("GeneratedFor", Node::str(parent, place));
        }
        node
    }
}
