//! What an application declares, and what expanding it builds up.

use indexmap::{IndexMap, IndexSet};

use super::document::{Document, Kind, aws};
use crate::compile::lower_camel::lower_camel;
use crate::model::suggest::did_you_mean;
use crate::model::{DeletionPolicy, Diagnostic, Diagnostics, Node, Place, Resource, Val};

/// One resource of the application: its defaults and overrides laid, its intrinsics evaluated.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// The document; its spec holds neither intrinsics that could be evaluated nor [`Common`]'s words.
    pub document: Document,
    /// AWS's name of its type.
    pub type_name: String,
    /// The words that every kind has.
    pub common: Common,
    /// The resource that this one was generated for.
    pub parent: Option<String>,
}

/// Words that every kind's spec has beside its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Common {
    pub depends_on: Vec<String>,
    pub deletion_policy: Option<DeletionPolicy>,
    pub update_replace_policy: Option<DeletionPolicy>,
    pub metadata: Option<Node>,
}

impl Declared {
    /// Its logical id.
    pub fn id(&self) -> &str {
        &self.document.name.text
    }

    /// "function `charge`".
    pub fn what(&self) -> String {
        self.document.what()
    }

    /// Where its name was written.
    pub fn place(&self) -> Place {
        self.document.place()
    }

    /// A property by its AWS name, whichever way the kind writes it.
    pub fn property(&self, name: &str) -> Option<&Node> {
        let found = match self.document.kind {
            Kind::Resource => self.document.spec.get("properties")?.get(name),
            _ => self.document.spec.get(&lower_camel(name)),
        };
        found.filter(|node| !node.is_null())
    }

    /// Whether a truth property is set.
    pub fn flag(&self, name: &str) -> bool {
        self.property(name).is_some_and(|node| node.as_bool() == Some(true) || node.as_str() == Some("true"))
    }

    /// Its ARN: what `Ref` gives for a topic and a layer, what `GetAtt Arn` gives for the rest.
    pub fn arn(&self, place: Place) -> Node {
        match self.type_name.as_str() {
            aws::TOPIC | aws::LAYER_VERSION | aws::ALIAS => Node::reference(self.id(), place),
            _ => Node::get_att(self.id(), "Arn", place),
        }
    }

    /// The alias that a function is served from, where it declares `rollout`.
    pub fn alias_id(&self) -> Option<String> {
        let served =
            self.document.kind == Kind::Function && self.document.spec.get("rollout").is_some_and(|r| !r.is_null());
        served.then(|| format!("{}-alias", self.id()))
    }

    /// What calls a function: its alias where it has one.
    pub fn invoke_arn(&self, place: Place) -> Node {
        match self.alias_id() {
            Some(alias) => Node::reference(&alias, place),
            None => self.arn(place),
        }
    }

    /// The same as `FunctionName` of a permission or a mapping.
    pub fn invoke_name(&self, place: Place) -> Node {
        Node::reference(&self.alias_id().unwrap_or_else(|| self.id().to_owned()), place)
    }
}

/// The application while its words are expanded: nothing of this changes any more.
pub(super) struct World {
    /// `AWS::StackName`.
    pub stack: String,
    /// How long a function's own log group keeps its events, in days.
    pub log_retention_days: i64,
    /// `AWS::Partition`, `AWS::Region` and `AWS::AccountId`, or references to them where they are not known.
    pub partition: Node,
    pub region: Node,
    pub account: Node,
    /// Every resource by its name.
    pub declared: IndexMap<String, Declared>,
    /// Resources that are left out because their condition is false: where, and the condition's name.
    pub left_out: IndexMap<String, (Place, String)>,
}

/// What a word that names another resource points at.
pub(super) enum Target<'a> {
    /// A resource of this application.
    Own(&'a Declared),
    /// Something else, by its ARN.
    Arn(Node),
}

impl Target<'_> {
    /// The ARN.
    pub fn arn(&self, place: Place) -> Node {
        match self {
            Target::Own(declared) => declared.arn(place),
            Target::Arn(arn) => arn.clone(),
        }
    }

    /// A short word for ids: the name, or the last part of the ARN.
    pub fn slug(&self) -> String {
        match self {
            Target::Own(declared) => declared.id().to_owned(),
            Target::Arn(node) => match node.as_str() {
                Some(arn) => slug(arn.rsplit([':', '/']).next().unwrap_or(arn)),
                None => short_hash(node),
            },
        }
    }
}

