//! Schema registries of Kafka sources.

use crate::model::{Diagnostic, Node};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::intrinsics::{call, sub};
use super::super::policy::allow_all;
use super::super::props::Props;

const NAME: &str = "SchemaRegistryConfig";

/// What the role needs for the registry: its secrets, and for a Glue registry its schemas.
pub(super) fn schema_registry(build: &Build<'_>, props: &Props) -> Result<Vec<Node>, Diagnostic> {
    let Some(config) = props.get(NAME).filter(|node| is_truthy(node)) else { return Ok(Vec::new()) };
    let wrong = |node: &Node, message: String| props.owner().error(node.place, message);
    for field in ["SchemaRegistryURI", "EventRecordFormat", "SchemaValidationConfigs"] {
        if config.get(field).is_none() {
            return Err(props.error(NAME, format!("required field `{field}` is missing in `{NAME}`")));
        }
    }
    if let Some(format) = config.get("EventRecordFormat").filter(|f| !matches!(f.as_str(), Some("JSON" | "SOURCE"))) {
        return Err(wrong(format, format!("`EventRecordFormat` in `{NAME}` must be JSON or SOURCE")));
    }
    if let Some(configs) = config.get("SchemaValidationConfigs").filter(|configs| configs.as_list().is_none()) {
        return Err(wrong(configs, "`SchemaValidationConfigs` must be a list".to_owned()));
    }
    let mut statements = Vec::new();
    if let Some(access) = config.get("AccessConfigs").filter(|access| is_truthy(access)) {
        let Some(items) = access.as_list() else {
            return Err(wrong(access, format!("`AccessConfigs` in `{NAME}` must be a list")));
        };
        for item in items {
            let (Some(_), Some(uri)) = (item.get("Type"), item.get("URI")) else {
                return Err(wrong(
                    item,
                    "each entry of `AccessConfigs` must be a map with `Type` and `URI`".to_owned(),
                ));
            };
            statements.push(allow_all(&["secretsmanager:GetSecretValue"], uri.clone()));
        }
    }
    if let Some(uri) = config.get("SchemaRegistryURI") {
        let resolved = build.resolve(uri);
        let text = call(&resolved, "Fn::Sub").unwrap_or(&resolved).as_str();
        if let Some(name) = text.and_then(registry_name) {
            statements.push(allow_all(&["glue:GetRegistry"], uri.clone()));
            let schemas = sub(
                format!("arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:schema/{name}/*"),
                uri.place,
            );
            statements.push(allow_all(&["glue:GetSchemaVersion"], Node::list(vec![schemas], uri.place)));
        }
    }
    Ok(statements)
}

/// The name in `arn:aws:glue:region:account:registry/name`; colons inside of `${AWS::Region}` count as SAM counts them.
fn registry_name(uri: &str) -> Option<&str> {
    uri.strip_prefix("arn").and_then(|_| uri.split(':').nth(5)?.strip_prefix("registry/"))
}
