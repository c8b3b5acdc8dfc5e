//! Event `HttpApi`: a route of an HTTP API.

use super::super::api::link::Link;
use super::super::build::Build;
use super::super::intrinsics::as_if;
use super::super::made::Made;
use super::super::make::{At, Outcome, given, shown, some, truthy};
use super::super::openapi::{self, ANY_METHOD, INTEGRATION, security};
use super::super::props::{Kind, Owner, Property, Props, optional};
use super::api::{invocation_uri, invoke_permission};
use super::{Event, Target};
use crate::model::{Node, Val};

/// The route that takes what no other does.
const DEFAULT: &str = "$default";

const PROPERTIES: [Property; 8] = [
    optional("Path", Kind::Str),
    optional("Method", Kind::Str),
    optional("ApiId", Kind::Str),
    optional("Stage", Kind::Str),
    optional("Auth", Kind::Map),
    optional("TimeoutInMillis", Kind::Int),
    optional("RouteSettings", Kind::Map),
    optional("PayloadFormatVersion", Kind::Str),
];

/// The permission for the route; the route itself goes into its API's document.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn expand(build: &mut Build<'_>, event: &Event, target: &Target<'_>) -> Outcome<Vec<Made>> {
    let props = event.props(&PROPERTIES)?;
    let Some(link) = Link::find(build, &props, "ApiId")? else { return Ok(Vec::new()) };
    let at = At(event.place);
    let mut covered = false;
    if link.inline {
        link.edit(build, |document| {
            if !openapi::is_openapi(document) {
                let message = "Invalid OpenApi document. Invalid values or missing keys for 'openapi' or 'paths' in \
                               'DefinitionBody'";
                return Err(Owner::resource(&link.api, document.place).error(document.place, message));
            }
            covered = link.path != DEFAULT && default_goes_to(document, &target.id)?;
            integrate(&link, &props, target, document, at)
        })?;
    }
    Ok(if covered { Vec::new() } else { vec![permission(event, &link, &props, target, at)] })
}

