//! Parameters: section 9.

use std::time::Duration;

use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

const NAME: &str = "/t/p";

fn parameter(more: &str) -> String {
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  P: {{Type: AWS::SSM::Parameter, Properties: {{Name: {NAME}, {more}}}}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_not_found_or_not_listed_yet_is_not_made_again() {
    let second = Duration::from_secs;
    for (appears, listed) in [(5, 5), (0, 8), (4, 8)] {
        let rules = Rules { parameter_appears: second(appears), parameter_listed: second(listed), ..Rules::default() };
        let trial = Trial::start(rules).await;
        let spec = parameter("Type: String, Value: a, Description: text");
        trial.converge(&spec).await;
        assert_eq!(trial.count("PutParameter"), 1, "{appears} {listed}: {}", trial.story());
        trial.quiet(&spec).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_was_deleted_a_moment_before_it_is_written_over_gets_its_marks_again() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&parameter("Type: String, Value: a, Tags: {team: x}")).await;
    trial.aws.trouble("PutParameter", Trouble::Meanwhile(|cloud| _ = cloud.ssm.parameters.remove(NAME)));
    let spec = parameter("Type: String, Value: b, Tags: {team: x}");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let parameter = &cloud.ssm.parameters[NAME];
        assert_eq!((parameter.value.as_str(), parameter.version), ("b", 1), "it was deleted indeed");
        assert!(parameter.tags.contains_key("evenkeel:id"), "{:?}", parameter.tags);
        assert_eq!(parameter.tags["team"], "x");
    });
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_somebody_made_again_is_read_though_its_version_is_the_same() {
    let trial = Trial::start(Rules::default()).await;
    let spec = parameter("Type: String, Value: a");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tags = trial.aws.ask("ssm", "ListTagsForResource", json!({"ResourceId": NAME})).unwrap()["TagList"].clone();
    trial.aws.ask("ssm", "DeleteParameter", json!({"Name": NAME})).unwrap();
    let other = json!({"Name": NAME, "Value": "theirs", "Type": "String", "Tags": tags});
    trial.aws.ask("ssm", "PutParameter", other).unwrap();
    trial.converge(&spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters[NAME].value, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_somebody_else_made_is_not_written_over() {
    let trial = Trial::start(Rules::default()).await;
    trial.aws.ask("ssm", "PutParameter", json!({"Name": NAME, "Value": "theirs", "Type": "String"})).unwrap();
    let text = left(&trial.run(&parameter("Type: String, Value: a")).await.plan);
    assert!(text.contains("not evenkeel's"), "{text}");
    // And where it comes just before ours.
    let trial = Trial::start(Rules::default()).await;
    trial.aws.trouble(
        "PutParameter",
        Trouble::Meanwhile(|cloud| {
            let theirs = json!({"Type": "String", "Name": NAME, "DataType": "text", "Tier": "Standard"});
            let theirs = evenkeel_tests::aws::Parameter {
                metadata: theirs.as_object().cloned().unwrap(),
                value: "theirs".to_owned(),
                version: 1,
                ..Default::default()
            };
            cloud.ssm.parameters.insert(NAME.to_owned(), theirs);
        }),
    );
    let text = left(&trial.run(&parameter("Type: String, Value: a")).await.plan);
    assert!(text.contains("not evenkeel's"), "{text}");
    trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters[NAME].value, "theirs"));
}

#[tokio::test(start_paused = true)]
async fn an_advanced_parameter_becomes_a_standard_one_by_being_made_anew() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&parameter("Type: String, Value: a, Tier: Standard")).await;
    trial.converge(&parameter("Type: String, Value: a, Tier: Advanced")).await;
    assert_eq!((trial.count("PutParameter"), trial.count("DeleteParameter")), (2, 0), "up goes in place");
    // Where the spec is silent the account's own default is not asked for: it might be lower.
    trial.converge(&parameter("Type: String, Value: b")).await;
    assert_eq!(trial.aws.refusals(), [""; 0]);
    let spec = parameter("Type: String, Value: b, Tier: Standard");
    trial.converge(&spec).await;
    assert_eq!((trial.count("DeleteParameter"), trial.aws.refusals().len()), (1, 0), "{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters[NAME].metadata["Tier"], "Standard"));
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_looked_up_is_waited_for_and_written_once() {
    let trial = Trial::start(Rules::default()).await;
    for (value, writes) in [("ami-1", 1), ("ami-2", 2)] {
        let spec = parameter(&format!("Type: String, DataType: \"aws:ec2:image\", Value: {value}"));
        trial.converge(&spec).await;
        assert_eq!(trial.count("PutParameter"), writes, "{}", trial.story());
        trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters[NAME].value, value));
        trial.quiet(&spec).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_describes_a_parameter_is_sent_with_each_write() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |value: &str| {
        parameter(&format!(
            "Type: String, Value: {value}, Description: text, AllowedPattern: \"[a-z]\", Tier: Advanced"
        ))
    };
    trial.converge(&spec("a")).await;
    trial.converge(&spec("b")).await;
    let sent = trial.aws.calls().into_iter().rfind(|call| call.operation == "PutParameter").unwrap().input;
    let given = ["Description", "AllowedPattern", "Tier", "DataType"].map(|key| sent[key].clone());
    assert_eq!(given, [json!("text"), json!("[a-z]"), json!("Advanced"), json!("text")]);
    assert!(sent.get("Tags").is_none() && sent["Overwrite"] == true, "{sent}");
}

