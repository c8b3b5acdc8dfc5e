//! Builds [`Node`]s from the parser's events.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{Duplicates, MAX_DEPTH, MAX_EXPANDED, MAX_NODES, Reading, SHORT_TAGS, scalar};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Place, Val};

/// How much was read, aliases expanded.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    nodes: usize,
    bytes: usize,
}

impl Size {
    /// Counts more, up to the limits.
    pub(super) fn add(&mut self, nodes: usize, bytes: usize, place: Place) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        self.bytes += bytes;
        if self.nodes > MAX_NODES || self.bytes > MAX_EXPANDED {
            return Err(Diagnostic::error(
                "too-large",
                place,
                format!(
                    "the text grows beyond {MAX_NODES} values or {} MB when its aliases are expanded",
                    MAX_EXPANDED >> 20
                ),
            )
            .help("aliases (`*name`) of aliases multiply; write the values out or use fewer of them"));
        }
        Ok(())
    }
}

/// The error of what is nested too deeply.
pub(super) fn too_deep(place: Place) -> Diagnostic {
    Diagnostic::error("too-deep", place, format!("values are nested more than {MAX_DEPTH} levels deep"))
}

/// Puts an entry into a map; a key that is there already is an error or a warning, and the last one counts.
pub(super) fn insert(
    map: &mut Map,
    key: String,
    entry: Entry,
    duplicates: Duplicates,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    if let Some(first) = map.get(&key) {
        let message = format!("the key `{key}` stands twice in this map");
        match duplicates {
            Duplicates::Refuse => errors.push(
                Diagnostic::error("duplicate-key", entry.key_place, message).related(first.key_place, "first here"),
            ),
            Duplicates::LastWins => warnings.push(
                Diagnostic::warning("duplicate-key", entry.key_place, message)
                    .related(first.key_place, "first here")
                    .help("the last one counts; take the other out"),
            ),
        }
    }
    map.insert(key, entry);
}

/// Collects events into documents.
pub(super) struct Builder {
    duplicates: Duplicates,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    size: Size,
    documents: Vec<Node>,
    /// What is wrong so far.
    pub(super) errors: Diagnostics,
    warnings: Diagnostics,
}

/// A list or map that is not closed yet.
struct Frame {
    kind: Kind,
    place: Place,
    anchor: usize,
    tag: Option<Tag>,
    /// Levels below this one, so far.
    height: usize,
    /// What had been read before it, to know its own size.
    before: Size,
}

enum Kind {
    List(Vec<Node>),
    Map { entries: Map, merged: Vec<Node>, key: Option<Key> },
}

enum Key {
    Named(String, Place),
    Merge,
    /// Was complained about; its value is read and dropped.
    Invalid,
}

/// What an alias stands for.
struct Anchored {
    node: Node,
    height: usize,
    size: Size,
}

impl Builder {
    pub(super) fn new(duplicates: Duplicates) -> Self {
        Builder {
            duplicates,
            frames: Vec::new(),
            anchors: HashMap::new(),
            size: Size::default(),
            documents: Vec::new(),
            errors: Diagnostics::new(),
            warnings: Diagnostics::new(),
        }
    }

    pub(super) fn finish(self) -> Result<Reading, Diagnostics> {
        if self.errors.has_errors() {
            return Err(self.errors);
        }
        Ok(Reading { documents: self.documents, warnings: self.warnings })
    }

