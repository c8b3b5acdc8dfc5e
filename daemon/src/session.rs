//! One invocation: connections, and the way from a target to something that can be planned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use evenkeel_aws::client::{Account, ConnectError, Options};
use evenkeel_aws::lease::{LeaseError, LeaseTable};
use evenkeel_aws::limiter::Limiters;
use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::{Desired, Diagnostic, Diagnostics, Node, Place, Val};
use evenkeel_core::plan::{Artifact, Scope};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::apps::{Home, How, Selection, Target, Tree};
use crate::lease::{Address, Table};
use crate::source::Packer;
use crate::world::World;
use crate::{converge, observe};

/// AWS's limit for a function with its layers, unpacked, bytes.
const UNZIPPED_LIMIT: u64 = 262_144_000;
/// AWS's limit for a zip that is sent with the call, bytes.
const ZIP_LIMIT: u64 = 52_428_800;
/// How often compiling may ask AWS for more before it is taken to go round in circles.
const ASKS: usize = 8;

/// The usual time between two sweeps.
pub const RESYNC: Duration = Duration::from_secs(300);

/// What tells two worlds apart: the profile, the role to assume and the region.
type Way = (Option<String>, Option<String>, Option<String>);

/// Whose credentials: the profile and the role to assume.
type Owner = (Option<String>, Option<String>);

/// The way into an account: open, or why it was not the last time.
#[derive(Default)]
struct Door {
    world: std::sync::Mutex<Option<Arc<World>>>,
    /// Held while somebody tries.
    failed: Mutex<Option<(Instant, Unreached)>>,
}

impl Door {
    /// The world behind it, unless AWS has refused its credentials: there may be new ones.
    fn open(&self) -> Option<Arc<World>> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.as_ref().filter(|world| !world.source.is_refused()).map(Arc::clone)
    }

    fn set(&self, world: Arc<World>) {
        *self.world.lock().unwrap_or_else(PoisonError::into_inner) = Some(world);
    }

    fn last(&self) -> Option<Arc<World>> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why there is no way into an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// One word for programs.
    pub reason: &'static str,
    /// A sentence that says what to do.
    pub message: String,
}

impl From<Unreached> for String {
    fn from(unreached: Unreached) -> String {
        unreached.message
    }
}

/// Connections and choices of one invocation.
pub struct Session {
    /// What a person chose.
    pub selection: Selection,
    /// Where AWS is, where it is not AWS.
    pub endpoint: Option<String>,
    /// Whether `endpoint` is our own sandbox.
    pub sandboxed: bool,
    /// What keeps all worlds of this process within AWS's quotas; `None` where nobody counts the calls.
    pub limiters: Option<Limiters>,
    /// The time between two sweeps, where there will be more than one.
    pub resync: Duration,
    /// A door that is slow to open holds up nobody who wants another.
    worlds: Mutex<BTreeMap<Way, Arc<Door>>>,
    /// The account that the credentials of a profile, with or without a role, were of when they were first used.
    accounts: std::sync::Mutex<BTreeMap<Owner, String>>,
    /// By the directory that paths are relative to: packing again what did not change is cheap.
    packers: Mutex<BTreeMap<PathBuf, Arc<Packer>>>,
}

/// Targets that were prepared already, by their keys.
pub type Ready = BTreeMap<String, Arc<Prepared>>;

/// A target with everything that a plan needs.
pub struct Prepared {
    /// Which.
    pub target: Target,
    /// Where.
    pub world: Arc<World>,
    /// What should be.
    pub desired: Desired,
    /// Names and artifacts.
    pub scope: Scope,
    /// Bytes.
    pub packer: Arc<Packer>,
    /// Who exports what it imports, by the exports' names.
    pub imports: BTreeMap<String, Arc<Prepared>>,
    /// Warnings and advice.
    pub advice: Diagnostics,
}

/// Why a target cannot be planned.
#[derive(Debug)]
pub enum PrepareError {
    /// The spec is wrong.
    Spec(Diagnostics),
    /// The spec needs a value of AWS that is not there or could not be read.
    Value(Diagnostics),
    /// AWS cannot be reached, or is not the one the spec means.
    Aws(Unreached),
}

