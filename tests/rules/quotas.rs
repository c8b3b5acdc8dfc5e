//! Quotas: section 0.

use evenkeel_tests::Trial;
use evenkeel_tests::aws::{Fault, Rules, Trouble};

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
