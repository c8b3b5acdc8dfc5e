//! A process of the engine: turns for each application as the daemon takes them, until it is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use evenkeel::apps::{Home, Target};
use evenkeel::converge::{self, Run};
use evenkeel::observe;
use evenkeel::session::Prepared;
use evenkeel::source::Packer;
use evenkeel::world::World;
use evenkeel_core::engine::Backoff;
use evenkeel_core::model::Diagnostics;
use evenkeel_core::plan::{Found, Plan, Standing, Verb};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::aws::Aws;
use crate::kinds::{LAYER, LOG, MAPPING};
use crate::reach;
use crate::specs::App;

/// As the daemon has it.
const TURN: Duration = Duration::from_secs(60);
/// Shorter than the daemon's, so that a run sees some.
const RESYNC: Duration = Duration::from_secs(90);

/// What outlives a process: what people wrote, and what the last plans said.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Mutex<Papers>>, Arc<[Bell; 2]>);

#[derive(Debug, Default)]
struct Bell {
    edited: Notify,
    swept: Notify,
    stop: Mutex<Option<watch::Sender<bool>>>,
}

#[derive(Debug)]
pub struct Papers {
    pub apps: [App; 2],
    /// The last plan of each, and how many turns have ended.
    pub plans: [Option<Plan>; 2],
    pub turns: [usize; 2],
    /// Digests that a person allowed, by application.
    pub allowed: [BTreeSet<String>; 2],
}

impl Desk {
    pub fn new(apps: [App; 2]) -> Desk {
        let papers = Papers { apps, plans: [None, None], turns: [0, 0], allowed: Default::default() };
        Desk(Arc::new(Mutex::new(papers)), Arc::default())
    }

    pub fn papers(&self) -> MutexGuard<'_, Papers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a running process that the specs of an application changed: its turn ends after the steps under way.
    pub fn edited(&self, app: usize) {
        let bell = &self.1[app];
        if let Some(stop) = bell.stop.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            stop.send_replace(true);
        }
        bell.edited.notify_one();
    }
}

/// A process that has just started. It ends only by being dropped.
pub async fn run(aws: Aws, desk: Desk) {
    let world = reach::world(&aws);
    let sweeps = async {
        loop {
            tokio::time::sleep(RESYNC).await;
            observe::sweep(&world).await;
            desk.1.iter().for_each(|bell| bell.swept.notify_one());
        }
    };
    futures::future::join3(turns(&aws, &desk, &world, 0), turns(&aws, &desk, &world, 1), sweeps).await;
}

