//! The engine over an account within the process: one application, converged in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evenkeel::apps::{Home, How, Selection, Tree};
use evenkeel::converge::{self, Converged, Run};
use evenkeel::observe;
use evenkeel::session::{self, Prepared};
use evenkeel::source::{Packer, Snapshot};
use evenkeel::world::World;
use evenkeel_core::model::Diagnostics;
use evenkeel_core::plan::{Plan, Scope, Standing, Verb};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::aws::{ACCOUNT, Aws, REGION, Rules};

/// How long a run may wait for what settles.
const PATIENCE: Duration = Duration::from_secs(1800);

/// An account, a directory of specs, and evenkeel between them. The application's name is `t`.
pub struct Trial {
    /// The account.
    pub aws: Aws,
    /// What evenkeel knows of it.
    pub world: Arc<World>,
    dir: tempfile::TempDir,
}

impl Trial {
    /// An empty account with these rules.
    pub async fn start(rules: Rules) -> Trial {
        Trial::in_account(Aws::new(rules)).await
    }

    /// A process of its own in an account where others may be at work.
    pub async fn in_account(aws: Aws) -> Trial {
        let account = aws.connect().await;
        let world = Arc::new(World::new(Arc::new(account)));
        let dir = tempfile::tempdir().expect("a directory");
        let trial = Trial { aws, world, dir };
        trial.file("src/app.py", "def handler(event, context):\n    return event\n");
        trial
    }

    /// Writes a file beside the specs, for a package.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file stands in a directory")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    /// A new process: what was known and remembered is forgotten.
    pub async fn restart(&mut self) {
        let account = self.aws.connect().await;
        self.world = Arc::new(World::new(Arc::new(account)));
    }

    /// Compiles a spec; a line `Kind NAME: {...}` stands for a whole manifest.
    fn prepare(&self, spec: &str) -> Prepared {
        // A template stands alone in its folder.
        let (name, other) =
            if is_template(spec) { ("template.yaml", "app.yaml") } else { ("app.yaml", "template.yaml") };
        _ = std::fs::remove_file(self.dir.path().join(other));
        self.file(name, &manifests(spec));
        let selection = Selection { app: Some("t".to_owned()), ..Selection::default() };
        let tree = Tree::read(Arc::new(Snapshot::read(self.dir.path()).expect("specs")), &selection);
        let (targets, problems) = tree.targets(&selection);
        assert!(!problems.has_errors(), "{}", said(&problems, &tree));
        let target = targets.first().expect("an application").clone();
        let home =
            Home { region: Some(REGION.to_owned()), account: Some(ACCOUNT.to_owned()), role_arn: None, profile: None };
        let compiled = tree.compile(&target, &selection.values, &home, How::Plan);
        assert!(!compiled.diagnostics.has_errors(), "{}", said(&compiled.diagnostics, &tree));
        let desired = compiled.desired.expect("no errors");
        let packer = Arc::new(Packer::new(tree.base(&target)));
        let (artifacts, problems) = session::pack(&desired, &packer);
        assert!(!problems.has_errors(), "{}", said(&problems, &tree));
        let scope = Scope {
            source: "default".to_owned(),
            app: target.app.clone(),
            env: target.env.clone(),
            stack: desired.stack.clone(),
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            keep: None,
            artifacts,
        };
        let (world, imports) = (Arc::clone(&self.world), BTreeMap::new());
        Prepared { target, world, desired, scope, packer, imports, advice: Diagnostics::new() }
    }

    /// Sweeps and runs to the end; deletions are allowed.
    pub async fn run(&self, spec: &str) -> Converged {
        let (_alive, told) = watch::channel(false);
        self.run_with(spec, told, true).await
    }

    /// The same until it is told to stop.
    pub async fn run_until(&self, spec: &str, draining: watch::Receiver<bool>) -> Converged {
        self.run_with(spec, draining, true).await
    }

    /// The same where nobody allowed anything.
    pub async fn careful(&self, spec: &str) -> Converged {
        let (_alive, told) = watch::channel(false);
        self.run_with(spec, told, false).await
    }

