//! `Kinesis`: a stream of Kinesis.

use crate::model::Diagnostic;

use super::super::build::Build;
use super::super::made::Made;
use super::mapping::{self, STREAM, Source};
use super::{Event, Target};

/// The mapping; the role may read the stream.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = mapping::props(event, &STREAM)?;
    let managed = mapping::managed(build, event, "AWSLambdaKinesisExecutionRole");
    let source = Source { arn: props.take("Stream"), managed: Some(managed), ..Source::default() };
    mapping::expand(event, &props, target, source)
}
