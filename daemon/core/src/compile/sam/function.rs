//! `AWS::Serverless::Function`: a function with its role, version, alias, URL, destinations and events.

use crate::model::{Diagnostic, Node, Place};

use super::artifact::is_truthy;
use super::build::Build;
use super::event::{self, Event, Target};
use super::intrinsics::{as_if, call, is_no_value, make_if};
use super::made::Made;
use super::policy::{self, RoleParts, managed_arn};
use super::props::{Kind, Property, Props, optional, optional_literal};
use super::source::Source;
use super::tags;

mod checks;
mod code;
mod invoke_config;
mod url;
mod version;

const TEXT: Kind = Kind::Str;
const ANY: Kind = Kind::Any;
const MAP: Kind = Kind::Map;
const STR_OR_MAP: Kind = Kind::OneOf(&[Kind::Str, Kind::Map]);

const PROPERTIES: [Property; 49] = [
    optional("FunctionName", STR_OR_MAP),
    optional("Handler", ANY),
    optional("Runtime", ANY),
    optional("CodeUri", ANY),
    optional("ImageUri", ANY),
    optional("PackageType", ANY),
    optional("InlineCode", ANY),
    optional("DeadLetterQueue", MAP),
    optional("Description", ANY),
    optional("MemorySize", ANY),
    optional("Timeout", ANY),
    optional("VpcConfig", ANY),
    optional("Role", TEXT),
    optional("AssumeRolePolicyDocument", MAP),
    optional("Policies", Kind::OneOf(&[Kind::Str, Kind::Map, Kind::ListOf(&STR_OR_MAP)])),
    optional("RolePath", ANY),
    optional("PermissionsBoundary", TEXT),
    optional("Environment", Kind::MapOf(&Kind::Map)),
    optional("Events", Kind::MapOf(&Kind::Map)),
    optional("Tags", MAP),
    optional("PropagateTags", Kind::Bool),
    optional("Tracing", STR_OR_MAP),
    optional("KmsKeyArn", ANY),
    optional("DeploymentPreference", MAP),
    optional("ReservedConcurrentExecutions", ANY),
    optional("Layers", Kind::ListOf(&STR_OR_MAP)),
    optional("EventInvokeConfig", MAP),
    optional("EphemeralStorage", ANY),
    optional("AutoPublishAlias", TEXT),
    optional("AutoPublishCodeSha256", TEXT),
    optional_literal("AutoPublishAliasAllProperties", Kind::Bool),
    optional("VersionDescription", ANY),
    optional("ProvisionedConcurrencyConfig", ANY),
    optional("FileSystemConfigs", ANY),
    optional("ImageConfig", ANY),
    optional("CodeSigningConfigArn", ANY),
    optional("Architectures", ANY),
    optional("SnapStart", MAP),
    optional("FunctionUrlConfig", MAP),
    optional("RuntimeManagementConfig", ANY),
    optional("LoggingConfig", ANY),
    optional("RecursiveLoop", ANY),
    optional("SourceKMSKeyArn", ANY),
    optional("CapacityProviderConfig", MAP),
    optional("FunctionScalingConfig", MAP),
    optional("VersionDeletionPolicy", Kind::Word(&["Delete", "Retain"])),
    optional("PublishToLatestPublished", ANY),
    optional("TenancyConfig", ANY),
    optional("DurableConfig", MAP),
];

/// Properties that AWS's function has under the same name and that are handed over as written.
const SAME: [&str; 20] = [
    "Handler",
    "Runtime",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Role",
    "Environment",
    "KmsKeyArn",
    "ReservedConcurrentExecutions",
    "Layers",
    "FileSystemConfigs",
    "ImageConfig",
    "PackageType",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "CodeSigningConfigArn",
    "RuntimeManagementConfig",
    "LoggingConfig",
];
const SAME_TOO: [&str; 4] = ["TenancyConfig", "RecursiveLoop", "DurableConfig", "PublishToLatestPublished"];

