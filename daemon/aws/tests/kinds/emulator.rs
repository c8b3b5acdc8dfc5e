//! Which emulator answers, and what it cannot do: the narrowest part of a test is left out there, and said aloud.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a test says what it leaves out, and stops where it fails"
)]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What answers at the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulator {
    /// ministack.
    Ministack,
    /// moto's server.
    Moto,
    /// Something else, taken to be able to do everything.
    Another,
}

/// What a test asks of an emulator beyond the plain calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `DeadLetterConfig` and `LoggingConfig` of functions are kept.
    FunctionTargets,
    /// `UpdateFunctionConfiguration` changes tracing, storage and the key.
    FunctionSettings,
    /// `PutFunctionRecursionConfig`.
    RecursiveLoop,
    /// `UpdateFunctionCode` moves `LastModified`.
    CodeTime,
    /// `PutProvisionedConcurrencyConfig`.
    ProvisionedConcurrency,
    /// The policy of an alias is kept apart from its function's.
    Qualifiers,
    /// `ListFunctionEventInvokeConfigs`.
    InvokeConfigs,
    /// `ListFunctionUrlConfigs`.
    FunctionUrls,
    /// A mapping of an alias names the alias.
    AliasOfMapping,
    /// `GetTopicAttributes` tells everything that was set.
    TopicAttributes,
}

/// What is missing where, and why.
const LACKS: [(Emulator, Feature, &str); 10] = [
    (Emulator::Moto, Feature::FunctionTargets, "it forgets DeadLetterConfig and LoggingConfig"),
    (
        Emulator::Moto,
        Feature::FunctionSettings,
        "its UpdateFunctionConfiguration takes TracingConfig, EphemeralStorage and KMSKeyArn and changes nothing",
    ),
    (Emulator::Moto, Feature::RecursiveLoop, "it has no PutFunctionRecursionConfig"),
    (Emulator::Moto, Feature::CodeTime, "its UpdateFunctionCode leaves LastModified as it was"),
    (Emulator::Moto, Feature::ProvisionedConcurrency, "it has no PutProvisionedConcurrencyConfig"),
    (Emulator::Moto, Feature::Qualifiers, "it has one policy for all qualifiers"),
    (
        Emulator::Moto,
        Feature::InvokeConfigs,
        "its ListFunctionEventInvokeConfigs writes the time as text, which AWS's SDK cannot read",
    ),
    (Emulator::Moto, Feature::FunctionUrls, "it has no ListFunctionUrlConfigs"),
    (Emulator::Moto, Feature::AliasOfMapping, "it puts the alias's version in its place"),
    (
        Emulator::Moto,
        Feature::TopicAttributes,
        "its GetTopicAttributes never tells SignatureVersion, TracingConfig and the settings of delivery logging",
    ),
];

impl Emulator {
    /// Asks which one it is.
    pub async fn at(endpoint: &str) -> Emulator {
        for (path, emulator) in [("_ministack/health", Emulator::Ministack), ("moto-api/", Emulator::Moto)] {
            if http(endpoint, "GET", path, "", b"").await.starts_with("HTTP/1.1 200") {
                return emulator;
            }
        }
        Emulator::Another
    }

    /// Whether it can do this; says so where it cannot.
    pub fn can(self, feature: Feature) -> bool {
        let lack = LACKS.iter().find(|(emulator, lacking, _)| (*emulator, *lacking) == (self, feature));
        if let Some((_, _, reason)) = lack {
            println!("left out on {self:?}: {feature:?}: {reason}");
        }
        lack.is_none()
    }
}

/// One call, with further header lines; the whole answer as text.
pub async fn http(endpoint: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> String {
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("the emulator answers");
    let length = format!("Content-Length: {}\r\nConnection: close\r\n", body.len());
    let head = format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{headers}{length}\r\n");
    stream.write_all(head.as_bytes()).await.expect("it takes the head");
    stream.write_all(body).await.expect("it takes the body");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}
