//! All that stands in an account, as text that two accounts with the same content have in common.

use std::collections::BTreeSet;
use std::fmt::Debug;

use evenkeel_aws::Account;

/// Everything of the kinds that evenkeel makes, in AWS's own answers and past evenkeel's reading of them: a line each,
/// sorted. Account, times and made-up ids are left out.
///
/// # Panics
/// Where the account does not answer.
pub async fn dump(account: &Account) -> BTreeSet<String> {
    finished(account, collected(account).await)
}

/// The same, with the versions of each layer counted from one: where an answer was lost and the reads after it were old, a
/// version is published again, and the one before it goes.
///
/// # Panics
/// Where the account does not answer.
pub async fn dump_recounted(account: &Account) -> BTreeSet<String> {
    let mut lines = collected(account).await;
    for layer in account.lambda.list_layers().send().await.unwrap().layers() {
        let name = layer.layer_name().unwrap();
        let listed = account.lambda.list_layer_versions().layer_name(name).send().await.unwrap();
        let mut versions: Vec<i64> = listed.layer_versions().iter().map(|version| version.version()).collect();
        versions.sort_unstable();
        for (count, version) in (1..).zip(versions) {
            let arn = |number: i64| format!(":layer:{name}:{number}\"");
            for line in &mut lines {
                *line = line.replace(&arn(version), &arn(count));
                if line.starts_with(&format!("(\"{name}\", LayerVersionsListItem")) && line.contains(&arn(count)) {
                    *line = line.replace(&format!(" version: {version},"), &format!(" version: {count},"));
                }
            }
        }
    }
    finished(account, lines)
}

fn finished(account: &Account, lines: Vec<String>) -> BTreeSet<String> {
    lines.into_iter().map(|line| plain(&line.replace(account.id(), "ACCOUNT"))).collect()
}

async fn collected(account: &Account) -> Vec<String> {
    let mut lines = Vec::new();
    functions(account, &mut lines).await;
    messaging(account, &mut lines).await;
    let roles = account.iam.list_roles().max_items(1000).send().await.unwrap();
    for role in roles.roles() {
        let name = role.role_name();
        lines.push(line(&role));
        lines.push(line(&account.iam.list_role_tags().role_name(name).send().await.unwrap().tags()));
        lines.push(line(
            &account.iam.list_attached_role_policies().role_name(name).send().await.unwrap().attached_policies(),
        ));
        for policy in account.iam.list_role_policies().role_name(name).send().await.unwrap().policy_names() {
            let policy = account.iam.get_role_policy().role_name(name).policy_name(policy).send().await.unwrap();
            lines.push(line(&(policy.role_name(), policy.policy_name(), policy.policy_document())));
        }
    }
    let parameters = account.ssm.describe_parameters().max_results(50).send().await.unwrap();
    for parameter in parameters.parameters() {
        lines.push(line(&parameter));
        let read = account.ssm.get_parameter().name(parameter.name().unwrap()).with_decryption(true).send().await;
        lines.push(line(&read.unwrap().parameter()));
    }
    let groups = account.logs.describe_log_groups().send().await.unwrap();
    for group in groups.log_groups() {
        lines.push(line(&group));
        let arn = group.arn().unwrap().trim_end_matches(":*");
        lines.push(line(&account.logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap().tags()));
    }
    lines
}

async fn functions(account: &Account, lines: &mut Vec<String>) {
    let lambda = &account.lambda;
    let functions = lambda.list_functions().send().await.unwrap();
    for function in functions.functions() {
        let name = function.function_name().unwrap();
        lines.push(line(&function));
        let whole = lambda.get_function().function_name(name).send().await.unwrap();
        lines.push(line(&(name, whole.tags(), whole.concurrency())));
        for version in lambda.list_versions_by_function().function_name(name).send().await.unwrap().versions() {
            lines.push(line(&version));
        }
        for alias in lambda.list_aliases().function_name(name).send().await.unwrap().aliases() {
            lines.push(line(&alias));
        }
        for url in lambda.list_function_url_configs().function_name(name).send().await.unwrap().function_url_configs() {
            lines.push(line(&url));
        }
        for config in lambda
            .list_function_event_invoke_configs()
            .function_name(name)
            .send()
            .await
            .unwrap()
            .function_event_invoke_configs()
        {
            lines.push(line(&config));
        }
        if let Ok(policy) = lambda.get_policy().function_name(name).send().await {
            lines.push(line(&(name, policy.policy())));
        }
    }
    for layer in lambda.list_layers().send().await.unwrap().layers() {
        let name = layer.layer_name().unwrap();
        for version in lambda.list_layer_versions().layer_name(name).send().await.unwrap().layer_versions() {
            lines.push(line(&(name, version)));
        }
    }
    for (number, mapping) in
        lambda.list_event_source_mappings().send().await.unwrap().event_source_mappings().iter().enumerate()
    {
        lines.push(line(&mapping));
        // As many lines as there are mappings, also where two are alike.
        lines.push(format!("mapping {number}"));
    }
}

