//! Who may call a method: the `security` lists of methods and the schemes they name.

use super::super::make::{At, Outcome, given, some, truthy};
use super::{edit_method, edit_path, invalid};
use crate::model::{Node, Val};

/// Marks a method that asked for no authorizer, until the API's default is known.
const NONE: &str = "NONE";
/// Marks a method that asked for no API key, until the API's default is known.
const NO_API_KEY: &str = "api_key_false";
const API_KEY: &str = "api_key";
const IAM: &str = "AWS_IAM";

/// An authorizer that a method may name: its name and the scopes it asks for by itself.
pub(in crate::compile::sam) struct Scheme {
    pub(in crate::compile::sam) name: String,
    pub(in crate::compile::sam) scopes: Option<Node>,
}

/// Adds schemes to `securityDefinitions`.
///
/// # Errors
/// A `securityDefinitions` that is no map.
pub(in crate::compile::sam) fn add_definitions(
    document: &mut Node,
    definitions: Vec<(String, Node)>,
    at: At,
) -> Outcome<()> {
    if !document.get("securityDefinitions").is_some_and(truthy) {
        document.set("securityDefinitions", at.empty());
    }
    match document.get_mut("securityDefinitions") {
        Some(all) if all.as_map().is_some() => {
            for (name, definition) in definitions {
                all.set(&name, definition);
            }
            Ok(())
        }
        _ => Err(invalid(document.place, "securityDefinitions must be a dictionary")),
    }
}

fn add_missing_definition(document: &mut Node, name: &str, definition: Node, at: At) -> Outcome<()> {
    match document.get("securityDefinitions").and_then(|all| all.get(name)) {
        Some(_) => Ok(()),
        None => add_definitions(document, vec![(name.to_owned(), definition)], at),
    }
}

/// Adds the scheme of requests signed with IAM credentials, where it is not there yet.
fn add_iam_definition(document: &mut Node, at: At) -> Outcome<()> {
    let definition = at.map([
        ("x-amazon-apigateway-authtype", at.text("awsSigv4")),
        ("type", at.text("apiKey")),
        ("name", at.text("Authorization")),
        ("in", at.text("header")),
    ]);
    add_missing_definition(document, IAM, definition, at)
}

/// Adds the scheme of API keys, where it is not there yet.
///
/// # Errors
/// A `securityDefinitions` that is no map.
pub(in crate::compile::sam) fn add_api_key_definition(document: &mut Node, at: At) -> Outcome<()> {
    let definition = at.map([("type", at.text("apiKey")), ("name", at.text("x-api-key")), ("in", at.text("header"))]);
    add_missing_definition(document, API_KEY, definition, at)
}

/// A method's security requirements.
fn requirements(definition: &Node, path: &str, method: &str) -> Outcome<Vec<Node>> {
    let Some(list) = definition.get("security") else { return Ok(Vec::new()) };
    let list = list.as_list().ok_or_else(|| {
        invalid(list.place, format!("Type of security for path {path} method {method} must be a list"))
    })?;
    if let Some(wrong) = list.iter().find(|item| item.as_map().is_none()) {
        return Err(invalid(
            wrong.place,
            format!("Security for path {path} method {method} holds {}, not a map", wrong.type_word()),
        ));
    }
    Ok(list.to_vec())
}

fn names(requirement: &Node, name: &str) -> bool {
    requirement.get(name).is_some()
}

fn require(name: &str, scopes: Node, at: At) -> Node {
    at.map([(name, scopes)])
}

