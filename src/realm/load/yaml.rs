//! YAML and JSON text → documents whose parts know their places. A document with a mistake does not hide its neighbours.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::node::{Content, Key, Node, Spot};
use super::scalar;

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The line at which its content starts.
    pub line: u32,
    /// The line after its last.
    pub end: u32,
    /// What it holds; with a fault, as much as could be read.
    pub root: Node,
    /// What is wrong with it as YAML; then it must not be used.
    pub faults: Vec<Fault>,
    /// The text breaks off in it and is over: what came behind it, if anything did, is not known.
    pub cut: bool,
}

/// A mistake in the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub spot: Spot,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Parts that one document may have, aliases counted as often as they are used.
const MOST_PARTS: usize = 1_000_000;
/// How deep parts may lie inside each other.
const DEEPEST: usize = 128;

/// All documents of a text, without the empty ones.
#[must_use]
pub fn read(text: &str) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    for (first, chunk) in chunks(text) {
        let before = documents.len();
        read_chunk(&chunk, first, &mut documents);
        let end = first.saturating_add(count(chunk.lines().count()));
        for document in documents.iter_mut().skip(before) {
            document.end = end;
        }
    }
    // Behind a `---` all is read on; at the end of the file there is nothing that would show that it is whole.
    let last = documents.len().saturating_sub(1);
    for document in documents.iter_mut().take(last) {
        document.cut = false;
    }
    documents
}

/// The text cut at its `---` lines, as kubectl does it, each piece with the number of lines before it. So an open quote ends with its
/// document. What stands behind `---` on the same line belongs to the document.
fn chunks(text: &str) -> Vec<(u32, String)> {
    let mut chunks = vec![(0, String::new())];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let rest = line.strip_prefix("---").filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if let Some(rest) = rest {
            chunks.push((count(number), format!("   {rest}")));
        } else if let Some((_, chunk)) = chunks.last_mut() {
            chunk.push_str(line);
        }
    }
    // Directives stand before the first `---`; alone they are no document.
    chunks.retain(|(_, chunk)| chunk.lines().any(|line| !matches!(line.trim_start().as_bytes().first(), None | Some(b'#' | b'%'))));
    chunks
}

fn read_chunk(chunk: &str, before: u32, documents: &mut Vec<Document>) {
    let mut builder = Builder::new(before);
    for event in Parser::new_from_str(chunk) {
        match event {
            Ok((event, span)) => {
                if let Some(document) = builder.take(&event, span) {
                    documents.push(document);
                }
            }
            Err(error) => {
                if let Some(plain) = as_json(chunk, before) {
                    documents.push(plain);
                } else {
                    builder.fault_of(&error, chunk);
                    documents.push(builder.abandon());
                }
                return;
            }
        }
    }
}

/// JSON whose escapes YAML does not know is still JSON; only the places of its parts are lost.
fn as_json(chunk: &str, before: u32) -> Option<Document> {
    fn tree(value: serde_json::Value, spot: Spot) -> Node {
        let content = match value {
            serde_json::Value::Null => Content::Null,
            serde_json::Value::Bool(bool) => Content::Bool(bool),
            serde_json::Value::Number(number) => {
                Content::Number(number.as_f64().filter(|_| !number.is_i64()).and_then(scalar::number).unwrap_or(number))
            }
            serde_json::Value::String(text) => Content::Text(text),
            serde_json::Value::Array(members) => Content::List(members.into_iter().map(|member| tree(member, spot)).collect()),
            serde_json::Value::Object(entries) => {
                Content::Map(entries.into_iter().map(|(name, value)| (Key { name, spot }, tree(value, spot))).collect())
            }
        };
        Node { spot, content, written: None }
    }
    let value = serde_json::from_str::<serde_json::Value>(chunk).ok().filter(serde_json::Value::is_object)?;
    let spot = Spot { line: before.saturating_add(1), column: 1, length: 1 };
    Some(Document { line: spot.line, end: spot.line, root: tree(value, spot), faults: Vec::new(), cut: false })
}

/// A part that is anchored, with its size and depth.
#[derive(Clone)]
struct Anchored {
    node: Node,
    parts: usize,
    depth: usize,
}