async fn messaging(account: &Account, lines: &mut Vec<String>) {
    for url in account.sqs.list_queues().max_results(1000).send().await.unwrap().queue_urls() {
        let all = account.sqs.get_queue_attributes().queue_url(url).attribute_names("All".into()).send().await.unwrap();
        let mut attributes: Vec<_> =
            all.attributes().into_iter().flatten().map(|(k, v)| (k.as_str().to_owned(), v)).collect();
        attributes.sort();
        lines.push(line(&attributes));
        let tags = account.sqs.list_queue_tags().queue_url(url).send().await.unwrap();
        lines.push(line(&(url, sorted(tags.tags()))));
    }
    for topic in account.sns.list_topics().send().await.unwrap().topics() {
        let arn = topic.topic_arn().unwrap();
        let attributes = account.sns.get_topic_attributes().topic_arn(arn).send().await.unwrap();
        lines.push(line(&sorted(attributes.attributes())));
        lines.push(line(&account.sns.list_tags_for_resource().resource_arn(arn).send().await.unwrap().tags()));
    }
    for (number, subscription) in
        account.sns.list_subscriptions().send().await.unwrap().subscriptions().iter().enumerate()
    {
        let arn = subscription.subscription_arn().unwrap();
        let attributes = account.sns.get_subscription_attributes().subscription_arn(arn).send().await.unwrap();
        lines.push(line(&sorted(attributes.attributes())));
        lines.push(format!("subscription {number}"));
    }
}

fn sorted<V: Debug + Ord>(map: Option<&std::collections::HashMap<String, V>>) -> Vec<(&String, &V)> {
    let mut pairs: Vec<_> = map.into_iter().flatten().collect();
    pairs.sort();
    pairs
}

fn line(what: &impl Debug) -> String {
    format!("{what:?}")
}

/// A text in which everything that differs from one account to the next is the same: runs of letters and digits that
/// look made up, times, and the order of what stands in braces (maps have none).
fn plain(text: &str) -> String {
    let mut out = Vec::new();
    for word in timeless(text).split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        let uuid = word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        let word = without_hash(word);
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let time = digits >= 9;
        let made_up = ["AROA", "ANPA"].iter().any(|start| word.starts_with(start)) || (word.len() >= 32 && digits > 4);
        if uuid || time || made_up {
            out.push("*".to_owned());
        } else if !word.is_empty() {
            out.push(word.to_owned());
        }
    }
    // Tags come in no order.
    out.sort();
    out.join(" ")
}

/// A text without its times (`2026-11-23T02:04:10.463+0000`, `2026-11-23T02:04:10Z`).
fn timeless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('T') {
        let before = rest.get(..at).unwrap_or_default();
        let day = before.get(before.len().saturating_sub(10)..).unwrap_or_default();
        let is_day = day.len() == 10
            && day.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        let after = rest.get(at + 1..).unwrap_or_default();
        if is_day {
            out.push_str(before.get(..before.len() - 10).unwrap_or_default());
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || ":.+-Z".contains(c));
        } else {
            out.push_str(rest.get(..=at).unwrap_or_default());
            rest = after;
        }
    }
    out + rest
}

/// A word without the hash at its end (`s616efba8`, `evenkeel-notify-569bee9c`): what is hashed holds the account.
fn without_hash(word: &str) -> &str {
    match word.char_indices().rev().nth(7) {
        Some((at, _)) if word.bytes().skip(at).all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) => {
            word.get(..at).unwrap_or_default().trim_end_matches(['-', 's'])
        }
        _ => word,
    }
}