/// Whether the default route calls the same function, so that its permission covers every other route.
fn default_goes_to(document: &Node, function: &str) -> Outcome<bool> {
    if !openapi::has_integration(document, DEFAULT, ANY_METHOD)? {
        return Ok(false);
    }
    let item = document.get("paths").and_then(|paths| paths.get(DEFAULT));
    let Some(item) = item else { return Ok(false) };
    for item in openapi::branches(item)? {
        let Some(definition) = item.get(ANY_METHOD) else { return Ok(false) };
        for definition in openapi::branches(definition)? {
            let Some(uri) = definition.get(INTEGRATION).and_then(|integration| integration.get("uri")) else {
                return Ok(false);
            };
            let uris = match as_if(uri) {
                Some((_, yes, no)) => vec![yes, no],
                None => vec![uri],
            };
            let calls = |uri: &Node| {
                let text = uri.get("Fn::Sub").and_then(Node::as_str).unwrap_or_default();
                text.contains(&format!("${{{function}.Arn}}"))
            };
            if !uris.into_iter().filter(|uri| !super::super::intrinsics::is_no_value(uri)).all(calls) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn permission(event: &Event, link: &Link, props: &Props, target: &Target<'_>, at: At) -> Made {
    let any = link.method == "any" || link.method == ANY_METHOD;
    let path = match openapi::without_trailing_slash(&link.path) {
        DEFAULT => String::new(),
        path => openapi::path_in_arn(path, false),
    };
    let method = if any { "*".to_owned() } else { link.method.to_uppercase() };
    let route = if link.method == "any" && path == "/$default" { path } else { format!("/{method}{path}") };
    let arn = format!(
        "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/${{__Stage__}}{route}"
    );
    let api = props.take("ApiId").unwrap_or_else(|| at.text(""));
    let source = at.sub_with(arn, [("__ApiId__", api), ("__Stage__", at.text("*"))]);
    invoke_permission(format!("{}Permission", event.id), target, source, at)
}

fn integrate(link: &Link, props: &Props, target: &Target<'_>, document: &mut Node, at: At) -> Outcome<()> {
    let (path, method) = (link.path.as_str(), link.method.as_str());
    let there = openapi::has_integration(document, path, method)?;
    if there && link.managed {
        return Err(props.error("Path", format!("API method '{method}' defined multiple times for path '{path}'")));
    }
    if !there {
        let condition = target.attributes.get("Condition").and_then(|entry| entry.node.as_str());
        let uri = invocation_uri(target, false, at);
        let is_default = path == DEFAULT && openapi::normal_method(method) == ANY_METHOD;
        openapi::add_integration(document, path, method, condition, at, &|| {
            let uri = match condition {
                Some(condition) => at.when(condition, uri.clone()),
                None => uri.clone(),
            };
            let integration = at.map([
                ("type", at.text("aws_proxy")),
                ("httpMethod", at.text("POST")),
                ("payloadFormatVersion", at.text("2.0")),
                ("uri", uri),
            ]);
            let extra = if is_default { vec![("isDefaultRoute", at.bool(true))] } else { Vec::new() };
            (integration, at.empty(), extra)
        })?;
    }
    if let Some(auth) = props.get("Auth").filter(|auth| truthy(auth)) {
        add_auth(link, props, auth, document, at)?;
    }
    if let Some(timeout) = props.get("TimeoutInMillis").filter(|timeout| truthy(timeout)) {
        openapi::set_timeout(document, path, method, timeout)?;
    }
    add_path_parameters(link, document, at)?;
    if let Some(version) = props.get("PayloadFormatVersion").filter(|version| truthy(version)) {
        openapi::set_in_integration(document, path, method, "payloadFormatVersion", version)?;
    }
    Ok(())
}

fn add_auth(link: &Link, props: &Props, auth: &Node, document: &mut Node, at: At) -> Outcome<()> {
    let of_api = link.auth.as_ref();
    let default = of_api.and_then(|api| given(api, "DefaultAuthorizer"));
    let owner = props.owner();
    let Some(named) = given(auth, "Authorizer").or(default) else {
        let message = "'Auth' section requires either an explicit 'Authorizer' set or a 'DefaultAuthorizer' configured \
                       on the HttpApi";
        return Err(owner.error(auth.place, message));
    };
    let iam = of_api.and_then(|api| api.get("EnableIamAuthorizer")).and_then(Node::as_bool) == Some(true);
    let authorizers = of_api.and_then(|api| given(api, "Authorizers"));
    let (on, word) = (link.method_words(), shown(named));
    let wrong = |why: &str| Err(owner.error(named.place, format!("Unable to set Authorizer [{word}] {on} {why}")));
    let own = match named.as_str() {
        Some("NONE") => {
            if default.is_none() {
                return wrong("because 'NONE' is only a valid value when a DefaultAuthorizer on the API is specified");
            }
            None
        }
        Some("AWS_IAM") if iam => None,
        name => {
            let Some(authorizers) = authorizers else {
                return wrong("because the related API does not define any Authorizers");
            };
            let (Some(name), Some(_)) = (name, authorizers.as_map()) else {
                return wrong(
                    "The method authorizer must be a string with a corresponding dict entry in the api authorizer",
                );
            };
            let Some(own) = given(authorizers, name) else {
                return wrong("because it wasn't defined in the API's Authorizers");
            };
            (name != "AWS_IAM").then_some(own)
        }
    };
    let scopes = given(auth, "AuthorizationScopes");
    if let Some(scopes) = scopes.filter(|scopes| scopes.as_list().is_none()) {
        let message = format!("Unable to set Authorizer {on} because 'AuthorizationScopes' must be a list of strings");
        return Err(owner.error(scopes.place, message));
    }
    let scopes = own.and_then(|own| scopes.or_else(|| given(own, "AuthorizationScopes"))).cloned();
    let name = named.as_str().unwrap_or_default();
    let requirement = at.map([(name, scopes.unwrap_or_else(|| at.list([])))]);
    security::append(document, &link.path, &link.method, &requirement, at).map(|_| ())
}

/// Declares each `{name}` of the path.
fn add_path_parameters(link: &Link, document: &mut Node, at: At) -> Outcome<()> {
    let mut names = Vec::new();
    let mut rest = link.path.as_str();
    while let Some((name, after)) = rest.split_once('{').and_then(|(_, after)| after.split_once('}')) {
        names.push(name.to_owned());
        rest = after;
    }
    if names.is_empty() {
        return Ok(());
    }
    openapi::edit_method(document, &link.path, &link.method, &mut |definition| {
        if some(definition, "parameters").is_none() {
            definition.set("parameters", at.list([]));
        }
        let Some(Val::List(list)) = definition.get_mut("parameters").map(|list| &mut list.value) else {
            return Ok(());
        };
        for name in &names {
            let found = list.iter_mut().find(|item| item.get("name").and_then(Node::as_str) == Some(name));
            match found {
                Some(existing) => {
                    existing.set("in", at.text("path"));
                    existing.set("required", at.bool(true));
                }
                None => {
                    list.push(at.map([("name", at.text(name)), ("in", at.text("path")), ("required", at.bool(true))]))
                }
            }
        }
        Ok(())
    })
}
