//! How to reach event source mappings.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use evenkeel_core::plan::{
    Applied, Artifacts, Ask, Observation, Observed, Reach, Reading, Scope, Seen, State, Step, Tags, Told,
};
use futures::StreamExt as _;
use serde_json::Value as Json;

use super::spec;
use crate::client::Account;
use crate::document::Input;
use crate::error::{answered, done, gone, unknown_operation};
use crate::function_part::lambda_pace;
use crate::place::place;
use crate::reading::{CONCURRENCY, line_marker, pages, read};
use crate::values::{list_of, tags_in};
use crate::wire::{asked, heard, sent};

const SERVICE: &str = "Lambda";
/// What moves with the messages.
const PASSING: &[&str] = &["LastProcessingResult"];
/// The most that a page of the listing holds.
const PAGE: usize = 100;

/// How many mappings of functions that nobody marked are looked at for marks of ours.
const FEW: usize = 30;

/// Mappings of one account in one region.
#[derive(Debug)]
pub(crate) struct EventSourceMappings {
    lambda: aws_sdk_lambda::Client,
    place: Scope,
}

impl EventSourceMappings {
    pub(crate) fn new(account: &Account) -> Self {
        EventSourceMappings { lambda: account.lambda.clone(), place: place(account) }
    }

    async fn list(&self, function: Option<&str>, source: Option<&str>) -> Result<Vec<Json>, String> {
        let lambda = &self.lambda;
        let (function, source) = (function.map(str::to_owned), source.map(str::to_owned));
        let (function, source) = (&function, &source);
        pages(
            SERVICE,
            |token| async move {
                let call = lambda
                    .list_event_source_mappings()
                    .set_function_name(function.clone())
                    .set_event_source_arn(source.clone());
                heard!(call.max_items(100).set_marker(token))
            },
            |page| list_of(page, "EventSourceMappings", "NextMarker"),
        )
        .await
    }

    async fn get(&self, uuid: &str) -> Result<Option<Json>, String> {
        let lambda = &self.lambda;
        read(SERVICE, || async move { heard!(lambda.get_event_source_mapping().uuid(uuid)) }).await
    }

    async fn read_tags(&self, uuid: &str) -> Result<Tags, String> {
        let arn = spec::arn(&self.place, uuid);
        let (lambda, arn) = (&self.lambda, arn.as_str());
        let answer = read(SERVICE, || async move { heard!(lambda.list_tags().resource(arn)) }).await?;
        Ok(answer.map(|answer| tags_in(&answer, "Tags")).unwrap_or_default())
    }

    /// One mapping with its tags; those of one that still settles are as they were: nothing of ours writes to it.
    async fn again(&self, entry: Json, world: &Observation) -> Result<Option<Observed>, String> {
        let known = spec::observed(&self.place, &entry)
            .and_then(|bare| Some(Arc::clone(world.table(spec::TYPE).get(&bare.key)?)))
            .filter(|item| matches!(item.state, State::Pending { .. }));
        match known.and_then(|item| item.tags.clone()) {
            Some(tags) => Ok(self.filtered(entry).await?.map(|item| item.with_tags(tags))),
            None => self.whole(entry).await,
        }
    }

    /// One mapping, and with its filters where the list leaves them out because a key encrypts them.
    async fn filtered(&self, entry: Json) -> Result<Option<Observed>, String> {
        let Some(bare) = spec::observed(&self.place, &entry) else { return Ok(None) };
        match is_silent(&entry) {
            true => Ok(self.get(&bare.key).await?.and_then(|answer| spec::observed(&self.place, &answer))),
            false => Ok(Some(bare)),
        }
    }

    /// One mapping with its tags.
    async fn whole(&self, entry: Json) -> Result<Option<Observed>, String> {
        let Some(bare) = spec::observed(&self.place, &entry) else { return Ok(None) };
        let tags = self.read_tags(&bare.key).await?;
        Ok(self.filtered(entry).await?.map(|item| item.with_tags(tags)))
    }

