//! A role that was made anew under its name, seen from the functions that run with it.
//!
//! Lambda lets a role decrypt a function's variables by a grant to the role's id, made when the function is given role or
//! variables. A role of the same name that was made later has another id: every call fails, and no property shows it.
//! What tells is that the role was made after the function was last changed. The remedy is to give role and variables
//! again, which also moves that time, so nothing need be remembered. A change by somebody else in between moves it, too,
//! and hides what is due.

use evenkeel_core::plan::{Observation, Observed, Work};

/// What is sent to give the role again.
pub(super) const GIVEN: [&str; 3] = ["Role", "Environment", "KmsKeyArn"];

/// When the role of a function with variables was made, where that was after the function was last changed.
pub(super) fn made_anew(function: &Observed, world: &Observation) -> Option<String> {
    function.properties.get("Environment")?;
    let arn = function.properties.get("Role")?;
    let role = world.table(crate::role::spec::TYPE).get(arn.as_str()?.rsplit('/').next()?)?;
    if role.attributes.get("Arn") != Some(arn) {
        return None;
    }
    let of = |item: &Observed, name: &str| second(item.attributes.get(name)?.as_str()?);
    let (made, changed) = (of(role, "CreateDate")?, of(function, "LastModified")?);
    (changed < made).then_some(made)
}

/// Whether an update is to give the function the role that it has by name.
pub(super) fn is_given_again(work: &Work<'_>) -> bool {
    let there = work.observed.and_then(|observed| observed.properties.get("Role"));
    work.changed("Role") && there == work.desired.get("Role")
}

/// The second of a moment in UTC, in a form that sorts; IAM and Lambda write fractions and offset differently.
fn second(moment: &str) -> Option<String> {
    let (second, rest) = moment.split_at_checked("2026-01-01T00:00:00".len())?;
    let rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    ["Z", "+0000", "+00:00"].contains(&rest).then(|| second.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_understood_with_and_without_a_colon_in_its_offset() {
        let moments = ["2025-01-01T00:00:09.123+0000", "2025-01-01T00:00:09Z", "2025-01-01T00:00:09.123456+00:00"];
        for moment in moments {
            assert_eq!(second(moment).as_deref(), Some("2025-01-01T00:00:09"), "{moment}");
        }
        for moment in ["2025-01-01T00:00:09+0200", "2025", ""] {
            assert_eq!(second(moment), None, "{moment}");
        }
    }
}
