//! How to reach aliases.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{AliasConfiguration, AliasRoutingConfiguration};
use evenkeel_core::plan::{Applied, Artifacts, Ask, Observation, Observed, Reach, Seen, Step, Told};
use serde_json::{Value as Json, json};

use super::spec::{PART, observed};
use crate::document::Input;
use crate::error::{answered, gone};
use crate::function_part;
use crate::reading::pages;
use crate::version::api::{add_provisioned, apply_provisioned, has_provisioned};
use crate::wire::heard;

const SERVICE: &str = "Lambda";

/// Aliases of the functions of one account and region.
#[derive(Clone, Debug)]
pub struct Aliases {
    client: Client,
}

impl Aliases {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Aliases { client }
    }

    async fn list(&self, function: &str, world: &Observation) -> Result<Vec<Observed>, String> {
        let aliases = pages(
            SERVICE,
            |marker| self.client.list_aliases().function_name(function).max_items(50).set_marker(marker).send(),
            |page| (page.aliases.unwrap_or_default(), page.next_marker),
        )
        .await?;
        let mut items = Vec::with_capacity(aliases.len());
        for alias in &aliases {
            let Some(mut item) = observed(function, Input(&json(alias)), world) else { continue };
            if item.marks.is_some() && has_provisioned(world, function) {
                add_provisioned(&self.client, &mut item).await?;
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[async_trait]
impl Reach for Aliases {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let pace = function_part::lambda_pace(ask.world);
        let list = |function: String| async move { self.list(&function, ask.world).await };
        function_part::observe(ask, super::TYPE, PART, pace, list).await
    }

    fn told(&self, step: &Step, answer: &Json, world: &Observation) -> Option<Told> {
        let function = function_part::function_of(&step.refresh.1);
        // What is provisioned the answer does not tell.
        let items = vec![observed(function, Input(answer), world).filter(|_| !has_provisioned(world, function))?];
        Some(Told::Whole(Seen { items, ..Seen::default() }))
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let (function, name) = (input.text("FunctionName"), input.text("Name"));
        match step.operation {
            "CreateAlias" => {
                let call = self
                    .client
                    .create_alias()
                    .set_function_name(function)
                    .set_name(name)
                    .set_function_version(input.text("FunctionVersion"))
                    .set_description(input.text("Description"))
                    .routing_config(routing(input));
                answered(SERVICE, heard!(call))
            }
            "UpdateAlias" => {
                let call = self
                    .client
                    .update_alias()
                    .set_function_name(function)
                    .set_name(name)
                    .set_function_version(input.text("FunctionVersion"))
                    .set_description(input.text("Description"))
                    .set_revision_id(input.text("RevisionId"))
                    .routing_config(routing(input));
                answered(SERVICE, heard!(call))
            }
            "DeleteAlias" => {
                gone(SERVICE, self.client.delete_alias().set_function_name(function).set_name(name).send().await)
            }
            _ => apply_provisioned(&self.client, step).await,
        }
    }
}

fn routing(input: Input<'_>) -> AliasRoutingConfiguration {
    let weights = input.map("RoutingConfig").and_then(|config| config.get("AdditionalVersionWeights")?.as_object());
    let weights: HashMap<String, f64> = weights
        .into_iter()
        .flatten()
        .filter_map(|(version, weight)| Some((version.clone(), weight.as_f64()?)))
        .collect();
    AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build()
}

fn json(alias: &AliasConfiguration) -> Json {
    json!({
        "AliasArn": alias.alias_arn(),
        "Name": alias.name(),
        "FunctionVersion": alias.function_version(),
        "Description": alias.description(),
        "RoutingConfig": alias.routing_config().map(|config| json!({
            "AdditionalVersionWeights": config.additional_version_weights(),
        })),
        "RevisionId": alias.revision_id(),
    })
}
