//! Compiled resources: the one form that every source of specs ends in.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::node::Node;
use super::place::Place;

/// What happens to the real resource when this one leaves the spec, or is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// It goes.
    Delete,
    /// It stays, without evenkeel's marks.
    Retain,
    /// As `Delete`, but kept when the creation itself failed (`RetainExceptOnCreate`).
    RetainExceptOnCreate,
    /// A snapshot is taken first (`Snapshot`); no kind that exists can.
    Snapshot,
}

impl DeletionPolicy {
    /// CloudFormation's word.
    pub fn as_str(self) -> &'static str {
        match self {
            DeletionPolicy::Delete => "Delete",
            DeletionPolicy::Retain => "Retain",
            DeletionPolicy::RetainExceptOnCreate => "RetainExceptOnCreate",
            DeletionPolicy::Snapshot => "Snapshot",
        }
    }

    /// From CloudFormation's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Delete, Self::Retain, Self::RetainExceptOnCreate, Self::Snapshot]
            .into_iter()
            .find(|p| p.as_str() == word)
    }
}

/// Who asked for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person wrote it.
    Written,
    /// evenkeel or SAM made it for the resource with this logical id; it rides along in the guards' counts.
    Generated {
        /// The logical id of the resource that a person wrote.
        parent: String,
    },
}

/// A resource as it should be.
///
/// `properties` are AWS's own documented properties for the type. What only AWS or another resource can tell stays
/// symbolic: `{"Ref": id}`, `{"Fn::GetAtt": [id, attribute]}`, text built from such as one flat
/// `{"Fn::Join": ["", [...]]}`; everything else has been evaluated. A local artifact is `{"LocalPath": "as written"}`.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Logical id, unique in the application.
    pub id: String,
    /// AWS's type name, such as `AWS::Lambda::Function`.
    pub type_name: String,
    /// Where the resource was written (its id).
    pub place: Place,
    /// A map.
    pub properties: Node,
    /// Logical ids that come first, beyond those it refers to.
    pub depends_on: Vec<String>,
    /// As the spec says; `None` means the default for the type and the source (CloudFormation's: Delete).
    pub deletion_policy: Option<DeletionPolicy>,
    /// The same for a replacement.
    pub update_replace_policy: Option<DeletionPolicy>,
    /// Whether `Retain` is what SAM or evenkeel says of versions that nobody said anything of: then `keep` tells how many
    /// old ones stay. What a person wrote is literal.
    pub kept_by_default: bool,
    /// Who asked for it.
    pub origin: Origin,
    /// How an alias's traffic shifts to a new version: SAM's `DeploymentPreference` or a native `rollout`.
    pub rollout: Option<Node>,
    /// Property paths (`Tags.team`, `ReservedConcurrentExecutions`) whose drift is left alone.
    pub ignore_drift: Vec<String>,
    /// An earlier logical id (`evenkeel.dev/renamed-from`).
    pub renamed_from: Option<String>,
    /// Digest of a plan whose deletion or replacement of this resource a person allowed
    /// (`evenkeel.dev/allow-delete`).
    pub allow_delete: Option<String>,
    /// Read by the native and the SAM compilers only to say what a resource is: `Metadata` as written.
    pub metadata: Option<Node>,
}

impl Resource {
    /// A resource that a person wrote, with nothing but its properties.
    pub fn new(id: impl Into<String>, type_name: impl Into<String>, properties: Node, place: Place) -> Self {
        Resource {
            id: id.into(),
            type_name: type_name.into(),
            place,
            properties,
            depends_on: Vec::new(),
            deletion_policy: None,
            update_replace_policy: None,
            kept_by_default: false,
            origin: Origin::Written,
            rollout: None,
            ignore_drift: Vec::new(),
            renamed_from: None,
            allow_delete: None,
            metadata: None,
        }
    }

    /// The same, generated for `parent`.
    #[must_use]
    pub fn generated_for(mut self, parent: &str) -> Self {
        self.origin = Origin::Generated { parent: parent.to_owned() };
        self
    }
}

/// One application in one environment, as it should be.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The application's name.
    pub app: String,
    /// The environment; `None` where the application has none.
    pub env: Option<String>,
    /// `AWS::StackName`, and the prefix of generated physical names.
    pub stack: String,
    /// The region, where the spec names one.
    pub region: Option<String>,
    /// The account (12 digits) that the credentials must belong to, where the spec names one.
    pub account: Option<String>,
    /// The role to assume, where the spec names one.
    pub role_arn: Option<String>,
    /// Where the spec came from: shapes defaults such as what is retained.
    pub source: SpecSource,
    /// Tags for everything in the application that can carry tags (samconfig's `tags`, the App's labels).
    pub tags: BTreeMap<String, String>,
    /// Resources by logical id, in the order written.
    pub resources: IndexMap<String, Resource>,
    /// Outputs by name.
    pub outputs: IndexMap<String, Output>,
    /// A tombstone: the application is to be deleted (`App` with `deleted: true`).
    pub deleted: bool,
    /// Digests of plans whose deletions a person allowed in git (`evenkeel.dev/allow-delete` on the App).
    pub allow_delete: Option<String>,
}

/// Which language a spec was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecSource {
    /// `apiVersion: evenkeel.dev/v1`.
    Native,
    /// A SAM or CloudFormation template.
    Template,
}

/// An output of an application.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its value; may refer to resources.
    pub value: Node,
    /// For people.
    pub description: Option<String>,
    /// The export's name, where it is exported.
    pub export: Option<Node>,
}

impl Desired {
    /// `app` or `app/env`: the key on the work queue.
    pub fn key(&self) -> String {
        match &self.env {
            Some(env) => format!("{}/{env}", self.app),
            None => self.app.clone(),
        }
    }
}
