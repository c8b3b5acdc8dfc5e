//! How to reach versions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{FunctionConfiguration, FunctionScalingConfig};
use evenkeel_core::plan::{
    Applied, ApplyError, Artifacts, Ask, Observation, Observed, Reach, Reading, Seen, State, Step, Told,
};
use serde_json::{Value as Json, json};

use super::spec::{self, CONCURRENCY, NEXT, POLICY_WORD, PROVISIONED, observed};
use crate::document::Input;
use crate::error::{answered, done, gone, unknown_operation};
use crate::function::spec::SCALING;
use crate::function::wire;
use crate::function_part;
use crate::reading::{Unread, deep, pages, read, setting};
use crate::wire::heard;

const SERVICE: &str = "Lambda";

/// Versions of the functions of one account and region.
#[derive(Clone, Debug)]
pub struct Versions {
    client: Client,
}

impl Versions {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Versions { client }
    }

    async fn list(
        &self,
        function: &str,
        asked: &BTreeSet<String>,
        world: &Observation,
    ) -> Result<Vec<Observed>, String> {
        let configurations = pages(
            SERVICE,
            |marker| self.client.list_versions_by_function().function_name(function).set_marker(marker).send(),
            |page| (page.versions.unwrap_or_default(), page.next_marker),
        )
        .await?;
        // A sweep asks for the version that the spec wants before anybody can know which one that is.
        let whichever = asked.contains(&function_part::key(function, &[NEXT]));
        let mut items = Vec::with_capacity(configurations.len());
        for configuration in &configurations {
            let Some(mut item) = observed(Input(&wire::configuration(configuration)), world) else { continue };
            let in_full = whichever || asked.contains(&item.key);
            self.complete(&mut item, configuration, world, in_full).await?;
            items.push(item);
        }
        Ok(items)
    }

    /// Adds what takes calls of its own.
    async fn complete(
        &self,
        item: &mut Observed,
        configuration: &FunctionConfiguration,
        world: &Observation,
        in_full: bool,
    ) -> Result<(), String> {
        let function = function_part::function_of(&item.key).to_owned();
        // Of ours that may go, too: what is provisioned on one keeps it.
        if (in_full || item.marks.is_some()) && has_provisioned(world, &function) {
            add_provisioned(&self.client, item).await?;
        }
        if in_full {
            if has_word(world, &function, POLICY_WORD) {
                self.add_runtime_policy(item).await?;
            }
            if configuration.capacity_provider_config().is_some() {
                let qualifier = function_part::qualifier_of(&item.key);
                let mut unread = Unread::default();
                let config = scaling(&self.client, &function, qualifier, &mut unread).await?;
                unread.of(item);
                if !config.is_null() {
                    item.properties.insert("FunctionScalingConfig".to_owned(), config);
                }
            }
        }
        Ok(())
    }

    /// One version by its number: `GetFunction` has a quota of its own, far above that of the listing.
    async fn one(&self, key: &str, world: &Observation) -> Result<Option<Observed>, String> {
        let (function, number) = (function_part::function_of(key), function_part::qualifier_of(key));
        let call = || self.client.get_function().function_name(function).qualifier(number).send();
        let Some(configuration) = read(SERVICE, call).await?.and_then(|answer| answer.configuration) else {
            return Ok(None);
        };
        let Some(mut item) = observed(Input(&wire::configuration(&configuration)), world) else { return Ok(None) };
        self.complete(&mut item, &configuration, world, true).await?;
        Ok(Some(item))
    }

    async fn add_runtime_policy(&self, item: &mut Observed) -> Result<(), String> {
        let (function, qualifier) = (function_part::function_of(&item.key), function_part::qualifier_of(&item.key));
        let mut unread = Unread::default();
        let policy = runtime_management(&self.client, function, Some(qualifier), &mut unread).await?;
        unread.of(item);
        if let Some(policy) = policy {
            spec::add_runtime_policy(item, Input(&policy));
        }
        Ok(())
    }
}

