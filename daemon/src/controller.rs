//! Runs applications: once, or for ever.

mod once;
mod reading;
mod traffic;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_aws::fence::with_fence;
use evenkeel_aws::limiter::with_priority;
use evenkeel_core::engine::backoff::jitter;
use evenkeel_core::engine::queue::Turn;
use evenkeel_core::engine::{Backoff, Priority, Queue};
use evenkeel_core::plan::orphans;
use tokio::sync::{Mutex, watch};
use tokio::task::{self, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument as _, info, info_span, warn};

pub use self::once::{Limits, once, plan_all};
use self::reading::{Reading, Readings};
use self::traffic::Traffic;
use self::turn::{Ended, Memory, Work, ended};
use crate::apps::{Target, Tree};
use crate::lease::{Holdings, Lease};
use crate::report::AppReport;
use crate::server::Board;
use crate::session::{PrepareError, Prepared, Session};
use crate::source::{Snapshot, watch as source_watch};
use crate::world::World;

/// Applications that run at once.
const APPS_AT_ONCE: usize = 4;
/// A tree that is not a commit must be seen twice, this far apart, before anything is deleted because of it.
const SEEN_TWICE: Duration = Duration::from_secs(30);
/// How soon it is looked at again at the earliest.
const SOON: Duration = Duration::from_secs(1);
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(8);

/// The report of an application of which there is no plan.
fn unprepared(target: &Target, revision: &str, failure: &PrepareError) -> AppReport {
    AppReport::failed(&target.app, target.env.as_deref(), revision, failure.reason(), failure.sentence())
}

/// Does something that changes nothing, such as looking for AWS; `None` where the process was told to end before.
pub async fn until_told_to_end<F: Future>(draining: &watch::Receiver<bool>, work: F) -> Option<F::Output> {
    let mut draining = draining.clone();
    let told = async {
        if draining.wait_for(|draining| *draining).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = told => None,
    }
}

fn distinct<'a>(ready: impl IntoIterator<Item = &'a Arc<Prepared>>) -> Vec<Arc<World>> {
    let mut worlds: Vec<Arc<World>> = Vec::new();
    for prepared in ready {
        if !worlds.iter().any(|world| Arc::ptr_eq(world, &prepared.world)) {
            worlds.push(Arc::clone(&prepared.world));
        }
    }
    worlds
}

async fn orphaned(tree: &Tree, worlds: &[Arc<World>]) -> BTreeMap<String, usize> {
    let known = tree.known();
    let mut out = BTreeMap::new();
    for world in worlds {
        let store = world.known();
        for (app, count) in orphans(&store, &tree.source_id, &known) {
            *out.entry(app).or_insert(0) += count;
        }
    }
    out
}

/// Settings of the daemon.
pub struct Daemon {
    /// The directory.
    pub root: PathBuf,
    /// The session.
    pub session: Arc<Session>,
    /// Where it reports.
    pub board: Board,
    /// Pause between sweeps.
    pub resync: Duration,
    /// Digests of deletions that a person allowed.
    pub allowed: BTreeSet<String>,
    /// What is shared with other replicas, where applications are.
    pub lease: Option<Share>,
}

/// A part in the lease of one tree.
pub struct Share {
    /// The lease, joined.
    pub lease: Arc<Lease>,
    /// Who the tree is.
    pub source: String,
}

/// Why the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Told,
    /// The specs say that they are another tree than the one whose lease it joined: others share this one's applications.
    Moved,
}

struct Current {
    tree: Arc<Tree>,
    targets: BTreeMap<String, Target>,
    seen: Instant,
    confirmed: bool,
}

