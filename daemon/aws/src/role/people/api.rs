//! How to reach the inline policies of users and groups.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::EntityType;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Observed, Reach, Seen, Step};

use super::{People, observed, split};
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::reading;
use crate::role::api::{PAGE, SERVICE};

/// Reaches inline policies of users and groups.
#[derive(Clone, Debug)]
pub struct PeoplesPolicies {
    client: Client,
}

impl PeoplesPolicies {
    /// By this client.
    pub fn new(client: Client) -> Self {
        PeoplesPolicies { client }
    }

    /// All inline policies of all users and groups: a call for a thousand of them.
    async fn all(&self) -> Result<Vec<Observed>, String> {
        let call = |marker| {
            let call = self.client.get_account_authorization_details().filter(EntityType::User);
            call.filter(EntityType::Group).max_items(PAGE).set_marker(marker).send()
        };
        reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            let mut out = Vec::new();
            for user in page.user_detail_list() {
                let policies = user.user_policy_list().iter();
                let named = policies.filter_map(|policy| Some((policy.policy_name()?, policy.policy_document()?)));
                let holder = user.user_name().unwrap_or_default();
                out.extend(named.map(|(name, document)| observed(People::User, holder, name, document)));
            }
            for group in page.group_detail_list() {
                let policies = group.group_policy_list().iter();
                let named = policies.filter_map(|policy| Some((policy.policy_name()?, policy.policy_document()?)));
                let holder = group.group_name().unwrap_or_default();
                out.extend(named.map(|(name, document)| observed(People::Group, holder, name, document)));
            }
            (out, next)
        })
        .await
    }

    async fn one(&self, key: &str) -> Result<Option<Observed>, String> {
        let Some((people, holder, name)) = split(key) else { return Ok(None) };
        let client = &self.client;
        let document = match people {
            People::User => {
                let call = || client.get_user_policy().user_name(holder).policy_name(name).send();
                reading::read(SERVICE, call).await?.map(|answer| answer.policy_document)
            }
            People::Group => {
                let call = || client.get_group_policy().group_name(holder).policy_name(name).send();
                reading::read(SERVICE, call).await?.map(|answer| answer.policy_document)
            }
        };
        Ok(document.map(|document| observed(people, holder, name, &document)))
    }
}

#[async_trait]
impl Reach for PeoplesPolicies {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = reading::only(ask.reading) {
            return reading::deep(keys.iter().cloned(), |key| async move { self.one(&key).await }).await;
        }
        match self.all().await {
            // What is nobody's and not asked for is nothing to know.
            Ok(items) => Seen { items: relevant(items, ask.wanted), ..Seen::default() },
            Err(reason) => reading::failed(reason),
        }
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let client = &self.client;
        let name = input.required("PolicyName")?;
        match step.operation {
            "PutUserPolicy" => {
                let call = client.put_user_policy().user_name(input.required("UserName")?).policy_name(name);
                done(SERVICE, call.policy_document(input.required("PolicyDocument")?).send().await)
            }
            "PutGroupPolicy" => {
                let call = client.put_group_policy().group_name(input.required("GroupName")?).policy_name(name);
                done(SERVICE, call.policy_document(input.required("PolicyDocument")?).send().await)
            }
            "DeleteUserPolicy" => {
                let call = client.delete_user_policy().user_name(input.required("UserName")?);
                gone(SERVICE, call.policy_name(name).send().await)
            }
            "DeleteGroupPolicy" => {
                let call = client.delete_group_policy().group_name(input.required("GroupName")?);
                gone(SERVICE, call.policy_name(name).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}

fn relevant(items: Vec<Observed>, wanted: &BTreeSet<String>) -> Vec<Observed> {
    items.into_iter().filter(|item| item.marks.is_some() || wanted.contains(&item.key)).collect()
}
