//! How to reach versions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::FunctionScalingConfig;
use evenkeel_core::plan::{ApplyError, Artifacts, Ask, Observation, Observed, Reach, Reading, Seen, State, Step};
use serde_json::{Value as Json, json};

use super::spec::{PROVISIONED, observed, scaling};
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::function::wire;
use crate::function_part;
use crate::reading::{pages, read};

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
        let mut items = Vec::with_capacity(configurations.len());
        for configuration in &configurations {
            let Some(mut item) = observed(Input(&wire::configuration(configuration))) else { continue };
            if asked.contains(&item.key) {
                if has_provisioned(world, function) {
                    add_provisioned(&self.client, &mut item).await?;
                }
                if configuration.capacity_provider_config().is_some() {
                    self.add_scaling(&mut item).await?;
                }
            }
            items.push(item);
        }
        Ok(items)
    }

    async fn add_scaling(&self, item: &mut Observed) -> Result<(), String> {
        let (function, qualifier) = (function_part::function_of(&item.key), function_part::qualifier_of(&item.key));
        let call = || self.client.get_function_scaling_config().function_name(function).qualifier(qualifier).send();
        if let Some(config) = read(SERVICE, call).await?.and_then(|answer| answer.requested_function_scaling_config) {
            let config = json!({
                "MinExecutionEnvironments": config.min_execution_environments(),
                "MaxExecutionEnvironments": config.max_execution_environments(),
            });
            let config = scaling(Some(Input(&config)));
            if !config.is_null() {
                item.properties.insert("FunctionScalingConfig".to_owned(), config);
            }
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
        function_part::observe(ask, "version", |function| async move { self.list(&function, asked, ask.world).await })
            .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Result<(), ApplyError> {
        let input = Input(&step.input);
        let (function, qualifier) = (input.text("FunctionName"), input.text("Qualifier"));
        match step.operation {
            "PublishVersion" => {
                let call = self
                    .client
                    .publish_version()
                    .set_function_name(function)
                    .set_description(input.text("Description"))
                    .set_code_sha256(input.text("CodeSha256"));
                done(SERVICE, call.send().await)
            }
            "PutFunctionScalingConfig" => {
                let config = input.map("FunctionScalingConfig").unwrap_or(Input(&Json::Null));
                let config = FunctionScalingConfig::builder()
                    .set_min_execution_environments(config.int("MinExecutionEnvironments"))
                    .set_max_execution_environments(config.int("MaxExecutionEnvironments"))
                    .build();
                let call = self.client.put_function_scaling_config().set_function_name(function);
                done(SERVICE, call.set_qualifier(qualifier).function_scaling_config(config).send().await)
            }
            "DeleteFunction" => {
                let call = self.client.delete_function().set_function_name(function);
                // Without a qualifier the whole function would go.
                gone(SERVICE, call.qualifier(input.required("Qualifier")?).send().await)
            }
            _ => apply_provisioned(&self.client, step).await,
        }
    }
}

/// Whether the function's mark says that provisioned concurrency was ever set on one of its qualifiers.
pub(crate) fn has_provisioned(world: &Observation, function: &str) -> bool {
    let function = world.table(function_part::FUNCTION).get(function);
    function.and_then(|function| function.marks.as_ref()).is_some_and(|marks| marks.parts.contains(PROVISIONED))
}

/// Reads the provisioned concurrency of a version or an alias.
pub(crate) async fn add_provisioned(client: &Client, item: &mut Observed) -> Result<(), String> {
    let (function, qualifier) = (function_part::function_of(&item.key), function_part::qualifier_of(&item.key));
    let call = || client.get_provisioned_concurrency_config().function_name(function).qualifier(qualifier).send();
    let Some(config) = read(SERVICE, call).await? else { return Ok(()) };
    let count = config.requested_provisioned_concurrent_executions();
    item.properties
        .insert("ProvisionedConcurrencyConfig".to_owned(), json!({"ProvisionedConcurrentExecutions": count}));
    let reason = config.status_reason().unwrap_or("provisioned concurrency").to_owned();
    match config.status().map(|status| status.as_str()) {
        Some("IN_PROGRESS") => item.state = State::Pending { reason },
        Some("FAILED") => item.state = State::Failed { reason },
        _ => {}
    }
    Ok(())
}

/// Sets or removes provisioned concurrency.
pub(crate) async fn apply_provisioned(client: &Client, step: &Step) -> Result<(), ApplyError> {
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
