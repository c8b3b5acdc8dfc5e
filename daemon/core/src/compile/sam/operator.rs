//! What capacity providers and network connectors have in common: the role that Lambda operates them with, and tags
//! that go to what is generated.

use crate::model::{Diagnostic, Node};

use super::artifact::is_truthy;
use super::build::Build;
use super::made::Made;
use super::policy::{self, RoleParts};
use super::props::Props;
use super::source::Source;
use super::tags;

/// The ARN of the operator role: the one given, or that of a generated `<id>OperatorRole` with one managed policy.
pub(super) fn role(
    build: &Build<'_>,
    source: &Source,
    props: &Props,
    managed: &str,
) -> Result<(Node, Option<Made>), Diagnostic> {
    if let Some(arn) = props.take("OperatorRole").filter(is_truthy) {
        return Ok((arn, None));
    }
    let place = source.place;
    let parts = RoleParts {
        assume: Some(policy::assume_role("lambda.amazonaws.com", place)),
        managed: vec![policy::managed_arn(&build.context.partition, managed, place)],
        ..RoleParts::default()
    };
    let mut role = policy::role(build, props.owner(), &source.id, None, parts)?.attributes(source.handed_on());
    role.id = format!("{}OperatorRole", source.id);
    if props.get("PropagateTags").is_some_and(is_truthy)
        && let Some(tags) = given_tags(props)
    {
        role.set("Tags", tags);
    }
    Ok((role.att("Arn"), Some(role)))
}

/// `Tags` as a list, where there are any.
pub(super) fn given_tags(props: &Props) -> Option<Node> {
    props.get("Tags").filter(|tags| is_truthy(tags)).map(tags::list)
}
