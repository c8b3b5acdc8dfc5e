//! The envelope of a document: `apiVersion`, `kind`, `metadata`, `spec`.

use indexmap::IndexMap;

use super::fields::{Fields, Text};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Node, Place, Val};

/// The only version there is.
pub const API_VERSION: &str = "evenkeel.dev/v1";

/// What a document declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The application: its name, environments, parameters and defaults.
    App,
    /// `AWS::Lambda::Function`.
    Function,
    /// `AWS::Lambda::LayerVersion`.
    Layer,
    /// `AWS::SQS::Queue`.
    Queue,
    /// `AWS::SNS::Topic`.
    Topic,
    /// `AWS::SSM::Parameter`.
    Parameter,
    /// `AWS::IAM::Role`.
    Role,
    /// `AWS::Logs::LogGroup`.
    LogGroup,
    /// Any AWS type with its documented properties.
    Resource,
}

impl Kind {
    /// All of them, in the order in which a person meets them.
    pub const ALL: [Kind; 9] = [
        Kind::App,
        Kind::Function,
        Kind::Layer,
        Kind::Queue,
        Kind::Topic,
        Kind::Parameter,
        Kind::Role,
        Kind::LogGroup,
        Kind::Resource,
    ];

    /// As `kind:` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::App => "App",
            Kind::Function => "Function",
            Kind::Layer => "Layer",
            Kind::Queue => "Queue",
            Kind::Topic => "Topic",
            Kind::Parameter => "Parameter",
            Kind::Role => "Role",
            Kind::LogGroup => "LogGroup",
            Kind::Resource => "Resource",
        }
    }

    /// As `App.spec.defaults` and messages say it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::App => "app",
            Kind::Function => "function",
            Kind::Layer => "layer",
            Kind::Queue => "queue",
            Kind::Topic => "topic",
            Kind::Parameter => "parameter",
            Kind::Role => "role",
            Kind::LogGroup => "logGroup",
            Kind::Resource => "resource",
        }
    }

    /// The AWS type that the kind stands for; none for `App`, and for `Resource`, which says it itself.
    pub fn type_name(self) -> Option<&'static str> {
        Some(match self {
            Kind::App | Kind::Resource => return None,
            Kind::Function => aws::FUNCTION,
            Kind::Layer => aws::LAYER_VERSION,
            Kind::Queue => aws::QUEUE,
            Kind::Topic => aws::TOPIC,
            Kind::Parameter => aws::PARAMETER,
            Kind::Role => aws::ROLE,
            Kind::LogGroup => aws::LOG_GROUP,
        })
    }

    /// From the word of `kind:`.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// AWS's names of the types that native words stand for.
pub mod aws {
    /// A function.
    pub const FUNCTION: &str = "AWS::Lambda::Function";
    /// A published version of a function.
    pub const VERSION: &str = "AWS::Lambda::Version";
    /// An alias of a function.
    pub const ALIAS: &str = "AWS::Lambda::Alias";
    /// A statement of a function's policy.
    pub const PERMISSION: &str = "AWS::Lambda::Permission";
    /// A poller that feeds a function.
    pub const EVENT_SOURCE_MAPPING: &str = "AWS::Lambda::EventSourceMapping";
    /// A version of a layer.
    pub const LAYER_VERSION: &str = "AWS::Lambda::LayerVersion";
    /// A queue.
    pub const QUEUE: &str = "AWS::SQS::Queue";
    /// The policy document of queues.
    pub const QUEUE_POLICY: &str = "AWS::SQS::QueuePolicy";
    /// A topic.
    pub const TOPIC: &str = "AWS::SNS::Topic";
    /// A subscription to a topic.
    pub const SUBSCRIPTION: &str = "AWS::SNS::Subscription";
    /// A parameter of the parameter store.
    pub const PARAMETER: &str = "AWS::SSM::Parameter";
    /// A role.
    pub const ROLE: &str = "AWS::IAM::Role";
    /// An inline policy of a role.
    pub const ROLE_POLICY: &str = "AWS::IAM::RolePolicy";
    /// A log group.
    pub const LOG_GROUP: &str = "AWS::Logs::LogGroup";
}

/// One document of a manifest file.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it declares.
    pub kind: Kind,
    /// `metadata.name`, which is the logical id.
    pub name: Text,
    /// `metadata.labels`: become tags.
    pub labels: IndexMap<String, Node>,
    /// `metadata.annotations` under `evenkeel.dev/`.
    pub annotations: Annotations,
    /// `spec`; an empty map where there is none.
    pub spec: Node,
}

/// What annotations under `evenkeel.dev/` say; all others are a person's own business.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// `evenkeel.dev/allow-delete`: the digest of a plan whose deletions are allowed.
    pub allow_delete: Option<String>,
    /// `evenkeel.dev/renamed-from`: the name that this resource had before.
    pub renamed_from: Option<String>,
    /// `evenkeel.dev/ignore-drift`: property paths, separated by commas, whose drift is left alone.
    pub ignore_drift: Vec<String>,
}

const ALLOW_DELETE: &str = "evenkeel.dev/allow-delete";
const RENAMED_FROM: &str = "evenkeel.dev/renamed-from";
const IGNORE_DRIFT: &str = "evenkeel.dev/ignore-drift";

/// Whether a document is a native manifest: it says an `apiVersion` or a `kind`.
pub fn is_manifest(document: &Node) -> bool {
    document.get("apiVersion").is_some() || document.get("kind").is_some()
}

