//! What goes wrong around evenkeel: credentials, clocks, networks, disks. Each is told in a sentence that says what to do,
//! with a condition for programs and the right exit code, soon; and what has nothing to do with it goes on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use evenkeel_tests::hostile::Lasting;
use evenkeel_tests::{Ran, Rig};
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt as _;

/// Two applications, each in its own region.
async fn rig() -> Rig {
    let mut rig = Rig::start().await;
    rig.can_fail().await;
    for (app, region) in [("here", "eu-west-1"), ("there", "us-east-1")] {
        rig.write(
            &format!("{app}/app.yaml"),
            &format!(
                "apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {{name: {app}}}\nspec:\n  environments: {{dev: {{region: {region}}}}}\n---\n\
                 apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {{name: jobs}}\nspec: {{}}\n---\n\
                 apiVersion: evenkeel.dev/v1\nkind: Topic\nmetadata: {{name: news}}\nspec: {{}}\n"
            ),
        );
    }
    rig
}

fn refused(status: u16, code: &'static str, message: &'static str) -> Lasting {
    Lasting { service: "", region: "eu-west-1", answer: Some((status, code, message)) }
}

#[track_caller]
fn app(report: &Json, name: &str) -> Json {
    let apps = report["apps"].as_array().unwrap();
    apps.iter().find(|app| app["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}")).clone()
}

/// Holds a run's report: `here` stalls with this word, the sentence says this, and `there` is ready.
#[track_caller]
fn held(ran: &Ran, reason: &str, says: &[&str]) {
    let report = ran.json();
    let here = app(&report, "here");
    assert_eq!(here["ready"], false, "{report:#}");
    let stalled =
        here["conditions"].as_array().unwrap().iter().find(|condition| condition["type"] == "Stalled").unwrap();
    assert_eq!((&stalled["reason"], &stalled["status"]), (&reason.into(), &"True".into()), "{here:#}");
    let message = here["message"].as_str().unwrap();
    assert_eq!(stalled["message"], message);
    for word in says {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
    // Neither the SDK's way of printing for those who debug it, nor keys.
    for dump in ["Error {", "Error(", "Some(", "wJalrXUtnFEMI", "panicked", "\n"] {
        assert!(!message.contains(dump) && !ran.stderr.contains("wJalrXUtnFEMI"), "{}", ran.text());
    }
    assert_eq!(app(&report, "there")["ready"], true, "{report:#}");
}

#[tokio::test]
async fn what_is_wrong_with_credentials_or_the_clock_is_told_at_once_and_other_regions_go_on() {
    let mut rig = rig().await;
    rig.signs_with(&("AKIAIOSFODNN7EXAMPLE".to_owned(), "wJalrXUtnFEMI".to_owned()));
    let unknown = "The security token included in the request is invalid.";
    let secret = "The request signature we calculated does not match the signature you provided.";
    let expired = "The security token included in the request is expired";
    let late = "Signature expired: 20261123T030000Z is now earlier than 20261123T034500Z (20261123T040000Z - 15 min.)";
    let skewed = "The difference between the request time and the current time is too large.";
    for (status, code, message, reason, says) in [
        (403, "InvalidClientTokenId", unknown, "CredentialsInvalid", "check the access key, its secret"),
        (400, "UnrecognizedClientException", unknown, "CredentialsInvalid", "check the access key, its secret"),
        (403, "SignatureDoesNotMatch", secret, "CredentialsInvalid", "check the access key, its secret"),
        (403, "ExpiredToken", expired, "CredentialsExpired", "sign in again"),
        (400, "ExpiredTokenException", expired, "CredentialsExpired", "sign in again"),
        (403, "SignatureDoesNotMatch", late, "ClockSkew", "set it by NTP"),
        (403, "RequestTimeTooSkewed", skewed, "ClockSkew", "set it by NTP"),
        (403, "AccessDenied", "User: arn:aws:iam::1:user/x is not authorized", "AccessDenied", "sts:GetCallerIdentity"),
        (500, "InternalFailure", "We have a problem.", "AwsFailed", "We have a problem."),
    ] {
        rig.fault(Some(refused(status, code, message)));
        let started = Instant::now();
        let ran = rig.once().await.exits(1);
        held(&ran, reason, &[says, code]);
        assert!(started.elapsed() < Duration::from_secs(10), "{code}: {:?}", started.elapsed());
    }
    // For a person: the sentence, and no heading over nothing.
    std::fs::remove_dir_all(rig.specs().join("there")).unwrap();
    rig.fault(Some(refused(403, "ExpiredToken", expired)));
    let ran = rig
        .evenkeel("reconcile --once SPECS --env dev")
        .await
        .exits(1)
        .says("here/dev: the AWS credentials have expired");
    assert!(!ran.stdout.contains("PHYSICAL ID"), "{}", ran.stdout);
    rig.evenkeel("plan SPECS --env dev").await.exits(1).says("sign in again");
    rig.fault(None);
    rig.once().await.exits(0);
}

#[tokio::test]
async fn no_credentials_at_all_and_an_address_that_is_none_are_told_without_a_call() {
    let mut rig = rig().await;
    let _ = std::fs::remove_dir_all(rig.specs().join("there"));
    rig.set("AWS_ACCESS_KEY_ID", None);
    rig.set("AWS_SECRET_ACCESS_KEY", None);
    rig.set("AWS_EC2_METADATA_DISABLED", Some("true"));
    let ran = rig.once().await.exits(1);
    let message = app(&ran.json(), "here")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("no AWS credentials were found") && message.contains("AWS_PROFILE"), "{message}");
    assert!(message.len() < 350, "the places where nothing was set up are not listed one by one: {message}");
    assert_eq!(app(&ran.json(), "here")["conditions"][1]["reason"], "NoCredentials");
    rig.set("AWS_ENDPOINT_URL", Some("localhost:4566"));
    let ran = rig.once().await.exits(1).says("`localhost:4566` is no address").says("http://");
    assert_eq!(ran.stderr, "");
}

