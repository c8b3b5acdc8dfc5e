//! What becomes of a refusal: said at once, or waited for with a bound.

use std::time::Duration;

use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};

/// Code, status and text of an error.
pub fn fault(code: &str, status: u16, message: &str) -> Fault {
    Fault { code: code.to_owned(), status, message: message.to_owned() }
}

/// An operation of a converging spec is refused, and will be for ever: it is asked for once, the refusal is told with
/// these words, and once it is healed a new run goes on.
pub async fn for_good(spec: &str, operation: &str, said: Fault, words: &str) {
    let trial = Trial::start(Rules::kind()).await;
    let code = said.code.clone();
    trial.aws.trouble(operation, Trouble::Always(said));
    let text = left(&trial.run(spec).await.plan);
    assert!(text.contains("Blocked") && text.contains(&code) && text.contains(words), "{text}");
    assert_eq!(trial.count(operation), 1, "{text}");
    trial.aws.heal(operation);
    trial.converge(spec).await;
}

/// How long, and how often, what passes by itself may be asked for.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Seconds from the first call to the last, at most; a minute is the least.
    pub seconds: f64,
    /// Calls.
    pub calls: usize,
}

/// The same of a refusal that passes: it is waited for, and told with these words where it never does.
pub async fn for_a_while(spec: &str, operation: &str, said: Fault, patience: Patience, words: &str) {
    let trial = Trial::start(Rules::kind()).await;
    trial.aws.trouble(operation, Trouble::Always(said.clone()));
    let text = left(&trial.run(spec).await.plan);
    assert!(text.contains("Blocked") && text.contains(words) && text.contains("waited"), "{text}");
    let calls = trial.aws.calls().into_iter().filter(|call| call.operation == operation);
    let at: Vec<f64> = calls.map(|call| call.at.as_secs_f64()).collect();
    let span = at[at.len() - 1] - at[0];
    assert!(span > 60.0 && span < patience.seconds, "{}: given up after {span} s", said.message);
    assert!(at.len() < patience.calls, "{}: {} calls", said.message, at.len());

    // A minute later it has passed.
    let trial = Trial::start(Rules::kind()).await;
    trial.aws.trouble(operation, Trouble::Always(said.clone()));
    let passes = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        trial.aws.heal(operation);
    };
    let (ended, ()) = tokio::join!(trial.run(spec), passes);
    assert!(ended.plan.is_converged(), "{}: {}", said.message, left(&ended.plan));
}
