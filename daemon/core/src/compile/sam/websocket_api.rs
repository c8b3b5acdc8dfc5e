//! `AWS::Serverless::WebSocketApi`: a WebSocket API with its routes, their integrations and its stage.

use super::build::Build;
use super::http_api::domain;
use super::made::Made;
use super::make::{At, Outcome, given, shown, some, truthy};
use super::props::{Kind, Property, Props, optional, required};
use super::source::Source;
use super::{api, expect, intrinsics};
use crate::model::{Map, Node};

const PROPERTIES: [Property; 18] = [
    optional("ApiKeySelectionExpression", Kind::Str),
    optional("AccessLogSettings", Kind::Map),
    optional("Auth", Kind::Map),
    optional("DefaultRouteSettings", Kind::Map),
    optional("Description", Kind::Str),
    optional("DisableExecuteApiEndpoint", Kind::Bool),
    optional("Domain", Kind::Map),
    optional("DisableSchemaValidation", Kind::Bool),
    optional("FailOnWarnings", Kind::Bool),
    optional("IpAddressType", Kind::Str),
    optional("Name", Kind::Str),
    optional("PropagateTags", Kind::Bool),
    required("Routes", Kind::Map),
    optional("RouteSettings", Kind::Map),
    required("RouteSelectionExpression", Kind::Str),
    optional("StageName", Kind::OneOf(&[Kind::Str, Kind::Map])),
    optional("StageVariables", Kind::Map),
    optional("Tags", Kind::Map),
];

const ROUTE: [&str; 8] = [
    "ApiKeyRequired",
    "FunctionArn",
    "IntegrationTimeout",
    "ModelSelectionExpression",
    "OperationName",
    "RequestModels",
    "RequestParameters",
    "RouteResponseSelectionExpression",
];
const AUTH: [&str; 5] = ["AuthArn", "AuthType", "IdentitySource", "InvokeRole", "Name"];

/// The route on which a client is let in or not.
const CONNECT: &str = "$connect";
/// The tag that SAM puts on every WebSocket API.
const CREATED_BY: &str = "websocketapi:createdBy";

/// The API and everything that it generates.
///
/// # Errors
/// The first thing that SAM does not take.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Outcome<Vec<Made>> {
    warn_of_attributes(build, source);
    // SAM hands none of a WebSocket API's attributes on.
    let source = &source.without_attributes();
    let mut props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    for name in ["Auth", "Domain", "Routes"] {
        if let Some(value) = props.get(name) {
            let value = build.resolve(value);
            props.set(name, value);
        }
    }
    let at = At(source.place);
    let Some(routes) = props.map("Routes").filter(|routes| !routes.is_empty()).cloned() else {
        return Err(props.error("Routes", "WebSocket API must have at least one route"));
    };
    check(&props, &routes)?;
    let created_by = at.map([(CREATED_BY, at.text("SAM"))]);
    let mut tags = props.take("Tags").filter(truthy).unwrap_or_else(|| at.empty());
    tags.set(CREATED_BY, at.text("SAM"));
    let propagate = props.get("PropagateTags").is_some_and(truthy) && props.get("Tags").is_some_and(truthy);
    let inner_tags = if propagate { tags.clone() } else { created_by };

    let mut api = Made::new(&source.id, "AWS::ApiGatewayV2::Api", source.place)
        .depends_on(source.depends_on.clone())
        .with("Name", props.take("Name").unwrap_or_else(|| at.text(&source.id)))
        .with("ProtocolType", at.text("WEBSOCKET"))
        .with("Tags", tags);
    for name in [
        "ApiKeySelectionExpression",
        "Description",
        "DisableExecuteApiEndpoint",
        "DisableSchemaValidation",
        "IpAddressType",
        "RouteSelectionExpression",
    ] {
        api = api.maybe(name, props.take(name));
    }
    let mut stage = stage(source, &props, inner_tags.clone())?;
    let domain = domain::expand(build, source, &props, &stage, Some(inner_tags))?;
    let mut made = vec![api];
    let mut route_ids = Vec::new();
    for (key, entry) in &routes {
        let parts = route(source, &props, key, &entry.node, &mut build.diagnostics)?;
        route_ids.extend(parts.first().map(|route| at.text(&route.id)));
        made.extend(parts);
    }
    if props.get("RouteSettings").is_some_and(truthy) {
        stage.depends_on = Some(at.list(route_ids));
    }
    build.refer(&source.id, "Stage", &stage.id);
    if let Some(name) = domain.first() {
        build.refer(&source.id, "DomainName", &name.id);
    }
    made.extend(domain);
    made.push(stage);
    made.extend(authorizer(source, &props, at));
    Ok(made)
}

