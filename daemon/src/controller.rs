//! Runs applications: once, or for ever.

mod reading;
mod traffic;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_aws::fence::with_fence;
use evenkeel_aws::limiter::with_priority;
use evenkeel_core::engine::backoff::jitter;
use evenkeel_core::engine::queue::Turn;
use evenkeel_core::engine::{Backoff, Priority, Queue};
use evenkeel_core::plan::{Export, Plan, Standing, orphans};
use tokio::sync::{Mutex, watch};
use tokio::task::{self, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument as _, error, info, info_span, warn};

use self::reading::{Reading, Readings};
use self::traffic::Traffic;
use crate::apps::{Target, Tree};
use crate::converge::{Converged, Run};
use crate::lease::{Holdings, Lease};
use crate::report::{AppReport, Report};
use crate::server::Board;
use crate::session::{PrepareError, Prepared, Ready, Session, Unreached};
use crate::source::{Snapshot, watch as source_watch};
use crate::world::World;
use crate::{observe, reverts};

/// Applications that run at once.
const APPS_AT_ONCE: usize = 4;
/// A tree that is not a commit must be seen twice, this far apart, before anything is deleted because of it.
const SEEN_TWICE: Duration = Duration::from_secs(30);
/// How soon it is looked at again at the earliest.
const SOON: Duration = Duration::from_secs(1);
/// A turn that still waits after this gives its place to others.
const TURN: Duration = Duration::from_secs(60);
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(8);

/// What a run of one application needs beyond the session.
pub struct Limits {
    /// Digests of deletions that a person allowed.
    pub allowed: BTreeSet<String>,
    /// How long to wait for what settles.
    pub timeout: Duration,
}

