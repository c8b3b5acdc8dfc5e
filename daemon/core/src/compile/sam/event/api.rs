//! Event `Api`: a method of a REST API.

use super::super::api::link::{self, Link};
use super::super::build::Build;
use super::super::expect;
use super::super::intrinsics::is_intrinsic;
use super::super::logical_id;
use super::super::made::Made;
use super::super::make::{At, Outcome, given, shown, some, truthy};
use super::super::openapi::{self, INTEGRATION};
use super::super::props::{Kind, Property, Props, optional, required};
use super::{Event, Target};
use crate::model::{Node, Val};

const PROPERTIES: [Property; 9] = [
    required("Path", Kind::Str),
    required("Method", Kind::Str),
    required("RestApiId", Kind::Str),
    optional("Stage", Kind::Str),
    optional("Auth", Kind::Map),
    optional("RequestModel", Kind::Map),
    optional("RequestParameters", Kind::List),
    optional("TimeoutInMillis", Kind::Int),
    optional("ResponseTransferMode", Kind::Str),
];

/// The permission for the method; the method itself goes into its API's document.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn expand(build: &mut Build<'_>, event: &Event, target: &Target<'_>) -> Outcome<Vec<Made>> {
    let props = event.props(&PROPERTIES)?;
    let Some(link) = Link::find(build, &props, "RestApiId")? else { return Ok(Vec::new()) };
    let at = At(event.place);
    let auth = link::auth_of(build, &props)?;
    if link.inline && (link.managed || link.merged) {
        let mut fresh = openapi::swagger_skeleton(at);
        let partition = build.context.partition.clone();
        let integrate = |document: &mut Node| integrate(&link, &props, auth, target, &partition, document, at);
        if link.merged {
            integrate(&mut fresh)?;
            link.edit(build, |document| merge(&link, &props, document, &fresh, at))?;
        } else {
            link.edit(build, integrate)?;
        }
    }
    if let Some(auth) = auth.filter(|auth| link.inline && given(auth, "OverrideApiAuth").is_some()) {
        if ["Authorizer", "ApiKeyRequired", "ResourcePolicy"].iter().all(|key| given(auth, key).is_none()) {
            let message = "Must define one of: Authorizer, ApiKeyRequired or ResourcePolicy when using the \
                           OverrideApiAuth property";
            return Err(event.error(auth.place, message));
        }
        link.edit(build, |document| {
            if !openapi::is_swagger(document) {
                let message = "Invalid Swagger document or the Swagger document is not explicitly defined in \
                               'DefinitionBody'";
                return Err(openapi::invalid(document.place, message));
            }
            openapi::check_paths(document)?;
            if !openapi::paths(document).any(|(path, _)| *path == link.path) {
                let message = format!("Value of '{}' path must be a dictionary according to Swagger spec", link.path);
                return Err(event.error(props.place_of("Path"), message));
            }
            link.apply_auth(props.owner(), auth, at.text(&link.stage), document, at)
        })?;
    }
    Ok(vec![permission(event, &link, &props, target, at)])
}

fn permission(event: &Event, link: &Link, props: &Props, target: &Target<'_>, at: At) -> Made {
    let path = openapi::path_in_arn(openapi::without_trailing_slash(&link.path), true);
    let method = if link.method == "any" { "*".to_owned() } else { link.method.to_uppercase() };
    let arn = format!(
        "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/${{__Stage__}}/{method}{path}"
    );
    let api = props.take("RestApiId").unwrap_or_else(|| at.text(""));
    let id = logical_id::with_word(&format!("{}Permission", event.id), &link.stage, "");
    invoke_permission(id, target, at.sub_with(arn, [("__ApiId__", api), ("__Stage__", at.text("*"))]), at)
}

