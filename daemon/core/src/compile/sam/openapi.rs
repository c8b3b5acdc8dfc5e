//! Editing an API's Swagger 2 or OpenAPI 3 document: paths, methods and integrations.
//!
//! A path or a method may be wrapped in one `Fn::If`; every edit reaches both branches, save `AWS::NoValue`.

pub(super) mod policy;
pub(super) mod security;

use super::intrinsics::is_no_value;
use super::make::{At, Outcome, truthy};
use crate::model::{Diagnostic, Entry, Map, Node, Place, Val};

/// API Gateway's name for a method that stands for all of them.
pub(super) const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
/// The extension that says what a method does.
pub(super) const INTEGRATION: &str = "x-amazon-apigateway-integration";
/// The extension that holds `disableExecuteApiEndpoint`.
pub(super) const ENDPOINT_CONFIGURATION: &str = "x-amazon-apigateway-endpoint-configuration";

/// Keys of a path item that are not methods.
const NOT_METHODS: [&str; 3] = ["summary", "description", "parameters"];

/// A Swagger 2 document with no paths, titled after the stack.
pub(super) fn swagger_skeleton(at: At) -> Node {
    skeleton(at, "swagger", "2.0")
}

/// An OpenAPI 3 document with no paths, titled after the stack.
pub(super) fn openapi_skeleton(at: At) -> Node {
    skeleton(at, "openapi", "3.0.1")
}

fn skeleton(at: At, key: &str, version: &str) -> Node {
    let info = at.map([("version", at.text("1.0")), ("title", at.reference("AWS::StackName"))]);
    at.map([(key, at.text(version)), ("info", info), ("paths", at.empty())])
}

/// Whether the value names a version of OpenAPI 3, such as `3.0` or `3.0.1`.
pub(super) fn is_version_3(version: &Node) -> bool {
    version.scalar_text().is_some_and(|text| version_matches(&text, &['3']))
}

/// Whether the value names a version that `OpenApiVersion` takes: 2 or 3, a dot and a digit, perhaps another of these.
pub(super) fn is_supported_version(version: &Node) -> bool {
    version.scalar_text().is_some_and(|text| version_matches(&text, &['2', '3']))
}

fn version_matches(text: &str, major: &[char]) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let digit = |part: &&str| part.len() == 1 && part.chars().all(|c| c.is_ascii_digit());
    (2..=3).contains(&parts.len())
        && parts.iter().all(digit)
        && parts.first().and_then(|part| part.chars().next()).is_some_and(|c| major.contains(&c))
}

/// Whether this is an inline Swagger 2 or OpenAPI 3 document.
pub(super) fn is_swagger(document: &Node) -> bool {
    has_paths(document)
        && (document.get("swagger").is_some_and(truthy)
            || document.get("openapi").is_some_and(|version| truthy(version) && is_version_3(version)))
}

/// Whether this is an inline OpenAPI 3 document.
pub(super) fn is_openapi(document: &Node) -> bool {
    has_paths(document) && document.get("openapi").is_some_and(|version| truthy(version) && is_version_3(version))
}

fn has_paths(document: &Node) -> bool {
    document.get("paths").is_some_and(|paths| paths.as_map().is_some())
}

/// An error about a document.
pub(super) fn invalid(place: Place, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("invalid-openapi", place, message)
}

/// Every path item must be a map.
///
/// # Errors
/// Names the first path that is not.
pub(super) fn check_paths(document: &Node) -> Outcome<()> {
    for (path, entry) in paths(document) {
        for item in branches(&entry.node)? {
            path_item(item, path)?;
        }
    }
    Ok(())
}

fn path_item<'a>(item: &'a Node, path: &str) -> Outcome<&'a Map> {
    item.as_map().ok_or_else(|| {
        invalid(item.place, format!("Value of '{path}' path must be a dictionary according to Swagger spec"))
    })
}

fn no_map(place: Place, path: &str, method: &str) -> Diagnostic {
    invalid(place, format!("Definition of method '{method}' for path '{path}' should be a map"))
}

/// The paths with their items.
pub(super) fn paths(document: &Node) -> impl Iterator<Item = (&String, &Entry)> {
    document.get("paths").and_then(Node::as_map).into_iter().flatten()
}

/// The names of the paths.
pub(super) fn path_names(document: &Node) -> Vec<String> {
    paths(document).map(|(path, _)| path.clone()).collect()
}

/// A value's branches: the value itself, or what its `Fn::If` chooses from.
///
/// # Errors
/// An `Fn::If` that is no list.
pub(super) fn branches(item: &Node) -> Outcome<Vec<&Node>> {
    match item.get("Fn::If") {
        None => Ok(vec![item]),
        Some(choice) => match choice.as_list() {
            Some(items) => Ok(items.iter().skip(1).filter(|item| !is_no_value(item)).collect()),
            None => Err(invalid(choice.place, "Value of Fn::If must be a list")),
        },
    }
}

