//! Two writers without a lease: a function's revision alone keeps them apart.

#![expect(clippy::unwrap_used, reason = "a failed test says why and stops")]

use evenkeel_tests::aws::{Aws, Rules};
use evenkeel_tests::{Trial, left};
use serde_json::{Map, Value as Json};

use super::function;

/// What one writer wants: its name is in the code, in the variables and in the timeout.
fn spec(writer: u32) -> String {
    function(&format!("timeout: 1{writer}, environment: {{WRITER: \"{writer}\"}}, rollout: {{strategy: AllAtOnce}}"))
}

async fn writer(aws: Aws, writer: u32) -> Trial {
    let trial = Trial::in_account(aws).await;
    trial.file("src/app.py", &format!("def handler(event, context):\n    return {writer}\n"));
    trial
}

fn said(configuration: &Map<String, Json>) -> (String, String, String) {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (
        text(&configuration["CodeSha256"]),
        text(&configuration["Environment"]["Variables"]["WRITER"]),
        text(&configuration["Timeout"]),
    )
}

/// What each writer makes of the function where it is alone.
async fn alone(number: u32) -> (String, String, String) {
    let trial = writer(Aws::new(Rules::kind()), number).await;
    trial.converge(&spec(number)).await;
    trial.aws.with(|cloud| said(&cloud.lambda.functions["t-f"].configuration))
}

/// All that was ever published is what one of the writers wanted, as a whole.
fn published_whole(aws: &Aws, wholes: &[(String, String, String)], story: &str) {
    aws.with(|cloud| {
        for (number, version) in &cloud.lambda.functions["t-f"].versions {
            let is = said(version);
            assert!(wholes.contains(&is), "version {number} is a mixture: {is:?}\n{story}");
        }
    });
}

/// What callers reach, and what the function is.
fn served(aws: &Aws) -> [(String, String, String); 2] {
    aws.with(|cloud| {
        let function = &cloud.lambda.functions["t-f"];
        let number = function.aliases.values().next().unwrap()["FunctionVersion"].as_str().unwrap().parse().unwrap();
        [said(&function.configuration), said(&function.versions[&number])]
    })
}

#[tokio::test(start_paused = true)]
async fn two_writers_that_meet_at_any_call_never_serve_the_code_of_one_with_the_settings_of_the_other() {
    let wholes = [alone(0).await, alone(1).await, alone(2).await];
    let mut met = 0;
    for calls in 0.. {
        assert!(calls < 300, "the first writer never ends");
        let aws = Aws::new(Rules { quotas: false, seed: calls as u64, ..Rules::default() });
        writer(aws.clone(), 0).await.converge(&spec(0)).await;
        let (way, gate) = aws.gated();
        let (first, second) = (writer(way, 1).await, writer(aws.clone(), 2).await);
        aws.forget();
        gate.hold_after(calls);
        let one = spec(1);
        let run = first.run(&one);
        tokio::pin!(run);
        let ended = tokio::select! {
            ended = &mut run => Some(ended),
            () = gate.reached() => None,
        };
        let (plan, story) = match ended {
            Some(ended) => (ended.plan, first.story()),
            None => {
                met += 1;
                // The whole of the other's work falls between two calls of this one.
                second.converge(&spec(2)).await;
                assert_eq!(served(&aws), [wholes[2].clone(), wholes[2].clone()], "at call {calls}");
                gate.open();
                (run.await.plan, first.story())
            }
        };
        published_whole(&aws, &wholes, &story);
        assert!(plan.is_converged(), "at call {calls}: {}\n{story}", left(&plan));
        assert_eq!(served(&aws), [wholes[1].clone(), wholes[1].clone()], "at call {calls}:\n{story}");
        if met < calls + 1 {
            break;
        }
    }
    assert!(met > 15, "they met {met} times");
}

#[tokio::test(start_paused = true)]
async fn two_writers_at_the_same_time_publish_no_mixture_and_none_of_them_is_ready_with_one() {
    let wholes = [alone(0).await, alone(1).await, alone(2).await];
    let mut ready = 0;
    for seed in 0..30 {
        let aws = Aws::new(Rules { quotas: false, seed, ..Rules::default() });
        writer(aws.clone(), 0).await.converge(&spec(0)).await;
        let (first, second) = (writer(aws.clone(), 1).await, writer(aws.clone(), 2).await);
        let (one, two) = (spec(1), spec(2));
        let one = async { (first.run(&one).await.plan, served(&aws)) };
        let two = async { (second.run(&two).await.plan, served(&aws)) };
        let ended = tokio::join!(one, two);
        let story = first.story();
        published_whole(&aws, &wholes, &story);
        for (number, (plan, there)) in [(1, ended.0), (2, ended.1)] {
            if plan.is_converged() {
                ready += 1;
                assert_eq!(there, [wholes[number].clone(), wholes[number].clone()], "seed {seed}:\n{story}");
            }
        }
    }
    assert!(ready > 5, "hardly ever was one of them ready: {ready}");
}

#[tokio::test(start_paused = true)]
async fn every_change_of_a_function_and_every_publication_names_the_revision_that_was_read() {
    // AWS does not say whether tags and concurrency move the revision: then a write is refused once, and made again.
    for beside_moves_revision in [false, true] {
        let aws = Aws::new(Rules { beside_moves_revision, ..Rules::default() });
        let trial = writer(aws.clone(), 0).await;
        trial.converge(&spec(0)).await;
        for number in 1..4 {
            trial.file("src/app.py", &format!("def handler(event, context):\n    return {number}\n"));
            trial.converge(&spec(number)).await;
        }
        let calls = trial.aws.calls();
        let mut seen = 0;
        for call in calls.iter().filter(|call| {
            ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"].contains(&call.operation.as_str())
        }) {
            seen += 1;
            assert!(call.input["RevisionId"].is_string(), "{} {}", call.operation, call.input);
        }
        assert!(seen >= 9, "{}", trial.story());
        let refused = trial.aws.refusals().iter().filter(|it| it.contains("Precondition")).count();
        assert_eq!(refused > 0, beside_moves_revision, "{}", trial.story());
        trial.quiet(&spec(3)).await;
    }
}
