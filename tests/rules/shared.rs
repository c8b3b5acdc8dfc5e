//! Which versions of a layer stay, and whom they are shared with: section 6.

#![expect(clippy::unwrap_used, reason = "a failed test says why and stops")]

use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::function;

const LAYER: &str = "Layer l: {code: ./src}\n";

/// The numbers of the layer's versions.
fn versions(trial: &Trial) -> Vec<u64> {
    trial.aws.with(|cloud| cloud.lambda.layers["t-l"].versions.keys().copied().collect())
}

/// The layer that the function has.
fn used(trial: &Trial) -> String {
    trial.aws.with(|cloud| {
        let arn = &cloud.lambda.functions["t-f"].configuration["Layers"][0]["Arn"];
        arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    })
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_known_by_its_content_to_a_process_that_did_not_publish_it() {
    let mut trial = Trial::start(Rules::default()).await;
    let spec = LAYER.to_owned() + &function("layers: [l]");
    trial.converge(&spec).await;
    trial.restart().await;
    trial.quiet(&spec).await;
    assert_eq!(trial.count("PublishLayerVersion"), 1);
}

#[tokio::test(start_paused = true)]
async fn numbers_of_layer_versions_go_on_and_one_that_was_deleted_is_published_anew() {
    let trial = Trial::start(Rules::default()).await;
    let spec = LAYER.to_owned() + &function("layers: [l]");
    trial.converge(&spec).await;
    trial.aws.ask("lambda", "DeleteLayerVersion", json!({"LayerName": "t-l", "VersionNumber": 1})).unwrap();
    trial.converge(&spec).await;
    assert_eq!((versions(&trial), used(&trial).as_str()), (vec![2], "2"), "{}", trial.story());
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_content_that_comes_back_is_served_by_a_version_that_has_it_and_the_function_follows() {
    let trial = Trial::start(Rules::default()).await;
    let spec = LAYER.to_owned() + &function("layers: [l]");
    for (text, at) in [("1", "1"), ("2", "2"), ("1", "3")] {
        trial.file("src/app.py", &format!("def handler(event, context):\n    return {text}\n"));
        trial.converge(&spec).await;
        assert_eq!(used(&trial), at, "{}", trial.story());
        trial.quiet(&spec).await;
    }
    assert_eq!(versions(&trial), [3], "those before are gone:\n{}", trial.story());
    assert!(!trial.aws.refusals().iter().any(|it| it.contains("Layer")), "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_version_goes_only_after_the_function_has_left_it() {
    let trial = Trial::start(Rules::default()).await;
    let spec = LAYER.to_owned() + &function("layers: [l]");
    trial.converge(&spec).await;
    trial.aws.forget();
    trial.file("src/app.py", "def handler(event, context):\n    return 2\n");
    trial.converge(&spec).await;
    let (published, gone) = (trial.time("PublishLayerVersion", ""), trial.time("DeleteLayerVersion", ""));
    let configured = trial.time("UpdateFunctionConfiguration", "");
    assert!(published < configured && configured < gone, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_somebody_elses_function_has_stays() {
    let trial = Trial::start(Rules::kind()).await;
    let theirs = function("").replace("Function f", "Function theirs").replace(", }", "}");
    trial.converge(&(LAYER.to_owned() + &theirs)).await;
    // It was made by somebody else.
    trial.aws.with(|cloud| {
        let function = cloud.lambda.functions.get_mut("t-theirs").unwrap();
        function.tags.clear();
        let arn = "arn:aws:lambda:eu-west-1:111122223333:layer:t-l:1";
        function.configuration.insert("Layers".to_owned(), json!([{"Arn": arn}]));
        function.revision = "another".to_owned();
    });
    trial.aws.forget();
    trial.converge("Queue q: {}").await;
    assert_eq!((versions(&trial), trial.count("DeleteLayerVersion")), (vec![1], 0), "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn layers_and_their_versions_are_read_to_the_last_page() {
    let trial = Trial::start(Rules { quotas: false, ..Rules::kind() }).await;
    trial.converge(LAYER).await;
    for n in 0..110 {
        let name = format!("a{n}");
        for name in [name.as_str(), "t-l"] {
            let content = json!({"S3Bucket": "b", "S3Key": "k"});
            trial.aws.ask("lambda", "PublishLayerVersion", json!({"LayerName": name, "Content": content})).unwrap();
        }
    }
    trial.aws.forget();
    trial.quiet(LAYER).await;
    assert_eq!((trial.count("ListLayers"), trial.count("ListLayerVersions")), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_layer_of_somebody_elses_mark_is_not_published_over() {
    let trial = Trial::start(Rules::kind()).await;
    let theirs = json!({"LayerName": "t-l", "Description": "theirs [ek:default bank/prod lib 0011]",
        "Content": {"S3Bucket": "b", "S3Key": "k"}});
    trial.aws.ask("lambda", "PublishLayerVersion", theirs).unwrap();
    let text = left(&trial.run(LAYER).await.plan);
    assert!(text.contains("Blocked") && text.contains("belongs to") && text.contains("bank"), "{text}");
    assert_eq!(trial.count("PublishLayerVersion"), 0);
}

/// A layer that SAM keeps old versions of, shared with another account.
fn shared(content: &str, with: &str) -> String {
    let statement = |id: usize, account: &str| {
        format!(
            "  S{id}: {{Type: AWS::Lambda::LayerVersionPermission, Properties: {{LayerVersionArn: !Ref L, Action: \"lambda:GetLayerVersion\", Principal: \"{account}\"}}}}\n"
        )
    };
    let statements: String = with.split_whitespace().enumerate().map(|(id, account)| statement(id, account)).collect();
    format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::Serverless-2016-10-31\nResources:\n  L: {{Type: AWS::Serverless::LayerVersion, Properties: {{LayerName: t-l, ContentUri: \"s3://packages/{content}\"}}}}\n{statements}"
    )
}

/// How many statements each version has.
fn statements(trial: &Trial) -> Vec<(u64, usize)> {
    trial.aws.with(|cloud| {
        let all = cloud.lambda.layers["t-l"].statements.iter();
        all.filter(|(_, all)| !all.is_empty()).map(|(version, all)| (*version, all.len())).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_shared_is_taken_back_from_every_version_that_is_kept() {
    for restarts in [false, true] {
        let mut trial = Trial::start(Rules::default()).await;
        trial.converge(&shared("one", "444455556666")).await;
        assert_eq!(statements(&trial), [(1, 1)]);
        trial.quiet(&shared("one", "444455556666")).await;
        if restarts {
            trial.restart().await;
        }
        trial.converge(&shared("two", "444455556666")).await;
        assert_eq!(versions(&trial).len(), 2);
        assert_eq!(statements(&trial), [(2, 1)], "restarts: {restarts}\n{}", trial.story());
        if restarts {
            trial.restart().await;
        }
        trial.converge(&shared("two", "")).await;
        assert_eq!(statements(&trial), [(0, 0); 0], "restarts: {restarts}\n{}", trial.story());
        trial.quiet(&shared("two", "")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_old_version_was_still_shared_with_where_a_process_ended_is_taken_back_by_the_next() {
    let mut trial = Trial::start(Rules::default()).await;
    trial.converge(&shared("one", "444455556666")).await;
    let denied = Fault { code: "AccessDeniedException".into(), status: 403, message: "not now".into() };
    trial.aws.trouble("RemoveLayerVersionPermission", Trouble::Always(denied));
    trial.run(&shared("two", "444455556666")).await;
    assert_eq!(statements(&trial), [(1, 1), (2, 1)]);
    trial.aws.heal("RemoveLayerVersionPermission");
    trial.restart().await;
    trial.converge(&shared("two", "444455556666")).await;
    assert_eq!(statements(&trial), [(2, 1)], "{}", trial.story());
    trial.quiet(&shared("two", "444455556666")).await;
}

#[tokio::test(start_paused = true)]
async fn a_layers_statement_that_exists_is_gone_on_with_and_anothers_is_left_alone() {
    let trial = Trial::start(Rules::default()).await;
    let spec = shared("one", "444455556666 555566667777");
    trial.converge(&spec).await;
    let theirs = json!({"LayerName": "t-l", "VersionNumber": 1, "StatementId": "theirs", "Action": "lambda:GetLayerVersion", "Principal": "*"});
    trial.aws.ask("lambda", "AddLayerVersionPermission", theirs).unwrap();
    trial.quiet(&spec).await;
    trial.converge(&shared("one", "")).await;
    assert_eq!(statements(&trial), [(1, 1)], "{}", trial.story());
}
