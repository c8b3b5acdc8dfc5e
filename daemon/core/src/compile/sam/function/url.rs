//! `FunctionUrlConfig`: a URL for the function, or for its alias.

use crate::model::{Diagnostic, Node, Val};

use super::super::artifact::is_truthy;
use super::super::intrinsics::is_intrinsic;
use super::super::made::Made;
use super::super::props::Props;
use super::super::source::Source;
use super::checks;
use super::version::Published;

/// The URL, and for `AuthType: NONE` the two permissions that a public URL needs.
pub(super) fn expand(source: &Source, props: &Props, published: Option<&Published>) -> Result<Vec<Made>, Diagnostic> {
    let Some(config) = props.get("FunctionUrlConfig").filter(|config| is_truthy(config)) else { return Ok(Vec::new()) };
    let place = props.place_of("FunctionUrlConfig");
    let auth = config.get("AuthType").filter(|node| node.value != Val::Null);
    if !is_intrinsic(config) {
        let known = match auth {
            Some(auth) => is_intrinsic(auth) || matches!(auth.as_str(), Some("AWS_IAM" | "NONE")),
            None => false,
        };
        if !known {
            return Err(
                props.error("FunctionUrlConfig", "`FunctionUrlConfig` requires an `AuthType` of AWS_IAM or NONE")
            );
        }
        if let Some(cors) = config.get("Cors") {
            checks::url_cors(props, cors)?;
        }
    }
    let target = match published {
        Some(published) => published.alias.reference(),
        None => Node::reference(&source.id, place),
    };
    let url = Made::new(format!("{}Url", source.id), "AWS::Lambda::Url", place)
        .attributes(source.handed_on())
        .maybe("Cors", config.get("Cors").filter(|cors| is_truthy(cors)).cloned())
        .maybe("AuthType", auth.cloned())
        .with("TargetFunctionArn", target.clone())
        .maybe("InvokeMode", config.get("InvokeMode").filter(|node| node.value != Val::Null).cloned());
    let mut made = vec![url];
    if let Some("NONE") = auth.and_then(Node::as_str) {
        let permission = |suffix: &str, action: &str| {
            Made::new(format!("{}{suffix}", source.id), "AWS::Lambda::Permission", place)
                .attributes(source.handed_on())
                .with("Action", Node::str(action, place))
                .with("FunctionName", target.clone())
                .with("Principal", Node::str("*", place))
        };
        made.push(
            permission("UrlPublicPermissions", "lambda:InvokeFunctionUrl")
                .with("FunctionUrlAuthType", Node::str("NONE", place)),
        );
        made.push(
            permission("URLInvokeAllowPublicAccess", "lambda:InvokeFunction")
                .with("InvokedViaFunctionUrl", Node::new(Val::Bool(true), place)),
        );
    }
    Ok(made)
}