/// The permission by which API Gateway may invoke the event's function.
pub(super) fn invoke_permission(id: String, target: &Target<'_>, source_arn: Node, at: At) -> Made {
    Made::new(id, "AWS::Lambda::Permission", at.0)
        .attributes(target.attributes.clone())
        .with("Action", at.text("lambda:InvokeFunction"))
        .with("FunctionName", target.name.clone())
        .with("Principal", at.text("apigateway.amazonaws.com"))
        .with("SourceArn", source_arn)
}

/// The function as API Gateway calls it.
pub(super) fn invocation_uri(target: &Target<'_>, streamed: bool, at: At) -> Node {
    let name = match target.arn.as_call() {
        Some(("Ref", _)) => format!("${{{}}}", target.id),
        _ => format!("${{{}.Arn}}", target.id),
    };
    let (version, verb) =
        if streamed { ("2021-11-15", "response-streaming-invocations") } else { ("2015-03-31", "invocations") };
    at.sub(format!("arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/{version}/functions/{name}/{verb}"))
}

/// Puts the method into a document.
fn integrate(
    link: &Link,
    props: &Props,
    auth: Option<&Node>,
    target: &Target<'_>,
    partition: &str,
    document: &mut Node,
    at: At,
) -> Outcome<()> {
    let (path, method) = (link.path.as_str(), link.method.as_str());
    if openapi::has_integration(document, path, method)? {
        let message = format!("API method \"{method}\" defined multiple times for path \"{path}\"");
        return Err(props.error("Path", message));
    }
    let streamed = props.text("ResponseTransferMode") == Some("RESPONSE_STREAM");
    let condition = target.attributes.get("Condition").and_then(|entry| entry.node.as_str());
    let uri = invocation_uri(target, streamed, at);
    let credentials = credentials(link.auth.as_ref(), auth, partition, at);
    openapi::add_integration(document, path, method, condition, at, &|| {
        let uri = match condition {
            Some(condition) => at.when(condition, uri.clone()),
            None => uri.clone(),
        };
        let mut integration = at.map([("type", at.text("aws_proxy")), ("httpMethod", at.text("POST")), ("uri", uri)]);
        if streamed {
            integration.set("responseTransferMode", at.text("STREAM"));
        }
        if let Some(credentials) = &credentials {
            integration.set("credentials", credentials.clone());
        }
        (integration, at.empty(), Vec::new())
    })?;
    if let Some(auth) = auth {
        link.apply_auth(props.owner(), auth, at.text(&link.stage), document, at)?;
    }
    if let Some(timeout) = props.get("TimeoutInMillis").filter(|timeout| truthy(timeout)) {
        openapi::set_timeout(document, path, method, timeout)?;
    }
    if let Some(model) = props.get("RequestModel").filter(|model| truthy(model)) {
        add_model(link, props, model, document, at)?;
    }
    if let Some(parameters) = props.get("RequestParameters").filter(|list| truthy(list)) {
        add_parameters(link, props, parameters, document, at)?;
    }
    Ok(())
}

/// With IAM, API Gateway calls the function as the caller, unless `InvokeRole` says otherwise.
fn credentials(api: Option<&Node>, method: Option<&Node>, partition: &str, at: At) -> Option<Node> {
    let is_iam =
        |auth: Option<&Node>, key: &str| auth.and_then(|auth| auth.get(key)).and_then(Node::as_str) == Some("AWS_IAM");
    let by_default = method.is_none() && is_iam(api, "DefaultAuthorizer");
    if !by_default && !is_iam(method, "Authorizer") {
        return None;
    }
    let role = |auth: Option<&Node>| {
        let role = auth?.get("InvokeRole")?;
        Some(if truthy(role) { role.clone() } else { at.text("NONE") })
    };
    let role = role(method).or_else(|| role(api));
    match role.as_ref().map(|role| role.as_str()) {
        Some(Some("NONE")) => None,
        None | Some(Some("CALLER_CREDENTIALS")) => Some(at.text(format!("arn:{partition}:iam::*:user/*"))),
        Some(_) => role,
    }
}