#[async_trait]
impl Reach for Versions {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let asked = match ask.reading {
            Reading::Only(keys) => keys,
            Reading::Sweep => ask.wanted,
        };
        let numbered = |key: &String| function_part::qualifier_of(key).parse::<u64>().is_ok();
        if matches!(ask.reading, Reading::Only(_)) && asked.iter().all(numbered) {
            return deep(asked.iter().cloned(), |key| async move { self.one(&key, ask.world).await }).await;
        }
        let pace = function_part::lambda_pace(ask.world);
        let list = |function: String| async move { self.list(&function, asked, ask.world).await };
        function_part::observe(ask, super::TYPE, "version", pace, list).await
    }

    fn told(&self, step: &Step, answer: &Json, world: &Observation) -> Option<Told> {
        let function = function_part::function_of(&step.refresh.1);
        let more = [PROVISIONED, POLICY_WORD].into_iter().any(|word| has_word(world, function, word));
        // What these functions' versions have beside, the answer does not tell.
        if more || answer.get("CapacityProviderConfig").is_some_and(|config| !config.is_null()) {
            return None;
        }
        let item = observed(Input(answer), world).filter(|item| function_part::function_of(&item.key) == function)?;
        Some(Told::Whole(Seen { items: vec![item], absent: vec![step.refresh.1.clone()], ..Seen::default() }))
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let function = input.text("FunctionName");
        match step.operation {
            "PublishVersion" => {
                let call = self
                    .client
                    .publish_version()
                    .set_function_name(function)
                    .set_description(input.text("Description"))
                    .set_code_sha256(input.text("CodeSha256"))
                    .set_revision_id(input.text("RevisionId"));
                is_as_described(input, answered(SERVICE, heard!(call))?)
            }
            "PutFunctionScalingConfig" => put_scaling(&self.client, input).await,
            "DeleteFunction" => {
                let call = self.client.delete_function().set_function_name(function);
                // Without a qualifier the whole function would go.
                gone(SERVICE, call.qualifier(input.required("Qualifier")?).send().await)
            }
            "PutRuntimeManagementConfig" => put_runtime_management(&self.client, input).await,
            _ => apply_provisioned(&self.client, step).await,
        }
    }
}

/// Of the same code and configuration Lambda publishes no second version: it answers with the one that is there.
fn is_as_described(asked: Input<'_>, answer: Option<Json>) -> Applied {
    let told = answer.as_ref().map(Input);
    let text = |input: Option<Input<'_>>, name: &str| input.and_then(|input| input.text(name)).unwrap_or_default();
    if asked.text("Description").is_none_or(|asked| asked == text(told, "Description")) {
        return Ok(answer);
    }
    Err(ApplyError::Refused(format!(
        "Lambda publishes no second version of the same code and configuration: version {} is that, and has another description; change the function, or the description back",
        text(told, "Version")
    )))
}

/// When a function, or one of its versions, gets new runtimes.
pub(crate) async fn runtime_management(
    client: &Client,
    function: &str,
    qualifier: Option<&str>,
    unread: &mut Unread,
) -> Result<Option<Json>, String> {
    let call = || {
        let call = client.get_runtime_management_config().function_name(function);
        call.set_qualifier(qualifier.map(str::to_owned)).send()
    };
    let properties = [if qualifier.is_some() { spec::POLICY } else { "RuntimeManagementConfig" }];
    let answer = unread.take(&properties, "lambda:GetRuntimeManagementConfig", setting(SERVICE, call).await)?;
    Ok(answer.map(|answer| {
        json!({
            "UpdateRuntimeOn": answer.update_runtime_on.as_ref().map(|word| word.as_str()),
            "RuntimeVersionArn": answer.runtime_version_arn,
        })
    }))
}

/// Says when a function, or one of its versions, gets new runtimes.
pub(crate) async fn put_runtime_management(client: &Client, input: Input<'_>) -> Applied {
    let word = input.text("UpdateRuntimeOn").map(|word| word.as_str().into());
    let call = client.put_runtime_management_config().set_function_name(input.text("FunctionName"));
    let call = call.set_qualifier(input.text("Qualifier")).set_update_runtime_on(word);
    done(SERVICE, call.set_runtime_version_arn(input.text("RuntimeVersionArn")).send().await)
}

