//! One account and region: the kinds, the reach into it, and what has been observed of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use evenkeel_aws::client::Account;
use evenkeel_aws::{calls, kinds};
use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::Diagnostics;
use evenkeel_core::plan::{Kinds, Observation, Reach, Seen};
use tokio::sync::Mutex;

use crate::recent::Recent;

pub use evenkeel_aws::calls::Calls;

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
    /// Types in the groups in which they are observed: parents before children.
    pub stages: Vec<Vec<&'static str>>,
    /// What is known. No lock of async code: a run plans while its steps stand still, and one of them may be next in the
    /// queue of such a lock.
    pub store: RwLock<Observation>,
    /// Keys that specs want, by type: of all applications that live here.
    pub wanted: Mutex<BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>>,
    /// While a sweep is under way: what was read again meanwhile.
    pub meanwhile: std::sync::Mutex<Option<Vec<(&'static str, Seen)>>>,
    /// Whether everything was observed once.
    pub swept: AtomicBool,
    /// Held while a sweep runs: two of one world never run side by side.
    pub sweeping: Mutex<()>,
    /// What was written a moment ago, and reads may not show yet.
    pub recent: Recent,
    /// Values, answers and the count of calls.
    pub source: Arc<dyn Source>,
}

impl World {
    /// What is known, for a look.
    pub fn known(&self) -> RwLockReadGuard<'_, Observation> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, to be changed.
    pub fn known_mut(&self) -> RwLockWriteGuard<'_, Observation> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read again while a sweep is under way.
    pub fn read_meanwhile(&self) -> MutexGuard<'_, Option<Vec<(&'static str, Seen)>>> {
        self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner)
    }

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

    /// Forgets what applications want that are not there any more.
    pub async fn want_only(&self, there: impl Fn(&str) -> bool) {
        self.wanted.lock().await.retain(|app, _| there(app));
    }
}

/// What a world gives beyond its kinds: values that specs ask for, answers of functions, and the count of calls.
#[async_trait::async_trait]
pub trait Source: Send + Sync {
    /// Reads what is needed; what cannot be had is told.
    async fn fetch(&self, needs: &Needs, values: &mut Values) -> Diagnostics;
    /// Invokes a function with an empty event.
    ///
    /// # Errors
    /// A sentence.
    async fn invoke(&self, function: &str) -> Result<String, String>;
    /// All calls so far.
    fn calls(&self) -> Calls;
    /// Those of them that AWS throttled.
    fn throttled(&self) -> Calls;
    /// Writes among them.
    fn writes(&self) -> u64;
    /// Whether AWS has said that the credentials are not, or no longer, good.
    fn is_refused(&self) -> bool {
        false
    }
}

#[async_trait::async_trait]
impl Source for Account {
    async fn fetch(&self, needs: &Needs, values: &mut Values) -> Diagnostics {
        Account::fetch(self, needs, values).await
    }

    async fn invoke(&self, function: &str) -> Result<String, String> {
        Account::invoke(self, function).await
    }

    fn calls(&self) -> Calls {
        Account::calls(self)
    }

    fn throttled(&self) -> Calls {
        Account::throttled(self)
    }

    fn writes(&self) -> u64 {
        calls::writes(&Account::calls(self))
    }

    fn is_refused(&self) -> bool {
        Account::is_refused(self)
    }
}

impl World {
    /// The world behind a connection.
    pub fn new(account: Arc<Account>) -> Self {
        let home = (account.region(), account.id(), account.partition());
        World::of(
            home,
            kinds::kinds(),
            kinds::reaches(&account),
            kinds::stages(),
            Arc::clone(&account) as Arc<dyn Source>,
        )
    }

    /// A world of these kinds, of which nothing is known yet. Its home is a region, an account and a partition.
    pub fn of(
        (region, account, partition): (&str, &str, &str),
        kinds: Kinds,
        reaches: BTreeMap<&'static str, Arc<dyn Reach>>,
        stages: Vec<Vec<&'static str>>,
        source: Arc<dyn Source>,
    ) -> Self {
        World {
            region: region.to_owned(),
            account: account.to_owned(),
            partition: partition.to_owned(),
            kinds,
            reaches,
            stages,
            store: RwLock::new(Observation::new()),
            wanted: Mutex::new(BTreeMap::new()),
            meanwhile: std::sync::Mutex::new(None),
            swept: AtomicBool::new(false),
            sweeping: Mutex::new(()),
            recent: Recent::default(),
            source,
        }
    }
}
