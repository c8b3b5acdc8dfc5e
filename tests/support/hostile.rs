//! A proxy between the program and an emulator that is as unkind as AWS and its network can be.
//!
//! Every connection carries one request, so that an answer can be cut, lost or held back at any byte.

// The tests of the kinds in `daemon/aws` take in this file by its path.
#[path = "hostile/answer.rs"]
mod answer;
#[path = "hostile/fate.rs"]
mod fate;
#[path = "hostile/request.rs"]
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub use fate::{Fate, Faults};
use request::Request;

/// How old an answer may be that is given again.
const STALE: Duration = Duration::from_secs(2);

/// What the proxy does to requests.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Nothing: it only counts.
    Kind,
    /// The write with this number (from 1) reaches AWS and is never answered, nor is anything after it. What comes before
    /// may suffer faults by seed.
    SilentFrom(u64, Option<Faults>),
    /// Faults by seed.
    Hostile(Faults),
    /// One fault that lasts, and is switched by [`Hostile::fault`].
    Lasting,
}

/// A fault that lasts until it is taken away.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    /// The service that has it (`sqs`); all where it is empty.
    pub service: &'static str,
    /// The region that has it; all where it is empty.
    pub region: &'static str,
    /// The call that has it (`AssumeRole`); all where it is empty.
    pub operation: &'static str,
    /// The access key whose requests have it; all where it is empty.
    pub key: &'static str,
    /// What is answered: a status, a code and a message; nothing at all where it is not said.
    pub answer: Option<(u16, &'static str, &'static str)>,
}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Hostile {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    manner: Manner,
    state: Mutex<State>,
    silent: watch::Sender<bool>,
    /// Requests that AWS has and has not answered.
    under_way: watch::Sender<usize>,
}

/// Counts a request for as long as it lives.
struct UnderWay<'a>(&'a watch::Sender<usize>);

impl<'a> UnderWay<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        UnderWay(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[derive(Debug, Default)]
struct State {
    writes: Vec<String>,
    /// How often a request of the same fate came.
    seen: BTreeMap<u64, u64>,
    /// The last answers of each read.
    answers: BTreeMap<u64, Vec<(Instant, Vec<u8>)>>,
    /// Functions that were changed, and so may be settling.
    changed: BTreeSet<String>,
    faults: BTreeMap<&'static str, u64>,
    lasting: Option<Lasting>,
}

