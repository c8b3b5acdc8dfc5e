//! A REST API's deployment and stage.

use super::super::logical_id;
use super::super::made::Made;
use super::super::make::{At, truthy};
use super::super::props::Props;
use super::super::source::Source;
use super::super::tags;
use crate::model::Node;

/// The deployment. SAM ends its id in a digest of the document, so that CloudFormation deploys anew when that changes;
/// here it stands without.
pub(super) fn deployment(source: &Source, props: &Props, api: &Made) -> Made {
    let at = At(source.place);
    let mut deployment = Made::new(format!("{}Deployment", source.id), "AWS::ApiGateway::Deployment", source.place)
        .attributes(source.handed_on())
        .with("RestApiId", at.reference(&source.id));
    if !props.get("OpenApiVersion").is_some_and(truthy) {
        deployment.set("StageName", at.text("Stage"));
    }
    if ["Body", "BodyS3Location"].iter().any(|name| api.properties.get(name).is_some_and(truthy)) {
        deployment.set("Description", at.text("RestApi deployment id: "));
    }
    deployment
}

/// The stage. A name that is text shapes its id; one that an intrinsic gives does not.
pub(super) fn stage(source: &Source, props: &Props, deployment: &Made) -> Made {
    let at = At(source.place);
    let name = props.get("StageName").and_then(Node::as_str).unwrap_or("");
    let mut stage = Made::new(logical_id::with_word(&source.id, name, "Stage"), "AWS::ApiGateway::Stage", source.place)
        .attributes(source.handed_on())
        .with("RestApiId", at.reference(&source.id))
        .with("DeploymentId", deployment.reference());
    for name in [
        "StageName",
        "CacheClusterEnabled",
        "CacheClusterSize",
        "Variables",
        "MethodSettings",
        "AccessLogSetting",
        "CanarySetting",
        "TracingEnabled",
    ] {
        stage = stage.maybe(name, props.take(name));
    }
    stage.maybe("Tags", props.get("Tags").map(tags::list))
}