async fn turns(aws: &Aws, desk: &Desk, world: &Arc<World>, at: usize) {
    let backoff = Backoff { base: Duration::from_secs(2), limit: Duration::from_secs(300) };
    let mut fingerprints = None;
    let mut allowed_before = BTreeSet::new();
    let mut failures = 0;
    let mut waiting_since = BTreeMap::new();
    loop {
        let (app, mut allowed) = {
            let papers = desk.papers();
            (papers.apps[at].clone(), papers.allowed[at].clone())
        };
        allowed.extend(std::mem::take(&mut allowed_before));
        let (stop, stopped) = watch::channel(false);
        *desk.1[at].stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        let converged = turn(aws, world, &app, &allowed, fingerprints.as_ref(), &waiting_since, stopped).await;
        waiting_since = converged.waiting_since.clone();
        let blocked = converged.plan.actions.iter().any(|action| matches!(action.standing, Standing::Blocked(_)));
        let done = converged.plan.is_converged();
        aws.truth().note(|| format!("{}: turn ended, {}", app.name, tell(&converged.plan)));
        let pause = match () {
            () if done => {
                failures = 0;
                fingerprints = Some(converged.plan.fingerprints.clone());
                Duration::from_secs(100_000)
            }
            () if converged.interrupted => Duration::ZERO,
            () if blocked => {
                failures += 1;
                backoff.pause(failures, failures.into())
            }
            () => Duration::from_secs(2),
        };
        if !done {
            allowed_before = converged.allowed;
        }
        {
            let mut papers = desk.papers();
            papers.plans[at] = Some(converged.plan);
            papers.turns[at] += 1;
        }
        tokio::select! {
            biased;
            () = desk.1[at].edited.notified() => {
                failures = 0;
                waiting_since.clear();
            }
            () = desk.1[at].swept.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One turn of one application.
pub async fn turn(
    aws: &Aws,
    world: &Arc<World>,
    app: &App,
    allowed: &BTreeSet<String>,
    previous: Option<&BTreeMap<String, String>>,
    waiting_since: &BTreeMap<String, Instant>,
    stopped: watch::Receiver<bool>,
) -> converge::Converged {
    let (desired, scope) = (app.desired(), app.scope());
    world.want(app.name, converge::wanted(world, &desired, &scope)).await;
    observe::sweep_once(world).await;
    let check = |plan: &Plan| inspect(aws, world, app, plan);
    let prepared = Prepared {
        target: Target { index: 0, app: app.name.to_owned(), env: None, home: Home::default() },
        world: Arc::clone(world),
        desired,
        scope,
        packer: Arc::new(Packer::new(PathBuf::new())),
        imports: BTreeMap::new(),
        advice: Diagnostics::new(),
    };
    let run = Run {
        reverts: None,
        prepared: &prepared,
        allowed,
        no_deletes: None,
        previous,
        waiting_since,
        doubts: false,
        deadline: Instant::now() + TURN,
        draining: stopped,
        on_round: &check,
    };
    let first = run.plan().await;
    if !first.is_converged() {
        run.confirm(&first).await;
    }
    run.converge().await
}

/// Holds a plan against what the engine knows: unknown plans neither a creation nor a deletion.
fn inspect(aws: &Aws, world: &World, app: &App, plan: &Plan) {
    let Ok(store) = world.store.try_read() else { return };
    for action in &plan.actions {
        for step in &action.steps {
            let Some(kind) = world.kinds.get(step.type_name) else { continue };
            let found = store.table(kind.facts().reads).look(&step.refresh.1);
            let wrong = match (step.operation, &found) {
                ("Create" | "Publish" | "Delete", Found::Unknown(_)) => true,
                ("Create", Found::Present(_)) => step.type_name != MAPPING,
                ("Publish", _) => !store.table(LAYER).is_complete(),
                ("Delete", found) => !matches!(found, Found::Present(_)),
                _ => false,
            };
            if wrong {
                let what = format!("{}: {} {} although {found:?}", app.name, step.operation, step.refresh.1);
                aws.truth().violated(what);
            }
        }
    }
}

/// A person reads what a plan would take away and allows exactly that.
pub fn permit(aws: &Aws, plan: &Plan) -> Option<String> {
    let mut truth = aws.truth();
    for action in plan.actions.iter().filter(|action| action.type_name == LOG) {
        if matches!(&action.standing, Standing::Blocked(reason) if reason.contains("allow exactly this plan")) {
            truth.permitted.extend(action.keys.iter().map(|(_, key)| (LOG, key.clone())));
        }
    }
    plan.digest.clone()
}

/// A plan in a line.
pub fn tell(plan: &Plan) -> String {
    let open = plan.actions.iter().filter(|action| action.verb != Verb::None || action.standing != Standing::Ready);
    let open: Vec<String> = open
        .map(|action| {
            let changes: Vec<String> =
                action.changes.iter().map(|c| format!("{}: {} -> {}", c.path, c.from, c.to)).collect();
            format!("{} {:?} {:?} [{}]", action.id, action.verb, action.standing, changes.join(", "))
        })
        .collect();
    if open.is_empty() { "converged".to_owned() } else { open.join("; ") }
}

/// Ends a future in the middle, after it was polled so often or so long: a process that is killed.
pub struct Killed<F> {
    pub process: Pin<Box<F>>,
    pub polls: u64,
}

impl<F: Future<Output = ()>> Future for Killed<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.polls == 0 {
            return Poll::Ready(());
        }
        self.polls -= 1;
        self.process.as_mut().poll(context)
    }
}
