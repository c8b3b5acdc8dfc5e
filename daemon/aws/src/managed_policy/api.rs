//! How to reach managed policies of the account's own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, Policy, PolicyScopeType};
use aws_smithy_types::date_time::{DateTime, Format};
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Observed, Pace, Reach, Seen, Step, Tags};

use super::spec::{self, Answer};
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::reading;
use crate::role::api::{PAGE, SERVICE, tags, tags_of};
use crate::values::last_part;

/// A listing tells all but tags and description; IAM's quota is small, and the account's.
const PACE: Pace = Pace::Slow { at_most: 20 };

/// Reaches managed policies.
#[derive(Clone, Debug)]
pub struct ManagedPolicies {
    client: Client,
}

impl ManagedPolicies {
    /// By this client.
    pub fn new(client: Client) -> Self {
        ManagedPolicies { client }
    }

    /// All policies with their documents.
    async fn all(&self) -> Result<BTreeMap<String, Answer>, String> {
        let call = |marker| {
            let call = self.client.get_account_authorization_details().filter(EntityType::LocalManagedPolicy);
            call.max_items(PAGE).set_marker(marker).send()
        };
        let answers = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            (page.policies.unwrap_or_default().into_iter().map(answer).collect(), next)
        })
        .await?;
        Ok(answers.into_iter().map(|answer: Answer| (answer.name.clone(), answer)).collect())
    }

    async fn head(&self, arn: &str) -> Result<Option<Policy>, String> {
        let call = || self.client.get_policy().policy_arn(arn).send();
        Ok(reading::read(SERVICE, call).await?.and_then(|answer| answer.policy))
    }

    /// A policy's ARN holds its path, which a name does not tell.
    async fn arns(&self) -> Result<BTreeMap<String, String>, String> {
        let call = |marker| {
            self.client.list_policies().scope(PolicyScopeType::Local).max_items(PAGE).set_marker(marker).send()
        };
        let named = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            let named = page.policies.unwrap_or_default().into_iter();
            (named.filter_map(|policy| Some((policy.policy_name?, policy.arn?))).collect(), next)
        })
        .await?;
        Ok(named.into_iter().collect())
    }

    async fn policy(&self, arn: &str) -> Result<Option<Observed>, String> {
        let Some(policy) = self.head(arn).await? else { return Ok(None) };
        let default = policy.default_version_id.unwrap_or_default();
        let call = || self.client.get_policy_version().policy_arn(arn).version_id(&default).send();
        let Some(version) = reading::read(SERVICE, call).await?.and_then(|answer| answer.policy_version) else {
            return Ok(None);
        };
        let call = |marker| self.client.list_policy_versions().policy_arn(arn).set_marker(marker).send();
        let versions = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            (page.versions.unwrap_or_default().into_iter().filter_map(|version| version.version_id).collect(), next)
        })
        .await?;
        let tags = tags_of(policy.tags.unwrap_or_default());
        let (users, groups) = if spec::names_people(&tags) { self.people(arn).await? } else { Default::default() };
        Ok(Some(spec::observed(Answer {
            users,
            groups,
            tags,
            name: policy.policy_name.unwrap_or_default(),
            arn: arn.to_owned(),
            id: policy.policy_id.unwrap_or_default(),
            path: policy.path.unwrap_or_default(),
            description: policy.description,
            document: version.document.unwrap_or_default(),
            default_version: default.clone(),
            versions,
            attachments: policy.attachment_count.unwrap_or_default(),
            boundaries: policy.permissions_boundary_usage_count.unwrap_or_default(),
            attachable: policy.is_attachable,
            created: iso(policy.create_date),
            updated: iso(policy.update_date),
        })))
    }

    /// Users and groups that have a policy.
    async fn people(&self, arn: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let call = |marker| self.client.list_entities_for_policy().policy_arn(arn).set_marker(marker).send();
        let pages = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            let users = page.policy_users.unwrap_or_default().into_iter().filter_map(|user| user.user_name);
            let groups = page.policy_groups.unwrap_or_default().into_iter().filter_map(|group| group.group_name);
            (users.map(|name| (true, name)).chain(groups.map(|name| (false, name))).collect(), next)
        });
        let (users, groups): (Vec<_>, Vec<_>) = pages.await?.into_iter().partition(|(user, _)| *user);
        let names = |all: Vec<(bool, String)>| all.into_iter().map(|(_, name)| name).collect();
        Ok((names(users), names(groups)))
    }
}

