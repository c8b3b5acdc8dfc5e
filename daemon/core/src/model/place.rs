//! Where in the sources something was written.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// A file of a [`Sources`] table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A position in a source file: line and column count from 1, columns in characters. Line 0 means "nowhere": a value
/// that evenkeel made up itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// Line, from 1; 0 means nowhere.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place of what no person wrote.
    pub const NOWHERE: Place = Place { file: FileId(0), line: 0, column: 0 };

    /// A position in `file`; both numbers count from 1.
    pub fn new(file: FileId, line: u32, column: u32) -> Self {
        Place { file, line, column }
    }

    /// Whether this points into a file.
    pub fn is_known(self) -> bool {
        self.line > 0
    }

    /// This place, or `other` where this one is nowhere.
    #[must_use]
    pub fn or(self, other: Place) -> Place {
        if self.is_known() { self } else { other }
    }
}

/// The text files of one snapshot, so that a [`Place`] can be shown with its line. Clones share the table.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Arc<RwLock<Vec<SourceFile>>>,
}

/// One text file: its path as a person would type it, relative to where they are, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path for messages.
    pub path: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Where its lines begin, in bytes; found out once.
    lines: Arc<OnceLock<Vec<usize>>>,
}

impl SourceFile {
    /// The text of a line, counted from 1, without its line end.
    fn line(&self, number: u32) -> Option<&str> {
        // YAML's line ends: a carriage return alone is one, too.
        let lines = self.lines.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let ends = |at: usize| match bytes.get(at) {
                Some(b'\n') => true,
                Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            std::iter::once(0).chain((0..bytes.len()).filter(|at| ends(*at)).map(|at| at + 1)).collect()
        });
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.get(*lines.get(index)?..)?.split(['\n', '\r']).next()
    }
}

/// How many lines of a text are searched for what a complaint is about.
const SEARCHED: u32 = 500;

impl Sources {
    /// An empty table.
    pub fn new() -> Self {
        Sources::default()
    }

    /// Adds a file and returns its id.
    pub fn add(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        push(&mut self.files.write().unwrap_or_else(PoisonError::into_inner), path.into(), text.into())
    }

    /// The id of a file that another one includes: added where it is not here yet.
    pub fn include(&self, path: &str, text: &Arc<str>) -> FileId {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        match files.iter().position(|file| *file.path == *path && file.text == *text) {
            Some(index) => FileId(u32::try_from(index).unwrap_or(u32::MAX)),
            None => push(&mut files, path.into(), Arc::clone(text)),
        }
    }

    /// The file with this id.
    pub fn file(&self, id: FileId) -> Option<SourceFile> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(id.0 as usize).cloned()
    }

    /// `path:line:column`, or the empty string for nowhere.
    pub fn show(&self, place: Place) -> String {
        match self.file(place.file) {
            Some(file) if place.is_known() => format!("{}:{}:{}", file.path, place.line, place.column),
            _ => String::new(),
        }
    }

    /// Where `text` first stands as a whole word at or after a place, in the lines that follow.
    pub fn find(&self, place: Place, text: &str) -> Option<Place> {
        let file = self.file(place.file)?;
        (place.line..place.line.saturating_add(SEARCHED))
            .map_while(|number| Some((number, file.line(number)?)))
            .find_map(|(number, line)| {
                let skipped =
                    if number == place.line { usize::try_from(place.column).ok()?.saturating_sub(1) } else { 0 };
                let start = line.char_indices().nth(skipped).map_or(line.len(), |(at, _)| at);
                let ends = |at: usize| !line[at + text.len()..].starts_with(|c: char| c.is_alphanumeric() || c == ':');
                let (at, _) = line[start..].match_indices(text).find(|(at, _)| ends(start + at))?;
                let column = u32::try_from(line[..start + at].chars().count()).ok()?.saturating_add(1);
                Some(Place::new(place.file, number, column))
            })
    }

    /// The text of the line a place points into, without its line end.
    pub fn line(&self, place: Place) -> Option<String> {
        self.file(place.file)?.line(place.line).map(str::to_owned)
    }
}

fn push(files: &mut Vec<SourceFile>, path: Arc<str>, text: Arc<str>) -> FileId {
    let id = FileId(u32::try_from(files.len()).unwrap_or(u32::MAX));
    files.push(SourceFile { path, text, lines: Arc::default() });
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_as_it_does_for_yaml() {
        let mut sources = Sources::new();
        let file = sources.add("a", "one\r\ntwo\rthree\n\nfive");
        let line = |number| sources.line(Place::new(file, number, 1));
        let lines: Vec<Option<String>> = (0..7).map(line).collect();
        assert_eq!(
            lines.iter().map(Option::as_deref).collect::<Vec<_>>(),
            [None, Some("one"), Some("two"), Some("three"), Some(""), Some("five"), None]
        );
        let at = |line, column, text| sources.find(Place::new(file, line, column), text).map(|p| (p.line, p.column));
        assert_eq!(
            [at(1, 1, "one"), at(1, 2, "one"), at(1, 4, "t"), at(2, 2, "three")],
            [Some((1, 1)), None, None, Some((3, 1))]
        );
        let same: Arc<str> = "one\r\ntwo\rthree\n\nfive".into();
        assert_eq!((sources.include("a", &same), sources.include("b", &same)), (file, FileId(1)));
    }
}