/// Types that take the function's tags where it says `PropagateTags`.
const TAGGED: [&str; 5] =
    ["AWS::Lambda::Function", "AWS::IAM::Role", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket"];

/// Everything the function stands for.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Result<Vec<Made>, Diagnostic> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    checks::combinations(&props)?;
    checks::dead_letter_queue(&props)?;
    let events = read_events(source, &props)?;
    checks::tenancy(&props, &events)?;
    checks::tags(&props)?;

    let mut function = lambda(build, source, &props)?;
    let mut made = Vec::new();
    let published = version::publish(build, source, &props, &mut function)?;
    made.extend(url::expand(source, &props, published.as_ref())?);
    let (configured, destinations) = invoke_config::expand(build, source, &props, published.as_ref())?;
    let mut role = execution_role(build, source, &props, destinations)?;
    let needs_role = attach_role(build, &props, &mut function, &mut role)?;
    let mut target = match &published {
        Some(published) => Target {
            name: published.alias.reference(),
            arn: published.alias.reference(),
            id: published.alias.id.clone(),
            attributes: source.handed_on(),
            role: &mut role,
        },
        None => Target {
            name: function.reference(),
            arn: function.att("Arn"),
            id: function.id.clone(),
            attributes: source.handed_on(),
            role: &mut role,
        },
    };
    let mut from_events = Vec::new();
    for event in &events {
        from_events.extend(event::expand(build, event, &mut target)?);
    }

    made.insert(0, function);
    if let Some(published) = published {
        made.splice(1..1, [published.version, published.alias]);
    }
    made.extend(configured);
    if needs_role {
        made.push(role);
    }
    made.extend(from_events);
    propagate_tags(&props, &mut made);
    refer(build, source, &made);
    Ok(made)
}

/// The events in SAM's order: by path where they have one, else by name.
fn read_events(source: &Source, props: &Props) -> Result<Vec<Event>, Diagnostic> {
    let mut events = props
        .map("Events")
        .into_iter()
        .flatten()
        .map(|(name, entry)| Event::read(&source.id, name, entry.key_place, &entry.node))
        .collect::<Result<Vec<_>, _>>()?;
    let key = |event: &Event| {
        let path = event.properties.get("Path").and_then(Node::as_str);
        path.unwrap_or(&event.name).to_owned()
    };
    events.sort_by_key(key);
    Ok(events)
}

fn lambda(build: &Build<'_>, source: &Source, props: &Props) -> Result<Made, Diagnostic> {
    let mut function = Made::new(&source.id, "AWS::Lambda::Function", source.place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone())
        .with("Code", code::code(build, source, props)?)
        .maybe("FunctionName", props.take("FunctionName").filter(is_truthy));
    for name in SAME.into_iter().chain(SAME_TOO) {
        if let Some(value) = props.take(name) {
            function.set(name, value);
        }
    }
    if let Some(tags) = props.get("Tags").filter(|tags| is_truthy(tags)) {
        function.set("Tags", tags::list(tags));
    }
    if let Some(tracing) = tracing(build, props) {
        let place = tracing.place;
        function.set("TracingConfig", Node::map([("Mode", tracing)], place));
    }
    if let Some(arn) = props.get("DeadLetterQueue").and_then(|queue| queue.get("TargetArn")) {
        function.set("DeadLetterConfig", Node::map([("TargetArn", arn.clone())], arn.place));
    }
    if let Some(config) = checks::capacity_provider(props)? {
        let place = config.place;
        function.set(
            "CapacityProviderConfig",
            Node::map([("LambdaManagedInstancesCapacityProviderConfig", config)], place),
        );
    }
    if let Some(scaling) = props.take("FunctionScalingConfig").filter(is_truthy) {
        function.set("FunctionScalingConfig", scaling);
    }
    Ok(function)
}

/// `Tracing` as written, unless it is absent or `Disabled`.
fn tracing(build: &Build<'_>, props: &Props) -> Option<Node> {
    let tracing = props.get("Tracing").filter(|node| is_truthy(node))?;
    (build.resolve(tracing).as_str() != Some("Disabled")).then(|| tracing.clone())
}

