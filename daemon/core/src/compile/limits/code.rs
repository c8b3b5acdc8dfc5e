//! Where a function's code comes from, and what that allows.

use super::{Check, listed};
use crate::model::Node;

/// Inline code, bytes. Source: `AWS::Lambda::Function` Code.
const INLINE_LIMIT: usize = 4 << 20;

pub(super) fn check(check: &mut Check<'_>) {
    let inline = check.written("Code.ZipFile");
    if let Some(text) = inline.and_then(Node::as_str)
        && text.len() > INLINE_LIMIT
    {
        check.refuse(
            "code-too-large",
            check.place("Code.ZipFile"),
            format!("the inline code has {} bytes; AWS takes {INLINE_LIMIT} (4 MB)", text.len()),
            "keep it in a folder beside the spec",
        );
    }
    let is_image = check.written("Code.ImageUri").is_some();
    let package = check.text("PackageType");
    match package {
        Some("Zip") if is_image => {
            check.refuse(
                "unsupported-together",
                check.place("Code.ImageUri"),
                "`Code.ImageUri` needs `PackageType: Image`",
                "an image is not a zip: say `PackageType: Image`",
            );
        }
        None if is_image && check.written("PackageType").is_none() => {
            check.refuse(
                "missing-property",
                check.place("Code.ImageUri"),
                "`Code.ImageUri` needs `PackageType: Image`",
                "without `PackageType` AWS takes the code for a zip",
            );
        }
        _ => {}
    }
    if package == Some("Image") || (is_image && package.is_none()) {
        let extra: Vec<&str> =
            ["Handler", "Runtime", "Layers"].into_iter().filter(|name| is_given(check, name)).collect();
        if let Some(first) = extra.first() {
            check.refuse(
                "unsupported-together",
                check.place(first),
                format!("a function of a container image has no {}", listed(&extra)),
                "the image holds them: leave them out here",
            );
        }
        return;
    }
    if let Some(image) =
        check.written("ImageConfig").filter(|_| check.written("PackageType").is_none() || package.is_some())
    {
        check.refuse(
            "unsupported-together",
            image.place,
            "`ImageConfig` is for functions of a container image",
            "say `PackageType: Image`, or leave it out",
        );
    }
    zip(check, inline.is_some());
}

fn is_given(check: &Check<'_>, name: &str) -> bool {
    check.written(name).is_some_and(|node| node.as_list().is_none_or(|list| !list.is_empty()))
}

fn zip(check: &mut Check<'_>, inline: bool) {
    // A package type or code behind an intrinsic may be anything.
    if check.known("Code").is_none() || check.written("PackageType").is_some_and(|node| node.as_call().is_some()) {
        return;
    }
    for name in ["Handler", "Runtime"] {
        if check.written(name).is_none() {
            check.refuse(
                "missing-property",
                check.resource.place,
                format!("`{name}` is missing"),
                "only functions of a container image have none",
            );
        }
    }
    if let Some(runtime) = check.text("Runtime")
        && inline
        && !(runtime.starts_with("nodejs") || runtime.starts_with("python"))
    {
        check.refuse(
            "unsupported-together",
            check.place("Code.ZipFile"),
            format!("inline code cannot be for the runtime `{runtime}`"),
            "AWS takes inline code for Node.js and Python; keep other code in a folder beside the spec",
        );
    }
}