    async fn run_with(&self, spec: &str, draining: watch::Receiver<bool>, allow: bool) -> Converged {
        let prepared = self.prepare(spec);
        self.world.want("t", converge::wanted(&self.world, &prepared.desired, &prepared.scope)).await;
        observe::sweep(&self.world).await;
        let first = BTreeMap::new();
        let run = |allowed| Run {
            reverts: None,
            waiting_since: &first,
            doubts: false,
            prepared: &prepared,
            allowed,
            no_deletes: None,
            previous: None,
            deadline: Instant::now() + PATIENCE,
            draining: draining.clone(),
            on_round: &|_| {},
        };
        let nothing = BTreeSet::new();
        let allowed = run(&nothing).plan().await.digest.into_iter().filter(|_| allow).collect();
        run(&allowed).converge().await
    }

    /// Runs to the end, which must be convergence.
    ///
    /// # Panics
    /// Where it is not.
    #[track_caller]
    pub fn converge<'a>(&'a self, spec: &'a str) -> impl Future<Output = Plan> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let converged = self.run(spec).await;
            let left = left(&converged.plan);
            assert!(converged.plan.is_converged(), "{place}: not converged:\n{left}\n{}", self.story());
            converged.plan
        }
    }

    /// Sweeps again: nothing may differ, and nothing may be written.
    ///
    /// # Panics
    /// Where something is.
    pub async fn quiet(&self, spec: &str) {
        let before = self.aws.writes();
        let plan = self.converge(spec).await;
        assert!(plan.is_converged());
        assert_eq!(self.aws.writes(), before, "a quiet run wrote:\n{}", self.story());
    }

    /// All writes so far with their times, for people.
    pub fn story(&self) -> String {
        let writes = self.aws.calls().into_iter().filter(|call| call.is_write());
        let line = |call: crate::aws::Call| {
            let fault = call.fault.map(|code| format!("  {code}")).unwrap_or_default();
            format!("{:>8.2} {} {}{fault}", call.at.as_secs_f64(), call.operation, call.subject)
        };
        writes.map(line).collect::<Vec<_>>().join("\n")
    }

    /// When the writes of an operation were accepted, seconds; of one subject, or of all where that is empty.
    pub fn times(&self, operation: &str, subject: &str) -> Vec<f64> {
        let calls = self.aws.calls().into_iter().filter(|call| call.fault.is_none());
        let fits =
            |call: &crate::aws::Call| call.operation == operation && (subject.is_empty() || call.subject == subject);
        calls.filter(fits).map(|call| call.at.as_secs_f64()).collect()
    }

    /// When the one write of an operation was accepted, seconds.
    ///
    /// # Panics
    /// Where it is not one.
    #[track_caller]
    pub fn time(&self, operation: &str, subject: &str) -> f64 {
        let times = self.times(operation, subject);
        assert_eq!(times.len(), 1, "{operation} {subject}:\n{}", self.story());
        times[0]
    }

    /// How many calls of an operation came, accepted or not.
    pub fn count(&self, operation: &str) -> usize {
        self.aws.calls().iter().filter(|call| call.operation == operation).count()
    }
}

fn said(problems: &Diagnostics, tree: &Tree) -> String {
    problems.iter().map(|problem| problem.render(&tree.sources, false)).collect()
}

/// What a plan leaves, for people.
pub fn left(plan: &Plan) -> String {
    let left = plan.actions.iter().filter(|action| action.verb != Verb::None || action.standing != Standing::Ready);
    let line = |action: &evenkeel_core::plan::Action| {
        let paths: Vec<&str> = action.changes.iter().map(|change| change.path.as_str()).collect();
        format!("{} {:?} {:?} {}", action.id, action.verb, action.standing, paths.join(" "))
    };
    left.map(line).collect::<Vec<_>>().join("\n")
}

fn is_template(spec: &str) -> bool {
    spec.contains("Resources:")
}

/// `Queue orders: {visibilityTimeout: 60}`, a line each, as manifests; a template as it is.
fn manifests(spec: &str) -> String {
    let mut out = String::new();
    if is_template(spec) {
        return spec.to_owned();
    }
    for line in spec.lines().filter(|line| !line.trim().is_empty()) {
        let (head, body) = line.split_once(':').expect("`Kind name: {...}`");
        let (kind, name) = head.trim().split_once(' ').expect("`Kind name: {...}`");
        out.push_str(&format!(
            "---\napiVersion: evenkeel.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {}\n",
            body.trim()
        ));
    }
    out
}