    async fn sweep(&self, ask: Ask<'_>) -> Seen {
        let entries = match self.list(None, None).await {
            Ok(entries) => entries,
            Err(reason) => return crate::reading::failed(reason),
        };
        let mut entries: BTreeMap<String, (Json, Observed)> = entries
            .into_iter()
            .filter_map(|entry| {
                let bare = spec::observed(&self.place, &entry)?;
                Some((bare.key.clone(), (entry, bare)))
            })
            .collect();
        let ours = |bare: &Observed| spec::may_be_ours(bare, ask.world, ask.wanted);
        // One of ours that left the spec may feed a function that nobody marked. Where such functions have many mappings,
        // reading all their tags would take the bucket that most calls share for minutes.
        let few = entries.values().filter(|(_, bare)| !ours(bare)).count() <= FEW;
        let marked =
            entries.iter().map(|(uuid, (entry, bare))| (uuid.clone(), line_marker(entry, PASSING, ours(bare))));
        let choice = ask.choose(spec::TYPE, marked, lambda_pace(ask.world));
        let chosen: Vec<_> = choice.read.iter().filter_map(|uuid| entries.remove(uuid)).collect();
        let mut seen = Seen::default();
        let mut answers = futures::stream::iter(chosen)
            .map(|(entry, bare)| async move {
                match ours(&bare) {
                    true => self.whole(entry).await,
                    // What is not asked for may keep its tags to itself.
                    false if few => Ok(self.whole(entry).await.unwrap_or(Some(bare))),
                    false => Ok(Some(bare)),
                }
            })
            .buffer_unordered(CONCURRENCY);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(item) => seen.items.extend(item),
                // Which mapping is ours is known from its tags alone: without one of them nobody can say that ours
                // is not there.
                Err(reason) => seen.failure = Some(reason),
            }
        }
        drop(answers);
        choice.noted(seen)
    }

    /// A key without a UUID is a mapping about to be made: whatever reads this source into this function is read.
    async fn only(&self, key: &str, world: &Observation, seen: &mut Seen) {
        let entries = match spec::parse_new(key) {
            // By its source alone: whether a function's name stands for its aliases too, the filter does not say.
            Some((_, Some(source))) => self.list(None, Some(source)).await,
            Some((function, None)) => self.list(Some(function), None).await,
            None => self.get(key).await.map(|entry| entry.into_iter().collect()),
        };
        let found = match entries {
            Ok(entries) => entries,
            Err(reason) => return seen.failed.push((key.to_owned(), reason)),
        };
        let is_new = spec::parse_new(key).is_some();
        if is_new || found.is_empty() {
            seen.absent.push(key.to_owned());
        }
        for entry in found {
            match self.again(entry, world).await {
                Ok(item) => seen.items.extend(item),
                Err(reason) => seen.failed.push((key.to_owned(), reason)),
            }
        }
    }

    /// Known mappings, by the listing of all: a page holds a hundred.
    async fn listed(&self, keys: &[&String], world: &Observation) -> Seen {
        let entries = match self.list(None, None).await {
            Ok(entries) => entries,
            Err(reason) => {
                let failed = keys.iter().map(|key| ((*key).clone(), reason.clone()));
                return Seen { failed: failed.collect(), ..Seen::default() };
            }
        };
        let mut entries: BTreeMap<String, Json> =
            entries.into_iter().filter_map(|entry| Some((entry.get("UUID")?.as_str()?.to_owned(), entry))).collect();
        let mut seen = Seen::default();
        for key in keys {
            match entries.remove(*key) {
                None => seen.absent.push((*key).clone()),
                Some(entry) => match self.again(entry, world).await {
                    Ok(item) => seen.items.extend(item),
                    Err(reason) => seen.failed.push(((*key).clone(), reason)),
                },
            }
        }
        seen
    }
}

/// Whether an answer leaves out filters that may be there, because a key encrypts them.
fn is_silent(entry: &Json) -> bool {
    entry.get("KMSKeyArn").is_some() && entry.get("FilterCriteria").is_none()
}

#[async_trait]
impl Reach for EventSourceMappings {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        match ask.reading {
            Reading::Sweep => self.sweep(ask).await,
            Reading::Only(keys) => {
                let (new, known): (Vec<&String>, Vec<&String>) =
                    keys.iter().partition(|key| spec::parse_new(key).is_some());
                let pages = ask.world.table(spec::TYPE).items().count().div_ceil(PAGE);
                let (mut seen, single) = match known.len() > pages.max(1) {
                    true => (self.listed(&known, ask.world).await, Vec::new()),
                    false => (Seen::default(), known),
                };
                for key in new.into_iter().chain(single) {
                    self.only(key, ask.world, &mut seen).await;
                }
                seen
            }
        }
    }

    /// All but the tags, which are as they were sent, or as they were.
    fn told(&self, step: &Step, answer: &Json, world: &Observation) -> Option<Told> {
        let item = spec::observed(&self.place, answer).filter(|_| !is_silent(answer))?;
        let key = &step.refresh.1;
        let (tags, absent) = match step.operation {
            "CreateEventSourceMapping" => (tags_in(&step.input, "Tags"), vec![key.clone()]),
            _ => (world.table(spec::TYPE).get(key)?.tags.clone()?, Vec::new()),
        };
        Some(Told::Whole(Seen { items: vec![item.with_tags(tags)], absent, ..Seen::default() }))
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let (lambda, input) = (&self.lambda, Input(&step.input));
        match step.operation {
            "CreateEventSourceMapping" => {
                // The SDK wants the name before it sends anything.
                let call = lambda.create_event_source_mapping().function_name(input.required("FunctionName")?);
                answered(SERVICE, asked!(call, &step.input, &[]))
            }
            "UpdateEventSourceMapping" => {
                let call = lambda.update_event_source_mapping().uuid(input.required("UUID")?);
                answered(SERVICE, asked!(call, &step.input, &["UUID"]))
            }
            "DeleteEventSourceMapping" => {
                gone(SERVICE, lambda.delete_event_source_mapping().uuid(input.required("UUID")?).send().await)
            }
            "TagResource" => {
                let call = lambda.tag_resource().resource(input.required("Resource")?);
                done(SERVICE, sent!(call, &step.input, &["Resource"]))
            }
            "UntagResource" => {
                let call = lambda.untag_resource().resource(input.required("Resource")?);
                done(SERVICE, call.set_tag_keys(input.texts("TagKeys")).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}
