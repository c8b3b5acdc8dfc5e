//! Who may call a GraphQL API.

use super::super::build::Build;
use super::super::connector;
use super::super::expect;
use super::super::made::Made;
use super::super::make::{Outcome, some};
use super::super::props::nearest;
use super::Site;
use crate::model::Node;

const TYPES: [&str; 5] = ["AWS_IAM", "API_KEY", "AWS_LAMBDA", "OPENID_CONNECT", "AMAZON_COGNITO_USER_POOLS"];

/// A type of authentication with its configuration: SAM's name, AppSync's name, its keys (`!`: must be there).
type Sort = (&'static str, &'static str, &'static str, &'static [&'static str]);

const SORTS: [Sort; 3] = [
    (
        "AWS_LAMBDA",
        "LambdaAuthorizer",
        "LambdaAuthorizerConfig",
        &["AuthorizerResultTtlInSeconds", "AuthorizerUri!", "IdentityValidationExpression"],
    ),
    ("OPENID_CONNECT", "OpenIDConnect", "OpenIDConnectConfig", &["AuthTTL", "ClientId", "IatTTL", "Issuer"]),
    (
        "AMAZON_COGNITO_USER_POOLS",
        "UserPool",
        "UserPoolConfig",
        &["AppIdClientRegex", "AwsRegion", "DefaultAction", "UserPoolId!"],
    ),
];

/// Sets the API's authentication; gives the functions that authorize.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn set(site: &Site<'_>, api: &mut Made) -> Outcome<Vec<Node>> {
    let auth = site.props.take("Auth").unwrap_or_else(|| site.at.empty());
    site.check("Auth", &auth, &["Type!", "LambdaAuthorizer", "OpenIDConnect", "UserPool", "Additional"])?;
    let mut functions = Vec::new();
    let mut main = auth.clone();
    let additional = main.remove("Additional");
    let (kind, config) = read(site, "Auth", &main, false, &mut functions)?;
    api.set("AuthenticationType", kind);
    if let Some((name, config)) = config {
        api.set(name, config);
    }
    let mut others = Vec::new();
    if let Some(additional) = additional.filter(|additional| !additional.is_null()) {
        for (index, other) in expect::list(site.props.owner(), "Auth.Additional", &additional)?.iter().enumerate() {
            let path = format!("Auth.Additional.{index}");
            site.check(&path, other, &["Type!", "LambdaAuthorizer", "OpenIDConnect", "UserPool"])?;
            let (kind, config) = read(site, &path, other, true, &mut functions)?;
            let mut provider = site.at.map([("AuthenticationType", kind)]);
            if let Some((name, config)) = config {
                provider.set(name, config);
            }
            others.push(provider);
        }
    }
    if !others.is_empty() {
        api.set("AdditionalAuthenticationProviders", site.at.list(others));
    }
    Ok(functions)
}

fn read(
    site: &Site<'_>,
    path: &str,
    auth: &Node,
    additional: bool,
    functions: &mut Vec<Node>,
) -> Outcome<(Node, Option<(&'static str, Node)>)> {
    let owner = site.props.owner();
    let kind = some(auth, "Type").cloned().unwrap_or_else(|| site.at.text(""));
    let word = kind.as_str().filter(|word| TYPES.contains(word)).ok_or_else(|| {
        let help = kind.as_str().and_then(|word| nearest(word, TYPES));
        owner.error(kind.place, format!("Property '{path}.Type' is none of {}", TYPES.join(", "))).maybe_help(help)
    })?;
    let given = SORTS.iter().filter(|(_, name, ..)| some(auth, name).is_some()).count();
    if given > 1 {
        let message = format!("'{path}' has more than one authentication configuration defined");
        return Err(owner.error(auth.place, message));
    }
    let Some((_, name, plain, keys)) = SORTS.iter().find(|(kind, ..)| *kind == word) else { return Ok((kind, None)) };
    let Some(config) = some(auth, name) else {
        return Err(owner.error(auth.place, format!("'{name}' must be defined if type is '{word}'")));
    };
    site.check(&format!("{path}.{name}"), config, keys)?;
    let mut made = site.at.empty();
    for (key, entry) in config.as_map().into_iter().flatten() {
        // An additional user pool has no default action.
        let superfluous = additional && key == "DefaultAction";
        if !entry.node.is_null() && !superfluous {
            made.set(key, entry.node.clone());
        }
    }
    functions.extend(some(config, "AuthorizerUri").filter(|_| word == "AWS_LAMBDA").cloned());
    Ok((kind.clone(), Some((plain, made))))
}

/// The permission for AppSync to invoke an authorizing function.
///
/// # Errors
/// As a connector's.
pub(super) fn connector(build: &mut Build<'_>, site: &Site<'_>, function: Node, number: usize) -> Outcome<Vec<Made>> {
    let at = site.at;
    let from = at.map([
        ("Type", at.text("AWS::AppSync::GraphQLApi")),
        ("Arn", at.reference(&site.source.id)),
        ("ResourceId", site.api_id()),
    ]);
    let to = at.map([("Type", at.text("AWS::Lambda::Function")), ("Arn", function)]);
    let holder = site.source.generated(&format!("{}ToLambdaAuthConnector{number}", site.source.id));
    connector::connect(build, &holder, &from, &to, &["Write".to_owned()], None)
}
