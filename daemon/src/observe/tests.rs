use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::Diagnostics;
use evenkeel_core::plan::{Applied, Artifacts, Found, Kinds, Observed, Reach, Seen, Step};

use super::*;
use crate::world::{Calls, Source};

const TYPE: &str = "T";

/// Things that can vanish; what a reading saw takes a while to arrive.
#[derive(Default)]
struct Things {
    there: Mutex<BTreeSet<String>>,
    /// Readings of these keys take longer.
    slow: Option<&'static str>,
}

#[async_trait]
impl Reach for Things {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let there = self.there.lock().map(|there| there.clone()).unwrap_or_default();
        let mut seen = Seen::default();
        match ask.reading {
            Reading::Sweep => seen.items = there.iter().map(|key| Observed::new(key, key)).collect(),
            Reading::Only(keys) => {
                for key in keys {
                    match there.contains(key) {
                        true => seen.items.push(Observed::new(key, key)),
                        false => seen.absent.push(key.clone()),
                    }
                }
            }
        }
        let slow = match ask.reading {
            Reading::Sweep => true,
            Reading::Only(keys) => self.slow.is_some_and(|key| keys.contains(key)),
        };
        tokio::time::sleep(Duration::from_secs(if slow { 10 } else { 1 })).await;
        seen
    }

    async fn apply(&self, _step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        Ok(None)
    }
}

struct Nothing;

#[async_trait]
impl Source for Nothing {
    async fn fetch(&self, _needs: &Needs, _values: &mut Values) -> Diagnostics {
        Diagnostics::new()
    }

    async fn invoke(&self, _function: &str) -> Result<String, String> {
        Err("nothing is here".to_owned())
    }

    fn calls(&self) -> Calls {
        Calls::new()
    }

    fn throttled(&self) -> Calls {
        Calls::new()
    }

    fn writes(&self) -> u64 {
        0
    }
}

async fn world(slow: Option<&'static str>) -> (Arc<Things>, World) {
    let there = Mutex::new(["a", "b"].map(str::to_owned).into());
    let things = Arc::new(Things { there, slow });
    let reach: Arc<dyn Reach> = Arc::clone(&things) as Arc<dyn Reach>;
    let home = ("eu-west-1", "111122223333", "aws");
    let world = World::of(home, Kinds::default(), [(TYPE, reach)].into(), vec![vec![TYPE]], Arc::new(Nothing));
    sweep(&world).await;
    (things, world)
}

fn vanish(things: &Things, key: &str) {
    if let Ok(mut there) = things.there.lock() {
        there.remove(key);
    }
}

fn keys(key: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    [(TYPE, BTreeSet::from([key.to_owned()]))].into()
}

async fn is_absent(world: &World, key: &str) -> bool {
    matches!(world.known().table(TYPE).look(key), Found::Absent)
}

#[tokio::test(start_paused = true)]
async fn a_reading_brings_nothing_back_that_another_reading_found_gone() {
    let (things, world) = world(Some("a")).await;
    let (of_a, of_b) = (keys("a"), keys("b"));
    let other = async {
        vanish(&things, "b");
        refresh(&world, &of_b).await;
        assert!(is_absent(&world, "b").await);
    };
    tokio::join!(refresh(&world, &of_a), other);
    assert!(is_absent(&world, "b").await);
}

#[tokio::test(start_paused = true)]
async fn a_reading_during_a_sweep_brings_nothing_back_that_the_sweep_found_gone() {
    let (things, world) = world(None).await;
    vanish(&things, "b");
    let of_a = keys("a");
    tokio::join!(sweep(&world), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        refresh(&world, &of_a).await;
    });
    assert!(is_absent(&world, "b").await);
    assert!(!is_absent(&world, "a").await);
}
