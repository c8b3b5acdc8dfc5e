//! Layers: section 6.

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;

/// A layer with this description that a function with an alias has.
fn layered(description: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  L: {{Type: AWS::Serverless::LayerVersion, Properties: {{LayerName: t-l, Description: "{description}", ContentUri: ./layer, RetentionPolicy: Delete}}}}
  F: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: t-f, CodeUri: ./src, Handler: app.handler, Runtime: python3.13, Layers: [!Ref L], AutoPublishAlias: live}}}}
"#
    )
}

async fn trial() -> Trial {
    let trial = Trial::start(Rules::default()).await;
    trial.file("layer/python/shared.py", "one = 1\n");
    trial
}

fn versions(trial: &Trial) -> Vec<u64> {
    trial.aws.with(|cloud| cloud.lambda.layers.values().flat_map(|layer| layer.versions.keys().copied()).collect())
}

#[tokio::test(start_paused = true)]
async fn a_version_of_a_layer_never_changes_other_words_are_another_version() {
    let trial = trial().await;
    trial.converge(&layered("first")).await;
    trial.converge(&layered("second")).await;
    assert_eq!(trial.count("PublishLayerVersion"), 2, "{}", trial.story());
    trial.aws.with(|cloud| {
        let newest = &cloud.lambda.layers["t-l"].versions[&2];
        assert!(newest["Description"].as_str().unwrap().starts_with("second"), "{newest:?}");
        let layers = cloud.lambda.functions["t-f"].configuration["Layers"].to_string();
        assert!(layers.contains(":layer:t-l:2"), "{layers}");
    });
    trial.quiet(&layered("second")).await;
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_a_layer_go_on_after_its_versions_went() {
    let trial = trial().await;
    trial.converge(&layered("x")).await;
    trial.converge("Queue q: {}").await;
    assert_eq!(versions(&trial), [0; 0]);
    trial.converge(&layered("x")).await;
    assert_eq!(versions(&trial), [2]);
    trial.quiet(&layered("x")).await;
}

#[tokio::test(start_paused = true)]
async fn a_layers_version_stays_while_a_published_version_that_is_kept_has_it() {
    let trial = trial().await;
    let mut last = String::new();
    for number in 1..=8 {
        trial.file("layer/python/shared.py", &format!("one = {number}\n"));
        last = layered("x");
        trial.converge(&last).await;
    }
    trial.quiet(&last).await;
    trial.aws.with(|cloud| {
        let there = &cloud.lambda.layers["t-l"].versions;
        let versions = cloud.lambda.functions["t-f"].versions.values();
        let used: Vec<String> = versions.map(|version| version["Layers"].to_string()).collect();
        assert!(used.len() >= 2, "{used:?}");
        for layers in &used {
            let held = |number: &u64| layers.contains(&format!(":layer:t-l:{number}\""));
            assert!(there.keys().any(held), "{layers} is used, and only {:?} are there", there.keys());
        }
        assert!(there.len() < 8, "the old ones go: {:?}", there.keys());
    });
}