/// Converges the selected applications and leaves.
///
/// With a lease it is a guest: it asks for the applications, waits until they are handed over, and gives them back.
pub async fn once(
    session: &Session,
    tree: &Tree,
    targets: &[Target],
    limits: &Limits,
    draining: watch::Receiver<bool>,
    on_round: &(dyn Fn(&Plan) + Send + Sync),
) -> (Report, Vec<PrepareError>) {
    let started = Instant::now();
    let mut failures = Vec::new();
    let mut apps = Vec::new();
    let mut ready = Vec::new();
    let mut known = Ready::new();
    let revision = tree.snapshot.revision.name.as_str();
    let looked = async {
        let unreached = session.open(targets).await;
        for target in targets {
            if let Some(unreached) = unreached.get(&target.key()) {
                let failure = PrepareError::Aws(unreached.clone());
                apps.push(unprepared(target, revision, &failure));
                failures.push(failure);
                continue;
            }
            match session.prepare(tree, target, &mut known).await {
                Ok(prepared) => ready.push(prepared),
                Err(failure) => {
                    apps.push(unprepared(target, revision, &failure));
                    failures.push(failure);
                }
            }
        }
        session.sweep(&distinct(known.values())).await;
    };
    // Nothing was written yet: nobody has to wait for an endpoint that does not answer.
    if until_told_to_end(&draining, looked).await.is_none() {
        (apps, failures, ready) = (Vec::new(), Vec::new(), Vec::new());
        for target in targets {
            let failure = PrepareError::Aws(Unreached {
                reason: "Interrupted",
                message: "evenkeel was told to end before it had seen what there is in AWS; nothing was changed"
                    .to_owned(),
            });
            apps.push(unprepared(target, revision, &failure));
            failures.push(failure);
        }
    }
    let worlds = distinct(known.values());
    let deadline = started + limits.timeout;
    let ended: BTreeMap<String, watch::Sender<bool>> =
        ready.iter().map(|prepared| (prepared.target.key(), watch::Sender::new(false))).collect();
    let ended = &ended;
    let runs = ready.iter().map(|prepared| {
        let draining = draining.clone();
        async move {
            // After those that it imports from, which are no circle.
            for exporter in prepared.imports.values() {
                if let Some(end) = ended.get(&exporter.target.key()) {
                    let _ = end.subscribe().wait_for(|ended| *ended).await;
                }
            }
            let run = Run {
                reverts: None,
                prepared,
                allowed: &limits.allowed,
                no_deletes: None,
                previous: None,
                waiting_since: &BTreeMap::new(),
                doubts: true,
                deadline,
                draining,
                on_round,
            };
            let converged = run.converge().instrument(info_span!("app", name = prepared.target.key())).await;
            if let Some(end) = ended.get(&prepared.target.key()) {
                end.send_replace(true);
            }
            AppReport::of(&prepared.target.app, prepared.target.env.as_deref(), revision, &converged.plan)
        }
    });
    apps.extend(futures::future::join_all(runs).await);
    let traffic = Traffic::of(&session.worlds().await);
    let report = Report {
        apps,
        orphaned: orphaned(tree, &worlds).await,
        quota: traffic.quota(),
        calls: traffic.calls,
        throttled: traffic.throttled,
        writes: traffic.writes,
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    (report, failures)
}

/// Plans the selected applications against a fresh observation.
pub async fn plan_all(
    session: &Session,
    tree: &Tree,
    targets: &[Target],
    allowed: &BTreeSet<String>,
) -> (Vec<(Arc<Prepared>, Plan)>, Vec<(Target, PrepareError)>) {
    let mut failures = Vec::new();
    let mut ready = Vec::new();
    let mut known = Ready::new();
    let unreached = session.open(targets).await;
    for target in targets {
        if let Some(unreached) = unreached.get(&target.key()) {
            failures.push((target.clone(), PrepareError::Aws(unreached.clone())));
            continue;
        }
        match session.prepare(tree, target, &mut known).await {
            Ok(prepared) => ready.push(prepared),
            Err(failure) => failures.push((target.clone(), failure)),
        }
    }
    session.sweep(&distinct(known.values())).await;
    let (_sender, draining) = watch::channel(false);
    let mut plans = Vec::new();
    for prepared in ready {
        let run = Run {
            reverts: None,
            prepared: &prepared,
            allowed,
            no_deletes: None,
            previous: None,
            waiting_since: &BTreeMap::new(),
            doubts: false,
            deadline: Instant::now(),
            draining: draining.clone(),
            on_round: &|_| {},
        };
        let plan = run.plan().await;
        plans.push((prepared, plan));
    }
    (plans, failures)
}

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

/// What the daemon remembers about an application.
#[derive(Default)]
struct Memory {
    /// The last spec that compiled.
    good: Option<Arc<Prepared>>,
    /// Fingerprints of the last converged plan.
    fingerprints: Option<BTreeMap<String, String>>,
    /// What it exported at the end of its last turn.
    exports: BTreeMap<String, Export>,
    /// Since when resources have been waiting for what AWS calls a matter of time.
    waiting_since: BTreeMap<String, Instant>,
    /// Changes of ours that somebody else undoes.
    reverts: reverts::Watch,
    /// What is left of deletions that were allowed by their digest and interrupted.
    allowed: BTreeSet<String>,
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

/// How a turn ended, and what others have of it.
struct Ended {
    turn: Turn,
    /// Whether what it exports is not what it was.
    exports_changed: bool,
    /// Keys of the applications that it imports from.
    imports_from: BTreeSet<String>,
}

impl Ended {
    fn failed() -> Self {
        Ended { turn: Turn::Failed, exports_changed: false, imports_from: BTreeSet::new() }
    }
}

/// How a turn ended, by its task; nothing for one that panicked: it is tried again as a failed one is, and holds up
/// nobody else.
fn ended<T>(finished: Result<(task::Id, T), task::JoinError>) -> (task::Id, Option<T>) {
    match finished {
        Ok((id, ended)) => (id, Some(ended)),
        Err(failure) => {
            error!(%failure, "a turn ended in the middle; this is a bug in evenkeel");
            (failure.id(), None)
        }
    }
}

/// The revision that applications are given up at.
fn revision(current: Option<&Current>) -> Option<&str> {
    current.map(|current| current.tree.snapshot.revision.name.as_str())
}

/// One application's turn.
struct Work {
    session: Arc<Session>,
    board: Board,
    allowed: BTreeSet<String>,
    tree: Arc<Tree>,
    target: Target,
    confirmed: bool,
    memory: Arc<Mutex<Memory>>,
    stopped: watch::Receiver<bool>,
    /// Turns true when the process is to end.
    draining: watch::Receiver<bool>,
    priority: Priority,
}

impl Work {
    async fn turn(self) -> Ended {
        let mut memory = self.memory.lock().await;
        let revision = self.tree.snapshot.revision.name.clone();
        let (app, env) = (self.target.app.as_str(), self.target.env.as_deref());
        let mut word = "Frozen";
        let mut known = Ready::new();
        let looked = self.session.prepare(&self.tree, &self.target, &mut known);
        let Some(looked) = until_told_to_end(&self.draining, looked).await else { return Ended::failed() };
        let (prepared, frozen) = match looked {
            Ok(prepared) => (prepared, None),
            Err(failure) => {
                let sentence = match &failure {
                    PrepareError::Spec(_) | PrepareError::Value(_) => {
                        format!("frozen at the last good revision: {}", failure.sentence())
                    }
                    PrepareError::Aws(unreached) => {
                        word = unreached.reason;
                        unreached.message.clone()
                    }
                };
                warn!(reason = sentence, "cannot be planned");
                match &memory.good {
                    Some(good) => (Arc::clone(good), Some(sentence)),
                    None => {
                        self.board.report(AppReport::failed(app, env, &revision, word, sentence));
                        return Ended::failed();
                    }
                }
            }
        };
        let swept = async {
            observe::sweep_once(&prepared.world).await;
            for exporter in prepared.imports.values() {
                observe::sweep_once(&exporter.world).await;
            }
        };
        if until_told_to_end(&self.draining, swept).await.is_none() {
            return Ended::failed();
        }
        let board = self.board.clone();
        let frozen_note = frozen.clone();
        let report = move |plan: &Plan| {
            let mut report = AppReport::of(app, env, &revision, plan);
            if let Some(sentence) = &frozen_note {
                report = report.stalled(word, sentence.clone());
            }
            board.report(report);
        };
        let allowed = self.allowed.union(&memory.allowed).cloned().collect();
        let reverts = memory.reverts.clone();
        // An edit is another try, with all patience.
        let waiting_since =
            if self.priority == Priority::Edit { BTreeMap::new() } else { std::mem::take(&mut memory.waiting_since) };
        let run = Run {
            reverts: Some(&reverts),
            prepared: &prepared,
            allowed: &allowed,
            no_deletes: (!self.confirmed)
                .then_some("waits until the directory, which is no clean git checkout, was seen twice"),
            previous: memory.fingerprints.as_ref(),
            waiting_since: &waiting_since,
            doubts: false,
            deadline: Instant::now() + TURN,
            draining: self.stopped.clone(),
            on_round: &report,
        };
        let first = run.plan().await;
        // What a resync finds to be different is a repair from here on.
        let repair = self.priority.max(Priority::Drift);
        if !first.is_converged() {
            with_priority(repair, run.confirm(&first)).await;
        }
        let Converged { plan, interrupted, applied, allowed, waiting_since } =
            with_priority(repair, run.converge()).await;
        memory.waiting_since = waiting_since;
        report(&plan);
        if applied > 0 || self.priority == Priority::Edit {
            info!(applied, converged = plan.is_converged(), "turn ended");
        }
        let turn = if frozen.is_some() && !interrupted {
            // What was not read this time may be there the next.
            Turn::Failed
        } else if plan.is_converged() {
            Turn::Converged
        } else if interrupted {
            Turn::Again(Duration::ZERO)
        } else if plan.actions.iter().any(|action| matches!(action.standing, Standing::Blocked(_))) {
            Turn::Failed
        } else {
            Turn::Again(Duration::from_secs(2))
        };
        memory.allowed = if plan.is_converged() { BTreeSet::new() } else { allowed };
        if plan.is_converged() {
            memory.fingerprints = Some(plan.fingerprints);
        }
        if frozen.is_none() {
            memory.good = Some(Arc::clone(&prepared));
        }
        let exports_changed = memory.exports != plan.exports;
        memory.exports = plan.exports;
        let imports_from = prepared.imports.values().map(|exporter| exporter.target.key()).collect();
        Ended { turn, exports_changed, imports_from }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_that_panics_is_known_by_its_own_application() {
        let mut runs: JoinSet<Turn> = JoinSet::new();
        let good = runs.spawn(async { Turn::Converged }).id();
        let bad = runs.spawn(async { panic!("a bug") }).id();
        let mut turns = HashMap::new();
        while let Some(finished) = runs.join_next_with_id().await {
            turns.extend([ended(finished)]);
        }
        assert_eq!(turns, HashMap::from([(good, Some(Turn::Converged)), (bad, None)]));
    }
}
