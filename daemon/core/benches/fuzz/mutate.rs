//! Mutations of text and of values.

use evenkeel_core::compile::yaml::{self, Duplicates};
use evenkeel_core::model::FileId;
use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::seeds::Seeds;

/// What a case is compiled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Template,
    Manifest,
    Samconfig,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Template => "templates",
            Kind::Manifest => "manifests",
            Kind::Samconfig => "samconfigs",
        }
    }
}

/// A text to compile.
pub struct Case {
    pub number: u64,
    pub kind: Kind,
    pub text: String,
}

/// Longest text of a case, bytes: mutation multiplies.
const LONGEST: usize = 1 << 20;

impl Case {
    /// The case of a number: always the same for the same seed.
    pub fn new(seeds: &Seeds, seed: u64, number: u64) -> Case {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let kind = match rng.u32(0..10) {
            0..7 => Kind::Template,
            7..9 => Kind::Manifest,
            _ => Kind::Samconfig,
        };
        let of_kind = match kind {
            Kind::Template => &seeds.templates,
            Kind::Manifest => &seeds.manifests,
            Kind::Samconfig => &seeds.samconfigs,
        };
        let pick = |rng: &mut Rng| of_kind.get(rng.usize(0..of_kind.len())).cloned().unwrap_or_default();
        let mut text = pick(&mut rng);
        let other = pick(&mut rng);
        // One in two as values where the text can be read as such, one in two as text; some as both.
        let way = rng.u32(0..8);
        if way < 4 && kind != Kind::Samconfig {
            text = values(&text, &other, &mut rng).unwrap_or(text);
        }
        if way >= 3 || kind == Kind::Samconfig {
            for _ in 0..rng.usize(1..6) {
                text = self::text(text, &other, &mut rng);
            }
        }
        if text.len() > LONGEST {
            let end = text.floor_char_boundary(LONGEST);
            text.truncate(end);
        }
        Case { number, kind, text }
    }
}

/// Pieces of YAML, JSON, TOML and of the template language that mean something where they land.
const PIECES: &[&str] = &[
    "!Ref ",
    "!GetAtt ",
    "!Sub ",
    "!If ",
    "!Join ",
    "!Select ",
    "!FindInMap ",
    "!Foo ",
    "!!str ",
    "!!binary ",
    "&a ",
    "*a",
    "<<: *a",
    "- ",
    ": ",
    "? ",
    "|",
    ">-",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "---",
    "...",
    "%YAML 1.2",
    "\t",
    "\n",
    "\n  ",
    "\n      ",
    "\r\n",
    "\u{0}",
    "\u{feff}",
    "\u{2028}",
    "é",
    "💥",
    "null",
    "~",
    "true",
    "NO",
    "on",
    "0x1F",
    "0o17",
    "0755",
    "1e999",
    ".nan",
    "-.inf",
    "9223372036854775808",
    "-9223372036854775809",
    "1_000",
    "12:30:45",
    "2012-10-17",
    "${",
    "${}",
    "${A",
    "${!A}",
    "${AWS::Region}",
    "${Fn.Arn}",
    "{{resolve:ssm:/a}}",
    "{{resolve:",
    "}}",
    "{{resolve:secretsmanager:x:SecretString:a}}",
    "Fn::Sub: ",
    "Fn::ForEach::X: ",
    "Fn::Transform: ",
    "Ref: ",
    "AWS::NoValue",
    "AWS::Serverless::Function",
    "AWS::Include",
    "Properties: ",
    "Resources: ",
    "Transform: AWS::LanguageExtensions\n",
    "Type: ",
    "DependsOn: ",
    "Condition: ",
    "case.yaml",
    "self.yaml",
    "[[",
    "]]",
    " = ",
    "\"\"\"",
    "'''",
    "[a.b.c]",
    "\\",
    "\\u0000",
    "\\x",
    "arn:aws:lambda:eu-west-1:123456789012:function:x",
    "rate(1 minute)",
];