/// [`branches`] to change them.
///
/// # Errors
/// An `Fn::If` that is no list.
pub(super) fn branches_mut(item: &mut Node) -> Outcome<Vec<&mut Node>> {
    if item.get("Fn::If").is_none() {
        return Ok(vec![item]);
    }
    let place = item.place;
    match item.get_mut("Fn::If").map(|choice| &mut choice.value) {
        Some(Val::List(items)) => Ok(items.iter_mut().skip(1).filter(|item| !is_no_value(item)).collect()),
        _ => Err(invalid(place, "Value of Fn::If must be a list")),
    }
}

/// A method's key in a path item: lower case, and API Gateway's own word for `ANY`.
pub(super) fn normal_method(method: &str) -> String {
    match method.to_lowercase().as_str() {
        "any" => ANY_METHOD.to_owned(),
        other => other.to_owned(),
    }
}

/// Whether a method's definition has an integration.
pub(super) fn is_integrated(definition: &Node) -> bool {
    definition.get(INTEGRATION).is_some_and(truthy)
}

/// Whether every branch of this path and method has an integration.
///
/// # Errors
/// A path item or a definition that is no map.
pub(super) fn has_integration(document: &Node, path: &str, method: &str) -> Outcome<bool> {
    let method = normal_method(method);
    let Some(item) = document.get("paths").and_then(|paths| paths.get(path)) else { return Ok(false) };
    for item in branches(item)? {
        let Some(definition) = path_item(item, path)?.get(&method) else { return Ok(false) };
        let definition = &definition.node;
        if definition.as_map().is_none() {
            return Ok(false);
        }
        let mut integrated = false;
        for branch in branches(definition)? {
            branch.as_map().ok_or_else(|| no_map(branch.place, path, &method))?;
            integrated |= is_integrated(branch);
        }
        if !integrated {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds a path and a method where they are not there yet.
///
/// # Errors
/// A path item that is no map.
pub(super) fn add_path(document: &mut Node, path: &str, method: &str, at: At) -> Outcome<()> {
    let method = normal_method(method);
    let Some(paths) = document.get_mut("paths") else { return Ok(()) };
    if paths.get(path).is_none() {
        paths.set(path, at.empty());
    }
    let Some(item) = paths.get_mut(path) else { return Ok(()) };
    for item in branches_mut(item)? {
        path_item(item, path)?;
        if item.get(&method).is_none() {
            item.set(&method, at.empty());
        }
    }
    Ok(())
}

/// Wraps a whole path in a condition.
pub(super) fn make_path_conditional(document: &mut Node, path: &str, condition: &str, at: At) {
    if let Some(item) = document.get_mut("paths").and_then(|paths| paths.get_mut(path)) {
        let whole = std::mem::replace(item, at.no_value());
        *item = at.when(condition, whole);
    }
}

/// Gives a path and method its integration and, where it has none, its responses; under a condition all of the
/// method stands only where the condition holds.
///
/// # Errors
/// A path item that is no map.
pub(super) fn add_integration(
    document: &mut Node,
    path: &str,
    method: &str,
    condition: Option<&str>,
    at: At,
    make: &dyn Fn() -> (Node, Node, Vec<(&'static str, Node)>),
) -> Outcome<()> {
    add_path(document, path, method, at)?;
    let method = normal_method(method);
    let Some(item) = document.get_mut("paths").and_then(|paths| paths.get_mut(path)) else { return Ok(()) };
    for item in branches_mut(item)? {
        let Some(definition) = item.get_mut(&method) else { continue };
        if definition.is_null() {
            *definition = at.empty();
        }
        let (integration, responses, extra) = make();
        definition.set(INTEGRATION, integration);
        for (key, value) in extra {
            definition.set(key, value);
        }
        if definition.get("responses").is_none() {
            definition.set("responses", responses);
        }
        if let Some(condition) = condition {
            let whole = std::mem::replace(definition, at.no_value());
            *definition = at.when(condition, whole);
        }
    }
    Ok(())
}

/// Runs `edit` on every integrated definition of one path and method.
///
/// # Errors
/// A path item or a definition that is no map, and what `edit` complains of.
pub(super) fn edit_method(
    document: &mut Node,
    path: &str,
    method: &str,
    edit: &mut dyn FnMut(&mut Node) -> Outcome<()>,
) -> Outcome<()> {
    let method = normal_method(method);
    let Some(item) = document.get_mut("paths").and_then(|paths| paths.get_mut(path)) else { return Ok(()) };
    for item in branches_mut(item)? {
        path_item(item, path)?;
        let place = item.place;
        let definition = item.get_mut(&method).ok_or_else(|| no_map(place, path, &method))?;
        for branch in branches_mut(definition)? {
            branch.as_map().ok_or_else(|| no_map(branch.place, path, &method))?;
            if is_integrated(branch) {
                edit(branch)?;
            }
        }
    }
    Ok(())
}

/// Runs `edit` with its method's name on every integrated definition of one path.
///
/// # Errors
/// A path item or a definition that is no map, and what `edit` complains of.
pub(super) fn edit_path(
    document: &mut Node,
    path: &str,
    edit: &mut dyn FnMut(&str, &mut Node) -> Outcome<()>,
) -> Outcome<()> {
    let Some(item) = document.get_mut("paths").and_then(|paths| paths.get_mut(path)) else { return Ok(()) };
    for item in branches_mut(item)? {
        path_item(item, path)?;
        let Some(map) = item.as_map_mut() else { continue };
        for (name, entry) in map.iter_mut().filter(|(name, _)| !NOT_METHODS.contains(&name.as_str())) {
            for branch in branches_mut(&mut entry.node)? {
                branch.as_map().ok_or_else(|| no_map(branch.place, path, name))?;
                if is_integrated(branch) {
                    edit(&normal_method(name), branch)?;
                }
            }
        }
    }
    Ok(())
}

/// Sets how long a method's integration may take, in milliseconds.
///
/// # Errors
/// As [`edit_method`].
pub(super) fn set_timeout(document: &mut Node, path: &str, method: &str, timeout: &Node) -> Outcome<()> {
    set_in_integration(document, path, method, "timeoutInMillis", timeout)
}

/// Sets one key of a method's integration.
///
/// # Errors
/// As [`edit_method`].
pub(super) fn set_in_integration(
    document: &mut Node,
    path: &str,
    method: &str,
    key: &str,
    value: &Node,
) -> Outcome<()> {
    edit_method(document, path, method, &mut |definition| {
        if let Some(integration) = definition.get_mut(INTEGRATION) {
            integration.set(key, value.clone());
        }
        Ok(())
    })
}

/// Sets `disableExecuteApiEndpoint`: on every server of an OpenAPI 3 document, at the top of a Swagger 2 one.
///
/// # Errors
/// A server or an extension that is no map.
pub(super) fn set_disable_execute_api_endpoint(document: &mut Node, value: &Node, at: At) -> Outcome<()> {
    let set = |holder: &mut Node, what: &str| -> Outcome<()> {
        if holder.as_map().is_none() {
            return Err(invalid(holder.place, format!("Invalid OpenAPI definition of '{what}': It should be a map")));
        }
        if holder.get(ENDPOINT_CONFIGURATION).is_none() {
            holder.set(ENDPOINT_CONFIGURATION, at.empty());
        }
        match holder.get_mut(ENDPOINT_CONFIGURATION) {
            Some(configuration) if configuration.as_map().is_some() => {
                configuration.set("disableExecuteApiEndpoint", value.clone());
                Ok(())
            }
            _ => Err(invalid(
                holder.place,
                format!("Invalid OpenAPI definition of '{what}': '{ENDPOINT_CONFIGURATION}' should be a map"),
            )),
        }
    };
    if !document.get("openapi").is_some_and(is_version_3) {
        return set(document, "DefinitionBody");
    }
    if document.get("servers").is_none() {
        document.set("servers", at.list([at.empty()]));
    }
    if let Some(Val::List(servers)) = document.get_mut("servers").map(|servers| &mut servers.value) {
        for (index, server) in servers.iter_mut().enumerate() {
            set(server, &format!("servers[{index}]"))?;
        }
    }
    Ok(())
}

/// A path as it stands in an ARN: each `{name}` is a `*`. A REST API takes any `{name+}`, an HTTP API only `{proxy+}`.
pub(super) fn path_in_arn(path: &str, any_greedy: bool) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut out = String::new();
    let mut rest = path;
    while let Some(start) = rest.find('{') {
        let Some(end) = rest.get(start..).and_then(|tail| tail.find('}')).map(|end| start + end) else { break };
        let (before, name) = (&rest[..start], &rest[start + 1..end]);
        out.push_str(before);
        let plain = match name.strip_suffix('+') {
            Some(plain) if any_greedy || plain == "proxy" => plain,
            _ => name,
        };
        if !plain.is_empty() && plain.chars().all(allowed) {
            out.push('*');
        } else {
            out.push_str(&rest[start..=end]);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

/// The path without a trailing slash, which API Gateway drops as well.
pub(super) fn without_trailing_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    }
}
