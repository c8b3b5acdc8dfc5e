//! Lambda: functions that take their time, and refuse to be touched meanwhile.

mod functions;
mod layers;
mod mappings;
mod parts;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

pub use layers::Layer;
pub use mappings::Mapping;

use super::wire::{Answer, Fault, fault, last, text};
use super::{ACCOUNT, Cloud, REGION};

/// Everything of Lambda's.
#[derive(Default)]
pub struct Store {
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
    /// Layers by name.
    pub layers: BTreeMap<String, Layer>,
    /// Mappings by UUID.
    pub mappings: BTreeMap<String, Mapping>,
    /// How many versions were ever published of functions that are gone: a new one of the name goes on from there.
    pub numbers: BTreeMap<String, u64>,
}

/// Where a function stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Pending until then.
    Creating(Duration),
    /// Active, with an update in progress until then.
    Updating(Duration),
    /// Active; nothing is under way.
    #[default]
    Settled,
    /// Inactive after weeks without a call; the next update or call wakes it.
    Idle,
    /// Deleting until then, and gone after it.
    Deleting(Duration),
    /// Its creation failed: State Failed.
    Broken,
    /// The last update failed for want of addresses; what was there before it serves.
    Failed,
}

/// A function.
#[derive(Clone, Default)]
pub struct Function {
    /// Its configuration as `GetFunction` names it, without states and revision.
    pub configuration: Map<String, Json>,
    /// Where it stands.
    pub phase: Phase,
    /// Whether it was ever updated.
    pub updated: bool,
    /// The optimistic lock: changes with every call, and again when the call has settled.
    pub revision: String,
    /// Tags.
    pub tags: Map<String, Json>,
    /// Reserved concurrency.
    pub reserved: Option<i64>,
    /// Id of the role that may decrypt its variables.
    pub granted: Option<String>,
    /// Whether `GetFunction` may not tell its tags.
    pub tags_denied: bool,
    /// The image that its code is.
    pub image: Option<String>,
    /// Published versions.
    pub versions: BTreeMap<u64, Map<String, Json>>,
    /// Until when each of them is Pending.
    pub optimizing: BTreeMap<u64, Duration>,
    /// How many were ever published.
    pub published: u64,
    /// Aliases.
    pub aliases: BTreeMap<String, Map<String, Json>>,
    /// Statements by qualifier; the function's own under an empty one.
    pub statements: BTreeMap<String, Vec<Json>>,
    /// What the statements were before each change of them, and when that was.
    pub statements_before: Vec<(Duration, BTreeMap<String, Vec<Json>>)>,
    /// The last addition of a statement: what was there before, and until when another one does not see it.
    pub adding: Option<(BTreeMap<String, Vec<Json>>, Duration)>,
    /// URLs by qualifier.
    pub urls: BTreeMap<String, Map<String, Json>>,
    /// Settings for asynchronous calls by qualifier.
    pub invoke: BTreeMap<String, Map<String, Json>>,
    /// Provisioned concurrency by qualifier, and when it is there.
    pub provisioned: BTreeMap<String, (i64, Duration)>,
    /// Why no provisioned concurrency can be had, where that is so.
    pub provision_fails: Option<String>,
    /// Code signing, recursion and runtime settings by operation.
    pub settings: BTreeMap<String, Json>,
}

/// What a name, a partial or a full ARN says: name and qualifier.
pub(crate) fn named(given: &str) -> (String, String) {
    let rest = given.split_once("function:").map_or(given, |(_, rest)| rest);
    let (name, qualifier) = rest.split_once(':').unwrap_or((rest, ""));
    (name.to_owned(), qualifier.trim_start_matches("$LATEST").to_owned())
}

pub(crate) fn arn(name: &str, qualifier: &str) -> String {
    let colon = if qualifier.is_empty() { "" } else { ":" };
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}{colon}{qualifier}")
}

fn missing(name: &str, qualifier: &str) -> Fault {
    fault("ResourceNotFoundException", 404, format!("Function not found: {}", arn(name, qualifier)))
}

