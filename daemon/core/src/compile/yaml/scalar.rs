//! What a plain YAML scalar means: YAML 1.1 as PyYAML resolves it, because SAM reads templates with that.

use crate::model::Val;

/// A plain (unquoted, untagged) scalar's value.
///
/// Dates stay text (`2012-10-17` is a policy's version, not a day), and so does what would be a number too large for
/// 64 bits, so that no digit is lost.
pub fn resolve(text: &str) -> Val {
    let Some(first) = text.bytes().next() else { return Val::Null };
    match first {
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => Val::Null,
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            boolean(text).map_or_else(|| Val::Str(text.to_owned()), Val::Bool)
        }
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or_else(|| Val::Str(text.to_owned())),
        _ => Val::Str(text.to_owned()),
    }
}

/// YAML 1.1's booleans; single letters (`y`, `n`) are none, as in PyYAML.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A number in any of YAML 1.1's notations.
pub fn number(text: &str) -> Option<Val> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if let Some(value) = integer(digits) {
        let value = if negative { -value } else { value };
        // A number beyond 64 bits keeps its digits as text.
        return Some(i64::try_from(value).map_or_else(|_| Val::Str(text.to_owned()), Val::Int));
    }
    let signed = digits.len() != text.len();
    let value = float(digits, signed)?;
    Some(Val::Float(if negative { -value } else { value }))
}

/// An unsigned integer: `0b1`, `0755` (octal), `0x1F`, `1_000`, `1:30` (base 60).
fn integer(digits: &str) -> Option<i128> {
    let bytes = digits.as_bytes();
    let radix = |rest: &str, radix: u32| {
        let rest = rest.replace('_', "");
        i128::from_str_radix(&rest, radix).ok().filter(|_| !rest.starts_with(['+', '-']))
    };
    match bytes {
        [b'0'] => Some(0),
        [b'0', b'b', ..] => radix(&digits[2..], 2),
        [b'0', b'x', ..] => radix(&digits[2..], 16),
        [b'0', rest @ ..] if rest.iter().all(|b| matches!(b, b'0'..=b'7' | b'_')) => radix(digits, 8),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(|b| b.is_ascii_digit() || *b == b'_') => radix(digits, 10),
        [b'1'..=b'9', ..] if digits.contains(':') => {
            let mut parts = digits.split(':');
            let head = parts.next().filter(|head| head.bytes().all(|b| b.is_ascii_digit() || b == b'_'))?;
            parts.try_fold(radix(head, 10)?, |total, part| total.checked_mul(60)?.checked_add(i128::from(sixty(part)?)))
        }
        _ => None,
    }
}

/// A digit of base 60: one or two decimal digits below 60.
fn sixty(part: &str) -> Option<u8> {
    ((1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
        .then(|| part.parse().ok())
        .flatten()
        .filter(|value| *value < 60)
}

/// An unsigned float: `1.`, `1.5e+3`, `.5` (only without a sign), `1:30.5`, `.inf`, `.nan`. `1e3` is text.
fn float(digits: &str, signed: bool) -> Option<f64> {
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(f64::INFINITY);
    }
    if matches!(digits, ".nan" | ".NaN" | ".NAN") {
        return (!signed).then_some(f64::NAN);
    }
    let (whole, rest) = digits.split_once('.')?;
    if let Some((head, last)) = whole.rsplit_once(':') {
        let minutes = head.split(':').enumerate().try_fold(0f64, |total, (index, part)| {
            let value = if index == 0 {
                let part = part.replace('_', "");
                part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<f64>().ok()).flatten()?
            } else {
                f64::from(sixty(part)?)
            };
            Some(total * 60.0 + value)
        })?;
        let seconds = f64::from(sixty(last)?);
        let fraction = rest.replace('_', "");
        let fraction: f64 = if fraction.bytes().all(|b| b.is_ascii_digit()) {
            format!("0.{fraction}0").parse().ok()?
        } else {
            return None;
        };
        return Some(minutes * 60.0 + seconds + fraction);
    }
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let decimal = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let whole_fits = match whole.as_bytes().first() {
        Some(first) => first.is_ascii_digit() && decimal(whole),
        None => !signed && fraction.starts_with(|c: char| c.is_ascii_digit()),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let mut bytes = exponent.bytes();
        matches!(bytes.next(), Some(b'+' | b'-')) && bytes.len() > 0 && bytes.all(|b| b.is_ascii_digit())
    });
    if !whole_fits || !decimal(fraction) || !exponent_fits {
        return None;
    }
    digits.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_yaml_1_1_says() {
        for (text, value) in [
            ("", Val::Null),
            ("~", Val::Null),
            ("null", Val::Null),
            ("yes", Val::Bool(true)),
            ("On", Val::Bool(true)),
            ("off", Val::Bool(false)),
            ("FALSE", Val::Bool(false)),
            ("0", Val::Int(0)),
            ("0755", Val::Int(493)),
            ("-0x1F", Val::Int(-31)),
            ("0b1_01", Val::Int(5)),
            ("1_000", Val::Int(1000)),
            ("1:30", Val::Int(90)),
            ("+12", Val::Int(12)),
            ("1.", Val::Float(1.0)),
            ("1.5e+3", Val::Float(1500.0)),
            (".5", Val::Float(0.5)),
            ("1:30.5", Val::Float(90.5)),
            ("-.inf", Val::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_stays_text() {
        for text in [
            "2012-10-17",
            "0o17",
            "089",
            "012345678901",
            "1e3",
            "1.5e3",
            "-.5",
            "1.2.3",
            "y",
            "n",
            "nan",
            "-",
            "+",
            ".",
            "0x",
            "0b2",
            "1:90",
            "99999999999999999999",
            "2020-01-01T00:00:00Z",
            "1.2:3",
            "0x-1",
            "--1",
            "+-1",
            "é",
        ] {
            assert_eq!(resolve(text), Val::Str(text.to_owned()), "{text}");
        }
    }
}
