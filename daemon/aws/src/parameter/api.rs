//! How to reach parameters.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_ssm::types::{ParameterStringFilter, ResourceTypeForTagging};
use evenkeel_core::plan::{
    Applied, Artifacts, Ask, Marks, Observation, Observed, Pace, Reach, Reading, Scope, Seen, State, Step, Tags, Told,
};
use futures::StreamExt as _;
use serde_json::Value as Json;

use super::spec::{self, TYPE};
use crate::client::Account;
use crate::error::{Failure, answered, done, gone, unknown_operation};
use crate::place::place;
use crate::reading::{CONCURRENCY, Unread, failed, line_marker, pages, read, setting};
use crate::values::{list_of, tags_in};
use crate::wire::{asked, heard, sent};

const SERVICE: &str = "SSM";
/// The metadata tell of new values.
const PACE: Pace = Pace::Slow { at_most: usize::MAX };
/// As many values as one call gives.
const VALUES: usize = 10;
/// As many names as a filter takes.
const NAMES: usize = 50;

/// Parameters of one account in one region.
#[derive(Debug)]
pub(crate) struct Parameters {
    ssm: aws_sdk_ssm::Client,
    place: Scope,
}

/// What a reading of values found.
#[derive(Default)]
struct Values {
    /// Answers of `GetParameters`, by name.
    there: BTreeMap<String, Json>,
    absent: Vec<String>,
    failed: Vec<(String, String)>,
    /// Those whose value the credentials may not read, and why.
    denied: BTreeMap<String, Unread>,
}

/// A value, or why it is not told.
enum Value {
    Told(String),
    Unread(Unread),
}

impl Parameters {
    pub(crate) fn new(account: &Account) -> Self {
        Parameters { ssm: account.ssm.clone(), place: place(account) }
    }

    async fn describe(&self, names: Option<&[String]>) -> Result<Vec<Json>, String> {
        let filter = names.map(|names| {
            ParameterStringFilter::builder().key("Name").option("Equals").set_values(Some(names.to_vec()))
        });
        let filter = match filter.map(|filter| filter.build()) {
            Some(Ok(filter)) => Some(vec![filter]),
            Some(Err(error)) => return Err(error.to_string()),
            None => None,
        };
        let ssm = &self.ssm;
        let filter = &filter;
        pages(
            SERVICE,
            |token| async move {
                let call = ssm.describe_parameters().set_parameter_filters(filter.clone());
                heard!(call.max_results(50).set_next_token(token))
            },
            |page| list_of(page, "Parameters", "NextToken"),
        )
        .await
    }