fn add_model(link: &Link, props: &Props, wanted: &Node, document: &mut Node, at: At) -> Outcome<()> {
    const KEYS: [&str; 4] = ["Model", "Required", "ValidateBody", "ValidateParameters"];
    expect::keys(props.owner(), "RequestModel", wanted, &KEYS)?;
    let Some(model) = given(wanted, "Model") else { return Ok(()) };
    let wrong = |why: &str| {
        let message = format!("Unable to set RequestModel [{}] {} because {why}", shown(model), link.method_words());
        Err(props.owner().error(model.place, message))
    };
    let Some(models) = link.models.as_ref().filter(|models| truthy(models)) else {
        return wrong("the related API does not define any Models");
    };
    if !is_intrinsic(models) && models.as_map().is_none() {
        return wrong("the related API Models defined is of invalid type");
    }
    let Some(name) = model.as_str() else { return wrong("the related API does not contain valid Models") };
    if given(models, name).is_none() {
        return wrong("it wasn't defined in the API's Models");
    }
    let name = name.to_lowercase();
    let is_swagger_2 = some(document, "swagger").is_some();
    let is_version_3 = document.get("openapi").is_some_and(openapi::is_version_3);
    let required = some(wanted, "Required");
    openapi::edit_method(document, &link.path, &link.method, &mut |definition| {
        if is_swagger_2 {
            let schema = at.map([("$ref", at.text(format!("#/definitions/{name}")))]);
            let mut parameter = at.map([("in", at.text("body")), ("name", at.text(&name)), ("schema", schema)]);
            if let Some(required) = required {
                parameter.set("required", required.clone());
            }
            push_parameter(definition, parameter, at);
        } else if is_version_3 {
            let schema = at.map([("$ref", at.text(format!("#/components/schemas/{name}")))]);
            let content = at.map([("application/json", at.map([("schema", schema)]))]);
            let mut body = at.map([("content", content)]);
            if let Some(required) = required {
                body.set("required", required.clone());
            }
            definition.set("requestBody", body);
        }
        Ok(())
    })?;
    let (body, parameters) = (some(wanted, "ValidateBody"), some(wanted, "ValidateParameters"));
    if body.is_none() && parameters.is_none() {
        return Ok(());
    }
    let flag = |node: Option<&Node>| match node {
        None => Ok(false),
        Some(node) => node.as_bool().ok_or_else(|| {
            let message = format!(
                "Unable to set Validator to RequestModel [{name}] {} ValidateBody and ValidateParameters must be a \
                 boolean type, strings or intrinsics are not supported",
                link.method_words()
            );
            props.owner().error(node.place, message)
        }),
    };
    add_validator(link, flag(body)?, flag(parameters)?, document, at)
}

fn add_validator(link: &Link, body: bool, parameters: bool, document: &mut Node, at: At) -> Outcome<()> {
    const VALIDATORS: &str = "x-amazon-apigateway-request-validators";
    let name = match (body, parameters) {
        (true, true) => "body-and-params",
        (true, false) => "body-only",
        (false, true) => "params-only",
        (false, false) => "no-validation",
    };
    let mut all = given(document, VALIDATORS).cloned().unwrap_or_else(|| at.empty());
    if given(&all, name).is_none() {
        let validator =
            at.map([("validateRequestBody", at.bool(body)), ("validateRequestParameters", at.bool(parameters))]);
        all.set(name, validator);
    }
    document.set(VALIDATORS, all);
    openapi::edit_method(document, &link.path, &link.method, &mut |definition| {
        definition.set("x-amazon-apigateway-request-validator", at.text(name));
        Ok(())
    })
}

fn push_parameter(definition: &mut Node, parameter: Node, at: At) {
    match definition.get_mut("parameters").map(|list| &mut list.value) {
        Some(Val::List(list)) => list.push(parameter),
        _ => definition.set("parameters", at.list([parameter])),
    }
}

