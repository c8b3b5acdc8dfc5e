//! How to reach subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::Subscription;
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Observation, Observed, Pace, Reach, Seen, Step};

use super::spec::{self, PENDING};
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::reading;

const SERVICE: &str = "SNS";
/// A listing tells no attributes; their readings share thirty calls a second with the topics'.
const PACE: Pace = Pace::Brisk { a_second: 15.0 };

/// Reaches subscriptions.
#[derive(Clone, Debug)]
pub struct Subscriptions {
    client: Client,
}

/// ARNs by key: mostly one, but what a deleted topic left behind is listed beside what the topic of the same name has.
type Listed = BTreeMap<String, Vec<String>>;

impl Subscriptions {
    /// By this client.
    pub fn new(client: Client) -> Self {
        Subscriptions { client }
    }

    async fn all(&self) -> Result<Listed, String> {
        let call = |token| self.client.list_subscriptions().set_next_token(token).send();
        let items = reading::pages(SERVICE, call, |page| {
            let next = page.next_token().map(str::to_owned);
            (by_key(page.subscriptions.unwrap_or_default()), next)
        })
        .await?;
        Ok(sorted(items))
    }

    async fn of_topic(&self, topic: &str) -> Result<Listed, String> {
        let call = |token| self.client.list_subscriptions_by_topic().topic_arn(topic).set_next_token(token).send();
        let items = reading::pages(SERVICE, call, |page| {
            let next = page.next_token().map(str::to_owned);
            (by_key(page.subscriptions.unwrap_or_default()), next)
        })
        .await?;
        Ok(sorted(items))
    }

    async fn subscription(
        &self,
        key: &str,
        arns: &[String],
        wanted: bool,
        world: &Observation,
    ) -> Result<Option<Observed>, String> {
        for arn in arns {
            let mut out = spec::listed(key, arn, wanted, world);
            if !wanted || arn == PENDING {
                return Ok(Some(out));
            }
            let call = || self.client.get_subscription_attributes().subscription_arn(arn).send();
            let Some(answer) = reading::read(SERVICE, call).await? else { continue };
            let attributes: BTreeMap<String, String> = answer.attributes.into_iter().flatten().collect();
            spec::describe(&mut out, &attributes);
            return Ok(Some(out));
        }
        Ok(None)
    }

    async fn only(&self, keys: &BTreeSet<String>, world: &Observation) -> Seen {
        let mut by_topic: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for key in keys {
            let topic = spec::parts(key).map_or("", |(topic, _, _)| topic);
            by_topic.entry(topic).or_default().push(key);
        }
        let mut seen = Seen::default();
        let mut found = Listed::new();
        for (topic, keys) in by_topic {
            match self.of_topic(topic).await {
                Ok(mut listed) => {
                    found.extend(keys.into_iter().map(|key| (key.clone(), listed.remove(key).unwrap_or_default())))
                }
                Err(reason) => seen.failed.extend(keys.into_iter().map(|key| (key.clone(), reason.clone()))),
            }
        }
        let found = &found;
        let read = reading::deep(found.keys().cloned(), |key| async move {
            match found.get(&key) {
                Some(arns) => self.subscription(&key, arns, true, world).await,
                None => Ok(None),
            }
        })
        .await;
        seen.items = read.items;
        seen.absent = read.absent;
        seen.failed.extend(read.failed);
        seen
    }
}

#[async_trait]
impl Reach for Subscriptions {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = reading::only(ask.reading) {
            return self.only(keys, ask.world).await;
        }
        let listed = match self.all().await {
            Ok(listed) => listed,
            Err(reason) => return reading::failed(reason),
        };
        let listed = &listed;
        // Whose it is comes from its topic or its endpoint.
        let marked = listed.iter().map(|(key, arns)| {
            let wanted = ask.wanted.contains(key);
            let marks = arns.first().and_then(|arn| spec::listed(key, arn, wanted, ask.world).marks);
            (key.clone(), marker((arns, wanted, format!("{marks:?}"))))
        });
        reading::sweep(ask, spec::TYPE, marked, PACE, |key| async move {
            match listed.get(&key) {
                Some(arns) => self.subscription(&key, arns, ask.wanted.contains(&key), ask.world).await,
                None => Ok(None),
            }
        })
        .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        match step.operation {
            "Subscribe" => {
                let call = self.client.subscribe().topic_arn(input.required("TopicArn")?);
                let call = call.protocol(input.required("Protocol")?).endpoint(input.required("Endpoint")?);
                let call = call.set_attributes(input.text_map("Attributes")).return_subscription_arn(true);
                done(SERVICE, call.send().await)
            }
            "SetSubscriptionAttributes" => {
                let call = self.client.set_subscription_attributes();
                let call = call.subscription_arn(input.required("SubscriptionArn")?);
                let call = call.attribute_name(input.required("AttributeName")?);
                done(SERVICE, call.attribute_value(input.required("AttributeValue")?).send().await)
            }
            "Unsubscribe" => {
                let arn = input.required("SubscriptionArn")?;
                gone(SERVICE, self.client.unsubscribe().subscription_arn(arn).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}

fn by_key(page: Vec<Subscription>) -> Vec<(String, String)> {
    page.into_iter()
        .filter_map(|it| Some((spec::key(&it.topic_arn?, &it.protocol?, &it.endpoint?), it.subscription_arn?)))
        // What is being deleted is still listed for a while.
        .filter(|(_, arn)| arn != "Deleted")
        // Any other text instead of an ARN says that it waits for its endpoint.
        .map(|(key, arn)| if arn.starts_with("arn:") { (key, arn) } else { (key, PENDING.to_owned()) })
        .collect()
}

/// By key; where one endpoint is listed twice, the confirmed ones come first.
fn sorted(items: Vec<(String, String)>) -> Listed {
    let mut out = Listed::new();
    for (key, arn) in items {
        out.entry(key).or_default().push(arn);
    }
    for arns in out.values_mut() {
        arns.sort_by_key(|arn| arn == PENDING);
    }
    out
}
