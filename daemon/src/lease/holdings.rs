//! The controller's side of the lease: what it may work on, and what it has to give up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Held, Lease};
use crate::source::revision;

/// How long a replica waits for the revision that the holder before it left behind, before it applies its own.
const HANDOVER: Duration = Duration::from_secs(120);

/// This process's share of the applications: all of them where there is no lease.
pub struct Holdings {
    lease: Option<(Arc<Lease>, watch::Receiver<u64>)>,
    held: BTreeMap<String, Held>,
}

/// What turned over.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Held now, and not before.
    pub gained: BTreeSet<String>,
    /// Not held any more, or to be given up: nothing may be started there.
    pub lost: BTreeSet<String>,
}

impl Holdings {
    /// Starts to keep the lease, where there is one.
    pub fn keep(lease: Option<&Arc<Lease>>) -> Self {
        let lease = lease.map(|lease| {
            let changes = lease.changes();
            tokio::spawn(Arc::clone(lease).run());
            (Arc::clone(lease), changes)
        });
        Holdings { lease, held: BTreeMap::new() }
    }

    /// Waits until something may have turned over; for ever where nothing is shared.
    pub async fn changed(&mut self) {
        if let Some((_, changes)) = &mut self.lease
            && changes.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// Looks at what is held now.
    pub fn update(&mut self) -> Turnover {
        let Some((lease, _)) = &self.lease else { return Turnover::default() };
        let held = lease.held();
        let gained: BTreeSet<String> = held
            .iter()
            .filter(|(app, now)| self.held.get(*app).is_none_or(|before| before.claim.epoch != now.claim.epoch))
            .map(|(app, _)| app.clone())
            .collect();
        let gone = self.held.keys().filter(|app| !held.contains_key(*app)).cloned();
        let lost = gone.chain(lease.leaving()).collect();
        self.held = held;
        Turnover { gained, lost }
    }

    /// Whether this process holds an application now.
    pub fn holds(&self, app: &str) -> bool {
        self.lease.as_ref().is_none_or(|(lease, _)| lease.held().contains_key(app))
    }

    /// Why this process may not work on an application now; `None` where it may. `specs` and `revision` are what it would
    /// apply.
    pub fn refuses(&self, app: &str, specs: &Path, revision: &str) -> Option<String> {
        let (lease, _) = self.lease.as_ref()?;
        let Some(held) = lease.held().remove(app) else {
            return Some(match (lease.problem(), lease.holder(app)) {
                (Some(problem), _) => format!("waits for the lease: {problem}"),
                (None, Some(holder)) => format!("replica {holder} works on it"),
                (None, None) => "another replica works on it".to_owned(),
            });
        };
        if lease.leaving().contains(app) {
            return Some("is being handed over to another replica".to_owned());
        }
        // Only commits have an order; of two hashes of plain files nobody can tell which is the newer.
        let left = held.claim.left.filter(|left| left != revision && !left.starts_with(revision::PLAIN))?;
        (held.since.elapsed() < HANDOVER && !revision::contains(specs, &left)).then(|| {
            format!("was left at revision {left}, which is not here yet: waits for it up to {} s", HANDOVER.as_secs())
        })
    }

    /// Gives up what is to be given up and is not in `busy`.
    pub fn let_go<T>(&self, busy: &BTreeMap<String, T>, revision: Option<&str>) {
        let Some((lease, _)) = &self.lease else { return };
        for app in lease.leaving().into_iter().filter(|app| !busy.contains_key(app)) {
            let (lease, revision) = (Arc::clone(lease), revision.map(str::to_owned));
            tokio::spawn(async move { lease.release(&app, revision.as_deref()).await });
        }
    }
}
