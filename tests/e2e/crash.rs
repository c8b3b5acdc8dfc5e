//! Killed after any write of a converging run, with the answer lost: the next start ends in the same world as a run that
//! nobody disturbed, with nothing left over and nothing there twice.

use std::path::{Path, PathBuf};

use evenkeel::sandbox::Sandbox;
use evenkeel_aws::{Account, Options};
use evenkeel_tests::{Life, dump};
use futures::StreamExt as _;

/// Runs side by side: as many as a small machine takes.
pub(crate) const AT_ONCE: usize = 3;

pub(crate) fn specs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs").join(name)
}

pub(crate) async fn account(endpoint: &str, id: &str) -> Account {
    let options = Options {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(endpoint.to_owned()),
        keys: Some((id.to_owned(), "test".to_owned())),
        ..Options::default()
    };
    Account::connect(options).await.unwrap()
}

/// What the applications expect to find: a parameter that somebody else keeps.
pub(crate) async fn furnish(endpoint: &str, id: &str) {
    let ssm = account(endpoint, id).await.ssm;
    let put = ssm.put_parameter().name("/meetup/db-url").value("postgres://db/meetup");
    put.r#type("String".into()).send().await.unwrap();
}

async fn survives(name: &str, words: &str) {
    let sandbox = Sandbox::start(&|_| {}).await.unwrap();
    let (endpoint, specs) = (sandbox.endpoint(), specs(name));
    let life = |number: u64| {
        let account = format!("{:012}", 200_000_000_000 + number);
        Life { endpoint: &endpoint, account, specs: &specs, words }
    };
    let undisturbed = life(0);
    furnish(&endpoint, &undisturbed.account).await;
    let (ran, writes) = undisturbed.whole().await;
    let ran = ran.exits(0);
    assert_eq!(ran.json()["writes"], writes.len(), "the proxy counts as evenkeel does");
    let wanted = dump(&account(&endpoint, &undisturbed.account).await).await;
    assert!(wanted.len() > 20, "{wanted:?}");
    let numbers = 1..=writes.len() as u64;
    let mut lives = futures::stream::iter(numbers)
        .map(|number| {
            let (life, endpoint, wanted) = (life(number), &endpoint, &wanted);
            async move {
                furnish(endpoint, &life.account).await;
                let before = life.killed_after(number).await;
                let last = before.last().cloned().unwrap_or_default();
                let (ran, after) = life.whole().await;
                ran.exits(0);
                let (ran, again) = life.whole().await;
                ran.exits(0);
                assert_eq!(again, Vec::<String>::new(), "killed after {last}: not settled by the next start");
                let found = dump(&account(endpoint, &life.account).await).await;
                let (more, less): (Vec<_>, Vec<_>) =
                    (found.difference(wanted).collect(), wanted.difference(&found).collect());
                assert!(
                    more.is_empty() && less.is_empty(),
                    "killed after write {number}, {last}, then {after:?}\nmore: {more:#?}\nless: {less:#?}"
                );
            }
        })
        .buffer_unordered(AT_ONCE);
    let mut survived = 0;
    while lives.next().await.is_some() {
        survived += 1;
    }
    println!("{name}: killed after each of {survived} writes");
    drop(lives);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_survives_a_kill_after_any_write() {
    survives("shop", "--env dev").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meetup_survives_a_kill_after_any_write() {
    survives("meetup", "").await;
}
