//! A kind is two traits: what it means ([`Kind`], pure) and how to reach it ([`Reach`]), so that the planner cannot
//! reach AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use super::diff::{Change, Unknown};
use super::marks::{CodeMark, Tags};
use super::naming::{self, Naming};
use super::observation::{Ask, Found, Observation, Observed, Seen};
use super::step::{Applied, Artifacts, Step, Told};
use crate::model::resource::Resource;

/// Where a plan takes place.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Identity of the spec tree.
    pub source: String,
    /// The application.
    pub app: String,
    /// The environment.
    pub env: Option<String>,
    /// `AWS::StackName`: the prefix of generated names.
    pub stack: String,
    /// The region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Local artifacts by their path as written.
    pub artifacts: BTreeMap<String, Artifact>,
    /// How many old versions of a function or a layer stay; `None` leaves it to the kinds.
    pub keep: Option<u32>,
}

/// How many old versions stay where the spec does not say: enough to go back to, and far from filling the 75 GB that
/// Lambda has for the code of all versions.
pub const KEEP: u32 = 5;

impl Scope {
    /// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// The ARN of something in IAM, which has no region.
    pub fn iam_arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }
}

/// A local folder or file, packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Hash of the content alone, hexadecimal: independent of the compressor.
    pub content: String,
    /// Base64 of the SHA-256 of the zip's bytes: what AWS calls `CodeSha256`.
    pub sha256: String,
    /// Size of the zip, bytes.
    pub zip_bytes: u64,
    /// Size unpacked, bytes.
    pub unzipped_bytes: u64,
}

/// What the spec asks for, with references replaced by values as far as they are known.
#[derive(Clone, Debug)]
pub struct Want {
    /// The compiled resource.
    pub resource: Arc<Resource>,
    /// Its properties; where a value is not known yet, it is left out and listed in `unknown`.
    pub properties: Map<String, Json>,
    /// Paths whose values are not known yet.
    pub unknown: BTreeMap<String, Unknown>,
    /// Paths whose values are secret.
    pub secrets: BTreeSet<String>,
}

impl Want {
    /// Logical id.
    pub fn id(&self) -> &str {
        &self.resource.id
    }

    /// A property that is text.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property)?.as_str()
    }

    /// What a property waits for, where it or something in it is not known yet.
    pub fn unknown_below(&self, property: &str) -> Option<&Unknown> {
        self.unknown.iter().find(|(path, _)| super::diff::is_below(path, property)).map(|(_, unknown)| unknown)
    }
}

/// What does not change about a kind.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whether it can be used as soon as the write has been answered; otherwise what depends on it waits for an
    /// observation that says settled.
    pub settles_at_once: bool,
    /// Order of deletion among kinds: the greater goes first. Mappings 90, subscriptions and permissions 80, URLs,
    /// invoke configs and aliases 70, versions 65, functions 60, layers 50, policies 40, roles 30, queues and topics
    /// 20, parameters 10, log groups 0.
    pub rank: u8,
    /// Whether deleting it can lose what nobody can make again.
    pub holds_data: bool,
    /// Whether it carries tags, and so marks.
    pub taggable: bool,
    /// How it is named, where it carries a name of its own that can be given at creation.
    pub naming: Option<Naming>,
    /// The type whose table answers for it: its own, or its parent's for a kind that is a part of another (an inline
    /// policy of a role, the policy of a queue).
    pub reads: &'static str,
}

/// One real thing that a resource asks for. Most ask for one; a policy for several roles asks for several.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Key in the table of the kind's own type. For a kind that reads through its parent the key is its own
    /// (`role|policy`), and `refresh` of its steps names the parent's.
    pub key: String,
    /// What is known about it.
    pub found: Found,
}

/// What [`Kind::locate`] found.
#[derive(Clone, Debug, Default)]
pub struct Located {
    /// The real things asked for.
    pub instances: Vec<Instance>,
    /// Set where the identity itself depends on what is not known yet; `instances` is then empty.
    pub waits: Option<Unknown>,
}

/// A part of another resource that a resource claims for itself: the parent's diff does not look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The parent's type.
    pub type_name: &'static str,
    /// The parent's key.
    pub key: String,
    /// The path in the parent's properties.
    pub path: String,
}

