//! A network that throttles, breaks, loses and repeats changes how a run goes, and nothing of where it ends; nor does it
//! where the run is killed in the middle as well.

use evenkeel::sandbox::Sandbox;
use evenkeel_tests::hostile::{Faults, Manner};
use evenkeel_tests::{Life, dump, dump_recounted};
use futures::StreamExt as _;

use crate::crash::{AT_ONCE, account, furnish, specs};

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

/// Kills a run behind each seed's network after every third write, the first of them another for each seed.
async fn survives(name: &str, words: &str) {
    let sandbox = Sandbox::start(&|_| {}).await.unwrap();
    let (endpoint, specs) = (sandbox.endpoint(), specs(name));
    let life = |number: u64| {
        let account = format!("{:012}", 400_000_000_000 + number);
        Life { endpoint: &endpoint, account, specs: &specs, words }
    };
    let undisturbed = life(0);
    furnish(&endpoint, &undisturbed.account).await;
    let (ran, writes) = undisturbed.whole().await;
    ran.exits(0);
    let wanted = dump_recounted(&account(&endpoint, &undisturbed.account).await).await;
    let last = writes.len() as u64;
    let deaths = SEEDS.flat_map(|seed| (seed..=last).step_by(3).map(move |write| (seed, write)));
    let mut lives = futures::stream::iter(deaths)
        .map(|(seed, write)| {
            let (life, endpoint, wanted) = (life(seed * 1000 + write), &endpoint, &wanted);
            async move {
                furnish(endpoint, &life.account).await;
                let (killed, before) = life.killed_behind(write, Some(Faults::moderate(seed))).await;
                let (ran, after) = life.through(Manner::Hostile(Faults::moderate(seed + 100))).await;
                ran.exits(0);
                let (ran, again) = life.whole().await;
                ran.exits(0);
                let story = format!("{name}, seed {seed}: {before:?}, killed, {after:?}");
                assert_eq!(again, Vec::<String>::new(), "not settled by the next start: {story}");
                let found = dump_recounted(&account(endpoint, &life.account).await).await;
                let (more, less): (Vec<_>, Vec<_>) =
                    (found.difference(wanted).collect(), wanted.difference(&found).collect());
                assert!(more.is_empty() && less.is_empty(), "{story}\nmore: {more:#?}\nless: {less:#?}");
                u32::from(killed)
            }
        })
        .buffer_unordered(AT_ONCE);
    let mut killed = 0;
    while let Some(one) = lives.next().await {
        killed += one;
    }
    println!("{name}: killed {killed} times behind a hostile network");
    assert!(u64::from(killed) > last / 2, "{killed}");
    drop(lives);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_survives_a_kill_behind_a_hostile_network() {
    survives("shop", "--env dev").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meetup_survives_a_kill_behind_a_hostile_network() {
    survives("meetup", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_ends_alike_behind_a_hostile_network() {
    ends_alike("shop", "--env dev").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meetup_ends_alike_behind_a_hostile_network() {
    ends_alike("meetup", "").await;
}
