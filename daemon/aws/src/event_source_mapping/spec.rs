//! What an event source mapping means.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::plan::kind::{Instance, Kind, Located, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::{Bound, Facts, Found, Observation, Observed, Setting, State, Step, Until, diff};
use serde_json::{Map, Value as Json};

use super::properties::{CREATE_ONLY, SCALARS, STRUCTURES, Source, canonical, from_answer, to_api};
use crate::alias;
use crate::call::{Call, retag};
use crate::function_part;
use crate::function_ref::FunctionRef;
use crate::queue;
use crate::values::{filled, ordered};
use crate::version;

/// AWS's type name.
pub(crate) const TYPE: &str = "AWS::Lambda::EventSourceMapping";
/// A mapping that does not exist yet has no UUID; its key says what it will read into.
const NEW: &str = "new|";

/// The kind. Its key is the UUID.
#[derive(Debug)]
pub(crate) struct EventSourceMapping;

impl Kind for EventSourceMapping {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: false, rank: 90, holds_data: false, taggable: true, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, _world: &Observation) -> Option<String> {
        let Some(text) = want.text("FunctionName") else {
            return want.unknown_below("FunctionName").is_none().then(|| "`FunctionName` names no function".to_owned());
        };
        match FunctionRef::parse(text) {
            Some(function) if function.is_here(scope) => None,
            Some(_) => Some(format!("function `{text}` is in another account or region than this application")),
            None => Some(format!("`FunctionName` names no function: `{text}`")),
        }
    }

    /// Mark first: the marked mapping that fits is current, others with the same mark are superseded. Where none fits,
    /// one that reads the same source into the same function stands in the way, since AWS does not allow two.
    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        let table = world.table(TYPE);
        let ids = [Some(want.id()), want.resource.renamed_from.as_deref()];
        let marked: Vec<&Arc<Observed>> = ids
            .into_iter()
            .flatten()
            .flat_map(|id| {
                table.items().filter(move |item| {
                    item.marks.as_ref().is_some_and(|marks| {
                        marks.id == id && marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref())
                    })
                })
            })
            .collect();
        let waits = ["FunctionName"].iter().chain(&CREATE_ONLY).find_map(|property| want.unknown_below(property));
        if let Some(unknown) = waits {
            // Whose identity waits keeps what it has: only one that is known not to fit is superseded.
            return match marked.as_slice() {
                [only] => present(only),
                _ => Located { waits: Some(unknown.clone()), ..Located::default() },
            };
        }
        let wanted = canonical(scope, &want.properties);
        if let Some(current) = marked.iter().find(|item| fits(&wanted, &item.properties)) {
            return present(current);
        }
        let same_place = |item: &&Arc<Observed>| {
            item.properties.get("FunctionName") == wanted.get("FunctionName")
                && source_of(&item.properties) == source_of(&wanted)
        };
        if let Some(blocking) = marked.iter().copied().find(same_place).or_else(|| table.items().find(same_place)) {
            return present(blocking);
        }
        let key = new_key(want.id(), &wanted);
        Located { instances: vec![Instance { found: table.look(&key), key }], waits: None }
    }

    fn desired(&self, scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        canonical(scope, &want.properties)
    }

    /// What AWS chooses where the spec says nothing, and what it cannot tell while the mapping changes.
    fn align(
        &self,
        _scope: &Scope,
        _want: &Want,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        observed: &Observed,
    ) {
        if observed.state != State::Settled
            && let Some(enabled) = desired.get("Enabled")
        {
            seen.insert("Enabled".to_owned(), enabled.clone());
        }
        for config in KAFKA {
            // Without a consumer group of its own a mapping gets a made-up one, which the spec cannot know.
            for chosen in ["ConsumerGroupId", "ConsumptionMode"] {
                let said = desired.get(config).is_some_and(|config| config.get(chosen).is_some());
                if !said && let Some(Json::Object(map)) = seen.get_mut(config) {
                    map.shift_remove(chosen);
                    if map.is_empty() {
                        seen.shift_remove(config);
                    }
                }
            }
        }
        if !desired.contains_key("StartingPosition") {
            seen.shift_remove("StartingPosition");
        }
    }

    /// A mapping takes ten seconds and more, and a look at it is taken from the bucket that most of Lambda's calls share.
    fn looks(&self) -> (Duration, Duration) {
        (Duration::from_secs(4), Duration::from_secs(8))
    }

    /// A message must not come back while the function may still be at it: AWS refuses a mapping whose queue's visibility
    /// timeout is less than the function's timeout, and a timeout beyond it. An alias goes on with the timeout of the
    /// version that it points to.
    fn bounds(&self, scope: &Scope, properties: &Map<String, Json>, world: &Observation) -> Vec<Bound> {
        let function = filled(properties, "FunctionName").and_then(|text| FunctionRef::parse(&text));
        let function = function.filter(|function| function.is_here(scope));
        let source = filled(properties, "EventSourceArn");
        let queue = source.as_ref().and_then(|arn| arn.strip_prefix(&scope.arn("sqs", "")));
        let setting =
            |type_name, key: &str, path: &str| Setting { type_name, key: key.to_owned(), path: path.to_owned() };
        let bound = function.zip(queue).map(|(function, queue)| Bound {
            lesser: setting(function_part::FUNCTION, &function.name, "Timeout"),
            greater: setting(queue::spec::TYPE, queue, "VisibilityTimeout"),
            until: function.alias_or_version().map(|alias| serves_until_moved(&function.name, alias, world)),
        });
        bound.into_iter().collect()
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        let uuid = target.observed.map(|observed| observed.key.as_str())?;
        match attribute {
            None | Some("Id") => Some(Json::from(uuid)),
            Some("EventSourceMappingArn") => Some(Json::from(arn(scope, uuid))),
            Some(_) => None,
        }
    }

    fn replaces(&self, path: &str, from: &Json, _to: &Json) -> bool {
        let fixed_group = KAFKA.iter().any(|config| path == format!("{config}.ConsumerGroupId")) && !from.is_null();
        fixed_group || CREATE_ONLY.contains(&diff::head(path))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let source = Source::of(&work.want.properties);
        let mut input = Call::new().with_some("FunctionName", filled(work.desired, "FunctionName"));
        for name in CREATE_ONLY.into_iter().chain(changeable()) {
            // Defaults are left to AWS: not every source takes every property.
            if let Some(value) = work.desired.get(name).filter(|value| source.default(name).as_ref() != Some(value)) {
                let (name, value) = to_api(name, written(work, name).unwrap_or(value));
                input = input.with(&name, value);
            }
        }
        let tags: Map<String, Json> = work.tags.all.iter().map(|(k, v)| (k.clone(), Json::from(v.as_str()))).collect();
        vec![input.with("Tags", tags).step(TYPE, "CreateEventSourceMapping", work.key)]
    }

    /// Only what differs: what is not sent stays as it is, so what goes is sent as empty or as the default.
    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let source = Source::of(&work.want.properties);
        let mut input = Call::new().with("UUID", work.key);
        if work.changed("FunctionName") {
            input = input.with_some("FunctionName", filled(work.desired, "FunctionName"));
        }
        for name in changeable().filter(|name| work.changed(name)) {
            let cleared = || {
                let empty = STRUCTURES.iter().find(|(structure, _)| *structure == name);
                match empty {
                    Some((_, text)) => serde_json::from_str(text).ok(),
                    None if name == "KmsKeyArn" => Some(Json::from("")),
                    None if name == "MaximumBatchingWindowInSeconds" => Some(Json::from(0)),
                    None => source.default(name).or(Source::Stream.default(name)),
                }
            };
            let value = match work.desired.get(name) {
                Some(value) => Some(written(work, name).unwrap_or(value).clone()),
                None => cleared(),
            };
            if let Some(value) = value {
                let (name, value) = to_api(name, &value);
                input = input.with(&name, value);
            }
        }
        vec![input.step(TYPE, "UpdateEventSourceMapping", work.key)]
    }

    fn retag(&self, scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("Resource", arn(scope, &observed.key));
        retag((TYPE, &observed.key), target, ("TagResource", "Tags"), ("UntagResource", "TagKeys"), tags)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let input = Call::new().with("UUID", observed.key.as_str());
        vec![input.step(TYPE, "DeleteEventSourceMapping", &observed.key)]
    }
}

