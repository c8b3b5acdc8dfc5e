//! `AutoPublishAlias`: a version for the code and an alias that points to it.

use crate::model::{Diagnostic, Node};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::intrinsics::is_intrinsic;
use super::super::made::Made;
use super::super::props::Props;
use super::super::source::Source;

/// What `AutoPublishAlias` generates.
pub(super) struct Published {
    pub version: Made,
    pub alias: Made,
}

/// Version and alias where the function asks for them; a `DeploymentPreference` becomes the alias's rollout.
pub(super) fn publish(
    build: &Build<'_>,
    source: &Source,
    props: &Props,
    function: &mut Made,
) -> Result<Option<Published>, Diagnostic> {
    let rollout = rollout(build, props)?;
    let Some(written) = props.get("AutoPublishAlias").filter(|node| is_truthy(node)) else {
        return match rollout {
            Some(_) => {
                Err(props.error("DeploymentPreference", "`DeploymentPreference` requires `AutoPublishAlias` to be set"))
            }
            None => Ok(None),
        };
    };
    let name = build.resolve(written);
    let Some(name) = name.as_str() else {
        return Err(props.error("AutoPublishAlias", "`AutoPublishAlias` must be a string or a `Ref` to a parameter"));
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(allowed) || name.chars().all(|c| c.is_ascii_digit()) {
        let message = format!(
            "the name `{name}` of `AutoPublishAlias` may hold letters, digits, hyphens and underscores, and not digits alone"
        );
        return Err(props.error("AutoPublishAlias", message));
    }
    let code_hash = describe_code(build, props, function)?;
    let place = props.place_of("AutoPublishAlias");
    let mut attributes = source.handed_on();
    if !attributes.contains_key("DeletionPolicy") {
        let default = if props.get("CapacityProviderConfig").is_some() { "Delete" } else { "Retain" };
        if default == "Retain" && props.get("VersionDeletionPolicy").is_none() {
            let node = Node::str("true", place);
            attributes.insert("KeptByDefault".to_owned(), crate::model::Entry { key_place: place, node });
        }
        let policy = props.take("VersionDeletionPolicy").unwrap_or(Node::str(default, place));
        attributes.insert("DeletionPolicy".to_owned(), crate::model::Entry { key_place: place, node: policy });
    }
    let scaling = match props.get("CapacityProviderConfig") {
        Some(_) => props.take("FunctionScalingConfig"),
        None => None,
    };
    let version = Made::new(format!("{}Version{code_hash}", source.id), "AWS::Lambda::Version", place)
        .attributes(attributes)
        .with("FunctionName", function.reference())
        .maybe("Description", props.take("VersionDescription"))
        .maybe("FunctionScalingConfig", scaling);
    let id = format!("{}Alias{}", source.id, name.replace('-', "D").replace('_', "U"));
    let mut alias = Made::new(id, "AWS::Lambda::Alias", place)
        .attributes(source.handed_on())
        .with("Name", Node::str(name, written.place))
        .with("FunctionName", function.reference())
        .with("FunctionVersion", version.att("Version"))
        .maybe("ProvisionedConcurrencyConfig", props.take("ProvisionedConcurrencyConfig").filter(is_truthy));
    if let Some(rollout) = rollout {
        alias.set_attribute("Rollout", rollout);
    }
    Ok(Some(Published { version, alias }))
}

/// `AutoPublishCodeSha256` joins the description, so that a change of it publishes a version. SAM ends the version's id
/// in its first ten characters: what comes back is these, unless they are a hash.
fn describe_code(build: &Build<'_>, props: &Props, function: &mut Made) -> Result<String, Diagnostic> {
    let Some(written) = props.get("AutoPublishCodeSha256").filter(|node| is_truthy(node)) else {
        return Ok(String::new());
    };
    let hash = build.resolve(written);
    let Some(text) = hash.as_str() else {
        return Err(props.error("AutoPublishCodeSha256", "`AutoPublishCodeSha256` must be a string"));
    };
    let place = written.place;
    let description = match props.get("Description").filter(|node| is_truthy(node)).map(|node| build.resolve(node)) {
        None => Node::str(text, place),
        Some(before) => match before.as_str() {
            Some(before) => Node::str(format!("{before} {text}"), place),
            None => {
                let parts = Node::list(vec![before, Node::str(text, place)], place);
                Node::call("Fn::Join", Node::list(vec![Node::str(" ", place), parts], place), place)
            }
        },
    };
    let secret = hash.has_secret() || props.get("Description").is_some_and(|node| build.resolve(node).has_secret());
    function.set("Description", if secret { description.into_secret() } else { description });
    let suffix: String = text.chars().take(10).collect();
    let is_hash = suffix.len() == 10 && suffix.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    Ok(if is_hash { String::new() } else { suffix.chars().filter(char::is_ascii_alphanumeric).collect() })
}

/// The deployment preference, where it is enabled.
fn rollout(build: &Build<'_>, props: &Props) -> Result<Option<Node>, Diagnostic> {
    let Some(written) = props.get("DeploymentPreference").filter(|node| is_truthy(node)) else { return Ok(None) };
    let mut preference = written.clone();
    for name in ["Enabled", "Type"] {
        if let Some(value) = preference.get(name) {
            let value = build.find_in_map(&build.resolve(value));
            preference.set(name, value);
        }
    }
    if let Some(value) = preference.get("PassthroughCondition") {
        let value = build.find_in_map(&build.resolve(value));
        let word = value.scalar_text().unwrap_or_default();
        if !matches!(word.as_str(), "true" | "True" | "false" | "False") {
            let message = if is_intrinsic(&value) {
                "`PassthroughCondition` takes no intrinsic but `Fn::FindInMap` and `Ref` of a parameter"
            } else {
                "`PassthroughCondition` must be true or false"
            };
            return Err(props.error("DeploymentPreference", message));
        }
    }
    let enabled = match preference.get("Enabled") {
        Some(value) => is_truthy(value) && !matches!(value.as_str(), Some("false" | "False")),
        None => true,
    };
    if !enabled {
        return Ok(None);
    }
    if preference.get("Type").is_none() {
        return Err(props.error("DeploymentPreference", "`DeploymentPreference` requires a `Type`"));
    }
    if let Some(hooks) = preference.get("Hooks").filter(|hooks| hooks.as_map().is_none()) {
        return Err(props.owner().error(hooks.place, "`Hooks` of `DeploymentPreference` must be a map"));
    }
    Ok(Some(preference))
}
