//! The documents that SAM writes: those of APIs that have none of their own, and of the implicit APIs
//! (`ServerlessRestApi`, `ServerlessHttpApi`) that events without an API ask for.
//!
//! This runs before Globals and before any function is expanded: it gives every API event its API, path and method, and
//! puts its path into that API's document.

use indexmap::IndexMap;

use super::super::build::Build;
use super::super::make::{At, Outcome, given, truthy};
use super::super::openapi::{self, ANY_METHOD};
use super::super::props::Owner;
use crate::model::{Entry, Node, Val};

/// One of the two kinds of API that events may ask for.
struct Kind {
    event: &'static str,
    id_property: &'static str,
    implicit_id: &'static str,
    type_name: &'static str,
    http: bool,
}

const REST: Kind = Kind {
    event: "Api",
    id_property: "RestApiId",
    implicit_id: "ServerlessRestApi",
    type_name: "AWS::Serverless::Api",
    http: false,
};

const HTTP: Kind = Kind {
    event: "HttpApi",
    id_property: "ApiId",
    implicit_id: "ServerlessHttpApi",
    type_name: "AWS::Serverless::HttpApi",
    http: true,
};

impl Kind {
    fn skeleton(&self, at: At) -> Node {
        if self.http { openapi::openapi_skeleton(at) } else { openapi::swagger_skeleton(at) }
    }

    fn is_valid(&self, document: &Node) -> bool {
        if self.http { openapi::is_openapi(document) } else { openapi::is_swagger(document) }
    }
}

/// Who asks for an API's paths: conditions by path and method, and the policies of the resources they come from.
#[derive(Default)]
struct Users {
    conditions: IndexMap<String, IndexMap<String, Option<String>>>,
    deletion: Vec<String>,
    replacement: Vec<String>,
}

/// Writes the skeletons and gives every API event its place in a document.
pub(in crate::compile::sam) fn prepare(build: &mut Build<'_>) {
    for kind in [&REST, &HTTP] {
        for id in ids_of_type(build, &[kind.type_name]) {
            add_skeleton(build, kind, &id);
        }
    }
    for kind in [&REST, &HTTP] {
        let mut users = IndexMap::new();
        for id in ids_of_type(build, &["AWS::Serverless::Function", "AWS::Serverless::StateMachine"]) {
            place_events(build, kind, &id, &mut users);
        }
        finish_implicit(build, kind, &users);
        make_paths_conditional(build, kind, &users);
    }
}

/// Once Globals are merged: `OpenApiVersion` makes an OpenAPI 3 document of what SAM writes.
pub(in crate::compile::sam) fn apply_version(build: &mut Build<'_>) {
    for id in ids_of_type(build, &[REST.type_name]) {
        if !build.apis.managed.contains(&id) {
            continue;
        }
        let Some(properties) = build.written_node_mut(&id).and_then(|api| api.get_mut("Properties")) else { continue };
        let Some(version) = given(properties, "OpenApiVersion").filter(|version| openapi::is_version_3(version)) else {
            continue;
        };
        let version = Node::str(version.scalar_text().unwrap_or_default(), version.place);
        properties.set("OpenApiVersion", version.clone());
        if let Some(document) = properties.get_mut("DefinitionBody") {
            document.set("openapi", version);
            document.remove("swagger");
        }
    }
}

fn ids_of_type(build: &Build<'_>, types: &[&str]) -> Vec<String> {
    let is_type = |node: &Node| node.get("Type").and_then(Node::as_str).is_some_and(|name| types.contains(&name));
    build.written().filter(|(_, entry)| is_type(&entry.node)).map(|(id, _)| id.clone()).collect()
}

fn add_skeleton(build: &mut Build<'_>, kind: &Kind, id: &str) {
    let Some(api) = build.written_node_mut(id) else { return };
    let at = At(api.place);
    if api.get("Properties").is_none_or(Node::is_null) {
        api.set("Properties", at.empty());
    }
    let Some(properties) = api.get_mut("Properties").filter(|properties| properties.as_map().is_some()) else { return };
    if ["DefinitionBody", "DefinitionUri"].iter().all(|name| given(properties, name).is_none()) {
        properties.set("DefinitionBody", kind.skeleton(at));
        build.apis.managed.insert(id.to_owned());
    }
}

