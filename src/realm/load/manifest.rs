//! One document → the object that it declares, or why it cannot be read and what can still be told of it.

use std::collections::BTreeMap;

use base64::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::node::{Content, Node, Spot};
use super::problem::Problem;
use super::similar;
use super::yaml::{Document, Fault};
use crate::api::{GROUP, VERSION};
use crate::model::ids::ObjectName;
use crate::model::secret::{Secret, SecretData};
use crate::realm::object::{Body, Meta, Object, Place, ResourceKind, Unreadable};
use crate::realm::validate::{Violation, check_rules, check_shape};

/// What a document turned out to be.
#[derive(Debug)]
pub enum Manifest {
    /// An object of a realm.
    Object { object: Box<Object>, namespace: Option<String> },
    /// A Secret.
    Secret { name: ObjectName, data: SecretData, namespace: Option<String> },
    /// Of another group: none of our business.
    Ignored,
    /// It is there and cannot be read.
    Unreadable(Unreadable),
}

/// Reads one document, and the members of a List. All that is wrong is added to the problems.
pub fn read(file: &str, document: Document, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let Document { line, root, faults, .. } = document;
    if !faults.is_empty() {
        let faults: Vec<_> = faults.into_iter().map(problem(file)).collect();
        return vec![unreadable(file, line, &root, faults, problems)];
    }
    one(file, line, &root, problems)
}

fn problem(file: &str) -> impl Fn(Fault) -> Problem + '_ {
    move |fault| Problem { hint: fault.hint, ..Problem::error(file, fault.spot, fault.message) }
}

fn one(file: &str, line: u32, root: &Node, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let refuse = |problem: Problem, problems: &mut Vec<Problem>| vec![unreadable(file, line, root, vec![problem], problems)];
    if !matches!(root.content, Content::Map(_)) {
        return refuse(Problem::error(file, root.spot, format!("a manifest is a map, and here stands {}", root.described())), problems);
    }
    let Some(kind) = root.get("kind").and_then(Node::text) else {
        let problem = Problem::error(file, root.spot, "the document has no kind")
            .hint("data for policies is named by a configMapGenerator of the kustomization.yaml beside it; other files do not belong here");
        return refuse(problem, problems);
    };
    let spot = root.get("kind").map_or(root.spot, |node| node.spot);
    let Some(version) = root.get("apiVersion").and_then(Node::text) else {
        let problem =
            Problem::error(file, root.spot, "the document has no apiVersion").hint(format!("write apiVersion: {GROUP}/{VERSION}"));
        return refuse(problem, problems);
    };
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    if kind.ends_with("List") && root.get("items").is_some() && (group.is_empty() || group == GROUP) {
        let items = root.get("items").map(Node::members).unwrap_or_default();
        return items.iter().flat_map(|item| one(file, item.spot.line, item, problems)).collect();
    }
    match (group, kind) {
        ("", "ConfigMap") => vec![object(file, line, root, ResourceKind::ConfigMap, problems)],
        ("", "Secret") => secret(file, line, root, problems),
        (GROUP, "Departure") => vec![Manifest::Ignored],
        (GROUP, _) if version != VERSION => {
            let spot = root.get("apiVersion").map_or(spot, |node| node.spot);
            let problem = Problem::error(file, spot, format!("{GROUP} has no version {version}")).hint(format!("write {GROUP}/{VERSION}"));
            refuse(problem, problems)
        }
        (GROUP, _) => match ResourceKind::OURS.iter().find(|known| known.as_str() == kind) {
            Some(known) => vec![object(file, line, root, *known, problems)],
            None => {
                let hint = similar(kind, ResourceKind::OURS.iter().map(|known| known.as_str()));
                refuse(Problem { hint, ..Problem::error(file, spot, format!("{GROUP} has no kind {kind}")) }, problems)
            }
        },
        // One letter wrong must not make a person vanish; no kind of ours is in the core group.
        (group, kind)
            if ResourceKind::OURS.iter().any(|known| known.as_str() == kind)
                && (group.is_empty() || near(group, GROUP) || near(&format!("{group}/{version}"), &format!("{GROUP}/{VERSION}"))) =>
        {
            let spot = root.get("apiVersion").map_or(spot, |node| node.spot);
            let problem = Problem::error(file, spot, format!("there is no {kind} in the group {group:?}"))
                .hint(format!("did you mean {GROUP}/{VERSION}?"));
            refuse(problem, problems)
        }
        _ => vec![Manifest::Ignored],
    }
}

fn near(text: &str, meant: &str) -> bool {
    strsim::damerau_levenshtein(text, meant) <= 2
}

