//! `AWS::Serverless::StateMachine`: a state machine with its role, version, alias and events.

mod definition;
mod event;

use super::build::Build;
use super::event::Event;
use super::expect;
use super::made::Made;
use super::make::{At, Outcome, truthy};
use super::policy::{self, RoleParts};
use super::props::{Kind, Property, Props, optional};
use super::source::Source;
use super::tags;
use crate::model::Node;

const PROPERTIES: [Property; 17] = [
    optional("Definition", Kind::Map),
    optional("DefinitionUri", Kind::OneOf(&[Kind::Str, Kind::Map])),
    optional("Logging", Kind::Map),
    optional("Role", Kind::Str),
    optional("RolePath", Kind::Any),
    optional("DefinitionSubstitutions", Kind::Map),
    optional("Events", Kind::MapOf(&Kind::Map)),
    optional("Name", Kind::Str),
    optional("Type", Kind::Str),
    optional("Tags", Kind::Map),
    optional("PropagateTags", Kind::Bool),
    optional("Policies", Kind::OneOf(&[Kind::Str, Kind::ListOf(&Kind::OneOf(&[Kind::Str, Kind::Map]))])),
    optional("Tracing", Kind::Map),
    optional("PermissionsBoundary", Kind::Str),
    optional("AutoPublishAlias", Kind::Any),
    optional("DeploymentPreference", Kind::Any),
    optional("UseAliasAsEventTarget", Kind::Bool),
];

/// Types whose `Tags` follow from `PropagateTags`.
const TAGGED: [&str; 3] = ["AWS::StepFunctions::StateMachine", "AWS::IAM::Role", "AWS::SQS::Queue"];
/// The tag that SAM puts on every state machine.
const CREATED_BY: &str = "stateMachine:createdBy";

/// The state machine and everything that it generates. What is wrong with its events is told beside what is wrong with
/// itself.
///
/// # Errors
/// The first thing that SAM does not take.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Outcome<Vec<Made>> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    let (mut made, target) = match machine(build, source, &props) {
        Ok(done) => done,
        Err(diagnostic) => {
            build.diagnostics.push(diagnostic);
            (Vec::new(), source.id.clone())
        }
    };
    for (name, entry) in props.map("Events").into_iter().flatten() {
        let result = Event::read(&source.id, name, entry.key_place, &entry.node)
            .and_then(|event| event::expand(build, source, &props, &event, &target));
        match result {
            Ok(more) => made.extend(more),
            Err(diagnostic) => build.diagnostics.push(diagnostic),
        }
    }
    let propagated = props.get("Tags").filter(|tags| truthy(tags) && props.get("PropagateTags").is_some_and(truthy));
    if let Some(all) = propagated {
        for resource in made.iter_mut().filter(|resource| TAGGED.contains(&resource.type_name.as_str())) {
            resource.set("Tags", tags::list(all));
        }
    }
    Ok(made)
}

/// The state machine, its role, version and alias, and the id of what its events start.
fn machine(build: &Build<'_>, source: &Source, props: &Props) -> Outcome<(Vec<Made>, String)> {
    expect::plain(props, &PROPERTIES, &["UseAliasAsEventTarget"])?;
    let at = At(source.place);
    let all_tags = tags::list(&with_created_by(props, at));
    let mut machine = Made::new(&source.id, "AWS::StepFunctions::StateMachine", source.place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone());
    definition::set(props, &mut machine, at)?;
    let mut made = Vec::new();
    let role = props.get("Role").filter(|role| truthy(role));
    match (role, props.get("Policies").filter(|policies| truthy(policies))) {
        (Some(_), Some(_)) => {
            let message = "Specify either 'Role' or 'Policies' (but not both at the same time) or neither of them";
            return Err(props.error("Policies", message));
        }
        (Some(role), None) => machine.set("RoleArn", role.clone()),
        (None, policies) => {
            let role = execution_role(build, source, props, policies, all_tags.clone())?;
            machine.set("RoleArn", role.att("Arn"));
            made.push(role);
        }
    }
    for (key, name) in [
        ("StateMachineName", "Name"),
        ("StateMachineType", "Type"),
        ("LoggingConfiguration", "Logging"),
        ("TracingConfiguration", "Tracing"),
    ] {
        machine = machine.maybe(key, props.take(name));
    }
    machine.set("Tags", all_tags);
    let published = publish(source, props, &machine, at)?;
    let aliased = props.get("UseAliasAsEventTarget").is_some_and(truthy);
    let target = published.last().filter(|_| aliased).unwrap_or(&machine).id.clone();
    made.insert(0, machine);
    made.extend(published);
    Ok((made, target))
}

