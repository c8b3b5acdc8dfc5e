//! How to reach parameters.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_ssm::types::{ParameterStringFilter, ResourceTypeForTagging};
use evenkeel_core::plan::{Applied, Artifacts, Ask, Marks, Observed, Pace, Reach, Reading, Scope, Seen, Step, Tags};
use futures::StreamExt as _;
use serde_json::Value as Json;

use super::spec::{self, TYPE};
use crate::client::Account;
use crate::error::{done, gone, unknown_operation};
use crate::place::place;
use crate::reading::{CONCURRENCY, failed, line_marker, pages, read};
use crate::values::{list_of, tags_in};
use crate::wire::{heard, sent};

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
    there: BTreeMap<String, String>,
    absent: Vec<String>,
    failed: Vec<(String, String)>,
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
                    Err(_) if ten.len() > 1 => {
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
                Err(reason) => out.failed.extend(names.into_iter().map(|name| (name, reason.clone()))),
            }
        }
        out
    }

    async fn get(&self, names: &[String]) -> Result<(BTreeMap<String, String>, Vec<String>), String> {
        let ssm = &self.ssm;
        let answer = read(SERVICE, || async move {
            heard!(ssm.get_parameters().set_names(Some(names.to_vec())).with_decryption(true))
        })
        .await?
        .unwrap_or_default();
        let there = answer.get("Parameters").and_then(Json::as_array).into_iter().flatten().filter_map(|parameter| {
            Some((parameter.get("Name")?.as_str()?.to_owned(), parameter.get("Value")?.as_str()?.to_owned()))
        });
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
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut unread: Vec<String> = Vec::new();
        for (name, entry, _) in &ours {
            match unchanged(ask, name, entry) {
                Some(value) => {
                    known.insert(name.clone(), value);
                }
                None => unread.push(name.clone()),
            }
        }
        let values = self.values(unread).await;
        known.extend(values.there);
        seen.failed.extend(values.failed);
        // Deleted between the two calls.
        seen.absent.extend(values.absent);
        for (name, entry, tags) in ours {
            if let Some(value) = known.get(&name) {
                seen.items.extend(self.item(&entry, value, tags));
            }
        }
        choice.noted(seen)
    }

    async fn only(&self, keys: &BTreeSet<String>) -> Seen {
        let values = self.values(keys.iter().cloned().collect()).await;
        let mut seen = Seen { absent: values.absent, failed: values.failed, ..Seen::default() };
        let there: Vec<String> = values.there.keys().cloned().collect();
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
                let value = values.there.get(name).map_or("", String::as_str);
                match (metadata.get(name), self.tags(name).await) {
                    (Some(entry), Ok(tags)) => seen.items.extend(self.item(entry, value, tags)),
                    (None, _) => {
                        seen.failed.push((name.clone(), "SSM has its value but does not list it yet".to_owned()))
                    }
                    (_, Err(reason)) => seen.failed.push((name.clone(), reason)),
                }
            }
        }
        seen
    }

    fn item(&self, entry: &Json, value: &str, tags: Tags) -> Option<Observed> {
        Some(spec::observed(&self.place, entry, Some(value))?.with_tags(tags))
    }
}

fn name_of(entry: &Json) -> Option<&str> {
    entry.get("Name")?.as_str()
}

/// The value that was read before, where the parameter has had no new version since.
fn unchanged(ask: Ask<'_>, name: &str, entry: &Json) -> Option<String> {
    let before = ask.world.table(TYPE).get(name)?;
    (before.attributes.get("Version")? == entry.get("Version")?).then_some(())?;
    Some(before.properties.get("Value")?.as_str()?.to_owned())
}

#[async_trait]
impl Reach for Parameters {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        match ask.reading {
            Reading::Sweep => self.sweep(ask).await,
            Reading::Only(keys) => self.only(keys).await,
        }
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let ssm = &self.ssm;
        match step.operation {
            "PutParameter" => done(SERVICE, sent!(ssm.put_parameter(), &step.input)),
            "AddTagsToResource" => done(SERVICE, sent!(ssm.add_tags_to_resource(), &step.input)),
            "RemoveTagsFromResource" => done(SERVICE, sent!(ssm.remove_tags_from_resource(), &step.input)),
            "DeleteParameter" => gone(SERVICE, sent!(ssm.delete_parameter(), &step.input)),
            _ => Err(unknown_operation(step)),
        }
    }
}
