use super::super::tests::application;
use super::*;
use crate::model::Severity;

fn advice(desired: &Desired) -> Vec<Diagnostic> {
    let mut out = Diagnostics::new();
    check(desired, &mut out);
    out.iter().cloned().collect()
}

fn codes(text: &str) -> Vec<&'static str> {
    advice(&application(text)).iter().map(|one| one.code).collect()
}

const BARE: &str = "F: [AWS::Lambda::Function, {FunctionName: shop}]\n";

#[test]
fn functions_of_a_template_without_a_log_group_are_told_once() {
    let all = advice(&application(&format!("{BARE}G: [AWS::Lambda::Function, {{}}]")));
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((one.code, one.severity, one.place.line), ("log-retention", Severity::Advice, 1));
    assert!(one.message.starts_with("`F`, `G`: logs never expire"), "{}", one.message);
}

#[test]
fn a_log_group_is_found_by_reference_by_name_or_by_the_functions_own_choice() {
    let group = |name: &str| format!("L: [AWS::Logs::LogGroup, {{LogGroupName: {name}}}]\n");
    for name in ["/aws/lambda/shop", "!Join [\"\", [/aws/lambda/, !Ref F]]"] {
        assert_eq!(codes(&format!("{BARE}{}", group(name))), Vec::<&str>::new(), "{name}");
    }
    assert_eq!(codes(&format!("{BARE}{}", group("/aws/lambda/shop-2"))), ["log-retention"]);
    let joined = "F: [AWS::Lambda::Function, {FunctionName: !Join [\"\", [a-, !Ref X]]}]\n";
    assert_eq!(codes(&format!("{joined}{}", group("!Join [\"\", [/aws/lambda/a-, !Ref X]]"))), Vec::<&str>::new());
    assert_eq!(codes(&format!("{joined}{}", group("!Join [\"\", [/aws/lambda/b-, !Ref X]]"))), ["log-retention"]);
    let own = "F: [AWS::Lambda::Function, {LoggingConfig: {LogGroup: x}}]\n";
    assert_eq!(codes(own), Vec::<&str>::new());
}

#[test]
fn native_functions_have_log_groups_already() {
    let mut desired = application(BARE);
    desired.source = SpecSource::Native;
    assert_eq!(advice(&desired), vec![]);
}

#[test]
fn a_queue_that_hides_messages_less_than_six_timeouts_is_advised() {
    let text = |visibility: u32| {
        format!(
            "M: [AWS::Lambda::EventSourceMapping, {{EventSourceArn: !GetAtt Q.Arn, FunctionName: !Ref F}}]\n\
             Q: [AWS::SQS::Queue, {{VisibilityTimeout: {visibility}}}]\n\
             F: [AWS::Lambda::Function, {{Timeout: 10, LoggingConfig: {{LogGroup: x}}}}]\n"
        )
    };
    assert_eq!(codes(&text(59)), ["visibility-timeout"]);
    assert_eq!(codes(&text(60)), Vec::<&str>::new());
    assert_eq!(codes(&text(9)), Vec::<&str>::new(), "less than the timeout is an error, told elsewhere");
}

#[test]
fn advice_does_not_fail_a_check() {
    let mut out = Diagnostics::new();
    check(&application(BARE), &mut out);
    assert!(!out.is_empty() && !out.has_errors());
}
