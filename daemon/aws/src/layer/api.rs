//! How to reach layers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LayerVersionContentInput, LayerVersionsListItem};
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Choice, Observed, Reach, Seen, Step};
use futures::StreamExt as _;
use serde_json::json;

use super::spec::observed;
use super::{TYPE, mark, split};
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::function::api::patient;
use crate::function::wire;
use crate::function_part::lambda_pace;
use crate::reading::{CONCURRENCY, failed, only, pages};

const SERVICE: &str = "Lambda";

/// Layers of one account and region.
#[derive(Clone, Debug)]
pub struct Layers {
    client: Client,
}

impl Layers {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Layers { client }
    }

    /// Layers that matter: asked for, or with our mark on their newest version. A listing costs one call for fifty.
    async fn names(&self, wanted: &BTreeSet<String>) -> Result<Vec<(String, u64)>, String> {
        let all = pages(
            SERVICE,
            |token| self.client.list_layers().max_items(50).set_marker(token).send(),
            |page| (page.layers.unwrap_or_default(), page.next_marker),
        )
        .await?;
        let matters = |name: &str, newest: Option<&LayerVersionsListItem>| {
            let description = newest.and_then(|version| version.description.as_deref()).unwrap_or_default();
            wanted.iter().any(|key| split(key).is_some_and(|(layer, _)| layer == name))
                || mark::parse(description).marks.is_some()
        };
        let named = all.into_iter().filter_map(|layer| Some((layer.layer_name?, layer.latest_matching_version)));
        let ours = named.filter(|(name, newest)| matters(name, newest.as_ref()));
        // The newest version is the one that others than evenkeel would have published.
        Ok(ours.map(|(name, newest)| (name, marker(format!("{newest:?}")))).collect())
    }

    async fn versions(&self, name: &str) -> Result<Vec<Observed>, String> {
        let items = pages(
            SERVICE,
            |marker| self.client.list_layer_versions().layer_name(name).max_items(50).set_marker(marker).send(),
            |page| (page.layer_versions.unwrap_or_default(), page.next_marker),
        )
        .await?;
        Ok(items.iter().filter_map(|item| observed(name, Input(&json(item)))).collect())
    }
}

#[async_trait]
impl Reach for Layers {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let mut choice = Choice::default();
        let (names, keys): (BTreeSet<String>, _) = match only(ask.reading) {
            Some(keys) => (keys.iter().filter_map(|key| Some(split(key)?.0.to_owned())).collect(), keys.clone()),
            None => match self.names(ask.wanted).await {
                Ok(names) => {
                    choice = ask.choose_groups(TYPE, names, lambda_pace(ask.world), Some(':'));
                    (choice.read.iter().cloned().collect(), BTreeSet::new())
                }
                Err(reason) => return failed(reason),
            },
        };
        let mut seen = Seen::default();
        let mut answers = futures::stream::iter(names)
            .map(|name: String| async move {
                let versions = self.versions(&name).await;
                (name, versions)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((name, versions)) = answers.next().await {
            match versions {
                Ok(versions) => seen.items.extend(versions),
                // What is there of this layer is not known, so neither is what is missing.
                Err(reason) if keys.is_empty() => seen.failure = Some(reason),
                Err(reason) => {
                    let of_layer = keys.iter().filter(|key| split(key).is_some_and(|(layer, _)| layer == name));
                    seen.failed.extend(of_layer.map(|key| (key.clone(), reason.clone())));
                }
            }
        }
        let there: BTreeSet<&String> = seen.items.iter().map(|item| &item.key).collect();
        let unclear = |key: &String| seen.failed.iter().any(|(failed, _)| failed == key);
        seen.absent = keys.iter().filter(|key| !there.contains(key) && !unclear(key)).cloned().collect();
        drop(answers);
        choice.noted(seen)
    }

    async fn apply(&self, step: &Step, artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        match step.operation {
            "PublishLayerVersion" => {
                let content = input.map("Content").unwrap_or(input);
                let package = LayerVersionContentInput::builder()
                    .set_zip_file(wire::package(content, artifacts)?)
                    .set_s3_bucket(content.text("S3Bucket"))
                    .set_s3_key(content.text("S3Key"))
                    .set_s3_object_version(content.text("S3ObjectVersion"))
                    .set_s3_object_storage_mode(content.text("S3ObjectStorageMode").map(|word| word.as_str().into()))
                    .build();
                let runtimes = input.texts("CompatibleRuntimes");
                let call = self
                    .client
                    .publish_layer_version()
                    .set_layer_name(input.text("LayerName"))
                    .set_description(input.text("Description"))
                    .content(package)
                    .set_compatible_runtimes(runtimes.map(|all| all.iter().map(|word| word.as_str().into()).collect()))
                    .set_compatible_architectures(wire::architectures(input, "CompatibleArchitectures"))
                    .set_license_info(input.text("LicenseInfo"));
                done(SERVICE, call.customize().config_override(patient()).send().await)
            }
            "DeleteLayerVersion" => {
                let call = self.client.delete_layer_version().set_layer_name(input.text("LayerName"));
                gone(SERVICE, call.set_version_number(input.long("VersionNumber")).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}

fn json(item: &LayerVersionsListItem) -> serde_json::Value {
    json!({
        "LayerVersionArn": item.layer_version_arn(),
        "Version": item.version(),
        "Description": item.description(),
        "CompatibleRuntimes": item.compatible_runtimes().iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        "CompatibleArchitectures": item.compatible_architectures().iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        "LicenseInfo": item.license_info(),
    })
}