/// One setting of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The resource's type.
    pub type_name: &'static str,
    /// Its key.
    pub key: String,
    /// The path in its properties.
    pub path: String,
}

/// Two numbers that AWS holds against each other: at no moment may the first be greater than the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// What is at most the other.
    pub lesser: Setting,
    /// What is at least the other.
    pub greater: Setting,
    /// What goes on with an older value of the lesser until it has changed itself.
    pub until: Option<Until>,
}

/// A resource that serves an older state of another one until it is moved on (an alias, with the version it points to).
#[derive(Clone, Debug, PartialEq)]
pub struct Until {
    /// Its type.
    pub type_name: &'static str,
    /// Its key.
    pub key: String,
    /// The value that it still holds to, where that is known.
    pub value: Option<f64>,
}

/// The parent of an untaggable child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The parent's type.
    pub type_name: &'static str,
    /// The parent's key.
    pub key: String,
    /// The word in the parent's `evenkeel:parts` mark that says it has such children; empty where none is needed.
    pub part: &'static str,
}

/// A resource that others refer to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What the spec asks for.
    pub want: &'a Want,
    /// Its key.
    pub key: &'a str,
    /// The real thing, where it is there and current.
    pub observed: Option<&'a Observed>,
}

/// Everything a kind needs to turn a difference into steps.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Where.
    pub scope: &'a Scope,
    /// What the spec asks for.
    pub want: &'a Want,
    /// Key of the instance.
    pub key: &'a str,
    /// Desired properties in canonical form (what was diffed).
    pub desired: &'a Map<String, Json>,
    /// The real thing; `None` for a creation.
    pub observed: Option<&'a Observed>,
    /// What differs, tags excluded.
    pub changes: &'a [Change],
    /// Tags as they should be, and what that takes.
    pub tags: &'a TagWork,
}

impl Work<'_> {
    /// Whether anything at or below a top-level property differs.
    pub fn changed(&self, property: &str) -> bool {
        self.changes.iter().any(|change| super::diff::head(&change.path) == property)
    }
}

/// Tags as they should be, and the difference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagWork {
    /// Tags of a new resource: the spec's and the marks.
    pub all: Tags,
    /// To add or change on an existing one.
    pub set: Tags,
    /// To remove.
    pub remove: Vec<String>,
}

impl TagWork {
    /// Whether there is nothing to do on an existing resource.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// What a kind means. Pure: same input, same answer.
pub trait Kind: Send + Sync + Debug {
    /// AWS's type name.
    fn type_name(&self) -> &'static str;

    /// What does not change about it.
    fn facts(&self) -> Facts;

    /// Finds what the resource asks for: mark first, name second. The default serves every kind with a name.
    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        naming::locate_named(&self.facts(), scope, want, world)
    }

    /// The desired properties in canonical form: the service's defaults filled in, one spelling for each meaning, no
    /// `Tags`. Whatever is left out must be absent (or null) in [`Observed::properties`] too.
    fn desired(&self, scope: &Scope, want: &Want, key: &str) -> Map<String, Json>;

    /// Last adjustments before both sides are compared, for what needs both: values that AWS only echoes, code
    /// hashes, forms that mean the same.
    fn align(
        &self,
        _scope: &Scope,
        _want: &Want,
        _desired: &mut Map<String, Json>,
        _seen: &mut Map<String, Json>,
        _observed: &Observed,
    ) {
    }

    /// What it claims of other resources; `at` is where it was located.
    fn claims(&self, _scope: &Scope, _want: &Want, _at: &[Instance]) -> Vec<Claim> {
        Vec::new()
    }

    /// Who holds on to it so that it cannot be deleted, whatever else leaves: then it is not replaced either.
    fn held_by(&self, _observed: &Observed, _world: &Observation) -> Option<String> {
        None
    }

    /// Settings of other resources that are bound to each other because of this one, from what the spec asks for or from
    /// what is there: the planner orders their changes.
    fn bounds(&self, _scope: &Scope, _properties: &Map<String, Json>, _world: &Observation) -> Vec<Bound> {
        Vec::new()
    }