impl PrepareError {
    /// One word for a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            PrepareError::Spec(_) => "SpecInvalid",
            PrepareError::Value(_) => "ValueMissing",
            PrepareError::Aws(unreached) => unreached.reason,
        }
    }

    /// One sentence for a condition.
    pub fn sentence(&self) -> String {
        match self {
            PrepareError::Aws(unreached) => unreached.message.clone(),
            PrepareError::Spec(problems) => counted("the spec does not compile", problems, "; see `evenkeel validate`"),
            PrepareError::Value(problems) => counted("a value that the spec needs is missing", problems, ""),
        }
    }
}

/// What is wrong, with the first of the errors.
fn counted(what: &str, problems: &Diagnostics, hint: &str) -> String {
    let errors: Vec<_> =
        problems.iter().filter(|item| item.severity == evenkeel_core::model::Severity::Error).collect();
    match errors.as_slice() {
        [] => what.to_owned(),
        [only] => format!("{what}: {}", only.message),
        [first, rest @ ..] => format!("{what}: {} (and {} more{hint})", first.message, rest.len()),
    }
}

impl Session {
    /// A session that has not connected yet, and does not limit its calls.
    pub fn new(selection: Selection, endpoint: Option<String>, sandboxed: bool) -> Self {
        Session {
            selection,
            endpoint,
            sandboxed,
            limiters: None,
            resync: RESYNC,
            worlds: Mutex::default(),
            accounts: std::sync::Mutex::default(),
            packers: Mutex::default(),
        }
    }

    /// The world of an application; connects on first use, and again where AWS has refused the credentials since.
    ///
    /// # Errors
    /// [`Unreached`], which says what to do.
    pub async fn world(&self, home: &Home) -> Result<Arc<World>, Unreached> {
        let asked = Instant::now();
        let region = home.region.clone().or_else(|| self.selection.region.clone());
        let key = (home.profile.clone(), home.role_arn.clone(), region.clone());
        let door = Arc::clone(self.worlds.lock().await.entry(key).or_default());
        let world = match door.open() {
            Some(world) => world,
            None => {
                let mut failed = door.failed.lock().await;
                match (door.open(), &*failed) {
                    (Some(world), _) => world,
                    // Who waited while somebody else tried has that answer.
                    (None, Some((at, reason))) if *at >= asked => return Err(reason.clone()),
                    (None, _) => match self.enter(home, region).await {
                        Ok(world) => {
                            door.set(Arc::clone(&world));
                            world
                        }
                        Err(reason) => {
                            *failed = Some((Instant::now(), reason.clone()));
                            return Err(reason);
                        }
                    },
                }
            }
        };
        self.is_the_one(home, &world)?;
        Ok(world)
    }

    /// Opens the way into the accounts of all targets side by side: one that does not answer holds up no other. Gives
    /// what failed, by the target's key.
    pub async fn open(&self, targets: &[Target]) -> BTreeMap<String, Unreached> {
        let tries = targets.iter().map(|target| async { (target.key(), self.world(&target.home).await.err()) });
        let tried = futures::future::join_all(tries).await;
        tried.into_iter().filter_map(|(key, failure)| Some((key, failure?))).collect()
    }

    async fn enter(&self, home: &Home, region: Option<String>) -> Result<Arc<World>, Unreached> {
        let connected = self.connect(home, region).await;
        let world = connected.map_err(|error| Unreached { reason: error.reason(), message: error.to_string() })?;
        self.is_the_one(home, &world)?;
        Ok(world)
    }

