//! `evenkeel render`

use clap::{Args, ValueEnum};
use evenkeel_core::model::Desired;
use serde_json::{Map, Value as Json, json};

use super::common::{self, Common};
use super::exit;
use crate::apps::How;

/// Print the compiled resources, offline.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel render specs/shop --env dev\n  evenkeel render . --app stack --region us-east-1 --account 123456789012 -o json"
)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = Output::Yaml)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Yaml,
    Json,
}

pub fn run(arguments: &Arguments) -> u8 {
    let selection = match arguments.common.selection() {
        Ok(selection) => selection,
        Err(sentence) => {
            common::complain(&sentence);
            return exit::ERROR;
        }
    };
    let Some(tree) = arguments.common.texts(&selection) else { return exit::ERROR };
    let (targets, mut problems) = tree.targets(&selection);
    problems.extend(tree.problems.clone());
    let mut apps = Vec::new();
    for target in &targets {
        let mut home = target.home.clone();
        home.region = home.region.or_else(|| selection.region.clone());
        home.account = home.account.or_else(|| selection.account.clone());
        let compiled = tree.compile_offline(target, &selection.values, &home, How::Render);
        problems.extend(compiled.diagnostics);
        apps.extend(compiled.desired.as_ref().map(app));
    }
    if common::show(&problems, &tree.sources) > 0 {
        return exit::ERROR;
    }
    let document = json!({ "apps": apps });
    common::print(&match arguments.output {
        Output::Json => common::json(&document),
        Output::Yaml => serde_yaml::to_string(&document).unwrap_or_else(|error| format!("# {error}\n")),
    })
}

fn app(desired: &Desired) -> Json {
    let mut resources = Map::new();
    for resource in desired.resources.values() {
        let mut one = Map::new();
        one.insert("Type".to_owned(), Json::from(resource.type_name.as_str()));
        one.insert("Properties".to_owned(), resource.properties.to_masked_json());
        if !resource.depends_on.is_empty() {
            one.insert("DependsOn".to_owned(), json!(resource.depends_on));
        }
        for (key, policy) in
            [("DeletionPolicy", resource.deletion_policy), ("UpdateReplacePolicy", resource.update_replace_policy)]
        {
            if let Some(policy) = policy {
                one.insert(key.to_owned(), Json::from(policy.as_str()));
            }
        }
        if let Some(rollout) = &resource.rollout {
            one.insert("Rollout".to_owned(), rollout.to_masked_json());
        }
        resources.insert(resource.id.clone(), Json::Object(one));
    }
    let outputs: Map<String, Json> = desired
        .outputs
        .iter()
        .map(|(name, output)| {
            let mut one = Map::new();
            one.insert("Value".to_owned(), output.value.to_masked_json());
            if let Some(description) = &output.description {
                one.insert("Description".to_owned(), Json::from(description.as_str()));
            }
            if let Some(export) = &output.export {
                one.insert("Export".to_owned(), json!({ "Name": export.to_masked_json() }));
            }
            (name.clone(), Json::Object(one))
        })
        .collect();
    json!({"name": desired.app, "env": desired.env, "resources": resources, "outputs": outputs})
}
