//! `SQS`: a queue.

use crate::model::{Diagnostic, Node};

use super::super::build::Build;
use super::super::made::Made;
use super::super::props::{Kind, Property, required};
use super::mapping::{self, Source};
use super::{Event, Target};

const PROPERTIES: [Property; 1] = [required("Queue", Kind::Any)];

/// The mapping; the role may read the queue.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = mapping::props(event, &PROPERTIES)?;
    mapping::expand(event, &props, target, source(build, event, props.take("Queue")))
}

/// A queue as the source of a mapping.
pub(super) fn source(build: &Build<'_>, event: &Event, queue: Option<Node>) -> Source {
    let managed = mapping::managed(build, event, "AWSLambdaSQSQueueExecutionRole");
    Source { arn: queue, managed: Some(managed), ..Source::default() }
}
