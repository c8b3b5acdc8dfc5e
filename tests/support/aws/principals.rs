//! Principals in policies: AWS keeps a role's id behind its ARN, so a policy outlives the role that it named.

use serde_json::Value as Json;

use super::Cloud;

/// The policy as it is kept: roles by their ids. `None` where it names a role that is not there or not spread yet.
pub(crate) fn kept(cloud: &Cloud, policy: &Json) -> Option<Json> {
    let known = |name: &str| {
        let role = cloud.iam.roles.get(name)?;
        (cloud.now >= role.born + cloud.rules.principal).then(|| role.id.clone())
    };
    changed(policy, &|text| match text.split_once(":role/") {
        Some((_, path)) => known(super::wire::last(path)),
        None => Some(text.to_owned()),
    })
}

/// The policy as it is shown: ARNs of the roles that are still there, the bare ids of those that are not.
pub(crate) fn shown(cloud: &Cloud, policy: &Json) -> Json {
    let role = |id: &str| cloud.iam.roles.values().find(|role| role.id == id);
    let show = |text: &str| Some(role(text).map_or_else(|| text.to_owned(), |role| role.arn.clone()));
    changed(policy, &show).unwrap_or_else(|| policy.clone())
}

fn changed(policy: &Json, change: &dyn Fn(&str) -> Option<String>) -> Option<Json> {
    let mut policy = policy.clone();
    let statements: Vec<&mut Json> = match policy.get_mut("Statement") {
        Some(Json::Array(items)) => items.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for statement in statements {
        match statement.get_mut("Principal").and_then(|principal| principal.get_mut("AWS")) {
            Some(Json::String(text)) => *text = change(text)?,
            Some(Json::Array(items)) => {
                for item in items {
                    *item = Json::from(change(item.as_str()?)?);
                }
            }
            _ => {}
        }
    }
    Some(policy)
}
