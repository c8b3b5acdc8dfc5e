//! `AWS::Serverless::HttpApi`: an HTTP API with its stage, authorizers and domain.

mod authorizer;
pub(super) mod domain;

use super::build::Build;
use super::made::Made;
use super::make::{At, Outcome, given, truthy};
use super::openapi;
use super::props::{Kind, Property, Props, optional};
use super::source::Source;
use super::{api, artifact, expect, intrinsics, logical_id};
use crate::model::{Node, Val};

const TEXT: Kind = Kind::OneOf(&[Kind::Str, Kind::Map]);

const PROPERTIES: [Property; 16] = [
    optional("Name", Kind::Any),
    optional("StageName", TEXT),
    optional("Tags", Kind::Map),
    optional("PropagateTags", Kind::Bool),
    optional("DefinitionBody", Kind::Map),
    optional("DefinitionUri", TEXT),
    optional("StageVariables", Kind::Map),
    optional("CorsConfiguration", Kind::OneOf(&[Kind::Bool, Kind::Map])),
    optional("AccessLogSettings", Kind::Map),
    optional("DefaultRouteSettings", Kind::Map),
    optional("Auth", Kind::Map),
    optional("RouteSettings", Kind::Map),
    optional("Domain", Kind::Map),
    optional("FailOnWarnings", Kind::Bool),
    optional("Description", Kind::Str),
    optional("DisableExecuteApiEndpoint", Kind::Bool),
];

/// The stage that needs no name in a URL.
const DEFAULT_STAGE: &str = "$default";
/// The tag that SAM puts into the document of every HTTP API.
const CREATED_BY: &str = "httpapi:createdBy";

const CORS: [&str; 6] = ["AllowMethods", "AllowHeaders", "AllowOrigins", "MaxAge", "ExposeHeaders", "AllowCredentials"];
const AUTH: [&str; 3] = ["Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer"];

/// The API and everything that it generates.
///
/// # Errors
/// The first thing that SAM does not take.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Outcome<Vec<Made>> {
    let mut props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    for name in ["CorsConfiguration", "Domain"] {
        if let Some(value) = props.get(name) {
            let value = build.resolve(value);
            props.set(name, value);
        }
    }
    let uri = props.get("DefinitionUri").filter(|uri| truthy(uri));
    if uri.is_some() && props.get("DefinitionBody").is_some_and(truthy) {
        let message = "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both";
        return Err(props.error("DefinitionUri", message));
    }
    let (body, permissions) = document(build, source, &props)?;
    let mut api = Made::new(&source.id, "AWS::ApiGatewayV2::Api", source.place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone())
        .maybe("FailOnWarnings", props.take("FailOnWarnings").filter(truthy));
    match (uri, body) {
        (Some(uri), _) => {
            api.set("BodyS3Location", artifact::location(&props, "DefinitionUri", uri, &artifact::DOCUMENT)?);
        }
        (None, Some(body)) => api.set("Body", body),
        (None, None) => {
            return Err(source.error(source.place, "'DefinitionUri' or 'DefinitionBody' are required properties"));
        }
    }
    let stage = stage(source, &props);
    let domain = domain::expand(build, source, &props, &stage, None)?;
    build.refer(&source.id, "Stage", &stage.id);
    if let Some(name) = domain.first() {
        build.refer(&source.id, "DomainName", &name.id);
    }
    let mut made = vec![api, stage];
    made.extend(permissions);
    made.extend(domain);
    Ok(made)
}

fn stage(source: &Source, props: &Props) -> Made {
    let at = At(source.place);
    let name = props.take("StageName").filter(truthy).unwrap_or_else(|| at.text(DEFAULT_STAGE));
    let id = match name.as_str() {
        Some(DEFAULT_STAGE) => format!("{}ApiGatewayDefaultStage", source.id),
        word => logical_id::with_word(&source.id, word.unwrap_or_default(), "Stage"),
    };
    let mut stage = Made::new(id, "AWS::ApiGatewayV2::Stage", source.place)
        .attributes(source.handed_on())
        .with("ApiId", at.reference(&source.id))
        .with("StageName", name)
        .with("AutoDeploy", at.bool(true));
    for name in ["StageVariables", "AccessLogSettings", "DefaultRouteSettings", "RouteSettings"] {
        stage = stage.maybe(name, props.take(name));
    }
    stage.maybe("Tags", props.take("Tags").filter(truthy))
}