/// A list or map that is still open.
struct Open {
    spot: Spot,
    anchor: usize,
    parts: usize,
    depth: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<MapKey>, merges: Vec<Node> },
}

enum MapKey {
    Named(Key),
    /// `<<`: the keys of another map, where this one lacks them.
    Merge,
    /// One that cannot be a key; its value is dropped.
    Bad,
}

struct Builder {
    before: u32,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Anchored>,
    parts: usize,
    faults: Vec<Fault>,
}

impl Builder {
    fn new(before: u32) -> Self {
        Self { before, open: Vec::new(), root: None, anchors: BTreeMap::new(), parts: 0, faults: Vec::new() }
    }

    fn spot(&self, span: Span) -> Spot {
        self.spot_between(&span.start, &span.end)
    }

    fn spot_between(&self, start: &Marker, end: &Marker) -> Spot {
        let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
        Spot {
            line: self.before.saturating_add(count(start.line())),
            column: count(start.col()).saturating_add(1),
            length: count(length).max(1),
        }
    }

    fn fault(&mut self, spot: Spot, message: impl Into<String>, hint: Option<&str>) {
        self.faults.push(Fault { spot, message: message.into(), hint: hint.map(str::to_owned) });
    }

    fn fault_of(&mut self, error: &ScanError, chunk: &str) {
        let spot = self.spot_between(error.marker(), error.marker());
        let indented = |line: &str| line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t');
        // The parser points at where the part began that the tab breaks off.
        let tab = chunk.lines().zip(1_usize..).skip(error.marker().line().saturating_sub(1)).take(2);
        match tab.filter_map(|(line, number)| Some((number, indented(line)?))).next() {
            Some((line, column)) => {
                let start = Marker::new(0, line, column);
                self.fault(self.spot_between(&start, &start), "a tab stands in the indentation", Some("YAML takes spaces only"));
            }
            None => self.fault(spot, format!("this is no YAML: {}", error.info()), None),
        }
    }

    /// Takes one event; a document that has ended comes back.
    #[expect(clippy::wildcard_enum_match_arm, reason = "comments and the like say nothing, nor will the events of a later parser")]
    fn take(&mut self, event: &Event<'_>, span: Span) -> Option<Document> {
        let spot = self.spot(span);
        match event {
            Event::DocumentEnd => return self.finish(),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_ref().map(|tag| tag.core_suffix().map_or_else(|| tag.original(), str::to_owned));
                // The parser writes `~` where nothing stands.
                let text = if span.is_empty() && *style == ScalarStyle::Plain { "" } else { text.as_ref() };
                let node = self.scalar(text, *style, tag.as_deref(), spot);
                self.keep(*anchor, &node, 1, 1);
                self.put(node, *style == ScalarStyle::Plain, 1, 1);
            }
            Event::Alias(id) => match self.anchors.get(id).cloned() {
                Some(anchored) => self.put(Node { spot, ..anchored.node }, false, anchored.parts, anchored.depth),
                None => self.fault(spot, "this alias stands inside what it names", None),
            },
            Event::SequenceStart(_, anchor, _) => self.begin(spot, *anchor, Inside::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.begin(spot, *anchor, Inside::Map { entries: Vec::new(), key: None, merges: Vec::new() });
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => {}
        }
        None
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&str>, spot: Spot) -> Node {
        let plain = |this: &mut Self| match scalar::resolve(text) {
            Ok(content) => content,
            Err(why) => {
                this.fault(spot, why, None);
                Content::Null
            }
        };
        let content = match tag {
            None if style == ScalarStyle::Plain => plain(self),
            None | Some("str") => Content::Text(text.to_owned()),
            Some("int" | "float" | "bool" | "null") => plain(self),
            Some(tag) => {
                self.fault(spot, format!("the tag {tag} means nothing in a manifest"), Some("write the value without it"));
                Content::Null
            }
        };
        let written = if matches!(content, Content::Text(_)) { None } else { Some(text.into()) };
        Node { spot, content, written }
    }