impl Hostile {
    /// Starts in front of an endpoint (`http://127.0.0.1:4566`).
    ///
    /// # Errors
    /// Where there is no port to listen on.
    pub async fn start(upstream: &str, manner: Manner) -> io::Result<Hostile> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let (silent, _) = watch::channel(false);
        let shared =
            Arc::new(Shared { upstream, manner, state: Mutex::default(), silent, under_way: watch::Sender::new(0) });
        let own = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&own);
                tokio::spawn(async move {
                    // A client that goes away in the middle is part of the game.
                    let _ = shared.serve(stream).await;
                });
            }
        });
        Ok(Hostile { address, shared, task })
    }

    /// One with moderate faults, where `EVENKEEL_HOSTILE` names a seed.
    ///
    /// # Errors
    /// Where there is no port to listen on.
    pub async fn asked_for(upstream: &str) -> io::Result<Option<Hostile>> {
        match std::env::var("EVENKEEL_HOSTILE").ok().and_then(|seed| seed.parse().ok()) {
            Some(seed) => Ok(Some(Hostile::start(upstream, Manner::Hostile(Faults::moderate(seed))).await?)),
            None => Ok(None),
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is wrong, or nothing.
    pub fn fault(&self, fault: Option<Lasting>) {
        self.shared.state().lasting = fault;
    }

    /// The writes that reached AWS, in their order.
    pub fn writes(&self) -> Vec<String> {
        self.shared.state().writes.clone()
    }

    /// How often each fault befell a request.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.shared.state().faults.clone()
    }

    /// Lets time pass in which AWS comes to agree with itself: what it answered so far is not given again.
    ///
    /// A new process cannot tell an old answer from a new one, so a test that looks whether anything is left to do lets
    /// this time pass before.
    pub fn agree(&self) {
        self.shared.state().answers.clear();
    }

    /// Waits until nothing that it passed on is under way any more.
    pub async fn at_rest(&self) {
        let mut under_way = self.shared.under_way.subscribe();
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// Waits until it has fallen silent.
    pub async fn silent(&self) {
        let mut silent = self.shared.silent.subscribe();
        let _ = silent.wait_for(|silent| *silent).await;
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
        if let (Manner::Hostile(faults), true) = (&self.shared.manner, std::thread::panicking()) {
            tell(&format!(
                "this was behind the hostile proxy ({:?}); EVENKEEL_HOSTILE={} before the same command replays it",
                self.faults(),
                faults.seed
            ));
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(request) = Request::read(&mut stream).await? else { return Ok(()) };
        if *self.silent.borrow() {
            return std::future::pending().await;
        }
        match &self.manner {
            Manner::Kind => {
                let answer = self.forward(&request).await?;
                stream.write_all(&answer).await
            }
            Manner::Lasting => {
                let fault = self.state().lasting.clone().filter(|fault| {
                    [
                        (fault.service, request.service()),
                        (fault.region, request.region()),
                        (fault.operation, &request.operation()),
                        (fault.key, request.access_key()),
                    ]
                    .iter()
                    .all(|(wanted, found)| wanted.is_empty() || wanted == found)
                });
                let answer = match fault.map(|fault| fault.answer) {
                    Some(None) => return std::future::pending().await,
                    Some(Some((status, code, message))) => answer::refusal(&request, status, code, message),
                    None => self.forward(&request).await?,
                };
                stream.write_all(&answer).await
            }
            Manner::SilentFrom(_, Some(faults)) => self.be_hostile(faults, &request, stream).await,
            Manner::SilentFrom(_, None) => {
                let answer = self.forward(&request).await?;
                stream.write_all(&answer).await
            }
            Manner::Hostile(faults) => self.be_hostile(faults, &request, stream).await,
        }
    }

    async fn be_hostile(&self, faults: &Faults, request: &Request, mut stream: TcpStream) -> io::Result<()> {
        let (key, fated) = (request.key(), request.fate_key());
        let nth = {
            let mut state = self.state();
            let nth = state.seen.entry(fated).or_insert(0);
            *nth += 1;
            *nth
        };
        let fate = faults.fate(request, fated, nth, self.settling(request));
        if !matches!(fate, Fate::Pass) {
            *self.state().faults.entry(fate.name()).or_insert(0) += 1;
        }
        match fate {
            Fate::Pass => {}
            Fate::Delayed(pause) => sleep(pause).await,
            Fate::Refused(answer) => return stream.write_all(&answer).await,
            Fate::ResetBefore => return reset(&stream),
            Fate::ResetAfter => {
                self.forward(request).await?;
                return reset(&stream);
            }
            Fate::Truncated => {
                let answer = self.forward(request).await?;
                let part = answer.get(..answer.len() - answer.len() / 3).unwrap_or_default();
                return stream.write_all(part).await;
            }
            Fate::Stale => {
                let old = self.state().answers.get(&key).and_then(|answers| {
                    let young = answers.iter().filter(|(at, _)| at.elapsed() < STALE);
                    young.map(|(_, answer)| answer.clone()).next()
                });
                if let Some(old) = old {
                    return stream.write_all(&old).await;
                }
            }
        }
        let answer = self.forward(request).await?;
        if !request.is_write() {
            let mut state = self.state();
            let answers = state.answers.entry(key).or_default();
            answers.retain(|(at, _)| at.elapsed() < STALE);
            answers.push((Instant::now(), answer.clone()));
        }
        stream.write_all(&answer).await
    }

    /// Whether the function that a request changes was changed before. For how long that settles the clock would decide,
    /// and with it what becomes of the request; so it is the seed that says whether it still does.
    fn settling(&self, request: &Request) -> bool {
        request.function().is_some_and(|function| self.state().changed.contains(function))
    }

    async fn forward(&self, request: &Request) -> io::Result<Vec<u8>> {
        if *self.silent.borrow() {
            return std::future::pending().await;
        }
        let under_way = UnderWay::new(&self.under_way);
        let mut upstream = TcpStream::connect(&self.upstream).await?;
        upstream.write_all(&request.bytes(&self.upstream)).await?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer).await?;
        drop(under_way);
        if request.is_write() {
            let number = {
                let mut state = self.state();
                state.writes.push(request.operation());
                state.changed.extend(request.function().filter(|name| !name.is_empty()).map(str::to_owned));
                state.writes.len() as u64
            };
            if matches!(&self.manner, Manner::SilentFrom(last, _) if number >= *last) {
                self.silent.send_replace(true);
                return std::future::pending().await;
            }
        }
        Ok(answer::closing(answer))
    }
}

#[expect(clippy::print_stdout, reason = "a failed test says how to make it fail again")]
fn tell(text: &str) {
    println!("{text}");
}

/// Ends a connection the rude way.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}