    /// Holds a world's account against the one that the spec names, or else against the one of before: what a process did
    /// so far, it would do all over again with the credentials of another.
    fn is_the_one(&self, home: &Home, world: &World) -> Result<(), Unreached> {
        let found = &world.account;
        if let (Some(wanted), false) = (&home.account, self.sandboxed) {
            if wanted == found {
                return Ok(());
            }
            return Err(Unreached {
                reason: "WrongAccount",
                message: format!(
                    "the credentials belong to account {found}, the spec wants account {wanted}: nothing was changed; use a profile or role of {wanted}"
                ),
            });
        }
        let owner = (home.profile.clone(), home.role_arn.clone());
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let first = accounts.entry(owner).or_insert_with(|| found.clone());
        if first == found {
            return Ok(());
        }
        Err(Unreached {
            reason: "AccountChanged",
            message: format!(
                "the credentials belong to account {found} now, and belonged to account {first} when evenkeel began: nothing was changed; give it credentials of {first} again, or start it anew where {found} is meant"
            ),
        })
    }

    async fn connect(&self, home: &Home, region: Option<String>) -> Result<Arc<World>, ConnectError> {
        let options = Options {
            profile: home.profile.clone().filter(|_| !self.sandboxed),
            ..self.options(region, home.role_arn.clone())
        };
        let account = Account::connect(options).await?;
        let world = World::new(Arc::new(account));
        let share = self.limiters.as_ref().map(Limiters::share).unwrap_or_default();
        world.known_mut().sweep_every(self.resync, share.part());
        Ok(Arc::new(world))
    }

    fn options(&self, region: Option<String>, role_arn: Option<String>) -> Options {
        Options {
            // The sandbox is one account without regions of its own: nothing of the person's AWS settings, and no role
            // of a real account, means anything there.
            region: region.or_else(|| self.sandboxed.then(|| "us-east-1".to_owned())),
            endpoint_url: self.endpoint.clone(),
            role_arn: role_arn.filter(|_| !self.sandboxed),
            keys: self.sandboxed.then(|| ("test".to_owned(), "test".to_owned())),
            limiters: self.limiters.clone(),
            ..Options::default()
        }
    }

