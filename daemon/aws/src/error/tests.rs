use super::*;

fn failure(code: &str, message: &str, status: u16) -> Failure {
    let (code, message) = (code.to_owned(), redact(message));
    Failure { service: "Lambda", what: What::Service, code, message, status, foreign: false }
}

#[test]
fn a_connection_closed_with_the_request_on_its_way_leaves_the_outcome_open() {
    use aws_sdk_lambda::operation::create_function::CreateFunctionError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::retry::ErrorKind;
    let of = |kind| {
        let error = ConnectorError::other("connection closed before message completed".into(), kind);
        Failure::of("Lambda", &SdkError::<CreateFunctionError, HttpResponse>::dispatch_failure(error))
    };
    let closed = of(Some(ErrorKind::TransientError));
    assert!(closed.is_passing(), "the same read may go through");
    assert!(matches!(closed.into_apply(), ApplyError::Uncertain(_)));
    assert!(matches!(of(None).into_apply(), ApplyError::Refused(_)), "nothing was sent");
}

/// An error answer as it comes over the wire.
fn answered(status: u16, code: Option<&str>, header: Option<&'static str>) -> Failure {
    use aws_sdk_lambda::operation::get_function_recursion_config::GetFunctionRecursionConfigError;
    let mut meta = aws_smithy_types::error::ErrorMetadata::builder();
    if let Some(code) = code {
        meta = meta.code(code);
    }
    let mut answer = answer(status, None, "<title>Not Found</title>");
    if let Some(header) = header {
        answer.headers_mut().insert(header, "1f0");
    }
    let error = GetFunctionRecursionConfigError::generic(meta.build());
    Failure::of("Lambda", &SdkError::service_error(error, answer))
}

#[test]
fn an_answer_without_code_and_request_id_says_that_there_is_no_such_call() {
    for status in [404, 405, 500, 501] {
        assert!(answered(status, None, None).is_unknown_call(), "{status}");
    }
    assert!(answered(404, Some("UnknownOperationException"), Some("x-amzn-requestid")).is_unknown_call());
    let unknown = "Unknown action: DescribeIndexPolicies";
    assert!(failure("InvalidOperationException", unknown, 400).is_unknown_call());
    assert!(!failure("InvalidOperationException", "The log group is protected", 400).is_unknown_call());
    // AWS that is in trouble, a gateway before it, and a thing that is not there.
    assert!(!answered(500, None, Some("x-amzn-RequestId")).is_unknown_call());
    assert!(!answered(500, Some("InternalFailure"), None).is_unknown_call());
    assert!(!answered(503, None, None).is_unknown_call());
    assert!(!answered(404, Some("ResourceNotFoundException"), Some("x-amzn-requestid")).is_unknown_call());
    // Such an answer proves no absence, and a write that got it may have been carried out.
    assert!(!answered(404, None, None).is_absent());
    assert!(matches!(answered(500, None, None).into_apply(), ApplyError::Uncertain(_)));
}

#[test]
fn half_an_error_proves_nothing() {
    use aws_sdk_iam::operation::get_role::GetRoleError;
    let whole = "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
    let of = |body: &str| {
        let meta = aws_smithy_types::error::ErrorMetadata::builder().code("NoSuchEntity").build();
        let error = GetRoleError::generic(meta);
        Failure::of("IAM", &SdkError::service_error(error, answer(404, None, body)))
    };
    assert!(of(whole).is_absent());
    let half = of(whole.strip_suffix("</ErrorResponse>").unwrap());
    assert!(!half.is_absent() && half.is_passing());
}

#[test]
fn what_each_service_says_of_a_thing_that_has_gone_means_absent() {
    for code in ["ResourceNotFoundException", "NotFound", "ResourceNotFound", "InvalidResourceId", "NoSuchEntity"] {
        assert!(failure(code, "", 400).is_absent(), "{code}");
    }
}

fn answer(status: u16, header: Option<&str>, body: &str) -> HttpResponse {
    let body = aws_smithy_types::body::SdkBody::from(body);
    let mut answer = HttpResponse::new(status.try_into().unwrap(), body);
    if let Some(code) = header {
        answer.headers_mut().insert("x-amzn-errortype", code.to_owned());
    }
    answer
}