/// The finished document, where the API has one inline, and the permissions that its authorizers need.
fn document(build: &mut Build<'_>, source: &Source, props: &Props) -> Outcome<(Option<Node>, Vec<Made>)> {
    let at = At(source.place);
    let set = |name: &str| props.get(name).filter(|value| truthy(value));
    let mut permissions = Vec::new();
    let Some(mut document) = props.take("DefinitionBody").filter(truthy) else {
        let inline = ["CorsConfiguration", "Auth", "Tags", "DisableExecuteApiEndpoint", "Name", "Description"];
        let given = |name: &&&str| match **name {
            "DisableExecuteApiEndpoint" => props.get(name).is_some(),
            _ => set(name).is_some(),
        };
        return match inline.iter().find(given) {
            Some(name) => {
                let message =
                    format!("{name} works only with inline OpenApi specified in the 'DefinitionBody' property");
                Err(props.error(name, message))
            }
            None => Ok((None, permissions)),
        };
    };
    let valid = openapi::is_openapi(&document);
    let check = |name: &str| {
        match valid {
        true => Ok(()),
        false => Err(props.error(
            name,
            format!("Unable to add {name} configuration because 'DefinitionBody' does not contain a valid OpenApi definition"),
        )),
    }
    };
    if let Some(cors) = set("CorsConfiguration") {
        check("CorsConfiguration")?;
        add_cors(props, &mut document, cors, at)?;
    }
    if let Some(auth) = set("Auth") {
        expect::keys(props.owner(), "Auth", auth, &AUTH)?;
        check("Auth")?;
        let authorizers = authorizer::read_all(props.owner(), auth, &mut build.diagnostics, at)?;
        authorizer::apply(props.owner(), &mut document, auth, &authorizers, at)?;
        for authorizer in authorizers {
            if let Some(function) = authorizer.invokes {
                let id = format!("{}{}AuthorizerPermission", source.id, authorizer.name);
                permissions.push(api::authorizer_permission(source, id, function));
            }
        }
    }
    if set("Tags").is_some() {
        check("Tags")?;
    }
    if valid {
        add_tags(&mut document, set("Tags"), at)?;
    }
    if let Some(disable) = props.get("DisableExecuteApiEndpoint") {
        check("DisableExecuteApiEndpoint")?;
        openapi::set_disable_execute_api_endpoint(&mut document, disable, at)?;
    }
    if set("Name").or(set("Description")).is_some() && !valid {
        let message = "Invalid OpenApi document. Invalid values or missing keys for 'openapi' or 'paths' in \
                       'DefinitionBody'";
        return Err(props.owner().error_with("invalid-openapi", props.place_of("DefinitionBody"), message));
    }
    add_info(props, &mut document, at)?;
    if set("FailOnWarnings").is_some()
        && let Some(paths) = document.get_mut("paths")
        && let Some(default) = paths.remove("$default")
    {
        // API Gateway's importer warns of a path that does not begin with a slash.
        paths.set("/$default", default);
    }
    Ok((Some(document), permissions))
}