    /// The table in which the replicas of a tree keep their lease: with the credentials of this process, whatever
    /// roles its applications assume.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn lease_table(&self, address: &Address, source: &str) -> Result<Arc<dyn Table>, String> {
        let region = address.region.clone().or_else(|| self.selection.region.clone());
        let made = async {
            let table = LeaseTable::connect(self.options(region, None), &address.table, source).await?;
            if address.create {
                table.create().await?;
            }
            Ok::<_, LeaseError>(table)
        };
        made.await.map(|table| Arc::new(table) as Arc<dyn Table>).map_err(|error| error.to_string())
    }

    /// All worlds so far.
    pub async fn worlds(&self) -> Vec<Arc<World>> {
        self.worlds.lock().await.values().filter_map(|door| door.last()).collect()
    }

    /// Compiles a target, asking AWS for what only it knows, and packs its artifacts. So for every application that it
    /// imports from; what is in `ready` is taken from there.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn prepare<'a>(
        &'a self,
        tree: &'a Tree,
        target: &'a Target,
        ready: &'a mut Ready,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<Prepared>, PrepareError>> + Send + 'a>> {
        Box::pin(async move {
            if let Some(prepared) = ready.get(&target.key()) {
                return Ok(Arc::clone(prepared));
            }
            let prepared = Arc::new(self.prepare_anew(tree, target, ready).await?);
            ready.insert(target.key(), Arc::clone(&prepared));
            Ok(prepared)
        })
    }

    async fn prepare_anew(&self, tree: &Tree, target: &Target, ready: &mut Ready) -> Result<Prepared, PrepareError> {
        let world = self.world(&target.home).await.map_err(PrepareError::Aws)?;
        let home =
            Home { region: Some(world.region.clone()), account: Some(world.account.clone()), ..target.home.clone() };
        let mut values = self.selection.values.clone();
        let mut asks = 0;
        let (desired, mut advice, needed) = loop {
            let mut compiled = tree.compile(target, &values, &home, How::Plan);
            if compiled.diagnostics.has_errors() {
                return Err(PrepareError::Spec(compiled.diagnostics));
            }
            // What other applications export is known round by round: see `exports`.
            let exports = std::mem::take(&mut compiled.needs.exports);
            if compiled.needs.is_empty() {
                match compiled.desired {
                    Some(desired) => break (desired, compiled.diagnostics, exports),
                    None => return Err(PrepareError::Spec(compiled.diagnostics)),
                }
            }
            asks += 1;
            let mut missing = world.source.fetch(&compiled.needs, &mut values).await;
            if self.sandboxed {
                missing = stand_in(&compiled.needs, &mut values, missing);
            }
            if !missing.is_empty() || asks > ASKS {
                return Err(PrepareError::Value(missing));
            }
        };
        let imports = self.exporters(tree, target, &needed, &home, ready).await?;
        let base = tree.base(target);
        let packer =
            Arc::clone(self.packers.lock().await.entry(base.clone()).or_insert_with(|| Arc::new(Packer::new(base))));
        let scope = self.scope(tree, target, &desired, &world, &packer, &mut advice).await?;
        world.want(&format!("{}:{}", tree.source_id, target.key()), converge::wanted(&world, &desired, &scope)).await;
        Ok(Prepared { target: target.clone(), world, desired, scope, packer, imports, advice })
    }

    /// The applications that export what a target imports.
    async fn exporters(
        &self,
        tree: &Tree,
        target: &Target,
        needed: &BTreeMap<String, Place>,
        home: &Home,
        ready: &mut Ready,
    ) -> Result<BTreeMap<String, Arc<Prepared>>, PrepareError> {
        let (sources, problems) = tree.sources(target, needed, &self.selection.values, home);
        if problems.has_errors() {
            return Err(PrepareError::Spec(problems));
        }
        let mut imports = BTreeMap::new();
        for (name, exporter) in sources {
            match self.prepare(tree, &exporter, ready).await {
                Ok(prepared) => {
                    imports.insert(name, prepared);
                }
                Err(failure) => {
                    let place = needed.get(&name).copied().unwrap_or_default();
                    let message = format!("`{name}` is exported by `{}`, and {}", exporter.key(), failure.sentence());
                    return Err(PrepareError::Spec(Diagnostic::error("no-export", place, message).into()));
                }
            }
        }
        Ok(imports)
    }

    async fn scope(
        &self,
        tree: &Tree,
        target: &Target,
        desired: &Desired,
        world: &World,
        packer: &Arc<Packer>,
        advice: &mut Diagnostics,
    ) -> Result<Scope, PrepareError> {
        let (packer, whole) = (Arc::clone(packer), desired.clone());
        let packed = tokio::task::spawn_blocking(move || pack(&whole, &packer)).await;
        let (artifacts, problems) = packed.map_err(|error| {
            PrepareError::Aws(Unreached { reason: "Internal", message: format!("packing stopped: {error}") })
        })?;
        if problems.has_errors() {
            return Err(PrepareError::Spec(problems));
        }
        advice.extend(problems);
        Ok(Scope {
            source: tree.source_id.clone(),
            app: target.app.clone(),
            env: target.env.clone(),
            stack: desired.stack.clone(),
            region: world.region.clone(),
            account: world.account.clone(),
            partition: world.partition.clone(),
            artifacts,
            keep: tree.keep,
        })
    }

    /// Observes everything in the given worlds, side by side.
    pub async fn sweep(&self, worlds: &[Arc<World>]) {
        futures::future::join_all(worlds.iter().map(|world| observe::sweep(world))).await;
    }
}

