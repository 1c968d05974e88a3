//! A manifest as a tree in which each part knows its place, so that whatever is found later can be shown where it stands.

use serde_json::{Number, Value};

/// A place in a file. Lines and columns count characters from 1; line 0 is no place at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters of the line are meant; at least 1 is shown.
    pub length: u32,
}

/// One part of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub spot: Spot,
    /// What it is.
    pub content: Content,
    /// How a scalar that is no text was written: `0042` is the number 34.
    pub written: Option<Box<str>>,
}

/// What a part of a manifest is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nothing.
    Null,
    /// true or false.
    Bool(bool),
    /// A number, as the API server would keep it.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and their values, in the order of the file; no key comes twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub spot: Spot,
}

impl Node {
    /// The value of a key, where this is a map that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// Keys and values; none where this is no map.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        if let Content::Map(entries) = &self.content { entries } else { &[] }
    }

    /// The members; none where this is no list.
    #[must_use]
    pub fn members(&self) -> &[Node] {
        if let Content::List(members) = &self.content { members } else { &[] }
    }

    /// The text, where this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Content::Text(text) = &self.content { Some(text) } else { None }
    }

    /// What follows a path such as `employments[0].endDate`, as far as it is there: the last part that is.
    #[must_use]
    pub fn follow(&self, path: &str) -> &Node {
        let mut node = self;
        for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
            let next = match &node.content {
                Content::List(members) => part.parse::<usize>().ok().and_then(|index| members.get(index)),
                Content::Map(_) => node.get(part),
                Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// What this is, in words.
    #[must_use]
    pub fn described(&self) -> String {
        let what = match &self.content {
            Content::Null => "nothing (null)".to_owned(),
            Content::Bool(bool) => format!("the truth value {bool}"),
            Content::Number(number) => format!("the number {number}"),
            Content::Text(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
            Content::Text(_) => "a text".to_owned(),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
        };
        match &self.written {
            Some(written) if !written.is_empty() && !what.ends_with(&format!(" {written}")) => format!("{what}, written {written}"),
            Some(_) | None => what,
        }
    }

    /// The plain value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(bool) => Value::Bool(*bool),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(members) => Value::Array(members.iter().map(Node::to_json).collect()),
            Content::Map(entries) => Value::Object(entries.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect()),
        }
    }
}
