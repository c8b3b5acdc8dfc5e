//! The authorizers of an HTTP API: JWT, Lambda functions and IAM.

use super::super::expect;
use super::super::intrinsics::is_no_value;
use super::super::make::{At, Outcome, given, some, truthy};
use super::super::openapi;
use super::super::props::Owner;
use crate::model::{Diagnostics, Node};

/// What `Auth.Authorizers.<name>` may say, and for which sort of authorizer.
const KEYS: [(&str, Sort); 9] = [
    ("AuthorizationScopes", Sort::Jwt),
    ("JwtConfiguration", Sort::Jwt),
    ("IdentitySource", Sort::Jwt),
    ("FunctionArn", Sort::Lambda),
    ("FunctionInvokeRole", Sort::Lambda),
    ("Identity", Sort::Lambda),
    ("AuthorizerPayloadFormatVersion", Sort::Lambda),
    ("EnableSimpleResponses", Sort::Lambda),
    ("EnableFunctionDefaultPermissions", Sort::Lambda),
];

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Jwt,
    Lambda,
}

/// One authorizer, checked.
pub(super) struct Authorizer {
    pub(super) name: String,
    definition: Node,
    scopes: Option<Node>,
    /// The function that API Gateway must be allowed to invoke.
    pub(super) invokes: Option<Node>,
}

/// Reads `Auth`.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn read_all(owner: &Owner, auth: &Node, notes: &mut Diagnostics, at: At) -> Outcome<Vec<Authorizer>> {
    let mut all = Vec::new();
    if auth.get("EnableIamAuthorizer").and_then(Node::as_bool) == Some(true) {
        let definition = at.map([
            ("type", at.text("apiKey")),
            ("name", at.text("Authorization")),
            ("in", at.text("header")),
            ("x-amazon-apigateway-authtype", at.text("awsSigv4")),
        ]);
        all.push(Authorizer { name: "AWS_IAM".to_owned(), definition, scopes: None, invokes: None });
    }
    if let Some(authorizers) = given(auth, "Authorizers") {
        for (name, entry) in expect::map(owner, "Auth.Authorizers", authorizers)? {
            let authorizer = read(owner, name, &entry.node, notes, at)?;
            all.retain(|other| other.name != authorizer.name);
            all.push(authorizer);
        }
    }
    Ok(all)
}

