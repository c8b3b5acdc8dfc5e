//! `SelfManagedKafka`: a topic of a Kafka cluster that is not AWS's.

use crate::model::{Diagnostic, Node};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::intrinsics::is_intrinsic;
use super::super::made::Made;
use super::super::policy::{self, allow_all};
use super::super::props::Props;
use super::mapping::{self, Source};
use super::{Event, Target, kafka, secrets};

/// Ways to authenticate; at most one is given.
const AUTH: [&str; 7] = [
    "SASL_SCRAM_256_AUTH",
    "SASL_SCRAM_512_AUTH",
    "BASIC_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "OAUTHBEARER_AUTH",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
];
/// Those that need no secret.
const WITHOUT_SECRET: [&str; 2] = ["IAM_AUTH", "IAM_OAUTHBEARER_AUTH"];
/// Parameters of OAuth.
const OAUTH: [&str; 4] =
    ["OAUTHBEARER_SCOPE", "OAUTHBEARER_AUDIENCE", "OAUTHBEARER_LOGICAL_CLUSTER", "OAUTHBEARER_IDENTITY_POOL"];

/// The mapping; the role may read secrets, and use the network where the cluster lies in a VPC.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = mapping::props(event, &[])?;
    for name in ["KafkaBootstrapServers", "Topics"] {
        if !props.get(name).is_some_and(is_truthy) {
            return Err(props.error(name, format!("`{name}` is required for a self-managed Kafka event")));
        }
    }
    if props.get("Topics").and_then(Node::as_list).is_some_and(|topics| topics.len() != 1) {
        return Err(props.error("Topics", "`Topics` of a self-managed Kafka event holds exactly one topic"));
    }
    let mut statements = secret_statements(&props, event)?;
    statements.extend(secrets::decrypt(&props)?.map(|key| allow_all(&["kms:Decrypt"], key)));
    statements.extend(kafka::schema_registry(build, &props)?);
    let inline = (!statements.is_empty())
        .then(|| policy::inline_versioned("SelfManagedKafkaExecutionRolePolicy", statements, event.place));
    mapping::expand(event, &props, target, Source { inline, ..Source::default() })
}

fn secret_statements(props: &Props, event: &Event) -> Result<Vec<Node>, Diagnostic> {
    let (mut auth, mut certificate, mut seen, mut subnet, mut group) = (None, None, false, false, false);
    for (kind, uri) in secrets::entries(props)? {
        let word = kind.as_str().unwrap_or_default();
        let refuse = |message: String| props.owner().error(kind.place, message);
        let needs_uri = !WITHOUT_SECRET.contains(&word);
        let fits = uri.as_ref().is_some_and(|uri| uri.as_str().is_some() || is_intrinsic(uri));
        match word {
            "VPC_SUBNET" => subnet = true,
            "VPC_SECURITY_GROUP" => group = true,
            "SERVER_ROOT_CA_CERTIFICATE" => certificate = uri,
            _ if AUTH.contains(&word) => {
                if seen {
                    return Err(refuse(
                        "`SourceAccessConfigurations` has more than one way to authenticate".to_owned(),
                    ));
                }
                seen = true;
                auth = uri.filter(|_| needs_uri);
            }
            _ if OAUTH.contains(&word) => {}
            _ => {
                return Err(refuse(format!("there is no `Type` `{word}` in `SourceAccessConfigurations` here")));
            }
        }
        if needs_uri && !fits {
            return Err(refuse(format!("{word} in `SourceAccessConfigurations` requires a `URI` in text")));
        }
    }
    if subnet != group {
        let message = "VPC_SUBNET and VPC_SECURITY_GROUP in `SourceAccessConfigurations` must both be given";
        return Err(props.error("SourceAccessConfigurations", message));
    }
    let mut statements: Vec<Node> = [auth, certificate]
        .into_iter()
        .flatten()
        .map(|secret| allow_all(&["secretsmanager:GetSecretValue"], secret))
        .collect();
    if subnet {
        statements.push(secrets::network_interfaces(event.place));
    }
    Ok(statements)
}