fn execution_role(
    build: &Build<'_>,
    source: &Source,
    props: &Props,
    destinations: Vec<Node>,
) -> Result<Made, Diagnostic> {
    let place = source.place;
    let partition = build.context.partition.as_str();
    let arn = |name: &str| managed_arn(partition, name, place);
    let durable = props.get("DurableConfig").is_some_and(is_truthy);
    let basic = if durable { "AWSLambdaBasicDurableExecutionRolePolicy" } else { "AWSLambdaBasicExecutionRole" };
    let mut managed = vec![arn(&format!("service-role/{basic}"))];
    if tracing(build, props).is_some() {
        managed.push(arn(if partition == "aws" { "AWSXrayWriteOnlyAccess" } else { "AWSXRayDaemonWriteAccess" }));
    }
    if props.get("VpcConfig").is_some_and(is_truthy) {
        managed.push(arn("service-role/AWSLambdaVPCAccessExecutionRole"));
    }
    let mut inline = Vec::new();
    if let Some(queue) = props.get("DeadLetterQueue").filter(|queue| is_truthy(queue)) {
        let action =
            if queue.get("Type").and_then(Node::as_str) == Some("SNS") { "sns:Publish" } else { "sqs:SendMessage" };
        if let Some(arn) = queue.get("TargetArn") {
            let statements = vec![policy::allow(action, arn.clone())];
            inline.push(policy::inline_versioned("DeadLetterQueuePolicy", statements, place));
        }
    }
    inline.extend(destinations);
    let parts = RoleParts {
        assume: Some(
            props
                .take("AssumeRolePolicyDocument")
                .unwrap_or_else(|| policy::assume_role("lambda.amazonaws.com", place)),
        ),
        managed,
        inline,
        path: props.take("RolePath"),
        boundary: props.take("PermissionsBoundary"),
        tags: props.get("Tags").filter(|tags| is_truthy(tags)).map(tags::list),
    };
    let role = policy::role(build, props.owner(), &source.id, props.get("Policies"), parts)?;
    Ok(role.attributes(source.handed_on()))
}

/// Connects function and role; says whether the role is needed. A `Role` that is `Fn::If` with `AWS::NoValue` in one
/// branch has the role generated for that branch alone.
fn attach_role(build: &mut Build<'_>, props: &Props, function: &mut Made, role: &mut Made) -> Result<bool, Diagnostic> {
    let Some(written) = props.get("Role") else {
        function.set("Role", role.att("Arn"));
        return Ok(true);
    };
    if call(written, "Fn::If").is_none() {
        return Ok(false);
    }
    let Some((condition, yes, no)) = as_if(written) else {
        return Err(props.error("Role", "malformed `Role`: `Fn::If` requires 3 arguments"));
    };
    let Some(name) = condition.as_str() else {
        return Err(props.error("Role", "malformed `Role`: the first argument of `Fn::If` is a condition's name"));
    };
    let place = written.place;
    match (is_no_value(yes), is_no_value(no)) {
        (true, true) => function.set("Role", role.att("Arn")),
        (true, false) => {
            function.set("Role", make_if(name, role.att("Arn"), no.clone(), place));
            role.set_attribute("Condition", Node::str(name, place));
        }
        (false, true) => {
            let not = format!("NOT{name}");
            function.set("Role", make_if(name, yes.clone(), role.att("Arn"), place));
            role.set_attribute("Condition", Node::str(&not, place));
            build.add_condition(&not, negated(name, place));
        }
        (false, false) => return Ok(false),
    }
    Ok(true)
}

/// `{"Fn::Not": [{"Condition": name}]}`
fn negated(name: &str, place: Place) -> Node {
    Node::call("Fn::Not", Node::list(vec![Node::call("Condition", Node::str(name, place), place)], place), place)
}

fn propagate_tags(props: &Props, made: &mut [Made]) {
    let asked = props.get("PropagateTags").is_some_and(is_truthy);
    let Some(tags) = props.get("Tags").filter(|tags| asked && is_truthy(tags)) else { return };
    for resource in made.iter_mut().filter(|resource| TAGGED.contains(&resource.type_name.as_str())) {
        resource.set("Tags", tags::list(tags));
    }
}

/// Makes `Function.Alias` and its like stand for what was generated.
fn refer(build: &mut Build<'_>, source: &Source, made: &[Made]) {
    for (property, type_name) in [
        ("Alias", "AWS::Lambda::Alias"),
        ("Version", "AWS::Lambda::Version"),
        ("DestinationTopic", "AWS::SNS::Topic"),
        ("DestinationQueue", "AWS::SQS::Queue"),
    ] {
        if let Some(resource) = made.iter().rfind(|resource| resource.type_name == type_name) {
            build.refer(&source.id, property, &resource.id);
        }
    }
}

#[cfg(test)]
mod tests;
