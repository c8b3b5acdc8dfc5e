//! How to reach roles.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::primitives::{DateTime, DateTimeFormat as Format};
use aws_sdk_iam::types::{EntityType, RoleDetail, Tag};
use evenkeel_core::plan::{Applied, ApplyError, Artifacts, Ask, Observed, Reach, Scope, Seen, Step, Tags};

use super::spec::{self, Answer};
use crate::document::{Input, tags_from};
use crate::error::{done, gone, unknown_operation};
use crate::reading;
use crate::values::texts;

pub(crate) const SERVICE: &str = "IAM";
/// The most that a page holds.
pub(crate) const PAGE: i32 = 1000;

/// Reaches roles and everything that hangs on them.
#[derive(Clone, Debug)]
pub struct Roles {
    client: Client,
    place: Scope,
    /// One write at a time to each role: IAM refuses changes that overlap.
    busy: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Roles {
    /// By this client, in this account.
    pub fn new(client: Client, place: Scope) -> Self {
        Roles { client, place, busy: Arc::default() }
    }

    /// A role's ARN. Of one that was just made IAM may give its id instead.
    fn arn(&self, answer: &Answer) -> String {
        self.place.iam_arn(&format!("role{}{}", answer.path, answer.name))
    }

    /// All roles. `GetAccountAuthorizationDetails` tells everything but description and session, which `ListRoles`
    /// tells: two calls for a thousand roles.
    async fn all(&self, ask: Ask<'_>) -> Result<Vec<Observed>, String> {
        let call = |marker| {
            let call = self.client.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
            call.set_marker(marker).send()
        };
        let answers = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            (page.role_detail_list.unwrap_or_default().into_iter().map(answer).collect(), next)
        })
        .await?;
        let call = |marker| self.client.list_roles().max_items(PAGE).set_marker(marker).send();
        let said = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            let said =
                page.roles.into_iter().map(|role| (role.role_name, (role.description, role.max_session_duration)));
            (said.collect(), next)
        })
        .await?;
        let mut said: BTreeMap<String, (Option<String>, Option<i32>)> = said.into_iter().collect();
        let complete = |mut answer: Answer| {
            let (description, session) = said.remove(&answer.name).unwrap_or_default();
            answer.description = description;
            answer.session = session.map(i64::from);
            answer.arn = self.arn(&answer);
            let wanted = ask.wanted.contains(&answer.name);
            let mut role = spec::observed(answer);
            if role.marks.is_none() && !wanted {
                // Of the others only what could be in our way is kept.
                role.properties.retain(|name, _| name == spec::MANAGED);
            }
            role
        };
        Ok(answers.into_iter().map(complete).collect())
    }

    async fn role(&self, name: &str, ask: Ask<'_>) -> Result<Option<Observed>, String> {
        let call = || self.client.get_role().role_name(name).send();
        let Some(role) = reading::read(SERVICE, call).await?.and_then(|answer| answer.role) else { return Ok(None) };
        let mut out = Answer {
            name: role.role_name,
            id: role.role_id,
            made: moment(Some(&role.create_date)),
            path: role.path,
            trust: role.assume_role_policy_document.unwrap_or_default(),
            description: role.description,
            session: role.max_session_duration.map(i64::from),
            boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
            tags: tags_of(role.tags.unwrap_or_default()),
            ..Answer::default()
        };
        let call = |marker| self.client.list_role_policies().role_name(name).set_marker(marker).send();
        let names = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            (page.policy_names, next)
        })
        .await?;
        for policy in names {
            let call = || self.client.get_role_policy().role_name(name).policy_name(&policy).send();
            if let Some(answer) = reading::read(SERVICE, call).await? {
                out.inline.insert(policy, answer.policy_document);
            }
        }
        let call = |marker| self.client.list_attached_role_policies().role_name(name).set_marker(marker).send();
        out.managed = reading::pages(SERVICE, call, |page| {
            let next = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            (page.attached_policies.unwrap_or_default().into_iter().filter_map(|it| it.policy_arn).collect(), next)
        })
        .await?;
        // Only the sweep tells the profiles; they matter when the role goes, and hardly ever change.
        if let Some(known) = ask.world.table(spec::TYPE).get(name) {
            out.profiles = texts(known.attributes.get(spec::PROFILES)).into_iter().map(str::to_owned).collect();
        }
        out.arn = self.arn(&out);
        Ok(Some(spec::observed(out)))
    }

    fn lock(&self, role: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        // Only those that somebody holds are worth keeping.
        busy.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(busy.entry(role.to_owned()).or_default())
    }
}

