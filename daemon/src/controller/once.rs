//! Single runs: converge the selected applications and leave, or only say what that would do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::plan::Plan;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{Instrument as _, info_span};

use super::traffic::Traffic;
use super::{distinct, orphaned, unprepared, until_told_to_end};
use crate::apps::{Target, Tree};
use crate::converge::Run;
use crate::report::{AppReport, Report};
use crate::session::{PrepareError, Prepared, Ready, Session, Unreached};

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