impl Daemon {
    /// Runs until `draining` turns true, or until the specs are another tree, then lets running steps end.
    pub async fn run(&self, mut draining: watch::Receiver<bool>) -> Ending {
        let started = Instant::now();
        let mut queue = Queue::new(Backoff { base: Duration::from_secs(2), limit: Duration::from_secs(300) });
        let mut changes = source_watch::watch(self.root.clone());
        let memory: Arc<Mutex<BTreeMap<String, Arc<Mutex<Memory>>>>> = Arc::default();
        let mut current: Option<Current> = None;
        let mut runs: JoinSet<Ended> = JoinSet::new();
        let mut keys: HashMap<task::Id, String> = HashMap::new();
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut sweeps: JoinSet<()> = JoinSet::new();
        let mut stops: BTreeMap<String, watch::Sender<bool>> = BTreeMap::new();
        let mut holdings = Holdings::keep(self.lease.as_ref().map(|share| &share.lease));
        let mut seed: u64 = started.elapsed().subsec_nanos().into();
        let mut next_sweep = Instant::now() + self.resync;
        let mut reread: Option<Instant> = None;
        let root = self.root.clone();
        let mut readings = Readings::new(Arc::new(move || Snapshot::read(&root)));
        readings.ask(Priority::Edit);
        let ending = loop {
            if self.has_moved(current.as_ref()) {
                break Ending::Moved;
            }
            while runs.len() < APPS_AT_ONCE
                && let Some((key, priority)) = queue.next(started.elapsed())
            {
                let Some((tree, target, confirmed)) = current.as_ref().and_then(|current| {
                    Some((Arc::clone(&current.tree), current.targets.get(&key)?.clone(), current.confirmed))
                }) else {
                    queue.done(&key, Turn::Converged, started.elapsed(), seed);
                    continue;
                };
                let revision = &tree.snapshot.revision.name;
                if let Some(reason) = holdings.refuses(&key, &self.root, revision) {
                    self.board.report(AppReport::failed(
                        &target.app,
                        target.env.as_deref(),
                        revision,
                        "HeldElsewhere",
                        reason,
                    ));
                    let turn = if holdings.holds(&key) { Turn::Again(Duration::from_secs(5)) } else { Turn::Converged };
                    queue.done(&key, turn, started.elapsed(), seed);
                    continue;
                }
                let (stop, stopped) = watch::channel(false);
                stops.insert(key.clone(), stop);
                let memory = Arc::clone(memory.lock().await.entry(key.clone()).or_default());
                let fence = self.lease.as_ref().map(|share| share.lease.fence(&BTreeSet::from([key.clone()])));
                let work = Work {
                    session: Arc::clone(&self.session),
                    draining: draining.clone(),
                    board: self.board.clone(),
                    allowed: self.allowed.clone(),
                    tree,
                    target,
                    confirmed,
                    memory,
                    stopped,
                    priority,
                };
                let turn =
                    with_fence(fence, with_priority(priority, work.turn())).instrument(info_span!("app", name = key));
                keys.insert(runs.spawn(turn).id(), key);
            }
            let due = queue.next_due().map(|due| started + due).filter(|_| runs.len() < APPS_AT_ONCE);
            let far = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                _ = draining.wait_for(|draining| *draining) => break Ending::Told,
                Some(()) = changes.recv() => readings.ask(Priority::Edit),
                reading = readings.next() => match reading {
                    Reading::Done(read, priority) => {
                        self.read(read, &mut current, &mut queue, started, &stops, priority);
                        let unconfirmed = current.as_ref().filter(|current| !current.confirmed);
                        let soon = Instant::now() + SOON;
                        reread = unconfirmed.map(|current| (current.seen + SEEN_TWICE).max(soon));
                    }
                    Reading::Slow => {
                        let problem = format!("reading {} takes long: what was read before stays until it ends", self.root.display());
                        warn!(problem);
                        self.board.update(|status| status.problem = Some(problem));
                    }
                },
                Some(finished) = runs.join_next_with_id() => {
                    seed = seed.wrapping_add(1);
                    let (id, turn) = ended(finished);
                    if let Some(key) = keys.remove(&id) {
                        stops.remove(&key);
                        let now = started.elapsed();
                        queue.done(&key, turn.as_ref().map_or(Turn::Failed, |ended| ended.turn), now, seed);
                        if let Some(ended) = turn {
                            if ended.exports_changed {
                                let importers = imports.iter().filter(|(_, from)| from.contains(&key));
                                importers.for_each(|(importer, _)| queue.add(importer, Priority::Edit, now, now));
                            }
                            imports.insert(key.clone(), ended.imports_from);
                        }
                        if !current.as_ref().is_some_and(|current| current.targets.contains_key(&key)) {
                            // It left the specs during its turn, whose last report came after that.
                            queue.forget(&key);
                            imports.remove(&key);
                            memory.lock().await.remove(&key);
                            self.board.update(|status| {
                                status.apps.remove(&key);
                            });
                        }
                        holdings.let_go(&stops, revision(current.as_ref()));
                    }
                    self.publish(current.as_ref()).await;
                }
                () = tokio::time::sleep_until(due.unwrap_or(far)) => {}
                () = tokio::time::sleep_until(reread.unwrap_or(far)), if reread.is_some() => {
                    reread = None;
                    readings.ask(Priority::Resync);
                }
                () = tokio::time::sleep_until(next_sweep) => {
                    seed = seed.wrapping_add(1);
                    next_sweep = Instant::now() + self.resync - jitter(self.resync / 5, seed);
                    if sweeps.is_empty() {
                        // Beside the loop: a sweep of thousands takes a while, and an edit does not wait for it.
                        let session = Arc::clone(&self.session);
                        sweeps.spawn(with_priority(Priority::Resync, async move {
                            session.sweep(&session.worlds().await).await;
                        }));
                    }
                }
                () = holdings.changed() => {
                    let turnover = holdings.update();
                    for key in turnover.lost.union(&turnover.gained) {
                        // Others went on with it meanwhile: what was good then is not what to go back to.
                        memory.lock().await.remove(key);
                        queue.add(key, Priority::Edit, started.elapsed(), started.elapsed());
                    }
                    for stop in turnover.lost.iter().filter_map(|key| stops.get(key)) {
                        stop.send_replace(true);
                    }
                    holdings.let_go(&stops, revision(current.as_ref()));
                }
                Some(_) = sweeps.join_next() => {
                    readings.ask(Priority::Resync);
                    self.publish(current.as_ref()).await;
                }
            }
        };
        match ending {
            Ending::Told => info!("draining: no further change is started"),
            Ending::Moved => warn!("the specs are another tree now: leaves the lease of the one before"),
        }
        stops.values().for_each(|stop| {
            stop.send_replace(true);
        });
        let drained = async { while runs.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            warn!("some changes did not end in time; the next start finishes them");
        }
        if let Some(Share { lease, .. }) = &self.lease {
            let busy = if runs.is_empty() { BTreeSet::new() } else { stops.into_keys().collect() };
            lease.leave(revision(current.as_ref()), &busy).await;
        }
        ending
    }

    /// Whether the specs say that they are another tree than the one whose applications are shared here.
    fn has_moved(&self, current: Option<&Current>) -> bool {
        let is = |current: &Current, source: &str| current.tree.identity().is_ok_and(|identity| identity != source);
        self.lease.as_ref().zip(current).is_some_and(|(share, current)| is(current, &share.source))
    }

    /// Takes in a reading of the directory, and asks for a turn of everything in it: as an edit where it is another one than
    /// before, else with this priority. What cannot be read changes nothing: applications stay as they were.
    fn read(
        &self,
        read: Result<Snapshot, String>,
        current: &mut Option<Current>,
        queue: &mut Queue,
        started: Instant,
        stops: &BTreeMap<String, watch::Sender<bool>>,
        priority: Priority,
    ) {
        let snapshot = match read {
            Ok(snapshot) => snapshot,
            Err(failure) => {
                warn!(failure, "the specs cannot be read; nothing is changed because of it");
                self.board.update(|status| status.problem = Some(failure));
                return;
            }
        };
        let now = Instant::now();
        let revision = snapshot.revision.clone();
        let same = current.as_ref().filter(|current| current.tree.snapshot.revision == revision);
        let seen = same.map_or(now, |current| current.seen);
        let confirmed = revision.committed || now.duration_since(seen) >= SEEN_TWICE;
        let newly_confirmed = confirmed && same.is_some_and(|current| !current.confirmed);
        let tree = Arc::new(Tree::read(Arc::new(snapshot), &self.session.selection));
        let (found, mut problems) = tree.targets(&self.session.selection);
        problems.extend(tree.problems.clone());
        let problem = problems.iter().next().map(|problem| problem.message.clone());
        let targets: BTreeMap<String, Target> = found.into_iter().map(|target| (target.key(), target)).collect();
        let gone: Vec<String> = current
            .iter()
            .flat_map(|current| current.targets.keys())
            .filter(|key| !targets.contains_key(*key))
            .cloned()
            .collect();
        for key in &gone {
            info!(app = key, "not in the specs any more; its resources are left alone");
            queue.forget(key);
            if let Some(stop) = stops.get(key) {
                stop.send_replace(true);
            }
        }
        self.board.update(|status| {
            status.revision.clone_from(&revision.name);
            status.problem = problem;
            status.apps.retain(|key, _| !gone.contains(key));
        });
        // Code lies beside the specs and is not part of the snapshot: who is told of a change takes it for an edit of
        // everything, and a plan tells cheaply that nothing changed.
        let edited = same.is_none() || newly_confirmed;
        let priority = if edited { Priority::Edit } else { priority };
        for key in targets.keys() {
            let elapsed = started.elapsed();
            queue.add(key, priority, elapsed, elapsed);
            if let Some(stop) = stops.get(key)
                && edited
            {
                stop.send_replace(true);
            }
        }
        if let Some(Share { lease, .. }) = &self.lease {
            lease.interest(targets.keys().cloned().collect());
        }
        *current = Some(Current { tree, targets, seen, confirmed });
    }

    async fn publish(&self, current: Option<&Current>) {
        let worlds = self.session.worlds().await;
        let traffic = Traffic::of(&worlds);
        let orphaned = match current {
            Some(current) => {
                let (prefix, known) = (format!("{}:", current.tree.source_id), current.tree.known());
                for world in &worlds {
                    world.want_only(|app| app.strip_prefix(&prefix).is_some_and(|app| known.contains(app))).await;
                }
                orphaned(&current.tree, &worlds).await
            }
            None => BTreeMap::new(),
        };
        self.board.update(|status| {
            status.quota = traffic.quota();
            status.calls = traffic.calls;
            status.throttled = traffic.throttled;
            status.orphaned = orphaned;
            status.synced =
                current.is_some_and(|current| current.targets.keys().all(|key| status.apps.contains_key(key)));
        });
    }
}

/// The revision that applications are given up at.
fn revision(current: Option<&Current>) -> Option<&str> {
    current.map(|current| current.tree.snapshot.revision.name.as_str())
}
