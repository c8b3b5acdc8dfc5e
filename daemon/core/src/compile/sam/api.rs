//! `AWS::Serverless::Api`: a REST API with its deployment, stage, authorizers, domain and usage plan.

mod authorizer;
mod cors;
mod document;
pub(super) mod domain;
mod gateway_response;
pub(super) mod implicit;
pub(super) mod link;
mod stage;
mod usage_plan;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::build::Build;
use super::made::Made;
use super::make::{At, Outcome, given, some, truthy};
use super::props::{Kind, Property, Props, optional, required};
use super::source::Source;
use super::{artifact, expect, openapi, tags};
use crate::model::Node;

pub(super) use usage_plan::SharedUsagePlan;

const TEXT: Kind = Kind::OneOf(&[Kind::Str, Kind::Map]);

const PROPERTIES: [Property; 32] = [
    optional("Name", TEXT),
    required("StageName", TEXT),
    optional("Tags", Kind::Map),
    optional("PropagateTags", Kind::Bool),
    optional("DefinitionBody", Kind::Map),
    optional("DefinitionUri", TEXT),
    optional("MergeDefinitions", Kind::Bool),
    optional("CacheClusterEnabled", Kind::Bool),
    optional("CacheClusterSize", Kind::Str),
    optional("Variables", Kind::Map),
    optional("EndpointConfiguration", TEXT),
    optional("MethodSettings", Kind::List),
    optional("BinaryMediaTypes", Kind::List),
    optional("MinimumCompressionSize", Kind::Int),
    optional("Cors", TEXT),
    optional("Auth", Kind::Map),
    optional("GatewayResponses", Kind::Map),
    optional("AccessLogSetting", Kind::Map),
    optional("CanarySetting", Kind::Map),
    optional("TracingEnabled", Kind::Bool),
    optional("OpenApiVersion", Kind::Str),
    optional("Models", Kind::Map),
    optional("Domain", Kind::Map),
    optional("FailOnWarnings", Kind::Bool),
    optional("Description", Kind::Str),
    optional("Mode", Kind::Str),
    optional("DisableExecuteApiEndpoint", Kind::Bool),
    optional("ApiKeySourceType", Kind::Str),
    optional("AlwaysDeploy", Kind::Bool),
    optional("Policy", TEXT),
    optional("SecurityPolicy", Kind::Str),
    optional("EndpointAccessMode", Kind::Str),
];

/// What the APIs of one template share.
#[derive(Default)]
pub(super) struct Apis {
    /// The ids of the APIs whose documents SAM writes, from the events of functions and state machines.
    pub managed: BTreeSet<String>,
    /// The ids of the implicit APIs that events asked for.
    pub implicit: BTreeSet<&'static str>,
    /// The record set groups of hosted zones, by id: one zone has one group.
    pub record_sets: IndexMap<String, Made>,
    /// The usage plan of `CreateUsagePlan: SHARED`.
    pub usage_plan: SharedUsagePlan,
}

/// Types whose `Tags` follow from `PropagateTags`.
const TAGGED: [&str; 7] = [
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::DomainNameV2",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::DomainNameAccessAssociation",
];

/// Names by which a template may refer to what an API generates.
const REFERABLE: [(&str, &str); 7] = [
    ("Stage", "AWS::ApiGateway::Stage"),
    ("Deployment", "AWS::ApiGateway::Deployment"),
    ("DomainName", "AWS::ApiGateway::DomainName"),
    ("DomainNameV2", "AWS::ApiGateway::DomainNameV2"),
    ("UsagePlan", "AWS::ApiGateway::UsagePlan"),
    ("UsagePlanKey", "AWS::ApiGateway::UsagePlanKey"),
    ("ApiKey", "AWS::ApiGateway::ApiKey"),
];

/// The API and everything that it generates.
///
/// # Errors
/// The first thing that SAM does not take.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Outcome<Vec<Made>> {
    let mut props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    expect::plain(&props, &PROPERTIES, &["MergeDefinitions", "AlwaysDeploy"])?;
    for name in ["BinaryMediaTypes", "Domain", "Auth"] {
        if let Some(value) = props.get(name) {
            let value = build.resolve(value);
            props.set(name, value);
        }
    }
    let api = rest_api(build, source, &props)?;
    let deployment = stage::deployment(source, &props, &api);
    let stage = stage::stage(source, &props, &deployment);
    let mut made = vec![api];
    let permissions = permissions(build, source, &props)?;
    let domain = domain::rest(build, source, &props, &stage)?;
    let plan = usage_plan::expand(build, source, &props, &stage)?;
    made.extend([deployment, stage]);
    made.extend(permissions);
    made.extend(domain);
    made.extend(plan);
    let propagated = props.get("Tags").filter(|tags| truthy(tags) && props.get("PropagateTags").is_some_and(truthy));
    if let Some(all) = propagated {
        for resource in made.iter_mut().filter(|resource| TAGGED.contains(&resource.type_name.as_str())) {
            resource.set("Tags", tags::list(all));
        }
    }
    for (name, type_name) in REFERABLE {
        if let Some(target) = made.iter().rev().find(|resource| resource.type_name == type_name) {
            build.refer(&source.id, name, &target.id);
        }
    }
    Ok(made)
}