    /// Takes the next event. An error is one that ends the reading.
    pub(super) fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag, place)?,
            Event::SequenceStart(anchor, tag) => self.open(Kind::List(Vec::new()), anchor, tag, place)?,
            Event::MappingStart(anchor, tag) => {
                self.open(Kind::Map { entries: Map::new(), merged: Vec::new(), key: None }, anchor, tag, place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => self.alias(anchor, place)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        place: Place,
    ) -> Result<(), Diagnostic> {
        self.size.add(1, text.len(), place)?;
        let plain = style == ScalarStyle::Plain;
        let merge = plain && tag.is_none() && text == "<<" && self.at_key();
        let (node, height) = match tag {
            None if plain => (Node::new(scalar::resolve(&text), place), 0),
            None => (Node::str(text, place), 0),
            Some(tag) => self.tagged_scalar(&tag, text, place)?,
        };
        if let Val::Float(value) = node.value
            && !value.is_finite()
        {
            self.errors.push(
                Diagnostic::error("unsupported-number", place, "a number here must be finite")
                    .help("put quotes around it if it is meant as text"),
            );
        }
        if anchor > 0 {
            let size = Size { nodes: 1 + height, bytes: node.scalar_text().map_or(0, |text| text.len()) };
            self.anchors.insert(anchor, Anchored { node: node.clone(), height, size });
        }
        self.attach(node, height, merge)
    }

    fn at_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: Kind::Map { key: None, .. }, .. }))
    }

    /// A scalar with a tag, and the levels that its long form has.
    fn tagged_scalar(&mut self, tag: &Tag, text: Cow<'_, str>, place: Place) -> Result<(Node, usize), Diagnostic> {
        if tag.is_yaml_core_schema() {
            let value = match tag.suffix.as_str() {
                "str" | "timestamp" => Some(Val::Str(text.to_string())),
                "null" => Some(Val::Null),
                "bool" => scalar::boolean(&text).map(Val::Bool),
                "int" => scalar::number(&text).filter(|value| matches!(value, Val::Int(_))),
                "float" => match scalar::number(&text) {
                    #[expect(clippy::cast_precision_loss, reason = "a person asked for a float")]
                    Some(Val::Int(value)) => Some(Val::Float(value as f64)),
                    other => other,
                },
                _ => {
                    self.unknown_tag(tag, place);
                    Some(Val::Null)
                }
            };
            let value = value.unwrap_or_else(|| {
                self.errors.error("wrong-type", place, format!("`{text}` is not what its tag `!!{}` says", tag.suffix));
                Val::Null
            });
            return Ok((Node::new(value, place), 0));
        }
        let node = Node::str(text, place);
        if is_plain_bang(tag) {
            return Ok((node, 0));
        }
        let node = match (tag.suffix.as_str(), node.as_str().and_then(|text| text.split_once('.'))) {
            // The reader cannot know where a resource's name ends in `a.b.c`; CloudFormation says at the first dot.
            ("GetAtt", Some((id, attribute))) => {
                Node::list(vec![Node::str(id, place), Node::str(attribute, place)], place)
            }
            ("GetAtt", None) => Node::list(vec![node], place),
            _ => node,
        };
        let height = if matches!(node.value, Val::List(_)) { 2 } else { 1 };
        self.size.add(height, 0, place)?;
        Ok((self.long_form(tag, node, place), height))
    }

    /// `!Sub x` as `{"Fn::Sub": x}`.
    fn long_form(&mut self, tag: &Tag, node: Node, place: Place) -> Node {
        match tag.suffix.as_str() {
            name if tag.handle != "!" || !SHORT_TAGS.contains(&name) => {
                self.unknown_tag(tag, place);
                node
            }
            name @ ("Ref" | "Condition") => Node::call(name, node, place),
            name => Node::call(&format!("Fn::{name}"), node, place),
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, place: Place) {
        let shown = if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() };
        let help = if self.errors.are_many() { None } else { did_you_mean(&tag.suffix, SHORT_TAGS.iter().copied()) };
        let help = help.map(|help| help.replacen('`', "`!", 1));
        let message = format!("there is no tag `{shown}`");
        self.errors.push(Diagnostic::error("unknown-tag", place, message).maybe_help(help));
    }

    fn open(&mut self, kind: Kind, anchor: usize, tag: Option<Cow<'_, Tag>>, place: Place) -> Result<(), Diagnostic> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(too_deep(place));
        }
        let before = self.size;
        self.size.add(1, 0, place)?;
        self.frames.push(Frame { kind, place, anchor, tag: tag.map(Cow::into_owned), height: 0, before });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let mut height = frame.height + 1;
        let value = match frame.kind {
            Kind::List(items) => Val::List(items),
            Kind::Map { entries, merged, .. } if merged.is_empty() => Val::Map(entries),
            Kind::Map { entries, merged, .. } => {
                let mut all = Map::new();
                for map in merged {
                    if let Val::Map(map) = map.value {
                        all.extend(map);
                    }
                }
                all.extend(entries);
                Val::Map(all)
            }
        };
        let mut node = Node::new(value, frame.place);
        if let Some(tag) = frame.tag {
            let core = tag.is_yaml_core_schema();
            let same = matches!((&node.value, tag.suffix.as_str()), (Val::Map(_), "map") | (Val::List(_), "seq"));
            if core {
                if !same {
                    self.unknown_tag(&tag, frame.place);
                }
            } else if !is_plain_bang(&tag) {
                self.size.add(1, 0, frame.place)?;
                height += 1;
                node = self.long_form(&tag, node, frame.place);
            }
        }
        if frame.anchor > 0 {
            let size =
                Size { nodes: self.size.nodes - frame.before.nodes, bytes: self.size.bytes - frame.before.bytes };
            self.anchors.insert(frame.anchor, Anchored { node: node.clone(), height, size });
        }
        self.attach(node, height, false)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Diagnostic> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(Diagnostic::error("alias-cycle", place, "this alias stands inside the value that it names"));
        };
        // Counted before the copy is made, so that a bomb costs nothing.
        self.size.add(anchored.size.nodes, anchored.size.bytes, place)?;
        let (node, height) = (anchored.node.clone(), anchored.height);
        self.attach(node, height, false)
    }

    /// Hands a whole value to what it stands in.
    fn attach(&mut self, node: Node, height: usize, merge: bool) -> Result<(), Diagnostic> {
        if self.frames.len() + height > MAX_DEPTH {
            return Err(too_deep(node.place));
        }
        let Some(frame) = self.frames.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        frame.height = frame.height.max(height);
        match &mut frame.kind {
            Kind::List(items) => items.push(node),
            Kind::Map { key: key @ None, .. } => {
                *key = Some(if merge {
                    Key::Merge
                } else if let Some(name) = key_text(&node) {
                    Key::Named(name, node.place)
                } else {
                    self.errors.error("wrong-key", node.place, format!("{} cannot be a key", node.type_word()));
                    Key::Invalid
                });
            }
            Kind::Map { entries, merged, key } => match key.take() {
                Some(Key::Named(name, key_place)) => {
                    insert(
                        entries,
                        name,
                        Entry { key_place, node },
                        self.duplicates,
                        &mut self.errors,
                        &mut self.warnings,
                    );
                }
                Some(Key::Merge) => match merge_maps(node) {
                    Ok(maps) => merged.extend(maps),
                    Err(diagnostic) => self.errors.push(diagnostic),
                },
                Some(Key::Invalid) | None => {}
            },
        }
        Ok(())
    }
}

/// `!` alone: a scalar is text, whatever it looks like; anything else is as without it.
fn is_plain_bang(tag: &Tag) -> bool {
    tag.suffix.is_empty() || (tag.handle.is_empty() && tag.suffix == "!")
}

/// A key as text: what Python's `json` makes of a key that is no text.
fn key_text(node: &Node) -> Option<String> {
    match node.value {
        Val::Null => Some("null".to_owned()),
        _ => node.scalar_text(),
    }
}

/// The maps under a merge key, the strongest last.
fn merge_maps(node: Node) -> Result<Vec<Node>, Diagnostic> {
    let wrong = |node: &Node| {
        Diagnostic::error(
            "wrong-type",
            node.place,
            format!("a merge key `<<` takes a map or a list of maps, not {}", node.type_word()),
        )
    };
    match node.value {
        Val::Map(_) => Ok(vec![node]),
        Val::List(items) => items
            .into_iter()
            .rev()
            .map(|item| if item.as_map().is_some() { Ok(item) } else { Err(wrong(&item)) })
            .collect(),
        _ => Err(wrong(&node)),
    }
}
