//! How to reach permissions on layers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Choice, Observed, Reach, Reading, Seen, Step};
use futures::StreamExt as _;

use super::spec::observed;
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::function_part::lambda_pace;
use crate::layer;
use crate::reading::{CONCURRENCY, read};

const SERVICE: &str = "Lambda";

/// Permissions on the layers of one account and region.
#[derive(Clone, Debug)]
pub struct LayerPermissions {
    client: Client,
}

impl LayerPermissions {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        LayerPermissions { client }
    }

    async fn statements(&self, version: &str, parent: Option<&Observed>) -> Result<Vec<Observed>, String> {
        let Some((name, number)) = layer::split(version) else { return Ok(Vec::new()) };
        // `next` is not published yet: nobody can have been given anything on it.
        let Ok(number) = number.parse::<i64>() else { return Ok(Vec::new()) };
        let call = || self.client.get_layer_version_policy().layer_name(name).version_number(number).send();
        match read(SERVICE, call).await? {
            Some(answer) => observed(version, answer.policy().unwrap_or("{}"), parent),
            None => Ok(Vec::new()),
        }
    }
}

/// The versions whose policies are read: those asked for, and all of ours. An old one that is kept may still be shared
/// with somebody where the process that was to take it back ended before.
fn versions(ask: &Ask<'_>) -> BTreeSet<String> {
    let version = |key: &String| key.split_once('|').map(|(version, _)| version.to_owned());
    if let Reading::Only(keys) = ask.reading {
        return keys.iter().filter_map(version).collect();
    }
    let ours = ask.world.table(layer::TYPE).items().filter(|item| item.marks.is_some());
    ask.wanted.iter().filter_map(version).chain(ours.map(|item| item.key.clone())).collect()
}

#[async_trait]
impl Reach for LayerPermissions {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let layers = ask.world.table(layer::TYPE);
        let mut seen = Seen::default();
        let asked = match ask.reading {
            Reading::Only(keys) => keys,
            Reading::Sweep => ask.wanted,
        };
        if matches!(ask.reading, Reading::Sweep) && !layers.is_complete() {
            seen.failure =
                Some(format!("the layers could not be listed: {}", layers.failure().unwrap_or("not looked at yet")));
        }
        let versions = versions(&ask);
        let mut choice = match ask.reading {
            Reading::Only(_) => Choice::only(versions),
            Reading::Sweep => {
                // Whose a statement is comes from its layer.
                let marked = versions.into_iter().map(|version| {
                    let marks = layers.get(&version).and_then(|layer| layer.marks.as_ref());
                    let marker = marker(format!("{marks:?}"));
                    (version, marker)
                });
                ask.choose_groups(super::TYPE, marked, lambda_pace(ask.world), Some('|'))
            }
        };
        let mut answers = futures::stream::iter(choice.read.clone())
            .map(|version| async move {
                let parent = layers.get(&version).map(AsRef::as_ref);
                let statements = self.statements(&version, parent).await;
                (version, statements)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((version, statements)) = answers.next().await {
            let of_version = asked.iter().filter(|key| key.split_once('|').is_some_and(|(of, _)| of == version));
            match statements {
                Ok(items) => {
                    seen.absent.extend(of_version.filter(|key| !items.iter().any(|item| item.key == **key)).cloned());
                    seen.items.extend(items);
                }
                Err(reason) => {
                    choice.unread(&version);
                    seen.failed.extend(of_version.map(|key| (key.clone(), reason.clone())));
                }
            }
        }
        drop(answers);
        choice.noted(seen)
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let (name, version, sid) = (input.text("LayerName"), input.long("VersionNumber"), input.text("StatementId"));
        match step.operation {
            "AddLayerVersionPermission" => {
                let call = self
                    .client
                    .add_layer_version_permission()
                    .set_layer_name(name)
                    .set_version_number(version)
                    .set_statement_id(sid)
                    .set_action(input.text("Action"))
                    .set_principal(input.text("Principal"))
                    .set_organization_id(input.text("OrganizationId"));
                done(SERVICE, call.send().await)
            }
            "RemoveLayerVersionPermission" => {
                let call = self.client.remove_layer_version_permission().set_layer_name(name);
                gone(SERVICE, call.set_version_number(version).set_statement_id(sid).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}
