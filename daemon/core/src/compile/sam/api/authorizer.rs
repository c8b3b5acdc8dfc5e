//! The authorizers of a REST API: Cognito user pools, Lambda functions (token or request) and IAM.

use super::super::expect;
use super::super::make::{At, Outcome, given, shown, some};
use super::super::openapi::security::Scheme;
use super::super::props::Owner;
use crate::model::{Diagnostics, Node, Val};

/// What `Auth.Authorizers.<name>` may say.
const KEYS: [&str; 7] = [
    "UserPoolArn",
    "FunctionArn",
    "Identity",
    "FunctionPayloadType",
    "FunctionInvokeRole",
    "AuthorizationScopes",
    "DisableFunctionDefaultPermissions",
];

/// One authorizer, checked.
pub(in crate::compile::sam) struct Authorizer {
    pub(in crate::compile::sam) name: String,
    definition: Node,
    scopes: Option<Node>,
    /// The function that API Gateway must be allowed to invoke.
    pub(super) invokes: Option<Node>,
}

impl Authorizer {
    /// IAM, which needs no configuration.
    fn iam(at: At) -> Self {
        let definition = at.map([
            ("type", at.text("apiKey")),
            ("name", at.text("Authorization")),
            ("in", at.text("header")),
            ("x-amazon-apigateway-authtype", at.text("awsSigv4")),
        ]);
        Authorizer { name: "AWS_IAM".to_owned(), definition, scopes: None, invokes: None }
    }

    fn read(owner: &Owner, name: &str, spec: &Node, notes: &mut Diagnostics, at: At) -> Outcome<Self> {
        let path = format!("Auth.Authorizers.{name}");
        expect::map(owner, &path, spec)?;
        expect::warn_of_keys(owner, &path, spec, &KEYS, notes);
        let payload = some(spec, "FunctionPayloadType");
        let payload = match payload.map(|node| (node, node.as_str())) {
            None => "TOKEN",
            Some((_, Some("TOKEN"))) => "TOKEN",
            Some((_, Some("REQUEST"))) => "REQUEST",
            Some((node, _)) => {
                let message = format!("{name} Authorizer has invalid 'FunctionPayloadType': {}", shown(node));
                return Err(owner.error(node.place, message));
            }
        };
        let identity = given(spec, "Identity");
        if payload == "REQUEST" && some(spec, "FunctionPayloadType").is_some() {
            check_request_identity(owner, name, spec, identity)?;
        }
        if let Some(scopes) = some(spec, "AuthorizationScopes") {
            expect::list(owner, &format!("Authorizers.{name}.AuthorizationScopes"), scopes)?;
        }
        if let Some(disable) = some(spec, "DisableFunctionDefaultPermissions").filter(|node| node.as_bool().is_none()) {
            let message =
                format!("Property 'Authorizers.{name}.DisableFunctionDefaultPermissions' should be a boolean");
            return Err(owner.error(disable.place, message));
        }
        let definition = match given(spec, "UserPoolArn") {
            Some(pool) => cognito(owner, identity, pool, at)?,
            None => lambda(owner, name, spec, identity, payload, notes, at)?,
        };
        let silent = some(spec, "DisableFunctionDefaultPermissions").and_then(Node::as_bool).unwrap_or(false);
        Ok(Authorizer {
            name: name.to_owned(),
            definition,
            scopes: some(spec, "AuthorizationScopes").cloned(),
            invokes: given(spec, "FunctionArn").filter(|_| !silent).cloned(),
        })
    }
}

/// Reads `Auth.Authorizers`, with IAM in front where it is the default.
///
/// # Errors
/// What SAM does not take, at its place.
pub(in crate::compile::sam) fn read_all(
    owner: &Owner,
    authorizers: Option<&Node>,
    default: Option<&Node>,
    notes: &mut Diagnostics,
    at: At,
) -> Outcome<Vec<Authorizer>> {
    let mut all = Vec::new();
    if default.and_then(Node::as_str) == Some("AWS_IAM") {
        all.push(Authorizer::iam(at));
    }
    if let Some(authorizers) = authorizers {
        for (name, entry) in expect::map(owner, "Auth.Authorizers", authorizers)? {
            let read = Authorizer::read(owner, name, &entry.node, notes, at)?;
            all.retain(|other| other.name != read.name);
            all.push(read);
        }
    }
    Ok(all)
}

/// The schemes' definitions by name.
pub(super) fn definitions(all: &[Authorizer]) -> Vec<(String, Node)> {
    all.iter().map(|authorizer| (authorizer.name.clone(), authorizer.definition.clone())).collect()
}

/// What methods need to know of the authorizers.
pub(super) fn schemes(all: &[Authorizer]) -> Vec<Scheme> {
    all.iter().map(|authorizer| Scheme { name: authorizer.name.clone(), scopes: authorizer.scopes.clone() }).collect()
}