#[test]
fn an_answer_that_asks_for_fewer_calls_is_known_in_every_protocol() {
    assert!(is_throttling(&answer(429, Some("TooManyRequestsException"), r#"{"message":"Rate exceeded"}"#)));
    assert!(is_throttling(&answer(400, None, r#"{"__type":"com.amazonaws.ssm#ThrottlingException"}"#)));
    assert!(is_throttling(&answer(400, Some("ThrottlingException:http://internal/"), "")));
    let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>";
    assert!(is_throttling(&answer(400, None, xml)));
    assert!(is_throttling(&answer(503, None, "<Error><Code>SlowDown</Code></Error>")));
}

#[test]
fn other_errors_do_not_slow_the_limiter() {
    assert!(!is_throttling(&answer(200, None, r#"{"Description":"Throttling"}"#)));
    assert!(!is_throttling(&answer(400, None, r#"{"__type":"ValidationException","message":"Throttling"}"#)));
    assert!(!is_throttling(&answer(500, None, "")));
    assert!(!is_throttling(&answer(409, Some("LimitExceeded"), "")));
}

#[test]
fn an_update_in_progress_is_waited_for_and_another_conflict_is_looked_at_again() {
    let busy = failure(
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn",
        409,
    );
    assert!(matches!(busy.into_apply(), ApplyError::Wait { .. }));
    let exists = failure("ResourceConflictException", "Function already exist: f", 409);
    assert!(matches!(exists.into_apply(), ApplyError::Conflict(_)));
}

#[test]
fn a_role_that_has_not_spread_is_waited_for_with_a_limit() {
    let lag = failure(
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
        400,
    );
    let ApplyError::Wait { patience, .. } = lag.into_apply() else { panic!("must wait") };
    assert!(patience <= Duration::from_secs(900));
    let wrong = failure("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes", 400);
    assert!(matches!(wrong.into_apply(), ApplyError::Refused(_)));
}

#[test]
fn a_server_error_leaves_the_outcome_open_and_a_throttle_does_not() {
    assert!(matches!(failure("InternalFailure", "", 500).into_apply(), ApplyError::Uncertain(_)));
    assert!(matches!(failure("ThrottlingException", "Rate exceeded", 400).into_apply(), ApplyError::Throttled(_)));
    assert!(matches!(failure("SlowDown", "", 503).into_apply(), ApplyError::Throttled(_)));
}

#[test]
fn a_code_means_the_same_with_the_prefix_that_sqs_had_before_json() {
    let old = |code: &str, status| failure(&format!("AWS.SimpleQueueService.{code}"), "", status);
    assert!(matches!(old("RequestThrottled", 403).into_apply(), ApplyError::Throttled(_)));
    assert!(matches!(old("QueueDeletedRecently", 400).into_apply(), ApplyError::Wait { .. }));
    assert!(matches!(old("PurgeQueueInProgress", 403).into_apply(), ApplyError::Wait { .. }));
    assert!(old("NonExistentQueue", 400).is_absent());
}

#[test]
fn an_error_that_was_cut_short_on_its_way_is_asked_for_again() {
    let cut = failure("", "HTTP status 400", 400);
    assert!(cut.is_passing());
    assert!(matches!(cut.into_apply(), ApplyError::Uncertain(_)));
    let barred = failure("", "HTTP status 403", 403);
    assert!(barred.is_passing());
    assert!(matches!(barred.into_apply(), ApplyError::Denied(_)));
    assert!(!failure("ValidationException", "no", 400).is_passing());
}

#[test]
fn a_key_service_that_throttles_whom_it_serves_is_a_throttle() {
    for code in ["KMSThrottlingException", "KMSThrottling", "KMS.ThrottlingException"] {
        assert!(matches!(failure(code, "Rate exceeded", 400).into_apply(), ApplyError::Throttled(_)), "{code}");
    }
}

#[test]
fn environment_values_never_come_back_in_an_error() {
    let echo = failure(
        "InvalidParameterValueException",
        "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {\"KEY\":\"hunter2\"}",
        400,
    );
    assert!(!echo.sentence().contains("hunter2"));
    assert!(echo.sentence().contains("4KB"));
    for place in ["value", "environment.variables", "secretString"] {
        let said = format!(
            "1 validation error detected: Value '{{K=hunter2 at 'value' hunter2}}' at '{place}' failed to satisfy constraint: Member must have length less than or equal to 4096"
        );
        let echo = failure("ValidationException", &said, 400).sentence();
        assert!(!echo.contains("hunter2") && echo.contains("was not accepted"), "{echo}");
    }
    let masked = "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length less than or equal to 4096";
    assert!(failure("ValidationException", masked, 400).sentence().contains("4096"), "it holds no value");
}

#[test]
fn a_missing_permission_is_denied() {
    let denied = failure("AccessDeniedException", "User: x is not authorized to perform: lambda:GetFunction", 403);
    assert!(matches!(denied.into_apply(), ApplyError::Denied(_)));
}
