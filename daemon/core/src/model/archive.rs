//! Zip archives with the same bytes for the same content, on every machine.
//!
//! AWS's `CodeSha256` is a hash of the archive's bytes, so the archive must not know when or where it was made: entries
//! are sorted, times are zip's first (1980-01-01), modes are 0644 or 0755, the host is Unix (an executable `bootstrap`
//! needs that), and the compressor is one pinned implementation.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// Path within the archive, with `/` between its parts.
    pub path: String,
    /// Unix mode as the file has it; only its kind (a symbolic link or not) and whether anybody may execute it are
    /// kept.
    pub mode: u32,
    /// The content; for a symbolic link its target.
    pub bytes: Vec<u8>,
}

/// Why there can be no archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The format's 16-bit count.
    #[error("{0} files are too many for one archive (65,535 at most)")]
    TooManyFiles(usize),
    /// The format's 32-bit sizes; AWS stops long before.
    #[error("`{0}` is too large for an archive (4 GB at most)")]
    TooLarge(String),
}

const LINK: u32 = 0o120_000;
const KIND: u32 = 0o170_000;
/// 1980-01-01 as MS-DOS writes dates.
const DATE: u16 = 0x0021;
/// Version 2.0: the one that knows deflate.
const VERSION: u16 = 20;
const UNIX: u16 = 3 << 8;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;

