//! One account and region: the kinds, the reach into it, and what has been observed of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_core::plan::{Kinds, Observation, Reach};
use tokio::sync::{Mutex, RwLock};

/// Calls to AWS, by service and operation.
pub type Calls = BTreeMap<String, BTreeMap<String, u64>>;

/// Counts calls.
pub trait CallCounter: Send + Sync {
    /// All calls so far.
    fn calls(&self) -> Calls;
    /// Writes among them.
    fn writes(&self) -> u64;
}

/// One account and region.
pub struct World {
    /// The region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// What the types mean.
    pub kinds: Kinds,
    /// How to reach each type.
    pub reaches: BTreeMap<&'static str, Arc<dyn Reach>>,
    /// Types in the order in which they are observed: parents before children.
    pub order: Vec<&'static str>,
    /// What is known.
    pub store: RwLock<Observation>,
    /// Keys that specs want, by type: of all applications that live here.
    pub wanted: Mutex<BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>>,
    /// Counts calls.
    pub counter: Arc<dyn CallCounter>,
}

impl World {
    /// All keys that any application here wants, by type.
    pub async fn wanted(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let mut out: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for keys in self.wanted.lock().await.values() {
            for (type_name, keys) in keys {
                out.entry(type_name).or_default().extend(keys.iter().cloned());
            }
        }
        out
    }

    /// Notes what an application wants here.
    pub async fn want(&self, app: &str, keys: BTreeMap<&'static str, BTreeSet<String>>) {
        self.wanted.lock().await.insert(app.to_owned(), keys);
    }
}

impl CallCounter for evenkeel_aws::client::Account {
    fn calls(&self) -> Calls {
        evenkeel_aws::client::Account::calls(self)
    }

    fn writes(&self) -> u64 {
        evenkeel_aws::client::Account::writes(self)
    }
}

impl World {
    /// The world behind a connection.
    pub fn new(account: Arc<evenkeel_aws::client::Account>) -> Self {
        World {
            region: account.region().to_owned(),
            account: account.account_id().to_owned(),
            partition: account.partition().to_owned(),
            kinds: evenkeel_aws::kinds::kinds(),
            reaches: evenkeel_aws::kinds::reaches(&account),
            order: evenkeel_aws::kinds::observation_order(),
            store: RwLock::new(Observation::new()),
            wanted: Mutex::new(BTreeMap::new()),
            counter: account,
        }
    }
}
