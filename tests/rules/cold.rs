//! Cold runs: what is needed and little more, and no quota waits for another.

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;
use evenkeel_tests::cold::cold;

use super::{FUNCTION, function};

/// Seconds that no quota dictates: a role spreads before the first function, the last mapping settles after its creation,
/// and is looked at again.
const AROUND: f64 = 11.0 + 20.0 + 4.0;

#[tokio::test(start_paused = true)]
async fn a_cold_run_takes_little_more_than_the_quotas_dictate_for_its_writes() {
    let cold = cold(60, 6).await;
    let calls = |operation: &str| cold.calls.get(operation).copied().unwrap_or_default();
    assert!(cold.took.as_secs_f64() < cold.floor.as_secs_f64() * 1.05 + AROUND, "{cold:#?}");
    assert_eq!(cold.throttled, 0);
    assert!(cold.surplus <= 10, "functions that tried a new role: {}", cold.surplus);
    for operation in ["CreateAlias", "PublishVersion"] {
        assert_eq!(calls(&format!("lambda {operation}")), 60, "{operation}");
    }
    // What was just made has no children that nobody knows of, and what a write answers is not asked for.
    for operation in ["TagResource", "ListAliases", "ListVersionsByFunction", "ListTags", "GetEventSourceMapping"] {
        assert_eq!(calls(&format!("lambda {operation}")), 0, "{operation}");
    }
    for operation in ["ListTagsForResource", "DescribeIndexPolicies", "DescribeResourcePolicies"] {
        assert_eq!(calls(&format!("logs {operation}")), 0, "{operation}");
    }
    assert!(calls("lambda ListEventSourceMappings") <= 10, "{cold:#?}");
    assert!(calls("logs DescribeLogGroups") <= 60, "{cold:#?}");
    assert!(calls("lambda GetFunction") <= 60 * 7, "{cold:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_one_quota_holds_up_no_other() {
    let trial = Trial::start(Rules::default()).await;
    let groups: String = (0..60).map(|n| format!("LogGroup g{n}: {{retentionInDays: 7}}\n")).collect();
    let spec = groups + "Queue q: {}\nTopic n: {subscriptions: [{queue: q}]}\nParameter p: {value: x}\n";
    trial.converge(&spec).await;
    let last = trial.times("CreateLogGroup", "").into_iter().fold(0.0, f64::max);
    assert!(last > 18.0, "the last group at {last}");
    for operation in ["CreateQueue", "CreateTopic", "Subscribe", "PutParameter"] {
        assert!(trial.time(operation, "") < 8.0, "{operation} at {}", trial.time(operation, ""));
    }
    let retention = trial.times("PutRetentionPolicy", "");
    assert!(retention[0] < 3.0, "the first retention at {}", retention[0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_version_takes_no_word_in_its_functions_mark() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |value: &str| function(&format!("rollout: {{strategy: AllAtOnce}}, environment: {{KEY: {value}}}"));
    trial.converge(&spec("a")).await;
    trial.aws.forget();
    trial.converge(&spec("b")).await;
    let writes = trial.aws.writes();
    let names: Vec<&str> = writes.keys().map(String::as_str).collect();
    assert_eq!(names, ["PublishVersion", "UpdateAlias", "UpdateFunctionConfiguration"]);
    trial.quiet(&spec("b")).await;
}

#[tokio::test(start_paused = true)]
async fn what_answers_told_is_what_a_sweep_reads() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {visibilityTimeout: 60}\nLogGroup g: {retentionInDays: 7}\nLogGroup h: {}\n".to_owned()
        + &FUNCTION.replace("}", ", triggers: [{queue: q}], rollout: {strategy: AllAtOnce}}");
    trial.converge(&spec).await;
    let told = trial.world.known().clone();
    evenkeel::observe::sweep(&trial.world).await;
    let read = trial.world.known().clone();
    for type_name in
        ["AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Lambda::EventSourceMapping", "AWS::Logs::LogGroup"]
    {
        let (told, read): (Vec<_>, Vec<_>) =
            (told.table(type_name).items().collect(), read.table(type_name).items().collect());
        assert!(!told.is_empty());
        assert_eq!(told, read, "{type_name}");
    }
    trial.quiet(&spec).await;
}
