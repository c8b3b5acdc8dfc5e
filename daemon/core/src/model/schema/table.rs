//! The table's bytes, and how a type is found in them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::OnceLock;

use serde::Deserialize;

use super::TypeSchema;

static BYTES: &[u8] = include_bytes!("../../../schemas/aws-resources.bin");
const MAGIC: &[u8] = b"EKSCHEM1";

#[derive(Debug, Default, Deserialize)]
struct Index {
    date: String,
    source: String,
    types: BTreeMap<String, usize>,
    blocks: Vec<(usize, usize)>,
    #[serde(skip)]
    start: usize,
}

struct Slots {
    index: Index,
    blocks: Vec<OnceLock<BTreeMap<String, TypeSchema>>>,
}

fn slots() -> &'static Slots {
    static SLOTS: OnceLock<Slots> = OnceLock::new();
    SLOTS.get_or_init(|| {
        let index = read_index().unwrap_or_default();
        let blocks = index.blocks.iter().map(|_| OnceLock::new()).collect();
        Slots { index, blocks }
    })
}

/// `None` only where the committed table is broken, which a test would say.
fn read_index() -> Option<Index> {
    let rest = BYTES.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_at_checked(4)?;
    let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    let mut index: Index = serde_json::from_slice(&inflate(rest.get(..length)?)?).ok()?;
    index.start = MAGIC.len() + 4 + length;
    Some(index)
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() * 8);
    flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut out).ok()?;
    Some(out)
}

fn read_block(index: &Index, number: usize) -> Option<BTreeMap<String, TypeSchema>> {
    let (offset, length) = *index.blocks.get(number)?;
    let from = index.start + offset;
    let mut types: BTreeMap<String, TypeSchema> =
        serde_json::from_slice(&inflate(BYTES.get(from..from + length)?)?).ok()?;
    for (name, schema) in &mut types {
        schema.name.clone_from(name);
    }
    Some(types)
}

/// The schema of a type; `None` where AWS has no such type.
pub fn lookup(type_name: &str) -> Option<&'static TypeSchema> {
    let slots = slots();
    let number = *slots.index.types.get(type_name)?;
    let block = slots.blocks.get(number)?.get_or_init(|| read_block(&slots.index, number).unwrap_or_default());
    block.get(type_name)
}

/// All type names, sorted.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    slots().index.types.keys().map(String::as_str)
}

/// How many types there are.
pub fn count() -> usize {
    slots().index.types.len()
}

/// When AWS published the schemas (RFC 3339).
pub fn date() -> &'static str {
    &slots().index.date
}

/// Which package the schemas were taken from, with its version: `cfn-lint 1.58.0`.
pub fn source() -> &'static str {
    &slots().index.source
}