/// An address that means TLS, and somebody there who does not know it.
async fn plain() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    format!("https://{address}")
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_named_with_the_cause() {
    let mut rig = rig().await;
    let _ = std::fs::remove_dir_all(rig.specs().join("there"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = plain().await;
    for (url, reason, says) in [
        (format!("http://{free}"), "Unreachable", "Connection refused"),
        ("http://nowhere.invalid".to_owned(), "Unreachable", "lookup"),
        (plain, "TlsFailed", "means https"),
    ] {
        rig.set("AWS_ENDPOINT_URL", Some(&url));
        let started = Instant::now();
        let ran = rig.once().await.exits(1).says(&url).says(says);
        assert_eq!(app(&ran.json(), "here")["conditions"][1]["reason"], reason, "{}", ran.stdout);
        assert!(started.elapsed() < Duration::from_secs(10), "{url}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_given_up_soon_and_holds_up_no_other() {
    let rig = rig().await;
    rig.fault(Some(Lasting { service: "", region: "eu-west-1", answer: None }));
    let started = Instant::now();
    let ran = rig.once().await.exits(1);
    println!("given up after {:?}", started.elapsed());
    held(&ran, "Unreachable", &["does not answer", "AWS_ENDPOINT_URL"]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}

#[tokio::test]
async fn credentials_that_one_service_refuses_stall_what_needs_it_and_nothing_else() {
    let rig = rig().await;
    let expired = Some((403, "ExpiredTokenException", "The security token included in the request is expired"));
    rig.fault(Some(Lasting { service: "sqs", region: "eu-west-1", answer: expired }));
    let ran = rig.once().await.exits(3);
    let here = app(&ran.json(), "here");
    for resource in here["resources"].as_array().unwrap() {
        let stalled =
            resource["conditions"].as_array().unwrap().iter().find(|condition| condition["type"] == "Stalled");
        match resource["id"].as_str().unwrap() {
            "news" => assert!(stalled.is_none(), "{resource:#}"),
            _ => {
                let message = stalled.unwrap()["message"].as_str().unwrap();
                assert!(message.contains("sign in again") && message.contains("SQS"), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn the_daemon_tells_of_a_fault_keeps_trying_and_recovers_by_itself() {
    let rig = rig().await;
    let expired = "The security token included in the request is expired";
    rig.fault(Some(refused(403, "ExpiredToken", expired)));
    let daemon = rig.daemon("--env dev --resync 1").await;
    let word = |report: &Json| report["conditions"][1]["reason"].as_str().map(str::to_owned);
    let told =
        daemon.until("here/dev", "stalled", |report| word(report).as_deref() == Some("CredentialsExpired")).await;
    assert!(told["message"].as_str().unwrap().contains("sign in again"), "{told:#}");
    daemon.ready("there/dev").await;
    rig.fault(None);
    daemon.ready("here/dev").await;

    // In the middle: found by the next sweep, told once for the whole application, and nothing is taken for gone.
    rig.fault(Some(refused(403, "ExpiredToken", expired)));
    rig.edit("here/app.yaml", "name: jobs}\nspec: {}", "name: jobs}\nspec: {visibilityTimeout: 50}");
    daemon.until("here/dev", "stalled", |report| word(report).as_deref() == Some("CredentialsExpired")).await;
    assert!(daemon.ask("events").await.contains("CredentialsExpired"));
    rig.fault(None);
    let ready = daemon.ready("here/dev").await;
    assert!(ready["message"].is_null() && ready["conditions"].is_null(), "{ready:#}");
    rig.plan().await.exits(0);
    let (code, _) = daemon.terminate().await;
    assert_eq!(code, 0);
}

/// A file that takes no byte: what a full disk answers.
fn full() -> Stdio {
    std::fs::File::options().write(true).open("/dev/full").unwrap().into()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_report_that_does_not_fit_on_the_disk_is_an_error_and_a_log_that_does_not_is_none() {
    let mut rig = rig().await;
    let ran = rig.evenkeel_into("reconcile --once SPECS --env dev -o json", full(), Stdio::piped()).await.exits(1);
    ran.says("the output could not be written").says("No space left");
    let ran = rig.evenkeel_into("plan SPECS --env dev", full(), Stdio::piped()).await.exits(1);
    ran.says("No space left");
    // What was to be done is done, and a log is no reason to leave the rest undone.
    rig.set("EVENKEEL_LOG", Some("debug"));
    rig.edit("here/app.yaml", "name: jobs}\nspec: {}", "name: jobs}\nspec: {visibilityTimeout: 50}");
    let ran = rig.evenkeel_into("reconcile --once SPECS --env dev -o json", Stdio::piped(), full()).await.exits(0);
    assert_eq!(ran.json()["writes"], 1);
}

#[tokio::test]
async fn a_sandbox_that_finds_no_room_says_what_it_needs() {
    let mut rig = rig().await;
    rig.write("cache", "a file where a folder should be");
    let cache = rig.specs().join("cache").display().to_string();
    rig.set("XDG_CACHE_HOME", Some(&cache));
    rig.set("PATH", Some("/usr/bin:/bin"));
    let ran = rig.evenkeel("reconcile --once --sandbox SPECS/here --env dev").await.exits(1);
    ran.says("could not be installed into").says("XDG_CACHE_HOME").says("Not a directory");
}
