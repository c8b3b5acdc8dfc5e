//! An AWS account within the process: answers the SDK's calls without sockets, in tokio's virtual time, and is as unkind
//! as the real one: things settle slowly, spread slowly, exclude each other, and calls are limited.
//!
//! It knows the operations that evenkeel uses and no others. How it behaves follows the fact sheet on AWS's control
//! planes; where AWS publishes no figure, what clients met.

mod iam;
mod lambda;
mod logs;
mod principals;
mod quota;
mod routes;
mod sns;
mod sqs;
mod ssm;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use evenkeel_aws::limiter::Limiters;
use evenkeel_aws::{Account, Options};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use lambda::Phase;
pub use logs::Group;
pub use quota::{Limit, bucket};
pub use ssm::Parameter;
pub use wire::{Answer, Fault};

/// The account of all simulations.
pub const ACCOUNT: &str = "111122223333";
/// Its region.
pub const REGION: &str = "eu-west-1";

/// How unkind the account is. The default is AWS as it is known to be; each rule can be switched off (zero, false).
#[derive(Clone, Debug)]
pub struct Rules {
    /// What chance is made of.
    pub seed: u64,
    /// How long a call takes: at least the first, at most the second.
    pub latency: (Duration, Duration),
    /// How long a new function is Pending.
    pub creation: Duration,
    /// How long an update of a function is InProgress.
    pub update: Duration,
    /// How long a published version is Pending where SnapStart makes its snapshot.
    pub version: Duration,
    /// How long a function that is deleted is still there, Deleting.
    pub deletion: Duration,
    /// Whether a function's revision moves with its tags and its reserved concurrency, which AWS does not say.
    pub beside_moves_revision: bool,
    /// How many calls the account may serve at once, and how many of them no function may reserve.
    pub concurrency: (i64, i64),
    /// How long a mapping is on its way from one state to the next.
    pub mapping: Duration,
    /// How long Lambda does not know a role, its trust or its policies yet.
    pub role: Duration,
    /// How long `GetPolicy` answers what a function's policy was before a statement came or went.
    pub policy: Duration,
    /// How long policies may not name a new role.
    pub principal: Duration,
    /// How long IAM itself may not find what it has just made.
    pub iam_reads: Duration,
    /// How many managed policies a role may have.
    pub policies: usize,
    /// How long a parameter that was just made has no value to read.
    pub parameter_appears: Duration,
    /// How long it is not listed.
    pub parameter_listed: Duration,
    /// How long Systems Manager looks up an image before its parameter, or a new version of it, is there.
    pub image: Duration,
    /// How long a queue answers old and new attributes in turn, and Lambda sees the old ones.
    pub queue_attributes: Duration,
    /// How long a queue that was just made is not found.
    pub queue_appears: Duration,
    /// How long the name of a deleted queue is locked.
    pub queue_name: Duration,
    /// How long a queue answers the old and the new time for which it keeps messages.
    pub queue_retention: Duration,
    /// How long a queue that was deleted is still found.
    pub queue_lingers: Duration,
    /// Whether calls are limited.
    pub quotas: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            seed: 1,
            latency: (Duration::from_millis(30), Duration::from_millis(120)),
            creation: Duration::from_secs(4),
            update: Duration::from_secs(3),
            version: Duration::from_secs(150),
            deletion: Duration::ZERO,
            beside_moves_revision: false,
            concurrency: (1000, 100),
            mapping: Duration::from_secs(20),
            role: Duration::from_secs(10),
            policy: Duration::ZERO,
            principal: Duration::from_secs(8),
            iam_reads: Duration::from_secs(2),
            policies: 10,
            parameter_appears: Duration::ZERO,
            parameter_listed: Duration::ZERO,
            image: Duration::from_secs(120),
            queue_attributes: Duration::from_secs(60),
            queue_appears: Duration::from_secs(1),
            queue_name: Duration::from_secs(60),
            queue_retention: Duration::from_secs(840),
            queue_lingers: Duration::ZERO,
            quotas: true,
        }
    }
}

impl Rules {
    /// An account that is as kind as an emulator: all is settled and spread at once, and nothing is limited.
    pub fn kind() -> Rules {
        let none = Duration::ZERO;
        Rules {
            creation: none,
            update: none,
            version: none,
            mapping: none,
            role: none,
            principal: none,
            iam_reads: none,
            image: none,
            queue_attributes: none,
            queue_appears: none,
            queue_name: none,
            queue_retention: none,
            quotas: false,
            ..Rules::default()
        }
    }
}

/// One call as it was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived, since the account was made.
    pub at: Duration,
    /// The service, as signatures name it.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// What it was about: a name, mostly.
    pub subject: String,
    /// What was asked, without packages.
    pub input: Json,
    /// The error's code, where it was refused.
    pub fault: Option<String>,
}

