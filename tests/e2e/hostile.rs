//! A network that throttles, breaks, loses and repeats changes how a run goes, and nothing of where it ends.

use evenkeel::sandbox::Sandbox;
use evenkeel_tests::hostile::{Faults, Manner};
use evenkeel_tests::{Life, dump};

use crate::crash::{account, furnish, specs};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

async fn ends_alike(name: &str, words: &str) {
    let sandbox = Sandbox::start(&|_| {}).await.unwrap();
    let (endpoint, specs) = (sandbox.endpoint(), specs(name));
    let life = |number: u64| {
        let account = format!("{:012}", 300_000_000_000 + number);
        Life { endpoint: &endpoint, account, specs: &specs, words }
    };
    let undisturbed = life(0);
    furnish(&endpoint, &undisturbed.account).await;
    undisturbed.whole().await.0.exits(0);
    let wanted = dump(&account(&endpoint, &undisturbed.account).await).await;
    assert!(wanted.len() > 20, "{wanted:?}");
    for seed in SEEDS {
        let life = life(seed);
        furnish(&endpoint, &life.account).await;
        let (ran, _) = life.through(Manner::Hostile(Faults::moderate(seed))).await;
        ran.exits(0);
        let (ran, after) = life.whole().await;
        ran.exits(0);
        assert_eq!(after, Vec::<String>::new(), "seed {seed}: it said that it was done");
        let found = dump(&account(&endpoint, &life.account).await).await;
        let (more, less): (Vec<_>, Vec<_>) = (found.difference(&wanted).collect(), wanted.difference(&found).collect());
        assert!(more.is_empty() && less.is_empty(), "{name}, seed {seed}\nmore: {more:#?}\nless: {less:#?}");
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_ends_alike_behind_a_hostile_network() {
    ends_alike("shop", "--env dev").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meetup_ends_alike_behind_a_hostile_network() {
    ends_alike("meetup", "").await;
}