/// The id of an API that text or a `Ref` names.
pub(in crate::compile::sam) fn api_id(node: &Node) -> Option<&str> {
    node.as_str().or_else(|| node.get("Ref").and_then(Node::as_str))
}

fn place_events(build: &mut Build<'_>, kind: &Kind, id: &str, users: &mut IndexMap<String, Users>) {
    let Some(resource) = build.written_node(id) else { return };
    let Some(events) =
        resource.get("Properties").and_then(|properties| properties.get("Events")).and_then(Node::as_map)
    else {
        return;
    };
    let found: Vec<(String, Entry)> = events
        .iter()
        .filter(|(_, entry)| entry.node.get("Type").and_then(Node::as_str) == Some(kind.event))
        .map(|(name, entry)| (name.clone(), entry.clone()))
        .collect();
    for (name, entry) in found {
        let owner = Owner::event(id, &name, entry.key_place);
        match place_event(build, kind, id, &owner, &entry, users) {
            Ok(None) => {}
            Ok(Some(properties)) => {
                let event = build
                    .written_node_mut(id)
                    .and_then(|resource| resource.get_mut("Properties")?.get_mut("Events")?.get_mut(&name));
                if let Some(event) = event {
                    event.set("Properties", properties);
                }
            }
            Err(diagnostic) => build.diagnostics.push(diagnostic),
        }
    }
}

/// Gives one event its API, path and method; `None` where it has no properties and is judged later.
fn place_event(
    build: &mut Build<'_>,
    kind: &Kind,
    id: &str,
    owner: &Owner,
    entry: &Entry,
    users: &mut IndexMap<String, Users>,
) -> Outcome<Option<Node>> {
    let at = At(entry.key_place);
    let mut properties = match entry.node.get("Properties") {
        Some(properties) if kind.http || truthy(properties) => match properties.as_map() {
            Some(_) => properties.clone(),
            None => return Err(owner.error(properties.place, "Properties should be a map")),
        },
        None if kind.http => at.empty(),
        _ => return Ok(None),
    };
    if properties.get(kind.id_property).is_none() {
        properties.set(kind.id_property, at.reference(kind.implicit_id));
        ensure_implicit(build, kind, at);
        propagate_tags(build, kind, id);
    }
    if kind.http && given(&properties, "Path").is_none() && given(&properties, "Method").is_none() {
        properties.set("Path", at.text("$default"));
        properties.set("Method", at.text(ANY_METHOD));
    }
    let text = |name: &str| -> Outcome<String> {
        let value = properties.get(name).filter(|value| !value.is_null());
        let value = value.ok_or_else(|| owner.error(entry.node.place, format!("property '{name}' is required")))?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| owner.error(value.place, format!("property '{name}' should be a string")))
    };
    let (path, method) = (text("Path")?, text("Method")?);
    let reference = properties.get(kind.id_property).unwrap_or(&entry.node);
    let Some(api) = api_id(reference).map(str::to_owned) else {
        return Err(owner.error(reference.place, format!("property '{}' should be a string", kind.id_property)));
    };
    if api == kind.implicit_id {
        ensure_implicit(build, kind, at);
    }
    note_user(build, id, users.entry(api.clone()).or_default(), &path, &method);
    // A REST event may name a plain `AWS::ApiGateway::RestApi`, whose document is then its owner's affair.
    let misplaced = match build.type_of(&api) {
        None => true,
        Some(name) => name == HTTP.type_name && !kind.http,
    };
    if misplaced {
        let message = format!(
            "{} must be a valid reference to an '{}' resource in same template",
            kind.id_property, kind.type_name
        );
        return Err(owner.error(reference.place, message));
    }
    let managed = build.apis.managed.contains(&api);
    if let Some(document) = document_mut(build, &api).filter(|document| managed && kind.is_valid(document)) {
        openapi::add_path(document, &path, &method, at)?;
    }
    if kind.http && properties.get("RouteSettings").is_some() {
        add_route_settings(build, owner, id, &api, &path, &method, &properties)?;
    }
    Ok(Some(properties))
}

