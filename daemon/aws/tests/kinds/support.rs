//! A small round-runner for tests against an emulator: observe, plan, apply, until the plan is empty.

#![expect(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a failed test says why and stops")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_aws::kinds;
use evenkeel_aws::{Account, Options};
use evenkeel_core::model::resource::{Desired, Resource, SpecSource};
use evenkeel_core::model::{Node, Place};
use evenkeel_core::plan::observation::{Observation, Reading};
use evenkeel_core::plan::{ApplyError, Artifacts, Ask, Input, Kinds, Plan, Reach, Scope, Standing, Step, plan};
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::emulator::{Emulator, Feature};
use crate::hostile::Hostile;

/// How many rounds a spec may take.
const ROUNDS: usize = 40;
/// Pause before something unsettled is looked at again.
const SETTLING: std::time::Duration = std::time::Duration::from_millis(200);

/// The emulator's address, where there is one; a line that says so where there is not.
pub fn endpoint() -> Option<String> {
    let endpoint = std::env::var("EVENKEEL_TEST_ENDPOINT").ok();
    if endpoint.is_none() {
        println!("skipped: EVENKEEL_TEST_ENDPOINT names no emulator");
    }
    endpoint
}

/// No local code.
pub struct NoArtifacts;

impl Artifacts for NoArtifacts {
    fn bytes(&self, local_path: &str, _sha256: &str) -> Result<Arc<[u8]>, String> {
        Err(format!("{local_path} is not packed in this test"))
    }
}

/// One application in an emulator.
pub struct Runner {
    pub emulator: Emulator,
    /// For a person's hands: nothing stands in between.
    pub account: Account,
    pub kinds: Kinds,
    pub scope: Scope,
    pub world: Observation,
    pub artifacts: Arc<dyn Artifacts>,
    /// Ids that count as generated for another resource.
    pub generated: BTreeMap<&'static str, &'static str>,
    /// What the kinds go through, where `EVENKEEL_HOSTILE` names a seed.
    hostile: Option<Hostile>,
    reaches: BTreeMap<&'static str, Arc<dyn Reach>>,
    types: Vec<&'static str>,
    /// How long to wait after a step that did not succeed.
    pause: std::time::Duration,
    /// What the hostile network made of steps, for a failed test.
    refusals: Vec<String>,
}

impl Runner {
    /// Connects; `app` keeps tests apart that share an emulator. Only these types are observed and planned.
    pub async fn connect(endpoint: &str, app: &str, types: &[&str]) -> Runner {
        let account = account(endpoint).await;
        let hostile = Hostile::asked_for(endpoint).await.expect("a port");
        let reaches = match &hostile {
            Some(hostile) => kinds::reaches(&self::account(&hostile.endpoint()).await),
            None => kinds::reaches(&account),
        };
        let scope = Scope {
            source: "test".into(),
            app: app.into(),
            env: None,
            stack: app.into(),
            region: account.region().to_owned(),
            account: account.id().to_owned(),
            partition: account.partition().to_owned(),
            artifacts: BTreeMap::new(),
            keep: None,
        };
        Runner {
            emulator: Emulator::at(endpoint).await,
            pause: SETTLING,
            refusals: Vec::new(),
            hostile,
            reaches,
            types: kinds::stages().concat().into_iter().filter(|name| types.contains(name)).collect(),
            kinds: kinds::kinds(),
            account,
            scope,
            world: Observation::new(),
            artifacts: Arc::new(NoArtifacts),
            generated: BTreeMap::new(),
        }
    }

    /// Whether the emulator can do this.
    pub fn can(&self, feature: Feature) -> bool {
        self.emulator.can(feature)
    }

    /// A role that functions run with, made beside the application; its ARN.
    pub async fn role(&self, name: &str) -> String {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"}}]});
        let made = self.account.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
        // A second run of the test finds it there.
        let _ = made.send().await;
        format!("arn:aws:iam::{}:role/{name}", self.account.id())
    }

    /// Reads every type by a sweep.
    pub async fn sweep(&mut self, wanted: &BTreeMap<&'static str, BTreeSet<String>>) {
        if let Some(hostile) = &self.hostile {
            hostile.agree();
        }
        for name in self.types.clone() {
            let none = BTreeSet::new();
            let ask = Ask { reading: Reading::Sweep, wanted: wanted.get(name).unwrap_or(&none), world: &self.world };
            let seen = self.reaches[name].observe(ask).await;
            assert_eq!(seen.failure, None, "{name}");
            assert_eq!(seen.failed, [], "{name}");
            self.world.swept(name, seen);
        }
    }

    /// Plans a spec: id, type, properties.
    pub fn plan(&self, resources: &[(&str, &str, Json)]) -> Plan {
        let resources: IndexMap<String, Resource> = resources
            .iter()
            .map(|(id, type_name, properties)| {
                let node = Node::from_json(properties, Place::NOWHERE);
                let mut resource = Resource::new(*id, *type_name, node, Place::NOWHERE);
                if let Some(parent) = self.generated.get(id) {
                    resource = resource.generated_for(parent);
                }
                ((*id).to_owned(), resource)
            })
            .collect();
        let mut desired = Desired {
            app: self.scope.app.clone(),
            env: None,
            stack: self.scope.stack.clone(),
            region: None,
            account: None,
            role_arn: None,
            source: SpecSource::Native,
            tags: BTreeMap::new(),
            resources,
            outputs: IndexMap::new(),
            deleted: false,
            allow_delete: None,
        };
        let make = |desired: &Desired| {
            plan(Input {
                scope: &self.scope,
                desired,
                world: &self.world,
                kinds: &self.kinds,
                held: &BTreeMap::new(),
                previous: None,
                allowed: &BTreeSet::new(),
                imports: &evenkeel_core::plan::Imports::new(),
                no_deletes: None,
            })
        };
        // What the test takes away is meant.
        desired.allow_delete = make(&desired).digest;
        make(&desired)
    }

