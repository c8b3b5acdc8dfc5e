//! How to reach log groups.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::types::PolicyScope;
use evenkeel_core::plan::{
    Applied, Artifacts, Ask, Found, Marks, Observation, Observed, Pace, Reach, Reading, Scope, Seen, Step, Tags, Told,
};
use serde_json::Value as Json;

use super::spec::{self, Details, LAMBDA_PREFIX, TYPE};
use crate::client::Account;
use crate::error::{done, gone, unknown_operation};
use crate::function_part::FUNCTION;
use crate::place::place;
use crate::reading::{Unread, deep, failed, line_marker, pages, read, setting, setting_pages, sweep};
use crate::values::{filled, list_of, tags_in};
use crate::wire::{heard, sent};

const SERVICE: &str = "CloudWatch Logs";
/// A listing tells retention, class and key; three calls a group for the rest, of three a second each.
const PACE: Pace = Pace::Slow { at_most: 100 };
/// What moves by itself.
const GROWING: &[&str] = &["storedBytes"];

/// The most that a page of the listing holds.
const PAGE: usize = 50;

/// Lines of a listing by name, or why there are none.
type Lines = Result<BTreeMap<String, Json>, String>;

/// What is read of one group beyond the list; `None` in place of details where nobody marked it.
type Deep = (Tags, Option<Details>);

/// Log groups of one account in one region.
#[derive(Debug)]
pub(crate) struct LogGroups {
    logs: aws_sdk_cloudwatchlogs::Client,
    place: Scope,
}

impl LogGroups {
    pub(crate) fn new(account: &Account) -> Self {
        LogGroups { logs: account.logs.clone(), place: place(account) }
    }

    async fn list(&self, prefix: Option<&str>) -> Result<Vec<Json>, String> {
        let logs = &self.logs;
        let prefix = prefix.map(str::to_owned);
        let prefix = &prefix;
        pages(
            SERVICE,
            |token| async move {
                let call = logs.describe_log_groups().set_log_group_name_prefix(prefix.clone());
                heard!(call.limit(50).set_next_token(token))
            },
            |page| list_of(page, "logGroups", "nextToken"),
        )
        .await
    }

    async fn tags(&self, name: &str) -> Result<Tags, String> {
        let arn = spec::arn(&self.place, name);
        let (logs, arn) = (&self.logs, arn.as_str());
        let answer = read(SERVICE, || async move { heard!(logs.list_tags_for_resource().resource_arn(arn)) }).await?;
        Ok(answer.map(|answer| tags_in(&answer, "tags")).unwrap_or_default())
    }

    async fn details(&self, entry: &Json, name: &str) -> Result<Details, String> {
        let (logs, arn) = (&self.logs, spec::arn(&self.place, name));
        let arn = arn.as_str();
        let mut details = Details::default();
        let mut unread = Unread::default();
        if spec::has_details(entry) {
            let call = || async move { heard!(logs.get_data_protection_policy().log_group_identifier(name)) };
            let answer = setting(SERVICE, call).await;
            let answer = unread.take(&["DataProtectionPolicy"], "logs:GetDataProtectionPolicy", answer)?;
            details.data_protection = answer.and_then(|answer| filled(answer.as_object()?, "policyDocument"));
        }
        // Field indexes are for the standard class alone.
        if entry.get("logGroupClass").is_none_or(|class| class == "STANDARD") {
            let call = |token| async move {
                heard!(logs.describe_index_policies().log_group_identifiers(name).set_next_token(token))
            };
            let indexes = setting_pages(SERVICE, call, |page| list_of(page, "indexPolicies", "nextToken")).await;
            let indexes = unread.take(&["FieldIndexPolicies"], "logs:DescribeIndexPolicies", indexes)?;
            let own = |policy: &&Json| policy.get("source").is_none_or(|source| source == "LOG_GROUP");
            let own = indexes.iter().filter(own);
            details.index_policies = own.filter_map(|policy| filled(policy.as_object()?, "policyDocument")).collect();
        }
        let call = || async move {
            heard!(logs.describe_resource_policies().resource_arn(arn).policy_scope(PolicyScope::Resource))
        };
        let answer = setting(SERVICE, call).await;
        let answer = unread.take(&["ResourcePolicyDocument"], "logs:DescribeResourcePolicies", answer)?;
        let policies = answer.map(|answer| list_of(answer, "resourcePolicies", "").0);
        details.resource_policy = policies
            .iter()
            .flatten()
            // What is not said to hang on this group is the account's.
            .filter_map(Json::as_object)
            .find(|policy| filled(policy, "resourceArn").is_some_and(|of| of.trim_end_matches(":*") == arn))
            .and_then(|policy| Some((filled(policy, "policyDocument")?, filled(policy, "revisionId"))));
        details.unread = unread;
        Ok(details)
    }