    async fn tags(&self, name: &str) -> Result<Tags, String> {
        let ssm = &self.ssm;
        let answer = read(SERVICE, || async move {
            let call = ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter);
            heard!(call.resource_id(name))
        })
        .await?;
        Ok(answer.map(|answer| tags_in(&answer, "TagList")).unwrap_or_default())
    }

    /// Values by tens. One that may not be decrypted spoils its whole call, so a failed ten is read one by one.
    async fn values(&self, names: Vec<String>) -> Values {
        let mut out = Values::default();
        let tens: Vec<Vec<String>> = names.chunks(VALUES).map(<[String]>::to_vec).collect();
        let answers: Vec<_> = futures::stream::iter(tens)
            .map(|ten| async move {
                match self.get(&ten).await {
                    Err(failure) if ten.len() > 1 && !failure.is_passing() => {
                        let mut each = Vec::new();
                        for name in ten {
                            let one = vec![name];
                            let answer = self.get(&one).await;
                            each.push((one, answer));
                        }
                        each
                    }
                    answer => vec![(ten, answer)],
                }
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for (names, answer) in answers.into_iter().flatten() {
            match answer {
                Ok((there, absent)) => {
                    out.there.extend(there);
                    out.absent.extend(absent);
                }
                Err(failure) => {
                    for name in names {
                        let mut unread = Unread::default();
                        let action = "ssm:GetParameters, and kms:Decrypt on the key of a SecureString";
                        match unread.take(&["Value"], action, Err::<(), _>(failure.clone())) {
                            Ok(()) => _ = out.denied.insert(name, unread),
                            Err(reason) => out.failed.push((name, reason)),
                        }
                    }
                }
            }
        }
        out
    }

    async fn get(&self, names: &[String]) -> Result<(BTreeMap<String, Json>, Vec<String>), Failure> {
        let ssm = &self.ssm;
        let answer = setting(SERVICE, || async move {
            heard!(ssm.get_parameters().set_names(Some(names.to_vec())).with_decryption(true))
        })
        .await?
        .unwrap_or_default();
        let there = answer.get("Parameters").and_then(Json::as_array).into_iter().flatten();
        let there = there.filter_map(|parameter| Some((name_of(parameter)?.to_owned(), parameter.clone())));
        let absent = answer.get("InvalidParameters").and_then(Json::as_array).into_iter().flatten();
        Ok((there.collect(), absent.filter_map(Json::as_str).map(str::to_owned).collect()))
    }

    /// Everything: metadata of all; tags and values where they were not read before, or may have changed. A new value is
    /// a new version, which the metadata tell; tags are found by rotation.
    async fn sweep(&self, ask: Ask<'_>) -> Seen {
        let metadata = match self.describe(None).await {
            Ok(metadata) => metadata,
            Err(reason) => return failed(reason),
        };
        let mut metadata: BTreeMap<String, Json> =
            metadata.into_iter().filter_map(|entry| Some((name_of(&entry)?.to_owned(), entry))).collect();
        let marked =
            metadata.iter().map(|(name, entry)| (name.clone(), line_marker(entry, &[], ask.wanted.contains(name))));
        let choice = ask.choose(TYPE, marked, PACE);
        let chosen: Vec<_> = choice.read.iter().filter_map(|name| metadata.remove_entry(name)).collect();
        drop(metadata);
        let mut seen = Seen::default();
        let mut ours: Vec<(String, Json, Tags)> = Vec::new();
        let mut tagged = futures::stream::iter(chosen)
            .map(|(name, entry)| async move {
                let tags = self.tags(&name).await;
                (name, entry, tags)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((name, entry, tags)) = tagged.next().await {
            match tags {
                Err(reason) => seen.failed.push((name, reason)),
                Ok(tags) if ask.wanted.contains(&name) || Marks::from_tags(&tags).is_some() => {
                    ours.push((name, entry, tags));
                }
                Ok(_) => seen.items.extend(spec::observed(&self.place, &entry, None)),
            }
        }
        drop(tagged);
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        let mut unknown: Vec<String> = Vec::new();
        for (name, entry, _) in &ours {
            match unchanged(ask, name, entry) {
                Some(value) => {
                    known.insert(name.clone(), Value::Told(value));
                }
                None => unknown.push(name.clone()),
            }
        }
        let values = self.values(unknown).await;
        let told = values.there.iter().map(|(name, answer)| (name.clone(), Value::Told(value_of(answer))));
        known.extend(told.chain(values.denied.into_iter().map(|(name, unread)| (name, Value::Unread(unread)))));
        seen.failed.extend(values.failed);
        // Deleted between the two calls.
        seen.absent.extend(values.absent);
        for (name, entry, tags) in ours {
            if let Some(value) = known.remove(&name) {
                seen.items.extend(self.item(&entry, value, tags, ask));
            }
        }
        choice.noted(seen)
    }

    async fn only(&self, keys: &BTreeSet<String>, ask: Ask<'_>) -> Seen {
        let mut values = self.values(keys.iter().cloned().collect()).await;
        let mut seen = Seen { absent: values.absent, failed: values.failed, ..Seen::default() };
        let there: Vec<String> = values.there.keys().chain(values.denied.keys()).cloned().collect();
        for names in there.chunks(NAMES) {
            let metadata: BTreeMap<String, Json> = match self.describe(Some(names)).await {
                Ok(entries) => {
                    entries.into_iter().filter_map(|entry| Some((name_of(&entry)?.to_owned(), entry))).collect()
                }
                Err(reason) => {
                    seen.failed.extend(names.iter().map(|name| (name.clone(), reason.clone())));
                    continue;
                }
            };
            for name in names {
                let answer = values.there.remove(name);
                let value = match (&answer, values.denied.remove(name)) {
                    (_, Some(unread)) => Value::Unread(unread),
                    (answer, None) => Value::Told(answer.as_ref().map(value_of).unwrap_or_default()),
                };
                match (metadata.get(name), self.tags(name).await) {
                    (Some(entry), Ok(tags)) => seen.items.extend(self.item(entry, value, tags, ask)),
                    // What was just made is not listed yet.
                    (None, Ok(tags)) => {
                        let item = answer.and_then(|answer| self.item(&answer, value, tags, ask));
                        let reason = "Systems Manager does not list it yet".to_owned();
                        seen.items.extend(item.map(|item| Observed { state: State::Pending { reason }, ..item }));
                    }
                    (_, Err(reason)) => seen.failed.push((name.clone(), reason)),
                }
            }
        }
        seen
    }

    fn item(&self, entry: &Json, value: Value, tags: Tags, ask: Ask<'_>) -> Option<Observed> {
        let mut item = match value {
            Value::Told(value) => spec::observed(&self.place, entry, Some(&value))?,
            Value::Unread(unread) => {
                let mut item = spec::observed(&self.place, entry, None)?;
                unread.of(&mut item);
                item
            }
        };
        spec::keep_origin(&mut item, ask.world);
        Some(item.with_tags(tags))
    }
}

fn value_of(answer: &Json) -> String {
    answer.get("Value").and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn name_of(entry: &Json) -> Option<&str> {
    entry.get("Name")?.as_str()
}

/// The value that was read before, where the parameter has had no new version since. One that was deleted and made
/// again counts its versions from the beginning: the moment tells it apart.
fn unchanged(ask: Ask<'_>, name: &str, entry: &Json) -> Option<String> {
    let before = ask.world.table(TYPE).get(name)?;
    let same = |member: &str| before.attributes.get(member).is_some_and(|known| Some(known) == entry.get(member));
    (same(spec::VERSION) && same(spec::MODIFIED)).then_some(())?;
    Some(before.properties.get("Value")?.as_str()?.to_owned())
}

#[async_trait]
impl Reach for Parameters {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        match ask.reading {
            Reading::Sweep => self.sweep(ask).await,
            Reading::Only(keys) => self.only(keys, ask).await,
        }
    }

    /// An overwriting that made the first version made the parameter: somebody had deleted it a moment before.
    fn told(&self, step: &Step, answer: &Json, _world: &Observation) -> Option<Told> {
        let item = spec::made_by(&self.place, step, answer)?;
        Some(Told::Part(Seen { items: vec![item], ..Seen::default() }))
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let ssm = &self.ssm;
        match step.operation {
            "PutParameter" => answered(SERVICE, asked!(ssm.put_parameter(), &step.input, &[])),
            "AddTagsToResource" => done(SERVICE, sent!(ssm.add_tags_to_resource(), &step.input)),
            "RemoveTagsFromResource" => done(SERVICE, sent!(ssm.remove_tags_from_resource(), &step.input)),
            "DeleteParameter" => gone(SERVICE, sent!(ssm.delete_parameter(), &step.input)),
            _ => Err(unknown_operation(step)),
        }
    }
}
