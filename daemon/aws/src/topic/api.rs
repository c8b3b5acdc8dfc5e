//! How to reach topics.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::Tag;
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Applied, ApplyError, Artifacts, Ask, Observed, Pace, Reach, Seen, Step, Tags};

use super::spec;
use crate::document::{Input, tags_from};
use crate::error::{done, gone, unknown_operation};
use crate::reading::{self, Unread};
use crate::values::last_part;

const SERVICE: &str = "SNS";
/// A listing tells names alone; of readings of tags there are ten a second.
const PACE: Pace = Pace::Brisk { a_second: 10.0 };

/// Reaches topics.
#[derive(Clone, Debug)]
pub struct Topics {
    client: Client,
    /// Everything of a topic's ARN but its name.
    prefix: String,
}

impl Topics {
    /// By this client, in this account and region.
    pub fn new(client: Client, partition: &str, region: &str, account: &str) -> Self {
        Topics { client, prefix: format!("arn:{partition}:sns:{region}:{account}:") }
    }

    async fn arns(&self) -> Result<Vec<String>, String> {
        let call = |token| self.client.list_topics().set_next_token(token).send();
        reading::pages(SERVICE, call, |page| {
            let next = page.next_token().map(str::to_owned);
            (page.topics.unwrap_or_default().into_iter().filter_map(|topic| topic.topic_arn).collect(), next)
        })
        .await
    }

    /// Tags first: what is neither ours nor wanted is not looked at more closely.
    async fn topic(&self, name: &str, wanted: bool) -> Result<Option<Observed>, String> {
        let arn = format!("{}{name}", self.prefix);
        let arn = arn.as_str();
        let tags = reading::read(SERVICE, || self.client.list_tags_for_resource().resource_arn(arn).send()).await?;
        let Some(tags) = tags else { return Ok(None) };
        let pairs: Vec<(String, String)> =
            tags.tags.into_iter().flatten().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        let tags: Tags = tags_from(pairs.iter().map(|(key, value)| (key, value)));
        let bare = Observed::new(last_part(arn), arn).with_tags(tags.clone());
        if bare.marks.is_none() && !wanted {
            return Ok(Some(bare));
        }
        let answer = reading::read(SERVICE, || self.client.get_topic_attributes().topic_arn(arn).send()).await?;
        let Some(answer) = answer else { return Ok(None) };
        let attributes: BTreeMap<String, String> = answer.attributes.into_iter().flatten().collect();
        let fifo = attributes.get("FifoTopic").is_some_and(|value| value == "true");
        // FIFO topics have no data protection; of what nobody wants it does not matter.
        let mut unread = Unread::default();
        let protection = if wanted && !fifo { self.protection(arn, &mut unread).await? } else { None };
        let mut topic = spec::observed(arn, &attributes, protection.as_deref(), tags);
        unread.of(&mut topic);
        Ok(Some(topic))
    }

    async fn protection(&self, arn: &str, unread: &mut Unread) -> Result<Option<String>, String> {
        let call = || self.client.get_data_protection_policy().resource_arn(arn).send();
        let answer = reading::setting(SERVICE, call).await;
        let answer = unread.take(&[spec::PROTECTION], "sns:GetDataProtectionPolicy", answer)?;
        Ok(answer.and_then(|answer| answer.data_protection_policy))
    }
}

#[async_trait]
impl Reach for Topics {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = reading::only(ask.reading) {
            return reading::deep(keys.iter().cloned(), |name| async move { self.topic(&name, true).await }).await;
        }
        match self.arns().await {
            Ok(arns) => {
                let listed = arns.iter().map(|arn| {
                    let name = last_part(arn);
                    (name.to_owned(), marker(ask.wanted.contains(name)))
                });
                let read = |name: String| async move { self.topic(&name, ask.wanted.contains(&name)).await };
                reading::sweep(ask, spec::TYPE, listed, PACE, read).await
            }
            Err(reason) => reading::failed(reason),
        }
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let arn = || input.required("TopicArn");
        let resource = || input.required("ResourceArn");
        match step.operation {
            "CreateTopic" => {
                let call = self.client.create_topic().name(input.required("Name")?);
                let call = call.set_attributes(input.text_map("Attributes")).set_tags(Some(tags(input)?));
                done(SERVICE, call.send().await)
            }
            "SetTopicAttributes" => {
                let call = self.client.set_topic_attributes().topic_arn(arn()?);
                let call = call.attribute_name(input.required("AttributeName")?);
                done(SERVICE, call.attribute_value(input.required("AttributeValue")?).send().await)
            }
            "PutDataProtectionPolicy" => {
                let call = self.client.put_data_protection_policy().resource_arn(resource()?);
                done(SERVICE, call.data_protection_policy(input.required("DataProtectionPolicy")?).send().await)
            }
            "TagResource" => {
                let call = self.client.tag_resource().resource_arn(resource()?).set_tags(Some(tags(input)?));
                done(SERVICE, call.send().await)
            }
            "UntagResource" => {
                let call = self.client.untag_resource().resource_arn(resource()?).set_tag_keys(input.texts("TagKeys"));
                done(SERVICE, call.send().await)
            }
            "DeleteTopic" => gone(SERVICE, self.client.delete_topic().topic_arn(arn()?).send().await),
            _ => Err(unknown_operation(step)),
        }
    }
}

fn tags(input: Input<'_>) -> Result<Vec<Tag>, ApplyError> {
    let pairs = input.text_map("Tags").unwrap_or_default();
    let tags = pairs.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(|error| ApplyError::Refused(error.to_string()))
}