/// Text as a part of an id: letters, digits and single dashes.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Eight digits that stand for a value in an id, where it has no name of its own or must not be shown.
pub(super) fn short_hash(node: &Node) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(node.to_json().to_string().as_bytes());
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    /// What `node` names: a resource of type `type_name` in this application, or an ARN. `word` is what a person calls
    /// such a thing ("queue").
    pub fn target(&self, word: &str, type_name: &str, node: &Node, out: &mut Diagnostics) -> Option<Target<'_>> {
        if let Some(text) = node.as_str() {
            if text.starts_with("arn:") {
                return Some(Target::Arn(node.clone()));
            }
            return self.own(word, type_name, text, node.place, out).map(Target::Own);
        }
        let Some((function, argument)) = node.as_call() else {
            let message = format!(
                "`{word}` must be the name of a {word} of this application or an ARN, not {}",
                node.type_word()
            );
            out.error("wrong-type", node.place, message);
            return None;
        };
        let id = match function {
            "Ref" => argument.as_str(),
            "Fn::GetAtt" => argument.as_list().and_then(|list| list.first()).and_then(Node::as_str),
            _ => None,
        };
        match id.and_then(|id| self.declared.get(id)) {
            Some(declared) if declared.type_name == type_name => Some(Target::Own(declared)),
            _ => Some(Target::Arn(node.clone())),
        }
    }

    /// The resource of this application with that name and type.
    pub fn own(
        &self,
        word: &str,
        type_name: &str,
        name: &str,
        place: Place,
        out: &mut Diagnostics,
    ) -> Option<&Declared> {
        match self.declared.get(name) {
            Some(declared) if declared.type_name == type_name => Some(declared),
            Some(other) => {
                out.push(
                    Diagnostic::error(
                        "wrong-kind",
                        place,
                        format!("`{name}` is a {}, not a {word}", other.document.kind.word()),
                    )
                    .related(other.place(), "declared here"),
                );
                None
            }
            None => {
                let mut found = Diagnostic::error(
                    "unknown-name",
                    place,
                    format!("there is no {word} `{name}` in this application"),
                );
                if let Some((left_out, condition)) = self.left_out.get(name) {
                    found = found.related(*left_out, format!("left out, because condition `{condition}` is false"));
                }
                let names: Vec<&str> =
                    self.declared.values().filter(|d| d.type_name == type_name).map(Declared::id).collect();
                let help = did_you_mean(name, names.iter().copied()).or_else(|| {
                    (!names.is_empty() && names.len() <= 10).then(|| format!("there are {}", names.join(", ")))
                });
                out.push(found.maybe_help(help));
                None
            }
        }
    }
}

/// What expansion builds up.
#[derive(Default)]
pub(super) struct Build {
    /// Resources by logical id.
    pub resources: IndexMap<String, Resource>,
    /// Statements that a queue's policy needs, by the queue's name: its Sid and the statement.
    pub queue_statements: IndexMap<String, Vec<Node>>,
    /// Ids of resources whose own words are wrong: what they lack by that is no second complaint.
    pub broken: IndexSet<String>,
    /// All complaints.
    pub out: Diagnostics,
}

impl Build {
    /// Adds a resource; a taken id is an error.
    pub fn add(&mut self, resource: Resource) {
        match self.resources.get(&resource.id) {
            Some(other) => self.out.push(
                Diagnostic::error("duplicate-name", resource.place, format!("`{}` would exist twice", resource.id))
                    .related(other.place, "it is here already")
                    .help("names are unique across the kinds of an application, those of generated resources too"),
            ),
            None => {
                self.resources.insert(resource.id.clone(), resource);
            }
        }
    }

    /// Adds a resource that `parent` asked for, with the parent's allowance of deletions.
    pub fn generate(
        &mut self,
        parent: &Declared,
        id: String,
        type_name: &str,
        properties: Node,
        place: Place,
    ) -> Option<&mut Resource> {
        let owner = parent.parent.as_deref().unwrap_or(parent.id());
        let mut resource = Resource::new(id.clone(), type_name, properties, place).generated_for(owner);
        resource.allow_delete.clone_from(&parent.document.annotations.allow_delete);
        if let (Some(old), Some(rest)) = (
            &parent.document.annotations.renamed_from,
            id.strip_prefix(parent.id()).filter(|rest| rest.starts_with('-')),
        ) {
            resource.renamed_from = Some(format!("{old}{rest}"));
        }
        let taken = self.resources.contains_key(&id);
        self.add(resource);
        if taken { None } else { self.resources.get_mut(&id) }
    }
}

/// Text made of parts: plain where all are, else one flat `Fn::Join`.
pub(super) fn join(parts: Vec<Node>, place: Place) -> Node {
    let mut flat: Vec<Node> = Vec::new();
    parts.into_iter().for_each(|part| append(&mut flat, part, place));
    match flat.as_slice() {
        [only] if only.as_str().is_some() => flat.swap_remove(0),
        _ => Node::call("Fn::Join", Node::list(vec![Node::str("", place), Node::list(flat, place)], place), place),
    }
}

fn append(flat: &mut Vec<Node>, part: Node, place: Place) {
    if let Some(("Fn::Join", argument)) = part.as_call()
        && let Some([delimiter, list]) = argument.as_list()
        && let (Some(""), Some(items)) = (delimiter.as_str(), list.as_list())
    {
        items.iter().cloned().for_each(|item| append(flat, item, place));
        return;
    }
    let secret = part.secret;
    match (flat.last_mut(), part.scalar_text()) {
        (Some(Node { value: Val::Str(before), secret: hidden, .. }), Some(text)) => {
            before.push_str(&text);
            *hidden |= secret;
        }
        (_, Some(text)) => flat.push(Node { secret, ..Node::str(text, place) }),
        (_, None) => flat.push(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn joined_text_is_flat_and_plain_where_it_can_be() {
        let place = Place::NOWHERE;
        let text = |text: &str| Node::str(text, place);
        assert_eq!(join(vec![text("a"), text("b")], place).to_json(), json!("ab"));
        let inner = join(vec![text("b"), Node::reference("x", place)], place);
        assert_eq!(join(vec![text("a"), inner], place).to_json(), json!({"Fn::Join": ["", ["ab", {"Ref": "x"}]]}));
    }

    #[test]
    fn slugs_hold_letters_digits_and_single_dashes() {
        assert_eq!(slug("my_queue.fifo"), "my-queue-fifo");
        assert_eq!(slug("--x--"), "x");
    }
}