fn add_cors(props: &Props, document: &mut Node, cors: &Node, at: At) -> Outcome<()> {
    const KEY: &str = "x-amazon-apigateway-cors";
    let owner = props.owner();
    let mut all = document.get(KEY).cloned().unwrap_or_else(|| at.empty());
    if all.as_map().is_none() {
        return Err(owner.error(all.place, format!("Value of '{KEY}' must be a dictionary according to Swagger spec")));
    }
    let by_key = cors.as_map().is_some() && !intrinsics::is_intrinsic(cors);
    if by_key {
        expect::keys(owner, "CorsConfiguration", cors, &CORS)?;
    }
    let origins = match &cors.value {
        Val::Bool(_) => Some(at.list([at.text("*")])),
        Val::Map(_) if !by_key => Some(cors.clone()),
        Val::Map(_) => given(cors, "AllowOrigins").cloned(),
        _ => return Err(owner.error(cors.place, "Invalid value for 'Cors' property")),
    };
    let credentials = by_key && cors.get("AllowCredentials").and_then(Node::as_bool) == Some(true);
    let any = |list: &Node| matches!(list.as_list(), Some([single]) if single.as_str() == Some("*"));
    if credentials && origins.as_ref().is_some_and(any) {
        let message = "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' \
                       is \"'*'\" or not set";
        return Err(owner.error(cors.place, message));
    }
    match &origins {
        // SAM takes an intrinsic here for the whole configuration.
        Some(call) if intrinsics::is_intrinsic(call) => {
            for (key, entry) in lower_keys(call).as_map().into_iter().flatten() {
                all.set(key, entry.node.clone());
            }
        }
        _ => {
            if let Some(origins) = origins {
                all.set("allowOrigins", origins);
            }
            for key in ["AllowHeaders", "AllowMethods", "ExposeHeaders"].into_iter().filter(|_| by_key) {
                if let Some(value) = given(cors, key) {
                    all.set(&lower_first(key), value.clone());
                }
            }
            if let Some(age) = cors.get("MaxAge").filter(|age| by_key && !age.is_null()) {
                all.set("maxAge", age.clone());
            }
            if credentials {
                all.set("allowCredentials", at.bool(true));
            }
        }
    }
    document.set(KEY, all);
    Ok(())
}

fn lower_first(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// The names of CORS headers as the document writes them, at every depth.
fn lower_keys(node: &Node) -> Node {
    let mut copy = node.clone();
    match &mut copy.value {
        Val::List(items) => items.iter_mut().for_each(|item| *item = lower_keys(item)),
        Val::Map(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut entry)| {
                    entry.node = lower_keys(&entry.node);
                    (if CORS.contains(&key.as_str()) { lower_first(&key) } else { key }, entry)
                })
                .collect();
        }
        _ => {}
    }
    copy
}

fn add_tags(document: &mut Node, tags: Option<&Node>, at: At) -> Outcome<()> {
    const VALUE: &str = "x-amazon-apigateway-tag-value";
    if !document.get("tags").is_some_and(truthy) {
        document.set("tags", at.list([]));
    }
    let place = document.place;
    let Some(Val::List(list)) = document.get_mut("tags").map(|list| &mut list.value) else {
        return Err(openapi::invalid(place, "Tags in OpenApi DefinitionBody needs to be a list"));
    };
    let own = tags.and_then(Node::as_map).into_iter().flatten().map(|(key, entry)| (key.clone(), entry.node.clone()));
    for (name, value) in own.chain([(CREATED_BY.to_owned(), at.text("SAM"))]) {
        match list.iter_mut().find(|tag| tag.get("name").and_then(Node::as_str) == Some(&name)) {
            Some(tag) => tag.set(VALUE, value),
            None => list.push(at.map([("name", at.text(name)), (VALUE, value)])),
        }
    }
    Ok(())
}

/// `Name` and `Description`, which a document that a person wrote may not say as well.
fn add_info(props: &Props, document: &mut Node, at: At) -> Outcome<()> {
    for (property, key) in [("Name", "title"), ("Description", "description")] {
        let Some(value) = props.get(property).filter(|value| truthy(value)) else { continue };
        let info = document.get("info");
        if info.is_some_and(|info| !info.is_null() && info.as_map().is_none()) {
            return Err(props.error(property, "Invalid 'DefinitionBody': 'info' should be a map"));
        }
        let there = info.and_then(|info| info.get(key));
        let free = match property {
            "Name" => there.and_then(|title| intrinsics::call(title, "Ref")?.as_str()) == Some("AWS::StackName"),
            _ => !there.is_some_and(truthy),
        };
        if !free {
            let message = format!(
                "Unable to set {property} because it is already defined within inline OpenAPI specified in the \
                 'DefinitionBody' property"
            );
            return Err(props.error(property, message));
        }
        let mut info = info.filter(|info| !info.is_null()).cloned().unwrap_or_else(|| at.empty());
        info.set(key, value.clone());
        document.set("info", info);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