fn with_created_by(props: &Props, at: At) -> Node {
    let mut all = at.map([(CREATED_BY, at.text("SAM"))]);
    for (key, entry) in props.map("Tags").into_iter().flatten() {
        all.set(key, entry.node.clone());
    }
    all
}

fn execution_role(
    build: &Build<'_>,
    source: &Source,
    props: &Props,
    policies: Option<&Node>,
    all_tags: Node,
) -> Outcome<Made> {
    let partition = build.context.partition.as_str();
    let traced = props.get("Tracing").and_then(|tracing| tracing.get("Enabled")).and_then(Node::as_bool) == Some(true);
    let xray = if partition == "aws" { "AWSXrayWriteOnlyAccess" } else { "AWSXRayDaemonWriteAccess" };
    let parts = RoleParts {
        assume: Some(policy::assume_role("states.amazonaws.com", source.place)),
        path: props.take("RolePath"),
        boundary: props.take("PermissionsBoundary"),
        tags: Some(all_tags),
        ..RoleParts::default()
    };
    let mut role = policy::role(build, props.owner(), &source.id, policies, parts)?.attributes(source.handed_on());
    if traced {
        policy::attach(&mut role, policy::managed_arn(partition, xray, source.place));
    }
    Ok(role)
}

/// The version and the alias that `AutoPublishAlias` asks for.
fn publish(source: &Source, props: &Props, machine: &Made, at: At) -> Outcome<Vec<Made>> {
    let preference = props.get("DeploymentPreference").filter(|preference| truthy(preference));
    let Some(name) = props.get("AutoPublishAlias").filter(|name| truthy(name)) else {
        if props.get("UseAliasAsEventTarget").is_some_and(truthy) {
            let message = "'UseAliasAsEventTarget' requires 'AutoPublishAlias' property to be specified";
            return Err(props.error("UseAliasAsEventTarget", message));
        }
        if preference.is_some() {
            let message = "'DeploymentPreference' requires 'AutoPublishAlias' property to be specified";
            return Err(props.error("DeploymentPreference", message));
        }
        return Ok(Vec::new());
    };
    let word = expect::text(props.owner(), "AutoPublishAlias", name)?;
    let mut version =
        Made::new(format!("{}Version", source.id), "AWS::StepFunctions::StateMachineVersion", source.place)
            .attributes(source.handed_on())
            .with("StateMachineArn", machine.reference())
            .with("StateMachineRevisionId", machine.att("StateMachineRevisionId"));
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        if !version.attributes.contains_key(policy) {
            version.set_attribute(policy, at.text("Retain"));
        }
    }
    let mut shift = match preference {
        Some(preference) => {
            expect::map(props.owner(), "DeploymentPreference", preference)?;
            preference.clone()
        }
        None => at.map([("Type", at.text("ALL_AT_ONCE"))]),
    };
    shift.set("StateMachineVersionArn", version.reference());
    let alias = Made::new(format!("{}Alias{word}", source.id), "AWS::StepFunctions::StateMachineAlias", source.place)
        .attributes(source.handed_on())
        .with("Name", name.clone())
        .with("DeploymentPreference", shift);
    Ok(vec![version, alias])
}

#[cfg(test)]
mod tests;
