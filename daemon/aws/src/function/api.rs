//! How to reach functions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::types::FunctionCode;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Marks, Observed, Pace, Reach, Seen, Step};
use serde_json::{Map, Value as Json, json};

use super::lag::Lag;
use super::spec::{PUBLISHED, RECURSION, RUNTIME, SIGNING};
use super::{canonical, wire};
use crate::client::UPLOAD;
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::reading::{Unread, deep, failed, line_marker, only, pages, read, setting, sweep};
use crate::values::list_of;
use crate::version::api::{put_runtime_management, put_scaling, runtime_management, scaling};
use crate::version::spec::LATEST_PUBLISHED;
use crate::wire::heard;

const SERVICE: &str = "Lambda";
/// `GetFunction` has a quota of its own, far above that of all other calls.
const PACE: Pace = Pace::Slow { at_most: usize::MAX };

/// Functions of one account and region.
#[derive(Debug)]
pub struct Functions {
    client: Client,
    lag: Lag,
}

impl Functions {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Functions { client, lag: Lag::default() }
    }

    /// All functions, each with a marker: a listing shows the whole configuration, but neither tags nor concurrency.
    async fn listed(&self, wanted: &BTreeSet<String>) -> Result<Vec<(String, u64)>, String> {
        let client = &self.client;
        pages(
            SERVICE,
            |marker| async move { heard!(client.list_functions().max_items(50).set_marker(marker)) },
            |page| {
                let (lines, next) = list_of(page, "Functions", "NextMarker");
                let marked = lines.iter().filter_map(|line| {
                    let name = line.get("FunctionName")?.as_str()?.to_owned();
                    let marker = line_marker(line, &[], wanted.contains(&name));
                    Some((name, marker))
                });
                (marked.collect(), next)
            },
        )
        .await
    }

    /// One function in full. `GetFunction` has a quota of its own, far above that of all other calls.
    async fn get(&self, name: &str, wanted: bool) -> Result<Option<Observed>, String> {
        let answer = read(SERVICE, || self.client.get_function().function_name(name).send()).await?;
        let Some(answer) = answer else { return Ok(None) };
        let tags = answer.tags().map(crate::document::tags_from).unwrap_or_default();
        let marks = Marks::from_tags(&tags);
        let mut unread = Unread::default();
        let extras = match &marks {
            Some(marks) => self.extras(name, marks, &mut unread).await?,
            None => Map::new(),
        };
        let told = wire::function(&answer, Json::Object(extras));
        // What is nobody's and not asked for matters only for what it uses.
        if marks.is_none() && !wanted {
            return Ok(Some(canonical::user(&told, name)));
        }
        let mut item = canonical::observed(&told)?;
        unread.of(&mut item);
        Ok(Some(item))
    }

    /// What takes a call of its own is read where the mark says that it was ever set.
    async fn extras(&self, name: &str, marks: &Marks, unread: &mut Unread) -> Result<Map<String, Json>, String> {
        let mut extras = Map::new();
        if marks.parts.contains(SIGNING) {
            let call = || self.client.get_function_code_signing_config().function_name(name).send();
            let answer = setting(SERVICE, call).await;
            let answer = unread.take(&["CodeSigningConfigArn"], "lambda:GetFunctionCodeSigningConfig", answer)?;
            let arn = answer.map(|answer| answer.code_signing_config_arn);
            extras.insert("CodeSigningConfigArn".to_owned(), json!(arn));
        }
        if marks.parts.contains(RECURSION) {
            let call = || self.client.get_function_recursion_config().function_name(name).send();
            let answer = setting(SERVICE, call).await;
            let answer = unread.take(&["RecursiveLoop"], "lambda:GetFunctionRecursionConfig", answer)?;
            let word = answer.and_then(|answer| answer.recursive_loop);
            extras.insert("RecursiveLoop".to_owned(), json!(word.as_ref().map(|word| word.as_str())));
        }
        if marks.parts.contains(RUNTIME) {
            let config = runtime_management(&self.client, name, None, unread).await?;
            extras.insert("RuntimeManagementConfig".to_owned(), json!(config));
        }
        if marks.parts.contains(PUBLISHED) {
            let call = || self.client.get_function().function_name(name).qualifier(LATEST_PUBLISHED).send();
            if let Some(published) = read(SERVICE, call).await?.and_then(|answer| answer.configuration) {
                extras.insert("Published".to_owned(), wire::configuration(&published));
                extras.insert("Scaling".to_owned(), scaling(&self.client, name, LATEST_PUBLISHED, unread).await?);
            }
        }
        Ok(extras)
    }

    async fn create(&self, input: Input<'_>, artifacts: &dyn Artifacts) -> Applied {
        let code = input.map("Code").unwrap_or(Input(&Json::Null));
        let package = FunctionCode::builder()
            .set_zip_file(wire::package(code, artifacts)?)
            .set_s3_bucket(code.text("S3Bucket"))
            .set_s3_key(code.text("S3Key"))
            .set_s3_object_version(code.text("S3ObjectVersion"))
            .set_s3_object_storage_mode(code.text("S3ObjectStorageMode").map(|word| word.as_str().into()))
            .set_image_uri(code.text("ImageUri"))
            .set_source_kms_key_arn(code.text("SourceKMSKeyArn"))
            .build();
        let call = wire::configure!(self.client.create_function(), input)
            .set_function_name(input.text("FunctionName"))
            .code(package)
            .set_package_type(input.text("PackageType").map(|word| word.as_str().into()))
            .set_architectures(wire::architectures(input, "Architectures"))
            .set_code_signing_config_arn(input.text("CodeSigningConfigArn"))
            .set_tenancy_config(wire::tenancy(input)?)
            .set_tags(input.text_map("Tags"));
        done(SERVICE, call.customize().config_override(patient()).send().await)
    }

    async fn update_code(&self, input: Input<'_>, artifacts: &dyn Artifacts) -> Applied {
        let call = self
            .client
            .update_function_code()
            .set_function_name(input.text("FunctionName"))
            .set_zip_file(wire::package(input, artifacts)?)
            .set_s3_bucket(input.text("S3Bucket"))
            .set_s3_key(input.text("S3Key"))
            .set_s3_object_version(input.text("S3ObjectVersion"))
            .set_s3_object_storage_mode(input.text("S3ObjectStorageMode").map(|word| word.as_str().into()))
            .set_image_uri(input.text("ImageUri"))
            .set_source_kms_key_arn(input.text("SourceKMSKeyArn"))
            .set_architectures(wire::architectures(input, "Architectures"))
            .set_revision_id(input.text("RevisionId"));
        done(SERVICE, call.customize().config_override(patient()).send().await)
    }
}