/// One change of a text.
fn text(mut text: String, other: &str, rng: &mut Rng) -> String {
    let at = boundary(&text, rng);
    let to = boundary(&text, rng);
    let (from, to) = (at.min(to), at.max(to));
    match rng.u32(0..14) {
        0 => text.insert_str(at, PIECES[rng.usize(0..PIECES.len())]),
        1 => {
            let to = text.floor_char_boundary(to.min(from + 40));
            text.replace_range(from..to, PIECES[rng.usize(0..PIECES.len())]);
        }
        2 => {
            let to = text.floor_char_boundary(to.min(from + 200));
            text.replace_range(from..to, "");
        }
        3 => lines(&mut text, rng, |lines, at, _| {
            lines.remove(at);
        }),
        4 => lines(&mut text, rng, |lines, at, to| {
            let line = lines[at].clone();
            lines.insert(to, line);
        }),
        5 => lines(&mut text, rng, |lines, at, to| lines.swap(at, to)),
        6 => lines(&mut text, rng, |lines, at, to| {
            // Another indentation.
            lines[at] = format!("{}{}", " ".repeat(to % 12), lines[at].trim_start());
        }),
        7 => {
            let (a, b) = (boundary(other, rng), boundary(other, rng));
            let b = other.floor_char_boundary(a.max(b).min(a.min(b) + 2000));
            text.insert_str(at, &other[a.min(b)..b]);
        }
        8 => {
            let to = text.floor_char_boundary(to.min(from + 300));
            let piece = text[from..to].repeat(rng.usize(1..40));
            text.insert_str(at, &piece);
        }
        9 => text.insert_str(at, &PIECES[rng.usize(0..PIECES.len())].repeat(1 << rng.usize(0..14))),
        10 => text.truncate(at),
        11 => {
            // An anchor, and aliases of it.
            text = text.replacen(": ", ": &a ", 1);
            let at = text.floor_char_boundary(at.min(text.len()));
            text.insert_str(at, " *a ");
        }
        12 => {
            let word = words(&text, rng);
            let instead = if rng.bool() { words(other, rng) } else { PIECES[rng.usize(0..PIECES.len())].to_owned() };
            if !word.is_empty() {
                text = if rng.bool() { text.replace(&word, &instead) } else { text.replacen(&word, &instead, 1) };
            }
        }
        _ => {
            // A flipped bit, where the text stays one.
            let mut bytes = text.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u32(0..7);
            }
            text = String::from_utf8(bytes).unwrap_or(text);
        }
    }
    if text.len() > LONGEST {
        let end = text.floor_char_boundary(LONGEST);
        text.truncate(end);
    }
    text
}

fn boundary(text: &str, rng: &mut Rng) -> usize {
    text.floor_char_boundary(rng.usize(0..=text.len()))
}

fn lines(text: &mut String, rng: &mut Rng, change: impl FnOnce(&mut Vec<String>, usize, usize)) {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if !lines.is_empty() {
        let (at, to) = (rng.usize(0..lines.len()), rng.usize(0..lines.len()));
        change(&mut lines, at, to);
    }
    *text = lines.concat();
}

fn words(text: &str, rng: &mut Rng) -> String {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != ':').filter(|word| word.len() > 1).collect();
    if words.is_empty() { String::new() } else { words[rng.usize(0..words.len())].to_owned() }
}

/// Changes values of a text and writes them as JSON, one document after the other; `None` where it cannot be read.
fn values(text: &str, other: &str, rng: &mut Rng) -> Option<String> {
    let read = |text: &str| {
        let reading = yaml::read(text, FileId(0), Duplicates::LastWins).ok()?;
        Some(reading.documents.iter().map(evenkeel_core::model::Node::to_json).collect::<Vec<Json>>())
    };
    let mut documents = read(text)?;
    let mut strange = Vec::new();
    for document in read(other).unwrap_or_default().iter().chain(&documents) {
        let mut paths = Vec::new();
        pointers(document, String::new(), &mut paths);
        for _ in 0..4 {
            if let Some(value) = paths.get(rng.usize(0..paths.len().max(1))).and_then(|path| document.pointer(path)) {
                strange.push(value.clone());
            }
        }
    }
    for _ in 0..rng.usize(1..6) {
        let index = rng.usize(0..documents.len().max(1));
        let document = documents.get_mut(index)?;
        let mut paths = Vec::new();
        pointers(document, String::new(), &mut paths);
        let path = paths.get(rng.usize(0..paths.len().max(1)))?.clone();
        change(document, &path, &strange, rng);
    }
    let texts = documents.iter().map(|document| {
        if rng.bool() { serde_json::to_string_pretty(document).unwrap_or_default() } else { document.to_string() }
    });
    Some(texts.collect::<Vec<_>>().join("\n---\n"))
}

