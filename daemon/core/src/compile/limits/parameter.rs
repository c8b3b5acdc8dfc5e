//! Parameters: names, levels, sizes.

use super::Check;
use super::known::Known as _;
use crate::model::Node;

/// Source: PutParameter. Name and the ARN before it together.
const NAME_LIMIT: usize = 1011;
const MOST_LEVELS: usize = 15;
/// Source: PutParameter, bytes.
const STANDARD: usize = 4096;
const ADVANCED: usize = 8192;

pub(super) fn check(check: &mut Check<'_>) {
    name(check);
    value(check);
    let tier = check.written("Tier");
    let standard = tier.is_none_or(|tier| tier.known_text() == Some("Standard"));
    if standard && check.written("Policies").is_some_and(|policies| policies.as_str() != Some("")) {
        check.refuse(
            "unsupported-together",
            check.place("Policies"),
            "`Policies` needs `Tier: Advanced`",
            "standard parameters have no policies",
        );
    }
}

fn name(check: &mut Check<'_>) {
    let Some(name) = check.text("Name") else { return };
    let place = check.place("Name");
    let mut refuse = |message: String, help: &str| check.refuse("bad-name", place, message, help);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c)) {
        refuse(format!("a parameter cannot be called `{name}`"), "a name has letters, digits, `_`, `.`, `-` and `/`");
        return;
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if let Some(taken) = ["aws", "ssm"].into_iter().find(|taken| first.starts_with(taken)) {
        refuse(
            format!("a parameter cannot be called `{name}`: names that begin with `{taken}` are AWS's"),
            "choose another beginning",
        );
    }
    if name.contains('/') && !name.starts_with('/') {
        refuse(format!("a parameter cannot be called `{name}`"), "a name of several levels begins with `/`");
    }
    let inner = name.strip_prefix('/').unwrap_or(name);
    if inner.split('/').any(str::is_empty) {
        refuse(format!("a parameter cannot be called `{name}`"), "a level has a name of its own");
    }
    let levels = inner.split('/').count();
    if levels > MOST_LEVELS {
        refuse(format!("`Name` has {levels} levels; AWS takes {MOST_LEVELS}"), "use fewer `/`");
    }
    // The shortest region's name where the region is not known.
    let region = check.desired.region.as_deref().map_or(9, str::len);
    let before = "arn:aws:ssm::111122223333:parameter/".len() + region;
    if before + inner.len() > NAME_LIMIT {
        let most = NAME_LIMIT.saturating_sub(before);
        let message = format!("`Name` has {} characters; AWS takes {most} here", inner.len());
        check.refuse("bad-name", place, message, "the ARN that the name becomes part of counts");
    }
}

fn value(check: &mut Check<'_>) {
    // A secret may be read here: nothing of it stands in a complaint.
    let Some(value) = check.known("Value").and_then(Node::as_str).filter(|text| !text.contains("{{resolve:")) else {
        return;
    };
    let place = check.place("Value");
    if value.is_empty() {
        check.refuse("bad-value", place, "`Value` is empty, which AWS does not take", "give it a value");
    }
    if value.contains("{{") {
        check.refuse("bad-value", place, "`Value` holds `{{`, which AWS does not take", "write it without");
    }
    let size = value.len();
    let tier = check.written("Tier");
    let standard = tier.is_some_and(|tier| tier.known_text() == Some("Standard"));
    let most = if standard { STANDARD } else { ADVANCED };
    if size > most {
        check.refuse(
            "value-too-large",
            place,
            format!("`Value` has {size} bytes; AWS takes {most}"),
            if standard { "with `Tier: Advanced` it takes 8,192" } else { "keep it in a file of the code, or in S3" },
        );
    } else if size > STANDARD && tier.is_none() {
        check.warn(
            "value-too-large",
            place,
            format!("`Value` has {size} bytes; a standard parameter takes {STANDARD}"),
            "say `Tier: Advanced`, unless the account's default tier is `Intelligent-Tiering`",
        );
    }
}
