//! The example application, as README runs it.

use std::path::Path;

use evenkeel_tests::Rig;

#[tokio::test]
async fn the_shop_converges_answers_and_rests() {
    let rig = Rig::start().await;
    rig.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs"), "");
    let words = "reconcile --once SPECS --app shop --env dev -o json";
    let report = rig.evenkeel(words).await.exits(0).json();
    assert_eq!(report["apps"][0]["ready"], true, "{report:#}");
    let answer = rig.account.invoke("shop-dev-checkout").await.unwrap();
    assert!(answer.contains("14.90 EUR"), "{answer}");
    rig.agrees();
    assert_eq!(rig.evenkeel(words).await.exits(0).json()["writes"], 0);
    rig.evenkeel("plan SPECS --app shop --env dev").await.exits(0);

    // An alias is kept as it is written, too.
    let aliases = rig.account.lambda.list_aliases().function_name("shop-dev-charge").send().await.unwrap();
    let alias = aliases.aliases()[0].name().unwrap().to_owned();
    let change = rig.account.lambda.update_alias().function_name("shop-dev-charge").name(&alias);
    change.function_version("$LATEST").send().await.unwrap();
    let plan = rig.evenkeel("plan SPECS --app shop --env dev -o json").await.exits(2);
    assert!(plan.paths().iter().any(|path| path.ends_with(": FunctionVersion")), "{:?}", plan.paths());
    rig.evenkeel(words).await.exits(0);
    rig.evenkeel("plan SPECS --app shop --env dev").await.exits(0);

    // Both environments of an application live side by side.
    rig.evenkeel("reconcile --once SPECS --app shop --env prod").await.exits(0);
    assert!(rig.account.invoke("shop-prod-checkout").await.is_ok());
    rig.evenkeel("plan SPECS --app shop --env all").await.exits(0);
}
