//! Values that specs refer to: parameters and secrets.

use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::Place;
use evenkeel_tests::aws::{Aws, Fault, Rules, Trouble};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_value_is_asked_for_again_where_the_call_was_throttled_broken_or_lost() {
    let aws = Aws::new(Rules::kind());
    aws.ask("ssm", "PutParameter", json!({"Name": "/shop/url", "Value": "db", "Type": "String"})).unwrap();
    let account = aws.connect().await;
    let throttled = Fault { code: "ThrottlingException".into(), status: 400, message: "Rate exceeded".into() };
    for trouble in [Trouble::Refused(throttled), Trouble::ServerError, Trouble::LostReply] {
        aws.trouble("GetParameters", trouble.clone());
        let needs = Needs { ssm: [("/shop/url".to_owned(), Place::NOWHERE)].into(), ..Needs::default() };
        let mut values = Values::default();
        let missing = account.fetch(&needs, &mut values).await;
        assert!(!missing.has_errors(), "{trouble:?}: {missing:?}");
        assert_eq!(values.ssm.get("/shop/url").map(String::as_str), Some("db"), "{trouble:?}");
    }
}
