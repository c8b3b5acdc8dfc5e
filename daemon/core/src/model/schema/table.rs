//! The table's bytes, and how a type is found in them.
//!
//! The layout is told in `daemon/core/schemas/build.py`. Nothing is read that is not asked for: a process that renders
//! one template looks up a dozen of two thousand types.

use std::io::Read as _;
use std::sync::OnceLock;

use serde::Deserialize;

use super::TypeSchema;

static BYTES: &[u8] = include_bytes!("../../../schemas/aws-resources.bin");
const MAGIC: &[u8] = b"EKSCHEM2";
/// Bytes of a type's record.
const RECORD: usize = 16;

#[derive(Debug, Default, Deserialize)]
struct Header {
    date: String,
    source: String,
    blocks: Vec<(usize, usize)>,
}

#[derive(Default)]
struct Table {
    header: Header,
    records: &'static [u8],
    names: &'static str,
    packed: &'static [u8],
    blocks: Vec<OnceLock<Vec<u8>>>,
    types: Vec<OnceLock<Option<Box<TypeSchema>>>>,
}

/// Where a type stands.
struct Record {
    name: usize,
    block: usize,
    start: usize,
    length: usize,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // Empty only where the committed table is broken, which a test would say.
    TABLE.get_or_init(|| Table::read(BYTES).unwrap_or_default())
}

impl Table {
    fn read(bytes: &'static [u8]) -> Option<Table> {
        let (header, rest) = run(bytes.strip_prefix(MAGIC)?)?;
        let header: Header = serde_json::from_slice(&inflate(header)?).ok()?;
        let (count, rest) = number(rest)?;
        let (records, rest) = rest.split_at_checked(count * RECORD)?;
        let (names, packed) = run(rest)?;
        Some(Table {
            records,
            names: std::str::from_utf8(names).ok()?,
            packed,
            blocks: header.blocks.iter().map(|_| OnceLock::new()).collect(),
            types: (0..count).map(|_| OnceLock::new()).collect(),
            header,
        })
    }

    fn record(&self, index: usize) -> Option<Record> {
        let (name, rest) = number(self.records.get(index * RECORD..)?)?;
        let (block, rest) = number(rest)?;
        let (start, rest) = number(rest)?;
        let (length, _) = number(rest)?;
        Some(Record { name, block, start, length })
    }

    fn name(&self, index: usize) -> Option<&'static str> {
        let start = self.record(index)?.name;
        let end = self.record(index + 1).map_or(self.names.len(), |next| next.name);
        self.names.get(start..end)
    }

    fn find(&self, type_name: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.types.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.name(middle)?.cmp(type_name) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn block(&self, number: usize) -> Option<&[u8]> {
        let (offset, length) = *self.header.blocks.get(number)?;
        let packed = self.packed.get(offset..offset + length)?;
        let block = self.blocks.get(number)?.get_or_init(|| inflate(packed).unwrap_or_default());
        Some(block)
    }

    fn schema(&self, index: usize) -> Option<Box<TypeSchema>> {
        let Record { block, start, length, .. } = self.record(index)?;
        let text = self.block(block)?.get(start..start + length)?;
        let mut schema: TypeSchema = serde_json::from_slice(text).ok()?;
        self.name(index)?.clone_into(&mut schema.name);
        Some(Box::new(schema))
    }
}

/// A number, and what follows it.
fn number(bytes: &'static [u8]) -> Option<(usize, &'static [u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// A run of bytes after its length, and what follows it.
fn run(bytes: &'static [u8]) -> Option<(&'static [u8], &'static [u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(length)
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() * 8);
    flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut out).ok()?;
    Some(out)
}

/// The schema of a type; `None` where AWS has no such type.
pub fn lookup(type_name: &str) -> Option<&'static TypeSchema> {
    let table = table();
    let index = table.find(type_name)?;
    table.types.get(index)?.get_or_init(|| table.schema(index)).as_deref()
}

/// All type names, sorted.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    let table = table();
    (0..table.types.len()).filter_map(|index| table.name(index))
}

/// How many types there are.
pub fn count() -> usize {
    table().types.len()
}

/// When AWS published the schemas (RFC 3339).
pub fn date() -> &'static str {
    &table().header.date
}

/// Which package the schemas were taken from, with its version: `cfn-lint 1.58.0`.
pub fn source() -> &'static str {
    &table().header.source
}