/// Reads the envelope; `None` where it is too broken to go on with.
pub fn read(node: &Node, out: &mut Diagnostics) -> Option<Document> {
    let mut fields = Fields::new(node, "a manifest", out);
    node.as_map()?;
    match fields.text("apiVersion", out) {
        Some(version) if version.text != API_VERSION => out.push(
            Diagnostic::error(
                "unknown-api-version",
                version.place,
                format!("there is no apiVersion `{}`", version.text),
            )
            .help(format!("write `apiVersion: {API_VERSION}`")),
        ),
        Some(_) => {}
        None if node.get("apiVersion").is_none() => out.push(
            Diagnostic::error("missing-api-version", node.place, "a manifest needs an `apiVersion`")
                .help(format!("write `apiVersion: {API_VERSION}`")),
        ),
        None => {}
    }
    let kind = read_kind(&mut fields, out);
    let metadata = fields.take("metadata");
    let spec = fields.take("spec").unwrap_or_else(|| Node::map::<String>([], node.place));
    if spec.as_map().is_none() {
        out.error("wrong-type", spec.place, format!("`spec` must be a map, not {}", spec.type_word()));
    }
    fields.finish(out);
    let kind = kind?;
    let Some(metadata) = metadata else {
        out.push(
            Diagnostic::error(
                "missing-name",
                node.place,
                format!("a {} needs `metadata` with a `name`", kind.as_str()),
            )
            .help("write `metadata: {name: ...}`"),
        );
        return None;
    };
    read_metadata(kind, &metadata, spec, out)
}

fn read_kind(fields: &mut Fields, out: &mut Diagnostics) -> Option<Kind> {
    let place = fields.place;
    let present = fields.peek("kind").is_some();
    let Some(word) = fields.text("kind", out) else {
        if !present {
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            out.push(
                Diagnostic::error("missing-kind", place, "a manifest needs a `kind`")
                    .help(format!("kinds are {}", kinds.join(", "))),
            );
        }
        return None;
    };
    let kind = Kind::parse(&word.text);
    if kind.is_none() {
        let names = Kind::ALL.iter().map(|kind| kind.as_str());
        let help = did_you_mean(&word.text, names).unwrap_or_else(|| {
            "any AWS type can be written as `kind: Resource` with `spec: {type: AWS::..., properties: {...}}`"
                .to_owned()
        });
        out.push(Diagnostic::error("unknown-kind", word.place, format!("there is no kind `{}`", word.text)).help(help));
    }
    kind
}

fn read_metadata(kind: Kind, metadata: &Node, spec: Node, out: &mut Diagnostics) -> Option<Document> {
    let mut fields = Fields::new(metadata, format!("`metadata` of a {}", kind.as_str()), out);
    let named = fields.peek("name").is_some();
    let name = fields.scalar("name", out);
    let labels = fields.map("labels", out);
    let annotations = fields.map("annotations", out);
    fields.finish(out);
    let Some(name) = name else {
        if !named {
            out.error("missing-name", metadata.place, format!("`metadata` of a {} needs a `name`", kind.as_str()));
        }
        return None;
    };
    check_name(&name, out);
    let labels = labels.into_iter().map(|(key, entry)| (key, entry.node)).collect();
    let annotations = Annotations {
        allow_delete: annotation(&annotations, ALLOW_DELETE, out),
        renamed_from: annotation(&annotations, RENAMED_FROM, out),
        ignore_drift: annotation(&annotations, IGNORE_DRIFT, out)
            .map(|paths| paths.split(',').map(|path| path.trim().to_owned()).filter(|path| !path.is_empty()).collect())
            .unwrap_or_default(),
    }
    .known_only(&annotations, out);
    let spec = if spec.as_map().is_some() { spec } else { Node::map::<String>([], spec.place) };
    Some(Document { kind, name, labels, annotations, spec })
}

impl Annotations {
    fn known_only(self, written: &crate::model::Map, out: &mut Diagnostics) -> Self {
        let known = [ALLOW_DELETE, RENAMED_FROM, IGNORE_DRIFT];
        for (key, entry) in written.iter().filter(|(key, _)| key.starts_with("evenkeel.dev/")) {
            if !known.contains(&key.as_str()) {
                out.push(
                    Diagnostic::error("unknown-annotation", entry.key_place, format!("there is no annotation `{key}`"))
                        .help(did_you_mean(key, known).unwrap_or_else(|| format!("there are {}", known.join(", ")))),
                );
            }
        }
        self
    }
}

fn annotation(annotations: &crate::model::Map, key: &str, out: &mut Diagnostics) -> Option<String> {
    let node = &annotations.get(key)?.node;
    match &node.value {
        Val::Str(text) => Some(text.clone()),
        _ => {
            out.error("wrong-type", node.place, format!("annotation `{key}` must be text, not {}", node.type_word()));
            None
        }
    }
}

/// The longest name: AWS's shortest limit for what is built from one is a function's and a role's, 64 characters.
pub const NAME_LIMIT: usize = 63;

/// Names are letters, digits and dashes between them: they become parts of AWS names and are referred to in `!Sub`.
fn check_name(name: &Text, out: &mut Diagnostics) {
    let text = &name.text;
    let legal = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !legal || text.is_empty() || text.starts_with('-') || text.ends_with('-') || text.len() > NAME_LIMIT {
        out.push(Diagnostic::error("bad-name", name.place, format!("`{text}` cannot be a name")).help(format!(
            "a name is made of letters, digits and dashes between them, at most {NAME_LIMIT} characters"
        )));
    }
}

/// The place of a document's name, for messages about it.
impl Document {
    /// "function `charge`".
    pub fn what(&self) -> String {
        format!("{} `{}`", self.kind.word(), self.name.text)
    }

    /// Where the name was written.
    pub fn place(&self) -> Place {
        self.name.place
    }
}