    /// Tags, and details where the group is ours or wanted.
    async fn deep(&self, entry: &Json, name: &str, wanted: bool) -> Result<Deep, String> {
        let tags = self.tags(name).await?;
        if !wanted && Marks::from_tags(&tags).is_none() {
            return Ok((Tags::new(), None));
        }
        let details = self.details(entry, name).await?;
        Ok((tags, Some(details)))
    }

    /// One listed group with all that the list leaves out.
    async fn whole(&self, entry: &Json, name: &str, wanted: bool) -> Result<Option<Observed>, String> {
        let (tags, details) = self.deep(entry, name, wanted).await?;
        let details = details.unwrap_or_default();
        let item = spec::observed(entry, &details).map(|item| item.with_tags(tags));
        Ok(item.map(|mut item| {
            details.unread.of(&mut item);
            item
        }))
    }

    async fn sweep(&self, ask: Ask<'_>) -> Seen {
        let entries = match self.list(None).await {
            Ok(entries) => entries,
            Err(reason) => return failed(reason),
        };
        let entries: BTreeMap<String, Json> =
            entries.into_iter().filter_map(|entry| Some((name_of(&entry)?.to_owned(), entry))).collect();
        let entries = &entries;
        let marked = entries.iter().map(|(name, entry)| {
            let close = ask.wanted.contains(name) || !is_anothers(ask, name);
            (name.clone(), line_marker(entry, GROWING, ask.wanted.contains(name)) ^ u64::from(close))
        });
        sweep(ask, TYPE, marked, PACE, |name| async move {
            let Some(entry) = entries.get(&name) else { return Ok(None) };
            let wanted = ask.wanted.contains(&name);
            if !wanted && is_anothers(ask, &name) {
                return Ok(spec::observed(entry, &Details::default()).map(|item| item.with_tags(Tags::new())));
            }
            self.whole(entry, &name, wanted).await
        })
        .await
    }

    /// The line of one group, or of several that one listing shows.
    async fn line(&self, name: &str, listed: Option<&Lines>) -> Result<Option<Json>, String> {
        match listed {
            Some(lines) => lines.as_ref().map(|lines| lines.get(name).cloned()).map_err(Clone::clone),
            None => {
                let entries = self.list(Some(name)).await?;
                Ok(entries.into_iter().find(|entry| name_of(entry) == Some(name)))
            }
        }
    }

    /// The lines of many groups by what their names begin with, where that takes fewer calls than one for each.
    async fn lines(&self, keys: &BTreeSet<String>, world: &Observation) -> Option<Lines> {
        let prefix = common(keys)?;
        let known = world.table(TYPE).items().filter(|item| item.key.starts_with(prefix)).count();
        let pages = known.max(keys.len()).div_ceil(PAGE);
        if pages >= keys.len() {
            return None;
        }
        let entries = self.list(Some(prefix)).await;
        Some(entries.map(|entries| {
            entries.into_iter().filter_map(|entry| Some((name_of(&entry)?.to_owned(), entry))).collect()
        }))
    }

    async fn only(&self, name: &str, listed: Option<&Lines>, world: &Observation) -> Result<Option<Observed>, String> {
        let Some(entry) = self.line(name, listed).await? else { return Ok(None) };
        // Of one that was just made the line tells the rest: it has the tags that it was made with and no details.
        let made = world.table(TYPE).get(name).filter(|item| spec::is_new(item) && !spec::has_details(&entry));
        match made.and_then(|item| item.tags.clone()) {
            Some(tags) => Ok(spec::observed(&entry, &Details::default()).map(|item| item.with_tags(tags))),
            None => self.whole(&entry, name, true).await,
        }
    }
}

