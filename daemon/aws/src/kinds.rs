//! The one list of kinds.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_core::plan::{Kind, Kinds, Reach};

use crate::client::Account;

/// A kind, and how to reach it in an account.
type Entry = (Arc<dyn Kind>, fn(&Account) -> Arc<dyn Reach>);

/// All kinds in the order in which their types are observed: parents before their children.
fn all() -> Vec<Entry> {
    Vec::new()
}

/// What the types mean.
pub fn kinds() -> Kinds {
    Kinds::new(all().into_iter().map(|(kind, _)| kind))
}

/// How to reach them, by type name.
pub fn reaches(account: &Account) -> BTreeMap<&'static str, Arc<dyn Reach>> {
    all().into_iter().map(|(kind, reach)| (kind.type_name(), reach(account))).collect()
}

/// The types that have a table of their own, in the order in which they are observed: parents before their children.
pub fn order() -> Vec<&'static str> {
    all()
        .into_iter()
        .filter(|(kind, _)| kind.facts().reads == kind.type_name())
        .map(|(kind, _)| kind.type_name())
        .collect()
}
