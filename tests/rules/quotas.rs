//! Quotas: section 0.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_tests::Trial;
use evenkeel_tests::aws::{Fault, Rules, Trouble};
use tokio::sync::watch;
use tokio::time::Instant;

use super::everything::{ALL, census};
use super::{FUNCTION, function};

#[tokio::test(start_paused = true)]
async fn throttled_calls_are_made_again_whatever_the_service_calls_it() {
    let codes = [
        ("CreateFunction", "TooManyRequestsException", 429),
        ("CreateRole", "Throttling", 400),
        ("CreateQueue", "RequestThrottled", 403),
        ("PutParameter", "ThrottlingException", 400),
        ("CreateTopic", "Throttling", 400),
        ("CreateLogGroup", "ThrottlingException", 400),
        ("ListFunctions", "TooManyRequestsException", 429),
        ("GetAccountAuthorizationDetails", "Throttling", 400),
    ];
    let trial = Trial::start(Rules::kind()).await;
    for (operation, code, status) in codes {
        let fault = Fault { code: code.into(), status, message: "Rate exceeded".into() };
        trial.aws.trouble(operation, Trouble::Refused(fault.clone()));
        trial.aws.trouble(operation, Trouble::Refused(fault));
    }
    let spec = format!("Queue q: {{}}\nTopic n: {{}}\nParameter p: {{value: x}}\n{FUNCTION}");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttle_of_any_call_is_no_failed_try_however_often_it_comes() {
    let undisturbed = Trial::start(Rules::kind()).await;
    undisturbed.converge(ALL).await;
    let whole = census(&undisturbed);
    let asked: BTreeSet<(String, String)> = undisturbed
        .aws
        .calls()
        .into_iter()
        .filter(|call| call.service != "sts")
        .map(|call| (call.service, call.operation))
        .collect();
    assert!(asked.len() > 45, "{asked:?}");
    for (service, operation) in asked {
        let names: &[(&str, u16)] = match service.as_str() {
            "lambda" => &[("TooManyRequestsException", 429), ("ThrottlingException", 400)],
            "iam" => &[("Throttling", 400)],
            "sqs" => &[("RequestThrottled", 403), ("ThrottlingException", 400)],
            "ssm" | "logs" | "sns" => &[("ThrottlingException", 400), ("Throttling", 400), ("ThrottledException", 429)],
            other => panic!("{other} {operation}"),
        };
        let trial = Trial::start(Rules::kind()).await;
        // Far more often than anything that fails is tried.
        for (code, status) in names.iter().cycle().take(10) {
            let fault = Fault { code: (*code).into(), status: *status, message: "Rate exceeded".into() };
            trial.aws.trouble(&operation, Trouble::Refused(fault));
        }
        trial.converge(ALL).await;
        assert_eq!(census(&trial), whole, "{operation}:\n{}", trial.story());
        trial.quiet(ALL).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_functions_converge_under_the_real_quotas() {
    let trial = Trial::start(Rules::default()).await;
    let one = |n: u32| {
        function("role: r, rollout: {strategy: AllAtOnce}").replace("Function f", &format!("Function f{n}")) + "\n"
    };
    let spec = "Role r: {}\n".to_owned() + &(0..100).map(one).collect::<String>();
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        assert!(cloud.lambda.functions.values().all(|it| it.versions.len() == 1 && it.aliases.len() == 1));
    });
    for operation in ["CreateFunction", "PublishVersion", "CreateAlias"] {
        assert_eq!(trial.times(operation, "").len(), 100, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_quota_when_a_run_is_told_to_stop_is_not_written_and_is_no_failed_try() {
    let trial = Trial::start(Rules::default()).await;
    let spec: String = (0..40).map(|n| format!("Parameter p{n}: {{value: x}}\n")).collect();
    let (stop, told) = watch::channel(false);
    let started = Instant::now();
    let stops = async {
        while trial.count("PutParameter") < 8 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.send_replace(true);
        (trial.aws.writes(), Instant::now())
    };
    let (ended, (written, stopped)) = tokio::join!(trial.run_until(&spec, told), stops);
    assert!(ended.interrupted && stopped > started + Duration::from_secs(1), "{ended:?}");
    // What is read once more comes after it; no write does.
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    assert_eq!(trial.aws.writes(), written, "{}", trial.story());
    let held = evenkeel_tests::left(&ended.plan);
    assert!(!held.contains("Blocked"), "{held}");
    trial.converge(&spec).await;
    assert_eq!(trial.times("PutParameter", "").len(), 40, "{}", trial.story());
}
