//! One account in one region: credentials, endpoint, clients.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::calls::{Calls, Counter};
use crate::error::{CredentialsTrouble, Failure, What, credentials_trouble, last, sources, unconnected};
use crate::limiter::Limiters;
use crate::whole::Whole;

/// How long a connection may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const READ: Duration = Duration::from_secs(30);
/// How long the answer to a read may take, which is a matter of milliseconds as a rule.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
/// How long the upload of a package may take until it is answered: 50 MB over a slow line.
pub(crate) const UPLOAD: Duration = Duration::from_secs(300);

/// How long the search for credentials may take, with what is tried again in it.
const CREDENTIALS: Duration = Duration::from_secs(10);

/// How long one try to assume a role may take.
const ASSUME: Duration = Duration::from_secs(3);

/// How often it is asked whose the credentials are, where the answer is lost.
const CONNECTS: u32 = 4;
/// How often where there is none at all: who waits for a whole timeout twice is not helped by a third.
const SILENT_CONNECTS: u32 = 2;

/// How to reach an account. What is left out comes the SDK's way: environment, profile, container, instance.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The region; else `AWS_REGION` or the profile's.
    pub region: Option<String>,
    /// Where all services are, instead of AWS (an emulator); else `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// A role to assume with the credentials that are found.
    pub role_arn: Option<String>,
    /// A profile of the shared configuration, meant even where keys are in the environment; else `AWS_PROFILE`.
    pub profile: Option<String>,
    /// An access key and its secret, where they are not to be looked for (an emulator).
    pub keys: Option<(String, String)>,
    /// The HTTP client, where it is not the usual one (a simulation).
    pub http_client: Option<SharedHttpClient>,
    /// What keeps the calls of this process within AWS's quotas; `None` where nobody counts them (a sandbox).
    pub limiters: Option<Limiters>,
}

/// Why an account cannot be reached. Each sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No region anywhere.
    #[error("no region is set: give --region, set AWS_REGION, or name one in the specs")]
    NoRegion,
    /// No credentials anywhere.
    #[error(
        "no AWS credentials were found: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, sign in with `aws sso login`, or run where a role is attached ({0})"
    )]
    NoCredentials(String),
    /// A profile that the specs name and this machine does not have.
    #[error(
        "the profile {0} that samconfig names is not in the shared AWS configuration: add it there, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which then count"
    )]
    NoProfile(String),
    /// They were good once.
    #[error("the AWS credentials have expired: sign in again (`aws sso login`) or renew the session ({0})")]
    Expired(String),
    /// They are not known to AWS.
    #[error("AWS does not accept these credentials: check the access key, its secret and the partition ({0})")]
    Invalid(String),
    /// Nobody answers.
    #[error("{endpoint} cannot be reached: check the network, the region and AWS_ENDPOINT_URL ({detail})")]
    Unreachable {
        /// The endpoint or the region.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// Somebody answers, and not as TLS wants it.
    #[error(
        "no secure connection to {endpoint}: check that the address means https, that this machine trusts the certificate (a proxy's own goes into SSL_CERT_FILE), and its clock ({detail})"
    )]
    Tls {
        /// The endpoint or the region.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// The endpoint is no address.
    #[error("`{0}` is no address of AWS's: AWS_ENDPOINT_URL has to begin with http:// or https://")]
    Endpoint(String),
    /// The clock is wrong.
    #[error("this machine's clock differs too much from AWS's: set it by NTP ({0})")]
    ClockSkew(String),
    /// A role that cannot be assumed.
    #[error(
        "the role {role} cannot be assumed: its trust policy must name the caller, and the caller needs sts:AssumeRole on it ({detail})"
    )]
    Role {
        /// The role's ARN.
        role: String,
        /// The cause.
        detail: String,
    },
    /// The caller may not even ask who it is.
    #[error(
        "AWS denies even the question whose credentials these are: look for a policy that denies sts:GetCallerIdentity ({0})"
    )]
    Denied(String),
    /// Anything else.
    #[error(
        "AWS does not say whose the credentials are: try again, and see whether AWS has trouble in this region ({0})"
    )]
    Other(String),
}

impl ConnectError {
    /// One word for programs, as conditions have it.
    pub fn reason(&self) -> &'static str {
        match self {
            ConnectError::NoRegion => "NoRegion",
            ConnectError::NoCredentials(_) | ConnectError::NoProfile(_) => "NoCredentials",
            ConnectError::Expired(_) => "CredentialsExpired",
            ConnectError::Invalid(_) => "CredentialsInvalid",
            ConnectError::Unreachable { .. } | ConnectError::Endpoint(_) => "Unreachable",
            ConnectError::Tls { .. } => "TlsFailed",
            ConnectError::ClockSkew(_) => "ClockSkew",
            ConnectError::Role { .. } => "RoleNotAssumable",
            ConnectError::Denied(_) => "AccessDenied",
            ConnectError::Other(_) => "AwsFailed",
        }
    }
}