/// An API's inline document.
pub(in crate::compile::sam) fn document_mut<'b>(build: &'b mut Build<'_>, api: &str) -> Option<&'b mut Node> {
    build.written_node_mut(api)?.get_mut("Properties")?.get_mut("DefinitionBody")
}

/// The implicit API, which takes the place of a resource that a person gave its id.
fn ensure_implicit(build: &mut Build<'_>, kind: &Kind, at: At) {
    if build.apis.implicit.contains(kind.implicit_id) {
        return;
    }
    build.apis.implicit.insert(kind.implicit_id);
    build.apis.managed.insert(kind.implicit_id.to_owned());
    let mut properties = at.map([("DefinitionBody", kind.skeleton(at))]);
    if !kind.http {
        properties.set("StageName", at.text("Prod"));
    }
    let api = at.map([("Type", at.text(kind.type_name)), ("Properties", properties)]);
    if let Some(resources) = build.source.get_mut("Resources").and_then(Node::as_map_mut) {
        resources.insert(kind.implicit_id.to_owned(), Entry { key_place: at.0, node: api });
    }
}

/// A function that propagates its tags does so to the implicit API as well.
fn propagate_tags(build: &mut Build<'_>, kind: &Kind, id: &str) {
    let Some(section) = build.type_of(id).and_then(|name| name.strip_prefix("AWS::Serverless::")) else { return };
    let globals = build.source.get("Globals").and_then(|globals| globals.get(section));
    let properties = build.written_node(id).and_then(|resource| resource.get("Properties"));
    let either = |name: &str| {
        let own = properties.and_then(|properties| given(properties, name));
        own.or_else(|| globals.and_then(|globals| given(globals, name))).cloned()
    };
    let (Some(tags), Some(propagate)) = (either("Tags"), either("PropagateTags")) else { return };
    let api = build.written_node_mut(kind.implicit_id).and_then(|api| api.get_mut("Properties"));
    let (Some(api), Some(new)) = (api, tags.as_map()) else { return };
    let mut all = api.get("Tags").cloned().unwrap_or_else(|| At(tags.place).empty());
    for (key, entry) in new {
        all.set(key, entry.node.clone());
    }
    api.set("Tags", all);
    api.set("PropagateTags", Node::new(Val::Bool(true), propagate.place));
}

fn note_user(build: &Build<'_>, id: &str, users: &mut Users, path: &str, method: &str) {
    let Some(resource) = build.written_node(id) else { return };
    let word = |name: &str| resource.get(name).and_then(Node::as_str).map(str::to_owned);
    users.conditions.entry(path.to_owned()).or_default().insert(method.to_owned(), word("Condition"));
    users.deletion.extend(word("DeletionPolicy"));
    users.replacement.extend(word("UpdateReplacePolicy"));
}

/// Puts an event's `RouteSettings` with those of its API.
fn add_route_settings(
    build: &mut Build<'_>,
    owner: &Owner,
    id: &str,
    api: &str,
    path: &str,
    method: &str,
    properties: &Node,
) -> Outcome<()> {
    let condition =
        build.written_node(id).and_then(|resource| resource.get("Condition")).and_then(Node::as_str).map(str::to_owned);
    let Some(settings) = properties.get("RouteSettings") else { return Ok(()) };
    let at = At(settings.place);
    let settings = match condition {
        Some(condition) => at.when(&condition, settings.clone()),
        None => settings.clone(),
    };
    let Some(new) = settings.as_map() else {
        return Err(owner.error(settings.place, "property 'RouteSettings' should be a map"));
    };
    let route = if method == ANY_METHOD { path.to_owned() } else { format!("{} {path}", method.to_uppercase()) };
    let Some(api) = build.written_node_mut(api).and_then(|api| api.get_mut("Properties")) else { return Ok(()) };
    let mut all = api.get("RouteSettings").cloned().unwrap_or_else(|| at.empty());
    if all.as_map().is_none() {
        return Err(owner.error(all.place, "property 'RouteSettings' of the API should be a map"));
    }
    let mut of_route = all.get(&route).cloned().unwrap_or_else(|| at.empty());
    for (key, entry) in new {
        of_route.set(key, entry.node.clone());
    }
    all.set(&route, of_route);
    api.set("RouteSettings", all);
    Ok(())
}

