//! The lease: several replicas share the applications of one tree, and a single run beside them is handed what it asks for.
//!
//! What is decided is in [`evenkeel_core::engine::lease`]; this is the task that keeps the heartbeat, makes and gives up
//! claims, and tells the controller.

mod guest;
mod holdings;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use evenkeel_aws::fence::May;
use evenkeel_aws::lease::{Claimed, LeaseError, LeaseTable};
use evenkeel_core::engine::lease::{BEAT, Claim, Membership, Replica, VALID};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

pub use guest::Guest;
pub use holdings::{Holdings, Turnover};

/// How often a guest asks again for what others still hold.
const ASK: Duration = Duration::from_secs(1);
/// How many claims are made at once.
const CLAIMS_AT_ONCE: usize = 8;
/// How long the round that is under way may still take when the replica leaves.
const LAST_ROUND: Duration = Duration::from_secs(2);

/// Where heartbeats and claims are kept.
#[async_trait]
pub trait Table: Send + Sync {
    /// Writes a replica's first heartbeat.
    async fn join(&self, replica: &Replica) -> Result<(), LeaseError>;
    /// Writes the next one; `false` where the row is gone.
    async fn beat(&self, id: &str, beat: u64) -> Result<bool, LeaseError>;
    /// Reads all heartbeats.
    async fn replicas(&self) -> Result<Vec<Replica>, LeaseError>;
    /// Removes a row, where its heartbeat is still this one.
    async fn remove(&self, id: &str, beat: Option<u64>) -> Result<bool, LeaseError>;
    /// Claims an application that nobody holds, or from a dead holder.
    async fn claim(&self, app: &str, me: &str, from: Option<(&str, u64)>) -> Result<Claimed, LeaseError>;
    /// Lets go of an application.
    async fn release(&self, app: &str, me: &str, epoch: u64, revision: Option<&str>) -> Result<(), LeaseError>;
}

#[async_trait]
impl Table for LeaseTable {
    async fn join(&self, replica: &Replica) -> Result<(), LeaseError> {
        LeaseTable::join(self, replica).await
    }

    async fn beat(&self, id: &str, beat: u64) -> Result<bool, LeaseError> {
        LeaseTable::beat(self, id, beat).await
    }

    async fn replicas(&self) -> Result<Vec<Replica>, LeaseError> {
        LeaseTable::replicas(self).await
    }

    async fn remove(&self, id: &str, beat: Option<u64>) -> Result<bool, LeaseError> {
        LeaseTable::remove(self, id, beat).await
    }

    async fn claim(&self, app: &str, me: &str, from: Option<(&str, u64)>) -> Result<Claimed, LeaseError> {
        LeaseTable::claim(self, app, me, from).await
    }

    async fn release(&self, app: &str, me: &str, epoch: u64, revision: Option<&str>) -> Result<(), LeaseError> {
        LeaseTable::release(self, app, me, epoch, revision).await
    }
}

/// An application that this replica holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// The claim.
    pub claim: Claim,
    /// When it was made.
    pub since: Instant,
}

#[derive(Debug)]
struct Inner {
    membership: Membership,
    beat: u64,
    interested: BTreeSet<String>,
    held: BTreeMap<String, Held>,
    leaving: BTreeSet<String>,
    /// This machine's clock when the last heartbeat that arrived was begun.
    wall: SystemTime,
    /// Releases that have not arrived yet.
    releasing: BTreeMap<String, (String, u64, Option<String>)>,
    /// Claims that were sent and not answered: the table may have them, and nobody else may take what a live replica holds.
    unanswered: BTreeSet<String>,
    /// Who holds what this replica should hold.
    others: BTreeMap<String, String>,
    /// Holders without a row, as they were found at the round before.
    suspects: BTreeMap<String, (String, u64)>,
    problem: Option<String>,
}

/// When a heartbeat was begun.
#[derive(Clone, Copy, Debug)]
struct Begun {
    now: Duration,
    wall: SystemTime,
}

impl Begun {
    fn new(lease: &Lease) -> Self {
        Begun { now: lease.now(), wall: SystemTime::now() }
    }
}

impl Inner {
    fn beaten(&mut self, begun: Begun) {
        self.membership.beaten(begun.now);
        self.wall = begun.wall;
    }

    /// Whether anything may be started or sent. What counts time in a process stands still while a machine sleeps, and
    /// its clock does not; one that is put forward costs a heartbeat.
    fn may_act(&self, now: Duration) -> bool {
        self.membership.may_act(now) && !self.wall.elapsed().is_ok_and(|since| since >= VALID)
    }
}

