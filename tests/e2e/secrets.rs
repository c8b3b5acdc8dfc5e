//! Values that nobody may read are read by nobody.

use evenkeel_tests::Rig;

use crate::desk;

const FIRST: &str = "hunter2-first";
const SECOND: &str = "hunter2-second";
const FOREIGN: &str = "hunter2-foreign";

#[tokio::test]
async fn secret_values_never_stand_in_any_output() {
    let rig = Rig::start().await;
    desk::write(&rig);
    rig.edit("desk/app.yaml", "spec:\n", "spec:\n  parameters: {Password: {noEcho: true}}\n");
    rig.write(
        "desk/secret.yaml",
        "apiVersion: evenkeel.dev/v1\nkind: Parameter\nmetadata: {name: password}\nspec: {type: SecureString, value: !Ref Password}\n",
    );
    rig.edit(
        "desk/parts.yaml",
        "{GREETING: {parameter: greeting}}",
        "{GREETING: {parameter: greeting}, PASSWORD: !Ref Password}",
    );
    let check = |text: &str, what: &str| assert!(!text.contains("hunter2"), "{what} tells a secret:\n{text}");
    let flags = |value: &str| format!("SPECS --env dev --parameter Password={value}");

    for verb in ["validate", "render", "render -o json", "plan", "plan -o json", "plan -o markdown"] {
        let ran = rig.evenkeel(&format!("{} {}", verb, flags(FIRST))).await;
        assert!([0, 2].contains(&ran.code), "{verb}: {}", ran.text());
        check(&ran.text(), verb);
    }
    let ran = rig.evenkeel(&format!("reconcile --once -o json {}", flags(FIRST))).await.exits(0);
    check(&ran.text(), "reconcile");
    let read = async || {
        let ask = rig.account.ssm.get_parameter().name("/desk/dev/password").with_decryption(true);
        ask.send().await.unwrap().parameter().unwrap().value().unwrap().to_owned()
    };
    assert_eq!(read().await, FIRST);

    // Somebody changed both, and the spec wants a third value: no side of the difference is shown.
    rig.account.ssm.put_parameter().name("/desk/dev/password").value(FOREIGN).overwrite(true).send().await.unwrap();
    for output in ["text", "json", "markdown"] {
        let ran = rig.evenkeel(&format!("plan -o {output} {}", flags(SECOND))).await.exits(2);
        check(&ran.text(), output);
        let named = ran.stdout.contains("password") && ran.stdout.contains("PASSWORD");
        assert!(named, "the difference is named all the same: {}", ran.stdout);
    }
    let daemon = rig.daemon(&format!("--env dev --parameter Password={SECOND}")).await;
    daemon.ready("desk/dev").await;
    assert_eq!(read().await, SECOND);
    for words in
        ["status", "status -o json", "get -o wide", "get -o yaml", "describe desk/dev/password", "events -o json"]
    {
        check(&daemon.ask(words).await, words);
    }
    check(&daemon.log(), "the log");
    daemon.terminate().await;
}
