//! Names that the schemas let pass.

use super::Check;

pub(super) fn check_layer(check: &mut Check<'_>) {
    // Lambda's API takes an ARN here too.
    let is_arn = check.text("LayerName").is_some_and(|name| name.starts_with("arn:"));
    if !is_arn {
        made_of(check, "LayerName", "-_", "letters, digits, `-` and `_`", 140);
    }
}

pub(super) fn check_log_group(check: &mut Check<'_>) {
    made_of(check, "LogGroupName", "-_./#", "letters, digits and `-_./#`", 512);
}

fn made_of(check: &mut Check<'_>, path: &str, marks: &str, words: &str, most: usize) {
    let Some(name) = check.text(path) else { return };
    let length = name.chars().count();
    if length > most {
        let message = format!("`{path}` has {length} characters; AWS takes {most}");
        check.refuse("bad-name", check.place(path), message, "shorten it");
    } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c)) {
        let message = format!("`{path}` cannot be `{name}`");
        check.refuse("bad-name", check.place(path), message, format!("a name has {words}"));
    }
}