/// Gives the implicit API the condition and policies of those who use it: it exists where any of them does.
fn finish_implicit(build: &mut Build<'_>, kind: &Kind, users: &IndexMap<String, Users>) {
    let Some(users) = users.get(kind.implicit_id).filter(|_| build.apis.implicit.contains(kind.implicit_id)) else {
        return;
    };
    let place = build.written_node(kind.implicit_id).map(|api| api.place).unwrap_or_default();
    let at = At(place);
    let condition = combined(users.conditions.values().flat_map(|methods| methods.values()));
    let condition = condition.map(|names| match names.as_slice() {
        [single] => single.clone(),
        several => {
            let name = format!("{}Condition", kind.implicit_id);
            add_combined(build, &name, several, at);
            name
        }
    });
    let strongest = |words: &[String], order: &[&str]| {
        order.iter().find(|word| words.iter().any(|other| other == *word)).map(|word| at.text(*word))
    };
    let deletion = strongest(&users.deletion, &["Retain", "Delete"]);
    let replacement = strongest(&users.replacement, &["Retain", "Snapshot", "Delete"]);
    let Some(api) = build.written_node_mut(kind.implicit_id) else { return };
    for (name, value) in [
        ("Condition", condition.map(|condition| at.text(condition))),
        ("DeletionPolicy", deletion),
        ("UpdateReplacePolicy", replacement),
    ] {
        if let Some(value) = value {
            api.set(name, value);
        }
    }
}

/// The distinct conditions in alphabetical order, where there is one and nobody is without.
fn combined<'a>(conditions: impl Iterator<Item = &'a Option<String>>) -> Option<Vec<String>> {
    let mut names = conditions.cloned().collect::<Option<Vec<String>>>()?;
    names.sort();
    names.dedup();
    (!names.is_empty()).then_some(names)
}

/// A condition that holds where any of the others does. `Fn::Or` takes ten at most, so that several may be needed: each
/// further one joins the ones before.
fn add_combined(build: &mut Build<'_>, name: &str, conditions: &[String], at: At) {
    const MOST: usize = 10;
    let mut rest = conditions.to_vec();
    let mut number = rest.len().saturating_sub(2) / (MOST - 1);
    while rest.len() > 1 {
        let current = if number > 0 { format!("{name}{number}") } else { name.to_owned() };
        number = number.saturating_sub(1);
        let tail = rest.split_off(rest.len().min(MOST));
        let all = rest.iter().map(|condition| at.map([("Condition", at.text(condition))]));
        build.add_condition(&current, at.map([("Fn::Or", at.list(all))]));
        rest = tail;
        rest.push(current);
    }
}

/// A path all of whose methods have a condition is there only where one of these holds.
fn make_paths_conditional(build: &mut Build<'_>, kind: &Kind, users: &IndexMap<String, Users>) {
    for (api, users) in users {
        if !build.apis.managed.contains(api) || build.type_of(api) != Some(kind.type_name) {
            continue;
        }
        for (path, methods) in &users.conditions {
            let Some(names) = combined(methods.values()) else { continue };
            let Some(at) = document_mut(build, api).map(|document| At(document.place)) else { continue };
            let condition = match names.as_slice() {
                [single] => single.clone(),
                several => {
                    let path = path.replace('/', "SLASH").replace('{', "OB").replace('}', "CB");
                    let name = format!("{api}{path}PathCondition");
                    add_combined(build, &name, several, at);
                    name
                }
            };
            if let Some(document) = document_mut(build, api) {
                openapi::make_path_conditional(document, path, &condition, at);
            }
        }
    }
}