    fn begin(&mut self, spot: Spot, anchor: usize, inside: Inside) {
        self.open.push(Open { spot, anchor, parts: 1, depth: 1, inside });
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let content = match open.inside {
            Inside::List(members) => Content::List(members),
            Inside::Map { entries, merges, .. } => Content::Map(merged(entries, merges)),
        };
        let node = Node { spot: open.spot, content, written: None };
        self.keep(open.anchor, &node, open.parts, open.depth);
        self.put(node, false, open.parts, open.depth);
    }

    fn keep(&mut self, anchor: usize, node: &Node, parts: usize, depth: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), parts, depth });
        }
    }

    /// Puts a part where it belongs: as a key, as a value, as a member, or as the whole.
    fn put(&mut self, node: Node, plain: bool, parts: usize, depth: usize) {
        self.parts = self.parts.saturating_add(parts);
        if self.parts > MOST_PARTS || self.open.len().saturating_add(depth) > DEEPEST {
            // Only the first is told; what follows is dropped.
            if self.faults.is_empty() {
                self.fault(node.spot, format!("the document is too large: more than {MOST_PARTS} parts or {DEEPEST} levels"), None);
            }
            if !self.open.is_empty() {
                return;
            }
        }
        let mut fault = None;
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(open) => {
                open.parts = open.parts.saturating_add(parts);
                open.depth = open.depth.max(depth.saturating_add(1));
                match &mut open.inside {
                    Inside::List(members) => members.push(node),
                    Inside::Map { entries, key, merges } => match key.take() {
                        None => *key = Some(as_key(&node, plain, entries, &mut fault)),
                        Some(MapKey::Named(key)) => entries.push((key, node)),
                        Some(MapKey::Merge) => merges.push(node),
                        Some(MapKey::Bad) => {}
                    },
                }
            }
        }
        self.faults.extend(fault);
    }

    /// The document as it ended; one in which nothing stands is none.
    fn finish(&mut self) -> Option<Document> {
        let faults = std::mem::take(&mut self.faults);
        self.parts = 0;
        self.anchors.clear();
        let root = match self.root.take() {
            Some(root) => root,
            None => nothing_at(faults.first()?.spot.line),
        };
        if root.content == Content::Null && faults.is_empty() {
            return None;
        }
        Some(Document { line: root.spot.line, end: root.spot.line, root, faults, cut: false })
    }

    /// What could be read before a fault that ends the document.
    fn abandon(mut self) -> Document {
        while !self.open.is_empty() {
            self.end();
        }
        let line = self.faults.first().map_or(1, |fault| fault.spot.line);
        let root = self.root.take().unwrap_or_else(|| nothing_at(line));
        Document { line: root.spot.line, end: root.spot.line, root, faults: self.faults, cut: true }
    }
}

fn nothing_at(line: u32) -> Node {
    Node { spot: Spot { line, column: 1, length: 1 }, content: Content::Null, written: None }
}

fn as_key(node: &Node, plain: bool, entries: &[(Key, Node)], fault: &mut Option<Fault>) -> MapKey {
    let name = match &node.content {
        Content::Text(text) if plain && text == "<<" => return MapKey::Merge,
        Content::Text(text) => text.clone(),
        Content::Bool(bool) => bool.to_string(),
        Content::Number(number) => number.to_string(),
        Content::Null | Content::List(_) | Content::Map(_) => {
            *fault = Some(Fault { spot: node.spot, message: "a key must be a text".into(), hint: None });
            return MapKey::Bad;
        }
    };
    if let Some((first, _)) = entries.iter().find(|(key, _)| key.name == name) {
        *fault = Some(Fault {
            spot: node.spot,
            message: format!("the key `{name}` comes twice"),
            hint: Some(format!("it stands in line {} already", first.spot.line)),
        });
        return MapKey::Bad;
    }
    MapKey::Named(Key { name, spot: node.spot })
}

/// The keys of merged maps come behind the map's own, which win.
fn merged(mut entries: Vec<(Key, Node)>, merges: Vec<Node>) -> Vec<(Key, Node)> {
    for merge in merges {
        let maps = if let Content::List(maps) = merge.content { maps } else { vec![merge] };
        for map in maps {
            if let Content::Map(more) = map.content {
                for (key, value) in more {
                    if !entries.iter().any(|(there, _)| there.name == key.name) {
                        entries.push((key, value));
                    }
                }
            }
        }
    }
    entries
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