/// One account in one region, with a client for each service. Clones share connections and counts.
#[derive(Clone, Debug)]
pub struct Account {
    /// AWS Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// Amazon SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Amazon SNS.
    pub sns: aws_sdk_sns::Client,
    /// Systems Manager: parameters.
    pub ssm: aws_sdk_ssm::Client,
    /// Identity and Access Management.
    pub iam: aws_sdk_iam::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Security Token Service.
    pub sts: aws_sdk_sts::Client,
    id: String,
    arn: String,
    partition: String,
    region: String,
    endpoint_url: Option<String>,
    counter: Counter,
    config: SdkConfig,
}

impl Account {
    /// Finds credentials and asks whose they are.
    ///
    /// # Errors
    /// [`ConnectError`]: a sentence that says what to do.
    pub async fn connect(options: Options) -> Result<Account, ConnectError> {
        let config = load(&options).await?;
        let region = config.region().map(|region| region.as_ref().to_owned()).ok_or(ConnectError::NoRegion)?;
        let endpoint_url = config.endpoint_url().map(str::to_owned);
        let counter = Counter::default();
        let bounded = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
        let sts = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::config::Builder::from(&config)
                .interceptor(counter.clone())
                .interceptor(Whole)
                .timeout_config(bounded)
                .build(),
        );
        let mut tries = 0;
        let identity = loop {
            let error = match sts.get_caller_identity().send().await {
                Ok(identity) => break identity,
                Err(error) => error,
            };
            let failure = Failure::of("STS", &error);
            tries += 1;
            // Who gives the credentials was asked several times already.
            let silent = matches!(failure.what, What::Timeout | What::Unsigned);
            let enough = if silent { SILENT_CONNECTS } else { CONNECTS };
            if !failure.is_passing() || tries >= enough {
                let endpoint = endpoint_url.clone().unwrap_or_else(|| format!("AWS in {region}"));
                return Err(connect_error(&failure, sources(&error), endpoint, options.role_arn.as_deref()));
            }
            // Nothing works without the answer, and one lost packet is no reason to do nothing.
            tokio::time::sleep(Duration::from_millis(200) * tries).await;
        };
        let arn = identity.arn().unwrap_or_default().to_owned();
        let partition = arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned();
        let id = identity
            .account()
            .map(str::to_owned)
            .ok_or_else(|| ConnectError::Other("the answer to GetCallerIdentity names no account".to_owned()))?;
        // Whose quotas they are is known only now: the question itself is not limited.
        let limiter = options.limiters.as_ref().map(|all| all.at(endpoint_url.as_deref(), &id, &region));
        let counter = counter.telling(limiter.clone());
        let config = match (limiter, config.identity_cache()) {
            (Some(limiter), Some(identities)) => {
                config.into_builder().identity_cache(limiter.before(identities)).build()
            }
            _ => config,
        };
        macro_rules! client {
            ($service:ident) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(&config).interceptor(counter.clone()).interceptor(Whole).build(),
                )
            };
        }
        Ok(Account {
            lambda: client!(aws_sdk_lambda),
            sqs: client!(aws_sdk_sqs),
            sns: client!(aws_sdk_sns),
            ssm: client!(aws_sdk_ssm),
            iam: client!(aws_sdk_iam),
            logs: client!(aws_sdk_cloudwatchlogs),
            secrets: client!(aws_sdk_secretsmanager),
            sts: client!(aws_sdk_sts),
            id,
            arn,
            partition,
            region,
            endpoint_url,
            counter,
            config,
        })
    }

    /// Whether AWS has said since that the credentials are not, or no longer, good: they have to be looked for anew.
    pub fn is_refused(&self) -> bool {
        self.counter.is_refused()
    }

    /// The account's id, 12 digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The caller's ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What the clients are made from.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Counts what no client of the SDK sends.
    pub(crate) fn counter(&self) -> &Counter {
        &self.counter
    }

    /// Where the services are, when it is not AWS.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.endpoint_url.as_deref()
    }

    /// Invokes a function with an empty event and gives its answer as text.
    ///
    /// # Errors
    /// A sentence: the call failed, or the function did.
    pub async fn invoke(&self, function: &str) -> Result<String, String> {
        let empty = aws_sdk_lambda::primitives::Blob::new("{}");
        let sent = self.lambda.invoke().function_name(function).payload(empty).send().await;
        let answer = sent.map_err(|error| Failure::of("Lambda", &error).sentence())?;
        let text = answer.payload().map(|payload| String::from_utf8_lossy(payload.as_ref()).into_owned());
        match answer.function_error() {
            Some(kind) => Err(format!("the function failed ({kind}): {}", text.unwrap_or_default())),
            None => Ok(text.unwrap_or_default()),
        }
    }

    /// The calls so far, by service and operation.
    pub fn calls(&self) -> Calls {
        self.counter.snapshot()
    }

    /// Those of the calls that AWS throttled.
    pub fn throttled(&self) -> Calls {
        self.counter.throttled()
    }
}