/// One replica's part in the lease. It ends with [`Lease::leave`].
pub struct Lease {
    table: Arc<dyn Table>,
    wants: Option<BTreeSet<String>>,
    started: Instant,
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
    ended: watch::Sender<bool>,
    /// Held by the round that is under way: who leaves in the middle of one would be put back by what it still does.
    rounds: tokio::sync::Mutex<()>,
}

impl Lease {
    /// Joins: writes the first heartbeat and reads the others'. With `wants` it is a guest, which asks for these
    /// applications and nothing else.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn join(table: Arc<dyn Table>, wants: Option<BTreeSet<String>>) -> Result<Arc<Lease>, LeaseError> {
        let lease = Lease::new(table, wants);
        lease.enter().await?;
        let rows = lease.table.replicas().await?;
        lease.inner().membership.saw(rows, lease.now());
        Ok(lease)
    }

    fn new(table: Arc<dyn Table>, wants: Option<BTreeSet<String>>) -> Arc<Lease> {
        let inner = Inner {
            membership: Membership::new(identity(), wants.clone()),
            beat: 0,
            interested: wants.clone().unwrap_or_default(),
            held: BTreeMap::new(),
            leaving: BTreeSet::new(),
            wall: SystemTime::now(),
            releasing: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            others: BTreeMap::new(),
            suspects: BTreeMap::new(),
            problem: None,
        };
        Arc::new(Lease {
            table,
            wants,
            started: Instant::now(),
            inner: Mutex::new(inner),
            changed: watch::Sender::new(0),
            ended: watch::Sender::new(false),
            rounds: tokio::sync::Mutex::default(),
        })
    }

    async fn enter(&self) -> Result<(), LeaseError> {
        let (replica, begun) = {
            let inner = self.inner();
            let id = inner.membership.me().to_owned();
            (Replica { id, beat: inner.beat, wants: self.wants.clone() }, Begun::new(self))
        };
        self.table.join(&replica).await?;
        info!(replica = replica.id, "joined the lease");
        self.inner().beaten(begun);
        Ok(())
    }

    /// This replica's identity.
    pub fn me(&self) -> String {
        self.inner().membership.me().to_owned()
    }

    /// Turns over whenever what is held may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Says which applications there are. What is held and not among them is given up.
    pub fn interest(&self, apps: BTreeSet<String>) {
        if self.wants.is_none() {
            self.inner().interested = apps;
        }
    }

    /// What this replica may work on now.
    pub fn held(&self) -> BTreeMap<String, Held> {
        let inner = self.inner();
        if inner.may_act(self.now()) { inner.held.clone() } else { BTreeMap::new() }
    }

    /// Whether writes for these applications may be sent: as long as the claims that this replica has on them now hold.
    pub fn fence(self: &Arc<Self>, apps: &BTreeSet<String>) -> May {
        let epochs = |inner: &Inner, app: &String| inner.held.get(app).map(|held| held.claim.epoch);
        let claims: Vec<(String, Option<u64>)> = {
            let inner = self.inner();
            apps.iter().map(|app| (app.clone(), epochs(&inner, app))).collect()
        };
        let lease = Arc::clone(self);
        Arc::new(move || {
            let inner = lease.inner();
            inner.may_act(lease.now())
                && claims.iter().all(|(app, claim)| claim.is_some() && epochs(&inner, app) == *claim)
        })
    }

    /// What it holds and is to give up as soon as nothing works on it any more.
    pub fn leaving(&self) -> BTreeSet<String> {
        self.inner().leaving.clone()
    }

    /// Who holds an application that this replica would like to work on.
    pub fn holder(&self, app: &str) -> Option<String> {
        self.inner().others.get(app).cloned()
    }

    /// Why the table cannot be reached, where that is so.
    pub fn problem(&self) -> Option<String> {
        self.inner().problem.clone()
    }

    /// Gives up an application; `revision` is what it stands at, where it converged.
    pub async fn release(&self, app: &str, revision: Option<&str>) {
        let pending = {
            let mut inner = self.inner();
            inner.leaving.remove(app);
            let me = inner.membership.me().to_owned();
            let Some(held) = inner.held.remove(app) else { return };
            let pending = (me, held.claim.epoch, revision.map(str::to_owned));
            inner.releasing.insert(app.to_owned(), pending.clone());
            pending
        };
        self.send_release(app, pending).await;
        self.tell();
    }

    async fn send_release(&self, app: &str, (me, epoch, revision): (String, u64, Option<String>)) {
        match self.table.release(app, &me, epoch, revision.as_deref()).await {
            Ok(()) => {
                info!(app, "handed over");
                let mut inner = self.inner();
                if inner.releasing.get(app).is_some_and(|(_, other, _)| *other == epoch) {
                    inner.releasing.remove(app);
                }
            }
            Err(error) => warn!(app, %error, "not handed over yet"),
        }
    }

    /// Keeps the heartbeat and the claims until [`Lease::leave`].
    pub async fn run(self: Arc<Self>) {
        let mut ended = self.ended.subscribe();
        loop {
            let begun = Instant::now();
            let mut leaves = self.ended.subscribe();
            let given_up = async {
                let _ = leaves.wait_for(|ended| *ended).await;
                tokio::time::sleep(LAST_ROUND).await;
            };
            tokio::select! {
                () = self.round() => {}
                () = given_up => return,
            }
            let next = begun + self.pause();
            let lapses = self.inner().membership.valid_until().map_or(next, |until| self.started + until);
            let mut told = lapses >= next;
            loop {
                tokio::select! {
                    _ = ended.wait_for(|ended| *ended) => return,
                    () = tokio::time::sleep_until(next) => break,
                    () = tokio::time::sleep_until(lapses), if !told => {
                        told = true;
                        warn!("no heartbeat arrived in time: nothing is changed until one does");
                        self.tell();
                    }
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let inner = self.inner();
        let asks = self.wants.as_ref().is_some_and(|wants| wants.iter().any(|app| !inner.held.contains_key(app)));
        // After a failure others may be about to take this replica for dead.
        if asks || inner.problem.is_some() { ASK } else { BEAT }
    }

    /// One heartbeat, one look at the others, and what follows from it.
    async fn round(&self) {
        let _round = self.rounds.lock().await;
        if self.is_ending() {
            return;
        }
        let problem = match tokio::time::timeout(BEAT, self.turn()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the lease table did not answer in time".to_owned()),
        };
        if let Some(problem) = &problem {
            warn!(problem, "the lease could not be renewed");
        }
        self.inner().problem = problem;
        self.tell();
    }

    async fn turn(&self) -> Result<(), LeaseError> {
        let (me, beat, begun) = {
            let mut inner = self.inner();
            inner.beat += 1;
            (inner.membership.me().to_owned(), inner.beat, Begun::new(self))
        };
        if self.table.beat(&me, beat).await? {
            self.inner().beaten(begun);
        } else if self.is_ending() {
            return Ok(());
        } else {
            warn!(replica = me, "others took this replica for dead: it starts over");
            {
                let mut inner = self.inner();
                inner.membership = Membership::new(identity(), self.wants.clone());
                inner.held.clear();
                inner.leaving.clear();
                inner.releasing.clear();
                inner.unanswered.clear();
            }
            self.tell();
            self.enter().await?;
        }
        let rows = self.table.replicas().await?;
        let dead = {
            let mut inner = self.inner();
            let now = self.now();
            inner.membership.saw(rows, now);
            inner.membership.dead(now)
        };
        let mut fenced = BTreeSet::new();
        for replica in dead {
            if self.table.remove(&replica.id, Some(replica.beat)).await? {
                warn!(replica = replica.id, "its heartbeat stopped: its applications are taken over");
                self.inner().membership.removed(&replica.id);
                fenced.insert(replica.id);
            }
        }
        let releasing = self.inner().releasing.clone();
        for (app, pending) in releasing {
            self.send_release(&app, pending).await;
        }
        self.claims(&fenced).await
    }

    /// Claims what this replica should hold, and marks what it should not. What it may have claimed and should not hold any
    /// more is claimed as well: so it knows, and gives it up.
    async fn claims(&self, fenced: &BTreeSet<String>) -> Result<(), LeaseError> {
        let missing: Vec<String> = {
            let mut inner = self.inner();
            let now = self.now();
            let leaving = inner
                .held
                .keys()
                .filter(|app| !inner.interested.contains(*app) || !inner.membership.should_hold(app, now))
                .cloned()
                .collect();
            inner.leaving = leaving;
            let missing: Vec<String> = inner
                .interested
                .union(&inner.unanswered)
                .filter(|app| !inner.held.contains_key(*app) && !inner.releasing.contains_key(*app))
                .filter(|app| inner.membership.should_hold(app, now) || inner.unanswered.contains(*app))
                .cloned()
                .collect();
            inner.others.retain(|app, _| missing.contains(app));
            missing
        };
        for some in missing.chunks(CLAIMS_AT_ONCE) {
            if self.is_ending() {
                break;
            }
            let claims = some.iter().map(|app| self.claim(app, fenced));
            for outcome in futures::future::join_all(claims).await {
                outcome?;
            }
        }
        Ok(())
    }

    async fn claim(&self, app: &str, fenced: &BTreeSet<String>) -> Result<(), LeaseError> {
        let me = self.me();
        self.inner().unanswered.insert(app.to_owned());
        let mut claimed = self.table.claim(app, &me, None).await?;
        if let Claimed::Held { holder, epoch } = &claimed {
            let orphaned = {
                let mut inner = self.inner();
                let suspect = (holder.clone(), *epoch);
                let known = inner.membership.is_known(holder);
                // Without a row it is dead: one joins before it claims. It may have joined after the rows were read,
                // though; the round after tells.
                let before = inner.suspects.get(app) == Some(&suspect);
                if known {
                    inner.suspects.remove(app);
                } else {
                    inner.suspects.insert(app.to_owned(), suspect);
                }
                fenced.contains(holder) || (!known && before)
            };
            if orphaned {
                let (holder, epoch) = (holder.clone(), *epoch);
                claimed = self.table.claim(app, &me, Some((&holder, epoch))).await?;
            }
        }
        // It was sent again because its answer was lost, and found what the first one did.
        if matches!(&claimed, Claimed::Held { holder, .. } if *holder == me) {
            claimed = self.table.claim(app, &me, None).await?;
        }
        let now = self.now();
        let mut inner = self.inner();
        inner.unanswered.remove(app);
        match claimed {
            // The identity may have changed while the answer was under way.
            Claimed::Ours(claim) if inner.membership.me() == me => {
                info!(app, epoch = claim.epoch, "holds");
                if !inner.interested.contains(app) || !inner.membership.should_hold(app, now) {
                    inner.leaving.insert(app.to_owned());
                }
                inner.others.remove(app);
                inner.suspects.remove(app);
                inner.held.insert(app.to_owned(), Held { claim, since: Instant::now() });
            }
            Claimed::Ours(_) => {}
            Claimed::Held { holder, .. } => {
                inner.others.insert(app.to_owned(), holder);
            }
        }
        Ok(())
    }

    /// Waits until everything that a guest wants is held, or the deadline passes; gives what is held then.
    pub async fn all_held(&self, deadline: Instant) -> BTreeSet<String> {
        let mut changes = self.changes();
        loop {
            let held: BTreeSet<String> = self.held().into_keys().collect();
            if self.wants.as_ref().is_none_or(|wants| wants.is_subset(&held)) {
                return held;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(deadline) => return self.held().into_keys().collect(),
            }
        }
    }

    /// Gives up everything that is not in `busy` and leaves. What is busy stays claimed until the heartbeat counts as
    /// dead: its last write may still be under way.
    pub async fn leave(&self, revision: Option<&str>, busy: &BTreeSet<String>) {
        self.ended.send_replace(true);
        // What the round under way claims is among what is given up then.
        let _last = self.rounds.lock().await;
        let held: Vec<String> = self.inner().held.keys().filter(|app| !busy.contains(*app)).cloned().collect();
        let leave = async {
            for some in held.chunks(CLAIMS_AT_ONCE) {
                futures::future::join_all(some.iter().map(|app| self.release(app, revision))).await;
            }
            let (me, clear) = {
                let inner = self.inner();
                (inner.membership.me().to_owned(), inner.held.is_empty() && inner.releasing.is_empty())
            };
            if clear && let Err(error) = self.table.remove(&me, None).await {
                warn!(%error, "the heartbeat could not be removed; it lapses by itself");
            }
        };
        if tokio::time::timeout(BEAT, leave).await.is_err() {
            warn!("the lease table did not answer in time; the claims lapse by themselves");
        }
    }

    fn is_ending(&self) -> bool {
        *self.ended.borrow()
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An identity that no other process, and no earlier life of this one, has.
fn identity() -> String {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    format!("{}-{}-{random:016x}", host.as_deref().unwrap_or("replica"), std::process::id())
}

/// `dynamodb://TABLE`, and what may follow: `?region=REGION` where the table is in another region, `create=true` where
/// it is to be made if it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The table.
    pub table: String,
    /// Its region.
    pub region: Option<String>,
    /// Whether to make it.
    pub create: bool,
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not dynamodb://TABLE, with ?region=REGION or ?create=true at most");
        let rest = text.strip_prefix("dynamodb://").ok_or_else(wrong)?;
        let (table, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut address = Address { table: table.to_owned(), region: None, create: false };
        for word in query.split('&').filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                Some(("region", region)) if !region.is_empty() => address.region = Some(region.to_owned()),
                Some(("create", value)) => address.create = value.parse().map_err(|_| wrong())?,
                _ => return Err(wrong()),
            }
        }
        let named = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !(3..=255).contains(&table.len()) || !table.chars().all(named) {
            return Err(wrong());
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests;