    /// Carries out a step, again where its outcome was not heard, and reads what it changed.
    pub async fn apply(&mut self, step: &Step) {
        while !self.attempt(step).await {
            tokio::time::sleep(self.pause).await;
        }
        if let Some(hostile) = &self.hostile {
            hostile.agree();
            self.refresh(step).await;
        }
    }

    /// Carries out a step and reads what it changed; `false` where the network is hostile and another round has to tell
    /// what became of it.
    async fn attempt(&mut self, step: &Step) -> bool {
        let done = self.reaches[step.type_name].apply(step, self.artifacts.as_ref()).await;
        let passes = matches!(
            done,
            Err(ApplyError::Wait { .. }
                | ApplyError::Throttled(_)
                | ApplyError::Uncertain(_)
                | ApplyError::Conflict(_))
        );
        assert!(done.is_ok() || (passes && self.hostile.is_some()), "{done:?} {step:?} {}", step.input);
        self.refresh(step).await;
        // Who asks again sooner than he was told to uses up his rounds: for seconds a role is not even tried.
        self.pause = match &done {
            Err(ApplyError::Wait { retry_after, .. }) => (*retry_after).max(SETTLING),
            _ => SETTLING,
        };
        self.refusals.extend(done.as_ref().err().map(|error| format!("{}: {error}", step.operation)));
        done.is_ok()
    }

    async fn refresh(&mut self, step: &Step) {
        let (name, key) = (step.refresh.0, BTreeSet::from([step.refresh.1.clone()]));
        let ask = Ask { reading: Reading::Only(&key), wanted: &key, world: &self.world };
        let seen = self.reaches[name].observe(ask).await;
        assert_eq!(seen.failed, [], "{name}");
        let created = step.operation == "CreateEventSourceMapping" && self.hostile.is_none();
        assert!(!created || !seen.items.is_empty(), "not found after {}: {}", step.operation, step.refresh.1);
        self.world.refreshed(name, seen);
    }

    /// Rounds until there is nothing more to do; gives the writes that took effect. Every round begins with a sweep.
    ///
    /// # Panics
    /// Where it does not converge.
    pub async fn converge(&mut self, resources: &[(&str, &str, Json)]) -> Vec<&'static str> {
        let mut writes = Vec::new();
        let mut unheard: Option<Step> = None;
        let mut made: Vec<Step> = Vec::new();
        let hostile = self.hostile.is_some();
        let mut note = |step: Step| {
            // An old answer to the read after a write has it made twice, and nothing changes by that.
            let same =
                |it: &Step| (it.operation, &it.refresh, &it.input) == (step.operation, &step.refresh, &step.input);
            if !hostile || !made.iter().any(same) {
                writes.push(step.operation);
            }
            made.push(step);
        };
        let mut wanted = self.plan(resources).wanted;
        for _ in 0..ROUNDS {
            self.sweep(&wanted).await;
            let plan = self.plan(resources);
            wanted.clone_from(&plan.wanted);
            // What was not looked at closely before counts only now.
            self.sweep(&wanted).await;
            let plan = self.plan(resources);
            let steps: Vec<Step> = plan.actions.iter().flat_map(|action| action.steps.clone()).collect();
            // A write whose answer was not heard took effect where it is not wanted any more.
            if let Some(step) = unheard.take()
                && !steps.iter().any(|it| (it.operation, &it.refresh) == (step.operation, &step.refresh))
            {
                note(step);
            }
            if plan.is_converged() {
                return writes;
            }
            // What settles is looked at again a little later.
            if !plan.has_steps() && !plan.pending.is_empty() {
                tokio::time::sleep(SETTLING).await;
                continue;
            }
            assert!(plan.has_steps(), "stuck: {}", told(&plan));
            for step in steps {
                if !self.attempt(&step).await {
                    tokio::time::sleep(self.pause).await;
                    unheard = Some(step);
                    break;
                }
                note(step);
            }
            // What the reads of single resources told must be what the sweep tells, where they told the truth.
            let after = self.plan(resources);
            if after.is_converged() && self.hostile.is_none() {
                self.sweep(&after.wanted.clone()).await;
                let swept = self.plan(resources);
                assert!(swept.is_converged(), "a sweep sees it otherwise: {}", told(&swept));
            }
        }
        let left = self.plan(resources);
        panic!(
            "not converged after {ROUNDS} rounds: {writes:?} {:?}\n{}\n{:#?}",
            left.pending,
            told(&left),
            self.refusals
        );
    }
}

async fn account(endpoint: &str) -> Account {
    Account::connect(Options {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(endpoint.to_owned()),
        ..Options::default()
    })
    .await
    .expect("the emulator answers")
}

/// What a plan still finds, for a failed test.
fn told(plan: &Plan) -> String {
    let open = plan.actions.iter().filter(|action| action.standing != Standing::Ready || !action.changes.is_empty());
    let lines = open.map(|it| format!("{} {:?} {:?}: {:?}", it.id, it.verb, it.standing, it.changes));
    lines.collect::<Vec<_>>().join("\n")
}
