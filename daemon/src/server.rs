//! What the daemon tells over HTTP on loopback: health, status, events.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use evenkeel_core::engine::quota::Buckets;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracing::warn;

use crate::report::AppReport;

/// Where the daemon listens and `status` asks.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7411";
/// How long one question and its answer may take.
const EXCHANGE: Duration = Duration::from_secs(10);
/// How many are answered at once.
const CONNECTIONS: usize = 64;
/// How long nobody is let in after somebody could not be.
const PAUSE: Duration = Duration::from_millis(200);
/// Events that are kept.
const EVENTS: usize = 1000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since 1970.
    pub time: u64,
    /// `app` or `app/env`.
    pub app: String,
    /// Logical id; empty where it is about the whole application.
    pub id: String,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// What `status` shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Revision of the specs that was read last.
    pub revision: String,
    /// Whether every application was looked at once.
    pub synced: bool,
    /// Why the specs cannot be read, where that is so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
    /// Applications by key.
    pub apps: BTreeMap<String, AppReport>,
    /// Applications that are in AWS and not in the specs.
    #[serde(default)]
    pub orphaned: BTreeMap<String, usize>,
    /// Calls by service and operation since the start.
    #[serde(default)]
    pub calls: crate::world::Calls,
    /// Those of them that AWS throttled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttled: crate::world::Calls,
    /// What the calls took from AWS's quotas, by bucket.
    #[serde(default)]
    pub quota: Buckets,
}

/// The board that the controller writes on and the server reads from.
#[derive(Clone, Debug, Default)]
pub struct Board {
    inner: Arc<Mutex<(Status, VecDeque<Event>)>>,
}

impl Board {
    /// Changes the status.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).0);
    }

    /// The status now.
    pub fn status(&self) -> Status {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The last events, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }

    /// Notes an application's new state, and an event for each resource whose word changed.
    pub fn report(&self, report: AppReport) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let key = report.key();
        let (status, events) = &mut *inner;
        let before = status.apps.get(&key);
        let was = |id: &str| {
            before.and_then(|app| app.resources.iter().find(|health| health.id == id)).map(|health| health.word())
        };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        let mut push = |id: &str, reason: &str, message: &str| {
            if events.len() == EVENTS {
                events.pop_front();
            }
            let event = Event {
                time,
                app: key.clone(),
                id: id.to_owned(),
                reason: reason.to_owned(),
                message: message.to_owned(),
            };
            events.push_back(event);
        };
        if before.and_then(AppReport::word) != report.word()
            && let Some((reason, message)) = report.word()
        {
            push("", reason, message);
        }
        for health in &report.resources {
            let (reason, message) = health.word();
            if was(&health.id) != Some((reason, message)) {
                push(&health.id, reason, message);
            }
        }
        status.apps.insert(key, report);
    }
}

/// Serves the board until the process ends.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(listen: SocketAddr, board: Board) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(board): State<Board>| async move { metrics(&board.status()) }))
        .route("/api/v1/status", get(|State(board): State<Board>| async move { Json(board.status()) }))
        .route("/api/v1/events", get(|State(board): State<Board>| async move { Json(board.events()) }))
        .with_state(board);
    tokio::spawn(listen_on(listener, router));
    Ok(address)
}

/// Answers whoever connects: so many at once, each within its time. Somebody who says nothing, or never reads, keeps no
/// place for ever.
async fn listen_on(listener: tokio::net::TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut told = false;
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, as a rule, which passes.
                if !std::mem::replace(&mut told, true) {
                    warn!(%error, "nobody can connect just now to ask for the status");
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        told = false;
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // Who breaks off has no answer to miss.
            let _ = tokio::time::timeout(EXCHANGE, connection).await;
            drop(place);
        });
    }
}

