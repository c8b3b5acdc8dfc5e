//! Old versions: as many stay as the tree says.

use evenkeel_tests::Rig;

const PARTS: &str = "\
apiVersion: evenkeel.dev/v1
kind: App
metadata: {name: desk}
spec: {environments: {dev: {}}}
---
apiVersion: evenkeel.dev/v1
kind: Layer
metadata: {name: shared}
spec: {code: ./shared, compatibleRuntimes: [python3.13]}
---
apiVersion: evenkeel.dev/v1
kind: Function
metadata: {name: worker}
spec: {code: ./worker, handler: app.handler, runtime: python3.13, layers: [shared], rollout: {strategy: AllAtOnce}}
";

/// Writes code that nobody has seen before, into the function and into its layer.
fn write(rig: &Rig, round: u32) {
    rig.write("desk/worker/app.py", &format!("def handler(event, context):\n    return {round}\n"));
    rig.write("desk/shared/python/desk.py", &format!("ROUND = {round}\n"));
}

async fn versions(rig: &Rig) -> Vec<String> {
    let answer = rig.account.lambda.list_versions_by_function().function_name("desk-dev-worker").send().await.unwrap();
    let numbers = answer.versions().iter().filter_map(|version| version.version()).map(str::to_owned);
    numbers.filter(|version| version != "$LATEST").collect()
}

async fn layers(rig: &Rig) -> usize {
    let answer = rig.account.lambda.list_layer_versions().layer_name("desk-dev-shared").send().await.unwrap();
    answer.layer_versions().len()
}

#[tokio::test]
async fn old_versions_go_but_for_those_that_are_kept_referred_to_or_published_by_hand() {
    let rig = Rig::start().await;
    rig.write("evenkeel.yaml", "keep: 1\n");
    rig.write("desk/app.yaml", PARTS);
    write(&rig, 1);
    rig.once().await.exits(0);
    // Somebody relies on the first version.
    let own = rig.account.lambda.create_alias().function_name("desk-dev-worker").name("stable").function_version("1");
    own.send().await.unwrap();
    for round in 2..=5 {
        write(&rig, round);
        rig.once().await.exits(0);
        rig.plan().await.exits(0);
    }
    assert_eq!(versions(&rig).await, ["1", "4", "5"], "the newest, one old one, and what an alias refers to");
    assert_eq!(layers(&rig).await, 3, "each of these versions uses one");

    rig.account.lambda.delete_alias().function_name("desk-dev-worker").name("stable").send().await.unwrap();
    rig.once().await.exits(0);
    assert_eq!(versions(&rig).await, ["4", "5"]);
    rig.agrees();
    assert_eq!(rig.once().await.exits(0).json()["writes"], 0);

    let code = rig.account.lambda.update_function_configuration().function_name("desk-dev-worker").timeout(9);
    code.send().await.unwrap();
    let by_hand = rig.account.lambda.publish_version().function_name("desk-dev-worker").send().await.unwrap();
    let by_hand = by_hand.version().unwrap().to_owned();
    for round in 6..=8 {
        write(&rig, round);
        rig.once().await.exits(0);
    }
    let left = versions(&rig).await;
    assert!(left.contains(&by_hand), "{left:?}");
    assert_eq!(left.len(), 3, "{left:?}");
}
