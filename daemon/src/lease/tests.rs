use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// The table in memory: every call takes some time, and can fail before or after it took effect.
#[derive(Default)]
struct Shelf {
    rows: Mutex<Rows>,
    writes: AtomicU64,
    /// Claims take effect, and their answers are lost.
    deaf: AtomicBool,
    /// Claims are sent twice, as who calls again where an answer is lost does: the second one's answer is heard.
    twice: AtomicBool,
}

#[derive(Default)]
struct Rows {
    replicas: BTreeMap<String, Replica>,
    apps: BTreeMap<String, (Option<String>, u64, Option<String>)>,
}

impl Rows {
    fn claim(&mut self, app: &str, me: &str, from: Option<(&str, u64)>) -> Claimed {
        let (holder, epoch, left) = self.apps.entry(app.to_owned()).or_default();
        let free = match from {
            None => holder.as_deref().is_none_or(|holder| holder == me),
            Some((dead, at)) => holder.as_deref() == Some(dead) && *epoch == at,
        };
        if !free {
            return Claimed::Held { holder: holder.clone().unwrap_or_default(), epoch: *epoch };
        }
        *holder = Some(me.to_owned());
        *epoch += 1;
        Claimed::Ours(Claim { epoch: *epoch, left: left.clone() })
    }
}

impl Shelf {
    fn claim(&self, app: &str, me: &str, from: Option<(&str, u64)>) {
        self.rows.lock().unwrap().claim(app, me, from);
    }
}

/// One replica's way to the table.
struct Line {
    shelf: Arc<Shelf>,
    cut: Arc<AtomicBool>,
    random: Mutex<u64>,
    /// One call in so many fails; 0 for none.
    faults: u64,
}

impl Line {
    fn chance(&self) -> u64 {
        let mut random = self.random.lock().unwrap();
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *random >> 33
    }

    async fn call<T>(&self, write: bool, act: impl FnOnce(&mut Rows) -> T) -> Result<T, LeaseError> {
        let broken = || LeaseError::Other { table: "t".into(), detail: "cut".into() };
        tokio::time::sleep(Duration::from_millis(self.chance() % 300)).await;
        if self.cut.load(Ordering::Relaxed) || (self.faults > 0 && self.chance().is_multiple_of(self.faults)) {
            return Err(broken());
        }
        if write {
            self.shelf.writes.fetch_add(1, Ordering::Relaxed);
        }
        let answer = act(&mut self.shelf.rows.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(self.chance() % 300)).await;
        if self.cut.load(Ordering::Relaxed) || (self.faults > 0 && self.chance().is_multiple_of(self.faults)) {
            return Err(broken());
        }
        Ok(answer)
    }
}

#[async_trait]
impl Table for Line {
    async fn join(&self, replica: &Replica) -> Result<(), LeaseError> {
        self.call(true, |rows| rows.replicas.insert(replica.id.clone(), replica.clone())).await.map(drop)
    }

    async fn beat(&self, id: &str, beat: u64) -> Result<bool, LeaseError> {
        self.call(true, |rows| rows.replicas.get_mut(id).map(|row| row.beat = beat).is_some()).await
    }

    async fn replicas(&self) -> Result<Vec<Replica>, LeaseError> {
        self.call(false, |rows| rows.replicas.values().cloned().collect()).await
    }

    async fn remove(&self, id: &str, beat: Option<u64>) -> Result<bool, LeaseError> {
        self.call(true, |rows| {
            let stands = rows.replicas.get(id).is_none_or(|row| beat.is_none_or(|beat| beat == row.beat));
            if stands {
                rows.replicas.remove(id);
            }
            stands
        })
        .await
    }

    async fn claim(&self, app: &str, me: &str, from: Option<(&str, u64)>) -> Result<Claimed, LeaseError> {
        if self.shelf.deaf.load(Ordering::Relaxed) {
            self.shelf.claim(app, me, from);
            return Err(LeaseError::Other { table: "t".into(), detail: "lost".into() });
        }
        if self.shelf.twice.load(Ordering::Relaxed) {
            self.shelf.claim(app, me, from);
        }
        self.call(true, |rows| rows.claim(app, me, from)).await
    }

    async fn release(&self, app: &str, me: &str, epoch: u64, revision: Option<&str>) -> Result<(), LeaseError> {
        self.call(true, |rows| {
            if let Some((holder, at, left)) = rows.apps.get_mut(app)
                && holder.as_deref() == Some(me)
                && *at == epoch
            {
                *holder = None;
                if let Some(revision) = revision {
                    *left = Some(revision.to_owned());
                }
            }
        })
        .await
    }
}