#[async_trait]
impl Reach for Roles {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = reading::only(ask.reading) {
            return reading::deep(keys.iter().cloned(), |name| async move { self.role(&name, ask).await }).await;
        }
        match self.all(ask).await {
            Ok(items) => Seen { items, ..Seen::default() },
            Err(reason) => reading::failed(reason),
        }
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let role = input.required("RoleName")?;
        let lock = self.lock(&role);
        let _held = lock.lock().await;
        let client = &self.client;
        match step.operation {
            "CreateRole" => {
                let call = client.create_role().role_name(role);
                let call = call.assume_role_policy_document(input.required("AssumeRolePolicyDocument")?);
                let call = call.set_path(input.text("Path")).set_description(input.text("Description"));
                let call = call.set_max_session_duration(input.int("MaxSessionDuration"));
                let call = call.set_permissions_boundary(input.text("PermissionsBoundary"));
                done(SERVICE, call.set_tags(Some(tags(input)?)).send().await)
            }
            "UpdateAssumeRolePolicy" => {
                let document = input.required("PolicyDocument")?;
                let call = client.update_assume_role_policy().role_name(role).policy_document(document);
                done(SERVICE, call.send().await)
            }
            "UpdateRole" => {
                let call = client.update_role().role_name(role).set_description(input.text("Description"));
                done(SERVICE, call.set_max_session_duration(input.int("MaxSessionDuration")).send().await)
            }
            "PutRolePermissionsBoundary" => {
                let boundary = input.required("PermissionsBoundary")?;
                let call = client.put_role_permissions_boundary().role_name(role).permissions_boundary(boundary);
                done(SERVICE, call.send().await)
            }
            "DeleteRolePermissionsBoundary" => {
                gone(SERVICE, client.delete_role_permissions_boundary().role_name(role).send().await)
            }
            "PutRolePolicy" => {
                let call = client.put_role_policy().role_name(role).policy_name(input.required("PolicyName")?);
                done(SERVICE, call.policy_document(input.required("PolicyDocument")?).send().await)
            }
            "DeleteRolePolicy" => {
                let name = input.required("PolicyName")?;
                gone(SERVICE, client.delete_role_policy().role_name(role).policy_name(name).send().await)
            }
            "AttachRolePolicy" => {
                let arn = input.required("PolicyArn")?;
                done(SERVICE, client.attach_role_policy().role_name(role).policy_arn(arn).send().await)
            }
            "DetachRolePolicy" => {
                let arn = input.required("PolicyArn")?;
                gone(SERVICE, client.detach_role_policy().role_name(role).policy_arn(arn).send().await)
            }
            "TagRole" => done(SERVICE, client.tag_role().role_name(role).set_tags(Some(tags(input)?)).send().await),
            "UntagRole" => {
                let call = client.untag_role().role_name(role).set_tag_keys(input.texts("TagKeys"));
                done(SERVICE, call.send().await)
            }
            "DeleteRole" => gone(SERVICE, client.delete_role().role_name(role).send().await),
            _ => Err(unknown_operation(step)),
        }
    }
}

/// A role of the sweep, without what only other calls tell.
fn answer(role: RoleDetail) -> Answer {
    let inline = role.role_policy_list.unwrap_or_default().into_iter();
    let managed = role.attached_managed_policies.unwrap_or_default().into_iter();
    let profiles = role.instance_profile_list.unwrap_or_default().into_iter();
    Answer {
        name: role.role_name.unwrap_or_default(),
        id: role.role_id.unwrap_or_default(),
        made: moment(role.create_date.as_ref()),
        path: role.path.unwrap_or_default(),
        trust: role.assume_role_policy_document.unwrap_or_default(),
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        inline: inline.filter_map(|policy| Some((policy.policy_name?, policy.policy_document?))).collect(),
        managed: managed.filter_map(|policy| policy.policy_arn).collect(),
        profiles: profiles.map(|profile| profile.instance_profile_name).collect(),
        tags: tags_of(role.tags.unwrap_or_default()),
        ..Answer::default()
    }
}

fn moment(date: Option<&DateTime>) -> String {
    date.and_then(|date| date.fmt(Format::DateTime).ok()).unwrap_or_default()
}

/// IAM's tags.
pub(crate) fn tags_of(tags: Vec<Tag>) -> Tags {
    let pairs: Vec<(String, String)> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    tags_from(pairs.iter().map(|(key, value)| (key, value)))
}

/// Tags of a step's input, as IAM takes them.
pub(crate) fn tags(input: Input<'_>) -> Result<Vec<Tag>, ApplyError> {
    let pairs = input.text_map("Tags").unwrap_or_default();
    let tags = pairs.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(|error| ApplyError::Refused(error.to_string()))
}