impl Call {
    /// Whether it asked for a change.
    pub fn is_write(&self) -> bool {
        evenkeel_aws::calls::is_write(&self.operation)
    }

    /// Whether it was refused for want of quota.
    pub fn is_throttled(&self) -> bool {
        self.fault.as_deref() == Some(quota::throttled(&self.service).0)
    }
}

/// What may go wrong with one call.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It takes effect, and nobody hears of it.
    LostReply,
    /// It is answered, and the end of the answer is cut off so that nothing but the text itself tells.
    CutShort,
    /// The service breaks before it does anything.
    ServerError,
    /// Somebody else changes the account a moment before it arrives.
    Meanwhile(fn(&mut Cloud)),
    /// It is refused.
    Refused(Fault),
    /// It is refused, and every one that follows as well.
    Always(Fault),
}

/// Everything in the account.
pub struct Cloud {
    /// How unkind it is.
    pub rules: Rules,
    /// The moment of the call that is answered, since the account was made.
    pub now: Duration,
    /// Functions, layers, mappings.
    pub lambda: lambda::Store,
    /// Queues.
    pub sqs: sqs::Store,
    /// Topics and subscriptions.
    pub sns: sns::Store,
    /// Parameters.
    pub ssm: ssm::Store,
    /// Roles and policies.
    pub iam: iam::Store,
    /// Log groups.
    pub logs: logs::Store,
    calls: Vec<Call>,
    troubles: Vec<(String, Trouble)>,
    quotas: quota::Quotas,
    chance: fastrand::Rng,
    made: u64,
}

impl Cloud {
    /// An identifier that nobody else has.
    pub(crate) fn unique(&mut self) -> String {
        self.made += 1;
        format!("{:08x}-0000-4000-8000-{:012x}", self.made, self.rules.seed)
    }

    fn note(&mut self, request: &wire::Request, answer: &Answer) {
        let mut input = request.input.clone();
        for package in ["/Code/ZipFile", "/ZipFile", "/Content/ZipFile"] {
            if let Some(bytes) = input.pointer_mut(package) {
                *bytes = Json::Null;
            }
        }
        self.calls.push(Call {
            at: self.now,
            service: request.service.clone(),
            operation: request.operation.clone(),
            subject: request.subject(),
            input,
            fault: answer.as_ref().err().map(|fault| fault.code.clone()),
        });
    }

    fn answer(&mut self, service: &str, operation: &str, input: &Json) -> Answer {
        match service {
            "lambda" => lambda::answer(self, operation, input),
            "sqs" => sqs::answer(self, operation, input),
            "sns" => sns::answer(self, operation, input),
            "ssm" => ssm::answer(self, operation, input),
            "iam" => iam::answer(self, operation, input),
            "logs" => logs::answer(self, operation, input),
            _ => Ok(
                json!({"Account": ACCOUNT, "UserId": "AIDASIMULATED", "Arn": format!("arn:aws:iam::{ACCOUNT}:user/test")}),
            ),
        }
    }
}

/// The account; clones are the same one.
#[derive(Clone)]
pub struct Aws {
    cloud: Arc<Mutex<Cloud>>,
    born: Instant,
    gate: Option<Arc<Gate>>,
}

/// A place on one way into the account where a call can be held up.
#[derive(Debug)]
pub struct Gate {
    left: Mutex<Option<usize>>,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    /// From now on so many calls pass, and the next one waits before it arrives.
    pub fn hold_after(&self, calls: usize) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(calls);
    }

    /// Until the call that is held up has come.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on, and all that follow.
    pub fn open(&self) {
        self.opened.notify_one();
    }

    async fn pass(&self) {
        let held = {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            let held = *left == Some(0);
            *left = left.and_then(|left| left.checked_sub(1));
            held
        };
        if held {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
    }
}

impl Aws {
    /// An empty account.
    pub fn new(rules: Rules) -> Aws {
        let cloud = Cloud {
            chance: fastrand::Rng::with_seed(rules.seed),
            rules,
            now: Duration::ZERO,
            lambda: lambda::Store::default(),
            sqs: sqs::Store::default(),
            sns: sns::Store::default(),
            ssm: ssm::Store::default(),
            iam: iam::Store::default(),
            logs: logs::Store::default(),
            calls: Vec::new(),
            troubles: Vec::new(),
            quotas: quota::Quotas::default(),
            made: 0,
        };
        Aws { cloud: Arc::new(Mutex::new(cloud)), born: Instant::now(), gate: None }
    }