struct Player {
    lease: Arc<Lease>,
    cut: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Player {
    async fn join(shelf: &Arc<Shelf>, seed: u64, faults: u64, wants: Option<&[&str]>) -> Player {
        let cut = Arc::new(AtomicBool::new(false));
        for attempt in 0_u64.. {
            let random = Mutex::new(seed.wrapping_mul(1_000).wrapping_add(attempt));
            let line = Line { shelf: Arc::clone(shelf), cut: Arc::clone(&cut), random, faults };
            let wants = wants.map(|wants| wants.iter().map(|app| (*app).to_owned()).collect());
            if let Ok(lease) = Lease::join(Arc::new(line), wants).await {
                lease.interest(apps());
                let task = tokio::spawn(Arc::clone(&lease).run());
                return Player { lease, cut, task };
            }
        }
        unreachable!("attempts do not end")
    }

    /// The controller's part: what is to be given up and not worked on is given up.
    async fn obey(&self) {
        for app in self.lease.leaving() {
            self.lease.release(&app, Some("r1")).await;
        }
    }

    /// The process is killed: nothing more is heard of it.
    fn kill(&self) {
        self.task.abort();
    }
}

fn apps() -> BTreeSet<String> {
    (0..12).map(|app| format!("app-{app}")).collect()
}

/// Who holds what, and that nobody holds what another holds.
fn holders(players: &[&Player]) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for (number, player) in players.iter().enumerate() {
        for app in player.lease.held().into_keys() {
            let other = out.insert(app.clone(), number);
            assert_eq!(other, None, "{app} is held by two");
        }
    }
    out
}