fn pointers(value: &Json, at: String, out: &mut Vec<String>) {
    match value {
        Json::Object(map) => {
            for (key, child) in map {
                pointers(child, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Json::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                pointers(child, format!("{at}/{index}"), out);
            }
        }
        _ => {}
    }
    out.push(at);
}

fn change(document: &mut Json, path: &str, strange: &[Json], rng: &mut Rng) {
    let Some(value) = document.pointer_mut(path) else { return };
    let any = |rng: &mut Rng| -> Json {
        match rng.u32(0..4) {
            0 if !strange.is_empty() => strange[rng.usize(0..strange.len())].clone(),
            1 => json!(PIECES[rng.usize(0..PIECES.len())]),
            2 => [
                json!(null),
                json!(true),
                json!(-1),
                json!(1.5),
                json!(u64::MAX),
                json!([]),
                json!({}),
                json!(""),
                json!([[]]),
                json!("AWS::NoValue"),
            ][rng.usize(0..10)]
            .clone(),
            _ => call(json!(PIECES[rng.usize(0..PIECES.len())]), rng),
        }
    };
    let new = any(rng);
    match rng.u32(0..7) {
        0 | 1 => *value = new,
        2 => {
            let inner = std::mem::take(value);
            *value = call(inner, rng);
        }
        3 => match value {
            Json::Object(map) if !map.is_empty() => {
                let key = map.keys().nth(rng.usize(0..map.len())).cloned().unwrap_or_default();
                let taken = map.shift_remove(&key).unwrap_or_default();
                if rng.bool() {
                    map.insert(format!("{key}{}", ["x", " ", "2", ""][rng.usize(0..4)]), taken);
                }
            }
            Json::Array(items) if !items.is_empty() => {
                let at = rng.usize(0..items.len());
                let item = items[at].clone();
                if rng.bool() { items.insert(at, item) } else { drop(items.remove(at)) }
            }
            _ => *value = new,
        },
        4 => match value {
            Json::Object(map) => {
                let keys = [
                    "Type",
                    "Properties",
                    "Condition",
                    "DependsOn",
                    "Ref",
                    "Fn::If",
                    "Fn::ForEach::A",
                    "Events",
                    "Auth",
                    "Policies",
                    "spec",
                    "x",
                ];
                map.insert(keys[rng.usize(0..keys.len())].to_owned(), new);
            }
            Json::Array(items) => items.push(new),
            _ => *value = json!([new]),
        },
        5 => {
            for _ in 0..rng.usize(1..110) {
                let inner = std::mem::take(value);
                *value = if rng.bool() { json!([inner]) } else { json!({"a": inner}) };
            }
        }
        _ => {
            let copy = value.clone();
            let many = 1usize << rng.usize(0..9);
            let size = copy.to_string().len().max(1);
            *value = Json::Array(vec![copy; many.min((LONGEST / size).max(1))]);
        }
    }
}

/// A value as the argument of a function.
fn call(inner: Json, rng: &mut Rng) -> Json {
    match rng.u32(0..16) {
        0 => json!({"Ref": inner}),
        1 => json!({"Fn::GetAtt": inner}),
        2 => json!({"Fn::GetAtt": [inner, "Arn"]}),
        3 => json!({"Fn::Sub": inner}),
        4 => json!({"Fn::Sub": ["${A}", {"A": inner}]}),
        5 => json!({"Fn::Join": [",", inner]}),
        6 => json!({"Fn::If": ["IsProd", inner, {"Ref": "AWS::NoValue"}]}),
        7 => json!({"Fn::Select": [0, inner]}),
        8 => json!({"Fn::Split": [",", inner]}),
        9 => json!({"Fn::FindInMap": ["M", inner, "Size"]}),
        10 => json!({"Fn::Base64": inner}),
        11 => json!({"Fn::Cidr": [inner, 4, 8]}),
        12 => json!({"Fn::ToJsonString": inner}),
        13 => json!({"Fn::Length": inner}),
        14 => json!({"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": inner}}}),
        _ => json!({"Fn::ForEach::Y": ["N", ["a", "b"], inner]}),
    }
}