fn invalid(message: impl Into<String>) -> Fault {
    fault("InvalidParameterValueException", 400, message)
}

fn conflict(message: impl Into<String>) -> Fault {
    fault("ResourceConflictException", 409, message)
}

fn stale(what: &str) -> Fault {
    let text = format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {what} API to retrieve the latest Revision Id"
    );
    fault("PreconditionFailedException", 412, text)
}

impl Cloud {
    /// The function as it stands now.
    fn function(&mut self, name: &str) -> Result<&mut Function, Fault> {
        let now = self.now;
        let revision = self.unique();
        if let Some(Phase::Deleting(until)) = self.lambda.functions.get(name).map(|function| function.phase)
            && now >= until
        {
            self.lambda.functions.remove(name);
        }
        let function = self.lambda.functions.get_mut(name).ok_or_else(|| missing(name, ""))?;
        if let Phase::Creating(until) | Phase::Updating(until) = function.phase
            && now >= until
        {
            function.phase = Phase::Settled;
            // What was read before the end is stale after it.
            function.revision = revision;
        }
        Ok(function)
    }

    /// The function where it can be written to.
    fn settled(&mut self, name: &str) -> Result<&mut Function, Fault> {
        let function = self.function(name)?;
        match function.phase {
            Phase::Settled | Phase::Idle | Phase::Broken | Phase::Failed => Ok(function),
            Phase::Deleting(_) => Err(conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: Deleting",
            )),
            Phase::Creating(_) => Err(conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            )),
            Phase::Updating(_) => Err(conflict(format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {}",
                arn(name, "")
            ))),
        }
    }

    /// The function where it is past its creation.
    fn active(&mut self, name: &str) -> Result<&mut Function, Fault> {
        match self.function(name)?.phase {
            Phase::Creating(_) => Err(conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            )),
            _ => self.function(name),
        }
    }
}

/// Name and qualifier of a call.
fn target(input: &Json) -> (String, String) {
    let (name, qualifier) = named(text(input, "FunctionName"));
    match text(input, "Qualifier") {
        "" | "$LATEST" => (name, qualifier),
        qualifier => (name, qualifier.to_owned()),
    }
}

pub(crate) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    match operation {
        "TagResource" | "UntagResource" | "ListTags" => tags(cloud, operation, input),
        _ if operation.contains("Layer") => layers::answer(cloud, operation, input),
        _ if operation.contains("EventSourceMapping") => mappings::answer(cloud, operation, input),
        "ListFunctions"
        | "GetFunction"
        | "CreateFunction"
        | "UpdateFunctionCode"
        | "UpdateFunctionConfiguration"
        | "DeleteFunction"
        | "PublishVersion"
        | "ListVersionsByFunction" => functions::answer(cloud, operation, input),
        _ => parts::answer(cloud, operation, input),
    }
}

fn tags(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let resource = text(input, "Resource");
    let tags = if resource.contains(":event-source-mapping:") {
        let mapping = cloud.lambda.mappings.get_mut(last(resource));
        &mut mapping
            .ok_or_else(|| fault("ResourceNotFoundException", 404, "The resource you requested does not exist."))?
            .tags
    } else {
        let (name, qualifier) = named(resource);
        if !qualifier.is_empty() || !resource.starts_with("arn:") {
            return Err(invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN.",
            ));
        }
        let (moves, revision) = (cloud.rules.beside_moves_revision && operation != "ListTags", cloud.unique());
        let function = cloud.function(&name)?;
        if moves {
            function.revision = revision;
        }
        &mut function.tags
    };
    match operation {
        "ListTags" => return Ok(json!({"Tags": tags})),
        "TagResource" => tags.extend(super::wire::object(input, "Tags")),
        _ => {
            let keys = super::wire::texts(input, "TagKeys");
            tags.retain(|key, _| !keys.contains(key));
        }
    }
    if tags.len() > 50 {
        return Err(invalid("Number of tags exceeds resource tag limit."));
    }
    Ok(json!({}))
}