/// The archive's bytes.
///
/// # Errors
/// Where the content does not fit the format.
pub fn zip(entries: impl IntoIterator<Item = ArchiveEntry>) -> Result<Vec<u8>, ArchiveError> {
    let entries = sorted(entries);
    let count = u16::try_from(entries.len()).map_err(|_| ArchiveError::TooManyFiles(entries.len()))?;
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in &entries {
        let too_large = || ArchiveError::TooLarge(entry.path.clone());
        let offset = u32::try_from(out.len()).map_err(|_| too_large())?;
        let size = u32::try_from(entry.bytes.len()).map_err(|_| too_large())?;
        let packed = deflate(&entry.bytes);
        // What does not become smaller is stored as it is.
        let (method, data) = match &packed {
            Some(packed) if packed.len() < entry.bytes.len() => (8_u16, packed),
            _ => (0_u16, &entry.bytes),
        };
        let packed_size = u32::try_from(data.len()).map_err(|_| too_large())?;
        let name = entry.path.as_bytes();
        let name_length = u16::try_from(name.len()).map_err(|_| too_large())?;
        let mut crc = Crc::new();
        crc.update(&entry.bytes);
        let mut common = Vec::with_capacity(26);
        common.extend(VERSION.to_le_bytes());
        common.extend(if entry.path.is_ascii() { 0 } else { UTF8 }.to_le_bytes());
        common.extend(method.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        common.extend(DATE.to_le_bytes());
        common.extend(crc.sum().to_le_bytes());
        common.extend(packed_size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(name_length.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name);
        out.extend(data);
        directory.extend(b"PK\x01\x02");
        directory.extend((UNIX | VERSION).to_le_bytes());
        directory.extend(&common);
        // No comment, first disk, binary.
        directory.extend([0; 6]);
        directory.extend((mode(entry.mode) << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name);
    }
    let too_large = || ArchiveError::TooLarge("the whole".to_owned());
    let start = u32::try_from(out.len()).map_err(|_| too_large())?;
    let length = u32::try_from(directory.len()).map_err(|_| too_large())?;
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    Ok(out)
}

/// A hash of the content alone, hexadecimal: the same whatever compressor packs it.
pub fn content_hash(entries: impl IntoIterator<Item = ArchiveEntry>) -> String {
    let mut hash = Sha256::new();
    for entry in sorted(entries) {
        // Lengths come first, so that no two contents run into the same bytes.
        hash.update((entry.path.len() as u64).to_le_bytes());
        hash.update(entry.path.as_bytes());
        hash.update(mode(entry.mode).to_le_bytes());
        hash.update((entry.bytes.len() as u64).to_le_bytes());
        hash.update(&entry.bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sorted(entries: impl IntoIterator<Item = ArchiveEntry>) -> Vec<ArchiveEntry> {
    let mut entries: Vec<ArchiveEntry> = entries.into_iter().collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.dedup_by(|a, b| a.path == b.path);
    entries
}

fn mode(mode: u32) -> u32 {
    match mode {
        link if link & KIND == LINK => LINK | 0o777,
        executable if executable & 0o111 != 0 => 0o100_755,
        _ => 0o100_644,
    }
}

fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    // Writing into memory does not fail; if it did, the entry would be stored.
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// The size of a zip's content unpacked, bytes, as its directory says; `None` where it is no zip that can be read.
pub fn unzipped_size(zip: &[u8]) -> Option<u64> {
    const END: u32 = 0x0605_4b50;
    const ENTRY: u32 = 0x0201_4b50;
    let read16 = |at: usize| Some(usize::from(u16::from_le_bytes(zip.get(at..at + 2)?.try_into().ok()?)));
    let read32 = |at: usize| Some(u32::from_le_bytes(zip.get(at..at + 4)?.try_into().ok()?));
    // The end record is the last thing in the file but for a comment.
    let least = zip.len().checked_sub(22)?;
    let end = (least.saturating_sub(65_535)..=least).rev().find(|at| read32(*at) == Some(END))?;
    let count = read16(end + 10)?;
    let mut at = usize::try_from(read32(end + 16)?).ok()?;
    let mut total = 0;
    for _ in 0..count {
        if read32(at)? != ENTRY {
            return None;
        }
        total += u64::from(read32(at + 24)?);
        at += 46 + read16(at + 28)? + read16(at + 30)? + read16(at + 32)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read as _;

    fn entry(path: &str, mode: u32, bytes: &[u8]) -> ArchiveEntry {
        ArchiveEntry { path: path.into(), mode, bytes: bytes.into() }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_are_the_same_for_ever() {
        let text = "def handler(event, context):\n    return event\n".repeat(20);
        let bytes =
            zip([entry("lib/data.bin", 0o600, b"\x00\x01\x02"), entry("app.py", 0o100_644, text.as_bytes())]).unwrap();
        let golden = concat!(
            "504b03041400000008000000210094176f9c3d00000098030000060000006170702e7079edcab10900210c46e1de2952dec1",
            "4d70db88f9c5422284288eaf3884555efb3e46a612852bf4c180d847a98961dafb07da29acabd079815dbb767d412f504b03",
            "04140000000000000021007f89540803000000030000000c0000006c69622f646174612e62696e000102504b010214031400",
            "000008000000210094176f9c3d00000098030000060000000000000000000000a481000000006170702e7079504b01021403",
            "140000000000000021007f89540803000000030000000c0000000000000000000000a481610000006c69622f646174612e62",
            "696e504b050600000000020002006e0000008e0000000000",
        );
        assert_eq!(hex(&bytes), golden);
    }

    #[test]
    fn order_and_the_finer_bits_of_modes_do_not_matter() {
        let a = [entry("a", 0o644, b"1"), entry("run", 0o700, b"2")];
        let b = [entry("run", 0o100_755, b"2"), entry("a", 0o600, b"1")];
        assert_eq!(zip(a.clone()), zip(b.clone()));
        assert_eq!(content_hash(a), content_hash(b));
    }

    #[test]
    fn an_executable_is_another_content() {
        assert_ne!(content_hash([entry("run", 0o644, b"")]), content_hash([entry("run", 0o755, b"")]));
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..2000), repeat in 1usize..20) {
            let bytes = bytes.repeat(repeat);
            let archive = zip([entry("f", 0o644, &bytes)]).unwrap();
            let packed = u32::from_le_bytes(archive[18..22].try_into().unwrap()) as usize;
            let data = &archive[31..31 + packed];
            let mut out = Vec::new();
            if archive[8] == 8 {
                flate2::read::DeflateDecoder::new(data).read_to_end(&mut out).unwrap();
            } else {
                out.extend(data);
            }
            prop_assert_eq!(out, bytes);
        }
    }

    #[test]
    fn the_unpacked_size_is_read_from_the_directory() {
        let entry =
            |path: &str, bytes: &[u8]| ArchiveEntry { path: path.to_owned(), mode: 0o644, bytes: bytes.to_vec() };
        let packed = zip([entry("a", &[7; 550]), entry("b/c", b"0123456789"), entry("empty", b"")]).unwrap();
        assert_eq!(unzipped_size(&packed), Some(560));
        assert_eq!(unzipped_size(b"no zip at all, but long enough to be one"), None);
        assert_eq!(unzipped_size(b""), None);
    }
}