fn add_parameters(link: &Link, props: &Props, list: &Node, document: &mut Node, at: At) -> Outcome<()> {
    const KEYS: [&str; 2] = ["Required", "Caching"];
    for item in list.as_list().unwrap_or_default() {
        let wrong = |message: &str| {
            let message = format!("Invalid value for 'RequestParameters' property. {message}");
            Err(props.owner().error(item.place, message))
        };
        let (name, settings) = match (&item.value, item.as_map().and_then(|map| map.first())) {
            (Val::Str(name), _) => (name.as_str(), None),
            (Val::Map(map), Some((name, entry))) if map.len() == 1 => (name.as_str(), Some(&entry.node)),
            (Val::Map(_), Some(_)) => return wrong("An object must have one key, the name of the parameter"),
            _ => return wrong("Property must be either a string or an object"),
        };
        let rest = name.strip_prefix("method.request.");
        let parts = rest.and_then(|rest| rest.split_once('.'));
        let Some((location @ ("querystring" | "path" | "header"), key)) = parts else {
            return wrong(
                "Keys must be in the format 'method.request.[querystring|path|header].{value}', e.g \
                 'method.request.header.Authorization'",
            );
        };
        let known = |node: &Node| node.as_map().is_some_and(|map| map.keys().all(|key| KEYS.contains(&key.as_str())));
        if settings.is_some_and(|settings| !known(settings)) {
            return wrong("Values must be an object, e.g { Required: true, Caching: false }");
        }
        let setting = |key: &str| settings.and_then(|settings| settings.get(key)).cloned();
        let required = setting("Required").unwrap_or_else(|| at.bool(false));
        let cached = setting("Caching").is_some_and(|caching| truthy(&caching));
        let location = if location == "querystring" { "query" } else { location };
        openapi::edit_method(document, &link.path, &link.method, &mut |definition| {
            let parameter = at.map([
                ("in", at.text(location)),
                ("name", at.text(key)),
                ("required", required.clone()),
                ("type", at.text("string")),
            ]);
            push_parameter(definition, parameter, at);
            if let Some(integration) = definition.get_mut(INTEGRATION).filter(|_| cached) {
                match integration.get_mut("cacheKeyParameters").map(|list| &mut list.value) {
                    Some(Val::List(list)) => list.push(at.text(name)),
                    _ => integration.set("cacheKeyParameters", at.list([at.text(name)])),
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// `MergeDefinitions`: the method as SAM writes it goes into the document that a person wrote; where both say a thing,
/// SAM's word holds.
fn merge(link: &Link, props: &Props, document: &mut Node, fresh: &Node, at: At) -> Outcome<()> {
    let generated = fresh
        .get("paths")
        .and_then(|paths| paths.get(&link.path)?.get(&openapi::normal_method(&link.method)))
        .cloned()
        .unwrap_or_else(|| at.empty());
    // SAM leaves a document alone that says nothing about paths.
    if !document.get("paths").is_some_and(truthy) {
        return Ok(());
    }
    let wrong = |place| {
        let message = format!(
            "property 'DefinitionBody.paths.{}.{}' of resource `{}` should be a map",
            link.path, link.method, link.api
        );
        Err(props.owner().error(place, message))
    };
    let Some(paths) = document.get_mut("paths") else { return Ok(()) };
    if paths.get(&link.path).is_none() {
        paths.set(&link.path, at.empty());
    }
    let Some(item) = paths.get_mut(&link.path) else { return wrong(at.0) };
    if item.as_map().is_none() {
        return wrong(item.place);
    }
    let mut merged = given(item, &link.method).cloned().unwrap_or_else(|| at.empty());
    if merged.as_map().is_none() {
        return wrong(merged.place);
    }
    for (key, entry) in generated.as_map().into_iter().flatten() {
        merged.set(key, entry.node.clone());
    }
    item.set(&link.method, merged);
    Ok(())
}
