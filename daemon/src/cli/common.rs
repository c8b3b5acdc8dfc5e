//! What all verbs share: flags, reading the specs, printing.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use evenkeel_aws::limiter::Limiters;
use evenkeel_core::engine::Share;
use evenkeel_core::model::{Diagnostics, Severity, Sources};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use super::exit;
use crate::apps::{Selection, Tree};
use crate::controller::until_told_to_end;
use crate::lease::{Address, Guest};
use crate::report::Style;
use crate::sandbox::Sandbox;
use crate::session::{self, Session};
use crate::source::Snapshot;
use crate::source::snapshot::SnapshotError;

/// Flags of every verb that reads specs.
#[derive(Debug, Args)]
pub struct Common {
    /// The directory of specs: one application a folder, or one application.
    #[arg(default_value = "specs", env = "EVENKEEL_SPECS")]
    pub specs: PathBuf,
    /// The environment; repeat it for several, `all` for every one.
    #[arg(
        long = "env",
        visible_alias = "config-env",
        value_name = "NAME",
        env = "EVENKEEL_ENV",
        value_delimiter = ','
    )]
    pub envs: Vec<String>,
    /// Only this application; names it where SPECS is one application's folder.
    #[arg(long, value_name = "NAME", env = "EVENKEEL_APP")]
    pub app: Option<String>,
    /// A parameter's value; may be repeated.
    #[arg(long = "parameter", value_name = "K=V", env = "EVENKEEL_PARAMETER", value_parser = key_value)]
    pub parameters: Vec<(String, String)>,
    /// The region, where the spec names none.
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    pub region: Option<String>,
    /// The account, for offline commands.
    #[arg(long, value_name = "ID", env = "EVENKEEL_ACCOUNT")]
    pub account: Option<String>,
    /// A file of values for what only AWS can tell: {"Parameters": {}, "SSM": {}}.
    #[arg(long, value_name = "FILE", env = "EVENKEEL_VALUES")]
    pub values: Option<PathBuf>,
    /// Identity of this tree of specs in the ownership marks.
    #[arg(long, value_name = "ID", env = "EVENKEEL_SOURCE_ID")]
    pub source_id: Option<String>,
    /// The form of log lines on standard error.
    #[arg(long, value_name = "FORMAT", env = "EVENKEEL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// A person's word before something is changed.
#[derive(Debug, Args)]
pub struct Consent {
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Consent {
    /// Asks a person who has not said `--yes`.
    ///
    /// # Errors
    /// A sentence where the answer is another one, or where there is no terminal and so nobody to ask.
    pub fn ask(&self, question: &str, answer: &str, refused: &str) -> Result<(), String> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err("there is no terminal to ask on; give --yes if that is meant".to_owned());
        }
        let _ = write!(std::io::stderr(), "{question}");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim() == answer { Ok(()) } else { Err(refused.to_owned()) }
    }
}

/// The exit code of a verb; a sentence is told first.
pub fn ended(result: Result<u8, String>) -> u8 {
    result.unwrap_or_else(|sentence| {
        complain(&sentence);
        exit::ERROR
    })
}

/// Flags of verbs that reach AWS.
#[derive(Debug, Args)]
pub struct Reaching {
    /// Run against an emulator (ministack) that evenkeel starts for this run.
    #[arg(long, env = "EVENKEEL_SANDBOX")]
    pub sandbox: bool,
    /// Allow exactly the deletions of the plan with this digest; may be repeated.
    #[arg(long, value_name = "DIGEST", env = "EVENKEEL_ALLOW_DELETE", value_delimiter = ',')]
    pub allow_delete: Vec<String>,
    /// Whether to keep within AWS's quotas for control calls; never with --sandbox.
    #[arg(long, value_name = "WHOSE", env = "EVENKEEL_QUOTA", value_enum, default_value_t = Quota::Aws)]
    pub quota: Quota,
    /// What part of AWS's quotas to take, per cent; the rest is left for people and other tools.
    #[arg(long, value_name = "PERCENT", env = "EVENKEEL_QUOTA_SHARE", default_value = "60", value_parser = share)]
    pub quota_share: Share,
    /// Share the applications with other replicas, and be handed them by running daemons, through this DynamoDB table.
    #[arg(long, value_name = "dynamodb://TABLE", env = "EVENKEEL_LEASE")]
    pub lease: Option<Address>,
}

/// Whose quotas to keep within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quota {
    /// AWS's, by the share.
    Aws,
    /// Nobody's: calls go as fast as they can.
    Off,
}

fn share(text: &str) -> Result<Share, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).parse().ok();
    percent.and_then(Share::percent).ok_or_else(|| format!("`{text}` is not a percentage from 1 to 100"))
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not K=V"))
}

impl Common {
    /// Starts logging; `quiet` is the level where nobody asked for another with EVENKEEL_LOG.
    pub fn start_logging(&self, quiet: &str) {
        let filter = EnvFilter::try_from_env("EVENKEEL_LOG").unwrap_or_else(|_| EnvFilter::new(quiet));
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_target(false)
            // It would tell of a log that cannot be written on the very same stream, and panic.
            .log_internal_errors(false);
        // A second start in one process (tests) changes nothing.
        let _ = match self.log_format {
            LogFormat::Text => builder.with_ansi(error_colour()).try_init(),
            LogFormat::Json => builder.json().try_init(),
        };
    }