/// The counts in the text form that Prometheus reads.
fn metrics(status: &Status) -> String {
    let mut out = String::new();
    let mut family = |name: &str, help: &str, lines: Vec<String>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
        for line in lines {
            let _ = writeln!(out, "{name}{line}");
        }
    };
    let by_operation = |calls: &crate::world::Calls| {
        let lines = calls.iter().flat_map(|(service, operations)| {
            operations
                .iter()
                .map(move |(operation, count)| format!("{{service=\"{service}\",operation=\"{operation}\"}} {count}"))
        });
        lines.collect()
    };
    family("evenkeel_aws_calls_total", "Calls to AWS.", by_operation(&status.calls));
    family("evenkeel_aws_throttled_total", "Calls that AWS throttled.", by_operation(&status.throttled));
    let seconds = status.quota.iter().map(|(bucket, spent)| format!("{{bucket=\"{bucket}\"}} {}", spent.seconds));
    family(
        "evenkeel_aws_quota_seconds_total",
        "Calls divided by the rate of the quota that they are taken from.",
        seconds.collect(),
    );
    out
}

async fn ready(State(board): State<Board>) -> (StatusCode, &'static str) {
    if board.status().synced {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not every application was looked at yet\n")
    }
}

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing listens there.
    #[error(
        "no daemon answers at {0}: start one with `evenkeel reconcile`, or say where it listens with --listen ({1})"
    )]
    Unreachable(SocketAddr, String),
    /// It answered something else.
    #[error("what answers at {0} is not evenkeel: {1}")]
    NotEvenkeel(SocketAddr, String),
}

/// Asks a running daemon.
///
/// # Errors
/// [`AskError`].
pub async fn ask<T: serde::de::DeserializeOwned>(listen: SocketAddr, path: &str) -> Result<T, AskError> {
    let silent = || AskError::Unreachable(listen, format!("no answer within {} s", EXCHANGE.as_secs()));
    tokio::time::timeout(EXCHANGE, exchange(listen, path)).await.map_err(|_| silent())?
}

async fn exchange<T: serde::de::DeserializeOwned>(listen: SocketAddr, path: &str) -> Result<T, AskError> {
    use http_body_util::BodyExt as _;
    let unreachable = |error: String| AskError::Unreachable(listen, error);
    let stream = tokio::net::TcpStream::connect(listen).await.map_err(|error| unreachable(error.to_string()))?;
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(|error| unreachable(error.to_string()))?;
    tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header("host", listen.to_string())
        .body(http_body_util::Empty::<hyper::body::Bytes>::new())
        .map_err(|error| unreachable(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))?;
    let body = response.into_body().collect().await.map_err(|error| unreachable(error.to_string()))?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| AskError::NotEvenkeel(listen, error.to_string()))
}

#[cfg(test)]
mod tests {
    use evenkeel_core::engine::quota;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_who_connect_and_say_nothing_keep_nobody_from_the_status() {
        let address = serve("127.0.0.1:0".parse().unwrap(), Board::default()).await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..2 * CONNECTIONS {
            silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
        }
        // The silent ones are given up after a while, and those who wait come in one after another.
        let asked = async {
            loop {
                match ask::<Status>(address, "/api/v1/status").await {
                    Ok(status) => return status,
                    Err(error) => assert!(matches!(error, AskError::Unreachable(..)), "{error}"),
                }
            }
        };
        let status = tokio::time::timeout(60 * EXCHANGE, asked).await.unwrap();
        assert!(!status.synced);
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_not_waited_for() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = ask::<Status>(listener.local_addr().unwrap(), "/api/v1/status").await.unwrap_err();
        assert!(matches!(&error, AskError::Unreachable(_, why) if why.contains("no answer within 10 s")), "{error}");
    }

    #[test]
    fn metrics_tell_calls_throttles_and_quotas() {
        let calls = BTreeMap::from([("Lambda".to_owned(), BTreeMap::from([("ListAliases".to_owned(), 30)]))]);
        let status = Status {
            quota: quota::spent([("Lambda", "ListAliases", 30)]),
            throttled: calls.clone(),
            calls,
            ..Status::default()
        };
        let text = metrics(&status);
        for line in [
            "# TYPE evenkeel_aws_calls_total counter",
            "evenkeel_aws_calls_total{service=\"Lambda\",operation=\"ListAliases\"} 30",
            "evenkeel_aws_throttled_total{service=\"Lambda\",operation=\"ListAliases\"} 30",
            "evenkeel_aws_quota_seconds_total{bucket=\"Lambda\"} 2",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in:\n{text}");
        }
    }
}
