//! `evenkeel reconcile`

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use evenkeel_aws::fence::with_fence;
use evenkeel_core::plan::{Plan, Standing, Verb};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::common::{self, Common, Reaching};
use super::exit;
use crate::apps::{Selection, Target, Tree};
use crate::controller::{self, Daemon, Ending, Limits, Share, until_told_to_end};
use crate::lease::{Address, Guest, Lease};
use crate::report::{AppReport, Report};
use crate::sandbox::{self, Sandbox};
use crate::server::{self, Board};
use crate::session::{PrepareError, Session};
use crate::source::{Snapshot, watch as source_watch};

/// Keep AWS equal to the specs: for ever (the daemon), or once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel reconcile specs --env prod                          the daemon; ends on SIGTERM
  evenkeel reconcile --once specs --env prod -o json           for CI: exits 0 converged, 3 not converged, 1 error
  evenkeel reconcile --once --sandbox specs/shop --env dev --invoke checkout
  evenkeel reconcile specs --lease dynamodb://evenkeel         several replicas share the applications")]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    reaching: Reaching,
    /// Converge and leave.
    #[arg(long, env = "EVENKEEL_ONCE")]
    once: bool,
    /// The form of --once's report.
    #[arg(short, long, value_enum, default_value_t = Output::Text, env = "EVENKEEL_OUTPUT")]
    output: Output,
    /// How long --once waits for what settles, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, env = "EVENKEEL_TIMEOUT")]
    timeout: u64,
    /// After --once has converged, invoke this function (its id in the spec) and print its answer; may be repeated.
    #[arg(long, value_name = "ID", requires = "once", env = "EVENKEEL_INVOKE")]
    invoke: Vec<String>,
    /// Seconds between the daemon's sweeps of everything.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, env = "EVENKEEL_RESYNC", value_parser = clap::value_parser!(u64).range(1..))]
    resync: u64,
    /// Where the daemon tells its health and status.
    #[arg(long, value_name = "ADDRESS", default_value = server::DEFAULT_LISTEN, env = "EVENKEEL_LISTEN")]
    listen: SocketAddr,
}

/// How long until a lease that could not be joined again is asked for once more.
const REJOIN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

pub async fn run(arguments: &Arguments) -> u8 {
    arguments.common.start_logging(if arguments.once { "warn" } else { "info" });
    let outcome = if arguments.once { once(arguments).await } else { daemon(arguments).await };
    outcome.unwrap_or_else(|sentence| {
        common::complain(&sentence);
        exit::ERROR
    })
}

/// Signals of one cause come within this time: who sends one to a process and to its group means one.
const ONE_SIGNAL: Duration = Duration::from_millis(500);

/// What was told by SIGTERM and SIGINT.
struct Signals {
    /// Turns true at the first: what is under way ends, and nothing else begins.
    draining: watch::Receiver<bool>,
    /// Turns true at the second.
    killed: watch::Receiver<bool>,
}