/// What can still be said of a document that cannot be read.
fn unreadable(file: &str, line: u32, root: &Node, found: Vec<Problem>, problems: &mut Vec<Problem>) -> Manifest {
    let why = found.iter().map(|problem| problem.message.clone()).next().unwrap_or_default();
    let kind = root.get("kind").and_then(Node::text).and_then(kind_of);
    let name = root.get("metadata").and_then(|metadata| metadata.get("name")).and_then(as_written);
    let external_id = match kind {
        Some(ResourceKind::Person) => match root.get("spec") {
            Some(spec) => spec.get("externalId").map_or_else(|| name.clone(), as_written),
            None => None,
        },
        Some(_) | None => None,
    };
    problems.extend(found);
    Manifest::Unreadable(Unreadable {
        kind,
        name: name.and_then(|name| ObjectName::parse(name).ok()),
        external_id,
        place: Place { file: file.to_owned(), line },
        why,
    })
}

fn kind_of(kind: &str) -> Option<ResourceKind> {
    ResourceKind::all().find(|known| known.as_str() == kind)
}

/// A scalar as it was probably meant: an unquoted `1001` is the id "1001".
fn as_written(node: &Node) -> Option<String> {
    node.text().map(str::to_owned).or_else(|| node.written.as_deref().filter(|text| !text.is_empty()).map(str::to_owned))
}

fn object(file: &str, line: u32, root: &Node, kind: ResourceKind, problems: &mut Vec<Problem>) -> Manifest {
    let mut found = Vec::new();
    let fields: &[&str] = if kind == ResourceKind::ConfigMap {
        &["apiVersion", "kind", "metadata", "data", "binaryData", "immutable"]
    } else {
        &["apiVersion", "kind", "metadata", "spec", "status"]
    };
    known_fields(file, root, fields, "the manifest", &mut found);
    let metadata = metadata(file, line, root, &mut found);
    let body = body(file, root, kind, &mut found);
    match (metadata, body) {
        (Some((meta, namespace)), Some(body)) if found.is_empty() => {
            Manifest::Object { object: Box::new(Object { meta, body }), namespace }
        }
        _ => unreadable(file, line, root, found, problems),
    }
}

fn body(file: &str, root: &Node, kind: ResourceKind, found: &mut Vec<Problem>) -> Option<Body> {
    if kind == ResourceKind::ConfigMap {
        return texts(file, root.get("data"), "data", found).map(Body::ConfigMap);
    }
    let Some(spec) = root.get("spec") else {
        found.push(Problem::error(file, root.spot, "spec is missing").hint("an empty one is written spec: {}"));
        return None;
    };
    let violations = check_shape(kind, spec);
    if !violations.is_empty() {
        found.extend(violations.into_iter().map(violated(file)));
        return None;
    }
    match kind {
        ResourceKind::Realm => typed(file, kind, spec, found).map(Body::Realm),
        ResourceKind::Person => typed(file, kind, spec, found).map(|spec| Body::Person(Box::new(spec))),
        ResourceKind::BusinessRole => typed(file, kind, spec, found).map(Body::BusinessRole),
        ResourceKind::RoleBinding => typed(file, kind, spec, found).map(Body::RoleBinding),
        ResourceKind::Policy => typed(file, kind, spec, found).map(Body::Policy),
        ResourceKind::TargetSystem => typed(file, kind, spec, found).map(|spec| Body::TargetSystem(Box::new(spec))),
        ResourceKind::Approval => typed(file, kind, spec, found).map(Body::Approval),
        ResourceKind::Lockout => typed(file, kind, spec, found).map(Body::Lockout),
        ResourceKind::ConfigMap => None,
    }
}

fn violated(file: &str) -> impl Fn(Violation) -> Problem + '_ {
    move |violation| Problem { hint: violation.hint, ..Problem::error(file, violation.spot, violation.message) }
}

/// The typed spec, held to the rules of its kind as it serializes again: so the verdict is the API server's.
fn typed<S: Serialize + DeserializeOwned>(file: &str, kind: ResourceKind, node: &Node, found: &mut Vec<Problem>) -> Option<S> {
    let spec: S = match serde_json::from_value(node.to_json()) {
        Ok(spec) => spec,
        Err(error) => {
            found.push(Problem::error(file, node.spot, format!("spec: {error}")));
            return None;
        }
    };
    match serde_json::to_value(&spec) {
        Ok(value) => {
            let violations = check_rules(kind, &value, node);
            let kept = violations.is_empty();
            found.extend(violations.into_iter().map(violated(file)));
            kept.then_some(spec)
        }
        Err(error) => {
            found.push(Problem::error(file, node.spot, format!("spec: {error}")));
            None
        }
    }
}