#[async_trait]
impl Reach for ManagedPolicies {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = reading::only(ask.reading) {
            let arns = match self.arns().await {
                Ok(arns) => arns,
                Err(reason) => {
                    let failed = keys.iter().map(|key| (key.clone(), reason.clone())).collect();
                    return Seen { failed, ..Seen::default() };
                }
            };
            let arns = &arns;
            return reading::deep(keys.iter().cloned(), |name| async move {
                match arns.get(&name) {
                    Some(arn) => self.policy(arn).await,
                    None => Ok(None),
                }
            })
            .await;
        }
        let all = match self.all().await {
            Ok(all) => all,
            Err(reason) => return reading::failed(reason),
        };
        let all = &all;
        let listed =
            all.iter().map(|(name, answer)| (name.clone(), marker((format!("{answer:?}"), ask.wanted.contains(name)))));
        reading::sweep(ask, spec::TYPE, listed, PACE, |name| async move {
            let Some(answer) = all.get(&name) else { return Ok(None) };
            // The listing tells no tags, and not surely the description.
            let Some(head) = self.head(&answer.arn).await? else { return Ok(None) };
            let tags = tags_of(head.tags.unwrap_or_default());
            let (users, groups) =
                if spec::names_people(&tags) { self.people(&answer.arn).await? } else { Default::default() };
            let told = Answer { tags, users, groups, description: head.description, ..answer.clone() };
            let mut policy = spec::observed(told);
            if policy.marks.is_none() && !ask.wanted.contains(&name) {
                policy.properties.clear();
            }
            Ok(Some(policy))
        })
        .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let client = &self.client;
        let arn = || input.required("PolicyArn");
        match step.operation {
            "CreatePolicy" => {
                let call = client.create_policy().policy_name(input.required("PolicyName")?);
                let call = call.policy_document(input.required("PolicyDocument")?).set_path(input.text("Path"));
                let call = call.set_description(input.text("Description")).set_tags(Some(tags(input)?));
                done(SERVICE, call.send().await)
            }
            "CreatePolicyVersion" => {
                let call = client.create_policy_version().policy_arn(arn()?);
                let call = call.policy_document(input.required("PolicyDocument")?);
                done(SERVICE, call.set_set_as_default(input.bool("SetAsDefault")).send().await)
            }
            "DeletePolicyVersion" => {
                let call = client.delete_policy_version().policy_arn(arn()?);
                gone(SERVICE, call.version_id(input.required("VersionId")?).send().await)
            }
            "AttachUserPolicy" => {
                let call = client.attach_user_policy().user_name(input.required("UserName")?);
                done(SERVICE, call.policy_arn(arn()?).send().await)
            }
            "DetachUserPolicy" => {
                let call = client.detach_user_policy().user_name(input.required("UserName")?);
                gone(SERVICE, call.policy_arn(arn()?).send().await)
            }
            "AttachGroupPolicy" => {
                let call = client.attach_group_policy().group_name(input.required("GroupName")?);
                done(SERVICE, call.policy_arn(arn()?).send().await)
            }
            "DetachGroupPolicy" => {
                let call = client.detach_group_policy().group_name(input.required("GroupName")?);
                gone(SERVICE, call.policy_arn(arn()?).send().await)
            }
            "TagPolicy" => {
                done(SERVICE, client.tag_policy().policy_arn(arn()?).set_tags(Some(tags(input)?)).send().await)
            }
            "UntagPolicy" => {
                let call = client.untag_policy().policy_arn(arn()?).set_tag_keys(input.texts("TagKeys"));
                done(SERVICE, call.send().await)
            }
            "DeletePolicy" => gone(SERVICE, client.delete_policy().policy_arn(arn()?).send().await),
            _ => Err(unknown_operation(step)),
        }
    }
}

fn answer(policy: ManagedPolicyDetail) -> Answer {
    let default = policy.default_version_id.unwrap_or_default();
    let versions = policy.policy_version_list.unwrap_or_default();
    let arn = policy.arn.unwrap_or_default();
    let document = versions.iter().find(|version| version.version_id() == Some(&default));
    Answer {
        document: document.and_then(|version| version.document()).unwrap_or_default().to_owned(),
        versions: versions.into_iter().filter_map(|version| version.version_id).collect(),
        // Without a name several policies would be one; the ARN ends with it.
        name: policy.policy_name.unwrap_or_else(|| last_part(&arn).to_owned()),
        arn,
        id: policy.policy_id.unwrap_or_default(),
        path: policy.path.unwrap_or_default(),
        description: None,
        default_version: default,
        attachments: policy.attachment_count.unwrap_or_default(),
        boundaries: policy.permissions_boundary_usage_count.unwrap_or_default(),
        attachable: policy.is_attachable,
        created: iso(policy.create_date),
        updated: iso(policy.update_date),
        tags: Tags::new(),
        users: Vec::new(),
        groups: Vec::new(),
    }
}

fn iso(at: Option<DateTime>) -> Option<String> {
    at?.fmt(Format::DateTime).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_whose_name_is_left_out_is_called_by_the_end_of_its_arn() {
        let arn = "arn:aws:iam::111122223333:policy/app/shared";
        let told = answer(ManagedPolicyDetail::builder().arn(arn).build());
        assert_eq!((told.name.as_str(), told.arn.as_str()), ("shared", arn));
    }
}