fn rest_api(build: &mut Build<'_>, source: &Source, props: &Props) -> Outcome<Made> {
    let at = At(source.place);
    let uri = props.get("DefinitionUri").filter(|uri| truthy(uri));
    if uri.is_some() && props.get("DefinitionBody").is_some_and(truthy) {
        let message = "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both";
        return Err(props.error("DefinitionUri", message));
    }
    if uri.is_some() && props.get("MergeDefinitions").is_some_and(truthy) {
        let message = "Cannot set 'MergeDefinitions' to True when using `DefinitionUri`";
        return Err(props.error("MergeDefinitions", message));
    }
    let version = props.get("OpenApiVersion").filter(|version| truthy(version));
    if version.is_some_and(|version| !openapi::is_supported_version(version)) {
        return Err(props.error("OpenApiVersion", "The OpenApiVersion value must be of the format '3.0.0'"));
    }
    let mut api = Made::new(&source.id, "AWS::ApiGateway::RestApi", source.place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone())
        .maybe("BinaryMediaTypes", props.take("BinaryMediaTypes"))
        .maybe("MinimumCompressionSize", props.take("MinimumCompressionSize"));
    match props.get("EndpointConfiguration").filter(|configuration| truthy(configuration)) {
        Some(configuration) => set_endpoint(&mut api, props, configuration, at)?,
        // Only the commercial partition knows edge-optimised endpoints, which are the default there.
        None if build.context.partition != "aws" => set_endpoint(&mut api, props, &at.text("REGIONAL"), at)?,
        None => {}
    }
    let body = document::finish(build, source, props)?;
    for name in [
        "FailOnWarnings",
        "Name",
        "Description",
        "Mode",
        "ApiKeySourceType",
        "Policy",
        "SecurityPolicy",
        "EndpointAccessMode",
    ] {
        api = api.maybe(name, props.take(name).filter(truthy));
    }
    match (uri, body) {
        (Some(uri), _) => {
            api.set("BodyS3Location", artifact::location(props, "DefinitionUri", uri, &artifact::DOCUMENT)?);
        }
        (None, Some(body)) => api.set("Body", body),
        (None, None) => {}
    }
    Ok(api)
}

fn set_endpoint(api: &mut Made, props: &Props, configuration: &Node, at: At) -> Outcome<()> {
    let Some(kind) = given(configuration, "Type") else {
        api.set("EndpointConfiguration", at.map([("Types", at.list([configuration.clone()]))]));
        api.set("Parameters", at.map([("endpointConfigurationTypes", configuration.clone())]));
        return Ok(());
    };
    let mut endpoint = at.map([("Types", at.list([kind.clone()]))]);
    let ids = (configuration.get("VPCEndpointIds"), configuration.get("VpcEndpointIds"));
    if ids.0.is_some() && ids.1.is_some() {
        let message = "'VPCEndpointIds' and 'VpcEndpointIds' cannot be used together in EndpointConfiguration";
        return Err(props.error("EndpointConfiguration", message));
    }
    if let Some(ids) = ids.0.or(ids.1).filter(|ids| !ids.is_null()) {
        endpoint.set("VpcEndpointIds", ids.clone());
    }
    if let Some(family) = some(configuration, "IpAddressType") {
        endpoint.set("IpAddressType", family.clone());
    }
    api.set("EndpointConfiguration", endpoint);
    api.set("Parameters", at.map([("endpointConfigurationTypes", kind.clone())]));
    Ok(())
}

/// The permissions by which API Gateway may invoke Lambda authorizers.
fn permissions(build: &mut Build<'_>, source: &Source, props: &Props) -> Outcome<Vec<Made>> {
    let at = At(source.place);
    let Some(auth) = props.get("Auth").filter(|auth| truthy(auth)) else { return Ok(Vec::new()) };
    let all = authorizer::read_all(props.owner(), given(auth, "Authorizers"), None, &mut build.diagnostics, at)?;
    Ok(all
        .into_iter()
        .filter_map(|authorizer| {
            let function = authorizer.invokes?;
            let id = format!("{}{}AuthorizerPermission", source.id, authorizer.name);
            Some(authorizer_permission(source, id, function))
        })
        .collect())
}

/// The permission by which API Gateway may invoke an authorizer's function for the API of this id.
pub(super) fn authorizer_permission(source: &Source, id: String, function: Node) -> Made {
    let at = At(source.place);
    let arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*";
    Made::new(id, "AWS::Lambda::Permission", source.place)
        .attributes(source.handed_on())
        .with("Action", at.text("lambda:InvokeFunction"))
        .with("FunctionName", function)
        .with("Principal", at.text("apigateway.amazonaws.com"))
        .with("SourceArn", at.sub_with(arn, [("__ApiId__", at.reference(&source.id))]))
}

#[cfg(test)]
mod tests;