fn name_of(entry: &Json) -> Option<&str> {
    entry.get("logGroupName")?.as_str()
}

/// What all of several names begin with.
fn common(names: &BTreeSet<String>) -> Option<&str> {
    let (first, last) = (names.first()?, names.last()?);
    let same = first.char_indices().zip(last.chars()).find(|((_, a), b)| a != b);
    let prefix = same.map_or(first.as_str(), |((at, _), _)| first.get(..at).unwrap_or_default());
    (names.len() > 1 && !prefix.is_empty()).then_some(prefix)
}

/// Whether a group is the one that Lambda made for a function that is there and not ours: most groups of an account
/// are, and their tags are not worth a call each.
fn is_anothers(ask: Ask<'_>, name: &str) -> bool {
    name.strip_prefix(LAMBDA_PREFIX).is_some_and(
        |function| matches!(ask.world.table(FUNCTION).look(function), Found::Present(item) if item.marks.is_none()),
    )
}

#[async_trait]
impl Reach for LogGroups {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        match ask.reading {
            Reading::Sweep => self.sweep(ask).await,
            Reading::Only(keys) => {
                let listed = self.lines(keys, ask.world).await;
                let listed = listed.as_ref();
                deep(keys.iter().cloned(), |name| async move { self.only(&name, listed, ask.world).await }).await
            }
        }
    }

    /// What was just made is known but for its line, until something is written that the line does not show.
    fn told(&self, step: &Step, _answer: &Json, world: &Observation) -> Option<Told> {
        let before = world.table(TYPE).get(&step.refresh.1);
        let item = spec::after(step, before.map(AsRef::as_ref))?;
        Some(Told::Part(Seen { items: vec![item], ..Seen::default() }))
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let (logs, input) = (&self.logs, &step.input);
        let ended = match step.operation {
            "CreateLogGroup" => done(SERVICE, sent!(logs.create_log_group(), input)),
            "AssociateKmsKey" => done(SERVICE, sent!(logs.associate_kms_key(), input)),
            "DisassociateKmsKey" => done(SERVICE, sent!(logs.disassociate_kms_key(), input)),
            "PutRetentionPolicy" => done(SERVICE, sent!(logs.put_retention_policy(), input)),
            "DeleteRetentionPolicy" => done(SERVICE, sent!(logs.delete_retention_policy(), input)),
            "PutDataProtectionPolicy" => done(SERVICE, sent!(logs.put_data_protection_policy(), input)),
            "DeleteDataProtectionPolicy" => gone(SERVICE, sent!(logs.delete_data_protection_policy(), input)),
            "PutIndexPolicy" => done(SERVICE, sent!(logs.put_index_policy(), input)),
            "DeleteIndexPolicy" => gone(SERVICE, sent!(logs.delete_index_policy(), input)),
            "PutLogGroupDeletionProtection" => done(SERVICE, sent!(logs.put_log_group_deletion_protection(), input)),
            "PutBearerTokenAuthentication" => done(SERVICE, sent!(logs.put_bearer_token_authentication(), input)),
            "PutResourcePolicy" => done(SERVICE, sent!(logs.put_resource_policy(), input)),
            "DeleteResourcePolicy" => gone(SERVICE, sent!(logs.delete_resource_policy(), input)),
            "TagResource" => done(SERVICE, sent!(logs.tag_resource(), input)),
            "UntagResource" => done(SERVICE, sent!(logs.untag_resource(), input)),
            "DeleteLogGroup" => gone(SERVICE, sent!(logs.delete_log_group(), input)),
            _ => Err(unknown_operation(step)),
        };
        // The answers are empty: that they came is what they tell.
        ended.map(|_| Some(Json::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_groups_are_listed_by_what_all_their_names_begin_with() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(common(&names(&["/aws/lambda/f10", "/aws/lambda/f2", "/aws/lambda/f1"])), Some("/aws/lambda/f"));
        assert_eq!(common(&names(&["a", "ab"])), Some("a"));
        assert_eq!(common(&names(&["é1", "è1"])), None, "and at whole characters");
        assert_eq!(common(&names(&["alone"])), None);
    }
}
