//! SAM's policy templates: a name with parameters that stands for statements.

use std::sync::LazyLock;

use indexmap::IndexMap;

use crate::model::{Diagnostic, Node, Place, Val};

use super::super::build::Build;
use super::super::intrinsics::{sub, sub_with};
use super::super::props::{self, Owner};

#[derive(Debug, Default)]
struct Template {
    parameters: Vec<&'static str>,
    statements: Vec<Statement>,
}

#[derive(Debug, Default)]
struct Statement {
    actions: Vec<&'static str>,
    /// Whether the actions are a list.
    actions_listed: bool,
    resources: Vec<String>,
    /// Whether the resources are a list.
    resources_listed: bool,
    /// Operator, key, value.
    condition: Option<(&'static str, &'static str, String)>,
}

static TEMPLATES: LazyLock<IndexMap<&'static str, Template>> = LazyLock::new(|| read(include_str!("templates.txt")));

/// Reads the form that the head of `templates.txt` describes.
fn read(text: &'static str) -> IndexMap<&'static str, Template> {
    let mut templates: IndexMap<&'static str, Template> = IndexMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let indented = line.starts_with(' ');
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if !indented {
            templates.insert(first, Template { parameters: words.collect(), ..Template::default() });
            continue;
        }
        let Some((_, template)) = templates.last_mut() else { continue };
        if matches!(first, "allow" | "permit") {
            let statement =
                Statement { actions: words.collect(), actions_listed: first == "allow", ..Statement::default() };
            template.statements.push(statement);
            continue;
        }
        let Some(statement) = template.statements.last_mut() else { continue };
        match (first, words.next(), words.next(), words.next()) {
            ("on" | "each", Some(resource), None, None) => {
                statement.resources_listed = first == "each";
                statement.resources.push(arn(resource));
            }
            ("if", Some(operator), Some(key), Some(value)) => statement.condition = Some((operator, key, arn(value))),
            _ => {}
        }
    }
    templates
}

/// `service::rest` written out.
fn arn(short: &str) -> String {
    match short.split_once("::") {
        Some((service, rest)) if service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') => {
            format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}")
        }
        _ => short.to_owned(),
    }
}

/// Whether there is a template of this name.
pub(super) fn exists(name: &str) -> bool {
    TEMPLATES.contains_key(name)
}

/// "did you mean `X`?"
pub(super) fn nearest(name: &str) -> Option<String> {
    props::nearest(name, TEMPLATES.keys().copied())
}

/// The policy document for `{TemplateName: {Parameter: value}}`.
///
/// # Errors
/// Where the parameters are no map, or one is missing.
pub(super) fn expand(build: &Build<'_>, owner: &Owner, policy: &Node) -> Result<Node, Diagnostic> {
    let place = policy.place;
    let unknown = || owner.error(place, "it is no policy template");
    let (name, entry) = policy.as_map().and_then(|map| map.first()).ok_or_else(unknown)?;
    let template = TEMPLATES.get(name.as_str()).ok_or_else(unknown)?;
    let Val::Map(values) = &entry.node.value else {
        return Err(
            owner.error(entry.key_place, format!("policy template `{name}` requires a map of parameter values"))
        );
    };
    let missing: Vec<&str> = template.parameters.iter().copied().filter(|name| !values.contains_key(*name)).collect();
    if !missing.is_empty() {
        let unknown = values.keys().find(|key| !template.parameters.contains(&key.as_str()));
        let help = unknown.and_then(|key| props::nearest(key, missing.iter().copied()));
        let message = format!("parameters {missing:?} of policy template `{name}` don't have values");
        return Err(owner.error(entry.key_place, message).maybe_help(help));
    }
    for (key, entry) in values.iter().filter(|(key, _)| !template.parameters.contains(&key.as_str())) {
        let message = format!("policy template `{name}` has no parameter `{key}`; SAM ignores it");
        build.warn(owner.error_with("unknown-property", entry.key_place, message));
    }
    let text = |text: &str| substitute(text, &template.parameters, &entry.node, place);
    let statements = template.statements.iter().map(|statement| {
        let actions: Vec<Node> = statement.actions.iter().map(|action| Node::str(*action, place)).collect();
        let resources: Vec<Node> = statement.resources.iter().map(|resource| text(resource)).collect();
        let mut node = Node::map(
            [
                ("Effect", Node::str("Allow", place)),
                ("Action", list_or_one(actions, statement.actions_listed, place)),
                ("Resource", list_or_one(resources, statement.resources_listed, place)),
            ],
            place,
        );
        if let Some((operator, key, value)) = &statement.condition {
            node.set("Condition", Node::map([(*operator, Node::map([(*key, text(value))], place))], place));
        }
        node
    });
    Ok(Node::map([("Statement", Node::list(statements.collect(), place))], place))
}

fn list_or_one(mut nodes: Vec<Node>, listed: bool, place: Place) -> Node {
    match (listed, nodes.pop()) {
        (false, Some(only)) => only,
        (_, last) => {
            nodes.extend(last);
            Node::list(nodes, place)
        }
    }
}

/// Text with its parameters filled in, as a `Sub` where it holds any name.
fn substitute(text: &str, parameters: &[&str], values: &Node, place: Place) -> Node {
    if !text.contains("${") {
        return Node::str(text, place);
    }
    let used: Vec<(&str, Node)> = parameters
        .iter()
        .filter(|name| text.contains(&format!("${{{name}}}")))
        .filter_map(|name| Some((*name, values.get(name)?.clone())))
        .collect();
    if used.is_empty() { sub(text, place) } else { sub_with(text, used, place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_statements_with_actions_and_resources_and_uses_its_parameters() {
        assert_eq!(TEMPLATES.len(), 81);
        for (name, template) in TEMPLATES.iter() {
            assert!(!template.statements.is_empty(), "{name}");
            for statement in &template.statements {
                assert!(!statement.actions.is_empty() && !statement.resources.is_empty(), "{name}");
                assert!(statement.actions_listed || statement.actions.len() == 1, "{name}");
            }
            for parameter in &template.parameters {
                let used = format!("${{{parameter}}}");
                assert!(
                    template.statements.iter().any(|statement| statement.resources.iter().any(|r| r.contains(&used))
                        || statement.condition.as_ref().is_some_and(|(_, _, value)| value.contains(&used))),
                    "{name} {parameter}"
                );
            }
        }
    }
}