/// Adds the authorizers to the document, and the default to every route that did not choose.
///
/// # Errors
/// A default that is not among them.
pub(super) fn apply(owner: &Owner, document: &mut Node, auth: &Node, all: &[Authorizer], at: At) -> Outcome<()> {
    if !all.is_empty() {
        let mut components = given(document, "components").cloned().unwrap_or_else(|| at.empty());
        let mut schemes = given(&components, "securitySchemes").cloned().unwrap_or_else(|| at.empty());
        for authorizer in all {
            schemes.set(&authorizer.name, authorizer.definition.clone());
        }
        components.set("securitySchemes", schemes);
        document.set("components", components);
    }
    let Some(default) = given(auth, "DefaultAuthorizer").filter(|default| !is_no_value(default)) else {
        return Ok(());
    };
    let name = expect::text(owner, "Auth.DefaultAuthorizer", default)?;
    let Some(authorizer) = all.iter().find(|authorizer| authorizer.name == name) else {
        let message = format!("Unable to set DefaultAuthorizer because '{name}' was not defined in 'Authorizers'");
        return Err(owner.error(default.place, message));
    };
    let scopes = authorizer.scopes.clone().unwrap_or_else(|| at.list([]));
    for path in openapi::path_names(document) {
        openapi::edit_path(document, &path, &mut |method, definition| {
            if method != "options" && given(definition, "security").is_none() {
                definition.set("security", at.list([at.map([(name, scopes.clone())])]));
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn read(owner: &Owner, name: &str, spec: &Node, notes: &mut Diagnostics, at: At) -> Outcome<Authorizer> {
    let path = format!("Auth.Authorizers.{name}");
    expect::map(owner, &path, spec)?;
    if let Some(url) = spec.get("OpenIdConnectUrl") {
        let message = format!(
            "'OpenIdConnectUrl' is no longer a supported property for authorizer '{name}'. Please refer to the AWS SAM \
             documentation"
        );
        return Err(owner.error(url.place, message));
    }
    expect::warn_of_keys(owner, &path, spec, &KEYS.map(|(key, _)| key), notes);
    if let Some(scopes) = some(spec, "AuthorizationScopes").filter(|scopes| scopes.as_list().is_none()) {
        return Err(owner.error(scopes.place, "AuthorizationScopes must be a list"));
    }
    let sort = if given(spec, "JwtConfiguration").is_some() { Sort::Jwt } else { Sort::Lambda };
    if let Some((key, _)) = KEYS.into_iter().find(|(key, of)| *of != sort && some(spec, key).is_some()) {
        let right = match (sort, key) {
            (Sort::Lambda, "IdentitySource") => {
                "OAuth2 Authorizer. For Lambda Authorizer, use the 'Identity' property instead"
            }
            (Sort::Lambda, _) => "OAuth2 Authorizer",
            (Sort::Jwt, _) => "Lambda Authorizer",
        };
        let place = some(spec, key).unwrap_or(spec).place;
        return Err(owner.error(place, format!("{key} is only supported for {right}")));
    }
    let required = |key: &str, kind: &str| {
        given(spec, key)
            .cloned()
            .ok_or_else(|| owner.error(spec.place, format!("{name} {kind} Authorizer must define '{key}'")))
    };
    let definition = match sort {
        Sort::Jwt => {
            let configuration = required("JwtConfiguration", "OAuth2")?;
            let lower = expect::map(owner, "JwtConfiguration", &configuration)?;
            let lower = at.map(lower.iter().map(|(key, entry)| (key.to_lowercase(), entry.node.clone())));
            let authorizer = at.map([
                ("jwtConfiguration", lower),
                ("identitySource", required("IdentitySource", "OAuth2")?),
                ("type", at.text("jwt")),
            ]);
            at.map([("type", at.text("oauth2")), ("x-amazon-apigateway-authorizer", authorizer)])
        }
        Sort::Lambda => {
            let function = required("FunctionArn", "Lambda")?;
            let version = required("AuthorizerPayloadFormatVersion", "Lambda")?;
            lambda(owner, name, spec, function, version, at)?
        }
    };
    let enable = some(spec, "EnableFunctionDefaultPermissions")
        .map(|enable| expect::bool(owner, &format!("Authorizers.{name}.EnableFunctionDefaultPermissions"), enable))
        .transpose()?
        .unwrap_or(false);
    Ok(Authorizer {
        name: name.to_owned(),
        definition,
        scopes: some(spec, "AuthorizationScopes").cloned(),
        invokes: given(spec, "FunctionArn").filter(|_| enable).cloned(),
    })
}

fn lambda(owner: &Owner, name: &str, spec: &Node, function: Node, version: Node, at: At) -> Outcome<Node> {
    let uri = at.sub_with(
        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
        [("__FunctionArn__", function)],
    );
    let mut authorizer = at.map([("type", at.text("request")), ("authorizerUri", uri)]);
    if let Some(role) = given(spec, "FunctionInvokeRole").filter(|role| role.as_str() != Some("NONE")) {
        authorizer.set("authorizerCredentials", role.clone());
    }
    if let Some(identity) = given(spec, "Identity") {
        expect::map(owner, &format!("Auth.Authorizers.{name}.Identity"), identity)?;
        if let Some(ttl) = some(identity, "ReauthorizeEvery") {
            authorizer.set("authorizerResultTtlInSeconds", ttl.clone());
        }
        let mut sources = Vec::new();
        for (prefix, key) in [
            ("$request.header.", "Headers"),
            ("$request.querystring.", "QueryStrings"),
            ("$stageVariables.", "StageVariables"),
            ("$context.", "Context"),
        ] {
            let Some(values) = given(identity, key) else { continue };
            let path = format!("Authorizers.{name}.Identity.{key}");
            for (index, value) in expect::list(owner, &path, values)?.iter().enumerate() {
                let text = expect::text(owner, &format!("{path}[{index}]"), value)?;
                sources.push(at.text(format!("{prefix}{text}")));
            }
        }
        authorizer.set("identitySource", at.list(sources));
    }
    authorizer.set("authorizerPayloadFormatVersion", version);
    if let Some(simple) = some(spec, "EnableSimpleResponses").filter(|simple| truthy(simple)) {
        authorizer.set("enableSimpleResponses", simple.clone());
    }
    Ok(at.map([
        ("type", at.text("apiKey")),
        ("name", at.text("Unused")),
        ("in", at.text("header")),
        ("x-amazon-apigateway-authorizer", authorizer),
    ]))
}
