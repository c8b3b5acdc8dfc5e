//! How to reach event source mappings.

use std::collections::BTreeMap;

use async_trait::async_trait;
use evenkeel_core::plan::{ApplyError, Artifacts, Ask, Observed, Reach, Reading, Scope, Seen, Step, Tags};
use futures::StreamExt as _;
use serde_json::Value as Json;

use super::spec;
use crate::client::Account;
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::function_part::lambda_pace;
use crate::place::place;
use crate::reading::{CONCURRENCY, line_marker, pages, read};
use crate::values::{list_of, tags_in};
use crate::wire::{heard, sent};

const SERVICE: &str = "Lambda";
/// What moves with the messages.
const PASSING: &[&str] = &["LastProcessingResult"];

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

    /// One mapping with its tags, and with its filters where the list leaves them out because a key encrypts them.
    async fn whole(&self, entry: Json) -> Result<Option<Observed>, String> {
        let Some(bare) = spec::observed(&self.place, &entry) else { return Ok(None) };
        let tags = self.read_tags(&bare.key).await?;
        let item = match entry.get("KMSKeyArn").is_some() && entry.get("FilterCriteria").is_none() {
            true => self.get(&bare.key).await?.and_then(|answer| spec::observed(&self.place, &answer)),
            false => Some(bare),
        };
        Ok(item.map(|item| item.with_tags(tags)))
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
        let marked =
            entries.iter().map(|(uuid, (entry, bare))| (uuid.clone(), line_marker(entry, PASSING, ours(bare))));
        let choice = ask.choose(spec::TYPE, marked, lambda_pace(ask.world));
        let chosen: Vec<_> = choice.read.iter().filter_map(|uuid| entries.remove(uuid)).collect();
        let mut seen = Seen::default();
        let mut answers = futures::stream::iter(chosen)
            .map(|(entry, bare)| async move { if ours(&bare) { self.whole(entry).await } else { Ok(Some(bare)) } })
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
    async fn only(&self, key: &str, seen: &mut Seen) {
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
            match self.whole(entry).await {
                Ok(item) => seen.items.extend(item),
                Err(reason) => seen.failed.push((key.to_owned(), reason)),
            }
        }
    }
}

#[async_trait]
impl Reach for EventSourceMappings {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        match ask.reading {
            Reading::Sweep => self.sweep(ask).await,
            Reading::Only(keys) => {
                let mut seen = Seen::default();
                for key in keys {
                    self.only(key, &mut seen).await;
                }
                seen
            }
        }
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Result<(), ApplyError> {
        let (lambda, input) = (&self.lambda, Input(&step.input));
        match step.operation {
            "CreateEventSourceMapping" => {
                // The SDK wants the name before it sends anything.
                let call = lambda.create_event_source_mapping().function_name(input.required("FunctionName")?);
                done(SERVICE, sent!(call, &step.input))
            }
            "UpdateEventSourceMapping" => {
                let call = lambda.update_event_source_mapping().uuid(input.required("UUID")?);
                done(SERVICE, sent!(call, &step.input, &["UUID"]))
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
