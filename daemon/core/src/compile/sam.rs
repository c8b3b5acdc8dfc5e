//! The SAM transform: from `AWS::Serverless::*` resources to the plain CloudFormation resources they stand for.
//!
//! It works on a template as text of the language: intrinsics stay in place and are evaluated later. Only where SAM
//! itself must know a value (a stage's name that shapes a logical id, an alias's name) are references to parameters
//! looked up in [`SamContext::parameters`]. Behaviour follows SAM's documentation and what its translator does with a
//! template; every resource type and every event type has a file of its own.
//!
//! Three things differ from AWS's translator on purpose:
//! - A local artifact is `{"LocalPath": "as written"}` where the translator would want an S3 location.
//! - Ids that SAM ends in a content hash (versions, layer versions, API deployments) stand without the hash: evenkeel
//!   publishes by content and does not need a new logical id for it.
//! - `DeploymentPreference` becomes the attribute `Rollout` of the alias, not CodeDeploy resources.

use indexmap::IndexMap;

use crate::model::{Diagnostics, Node};

mod api;
mod artifact;
mod build;
mod capacity_provider;
mod connector;
mod event;
mod expect;
mod function;
mod globals;
mod graphql_api;
mod http_api;
mod intrinsics;
mod layer;
mod logical_id;
mod made;
mod make;
mod network_connector;
mod openapi;
mod operator;
mod policy;
mod props;
mod simple_table;
mod source;
mod state_machine;
mod tags;
mod websocket_api;

use build::Build;

/// What the transform must know about where the application will live.
#[derive(Clone, Debug)]
pub struct SamContext {
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The partition, such as `aws` or `aws-cn`.
    pub partition: String,
    /// The account, 12 digits.
    pub account: String,
    /// `AWS::StackName`.
    pub stack: String,
    /// Values of the template's parameters, already of their types. Where SAM looks a value up while it expands a
    /// resource, it is looked up here; anything else keeps its `Ref` for the evaluator.
    pub parameters: IndexMap<String, Node>,
}

/// The ECR repository in the URI of an image that nobody has named yet: a function with `PackageType: Image` and no
/// `ImageUri` refers to `<account>.dkr.ecr.<region>.<suffix>/<this>:<logical id>` until one is given.
pub const LOCAL_IMAGE_REPOSITORY: &str = "sam-local-artifact";

/// Expands every `AWS::Serverless::*` resource of a template.
///
/// The result is the same template without `Transform` and `Globals`; generated resources stand where the resource
/// stood that asked for them and carry its id as the attribute `GeneratedFor`.
///
/// Beside it stands what is worth saying though it expands: properties that SAM ignores.
///
/// # Errors
/// Every complaint that was found, each with its place: one a resource at least, so that a person sees them at once.
pub fn transform(template: Node, context: &SamContext) -> Result<(Node, Diagnostics), Diagnostics> {
    let mut build = Build::new(template, context)?;
    build.run();
    build.finish()
}

#[cfg(test)]
mod tests;