    /// What evenkeel connects with: within its usual share of the quotas.
    pub fn options(&self) -> Options {
        Options {
            limiters: Some(Limiters::default()),
            region: Some(REGION.to_owned()),
            keys: Some(("test".to_owned(), "test".to_owned())),
            http_client: Some(SharedHttpClient::new(self.clone())),
            ..Options::default()
        }
    }

    /// A connection.
    ///
    /// # Panics
    /// Where the simulation does not answer as AWS does.
    pub async fn connect(&self) -> Account {
        Account::connect(self.options()).await.expect("the simulated account answers")
    }

    /// Looks into the account, or changes it as no call could.
    pub fn with<T>(&self, look: impl FnOnce(&mut Cloud) -> T) -> T {
        let mut cloud = self.cloud.lock().unwrap_or_else(PoisonError::into_inner);
        cloud.now = self.born.elapsed();
        look(&mut cloud)
    }

    /// A call by somebody else: not counted, not limited.
    ///
    /// # Errors
    /// As AWS answers.
    pub fn ask(&self, service: &str, operation: &str, input: Json) -> Answer {
        self.with(|cloud| cloud.answer(service, operation, &input))
    }

    /// The next call of this operation meets with trouble; asked for twice, so does the one after it.
    pub fn trouble(&self, operation: &str, trouble: Trouble) {
        self.with(|cloud| cloud.troubles.push((operation.to_owned(), trouble)));
    }

    /// From now on no call of this operation meets with trouble.
    pub fn heal(&self, operation: &str) {
        self.with(|cloud| cloud.troubles.retain(|(of, _)| of != operation));
    }

    /// The same account by a way of its own, where a call can be held up.
    pub fn gated(&self) -> (Aws, Arc<Gate>) {
        let gate = Arc::new(Gate { left: Mutex::new(None), reached: Notify::new(), opened: Notify::new() });
        (Aws { gate: Some(Arc::clone(&gate)), ..self.clone() }, gate)
    }

    /// All calls so far, in the order in which they arrived.
    pub fn calls(&self) -> Vec<Call> {
        self.with(|cloud| cloud.calls.clone())
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        self.with(|cloud| cloud.calls.clear());
    }

    /// Calls that asked for a change: how many of each operation, refused ones too.
    pub fn writes(&self) -> BTreeMap<String, usize> {
        let mut out = BTreeMap::new();
        for call in self.calls().into_iter().filter(Call::is_write) {
            *out.entry(call.operation).or_default() += 1;
        }
        out
    }

    /// Codes of the calls that were refused for more than that something is not there.
    pub fn refusals(&self) -> Vec<String> {
        let calls = self.calls().into_iter();
        let refused =
            calls.filter(Call::is_write).filter_map(|call| Some(format!("{} {}", call.operation, call.fault?)));
        refused.collect()
    }

    async fn call(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = wire::Request::read(request).await;
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        let way = self.with(|cloud| {
            let (least, most) = cloud.rules.latency;
            least + (most - least).mul_f64(cloud.chance.f64())
        }) / 2;
        tokio::time::sleep(way).await;
        let (answer, trouble) = self.with(|cloud| {
            let trouble = cloud.troubles.iter().position(|(operation, _)| *operation == request.operation);
            let trouble = trouble.map(|at| match &cloud.troubles[at].1 {
                Trouble::Always(fault) => Trouble::Refused(fault.clone()),
                _ => cloud.troubles.remove(at).1,
            });
            let allowed = !cloud.rules.quotas || cloud.quotas.take(&request.service, &request.operation, cloud.now);
            if let Some(Trouble::Meanwhile(change)) = &trouble {
                change(cloud);
            }
            let answer = match &trouble {
                _ if !allowed => {
                    let (code, status) = quota::throttled(&request.service);
                    Err(wire::fault(code, status, "Rate exceeded"))
                }
                Some(Trouble::ServerError) => Err(wire::fault("InternalFailure", 500, "We have a problem.")),
                Some(Trouble::Refused(fault)) => Err(fault.clone()),
                _ => cloud.answer(&request.service, &request.operation, &request.input),
            };
            cloud.note(&request, &answer);
            (answer, trouble)
        });
        tokio::time::sleep(way).await;
        if matches!(trouble, Some(Trouble::LostReply)) {
            return Err(ConnectorError::io("the connection was reset".into()));
        }
        let mut answer = wire::write(&request.service, &request.operation, answer);
        if matches!(trouble, Some(Trouble::CutShort)) {
            let part = answer.body().bytes().map(|all| all[..all.len() / 2].to_vec()).unwrap_or_default();
            *answer.body_mut() = SdkBody::from(part);
        }
        Ok(answer)
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.clone();
        HttpConnectorFuture::new(aws.call(request))
    }
}

impl HttpClient for Aws {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
