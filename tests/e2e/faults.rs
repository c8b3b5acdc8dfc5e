//! What goes wrong around evenkeel: credentials, clocks, networks, disks. Each is told in a sentence that says what to do,
//! with a condition for programs and the right exit code, soon; and what has nothing to do with it goes on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use evenkeel_tests::hostile::Lasting;
use evenkeel_tests::{Ran, Rig, eventually};
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
    Lasting { region: "eu-west-1", answer: Some((status, code, message)), ..Lasting::default() }
}

#[track_caller]
fn app(report: &Json, name: &str) -> Json {
    let apps = report["apps"].as_array().unwrap();
    apps.iter().find(|app| app["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}")).clone()
}

/// Why an application is stalled.
fn word(report: &Json) -> String {
    report["conditions"][1]["reason"].as_str().unwrap_or_default().to_owned()
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
    rig.fault(Some(Lasting { region: "eu-west-1", ..Lasting::default() }));
    let started = Instant::now();
    let ran = rig.once().await.exits(1);
    println!("given up after {:?}", started.elapsed());
    held(&ran, "Unreachable", &["does not answer", "AWS_ENDPOINT_URL"]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_one_service_refuses_of_credentials_or_the_clock_stalls_what_needs_it_and_nothing_else() {
    let rig = rig().await;
    let expired = "The security token included in the request is expired";
    let late = "Signature expired: 20261123T030000Z is now earlier than 20261123T034500Z (20261123T040000Z - 15 min.)";
    for (code, message, says) in
        [("ExpiredTokenException", expired, "sign in again"), ("InvalidSignatureException", late, "set it by NTP")]
    {
        rig.fault(Some(Lasting { service: "sqs", ..refused(403, code, message) }));
        let ran = rig.once().await.exits(3);
        let here = app(&ran.json(), "here");
        for resource in here["resources"].as_array().unwrap() {
            let stalled =
                resource["conditions"].as_array().unwrap().iter().find(|condition| condition["type"] == "Stalled");
            match resource["id"].as_str().unwrap() {
                "news" => assert!(stalled.is_none(), "{resource:#}"),
                _ => {
                    let message = stalled.unwrap()["message"].as_str().unwrap();
                    assert!(message.contains(says) && message.contains("SQS"), "{message}");
                }
            }
        }
        assert_eq!(app(&ran.json(), "there")["ready"], true);
    }
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_named_and_other_applications_go_on() {
    let rig = rig().await;
    let role = "arn:aws:iam::000000000000:role/deployer";
    rig.edit("here/app.yaml", "region: eu-west-1", &format!("region: eu-west-1, roleArn: '{role}'"));
    let denied = "User: arn:aws:iam::000000000000:user/ci is not authorized to perform: sts:AssumeRole on resource";
    rig.fault(Some(Lasting { operation: "AssumeRole", ..refused(403, "AccessDenied", denied) }));
    let ran = rig.once().await.exits(1);
    held(&ran, "RoleNotAssumable", &[role, "trust policy", "sts:AssumeRole", "not authorized"]);
    // A daemon tries again by itself.
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.until("here/dev", "stalled", |report| word(report) == "RoleNotAssumable").await;
    daemon.ready("there/dev").await;
    rig.fault(None);
    daemon.ready("here/dev").await;
    daemon.terminate().await;
}

/// Puts an access key where a person's own tools put it.
fn sign_in(rig: &Rig, key: &str) {
    std::fs::create_dir_all(rig.path(".aws")).unwrap();
    let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = test\n");
    std::fs::write(rig.path(".aws/credentials"), text).unwrap();
}

/// Two applications, and credentials that the program has to look for itself.
async fn signed_in(key: &str) -> Rig {
    let mut rig = rig().await;
    rig.set("AWS_ACCESS_KEY_ID", None);
    rig.set("AWS_SECRET_ACCESS_KEY", None);
    rig.set("AWS_EC2_METADATA_DISABLED", Some("true"));
    sign_in(&rig, key);
    rig
}

fn has_expired(key: &'static str) -> Lasting {
    let answer = Some((403, "ExpiredToken", "The security token included in the request is expired"));
    Lasting { key, answer, ..Lasting::default() }
}

const QUEUE: &str = "name: jobs}\nspec: {}";
const LONGER: &str = "name: jobs}\nspec: {visibilityTimeout: 50}";

#[tokio::test]
async fn a_running_daemon_takes_up_new_credentials_as_soon_as_the_old_ones_are_refused() {
    let rig = signed_in("AKIAOLD").await;
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.ready("here/dev").await;
    rig.fault(Some(has_expired("AKIAOLD")));
    rig.edit("here/app.yaml", QUEUE, LONGER);
    daemon.until("here/dev", "stalled", |report| word(report) == "CredentialsExpired").await;
    sign_in(&rig, "AKIANEW");
    let ready = daemon.ready("here/dev").await;
    assert!(ready["message"].is_null(), "{ready:#}");
    rig.plan().await.exits(0);
    daemon.terminate().await;
}

#[tokio::test]
async fn new_credentials_of_another_account_are_not_worked_with_until_those_of_the_first_are_back() {
    let rig = signed_in("111111111111").await;
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.ready("here/dev").await;
    rig.fault(Some(has_expired("111111111111")));
    sign_in(&rig, "222222222222");
    rig.edit("here/app.yaml", QUEUE, LONGER);
    let told = daemon.until("here/dev", "stalled", |report| word(report) == "AccountChanged").await;
    let message = told["message"].as_str().unwrap();
    for says in ["111111111111", "222222222222", "nothing was changed", "start it anew"] {
        assert!(message.contains(says), "{message:?} does not say {says:?}");
    }
    // The other application is stopped as well, and so is one that comes now, in a region of its own.
    let text = std::fs::read_to_string(rig.specs().join("here/app.yaml")).unwrap();
    rig.write("new/app.yaml", &text.replace("name: here", "name: new").replace("eu-west-1", "eu-central-1"));
    for other in ["there/dev", "new/dev"] {
        daemon.until(other, "stalled", |report| word(report) == "AccountChanged").await;
    }
    for region in ["eu-west-1", "us-east-1", "eu-central-1"] {
        let theirs = rig.account_of("222222222222", region).await.sqs.list_queues().send().await.unwrap();
        assert_eq!(theirs.queue_urls(), Vec::<String>::new(), "in {region}");
    }
    rig.fault(None);
    sign_in(&rig, "111111111111");
    for app in ["here/dev", "there/dev", "new/dev"] {
        daemon.ready(app).await;
    }
    daemon.terminate().await;
    // Who starts anew means the account that there is.
    sign_in(&rig, "222222222222");
    rig.once().await.exits(0);
}

#[tokio::test]
async fn a_service_that_never_answers_holds_up_what_needs_it_and_nothing_else() {
    let rig = rig().await;
    rig.fault(Some(Lasting { service: "sqs", region: "eu-west-1", ..Lasting::default() }));
    let daemon = rig.daemon("--env dev --resync 5").await;
    let started = Instant::now();
    daemon.ready("there/dev").await;
    println!("another application is ready after {:?}", started.elapsed());
    let resource = |report: &Json, id: &str| -> Json {
        let found = report["resources"].as_array().into_iter().flatten().find(|resource| resource["id"] == id);
        found.cloned().unwrap_or_default()
    };
    let ready = async || {
        let report = daemon.status().await["apps"]["here/dev"].clone();
        let is = |id: &str| resource(&report, id)["conditions"][0]["status"] == "True";
        (is("news") && !is("jobs")).then(|| resource(&report, "jobs"))
    };
    let (jobs, took) = eventually("a topic beside it is there", Duration::from_secs(100), ready).await;
    println!("and the resource beside it after {took:?}: {jobs:#}");
    assert!(jobs.to_string().contains("SQS did not answer in time"), "{jobs:#}");
    // An edit of what has nothing to do with it waits for no sweep.
    rig.edit("there/app.yaml", "name: news}\nspec: {}", "name: news}\nspec: {displayName: News}");
    let started = Instant::now();
    let name = async || {
        let account = rig.account_of("test", "us-east-1").await;
        let topics = account.sns.list_topics().send().await.ok()?;
        let arn = topics.topics().iter().find_map(|topic| topic.topic_arn().filter(|arn| arn.contains("there")))?;
        let answer = account.sns.get_topic_attributes().topic_arn(arn).send().await.ok()?;
        answer.attributes()?.get("DisplayName").filter(|name| *name == "News").cloned()
    };
    eventually("an edit elsewhere is applied", Duration::from_secs(15), name).await;
    println!("an edit elsewhere is applied after {:?}", started.elapsed());
    rig.fault(None);
    let ready = async || (daemon.status().await["apps"]["here/dev"]["ready"] == true).then_some(());
    eventually("it recovers by itself", Duration::from_secs(100), ready).await;
    daemon.terminate().await;
}

#[tokio::test]
async fn who_is_told_to_end_before_aws_answers_ends_at_once_and_says_so() {
    let rig = rig().await;
    let soon = Duration::from_secs(3);
    for service in ["", "sqs"] {
        rig.fault(Some(Lasting { service, ..Lasting::default() }));
        let (ran, took) = rig.told_to_end("reconcile --once SPECS --env dev -o json", Duration::from_secs(2)).await;
        assert!(took < soon, "{service:?}: {took:?}");
        let ran = ran.exits(1);
        for name in ["here", "there"] {
            let app = app(&ran.json(), name);
            assert_eq!(word(&app), "Interrupted", "{app:#}");
            assert!(app["message"].as_str().unwrap().contains("nothing was changed"), "{app:#}");
        }
        let daemon = rig.daemon("--env dev").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (code, took) = daemon.terminate().await;
        assert!(code == 0 && took < soon, "{service:?}: {code} after {took:?}");
        // Nor does it wait for the table of the lease.
        if service.is_empty() {
            let words = "--env dev --lease dynamodb://leases?create=true";
            let (ran, took) = rig.told_to_end(&format!("reconcile SPECS --listen 127.0.0.1:0 {words}"), soon).await;
            assert!(ran.code == 0 && took < soon, "{} after {took:?}: {}", ran.code, ran.text());
            let (ran, took) = rig.told_to_end(&format!("reconcile --once SPECS {words}"), soon).await;
            assert!(ran.code == 1 && took < soon, "{} after {took:?}", ran.code);
            ran.says("nothing was changed");
        }
    }
    let queues = rig.account.sqs.list_queues().send().await.unwrap();
    assert_eq!(queues.queue_urls(), Vec::<String>::new());
}

#[tokio::test]
async fn the_daemon_tells_of_a_fault_keeps_trying_and_recovers_by_itself() {
    let rig = rig().await;
    let expired = "The security token included in the request is expired";
    rig.fault(Some(refused(403, "ExpiredToken", expired)));
    let daemon = rig.daemon("--env dev --resync 1").await;
    let told = daemon.until("here/dev", "stalled", |report| word(report) == "CredentialsExpired").await;
    assert!(told["message"].as_str().unwrap().contains("sign in again"), "{told:#}");
    daemon.ready("there/dev").await;
    rig.fault(None);
    daemon.ready("here/dev").await;

    // In the middle: found by the next sweep, told once for the whole application, and nothing is taken for gone.
    rig.fault(Some(refused(403, "ExpiredToken", expired)));
    rig.edit("here/app.yaml", "name: jobs}\nspec: {}", "name: jobs}\nspec: {visibilityTimeout: 50}");
    daemon.until("here/dev", "stalled", |report| word(report) == "CredentialsExpired").await;
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
