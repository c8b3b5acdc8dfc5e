//! How to reach queues.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Applied, ApplyError, Artifacts, Ask, Kind as _, Observed, Pace, Reach, Seen, Step, Tags};

use super::spec::{self, Queue};
use crate::document::{Input, tags_from};
use crate::error::{done, gone, unknown_operation};
use crate::reading;
use crate::values::last_part;

const SERVICE: &str = "SQS";
/// The most that a page holds; SQS gives no token at all where this is not said.
const PAGE: i32 = 1000;
/// A listing tells names alone. Two calls for a queue, of fifteen a second.
const PACE: Pace = Pace::Brisk { a_second: 7.5 };

/// Reaches queues.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Client,
}

impl Queues {
    /// By this client.
    pub fn new(client: Client) -> Self {
        Queues { client }
    }

    async fn urls(&self) -> Result<Vec<String>, String> {
        let call = |token| self.client.list_queues().max_results(PAGE).set_next_token(token).send();
        reading::pages(SERVICE, call, |page| {
            let next = page.next_token().map(str::to_owned);
            (page.queue_urls.unwrap_or_default(), next)
        })
        .await
    }

    async fn url(&self, name: &str) -> Result<Option<String>, String> {
        let answer = reading::read(SERVICE, || self.client.get_queue_url().queue_name(name).send()).await?;
        Ok(answer.and_then(|answer| answer.queue_url))
    }

    /// Tags first: what is neither ours nor wanted is not looked at more closely.
    async fn queue(&self, url: &str, wanted: bool) -> Result<Option<Observed>, String> {
        let tags = reading::read(SERVICE, || self.client.list_queue_tags().queue_url(url).send()).await?;
        let Some(tags) = tags else { return Ok(None) };
        let tags: Tags = tags_from(tags.tags().into_iter().flatten());
        let bare = Observed::new(last_part(url), url).with_tags(tags.clone());
        if bare.marks.is_none() && !wanted {
            return Ok(Some(bare));
        }
        self.described(url, tags).await
    }

    /// A queue with its attributes.
    async fn described(&self, url: &str, tags: Tags) -> Result<Option<Observed>, String> {
        let answer = reading::read(SERVICE, || {
            self.client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send()
        })
        .await?;
        Ok(answer.map(|answer| {
            let attributes: BTreeMap<String, String> = answer
                .attributes
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.as_str().to_owned(), value))
                .collect();
            spec::observed(url, &attributes, tags)
        }))
    }
}

#[async_trait]
impl Reach for Queues {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = reading::only(ask.reading) {
            let known = ask.world.table(spec::TYPE);
            return reading::deep(keys.iter().cloned(), |name| async move {
                let url = match known.get(&name) {
                    Some(queue) => Some(queue.physical_id.clone()),
                    None => self.url(&name).await?,
                };
                match url {
                    Some(url) => self.queue(&url, true).await,
                    None => Ok(None),
                }
            })
            .await;
        }
        let urls: BTreeMap<String, String> = match self.urls().await {
            Ok(urls) => urls.into_iter().map(|url| (last_part(&url).to_owned(), url)).collect(),
            Err(reason) => return reading::failed(reason),
        };
        let urls = &urls;
        let listed = urls.keys().map(|name| (name.clone(), marker(ask.wanted.contains(name))));
        reading::sweep(ask, spec::TYPE, listed, PACE, |name| async move {
            match urls.get(&name) {
                Some(url) => self.queue(url, ask.wanted.contains(&name)).await,
                None => Ok(None),
            }
        })
        .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let url = || input.required("QueueUrl");
        match step.operation {
            "CreateQueue" => {
                let call = self.client.create_queue().queue_name(input.required("QueueName")?);
                let call = call.set_attributes(attributes(input)).set_tags(input.text_map("Tags"));
                done(SERVICE, call.send().await)
            }
            "SetQueueAttributes" => {
                let call = self.client.set_queue_attributes().queue_url(url()?).set_attributes(attributes(input));
                done(SERVICE, call.send().await)
            }
            "TagQueue" => {
                done(SERVICE, self.client.tag_queue().queue_url(url()?).set_tags(input.text_map("Tags")).send().await)
            }
            "UntagQueue" => {
                let call = self.client.untag_queue().queue_url(url()?).set_tag_keys(input.texts("TagKeys"));
                done(SERVICE, call.send().await)
            }
            "DeleteQueue" => {
                self.is_empty(&url()?).await?;
                gone(SERVICE, self.client.delete_queue().queue_url(url()?).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}

impl Queues {
    /// Who read from a queue that goes has gone before it, and who sends to it may still be there: what was counted when
    /// the deletion was planned is no longer true.
    async fn is_empty(&self, url: &str) -> Result<(), ApplyError> {
        let unread = |reason| ApplyError::Refused(format!("it could not be counted what waits in it: {reason}"));
        match self.described(url, Tags::new()).await.map_err(unread)?.and_then(|queue| Queue.data_at_risk(&queue)) {
            Some(risk) => Err(ApplyError::Conflict(format!("{risk} now"))),
            None => Ok(()),
        }
    }
}

fn attributes(input: Input<'_>) -> Option<HashMap<QueueAttributeName, String>> {
    let given = input.text_map("Attributes")?;
    Some(given.into_iter().map(|(name, value)| (QueueAttributeName::from(name.as_str()), value)).collect())
}