    /// The value of `Ref` (`attribute` is `None`) or of `Fn::GetAtt`; `None` while it is not known. Most ARNs are
    /// known beforehand, because names are.
    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json>;

    /// Whether a change at this path takes a new resource. By default what AWS's schema calls create-only.
    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        super::planner::is_create_only(self.type_name(), path)
    }

    /// How long after a write reads may still show what was before it: within that time a difference that the same write
    /// would answer is waited out.
    fn spreads(&self, _step: &Step) -> Duration {
        Duration::from_secs(10)
    }

    /// Pauses between looks at one that settles: the first, which doubles, and the longest. Where a look costs a call of
    /// a small quota it should not come before it can be worth it.
    fn looks(&self) -> (Duration, Duration) {
        (Duration::from_millis(100), Duration::from_secs(5))
    }

    /// How long a name has to rest between a deletion and the next creation.
    fn rests(&self) -> Duration {
        Duration::ZERO
    }

    /// Paths that are secret whatever the spec says (the value of a SecureString).
    fn secret_paths(&self, _want: &Want) -> Vec<String> {
        Vec::new()
    }

    /// Paths of what is there that are secret whatever the spec says now: it may have been another type before.
    fn secrets_seen(&self, _observed: &Observed) -> Vec<String> {
        Vec::new()
    }

    /// Differences that no property shows, as (path, what is there, what should be): what the resource was given has been
    /// made anew under the same name since, and it still holds on to what is gone (a function to the role of its key's
    /// grant).
    fn outlived(&self, _observed: &Observed, _world: &Observation) -> Vec<(String, Json, Json)> {
        Vec::new()
    }

    /// A number that all resources of the kind take out of one purse of the account (a function's reserved concurrency):
    /// whoever gives back goes before whoever takes more.
    fn purse(&self) -> Option<&'static str> {
        None
    }

    /// Whether a step of an update takes away what others may still need (a policy of a role): it waits for those that
    /// change in the same plan.
    fn takes_away(&self, _operation: &str) -> bool {
        false
    }

    /// Type and key of what it feeds. Where that leaves, this one goes first, and not with its parent after it; where it is
    /// made, it comes after what lets it in: what [`Kind::opens`] that, or claims a part of it (a queue's policy).
    fn feeds(&self, _key: &str) -> Option<(&'static str, String)> {
        None
    }

    /// Type and key of what this lets be fed (a topic's permission for a function).
    fn opens(&self, _want: &Want) -> Option<(&'static str, String)> {
        None
    }

    /// What to remember about code in the marks.
    fn code_mark(
        &self,
        _scope: &Scope,
        _want: &Want,
        _observed: Option<&Observed>,
        _world: &Observation,
    ) -> Option<CodeMark> {
        None
    }

    /// The parent of a child that carries no tags, from the child's key.
    fn parent(&self, _key: &str) -> Option<Parent> {
        None
    }

    /// The word for this child in its parent's `evenkeel:parts` mark; `None` where it needs none. By default the
    /// parent's [`Parent::part`]; a child that must be told apart from its siblings gives a word of its own.
    fn part_word(&self, key: &str) -> Option<String> {
        self.parent(key).map(|parent| parent.part.to_owned()).filter(|word| !word.is_empty())
    }

    /// Whether nothing about the real thing tells its logical id (a function's URL): its parent's mark then remembers it.
    fn forgets_id(&self) -> bool {
        false
    }

    /// Further words that a child leaves in its parent's mark because of what the spec asks of it, or of what it has: for
    /// what a sweep reads only where it was ever set (an alias's provisioned concurrency).
    fn further_words(&self, _want: Option<&Want>, _observed: Option<&Observed>) -> Vec<String> {
        Vec::new()
    }

    /// Words that the resource itself leaves in its `evenkeel:parts` mark: for what a sweep reads only where it was
    /// ever set, because each reading is a call of its own (a function's runtime management).
    fn own_parts(&self, _want: &Want, _observed: Option<&Observed>) -> Vec<String> {
        Vec::new()
    }

    /// Why evenkeel cannot do what the spec asks for at all (a policy for a user; a part of something that is not
    /// ours); `None` where it can.
    fn refuses(&self, _scope: &Scope, _want: &Want, _world: &Observation) -> Option<String> {
        None
    }

    /// What a person should know of a resource although nothing can be done about it.
    fn remark(&self, _want: &Want, _observed: &Observed) -> Option<String> {
        None
    }

    /// Why this real resource must not be deleted or replaced now (messages waiting); `None` where it may.
    fn data_at_risk(&self, _observed: &Observed) -> Option<String> {
        None
    }

    /// What data a change in place would lose that nobody can make again (a queue that keeps messages for a shorter time);
    /// `None` where it loses none. It is done only where a person allowed exactly that, like a deletion.
    fn loses(&self, _desired: &Map<String, Json>, _observed: &Observed) -> Option<String> {
        None
    }

    /// Whether each change makes a new version beside the old ones (a layer): those that are superseded are no loss that
    /// the guard counts.
    fn is_version(&self) -> bool {
        false
    }

    /// Whether an old version stays although nothing asks for it, as one of those that are kept or because something
    /// refers to it; `superseded` where its resource is still in the spec.
    fn keeps(&self, _scope: &Scope, _observed: &Observed, _world: &Observation, _superseded: bool) -> bool {
        false
    }

    /// Why something that is not wanted any more is left alone for now (a layer version that a function still uses).
    fn still_used(&self, _observed: &Observed, _world: &Observation) -> Option<String> {
        None
    }

    /// Whether an unmarked resource of the wanted name is taken over without asking.
    fn adopts_unmarked(&self, _scope: &Scope, _want: &Want, _world: &Observation) -> bool {
        false
    }

    /// Makes it. Several steps run one after another; where one needs the result of another, only the first is given
    /// and the next round continues.
    fn create(&self, work: Work<'_>) -> Vec<Step>;

    /// The same where the steps depend on how something else was read (the revision of a version's function).
    fn create_from(&self, work: Work<'_>, _world: &Observation) -> Vec<Step> {
        self.create(work)
    }

    /// Changes what differs (not the tags). Where two writes cannot overlap, only the first is given.
    fn update(&self, work: Work<'_>) -> Vec<Step>;

    /// The steps of an update without what they do to one setting, which has to wait for another resource; none where it
    /// cannot be left out.
    fn without(&self, _steps: &[Step], _path: &str) -> Vec<Step> {
        Vec::new()
    }

    /// Sets and removes tags; not asked of kinds without tags.
    fn retag(&self, _scope: &Scope, _observed: &Observed, _tags: &TagWork) -> Vec<Step> {
        Vec::new()
    }

    /// Removes it, whatever that takes.
    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step>;
}

/// How to reach a kind in one account and region.
#[async_trait]
pub trait Reach: Send + Sync {
    /// Reads; never writes.
    async fn observe(&self, ask: Ask<'_>) -> Seen;

    /// Carries out one step: exactly one AWS write, no choices. Gives AWS's answer where [`Reach::told`] makes something
    /// of it.
    ///
    /// # Errors
    /// What the failure means, see [`ApplyError`](super::step::ApplyError).
    async fn apply(&self, step: &Step, artifacts: &dyn Artifacts) -> Applied;

    /// What the answer to a step tells of the real thing; `None` where it has to be read. `world` is what is known when
    /// the answer has come.
    fn told(&self, _step: &Step, _answer: &Json, _world: &Observation) -> Option<Told> {
        None
    }
}

/// All kinds by type name.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    by_type: BTreeMap<&'static str, Arc<dyn Kind>>,
}

impl Kinds {
    /// None yet.
    pub fn new(kinds: impl IntoIterator<Item = Arc<dyn Kind>>) -> Self {
        Kinds { by_type: kinds.into_iter().map(|kind| (kind.type_name(), kind)).collect() }
    }

    /// The kind of a type.
    pub fn get(&self, type_name: &str) -> Option<&dyn Kind> {
        self.by_type.get(type_name).map(AsRef::as_ref)
    }

    /// All of them, by type name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Kind> {
        self.by_type.values().map(AsRef::as_ref)
    }
}