/// A sandbox begins empty: parameters and secrets that a spec refers to and that are not there get made-up values. What
/// else is missing stays so.
fn stand_in(needs: &Needs, values: &mut Values, missing: Diagnostics) -> Diagnostics {
    let made_up = |name: &str| format!("made up by the sandbox for {name}");
    for name in needs.ssm.keys().filter(|name| !values.ssm.contains_key(*name)).cloned().collect::<Vec<_>>() {
        values.ssm.insert(name.clone(), made_up(&name));
    }
    for (names, known) in [(&needs.ssm_secure, &mut values.ssm_secure), (&needs.secrets, &mut values.secrets)] {
        for name in names.keys() {
            known.entry(name.clone()).or_insert_with(|| made_up(name));
        }
    }
    let supplied = |place: &Place| {
        [&needs.ssm, &needs.ssm_secure, &needs.secrets].iter().any(|names| names.values().any(|asked| asked == place))
    };
    let (given, left): (Vec<Diagnostic>, Vec<Diagnostic>) =
        missing.iter().cloned().partition(|problem| supplied(&problem.place));
    for problem in &given {
        tracing::warn!("{}; the sandbox makes up a value", problem.message);
    }
    left.into_iter().collect()
}

/// Packs an application's local artifacts, and holds their sizes against AWS's limits.
pub fn pack(desired: &Desired, packer: &Packer) -> (BTreeMap<String, Artifact>, Diagnostics) {
    let mut paths: BTreeMap<String, Place> = BTreeMap::new();
    for resource in desired.resources.values() {
        local_paths(&resource.properties, &mut paths);
    }
    let mut artifacts = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for (path, place) in paths {
        match packer.artifact(&path) {
            Ok(artifact) => {
                if artifact.zip_bytes > ZIP_LIMIT {
                    let message =
                        format!("`{path}` packs to {} bytes; AWS takes {ZIP_LIMIT} in a call", artifact.zip_bytes);
                    problems.push(Diagnostic::error("artifact-too-large", place, message).help(
                        "leave files out with .evenkeelignore, or put the zip into S3 and name the bucket and key",
                    ));
                }
                artifacts.insert(path, artifact);
            }
            Err(error) => problems.error("artifact", place, error.to_string()),
        }
    }
    check_sizes(desired, &artifacts, &mut problems);
    (artifacts, problems)
}

/// Local artifacts of a value: `{"LocalPath": path}`.
fn local_paths(node: &Node, out: &mut BTreeMap<String, Place>) {
    match &node.value {
        Val::Map(map) => match (map.len(), map.get("LocalPath").and_then(|entry| entry.node.as_str())) {
            (1, Some(path)) => {
                out.entry(path.to_owned()).or_insert(node.place);
            }
            _ => map.values().for_each(|entry| local_paths(&entry.node, out)),
        },
        Val::List(items) => items.iter().for_each(|item| local_paths(item, out)),
        _ => {}
    }
}

/// A function and its layers unpack into 250 MB together: AWS says so only at the end of an upload.
fn check_sizes(desired: &Desired, artifacts: &BTreeMap<String, Artifact>, problems: &mut Diagnostics) {
    let size = |node: Option<&Node>| {
        let path = node?.get("LocalPath")?.as_str()?;
        artifacts.get(path).map(|artifact| artifact.unzipped_bytes)
    };
    for resource in desired.resources.values().filter(|resource| resource.type_name == "AWS::Lambda::Function") {
        let own = size(resource.properties.get("Code")).unwrap_or(0);
        let layers = resource.properties.get("Layers").and_then(Node::as_list).unwrap_or_default();
        let ids: BTreeSet<&str> = layers
            .iter()
            .filter_map(|layer| match layer.as_call() {
                Some(("Ref", id)) => id.as_str(),
                _ => None,
            })
            .collect();
        let layers: u64 = ids.iter().filter_map(|id| size(desired.resources.get(*id)?.properties.get("Content"))).sum();
        if own + layers > UNZIPPED_LIMIT {
            let message = format!(
                "`{}` with its layers unpacks to {} bytes; AWS's limit is {UNZIPPED_LIMIT}",
                resource.id,
                own + layers
            );
            problems.push(
                Diagnostic::error("code-too-large", resource.place, message)
                    .help("leave files out with .evenkeelignore, or use a container image"),
            );
        }
    }
}

/// Reads a file of offline values.
///
/// # Errors
/// A sentence for a person.
pub fn read_values(path: &Path) -> Result<Values, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    serde_yaml::from_str(&text).map_err(|error| format!("{} is not a values file: {error}", path.display()))
}