pub(crate) async fn load(options: &Options) -> Result<SdkConfig, ConnectError> {
    let given = options.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
    if let Some(url) = given.filter(|url| !url.is_empty() && !is_address(url)) {
        return Err(ConnectError::Endpoint(url));
    }
    let http_client = options.http_client.clone().unwrap_or_else(|| {
        aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https()
    });
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client.clone())
        // One retry policy, and it is ours: a second one below the limiter would send calls that nobody counted on.
        .retry_config(RetryConfig::disabled())
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build());
    if let Ok(name) = AppName::new("evenkeel") {
        loader = loader.app_name(name);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    // A role or keys of the environment stand in for a profile that only somebody's own machine has.
    let profile = match &options.profile {
        Some(profile) if options.keys.is_none() => match has_profile(profile) {
            true => Some(profile),
            false if std::env::var_os("AWS_ACCESS_KEY_ID").is_some() => None,
            false => return Err(ConnectError::NoProfile(profile.clone())),
        },
        _ => None,
    };
    if let Some(profile) = profile {
        // The default chain would take keys in the environment first, and so perhaps another account.
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(
                &ProviderConfig::default()
                    .with_http_client(http_client)
                    .with_region(options.region.clone().map(Region::new)),
            )
            .profile_name(profile)
            .build();
        loader = loader.profile_name(profile).credentials_provider(provider);
    }
    if let Some((key, secret)) = &options.keys {
        loader = loader.credentials_provider(Credentials::new(key, secret, None, None, "evenkeel"));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(ConnectError::NoRegion);
    }
    let Some(role) = &options.role_arn else { return Ok(config) };
    // Our policies do not see this call: a hiccup here would fail whatever asked for the credentials.
    let bounded = TimeoutConfig::builder().connect_timeout(ASSUME).operation_attempt_timeout(ASSUME).build();
    let patient = config.to_builder().retry_config(RetryConfig::standard()).timeout_config(bounded).build();
    let provider = AssumeRoleProvider::builder(role).session_name("evenkeel").configure(&patient).build().await;
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

fn is_address(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// Whether the shared configuration has a profile, where the SDK looks for it.
fn has_profile(name: &str) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let file = |variable: &str, otherwise: &str| {
        let path = std::env::var_os(variable).map_or_else(|| home.join(otherwise), PathBuf::from);
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let config = file("AWS_CONFIG_FILE", ".aws/config");
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    is_section(&credentials, name)
        || is_section(&config, &format!("profile {name}"))
        || (name == "default" && is_section(&config, name))
}

/// Whether a file of the shared configuration has a section.
fn is_section(text: &str, name: &str) -> bool {
    let wanted: Vec<&str> = name.split_whitespace().collect();
    text.lines().any(|line| {
        let inner = line.trim().strip_prefix('[').and_then(|rest| Some(rest.split_once(']')?.0));
        inner.is_some_and(|inner| inner.split_whitespace().collect::<Vec<_>>() == wanted)
    })
}

/// What a failed GetCallerIdentity (or the search for credentials before it) means.
fn connect_error(failure: &Failure, causes: Causes<'_>, endpoint: String, role: Option<&str>) -> ConnectError {
    let credentials = causes.iter().find_map(|cause| cause.downcast_ref::<CredentialsError>());
    // Which code came back, from STS itself or from the AssumeRole before it.
    let text = causes.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let detail = failure.sentence();
    let says = |words: &[&str]| words.iter().any(|word| detail.contains(word) || text.contains(word));
    let trouble = failure.credentials().or_else(|| credentials_trouble("", &text));
    let told = || if failure.what == What::Service { detail.clone() } else { last(&causes, &detail) };
    match trouble {
        // What an STS that was asked for a role answered stands deeper than the sentence.
        Some(CredentialsTrouble::Expired) => return ConnectError::Expired(told()),
        Some(CredentialsTrouble::Clock) => return ConnectError::ClockSkew(told()),
        _ => {}
    }
    if let Some(role) = role
        && credentials.is_some()
        && says(&["AccessDenied", "not authorized"])
    {
        return ConnectError::Role { role: role.to_owned(), detail: last(&causes, &detail) };
    }
    if let Some(error) = credentials {
        return match error {
            CredentialsError::CredentialsNotLoaded(_) => ConnectError::NoCredentials(where_looked(&causes)),
            _ if unconnected(&causes) => ConnectError::Unreachable { endpoint, detail: last(&causes, &detail) },
            _ if trouble == Some(CredentialsTrouble::Invalid) => ConnectError::Invalid(told()),
            CredentialsError::ProviderTimedOut(_) => ConnectError::Unreachable { endpoint, detail: told() },
            _ => ConnectError::NoCredentials(last(&causes, &detail)),
        };
    }
    if trouble == Some(CredentialsTrouble::Invalid) {
        return ConnectError::Invalid(detail);
    }
    // TLS's own errors are spelled for those who wrote it: the words at the end of the chain are the best there is.
    if says(&["peer certificate", "corrupt message", "certificate", "fatal alert", "handshake"])
        && failure.what != What::Service
    {
        return ConnectError::Tls { endpoint, detail: last(&causes, &detail) };
    }
    match failure.what {
        What::Timeout => ConnectError::Unreachable { endpoint, detail: "it does not answer".to_owned() },
        What::Unreachable | What::Unsigned => ConnectError::Unreachable { endpoint, detail: last(&causes, &detail) },
        What::Service if failure.is_denied() => ConnectError::Denied(detail),
        // The innermost cause of an answer is how the SDK prints it.
        What::Service => ConnectError::Other(detail),
        _ => ConnectError::Other(last(&causes, &detail)),
    }
}

/// What the search for credentials met with, without the places where nothing was set up.
fn where_looked(causes: &Causes<'_>) -> String {
    const NOTHING: [&str; 3] = ["no credentials found", "was not enabled", "no providers in chain provided"];
    let text = last(causes, "");
    let met: Vec<&str> =
        text.split("; ").filter(|line| NOTHING.iter().all(|nothing| !line.contains(nothing))).collect();
    if met.is_empty() {
        return "none in the environment, the profile, a web identity, the container or the instance".to_owned();
    }
    met.join("; ")
}

type Causes<'a> = Vec<&'a (dyn std::error::Error + 'static)>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use aws_sdk_sts::error::SdkError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::error::ErrorMetadata;

    fn meaning(cause: impl Into<aws_smithy_runtime_api::box_error::BoxError>, role: Option<&str>) -> ConnectError {
        let error: SdkError<aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError> =
            SdkError::dispatch_failure(ConnectorError::other(cause.into(), None));
        connect_error(&Failure::of("STS", &error), sources(&error), "AWS in eu-west-1".to_owned(), role)
    }

    #[test]
    fn no_credentials_anywhere_says_where_to_put_some() {
        let error = meaning(CredentialsError::not_loaded("nothing in the chain"), None);
        assert!(matches!(&error, ConnectError::NoCredentials(_)), "{error:?}");
        assert!(error.to_string().contains("AWS_PROFILE") && !error.to_string().contains('\n'));
    }

    #[test]
    fn a_profile_is_found_as_the_shared_configuration_spells_it() {
        let config = "[default]\nregion = x\n[profile  shop-prod] # mine\n[sso-session shop]\n";
        assert!(is_section(config, "profile shop-prod") && is_section(config, "default"));
        assert!(!is_section(config, "shop-prod") && !is_section(config, "shop") && !is_section("# [a]", "a"));
    }

    #[test]
    fn a_role_that_may_not_be_assumed_is_named() {
        let denied = ErrorMetadata::builder().code("AccessDenied").message("not authorized").build();
        let cause =
            CredentialsError::provider_error(aws_sdk_sts::operation::assume_role::AssumeRoleError::generic(denied));
        let error = meaning(cause, Some("arn:aws:iam::1:role/x"));
        assert!(matches!(&error, ConnectError::Role { role, .. } if role.ends_with("role/x")), "{error:?}");
    }

    #[test]
    fn a_network_that_is_down_is_not_taken_for_missing_credentials() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = meaning(CredentialsError::provider_error(refused), Some("arn:aws:iam::1:role/x"));
        assert!(matches!(&error, ConnectError::Unreachable { .. }), "{error:?}");
    }

    #[test]
    fn an_expired_session_asks_for_another_sign_in() {
        let expired = ErrorMetadata::builder().code("ExpiredToken").message("expired").build();
        let cause =
            CredentialsError::provider_error(aws_sdk_sts::operation::assume_role::AssumeRoleError::generic(expired));
        assert!(matches!(meaning(cause, None), ConnectError::Expired(_)));
    }
}