fn check_request_identity(owner: &Owner, name: &str, spec: &Node, identity: Option<&Node>) -> Outcome<()> {
    let missing = || {
        let place = some(spec, "Identity").unwrap_or(spec).place;
        let message = format!(
            "{name} Authorizer must specify Identity with at least one of Headers, QueryStrings, StageVariables, or \
             Context"
        );
        Err(owner.error(place, message))
    };
    let Some(identity) = identity else { return missing() };
    expect::map(owner, &format!("Auth.Authorizers.{name}.Identity"), identity)?;
    let sources = ["Headers", "QueryStrings", "StageVariables", "Context"];
    let uncached = some(identity, "ReauthorizeEvery")
        .and_then(Node::scalar_text)
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(|seconds| seconds < 1.0);
    if uncached || sources.iter().any(|key| given(identity, key).is_some()) { Ok(()) } else { missing() }
}

fn header(owner: &Owner, identity: Option<&Node>, at: At) -> Outcome<Node> {
    let Some(identity) = identity else { return Ok(at.text("Authorization")) };
    if identity.as_map().is_none() {
        let message = "Auth.Authorizers.<Authorizer>.Identity must be a dict (LambdaTokenAuthorizationIdentity, \
                       LambdaRequestAuthorizationIdentity or CognitoAuthorizationIdentity)";
        return Err(owner.error(identity.place, message));
    }
    Ok(given(identity, "Header").cloned().unwrap_or_else(|| at.text("Authorization")))
}

fn cognito(owner: &Owner, identity: Option<&Node>, pool: &Node, at: At) -> Outcome<Node> {
    let pools = match &pool.value {
        Val::List(_) => pool.clone(),
        _ => at.list([pool.clone()]),
    };
    let mut authorizer = at.map([("type", at.text("cognito_user_pools")), ("providerARNs", pools)]);
    let name = header(owner, identity, at)?;
    add_validation(&mut authorizer, identity);
    Ok(scheme(name, "cognito_user_pools", authorizer, at))
}

fn lambda(
    owner: &Owner,
    name: &str,
    spec: &Node,
    identity: Option<&Node>,
    payload: &str,
    notes: &mut Diagnostics,
    at: At,
) -> Outcome<Node> {
    let function = some(spec, "FunctionArn").cloned().unwrap_or_else(|| {
        let message = format!("{name} Authorizer should specify UserPoolArn or FunctionArn");
        notes.push(expect::as_warning(owner.error(spec.place, message)));
        at.text("")
    });
    let header = if payload == "REQUEST" {
        header(owner, identity, at)?;
        at.text("Unused")
    } else {
        header(owner, identity, at)?
    };
    let uri = at.sub_with(
        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
        [("__FunctionArn__", function)],
    );
    let mut authorizer = at.map([("type", at.text(payload.to_lowercase())), ("authorizerUri", uri)]);
    if let Some(ttl) = identity.and_then(|identity| some(identity, "ReauthorizeEvery")) {
        authorizer.set("authorizerResultTtlInSeconds", ttl.clone());
    }
    if let Some(role) = given(spec, "FunctionInvokeRole").filter(|role| role.as_str() != Some("NONE")) {
        authorizer.set("authorizerCredentials", role.clone());
    }
    if payload == "REQUEST" {
        let sources = identity_sources(owner, name, identity)?;
        if !sources.is_empty() {
            authorizer.set("identitySource", at.text(sources.join(", ")));
        }
    } else {
        add_validation(&mut authorizer, identity);
    }
    Ok(scheme(header, "custom", authorizer, at))
}

fn scheme(header: Node, kind: &str, authorizer: Node, at: At) -> Node {
    at.map([
        ("type", at.text("apiKey")),
        ("name", header),
        ("in", at.text("header")),
        ("x-amazon-apigateway-authtype", at.text(kind)),
        ("x-amazon-apigateway-authorizer", authorizer),
    ])
}

fn add_validation(authorizer: &mut Node, identity: Option<&Node>) {
    if let Some(expression) = identity.and_then(|identity| given(identity, "ValidationExpression")) {
        authorizer.set("identityValidationExpression", expression.clone());
    }
}

fn identity_sources(owner: &Owner, name: &str, identity: Option<&Node>) -> Outcome<Vec<String>> {
    let Some(identity) = identity else { return Ok(Vec::new()) };
    let kinds = [
        ("Headers", "method.request.header."),
        ("QueryStrings", "method.request.querystring."),
        ("StageVariables", "stageVariables."),
        ("Context", "context."),
    ];
    let mut sources = Vec::new();
    for (key, prefix) in kinds {
        let Some(list) = given(identity, key) else { continue };
        let path = format!("Authorizers.{name}.Identity.{key}");
        for (index, item) in expect::list(owner, &path, list)?.iter().enumerate() {
            let text = item
                .as_str()
                .ok_or_else(|| owner.error(item.place, format!("Property '{path}[{index}]' should be a string")))?;
            sources.push(format!("{prefix}{text}"));
        }
    }
    Ok(sources)
}