fn warn_of_attributes(build: &mut Build<'_>, source: &Source) {
    for name in ["Condition", "DeletionPolicy", "UpdateReplacePolicy"] {
        if let Some(node) = source.attribute(name) {
            let message = format!("SAM ignores `{name}` on {}", source.type_name);
            let warning = expect::as_warning(source.error(node.place, message));
            build.diagnostics.push(warning);
        }
    }
}

fn check(props: &Props, routes: &Map) -> Outcome<()> {
    let family = props.get("IpAddressType").filter(|family| !intrinsics::is_intrinsic(family));
    if family.is_some_and(|family| !matches!(family.as_str(), Some("ipv4" | "dualstack"))) {
        return Err(props.error("IpAddressType", "IpAddressType must be 'ipv4' or 'dualstack'"));
    }
    if props.get("Domain").is_some_and(|domain| given(domain, "MutualTlsAuthentication").is_some()) {
        let message = "Mutual TLS domain name association is not supported for Websocket APIs";
        return Err(props.error("Domain", message));
    }
    let Some(auth) = props.get("Auth").filter(|auth| truthy(auth)) else { return Ok(()) };
    if !routes.contains_key(CONNECT) {
        return Err(props.error("Auth", "Authorization is only available if there is a $connect route"));
    }
    expect::keys(props.owner(), "Auth", auth, &AUTH)?;
    let more = auth.as_map().is_some_and(|map| map.len() > 1);
    let Some(kind) = given(auth, "AuthType") else {
        return Err(props.error("Auth", "AuthType must be specified for additional auth configurations"));
    };
    match kind.as_str() {
        Some("CUSTOM") if given(auth, "AuthArn").is_none() => {
            Err(props.owner().error(auth.place, "AuthArn must be specified if AuthType is CUSTOM"))
        }
        Some("CUSTOM") => Ok(()),
        Some(kind @ ("AWS_IAM" | "NONE")) if more => {
            let message = format!("No additional configurations supported for AuthType {kind}");
            Err(props.owner().error(auth.place, message))
        }
        Some("AWS_IAM" | "NONE") => Ok(()),
        _ => {
            let message = format!("AuthType '{}' is not one of AWS_IAM, CUSTOM or NONE", shown(kind));
            Err(props.owner().error(kind.place, message))
        }
    }
}

fn auth_type(props: &Props) -> Option<&str> {
    props.get("Auth").filter(|auth| truthy(auth))?.get("AuthType")?.as_str()
}

fn stage(source: &Source, props: &Props, tags: Node) -> Outcome<Made> {
    let at = At(source.place);
    let name = props.take("StageName").unwrap_or_else(|| at.text("default"));
    let id = match name.as_str() {
        Some("$default") => {
            return Err(props.error("StageName", "Stages cannot be named $default for WebSocket APIs"));
        }
        Some("default") => format!("{}DefaultStage", source.id),
        Some(word) if word.chars().all(|c| c.is_ascii_alphanumeric()) => format!("{}{word}Stage", source.id),
        Some(word) => {
            let message = format!("stage name '{word}' becomes part of a logical id: it must be alphanumeric");
            return Err(props.error("StageName", message));
        }
        None => format!("{}Stage", source.id),
    };
    let mut stage = Made::new(id, "AWS::ApiGatewayV2::Stage", source.place)
        .with("ApiId", at.reference(&source.id))
        .with("StageName", name)
        .with("AutoDeploy", at.bool(true))
        .with("Tags", tags);
    for name in ["StageVariables", "AccessLogSettings", "DefaultRouteSettings", "RouteSettings"] {
        stage = stage.maybe(name, props.take(name));
    }
    Ok(stage)
}

