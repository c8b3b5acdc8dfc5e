//! The mark at the end of a version's description, ` [ek:Kept]`: evenkeel published it, and nobody said that it stays.
//!
//! Whose it is, its function says; the mark tells it from what people publish by hand, which stays.

use evenkeel_core::model::resource::{DeletionPolicy, Origin};
use evenkeel_core::plan::{Observation, Observed, Want};
use serde_json::Value as Json;

use crate::function_part::{function_of, qualifier_of};
use crate::function_ref::FunctionRef;
use crate::version::spec::CONCURRENCY;
use crate::{alias, event_source_mapping, invoke_config, permission, url};

/// The word of a version that stays as one of those that are kept.
pub const KEPT: &str = "Kept";
/// AWS's limit for a description, characters.
const LIMIT: usize = 256;
const OPEN: &str = " [ek:";
const WORDS: [&str; 2] = [KEPT, "Delete"];

/// The mark for what a spec asks for; none where a person wrote the version, or that it is to be retained.
fn suffix(want: &Want) -> Option<String> {
    if want.resource.origin == Origin::Written {
        return None;
    }
    let word = match want.resource.deletion_policy {
        _ if want.resource.kept_by_default => KEPT,
        Some(DeletionPolicy::Retain) => return None,
        _ => DeletionPolicy::Delete.as_str(),
    };
    Some(format!("{OPEN}{word}]"))
}

/// What a person wrote into the description, as far as it fits beside the mark.
pub fn text(want: &Want) -> Option<String> {
    let room = LIMIT - suffix(want).map_or(0, |suffix| suffix.len());
    want.text("Description").map(|text| text.chars().take(room).collect())
}

/// The description with the mark.
pub fn describe(want: &Want) -> Option<String> {
    match suffix(want) {
        Some(suffix) => Some(format!("{}{suffix}", text(want).unwrap_or_default())),
        None => text(want),
    }
}

/// Takes a description apart: what a person wrote, and the mark's word.
pub fn parse(description: String) -> (String, Option<&'static str>) {
    let marked = WORDS.into_iter().find_map(|word| {
        let text = description.strip_suffix(']')?.strip_suffix(word)?.strip_suffix(OPEN)?;
        Some((text.to_owned(), Some(word)))
    });
    marked.unwrap_or((description, None))
}

/// Whether anything refers to a version, or nobody can tell.
pub fn is_referred_to(observed: &Observed, world: &Observation) -> bool {
    let (function, version) = (function_of(&observed.key), qualifier_of(&observed.key));
    let tables = [alias::TYPE, event_source_mapping::TYPE, permission::TYPE, url::TYPE, invoke_config::TYPE];
    if tables.iter().any(|type_name| !world.table(type_name).is_complete()) {
        return true;
    }
    // An alias is why a version was published: where none is known, they were not listed.
    let mut aliases = world.table(alias::TYPE).parts_of(function).peekable();
    if aliases.peek().is_none() {
        return true;
    }
    let by_alias = aliases.any(|item| {
        let weights = item.properties.get("RoutingConfig").and_then(|config| config.get("AdditionalVersionWeights"));
        let named =
            weights.and_then(Json::as_array).into_iter().flatten().filter_map(|item| item.get("FunctionVersion"));
        item.properties.get("FunctionVersion").into_iter().chain(named).any(|named| *named == version)
    });
    let by_mapping = || {
        world.table(event_source_mapping::TYPE).items().any(|item| {
            let named = item.properties.get("FunctionName").and_then(Json::as_str).and_then(FunctionRef::parse);
            named.is_some_and(|named| named.name == function && named.qualifier.as_deref() == Some(version))
        })
    };
    let by_part = || {
        let mut parts = [permission::TYPE, url::TYPE, invoke_config::TYPE].into_iter();
        parts.any(|type_name| world.table(type_name).parts_of(function).any(|item| qualifier_of(&item.key) == version))
    };
    let provisioned = observed.may_have(CONCURRENCY);
    provisioned || by_alias || by_mapping() || by_part()
}
