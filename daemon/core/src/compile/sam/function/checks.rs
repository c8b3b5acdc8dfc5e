//! What a function may not say.

use crate::model::{Diagnostic, Node, Val};

use super::super::artifact::is_truthy;
use super::super::event::Event;
use super::super::intrinsics::is_intrinsic;
use super::super::props::{Kind, Props, nearest, optional, required};

/// Properties that exclude or require each other.
pub(super) fn combinations(props: &Props) -> Result<(), Diagnostic> {
    let has = |name: &str| props.get(name).is_some();
    for other in ["ProvisionedConcurrencyConfig", "VpcConfig"] {
        if has("CapacityProviderConfig") && has(other) {
            let message = format!("cannot specify `CapacityProviderConfig` and `{other}` together");
            return Err(props.error(other, message));
        }
    }
    for (name, needed) in [
        ("FunctionScalingConfig", "CapacityProviderConfig"),
        ("VersionDeletionPolicy", "AutoPublishAlias"),
        ("ProvisionedConcurrencyConfig", "AutoPublishAlias"),
    ] {
        if props.get(name).is_some_and(is_truthy) && !props.get(needed).is_some_and(is_truthy) {
            return Err(props.error(name, format!("`{name}` requires `{needed}` to be set on the function")));
        }
    }
    Ok(())
}

/// A dead letter queue is an SQS queue or an SNS topic.
pub(super) fn dead_letter_queue(props: &Props) -> Result<(), Diagnostic> {
    let Some(queue) = props.get("DeadLetterQueue").filter(|queue| is_truthy(queue)) else { return Ok(()) };
    let has = |name: &str| queue.get(name).is_some_and(is_truthy);
    if !has("Type") || !has("TargetArn") {
        return Err(props.error("DeadLetterQueue", "`DeadLetterQueue` requires `Type` and `TargetArn`"));
    }
    match queue.get("Type").and_then(Node::as_str) {
        Some("SQS" | "SNS") => Ok(()),
        _ => Err(props.error("DeadLetterQueue", "`DeadLetterQueue.Type` must be `SQS` or `SNS`")),
    }
}

/// A function with tenants takes neither a URL nor provisioned concurrency, nor events other than APIs.
pub(super) fn tenancy(props: &Props, events: &[Event]) -> Result<(), Diagnostic> {
    if !props.get("TenancyConfig").is_some_and(is_truthy) {
        return Ok(());
    }
    for (name, what) in [
        ("ProvisionedConcurrencyConfig", "provisioned concurrency"),
        ("FunctionUrlConfig", "a function URL"),
        ("SnapStart", "SnapStart"),
    ] {
        if props.get(name).is_some_and(is_truthy) {
            return Err(props.error(name, format!("{what} is not supported for functions with `TenancyConfig`")));
        }
    }
    match events.iter().find(|event| !matches!(event.type_name.as_str(), "Api" | "HttpApi")) {
        Some(event) => Err(event.error(
            event.place,
            format!(
                "event source `{}` is not supported for functions with `TenancyConfig`: only Api and HttpApi are",
                event.type_name
            ),
        )),
        None => Ok(()),
    }
}

/// Tags that SAM keeps for itself.
const RESERVED_TAGS: [&str; 3] = ["lambda:createdBy", "serverlessrepo:applicationId", "serverlessrepo:semanticVersion"];

/// Some tags are reserved.
pub(super) fn tags(props: &Props) -> Result<(), Diagnostic> {
    let found = props.map("Tags").into_iter().flatten().find(|(key, _)| RESERVED_TAGS.contains(&key.as_str()));
    match found {
        Some((key, entry)) => {
            Err(props.owner().error(entry.key_place, format!("`{key}` is a reserved tag and cannot be set")))
        }
        None => Ok(()),
    }
}

/// The inner part of AWS's `CapacityProviderConfig`.
pub(super) fn capacity_provider(props: &Props) -> Result<Option<Node>, Diagnostic> {
    let Some(config) = props.get("CapacityProviderConfig").filter(|node| is_truthy(node)) else { return Ok(None) };
    if is_intrinsic(config) {
        return Ok(Some(config.clone()));
    }
    let known = [
        required("Arn", Kind::Any),
        optional("PerExecutionEnvironmentMaxConcurrency", Kind::Any),
        optional("ExecutionEnvironmentMemoryGiBPerVCpu", Kind::Any),
    ];
    let inner = Props::read(props.owner().clone(), "CapacityProviderConfig", config, &known)?;
    let mut node = Node::map::<String>([], config.place);
    for (from, to) in [
        ("Arn", "CapacityProviderArn"),
        ("PerExecutionEnvironmentMaxConcurrency", "PerExecutionEnvironmentMaxConcurrency"),
        ("ExecutionEnvironmentMemoryGiBPerVCpu", "ExecutionEnvironmentMemoryGiBPerVCpu"),
    ] {
        if let Some(value) = inner.take(from) {
            if from != "Arn" && !is_intrinsic(&value) && !is_number(&value) {
                let message = format!("`CapacityProviderConfig.{from}` should be a number, not {}", value.type_word());
                return Err(props.owner().error_with("wrong-type", value.place, message));
            }
            node.set(to, value);
        }
    }
    Ok(Some(node))
}

/// A number, or text that says one.
fn is_number(node: &Node) -> bool {
    match &node.value {
        Val::Int(_) | Val::Float(_) => true,
        Val::Str(text) => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    }
}

/// CORS of a function URL.
pub(super) fn url_cors(props: &Props, cors: &Node) -> Result<(), Diagnostic> {
    const KNOWN: [(&str, Kind); 6] = [
        ("AllowOrigins", Kind::List),
        ("AllowMethods", Kind::List),
        ("AllowCredentials", Kind::Bool),
        ("AllowHeaders", Kind::List),
        ("ExposeHeaders", Kind::List),
        ("MaxAge", Kind::Int),
    ];
    if !is_truthy(cors) || is_intrinsic(cors) {
        return Ok(());
    }
    let Some(map) = cors.as_map() else {
        return Err(props.owner().error(cors.place, "property `FunctionUrlConfig.Cors` should be a map"));
    };
    for (name, entry) in map {
        let Some((_, kind)) = KNOWN.iter().find(|(known, _)| known == name) else {
            return Err(props
                .owner()
                .error_with("unknown-property", entry.key_place, format!("`{name}` is not a property of `Cors`"))
                .maybe_help(nearest(name, KNOWN.into_iter().map(|(name, _)| name))));
        };
        if !is_intrinsic(&entry.node) && !kind.fits(&entry.node) {
            let message = format!("`{name}` of `Cors` should be {}, not {}", kind.word(), entry.node.type_word());
            return Err(props.owner().error_with("wrong-type", entry.node.place, message));
        }
    }
    Ok(())
}
