//! What Lambda refuses, for good or for a while: sections 1.1, 1.6, 1.7 and 6.

use std::time::Duration;

use evenkeel_tests::aws::{Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::refused::{Patience, fault, for_a_while, for_good};
use super::{FUNCTION, function};

const INVALID: &str = "InvalidParameterValueException";

/// Code, status, what AWS says, and words of what a person is told to do.
const FOR_GOOD: [(&str, u16, &str, &str); 11] = [
    (INVALID, 400, "Unzipped size must be smaller than 262144000 bytes", "unpack to 250 MB"),
    ("RequestEntityTooLargeException", 413, "Zipped size must be smaller than 52428800 bytes", "put it into S3"),
    (
        "RequestEntityTooLargeException",
        413,
        "Request must be smaller than 70167211 bytes for the CreateFunction operation",
        "put it into S3",
    ),
    ("CodeStorageExceededException", 400, "Code storage limit exceeded.", "delete old versions"),
    (INVALID, 400, "Cannot reference more than 5 layers.", "more than 5 layers"),
    (
        INVALID,
        400,
        "Two different versions of the same layer are not allowed to be referenced in the same function. arn:a:1 and arn:a:2",
        "Two different versions",
    ),
    (INVALID, 400, "Layer version arn:aws:lambda:eu-west-1:1:layer:l:1 does not exist.", "name one that is there"),
    (INVALID, 400, "Number of tags exceeds resource tag limit.", "resource tag limit"),
    (
        INVALID,
        400,
        "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION",
        "environment variables",
    ),
    (INVALID, 400, "The runtime parameter of python3.13 is not supported in this region", "not supported"),
    ("AccessDeniedException", 403, "User: x is not authorized to perform: lambda:CreateFunction", "not authorized"),
];

#[tokio::test(start_paused = true)]
async fn what_lambda_refuses_for_good_is_said_with_what_to_do_and_asked_for_once() {
    for (code, status, said, words) in FOR_GOOD {
        for_good(FUNCTION, "CreateFunction", fault(code, status, said), words).await;
    }
}

/// What passes by itself, and how long it is waited for at most, seconds; words of what to do where it does not.
const FOR_A_WHILE: [(&str, u16, &str, f64, &str); 6] = [
    (INVALID, 400, "The role defined for the function cannot be assumed by Lambda.", 150.0, "its trust policy"),
    (
        INVALID,
        400,
        "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        150.0,
        "AWSLambdaVPCAccessExecutionRole",
    ),
    (
        INVALID,
        400,
        "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. KMS Exception: InvalidArnException KMS Message: ARN does not refer to a valid principal",
        150.0,
        "kms:CreateGrant",
    ),
    (
        INVALID,
        400,
        "Lambda was not able to create an ENI in the VPC of the Lambda function because your request has been throttled by EC2. Please increase your EC2 API limit. Your request has been throttled by EC2",
        660.0,
        "throttled by EC2",
    ),
    ("EC2ThrottledException", 502, "Lambda was throttled by Amazon EC2", 660.0, "throttled"),
    (
        "ResourceConflictException",
        409,
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        960.0,
        "Pending",
    ),
];

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_waited_for_and_in_the_end_an_error_that_says_what_to_do() {
    for (code, status, said, seconds, words) in FOR_A_WHILE {
        let patience = Patience { seconds, calls: 480 };
        for_a_while(FUNCTION, "CreateFunction", fault(code, status, said), patience, words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_replicated_function_that_cannot_go_yet_is_told_and_goes_later() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    let said = "Lambda was unable to delete arn:aws:lambda:us-east-1:111122223333:function:t-f:1 because it is a replicated function. Please see our documentation for Deleting Lambda@Edge Functions and Replicas.";
    trial.aws.trouble("DeleteFunction", Trouble::Always(fault(INVALID, 400, said)));
    let plan = trial.run("Queue q: {}").await.plan;
    let text = left(&plan);
    assert!(text.contains("Blocked") && text.contains("replicated") && text.contains("tries again"), "{text}");
    assert_eq!(trial.count("DeleteFunction"), 1);
    assert_eq!(trial.count("DeleteRole"), 0, "what it runs with stays");
    trial.aws.heal("DeleteFunction");
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| assert!(cloud.lambda.functions.is_empty() && cloud.iam.roles.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_being_deleted_is_waited_for_before_its_role_goes() {
    let trial = Trial::start(Rules { deletion: Duration::from_secs(40), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    trial.converge("Queue q: {}").await;
    let (function, role) = (trial.time("DeleteFunction", ""), trial.time("DeleteRole", ""));
    assert!(role - function >= 40.0, "{}", trial.story());
    assert_eq!(trial.count("DeleteFunction"), 1, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_name_whose_function_is_still_being_deleted_is_waited_for() {
    let trial = Trial::start(Rules { deletion: Duration::from_secs(40), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    trial.aws.ask("lambda", "DeleteFunction", json!({"FunctionName": "t-f"})).unwrap();
    trial.aws.forget();
    trial.converge(FUNCTION).await;
    assert_eq!(trial.count("CreateFunction"), 1, "{}", trial.story());
    trial.quiet(FUNCTION).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_tags_may_not_be_read_is_neither_taken_over_nor_written_to() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| {
        let function = cloud.lambda.functions.get_mut("t-f").unwrap();
        function.tags_denied = true;
        function.revision = "another".to_owned();
    });
    trial.aws.forget();
    let plan = trial.run(&function("timeout: 10")).await.plan;
    let text = left(&plan);
    assert!(text.contains("lambda:ListTags"), "{text}");
    assert_eq!(trial.aws.writes().len(), 0, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn an_image_is_told_by_its_uri_and_not_by_the_digest_of_its_code() {
    let spec = |tag: &str| {
        format!(
            "Function f: {{code: {{image: \"111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:{tag}\"}}, packageType: Image}}"
        )
    };
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec("1")).await;
    trial.quiet(&spec("1")).await;
    trial.converge(&spec("2")).await;
    assert_eq!(trial.count("UpdateFunctionCode"), 1, "{}", trial.story());
    assert_eq!(trial.count("UpdateFunctionConfiguration"), 0, "{}", trial.story());
    trial.quiet(&spec("2")).await;
}

/// A function with these layers.
fn with_layers(layers: &[&str], more: &str) -> String {
    let arns: Vec<String> =
        layers.iter().map(|layer| format!("\"arn:aws:lambda:eu-west-1:111122223333:layer:{layer}\"")).collect();
    function(&format!("layers: [{}]{more}", arns.join(", ")))
}

#[tokio::test(start_paused = true)]
async fn layers_that_are_not_sent_again_may_have_been_deleted() {
    let trial = Trial::start(Rules::default()).await;
    for _ in 0..2 {
        let content = json!({"S3Bucket": "b", "S3Key": "k"});
        trial.aws.ask("lambda", "PublishLayerVersion", json!({"LayerName": "l", "Content": content})).unwrap();
    }
    trial.converge(&with_layers(&["l:1"], "")).await;
    trial.aws.ask("lambda", "DeleteLayerVersion", json!({"LayerName": "l", "VersionNumber": 1})).unwrap();
    // The function goes on with it, and so do changes of everything else.
    trial.quiet(&with_layers(&["l:1"], "")).await;
    trial.converge(&with_layers(&["l:1"], ", timeout: 20")).await;
    assert_eq!(trial.aws.refusals().iter().filter(|it| it.contains("Configuration")).count(), 0, "{}", trial.story());
    // What changes the list is refused, with what to do.
    let plan = trial.run(&with_layers(&["l:1", "m:1"], ", timeout: 20")).await.plan;
    let text = left(&plan);
    assert!(text.contains("does not exist") && text.contains("name one that is there"), "{text}");
    trial.converge(&with_layers(&["l:2"], ", timeout: 20")).await;
    trial.quiet(&with_layers(&["l:2"], ", timeout: 20")).await;
}

#[tokio::test(start_paused = true)]
async fn the_order_of_layers_is_kept_and_is_drift_where_somebody_turned_it() {
    let trial = Trial::start(Rules::default()).await;
    for layer in ["b", "a"] {
        let content = json!({"S3Bucket": "b", "S3Key": "k"});
        trial.aws.ask("lambda", "PublishLayerVersion", json!({"LayerName": layer, "Content": content})).unwrap();
    }
    let spec = with_layers(&["b:1", "a:1"], "");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
    let arn = |layer: &str| format!("arn:aws:lambda:eu-west-1:111122223333:layer:{layer}:1");
    let turned = json!({"FunctionName": "t-f", "Layers": [arn("a"), arn("b")]});
    trial.aws.ask("lambda", "UpdateFunctionConfiguration", turned).unwrap();
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let layers = &cloud.lambda.functions["t-f"].configuration["Layers"];
        assert_eq!(layers[0]["Arn"], arn("b"));
    });
}
