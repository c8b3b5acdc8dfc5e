//! Answers that were cut short on their way and would pass for whole ones.
//!
//! The SDK takes an XML document that ends too early for one whose open elements end there, and an empty body for `{}`: a
//! listing would have lost its end, a role its tags. Both would be taken for absence. (Where the connection says that
//! bytes are missing, and where JSON breaks off, the SDK notices itself.)

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Makes a broken answer of one that is not whole; every client carries it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole;

#[dyn_dispatch_hint]
impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "evenkeel whole answers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        // What failed is told apart where failures are.
        if context.output_or_error().is_err() {
            return Ok(());
        }
        let Some(body) = response.body().bytes() else { return Ok(()) };
        let tells = cfg.load::<Metadata>().is_some_and(|call| tells(call.name()));
        if body.is_empty() && response.status().is_success() && tells {
            return Err("it is empty".into());
        }
        if is_cut(body) { Err("it ends too early".into()) } else { Ok(()) }
    }
}

/// Whether all that a call is for is what it answers.
fn tells(operation: &str) -> bool {
    ["List", "Get", "Describe", "Query"].iter().any(|verb| operation.starts_with(verb))
}

/// Whether a document of AWS's query protocols lacks its end. Its root is named `OperationResponse` or `ErrorResponse`;
/// what has another one is not AWS's, and not judged.
pub(crate) fn is_cut(body: &[u8]) -> bool {
    let Ok(mut rest) = std::str::from_utf8(body).map(str::trim) else { return false };
    while let Some(head) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        match head.split_once('>') {
            Some((_, after)) => rest = after.trim_start(),
            None => return head.starts_with("xml"),
        }
    }
    let Some(tag) = rest.strip_prefix('<') else { return false };
    let name = tag.split(|at: char| at.is_whitespace() || at == '>' || at == '/').next().unwrap_or_default();
    name.ends_with("Response") && !rest.ends_with(&format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: &str = r#"<?xml version="1.0"?>
<ListRolesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListRolesResult><IsTruncated>false</IsTruncated>
<Roles><member><RoleName>a</RoleName><Arn>b</Arn></member></Roles></ListRolesResult></ListRolesResponse>
"#;

    #[test]
    fn every_cut_through_a_listing_is_noticed() {
        // Of the declaration alone, and of half a root's name, nobody can say that it is AWS's: the SDK refuses both.
        let named = ROLES.find("Response").unwrap() + "Response".len();
        for at in named..ROLES.trim_end().len() {
            assert!(is_cut(&ROLES.as_bytes()[..at]), "{at}");
        }
    }

    #[test]
    fn what_is_whole_or_is_no_answer_of_aws_passes() {
        assert!(!is_cut(ROLES.as_bytes()));
        assert!(!is_cut(b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>"));
        assert!(!is_cut(br#"{"Functions": []}"#));
        assert!(!is_cut(b""));
        assert!(!is_cut(&[0xff, 0xfe, b'<']));
    }
}
