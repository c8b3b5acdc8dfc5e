//! The one list of kinds.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_core::plan::{Kind, Kinds, Reach};

use crate::client::Account;
use crate::function_part::api::{Part, Parts};
use crate::place::place;
use crate::{
    alias, event_source_mapping, function, invoke_config, layer, layer_permission, log_group, managed_policy,
    parameter, permission, queue, role, subscription, topic, url, version,
};

/// A kind, and how to reach it in an account.
type Entry = (Arc<dyn Kind>, fn(&Account) -> Arc<dyn Reach>);

/// Kinds that are observed first: others derive their marks from them. Those that only write, and are read off their
/// parents, stand beside them.
fn parents() -> Vec<Entry> {
    vec![
        (Arc::new(role::spec::Role), roles),
        (Arc::new(role::policy::POLICY), |account| {
            Arc::new(role::people::api::PeoplesPolicies::new(account.iam.clone()))
        }),
        (Arc::new(role::policy::ROLE_POLICY), roles),
        (Arc::new(managed_policy::spec::ManagedPolicy), managed_policies),
        (Arc::new(queue::spec::Queue), queues),
        (Arc::new(queue::policy::QUEUE_POLICY), queues),
        (Arc::new(queue::policy::QUEUE_INLINE_POLICY), queues),
        (Arc::new(topic::spec::Topic), topics),
        (Arc::new(topic::policy::TOPIC_POLICY), topics),
        (Arc::new(topic::policy::TOPIC_INLINE_POLICY), topics),
        (Arc::new(function::spec::Function), functions),
        (Arc::new(layer::spec::LayerVersion), |account| Arc::new(layer::api::Layers::new(account.lambda.clone()))),
        (Arc::new(parameter::Parameter), |account| Arc::new(parameter::Parameters::new(account))),
    ]
}

/// Kinds that are observed after their parents.
fn children() -> Vec<Entry> {
    vec![
        (Arc::new(version::spec::Version), |account| Arc::new(version::api::Versions::new(account.lambda.clone()))),
        (Arc::new(alias::spec::Alias), |account| Arc::new(alias::api::Aliases::new(account.lambda.clone()))),
        (Arc::new(layer_permission::spec::LayerVersionPermission), |account| {
            Arc::new(layer_permission::api::LayerPermissions::new(account.lambda.clone()))
        }),
        // After the functions: Lambda makes their groups by itself, and what is part of a function is its owner's.
        (Arc::new(log_group::LogGroup), |account| Arc::new(log_group::LogGroups::new(account))),
        (Arc::new(event_source_mapping::EventSourceMapping), |account| {
            Arc::new(event_source_mapping::EventSourceMappings::new(account))
        }),
        (Arc::new(permission::Permission), |account| Arc::new(permission::Permissions::new(account))),
        (Arc::new(url::Url), |account| Arc::new(Parts::new(account, Part::Url))),
        (Arc::new(invoke_config::InvokeConfig), |account| Arc::new(Parts::new(account, Part::InvokeConfig))),
        // After the functions too: whose a subscription is, its endpoint may tell.
        (Arc::new(subscription::spec::Subscription), subscriptions),
    ]
}

fn all() -> impl Iterator<Item = Entry> {
    parents().into_iter().chain(children())
}

fn roles(account: &Account) -> Arc<dyn Reach> {
    Arc::new(role::api::Roles::new(account.iam.clone(), place(account)))
}

fn functions(account: &Account) -> Arc<dyn Reach> {
    Arc::new(function::api::Functions::new(account.lambda.clone()))
}

fn managed_policies(account: &Account) -> Arc<dyn Reach> {
    Arc::new(managed_policy::api::ManagedPolicies::new(account.iam.clone()))
}

fn queues(account: &Account) -> Arc<dyn Reach> {
    Arc::new(queue::api::Queues::new(account.sqs.clone()))
}

fn topics(account: &Account) -> Arc<dyn Reach> {
    Arc::new(topic::api::Topics::new(account.sns.clone(), account.partition(), account.region(), account.id()))
}

fn subscriptions(account: &Account) -> Arc<dyn Reach> {
    Arc::new(subscription::api::Subscriptions::new(account.sns.clone()))
}

/// What the types mean.
pub fn kinds() -> Kinds {
    Kinds::new(all().map(|(kind, _)| kind))
}

/// How to reach them, by type name.
pub fn reaches(account: &Account) -> BTreeMap<&'static str, Arc<dyn Reach>> {
    all().map(|(kind, reach)| (kind.type_name(), reach(account))).collect()
}

/// The types that have a table of their own, in the groups in which they are observed: those of one group side by
/// side, parents before their children.
pub fn stages() -> Vec<Vec<&'static str>> {
    let own = |entries: Vec<Entry>| {
        // A policy of a role is read off the role; those of users and groups have a table of their own.
        let with_table = entries.into_iter().filter(|(kind, _)| {
            kind.facts().reads == kind.type_name() || kind.type_name() == role::policy::POLICY_TYPE
        });
        with_table.map(|(kind, _)| kind.type_name()).collect()
    };
    vec![own(parents()), own(children())]
}
