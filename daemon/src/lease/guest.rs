//! A single run beside the daemons: it asks for its applications, works on them, and gives them back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_aws::fence::May;
use evenkeel_aws::lease::LeaseError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Lease, Table};

/// What a single run was handed.
pub struct Guest {
    lease: Arc<Lease>,
    held: BTreeSet<String>,
    missing: BTreeMap<String, String>,
}

impl Guest {
    /// Asks for applications and waits until they are handed over, or until the deadline.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn enter(
        table: Arc<dyn Table>,
        wants: BTreeSet<String>,
        deadline: Instant,
        mut draining: watch::Receiver<bool>,
    ) -> Result<Guest, LeaseError> {
        let lease = Lease::join(table, Some(wants.clone())).await?;
        tokio::spawn(Arc::clone(&lease).run());
        let held = tokio::select! {
            held = lease.all_held(deadline) => held,
            _ = draining.wait_for(|draining| *draining) => BTreeSet::new(),
        };
        let missing = wants
            .difference(&held)
            .map(|app| {
                let who = lease.holder(app).map_or_else(|| "another replica".to_owned(), |id| format!("replica {id}"));
                (app.clone(), format!("{who} works on it and did not hand it over in time: nothing was changed"))
            })
            .collect();
        Ok(Guest { lease, held, missing })
    }

    /// Why an application was not handed over, where that is so.
    pub fn missing(&self, app: &str) -> Option<&str> {
        self.missing.get(app).map(String::as_str)
    }

    /// Whether writes may be sent: as long as everything that was handed over is held.
    pub fn fence(&self) -> May {
        self.lease.fence(&self.held)
    }

    /// Turns true when the process is to end, and when anything that was handed over is not held any more.
    pub fn draining(&self, mut outer: watch::Receiver<bool>) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(*outer.borrow());
        let (lease, held) = (Arc::clone(&self.lease), self.held.clone());
        tokio::spawn(async move {
            let mut changes = lease.changes();
            loop {
                let now = lease.held();
                if *outer.borrow() || held.iter().any(|app| !now.contains_key(app)) {
                    sender.send_replace(true);
                    return;
                }
                tokio::select! {
                    changed = outer.changed() => if changed.is_err() { return },
                    changed = changes.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                }
            }
        });
        receiver
    }

    /// Gives everything back; `revision` is what it stands at now.
    pub async fn leave(self, revision: Option<&str>) {
        self.lease.leave(revision, &BTreeSet::new()).await;
    }
}
