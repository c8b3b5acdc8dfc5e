//! Where an account's answers come from, in the planner's terms.

use evenkeel_core::plan::Scope;

use crate::client::Account;

/// Account, region and partition; what an application would add is empty, since an answer belongs to none.
pub(crate) fn place(account: &Account) -> Scope {
    Scope {
        source: String::new(),
        app: String::new(),
        env: None,
        stack: String::new(),
        region: account.region().to_owned(),
        account: account.id().to_owned(),
        partition: account.partition().to_owned(),
        artifacts: std::collections::BTreeMap::new(),
        keep: None,
    }
}