fn fault(code: &str, message: &str) -> Fault {
    Fault { code: code.to_owned(), status: 400, message: message.to_owned() }
}

/// Code, what AWS says, and words that a person is told.
const FOR_GOOD: [(&str, &str, &str); 7] = [
    ("ParameterLimitExceeded", "You have exceeded the number of parameters for this AWS account.", "exceeded"),
    (
        "ParameterMaxVersionLimitExceeded",
        "You attempted to create a new version of /t/p by calling the PutParameter API with the overwrite flag. Version 1, the oldest version, can't be deleted because it has a label associated with it.",
        "move its label to a newer version",
    ),
    (
        "ValidationException",
        "Standard tier parameters support a maximum parameter value of 4096 characters.",
        "4096 characters",
    ),
    ("ValidationException", "Parameter name must not begin with aws", "must not begin"),
    ("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels.", "15 levels"),
    (
        "PoliciesLimitExceededException",
        "You specified more than the maximum number of allowed policies",
        "maximum number",
    ),
    ("AccessDeniedException", "User: x is not authorized to perform: ssm:PutParameter", "ssm:PutParameter"),
];

#[tokio::test(start_paused = true)]
async fn what_systems_manager_refuses_for_good_is_said_and_asked_for_once() {
    for (code, said, words) in FOR_GOOD {
        let trial = Trial::start(Rules::kind()).await;
        trial.aws.trouble("PutParameter", Trouble::Always(fault(code, said)));
        let spec = parameter("Type: String, Value: a");
        let text = left(&trial.run(&spec).await.plan);
        assert!(text.contains("Blocked") && text.contains(code) && text.contains(words), "{text}");
        assert_eq!(trial.count("PutParameter"), 1, "{said}");
        trial.aws.heal("PutParameter");
        trial.converge(&spec).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_others_write_at_the_same_time_is_tried_again() {
    let trial = Trial::start(Rules::kind()).await;
    for _ in 0..3 {
        trial.aws.trouble(
            "PutParameter",
            Trouble::Refused(fault("TooManyUpdates", "There are concurrent updates for a resource.")),
        );
    }
    let spec = parameter("Type: String, Value: a");
    trial.converge(&spec).await;
    assert_eq!(trial.count("PutParameter"), 4);
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_aws_repeats_in_a_refusal_is_not_told() {
    let trial = Trial::start(Rules::kind()).await;
    let long = "hunter2".repeat(200);
    let said = format!(
        "1 validation error detected: Value '{long}' at 'value' failed to satisfy constraint: Member must have length less than or equal to 4096"
    );
    trial.aws.trouble("PutParameter", Trouble::Always(fault("ValidationException", &said)));
    let text = left(&trial.run(&format!("Parameter p: {{type: SecureString, value: {long}}}")).await.plan);
    assert!(text.contains("Blocked") && !text.contains("hunter2"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn parameters_beyond_the_first_page_and_the_first_ten_values_are_found() {
    let trial = Trial::start(Rules::kind()).await;
    let spec: String = (0..63).map(|n| format!("Parameter p{n}: {{value: v{n}}}\n")).collect();
    trial.converge(&spec).await;
    let mut trial = trial;
    trial.restart().await;
    trial.quiet(&spec).await;
}
