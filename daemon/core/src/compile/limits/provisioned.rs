//! Provisioned concurrency of an alias or a version.

use super::Check;
use super::known::{self, Known as _};

const PATH: &str = "ProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions";

pub(super) fn check(check: &mut Check<'_>) {
    if check.written(PATH).is_none() {
        return;
    }
    let place = check.place(PATH);
    if check.text("FunctionVersion") == Some("$LATEST") {
        check.refuse(
            "unsupported-together",
            place,
            format!("`{PATH}` is for published versions, and the alias points at `$LATEST`"),
            "let `FunctionVersion` be a published version",
        );
    }
    let function = check.written("FunctionName").and_then(|name| known::function(check.desired, name));
    let reserved = function
        .and_then(|function| known::at(&function.properties, "ReservedConcurrentExecutions"))
        .and_then(|node| Some((node.known_number()?, node.place)));
    if let (Some(wanted), Some((reserved, reserved_place))) = (check.number(PATH), reserved)
        && wanted > reserved
    {
        let complaint = check
            .error("out-of-range", place, format!("`{PATH}` is {wanted}, and its function has {reserved} reserved"))
            .help(format!("use {reserved} or less, or raise `ReservedConcurrentExecutions` of the function"))
            .related(reserved_place, "what is reserved");
        check.push(complaint);
    }
}