impl Signals {
    fn watch() -> Result<Self, String> {
        let ((drain, draining), (kill, killed)) = (watch::channel(false), watch::channel(false));
        let failed = |error: std::io::Error| format!("signals cannot be watched: {error}");
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        tokio::spawn(async move {
            let mut told = async || {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            told().await;
            let first = Instant::now();
            drain.send_replace(true);
            while first.elapsed() < ONE_SIGNAL {
                told().await;
            }
            kill.send_replace(true);
            // Kept open: a closed channel would look like another signal.
            std::future::pending::<()>().await;
        });
        Ok(Signals { draining, killed })
    }

    /// Does the work, or leaves it in the middle at the second signal.
    async fn unless_killed(mut self, work: impl Future<Output = Result<u8, String>>) -> Result<u8, String> {
        tokio::select! {
            done = work => done,
            _ = self.killed.wait_for(|killed| *killed) => {
                common::complain("ended at once by a second signal; what was under way in AWS may be half done, and the next run finishes it");
                Ok(exit::KILLED)
            }
        }
    }
}

async fn once(arguments: &Arguments) -> Result<u8, String> {
    let selection = arguments.common.selection()?;
    let Some(tree) = arguments.common.tree(&selection) else { return Ok(exit::ERROR) };
    let (targets, mut problems) = tree.targets(&selection);
    problems.extend(tree.problems.clone());
    if common::show(&problems, &tree.sources) > 0 {
        return Ok(exit::ERROR);
    }
    if targets.is_empty() {
        common::note(&format!("{} holds no application; nothing was changed", arguments.common.specs.display()));
    }
    let signals = Signals::watch()?;
    let draining = signals.draining.clone();
    signals.unless_killed(once_until(arguments, selection, &tree, targets, draining)).await
}

async fn once_until(
    arguments: &Arguments,
    selection: Selection,
    tree: &Tree,
    targets: Vec<Target>,
    draining: watch::Receiver<bool>,
) -> Result<u8, String> {
    let sandbox = arguments.reaching.sandbox().await?;
    let session = arguments.reaching.session(selection, sandbox.as_ref());
    let limits = Limits {
        allowed: arguments.reaching.allow_delete.iter().cloned().collect(),
        timeout: Duration::from_secs(arguments.timeout),
    };
    let progress = Progress::new(arguments.output == Output::Text && std::io::stderr().is_terminal());
    let wants = targets.iter().map(Target::key).collect();
    let guest = arguments.reaching.guest(&session, &tree.source_id, wants, limits.timeout, draining.clone()).await?;
    let (mine, theirs): (Vec<Target>, Vec<Target>) = targets
        .into_iter()
        .partition(|target| guest.as_ref().is_none_or(|guest| guest.missing(&target.key()).is_none()));
    let draining = guest.as_ref().map_or(draining.clone(), |guest| guest.draining(draining));
    let fence = guest.as_ref().map(Guest::fence);
    let round = |plan: &Plan| progress.round(plan);
    let once = controller::once(&session, tree, &mine, &limits, draining, &round);
    let (mut report, failures) = with_fence(fence, once).await;
    progress.clear();
    let revision = tree.snapshot.revision.name.as_str();
    if let Some(guest) = guest {
        report.apps.extend(theirs.iter().map(|target| {
            let reason = guest.missing(&target.key()).unwrap_or_default().to_owned();
            AppReport::failed(&target.app, target.env.as_deref(), revision, "HeldElsewhere", reason)
        }));
        guest.leave(Some(revision)).await;
    }
    for failure in &failures {
        if let PrepareError::Spec(problems) | PrepareError::Value(problems) = failure {
            common::show(problems, &tree.sources);
        }
    }
    let code = code(&report, &failures);
    let printed = common::print(&match arguments.output {
        Output::Json => common::json(&report),
        Output::Text => report.text(common::style()),
    });
    let invoked = invoke(arguments, &session, &report).await;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    invoked?;
    Ok(if printed == exit::OK { code } else { printed })
}

fn code(report: &Report, failures: &[PrepareError]) -> u8 {
    if !failures.is_empty() {
        exit::ERROR
    } else if report.apps.iter().all(|app| app.ready) {
        exit::OK
    } else {
        exit::NOT_CONVERGED
    }
}

async fn invoke(arguments: &Arguments, session: &Session, report: &Report) -> Result<(), String> {
    for id in &arguments.invoke {
        let function = report
            .apps
            .iter()
            .flat_map(|app| &app.resources)
            .find(|health| health.id == *id && health.type_name == "AWS::Lambda::Function")
            .and_then(|health| health.physical_id.clone())
            .ok_or_else(|| format!("--invoke {id}: there is no function with this id"))?;
        for world in session.worlds().await {
            let answer = world.source.invoke(&function).await.map_err(|reason| format!("--invoke {id}: {reason}"))?;
            common::print(&format!("{id} answered: {answer}\n"));
        }
    }
    Ok(())
}

async fn daemon(arguments: &Arguments) -> Result<u8, String> {
    let signals = Signals::watch()?;
    let draining = signals.draining.clone();
    signals.unless_killed(daemon_until(arguments, draining)).await
}

async fn daemon_until(arguments: &Arguments, draining: watch::Receiver<bool>) -> Result<u8, String> {
    let selection = arguments.common.selection()?;
    let sandbox = arguments.reaching.sandbox().await?;
    let mut session = arguments.reaching.session(selection, sandbox.as_ref());
    session.resync = Duration::from_secs(arguments.resync);
    let session = Arc::new(session);
    let board = Board::default();
    board.update(|status| env!("CARGO_PKG_VERSION").clone_into(&mut status.version));
    let address = server::serve(arguments.listen, board.clone()).await.map_err(|error| {
        format!("cannot listen on {}: {error}; choose another address with --listen", arguments.listen)
    })?;
    info!(%address, specs = %arguments.common.specs.display(), "evenkeel is up");
    if let Some(sandbox) = &sandbox {
        explain(sandbox);
    }
    let mut joined_before = false;
    loop {
        let lease = match &arguments.reaching.lease {
            Some(address) => {
                let joined = join(&arguments.common.specs, &session, address, &board);
                match until_told_to_end(&draining, joined).await {
                    Some(Ok(joined)) => Some(joined),
                    Some(Err(problem)) if joined_before => {
                        // It worked a while ago; whoever starts a process anew for it would wait no better.
                        warn!(problem, "the lease cannot be joined again yet");
                        board.update(|status| status.problem = Some(problem));
                        let pause = tokio::time::sleep(REJOIN);
                        until_told_to_end(&draining, pause).await;
                        continue;
                    }
                    Some(Err(problem)) => return Err(problem),
                    None => break,
                }
            }
            None => None,
        };
        joined_before = true;
        let daemon = Daemon {
            root: arguments.common.specs.clone(),
            session: Arc::clone(&session),
            board: board.clone(),
            resync: Duration::from_secs(arguments.resync),
            allowed: arguments.reaching.allow_delete.iter().cloned().collect::<BTreeSet<_>>(),
            lease,
        };
        if daemon.run(draining.clone()).await == Ending::Told {
            break;
        }
    }
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    info!("evenkeel has ended");
    Ok(exit::OK)
}

/// Joins the lease of the tree in `specs`. Replicas find each other by who the tree is, so one that cannot read that yet
/// (a clone that is not there, settings that are broken) waits until it can.
async fn join(specs: &Path, session: &Session, address: &Address, board: &Board) -> Result<Share, String> {
    let mut changes = source_watch::watch(specs.to_owned());
    let mut told = None;
    let source = loop {
        let problem = match (&session.selection.source_id, Snapshot::read(specs)) {
            (Some(source), _) => break source.clone(),
            (None, Ok(snapshot)) => match Tree::read(Arc::new(snapshot), &session.selection).identity() {
                Ok(source) => break source.to_owned(),
                Err(problem) => problem,
            },
            (None, Err(failure)) => failure.to_string(),
        };
        if told.as_ref() != Some(&problem) {
            warn!(problem, "who the tree is cannot be read: the lease is joined when it can");
            board.update(|status| status.problem = Some(problem.clone()));
            told = Some(problem);
        }
        // A change that nobody tells of is seen a little later.
        let _ = tokio::time::timeout(REJOIN, changes.recv()).await;
    };
    let table = session.lease_table(address, &source).await?;
    let lease = Lease::join(table, None).await.map_err(|error| error.to_string())?;
    Ok(Share { lease, source })
}

fn explain(sandbox: &Sandbox) {
    let endpoint = sandbox.endpoint();
    common::note(&format!(
        "the sandbox is up; to look into it:\n  export AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n  aws lambda list-functions\nits account is {}; it ends with evenkeel",
        sandbox::ACCOUNT
    ));
}

/// One line that is written over, on a terminal.
struct Progress {
    on: bool,
    shown: AtomicBool,
}

impl Progress {
    fn new(on: bool) -> Self {
        Progress { on, shown: AtomicBool::new(false) }
    }

    fn round(&self, plan: &Plan) {
        if !self.on {
            return;
        }
        let total = plan.actions.len();
        let done = plan
            .actions
            .iter()
            .filter(|action| action.verb == Verb::None && action.standing == Standing::Ready)
            .count();
        self.shown.store(true, Ordering::Relaxed);
        let _ = write!(std::io::stderr(), "\r\u{1b}[K{done} of {total} resources as the spec says");
        let _ = std::io::stderr().flush();
    }

    fn clear(&self) {
        if self.on && self.shown.load(Ordering::Relaxed) {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
            let _ = std::io::stderr().flush();
        }
    }
}