/// Lets time pass, checking all the while; gives the time until every application was held.
async fn settle(players: &[&Player], seconds: u64) -> Option<Duration> {
    let begun = Instant::now();
    let mut settled = None;
    for _ in 0..seconds * 10 {
        for player in players {
            if !player.cut.load(Ordering::Relaxed) {
                player.obey().await;
            }
        }
        if holders(players).len() == apps().len() {
            settled.get_or_insert(begun.elapsed());
        } else {
            settled = None;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled
}

#[tokio::test(start_paused = true)]
async fn replicas_share_and_one_that_is_killed_is_taken_over_within_thirty_seconds() {
    let shelf = Arc::new(Shelf::default());
    let (a, b) = (Player::join(&shelf, 1, 0, None).await, Player::join(&shelf, 2, 0, None).await);
    settle(&[&a, &b], 30).await.expect("everything is held");
    let shares = holders(&[&a, &b]);
    assert!(shares.values().any(|number| *number == 0) && shares.values().any(|number| *number == 1), "{shares:?}");
    a.kill();
    let before = shares.into_iter().filter(|(_, number)| *number == 1).count();
    let begun = Instant::now();
    while b.lease.held().len() < apps().len() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} of {before}", b.lease.held().len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_cannot_reach_the_table_stops_before_others_take_over() {
    let shelf = Arc::new(Shelf::default());
    let (a, b) = (Player::join(&shelf, 1, 0, None).await, Player::join(&shelf, 2, 0, None).await);
    settle(&[&a, &b], 30).await.expect("everything is held");
    a.cut.store(true, Ordering::Relaxed);
    // `holders` fails wherever both act at once.
    settle(&[&a, &b], 40).await.expect("b has it all");
    assert!(a.lease.held().is_empty() && a.lease.problem().is_some());
    a.cut.store(false, Ordering::Relaxed);
    settle(&[&a, &b], 60).await.expect("shared again");
    assert!(!a.lease.held().is_empty());
}

#[tokio::test(start_paused = true)]
async fn writes_pass_the_fence_only_while_the_claims_of_then_hold() {
    let shelf = Arc::new(Shelf::default());
    let a = Player::join(&shelf, 1, 0, None).await;
    settle(&[&a], 10).await.expect("everything is held");
    let before = a.lease.fence(&apps());
    assert!(before());
    a.cut.store(true, Ordering::Relaxed);
    let b = Player::join(&shelf, 2, 0, None).await;
    while b.lease.held().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!before(), "another has taken over");
    a.cut.store(false, Ordering::Relaxed);
    b.lease.leave(None, &BTreeSet::new()).await;
    settle(&[&a], 30).await.expect("everything is held again");
    assert!(!before(), "what was begun then is not gone on with, though all is held again");
    assert!(a.lease.fence(&apps())());
    assert!(!a.lease.fence(&BTreeSet::from(["never-claimed".to_owned()]))());
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_handed_what_it_wants_and_gives_it_back_with_its_revision() {
    let shelf = Arc::new(Shelf::default());
    let daemon = Player::join(&shelf, 1, 0, None).await;
    settle(&[&daemon], 10).await.expect("everything is held");
    let guest = Player::join(&shelf, 2, 0, Some(&["app-3"])).await;
    let wait = guest.lease.all_held(Instant::now() + Duration::from_secs(20));
    let both = [&daemon, &guest];
    let (held, _) = tokio::join!(wait, settle(&both, 12));
    assert_eq!(held, BTreeSet::from(["app-3".to_owned()]));
    assert!(!daemon.lease.held().contains_key("app-3"));
    guest.lease.leave(Some("r7"), &BTreeSet::new()).await;
    settle(&[&daemon], 12).await.expect("everything is held again");
    assert_eq!(daemon.lease.held()["app-3"].claim.left.as_deref(), Some("r7"));
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_at_any_moment_hands_over_at_once_and_leaves_no_row() {
    for moment in 0..60 {
        let shelf = Arc::new(Shelf::default());
        let (a, b) = (Player::join(&shelf, moment, 0, None).await, Player::join(&shelf, moment + 100, 0, None).await);
        settle(&[&a, &b], 20).await.expect("everything is held");
        tokio::time::sleep(Duration::from_millis(moment * 100)).await;
        // Also in the middle of a round: what that does after this would put it back.
        a.lease.leave(Some("r1"), &BTreeSet::new()).await;
        let took = settle(&[&b], 12).await.expect("b has it all");
        // Seen at the next heartbeat and claimed then; every call takes up to 0.6 s here.
        assert!(took <= Duration::from_secs(8), "left at {moment}: {took:?}");
        assert_eq!(shelf.rows.lock().unwrap().replicas.len(), 1, "left at {moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_replica_costs_its_heartbeat_and_nothing_else() {
    let shelf = Arc::new(Shelf::default());
    let a = Player::join(&shelf, 1, 0, None).await;
    settle(&[&a], 20).await.expect("everything is held");
    let before = shelf.writes.load(Ordering::Relaxed);
    settle(&[&a], 600).await.expect("everything is held");
    let writes = shelf.writes.load(Ordering::Relaxed) - before;
    assert!((110..=121).contains(&writes), "{writes} writes in 600 s");
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_no_application_is_held_by_two_and_all_are_held_in_the_end() {
    let seeds: u64 = std::env::var("EVENKEEL_LEASE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        let shelf = Arc::new(Shelf::default());
        let mut random = seed;
        let mut chance = |below: u64| {
            random = (random ^ 0x9e37_79b9_7f4a_7c15_u64).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31);
            (random >> 20) % below
        };
        let mut players = Vec::new();
        for number in 0..3 {
            players.push(Player::join(&shelf, seed * 10 + number, 9, None).await);
        }
        for step in 0..12 {
            let which = usize::try_from(chance(3)).unwrap();
            match chance(4) {
                0 => players[which].cut.store(true, Ordering::Relaxed),
                1 => {
                    players[which].kill();
                    players[which].cut.store(true, Ordering::Relaxed);
                    let fresh = Player::join(&shelf, seed * 100 + step, 9, None).await;
                    // What was killed keeps its memory in this test; it may not act on it for longer than a heartbeat.
                    let killed = std::mem::replace(&mut players[which], fresh);
                    for _ in 0..30 {
                        let all: Vec<&Player> = players.iter().chain([&killed]).collect();
                        settle(&all, 1).await;
                    }
                }
                2 => players.iter().for_each(|player| player.cut.store(false, Ordering::Relaxed)),
                _ => {}
            }
            settle(&players.iter().collect::<Vec<_>>(), 1 + chance(20)).await;
        }
        let mut calm = Vec::new();
        for player in &players {
            player.lease.leave(None, &BTreeSet::new()).await;
            player.kill();
        }
        for number in 0..2 {
            calm.push(Player::join(&shelf, seed * 1000 + number, 0, None).await);
        }
        let all: Vec<&Player> = calm.iter().collect();
        settle(&all, 60).await.unwrap_or_else(|| panic!("seed {seed}: not everything is held"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_without_an_answer_is_handed_over_where_the_share_moves_meanwhile() {
    let shelf = Arc::new(Shelf::default());
    shelf.deaf.store(true, Ordering::Relaxed);
    let a = Player::join(&shelf, 1, 0, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(a.lease.held().is_empty(), "it does not know what it holds");
    let b = Player::join(&shelf, 2, 0, None).await;
    shelf.deaf.store(false, Ordering::Relaxed);
    let took = settle(&[&a, &b], 60).await.expect("everything is held");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_sent_twice_is_known_to_be_ours_also_where_it_was_taken_over() {
    let shelf = Arc::new(Shelf::default());
    let (a, b) = (Player::join(&shelf, 1, 0, None).await, Player::join(&shelf, 2, 0, None).await);
    settle(&[&a, &b], 30).await.expect("everything is held");
    shelf.twice.store(true, Ordering::Relaxed);
    a.kill();
    while b.lease.held().len() < apps().len() {
        let itself = apps().iter().any(|app| b.lease.holder(app) == Some(b.lease.me()));
        assert!(!itself, "it waits for itself");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn an_address_names_a_table_and_perhaps_a_region() {
    let address: Address = "dynamodb://leases?region=eu-west-1&create=true".parse().unwrap();
    assert_eq!(address, Address { table: "leases".into(), region: Some("eu-west-1".into()), create: true });
    for wrong in ["leases", "dynamodb://", "dynamodb://a b", "dynamodb://leases?zone=x", "s3://leases"] {
        assert!(wrong.parse::<Address>().is_err(), "{wrong}");
    }
}