/// Gives every method of a path the default authorizer, unless it chose one or none itself.
///
/// # Errors
/// A method whose `security` is no list of maps.
pub(in crate::compile::sam) fn set_default_authorizer(
    document: &mut Node,
    path: &str,
    default: &str,
    authorizers: &[Scheme],
    preflight_too: bool,
    at: At,
) -> Outcome<()> {
    let mut signed = false;
    edit_path(document, path, &mut |method, definition| {
        if method == "options" && !preflight_too {
            return Ok(());
        }
        let is_authorizer =
            |item: &Node| names(item, IAM) || authorizers.iter().any(|scheme| names(item, &scheme.name));
        let (chosen, mut others): (Vec<Node>, Vec<Node>) =
            requirements(definition, path, method)?.into_iter().partition(is_authorizer);
        if let Some(none) = others.iter().position(|item| names(item, NONE)) {
            others.remove(none);
        } else if chosen.is_empty() {
            let scopes =
                authorizers.iter().find(|scheme| scheme.name == default).and_then(|scheme| scheme.scopes.clone());
            others.push(require(default, scopes.unwrap_or_else(|| at.list([])), at));
        } else {
            others.extend(chosen);
        }
        if let Some(first) = others.first() {
            signed |= names(first, IAM);
            definition.set("security", Node::new(Val::List(others), at.0));
        }
        Ok(())
    })?;
    if signed { add_iam_definition(document, at) } else { Ok(()) }
}

/// Asks every method of a path for an API key, unless it said that it needs none.
///
/// # Errors
/// A method whose `security` is no list of maps.
pub(in crate::compile::sam) fn set_default_api_key(
    document: &mut Node,
    path: &str,
    preflight_too: bool,
    at: At,
) -> Outcome<()> {
    edit_path(document, path, &mut |method, definition| {
        let before = requirements(definition, path, method)?;
        let is_key = |item: &Node| names(item, API_KEY) || names(item, NO_API_KEY);
        let (keys, mut others): (Vec<Node>, Vec<Node>) = before.into_iter().partition(is_key);
        let had_keys = !keys.is_empty();
        let refused = keys.iter().any(|item| names(item, NO_API_KEY));
        let wanted = !refused && (method != "options" || preflight_too);
        if wanted {
            others.push(require(API_KEY, at.list([]), at));
        }
        if wanted || had_keys {
            definition.set("security", Node::new(Val::List(others), at.0));
        }
        Ok(())
    })
}

/// Applies an event's `Authorizer`, `AuthorizationScopes` and `ApiKeyRequired` to its method of a REST API.
///
/// # Errors
/// A method whose `security` is no list of maps, an authorizer that is no map.
pub(in crate::compile::sam) fn set_method_auth(
    document: &mut Node,
    path: &str,
    method: &str,
    auth: &Node,
    authorizers: Option<&Node>,
    at: At,
) -> Outcome<()> {
    if let Some(name) = given(auth, "Authorizer").and_then(Node::as_str) {
        let authorizer = authorizers.and_then(|all| some(all, name));
        let scopes = authorizer
            .filter(|_| name != NONE)
            .and_then(|own| some(auth, "AuthorizationScopes").or_else(|| some(own, "AuthorizationScopes")))
            .cloned();
        let requirement = require(name, scopes.unwrap_or_else(|| at.list([])), at);
        if append(document, path, method, &requirement, at)? {
            add_iam_definition(document, at)?;
        }
    }
    if let Some(required) = some(auth, "ApiKeyRequired") {
        let name = if truthy(required) { API_KEY } else { NO_API_KEY };
        if truthy(required) {
            add_api_key_definition(document, at)?;
        }
        append(document, path, method, &require(name, at.list([]), at), at)?;
    }
    Ok(())
}

/// Appends a requirement to a method's list; tells whether the list begins with IAM.
///
/// # Errors
/// A method whose `security` is no list of maps.
pub(in crate::compile::sam) fn append(
    document: &mut Node,
    path: &str,
    method: &str,
    requirement: &Node,
    at: At,
) -> Outcome<bool> {
    let mut signed = false;
    edit_method(document, path, method, &mut |definition| {
        let mut all = requirements(definition, path, method)?;
        all.push(requirement.clone());
        signed |= all.first().is_some_and(|first| names(first, IAM));
        definition.set("security", Node::new(Val::List(all), at.0));
        Ok(())
    })?;
    Ok(signed)
}