/// An alias, and the timeout of the version that it points to.
fn serves_until_moved(function: &str, alias: &str, world: &Observation) -> Until {
    let key = function_part::key(function, &[alias]);
    let version = world.table(alias::TYPE).get(&key).and_then(|item| filled(&item.properties, "FunctionVersion"));
    let value = version.and_then(|number| {
        let version = world.table(version::TYPE).get(&function_part::key(function, &[&number]))?;
        version.attributes.get(version::spec::TIMEOUT)?.as_f64()
    });
    Until { type_name: alias::TYPE, key, value }
}

const KAFKA: [&str; 2] = ["AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"];

/// What `UpdateEventSourceMapping` takes, besides the function.
fn changeable() -> impl Iterator<Item = &'static str> {
    let scalars = SCALARS.into_iter().filter(|name| !CREATE_ONLY.contains(name));
    std::iter::once("KmsKeyArn").chain(scalars).chain(STRUCTURES.iter().map(|(name, _)| *name))
}

fn present(item: &Arc<Observed>) -> Located {
    Located {
        instances: vec![Instance { key: item.key.clone(), found: Found::Present(Arc::clone(item)) }],
        waits: None,
    }
}

/// Whether what can only be given at creation is as wanted.
fn fits(wanted: &Map<String, Json>, seen: &Map<String, Json>) -> bool {
    CREATE_ONLY.iter().all(|name| match (wanted.get(*name), seen.get(*name)) {
        (None, Some(_)) if *name == "StartingPosition" => true,
        (a, b) => a == b,
    })
}

