//! A REST API's document after its events are in: CORS, authorizers, gateway responses, models and the rest of what the
//! API's properties say about it.

use super::super::build::Build;
use super::super::expect;
use super::super::make::{At, Outcome, given, some, truthy};
use super::super::openapi::{self, policy, security};
use super::super::props::Props;
use super::super::source::Source;
use super::{authorizer, cors, gateway_response};
use crate::model::{Map, Node, Val};

/// What `Auth` of a REST API may say.
const AUTH: [&str; 8] = [
    "Authorizers",
    "DefaultAuthorizer",
    "InvokeRole",
    "AddDefaultAuthorizerToCorsPreflight",
    "AddApiKeyRequiredToCorsPreflight",
    "ApiKeyRequired",
    "ResourcePolicy",
    "UsagePlan",
];

/// The finished document, where the API has one inline.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn finish(build: &mut Build<'_>, source: &Source, props: &Props) -> Outcome<Option<Node>> {
    let at = At(source.place);
    let mut body = props.take("DefinitionBody").filter(truthy);
    let version = props.get("OpenApiVersion").filter(|version| truthy(version));
    let set = |name: &str| props.get(name).filter(|value| truthy(value));
    let inline = |body: &mut Option<Node>, name: &str| match body.take() {
        Some(body) => Ok(body),
        None => {
            let message = format!("{name} works only with inline Swagger specified in 'DefinitionBody' property");
            Err(props.error(name, message))
        }
    };
    if let Some(value) = set("Cors") {
        let mut document = inline(&mut body, "Cors")?;
        cors::add(props.owner(), &mut document, value, at)?;
        body = Some(document);
    }
    if let Some(auth) = set("Auth") {
        let mut document = inline(&mut body, "Auth")?;
        add_auth(build, props, &mut document, auth, at)?;
        to_version_3(&mut document, version, at)?;
        body = Some(document);
    }
    if let Some(responses) = set("GatewayResponses") {
        let mut document = inline(&mut body, "GatewayResponses")?;
        check(props, &document, "GatewayResponses")?;
        gateway_response::add(props.owner(), &mut document, responses, at)?;
        body = Some(document);
    }
    if let (Some(types), Some(document)) = (set("BinaryMediaTypes"), &mut body) {
        check(props, document, "BinaryMediaTypes")?;
        document.set("x-amazon-apigateway-binary-media-types", unescape(types));
    }
    if let Some(models) = set("Models") {
        let mut document = inline(&mut body, "Models")?;
        check(props, &document, "Models")?;
        add_models(props, &mut document, models, at)?;
        to_version_3(&mut document, version, at)?;
        body = Some(document);
    }
    if let Some(disable) = props.get("DisableExecuteApiEndpoint") {
        let mut document = inline(&mut body, "DisableExecuteApiEndpoint")?;
        check(props, &document, "DisableExecuteApiEndpoint")?;
        openapi::set_disable_execute_api_endpoint(&mut document, disable, at)?;
        body = Some(document);
    }
    if let Some(document) = &mut body {
        to_version_3(document, version, at)?;
    }
    Ok(body)
}

/// The document must be one that SAM can edit.
fn check(props: &Props, document: &Node, name: &str) -> Outcome<()> {
    if openapi::is_swagger(document) {
        return openapi::check_paths(document);
    }
    Err(props.error(
        name,
        format!(
            "Unable to add {name}: 'DefinitionBody' does not contain a valid Swagger definition in the template itself"
        ),
    ))
}

fn add_auth(build: &mut Build<'_>, props: &Props, document: &mut Node, auth: &Node, at: At) -> Outcome<()> {
    expect::keys(props.owner(), "Auth", auth, &AUTH)?;
    check(props, document, "Auth")?;
    let default = given(auth, "DefaultAuthorizer");
    let all = authorizer::read_all(props.owner(), given(auth, "Authorizers"), default, &mut build.diagnostics, at)?;
    let flag = |name: &str| auth.get(name).is_none_or(truthy);
    if !all.is_empty() {
        security::add_definitions(document, authorizer::definitions(&all), at)?;
    }
    if let Some(default) = default.filter(|_| !all.is_empty()) {
        let Some(name) = default.as_str() else {
            return Err(props.owner().error(default.place, "DefaultAuthorizer is not a string"));
        };
        if name != "AWS_IAM" && !all.iter().any(|authorizer| authorizer.name == name) {
            let message = format!("Unable to set DefaultAuthorizer because '{name}' was not defined in 'Authorizers'");
            return Err(props.owner().error(default.place, message));
        }
        let schemes = authorizer::schemes(&all);
        for path in openapi::path_names(document) {
            let preflight = flag("AddDefaultAuthorizerToCorsPreflight");
            security::set_default_authorizer(document, &path, name, &schemes, preflight, at)?;
        }
    }
    if given(auth, "ApiKeyRequired").is_some() {
        security::add_api_key_definition(document, at)?;
        for path in openapi::path_names(document) {
            security::set_default_api_key(document, &path, flag("AddApiKeyRequiredToCorsPreflight"), at)?;
        }
    }
    if let Some(wanted) = given(auth, "ResourcePolicy") {
        expect::map(props.owner(), "Auth.ResourcePolicy", wanted)?;
        let stage = props.take("StageName").unwrap_or_else(|| at.text(""));
        for path in openapi::path_names(document) {
            policy::add_for_path(document, wanted, &path, &stage, at)?;
        }
        if let Some(statements) = given(wanted, "CustomStatements") {
            policy::add_custom(document, statements, at);
        }
    }
    Ok(())
}