#[async_trait]
impl Reach for Functions {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        if let Some(keys) = only(ask.reading) {
            return deep(keys.iter().cloned(), |name| async move { self.get(&name, true).await }).await;
        }
        match self.listed(ask.wanted).await {
            Ok(listed) => {
                sweep(ask, super::TYPE, listed, PACE, |name| async move {
                    let wanted = ask.wanted.contains(&name);
                    self.get(&name, wanted).await
                })
                .await
            }
            Err(reason) => failed(reason),
        }
    }

    async fn apply(&self, step: &Step, artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let client = &self.client;
        let name = input.text("FunctionName");
        match step.operation {
            "CreateFunction" => {
                let role = input.text("Role").unwrap_or_default();
                self.lag.admit(&role)?;
                let ended = self.create(input, artifacts).await;
                self.lag.learn(&role, &ended);
                ended
            }
            "UpdateFunctionCode" => self.update_code(input, artifacts).await,
            "UpdateFunctionConfiguration" => {
                let call = wire::configure!(client.update_function_configuration(), input)
                    .set_function_name(name)
                    .set_revision_id(input.text("RevisionId"));
                let Some(role) = input.text("Role") else { return done(SERVICE, call.send().await) };
                self.lag.admit(&role)?;
                let ended = done(SERVICE, call.send().await);
                self.lag.learn(&role, &ended);
                ended
            }
            "DeleteFunction" => gone(SERVICE, client.delete_function().set_function_name(name).send().await),
            "PutFunctionConcurrency" => {
                let count = input.int("ReservedConcurrentExecutions");
                let call = client.put_function_concurrency().set_function_name(name);
                done(SERVICE, call.set_reserved_concurrent_executions(count).send().await)
            }
            "DeleteFunctionConcurrency" => {
                gone(SERVICE, client.delete_function_concurrency().set_function_name(name).send().await)
            }
            "PutFunctionCodeSigningConfig" => {
                let arn = input.text("CodeSigningConfigArn");
                let call = client.put_function_code_signing_config().set_function_name(name);
                done(SERVICE, call.set_code_signing_config_arn(arn).send().await)
            }
            "DeleteFunctionCodeSigningConfig" => {
                gone(SERVICE, client.delete_function_code_signing_config().set_function_name(name).send().await)
            }
            "PutFunctionRecursionConfig" => {
                let word = input.text("RecursiveLoop").map(|word| word.as_str().into());
                let call = client.put_function_recursion_config().set_function_name(name);
                done(SERVICE, call.set_recursive_loop(word).send().await)
            }
            "PutRuntimeManagementConfig" => put_runtime_management(client, input).await,
            "PublishVersion" => {
                let to = input.text("PublishTo").map(|word| word.as_str().into());
                let call = client.publish_version().set_function_name(name).set_publish_to(to);
                done(SERVICE, call.set_revision_id(input.text("RevisionId")).send().await)
            }
            "PutFunctionScalingConfig" => put_scaling(client, input).await,
            "TagResource" => {
                let call = client.tag_resource().set_resource(input.text("Resource"));
                done(SERVICE, call.set_tags(input.text_map("Tags")).send().await)
            }
            "UntagResource" => {
                let call = client.untag_resource().set_resource(input.text("Resource"));
                done(SERVICE, call.set_tag_keys(input.texts("TagKeys")).send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}

/// Uploads may take longer than other calls.
pub(crate) fn patient() -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::config::Builder::new()
        .timeout_config(TimeoutConfig::builder().read_timeout(UPLOAD).operation_attempt_timeout(UPLOAD).build())
}
