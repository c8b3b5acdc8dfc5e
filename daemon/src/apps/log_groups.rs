//! Log groups of functions of templates, where the tree's settings ask for retention.

use evenkeel_core::compile::limits::without_log_group;
use evenkeel_core::model::{DeletionPolicy, Desired, Node, Resource, Val};

/// Gives each function of a template that has no log group of its own one that keeps events for `days`; their ids.
///
/// It is named as Lambda itself names it, so that one that Lambda made already is taken over. It stays when it leaves the
/// spec, as a native function's does: the template never asked for its deletion.
pub(super) fn add(desired: &mut Desired, days: i64) -> Vec<String> {
    let bare: Vec<(String, Resource)> = without_log_group(desired)
        .into_iter()
        .map(|function| {
            let place = function.place;
            let name = match function.properties.get("FunctionName") {
                Some(Node { value: Val::Str(name), .. }) => Node::str(format!("/aws/lambda/{name}"), place),
                // Without a name, or with one that is not known yet, it is the real function's.
                _ => {
                    let parts = vec![Node::str("/aws/lambda/", place), Node::reference(&function.id, place)];
                    Node::call(
                        "Fn::Join",
                        Node::list(vec![Node::str("", place), Node::list(parts, place)], place),
                        place,
                    )
                }
            };
            let properties =
                Node::map([("LogGroupName", name), ("RetentionInDays", Node::new(Val::Int(days), place))], place);
            let mut id = format!("{}LogGroup", function.id);
            while desired.resources.contains_key(&id) {
                id.push_str("OfFunction");
            }
            let mut group =
                Resource::new(id.clone(), "AWS::Logs::LogGroup", properties, place).generated_for(&function.id);
            group.deletion_policy = Some(DeletionPolicy::Retain);
            group.update_replace_policy = Some(DeletionPolicy::Retain);
            (id, group)
        })
        .collect();
    let ids = bare.iter().map(|(id, _)| id.clone()).collect();
    desired.resources.extend(bare);
    ids
}