fn known_fields(file: &str, node: &Node, known: &[&str], of: &str, found: &mut Vec<Problem>) {
    for (key, _) in node.entries().iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
        let hint = similar(&key.name, known.iter());
        found.push(Problem { hint, ..Problem::error(file, key.spot, format!("unknown field `{}` in {of}", key.name)) });
    }
}

/// `metadata`: what we need of it is read, what the API server adds is let be.
fn metadata(file: &str, line: u32, root: &Node, found: &mut Vec<Problem>) -> Option<(Meta, Option<String>)> {
    const KNOWN: [&str; 15] = [
        "name",
        "generateName",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    ];
    let Some(metadata) = root.get("metadata") else {
        found.push(Problem::error(file, root.spot, "metadata is missing").hint("write metadata: {name: …}"));
        return None;
    };
    known_fields(file, metadata, &KNOWN, "metadata", found);
    let Some(node) = metadata.get("name") else {
        found.push(Problem::error(file, metadata.spot, "metadata.name is missing").hint("in a folder each object has a name of its own"));
        return None;
    };
    let name = node.text().filter(|name| is_name(name)).and_then(|name| ObjectName::parse(name).ok());
    if name.is_none() {
        let message = match node.text() {
            Some(text) => format!("metadata.name cannot be {text:?}"),
            None => format!("metadata.name must be a text, and here stands {}", node.described()),
        };
        let hint = "a name has at most 253 small letters, digits, `-` and `.`, and begins and ends with a letter or digit; quote a number";
        found.push(Problem::error(file, node.spot, message).hint(hint));
    }
    let labels = texts(file, metadata.get("labels"), "metadata.labels", found)?;
    let annotations = texts(file, metadata.get("annotations"), "metadata.annotations", found)?;
    let namespace = metadata.get("namespace").and_then(Node::text).map(str::to_owned);
    let place = Place { file: file.to_owned(), line };
    Some((Meta { name: name?, labels, annotations, created: None, place }, namespace))
}

/// RFC 1123 subdomain.
fn is_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(|part| ends(part.chars().next()) && ends(part.chars().next_back()))
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

/// A map of texts; nothing at all is an empty one.
fn texts(file: &str, node: Option<&Node>, path: &str, found: &mut Vec<Problem>) -> Option<BTreeMap<String, String>> {
    let Some(node) = node.filter(|node| node.content != Content::Null) else { return Some(BTreeMap::new()) };
    if !matches!(node.content, Content::Map(_)) {
        found.push(Problem::error(file, node.spot, format!("{path} must be a map, and here stands {}", node.described())));
        return None;
    }
    let mut texts = BTreeMap::new();
    for (key, value) in node.entries() {
        match value.text() {
            Some(text) => {
                texts.insert(key.name.clone(), text.to_owned());
            }
            None => found.push(
                Problem::error(file, value.spot, format!("{path}.{} must be a text, and here stands {}", key.name, value.described()))
                    .hint(format!("quote it: \"{}\"", value.written.as_deref().unwrap_or_default())),
            ),
        }
    }
    Some(texts)
}

/// A Secret; what is wrong with it is told without its values.
fn secret(file: &str, line: u32, root: &Node, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let at = Spot { line, column: 1, length: 1 };
    let mut found = Vec::new();
    let meta = metadata(file, line, root, &mut found);
    let mut data = SecretData::new();
    for (block, encoded) in [("data", true), ("stringData", false)] {
        for (key, value) in root.get(block).into_iter().flat_map(Node::entries) {
            let text = value.text().and_then(|text| if encoded { decoded(text) } else { Some(text.to_owned()) });
            match text {
                Some(text) => {
                    data.insert(key.name.clone(), Secret::new(text));
                }
                None => {
                    let wanted = if encoded { "Base64 of a UTF-8 text" } else { "a text: quote it" };
                    found.push(Problem::error(file, at, format!("{block}.{} of the Secret must be {wanted}", key.name)));
                }
            }
        }
    }
    let complete = found.is_empty();
    // The place of a part could show its value.
    problems.extend(found.into_iter().map(|problem| Problem { line: at.line, column: at.column, length: at.length, ..problem }));
    match meta {
        Some((meta, namespace)) if complete => vec![Manifest::Secret { name: meta.name, data, namespace }],
        _ => Vec::new(),
    }
}

fn decoded(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(bare).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}