    /// What was chosen.
    ///
    /// # Errors
    /// A sentence where the values file is wrong.
    pub fn selection(&self) -> Result<Selection, String> {
        let mut values = self.values.as_deref().map(session::read_values).transpose()?.unwrap_or_default();
        // The command line wins over the file.
        values.parameters.extend(self.parameters.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
        if let Some(account) =
            self.account.as_deref().filter(|a| a.len() != 12 || !a.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(format!("--account {account}: an account is 12 digits"));
        }
        Ok(Selection {
            envs: self.envs.clone(),
            app: self.app.clone(),
            region: self.region.clone().filter(|region| !region.is_empty()),
            account: self.account.clone(),
            source_id: self.source_id.clone(),
            values,
        })
    }

    /// Reads the specs. Complaints are printed; `None` where there is nothing to go on with.
    pub fn tree(&self, selection: &Selection) -> Option<Tree> {
        self.tree_of(Snapshot::read(&self.specs), selection)
    }

    /// As [`Common::tree`], for verbs that have no use for the revision.
    pub fn texts(&self, selection: &Selection) -> Option<Tree> {
        self.tree_of(Snapshot::read_texts(&self.specs), selection)
    }

    fn tree_of(&self, snapshot: Result<Snapshot, SnapshotError>, selection: &Selection) -> Option<Tree> {
        match snapshot {
            Ok(snapshot) => Some(Tree::read(Arc::new(snapshot), selection)),
            Err(error) => {
                complain(&error.to_string());
                None
            }
        }
    }
}

impl Reaching {
    /// Starts the sandbox where it is asked for.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn sandbox(&self) -> Result<Option<Sandbox>, String> {
        if !self.sandbox {
            return Ok(None);
        }
        Sandbox::start(&|text| note(text)).await.map(Some).map_err(|error| error.to_string())
    }

    /// The session: against the sandbox where there is one.
    pub fn session(&self, selection: Selection, sandbox: Option<&Sandbox>) -> Session {
        let mut session = Session::new(selection, sandbox.map(Sandbox::endpoint), sandbox.is_some());
        if sandbox.is_none() && self.quota == Quota::Aws {
            session.limiters = Some(Limiters::new(self.quota_share));
        }
        session
    }

    /// Asks the replicas for applications, where there is a lease, and waits at most `patience` for them.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn guest(
        &self,
        session: &Session,
        source: &str,
        wants: BTreeSet<String>,
        patience: Duration,
        draining: watch::Receiver<bool>,
    ) -> Result<Option<Guest>, String> {
        let Some(address) = self.lease.as_ref().filter(|_| !wants.is_empty()) else { return Ok(None) };
        let ends = draining.clone();
        let entered = async {
            let table = session.lease_table(address, source).await?;
            let guest = Guest::enter(table, wants, Instant::now() + patience, draining).await;
            guest.map(Some).map_err(|error| error.to_string())
        };
        match until_told_to_end(&ends, entered).await {
            Some(guest) => guest,
            None => Err("evenkeel was told to end while it waited for the lease; nothing was changed".to_owned()),
        }
    }
}

/// Prints to standard output. A reader that went away (`| head`) is no error.
///
/// Gives the exit code: who reads half a report must not take it for a whole one. A reader that has gone (`| head`) is
/// none of that.
pub fn print(text: &str) -> u8 {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!(
                "the output could not be written: {error}; what is told there is not whole, what was done in AWS is done"
            ));
            exit::ERROR
        }
        _ => exit::OK,
    }
}

/// Prints an error to standard error.
pub fn complain(text: &str) {
    let style = Style { colour: error_colour() };
    let _ = writeln!(std::io::stderr(), "{} {text}", style.paint("1;31", "error:"));
}

/// Prints a word about long work to standard error.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints complaints as a compiler does, to standard error, and returns how many are errors.
pub fn show(problems: &Diagnostics, sources: &Sources) -> usize {
    let colour = error_colour();
    let sorted = problems.sorted();
    let mut err = std::io::stderr().lock();
    for problem in &sorted {
        let _ = writeln!(err, "{}", problem.render(sources, colour));
    }
    if problems.omitted() > 0 {
        let _ = writeln!(err, "... and {} more, which are not shown", problems.omitted());
    }
    sorted.iter().filter(|problem| problem.severity == Severity::Error).count()
}

/// Colour on standard output only where it is a terminal and nobody said NO_COLOR.
pub fn style() -> Style {
    Style { colour: std::io::stdout().is_terminal() && !no_colour() }
}

/// As [`style`], of standard error.
fn error_colour() -> bool {
    std::io::stderr().is_terminal() && !no_colour()
}

/// <https://no-color.org>: set, and not empty.
fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// JSON as it is printed: indented, with a line end.
pub fn json<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_string_pretty(value) {
        Ok(text) => text + "\n",
        Err(error) => format!("{{\"error\": {:?}}}\n", error.to_string()),
    }
}
