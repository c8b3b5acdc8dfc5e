//! `MSK`: a topic of Amazon Managed Streaming for Kafka.

use crate::model::{Diagnostic, Node};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::made::Made;
use super::super::policy::{self, allow_all};
use super::mapping::{self, STREAM, Source};
use super::{Event, Target, kafka};

/// The mapping; the role may read the cluster, and the certificate and schemas that are used.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = mapping::props(event, &STREAM)?;
    let mut statements = kafka::schema_registry(build, &props)?;
    for item in props.get("SourceAccessConfigurations").and_then(Node::as_list).unwrap_or_default() {
        let certificate = item.get("Type").and_then(Node::as_str) == Some("CLIENT_CERTIFICATE_TLS_AUTH");
        if let Some(uri) = item.get("URI").filter(|uri| certificate && is_truthy(uri)) {
            statements.push(allow_all(&["secretsmanager:GetSecretValue"], uri.clone()));
        }
    }
    let inline = (!statements.is_empty()).then(|| policy::inline("MSKExecutionRolePolicy", statements, event.place));
    let source = Source {
        arn: props.take("Stream"),
        managed: Some(mapping::managed(build, event, "AWSLambdaMSKExecutionRole")),
        inline,
        ..Source::default()
    };
    mapping::expand(event, &props, target, source)
}
