//! Availability zones, as `Fn::GetAZs` has them. EC2 is asked without its SDK: two calls do not pay for a crate that
//! takes minutes to build.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use evenkeel_core::compile::intrinsic::partition_of;

use crate::calls::Counter;
use crate::error::sources;

/// The version of EC2's interface that is spoken.
const VERSION: &str = "2016-11-15";
/// How often a question is asked that got no answer.
const TRIES: u32 = 3;
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");

/// A question to EC2: the operation, the names and values of its filters, and the element that holds a zone's name.
struct Question {
    operation: &'static str,
    filters: &'static [(&'static str, &'static str)],
    element: &'static str,
}

/// Zones that have a default subnet.
const WITH_SUBNET: Question =
    Question { operation: "DescribeSubnets", filters: &[("default-for-az", "true")], element: "availabilityZone" };
/// All zones that the account may use.
const ALL: Question = Question {
    operation: "DescribeAvailabilityZones",
    filters: &[("zone-type", "availability-zone"), ("state", "available")],
    element: "zoneName",
};

/// The zones of a region in alphabetical order: those with a default subnet, or all where none has one, as
/// CloudFormation documents it for `Fn::GetAZs`.
///
/// # Errors
/// Why it cannot be told, as the end of a sentence.
pub(crate) async fn of(config: &SdkConfig, counter: &Counter, region: &str) -> Result<Vec<String>, String> {
    for question in [WITH_SUBNET, ALL] {
        let zones = names(&ask(config, counter, region, &question).await?, question.element);
        if !zones.is_empty() {
            return Ok(zones);
        }
    }
    Err("there are none that this account may use".to_owned())
}

async fn ask(config: &SdkConfig, counter: &Counter, region: &str, question: &Question) -> Result<String, String> {
    let mut tries = 1;
    loop {
        let failed = match send(config, counter, region, question).await? {
            Ok((200..=299, text)) => return Ok(text),
            Ok((status, text)) => {
                let code = names(&text, "Code").pop().unwrap_or_else(|| format!("HTTP status {status}"));
                if status < 500 && code != "RequestLimitExceeded" {
                    return Err(format!("EC2 answered to {}: {code}", question.operation));
                }
                code
            }
            Err(reason) => reason,
        };
        if tries == TRIES {
            return Err(format!("EC2 could not be asked for {}: {failed}", question.operation));
        }
        tokio::time::sleep(Duration::from_millis(200) * tries).await;
        tries += 1;
    }
}

/// Status and text of the answer; the inner error is one that may pass.
async fn send(
    config: &SdkConfig,
    counter: &Counter,
    region: &str,
    question: &Question,
) -> Result<Result<(u16, String), String>, String> {
    let url = match config.endpoint_url() {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("https://ec2.{region}.{}", partition_of(region).1),
    };
    let body = body(question);
    let Some((client, credentials)) = config.http_client().zip(config.credentials_provider()) else {
        return Err("there are no credentials".to_owned());
    };
    let credentials = credentials.provide_credentials().await.map_err(|error| error.to_string())?;
    let headers = signed(&format!("{url}/"), region, &body, &credentials.into()).map_err(|error| error.to_string())?;
    let operation = Operation::builder()
        .service_name("EC2")
        .operation_name(question.operation)
        .http_client(client)
        .endpoint_url(&url)
        .no_auth()
        .no_retry()
        .interceptor(counter.clone())
        .serializer(move |(): ()| {
            let mut request = HttpRequest::new(SdkBody::from(body.as_str()));
            request.set_method("POST")?;
            request.set_uri("/")?;
            for (name, value) in &headers {
                request.headers_mut().try_insert(name.clone(), value.clone())?;
            }
            Ok(request)
        })
        .deserializer(|answer: &HttpResponse| {
            let text = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
            Ok::<_, OrchestratorError<Infallible>>((answer.status().as_u16(), text))
        })
        .build();
    Ok(operation.invoke(()).await.map_err(|error| {
        let causes: Vec<String> = sources(&error).iter().map(ToString::to_string).collect();
        causes.join(": ")
    }))
}

/// The question as EC2 reads it.
fn body(question: &Question) -> String {
    let mut form = format!("Action={}&Version={VERSION}", question.operation);
    for (number, (name, value)) in (1..).zip(question.filters) {
        form.push_str(&format!("&Filter.{number}.Name={name}&Filter.{number}.Value.1={value}"));
    }
    form
}

/// The headers of a signed request.
fn signed(
    url: &str,
    region: &str,
    body: &str,
    identity: &Identity,
) -> Result<Vec<(String, String)>, Box<dyn std::error::Error + Send + Sync>> {
    let params = SigningParams::builder()
        .identity(identity)
        .region(region)
        .name("ec2")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let request = SignableRequest::new("POST", url, [FORM].into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    let own = std::iter::once(FORM).chain(instructions.headers());
    Ok(own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The texts of an element that holds only text, wherever it stands, in alphabetical order and each once.
fn names(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let inner = xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close));
    let mut all: Vec<String> = inner.map(|(text, _)| text.trim().to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_told_once_and_in_order() {
        let answer = "<DescribeSubnetsResponse><subnetSet>\n <item><availabilityZone>eu-west-1b</availabilityZone></item>\
                      <item><availabilityZoneId>euw1-az1</availabilityZoneId><availabilityZone>eu-west-1a</availabilityZone>\
                      </item><item><availabilityZone>eu-west-1b</availabilityZone></item></subnetSet>";
        assert_eq!(names(answer, WITH_SUBNET.element), ["eu-west-1a", "eu-west-1b"]);
        assert!(names("<subnetSet/>", WITH_SUBNET.element).is_empty());
        let refused = "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>";
        assert_eq!(names(refused, "Code"), ["UnauthorizedOperation"]);
    }

    #[test]
    fn a_question_names_its_filters_by_number() {
        let want = "Action=DescribeAvailabilityZones&Version=2016-11-15&Filter.1.Name=zone-type\
                    &Filter.1.Value.1=availability-zone&Filter.2.Name=state&Filter.2.Value.1=available";
        assert_eq!(body(&ALL), want);
    }
}