/// What a mapping reads from, as one text.
fn source_of(properties: &Map<String, Json>) -> String {
    let parts: Vec<String> = ["EventSourceArn", "SelfManagedEventSource", "Topics", "Queues"]
        .iter()
        .filter_map(|name| properties.get(*name))
        .map(|value| ordered(value).to_string())
        .collect();
    parts.join(" ")
}

fn new_key(id: &str, wanted: &Map<String, Json>) -> String {
    let function = filled(wanted, "FunctionName").and_then(|text| FunctionRef::parse(&text));
    let name = function.map(|function| function.name).unwrap_or_default();
    format!("{NEW}{name}|{}|{id}", filled(wanted, "EventSourceArn").unwrap_or_default())
}

/// Function's name and source of a key that has no UUID yet.
pub(crate) fn parse_new(key: &str) -> Option<(&str, Option<&str>)> {
    let mut parts = key.strip_prefix(NEW)?.split('|');
    let function = parts.next()?;
    Some((function, parts.next().filter(|source| !source.is_empty())))
}

pub(crate) fn arn(scope: &Scope, uuid: &str) -> String {
    scope.arn("lambda", &format!("event-source-mapping:{uuid}"))
}

/// What the spec wrote, where the canonical form is only for comparing (filter patterns keep their text).
fn written<'a>(work: Work<'a>, name: &str) -> Option<&'a Json> {
    matches!(name, "FilterCriteria" | "SelfManagedEventSource").then(|| work.want.properties.get(name)).flatten()
}

/// A mapping from an answer of `GetEventSourceMapping` or an entry of the list; tags are read apart.
pub(crate) fn observed(scope: &Scope, answer: &Json) -> Option<Observed> {
    let uuid = answer.get("UUID")?.as_str()?;
    let mut out = Observed::new(uuid, uuid);
    out.properties = canonical(scope, &from_answer(answer));
    let state = answer.get("State").and_then(Json::as_str).unwrap_or_default();
    out.state = match state {
        "Enabled" | "Disabled" => State::Settled,
        other => State::Pending {
            reason: format!("mapping {uuid} is {}", if other.is_empty() { "changing" } else { other }),
        },
    };
    out.attributes.insert("State".to_owned(), Json::from(state));
    Some(out)
}

/// The name of the function that a mapping feeds.
pub(crate) fn function_name(observed: &Observed) -> Option<String> {
    FunctionRef::parse(observed.properties.get("FunctionName")?.as_str()?).map(|function| function.name)
}

/// Whether a mapping's tags are worth a call: it feeds a function that somebody marked or that is gone, the spec wants
/// it, or it is known to be marked.
pub(crate) fn may_be_ours(
    observed: &Observed,
    world: &Observation,
    wanted: &std::collections::BTreeSet<String>,
) -> bool {
    let Some(function) = function_name(observed) else { return true };
    let known = world.table(TYPE).get(&observed.key).is_some_and(|item| item.marks.is_some());
    let named = known
        || wanted.contains(&observed.key)
        || wanted.iter().filter_map(|key| parse_new(key)).any(|(name, _)| name == function);
    named
        || match world.table(function_part::FUNCTION).look(&function) {
            Found::Present(item) => item.marks.is_some(),
            Found::Absent | Found::Unknown(_) => true,
        }
}

#[cfg(test)]
mod tests;