fn add_models(props: &Props, document: &mut Node, models: &Node, at: At) -> Outcome<()> {
    let mut definitions = given(document, "definitions").cloned().unwrap_or_else(|| at.empty());
    for (name, entry) in expect::map(props.owner(), "Models", models)? {
        expect::map(props.owner(), &format!("Models.{name}"), &entry.node)?;
        if given(&entry.node, "type").is_none() {
            let message = format!("'Models' schema is missing 'type' in `{name}`");
            return Err(props.owner().error(entry.node.place, message));
        }
        definitions.set(&name.to_lowercase(), entry.node.clone());
    }
    document.set("definitions", definitions);
    Ok(())
}

/// `~1` stands for `/` in a media type, as in a JSON pointer.
fn unescape(node: &Node) -> Node {
    let mut copy = node.clone();
    match &mut copy.value {
        Val::Str(text) => *text = text.replace("~1", "/"),
        Val::List(items) => items.iter_mut().for_each(|item| *item = unescape(item)),
        Val::Map(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut entry)| {
                    entry.node = unescape(&entry.node);
                    (key.replace("~1", "/"), entry)
                })
                .collect::<Map>();
        }
        _ => {}
    }
    copy
}

/// Moves what OpenAPI 3 keeps elsewhere: security definitions and models under `components`, the types of response
/// headers under `schema`. A Swagger 2 document stays as it is.
fn to_version_3(document: &mut Node, wanted: Option<&Node>, at: At) -> Outcome<()> {
    if some(document, "swagger").is_some() {
        return Ok(());
    }
    let version = wanted.or_else(|| document.get("openapi"));
    if !version.is_some_and(|version| truthy(version) && openapi::is_version_3(version)) {
        return Ok(());
    }
    for (from, to) in [("securityDefinitions", "securitySchemes"), ("definitions", "schemas")] {
        if given(document, from).is_none() {
            continue;
        }
        if let Some(moved) = document.remove(from) {
            let mut components = given(document, "components").cloned().unwrap_or_else(|| at.empty());
            components.set(to, moved);
            document.set("components", components);
        }
    }
    let Some(paths) = document.get_mut("paths").filter(|paths| truthy(paths)) else { return Ok(()) };
    let place = paths.place;
    let Some(paths) = paths.as_map_mut() else {
        return Err(openapi::invalid(place, "Value of paths must be a dictionary according to Swagger spec"));
    };
    for (path, entry) in paths {
        let item = &mut entry.node;
        if item.as_map().is_none() {
            let message = format!("Value of '{path}' path must be a dictionary according to Swagger spec");
            return Err(openapi::invalid(item.place, message));
        }
        if let Some(options) = item.get_mut("options").filter(|options| truthy(options)) {
            options_to_version_3(options, path, at)?;
        }
    }
    Ok(())
}

fn options_to_version_3(options: &mut Node, path: &str, at: At) -> Outcome<()> {
    if options.as_map().is_none() {
        let message = format!("Value of options method for path {path} must be a dictionary according to Swagger spec");
        return Err(openapi::invalid(options.place, message));
    }
    options.remove("produces");
    options.remove("consumes");
    let Some(responses) = options.get_mut("responses") else { return Ok(()) };
    let no_map = |node: &Node, what: &str| {
        openapi::invalid(
            node.place,
            format!("Invalid responses in options method for path {path}: {what} should be a map"),
        )
    };
    if responses.as_map().is_none() {
        return Err(no_map(responses, "It"));
    }
    let Some(success) = responses.get_mut("200") else { return Ok(()) };
    if success.as_map().is_none() {
        return Err(no_map(success, "'200'"));
    }
    let Some(headers) = success.get_mut("headers").filter(|headers| truthy(headers)) else { return Ok(()) };
    if headers.as_map().is_none() {
        return Err(no_map(headers, "'200.headers'"));
    }
    for entry in headers.as_map_mut().into_iter().flat_map(|map| map.values_mut()) {
        let header = std::mem::replace(&mut entry.node, at.empty());
        entry.node.set("schema", header);
    }
    Ok(())
}