/// Whether the function's mark says that provisioned concurrency was ever set on one of its qualifiers.
pub(crate) fn has_provisioned(world: &Observation, function: &str) -> bool {
    has_word(world, function, PROVISIONED)
}

fn has_word(world: &Observation, function: &str, word: &str) -> bool {
    let function = world.table(function_part::FUNCTION).get(function);
    function.and_then(|function| function.marks.as_ref()).is_some_and(|marks| marks.parts.contains(word))
}

/// The scaling that was asked for on a version of a function on managed instances; null where none was.
pub(crate) async fn scaling(
    client: &Client,
    function: &str,
    qualifier: &str,
    unread: &mut Unread,
) -> Result<Json, String> {
    let call = || client.get_function_scaling_config().function_name(function).qualifier(qualifier).send();
    let answer = unread.take(&[SCALING], "lambda:GetFunctionScalingConfig", setting(SERVICE, call).await)?;
    let config = answer.and_then(|answer| answer.requested_function_scaling_config);
    let Some(config) = config else { return Ok(Json::Null) };
    let config = json!({
        "MinExecutionEnvironments": config.min_execution_environments(),
        "MaxExecutionEnvironments": config.max_execution_environments(),
    });
    Ok(spec::scaling(Some(Input(&config))))
}

/// Sets the scaling of a version.
pub(crate) async fn put_scaling(client: &Client, input: Input<'_>) -> Applied {
    let config = input.map("FunctionScalingConfig").unwrap_or(Input(&Json::Null));
    let config = FunctionScalingConfig::builder()
        .set_min_execution_environments(config.int("MinExecutionEnvironments"))
        .set_max_execution_environments(config.int("MaxExecutionEnvironments"))
        .build();
    let call = client.put_function_scaling_config().set_function_name(input.text("FunctionName"));
    done(SERVICE, call.set_qualifier(input.text("Qualifier")).function_scaling_config(config).send().await)
}

/// Reads the provisioned concurrency of a version or an alias.
pub(crate) async fn add_provisioned(client: &Client, item: &mut Observed) -> Result<(), String> {
    let (function, qualifier) = (function_part::function_of(&item.key), function_part::qualifier_of(&item.key));
    let call = || client.get_provisioned_concurrency_config().function_name(function).qualifier(qualifier).send();
    let mut unread = Unread::default();
    let config = unread.take(&[CONCURRENCY], "lambda:GetProvisionedConcurrencyConfig", setting(SERVICE, call).await)?;
    unread.of(item);
    let Some(config) = config else { return Ok(()) };
    let count = config.requested_provisioned_concurrent_executions();
    item.properties.insert(CONCURRENCY.to_owned(), json!({"ProvisionedConcurrentExecutions": count}));
    let reason = config.status_reason().unwrap_or("provisioned concurrency").to_owned();
    match config.status().map(|status| status.as_str()) {
        Some("IN_PROGRESS") => item.state = State::Pending { reason },
        Some("FAILED") => item.state = State::Failed { reason },
        _ => {}
    }
    Ok(())
}

/// Sets or removes provisioned concurrency.
pub(crate) async fn apply_provisioned(client: &Client, step: &Step) -> Applied {
    let input = Input(&step.input);
    let (function, qualifier) = (input.text("FunctionName"), input.text("Qualifier"));
    match step.operation {
        "PutProvisionedConcurrencyConfig" => {
            let count = input.int("ProvisionedConcurrentExecutions");
            let call = client.put_provisioned_concurrency_config().set_function_name(function);
            done(SERVICE, call.set_qualifier(qualifier).set_provisioned_concurrent_executions(count).send().await)
        }
        "DeleteProvisionedConcurrencyConfig" => {
            let call = client.delete_provisioned_concurrency_config().set_function_name(function);
            gone(SERVICE, call.set_qualifier(qualifier).send().await)
        }
        _ => Err(unknown_operation(step)),
    }
}
