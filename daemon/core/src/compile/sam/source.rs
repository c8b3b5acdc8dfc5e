//! A resource as a person wrote it.

use crate::model::{Diagnostic, Map, Node, Place};

use super::props::Owner;

/// One entry of the template's `Resources`, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Logical id.
    pub id: String,
    /// Where the id was written.
    pub place: Place,
    /// `Type`.
    pub type_name: String,
    /// `Properties`, an empty map where there are none.
    pub properties: Node,
    /// `DependsOn` as written.
    pub depends_on: Option<Node>,
    /// The other attributes that SAM knows, as written.
    attributes: Map,
}

/// Attributes that a SAM resource hands to the resource of the same id.
const OWN: [&str; 5] = ["DeletionPolicy", "UpdatePolicy", "Condition", "UpdateReplacePolicy", "Metadata"];
/// Attributes that it hands to everything it generates.
const HANDED_ON: [&str; 3] = ["Condition", "DeletionPolicy", "UpdateReplacePolicy"];

impl Source {
    /// Takes a resource apart; `None` where it has no `Type` in text.
    pub fn read(id: &str, place: Place, resource: &Node) -> Option<Source> {
        let map = resource.as_map()?;
        Some(Source {
            id: id.to_owned(),
            place,
            type_name: resource.get("Type")?.as_str()?.to_owned(),
            properties: match resource.get("Properties") {
                Some(node) if !node.is_null() => node.clone(),
                _ => Node::map::<String>([], resource.place),
            },
            depends_on: resource.get("DependsOn").filter(|node| !node.is_null()).cloned(),
            attributes: pick(map, &OWN),
        })
    }

    /// What the resource of the same id keeps.
    pub fn own_attributes(&self) -> Map {
        self.attributes.clone()
    }

    /// What every generated resource gets.
    pub fn handed_on(&self) -> Map {
        pick(&self.attributes, &HANDED_ON)
    }

    /// The same without the attributes that SAM knows.
    pub fn without_attributes(&self) -> Source {
        Source { attributes: Map::new(), ..self.clone() }
    }

    /// A resource that this one asks for in passing: another id, no properties and no attributes.
    pub fn generated(&self, id: &str) -> Source {
        let properties = Node::map::<String>([], self.place);
        Source { id: id.to_owned(), properties, depends_on: None, ..self.without_attributes() }
    }

    /// The attribute as written.
    pub fn attribute(&self, name: &str) -> Option<&Node> {
        self.attributes.get(name).map(|entry| &entry.node)
    }

    /// `Condition`, where it is text.
    pub fn condition(&self) -> Option<&str> {
        self.attribute("Condition").and_then(Node::as_str)
    }

    /// How messages name this resource.
    pub fn owner(&self) -> Owner {
        Owner::resource(&self.id, self.place)
    }

    /// An error about this resource.
    pub fn error(&self, place: Place, message: impl AsRef<str>) -> Diagnostic {
        self.owner().error(place, message)
    }
}

fn pick(map: &Map, names: &[&str]) -> Map {
    map.iter()
        .filter(|(key, _)| names.contains(&key.as_str()))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect()
}