/// A route, its integration and the permission to invoke its function.
fn route(
    source: &Source,
    props: &Props,
    key: &str,
    spec: &Node,
    notes: &mut crate::model::Diagnostics,
) -> Outcome<Vec<Made>> {
    let at = At(spec.place.or(source.place));
    let path = format!("Routes.{key}");
    expect::map(props.owner(), &path, spec)?;
    expect::warn_of_keys(props.owner(), &path, spec, &ROUTE, notes);
    let word = route_word(props, key, at)?;
    let Some(function) = spec.get("FunctionArn") else {
        return Err(props.owner().error(spec.place, format!("Route '{key}' must have associated function")));
    };
    if key != CONNECT
        && let Some(parameters) = given(spec, "RequestParameters")
    {
        let message = "Request parameters are only supported for the $connect route in WebSocket APIs";
        return Err(props.owner().error(parameters.place, message));
    }
    let id = |suffix: &str| format!("{}{word}{suffix}", source.id);
    let integration = Made::new(id("Integration"), "AWS::ApiGatewayV2::Integration", source.place)
        .with("ApiId", at.reference(&source.id))
        .with("IntegrationType", at.text("AWS_PROXY"))
        .with("IntegrationUri", invocation_uri("FunctionArn", function, at))
        .maybe("TimeoutInMillis", some(spec, "IntegrationTimeout").cloned());
    let target = Node::call(
        "Fn::Join",
        at.list([at.text("/"), at.list([at.text("integrations"), integration.reference()])]),
        at.0,
    );
    let mut route = Made::new(id("Route"), "AWS::ApiGatewayV2::Route", source.place)
        .with("RouteKey", at.text(key))
        .with("ApiId", at.reference(&source.id))
        .with("Target", target);
    for name in [
        "ApiKeyRequired",
        "ModelSelectionExpression",
        "OperationName",
        "RequestModels",
        "RouteResponseSelectionExpression",
    ] {
        route = route.maybe(name, some(spec, name).cloned());
    }
    route = route.maybe("RequestParameters", given(spec, "RequestParameters").cloned());
    if let Some(kind) = auth_type(props).filter(|_| key == CONNECT) {
        route.set("AuthorizationType", at.text(kind));
        if kind == "CUSTOM" {
            route.set("AuthorizerId", at.reference(&authorizer_id(source)));
        }
    }
    let start =
        format!("arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{}.ApiId}}/", source.id);
    let stage = props.take("StageName").unwrap_or_else(|| at.text("default"));
    let arn = match stage.as_str() {
        Some(stage) => at.sub(format!("{start}{stage}/{key}")),
        None => at.sub_with(format!("{start}${{__StageName__}}/{key}"), [("__StageName__", stage)]),
    };
    let permission = Made::new(id("Permission"), "AWS::Lambda::Permission", source.place)
        .with("Action", at.text("lambda:InvokeFunction"))
        .with("FunctionName", function.clone())
        .with("Principal", at.text("apigateway.amazonaws.com"))
        .with("SourceArn", arn);
    Ok(vec![route, integration, permission])
}

/// A route's key as part of a logical id.
fn route_word(props: &Props, key: &str, at: At) -> Outcome<String> {
    let word = match key {
        "$connect" | "$disconnect" | "$default" => key.trim_start_matches('$'),
        _ if !key.is_empty() && key.chars().all(char::is_alphanumeric) => key,
        _ => {
            let message = format!(
                "Route key '{key}' must be alphanumeric. Only $connect, $disconnect, and $default special routes are \
                 supported"
            );
            return Err(props.owner().error(at.0, message));
        }
    };
    let mut chars = word.chars();
    Ok(chars.next().map(|first| first.to_uppercase().to_string() + &chars.as_str().to_lowercase()).unwrap_or_default())
}

fn invocation_uri(variable: &str, function: &Node, at: At) -> Node {
    at.sub_with(
        format!("arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{variable}}}/invocations"),
        [(variable, function.clone())],
    )
}

fn authorizer_id(source: &Source) -> String {
    format!("{}ConnectAuthorizer", source.id)
}

/// The authorizer of the `$connect` route, and the permission that it needs where it has no role.
fn authorizer(source: &Source, props: &Props, at: At) -> Vec<Made> {
    let auth = props.get("Auth").filter(|_| auth_type(props) == Some("CUSTOM"));
    let Some((auth, function)) = auth.and_then(|auth| Some((auth, given(auth, "AuthArn")?))) else { return Vec::new() };
    let id = authorizer_id(source);
    let mut made = vec![
        Made::new(&id, "AWS::ApiGatewayV2::Authorizer", source.place)
            .with("ApiId", at.reference(&source.id))
            .with("AuthorizerType", at.text("REQUEST"))
            .with("AuthorizerUri", invocation_uri("AuthArn", function, at))
            .with("Name", given(auth, "Name").cloned().unwrap_or_else(|| at.text(&id)))
            .maybe("AuthorizerCredentialsArn", some(auth, "InvokeRole").cloned())
            .maybe("IdentitySource", some(auth, "IdentitySource").cloned()),
    ];
    if given(auth, "InvokeRole").is_none() {
        made.push(api::authorizer_permission(source, format!("{}AuthorizerPermission", source.id), function.clone()));
    }
    made
}

#[cfg(test)]
mod tests;
