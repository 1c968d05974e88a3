//! A folder of manifests → the objects of a realm, and what is wrong, with file, line and column. One mistake hides nothing else: what
//! cannot be read is told apart from what is not there.
//!
//! ```text
//! folder ─► files (name → text) ─► documents ─► objects, secrets
//!                                     └─► problems, unreadable
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::ids::ObjectName;
use crate::model::secret::SecretData;

use super::object::{Body, Meta, Object, Place, ResourceKind, Unreadable};

mod files;
pub mod kustomize;
mod manifest;
pub mod node;
pub mod problem;
mod scalar;
mod sensitive;
pub mod yaml;

pub use files::load_folder;
pub use problem::{Problem, Severity, render};

use kustomize::Kustomization;
use manifest::Manifest;
use node::Spot;

/// Why a folder cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not there, or cannot be opened.
    #[error("cannot read {path}: {source}")]
    Unreachable {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is no manifest in it.
    #[error("no manifests in {path}: a realm is read from *.yaml, *.yml and *.json files")]
    Empty {
        /// What was read.
        path: PathBuf,
    },
}

/// All that a folder says.
#[derive(Clone, Default)]
pub struct Folder {
    /// What could be read, in the order of the files.
    pub objects: Vec<Object>,
    /// What is there and could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What is wrong, in the order of the files.
    pub problems: Vec<Problem>,
    /// The Secret manifests.
    pub secrets: BTreeMap<ObjectName, SecretData>,
    /// How many documents are of other groups.
    pub ignored: usize,
    /// The namespaces that objects name.
    pub namespaces: BTreeSet<String>,
    /// File → text, for the showing of lines; those of Secrets are blank, and the values of sensitive attributes are cut.
    pub files: BTreeMap<String, String>,
}

/// Reads files that are in memory: name relative to the folder → text. `-` is a manifest whatever its name says.
#[must_use]
pub fn load_files(files: BTreeMap<String, String>) -> Folder {
    let mut folder = Folder { files, ..Folder::default() };
    let kustomizations = kustomizations(&mut folder);
    let named: BTreeSet<&String> = kustomizations.iter().flat_map(|kustomization| &kustomization.named).collect();
    let manifests: Vec<String> = folder
        .files
        .keys()
        .filter(|file| is_manifest(file) && !kustomize::is_kustomization(file) && !named.contains(file))
        .cloned()
        .collect();
    let mut elsewhere = Elsewhere::default();
    for file in manifests {
        let namespace = namespace_of(&kustomizations, &file);
        read_file(&file, namespace, &mut folder, &mut elsewhere);
    }
    elsewhere.settle(&mut folder);
    generate(&kustomizations, &mut folder);
    refuse_twins(&mut folder);
    sensitive::hide(&mut folder);
    folder.problems.sort();
    folder.unreadable.sort_by(|a, b| (&a.place, a).cmp(&(&b.place, b)));
    folder
}

/// The word nearest to a misspelt one, as a hint.
pub(super) fn similar<W: AsRef<str>>(wrong: &str, words: impl Iterator<Item = W>) -> Option<String> {
    let lower = wrong.to_lowercase();
    words
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.as_ref().to_lowercase()), word))
        .filter(|(distance, word)| *distance <= 1.max(word.as_ref().chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| format!("did you mean `{}`?", word.as_ref()))
}

fn is_manifest(file: &str) -> bool {
    file == "-" || [".yaml", ".yml", ".json"].iter().any(|ending| file.ends_with(ending))
}

fn kustomizations(folder: &mut Folder) -> Vec<Kustomization> {
    let mut problems = Vec::new();
    let mut unreadable = Vec::new();
    let mut found = Vec::new();
    for (file, text) in folder.files.iter().filter(|(file, _)| kustomize::is_kustomization(file)) {
        let before = problems.len();
        match kustomize::read(file, text, &mut problems) {
            Some(kustomization) => found.push(kustomization),
            // Which ConfigMaps it would make is not known.
            None => unreadable.extend(problems.get(before).map(|problem: &Problem| Unreadable {
                kind: None,
                name: None,
                external_id: None,
                place: Place { file: file.clone(), line: problem.line },
                why: problem.message.clone(),
            })),
        }
    }
    folder.problems.extend(problems);
    folder.unreadable.extend(unreadable);
    found
}

/// The namespace that a kustomization gives to a file: as in kustomize, the outermost wins.
fn namespace_of<'a>(kustomizations: &'a [Kustomization], file: &str) -> Option<&'a String> {
    kustomizations
        .iter()
        .filter(|kustomization| kustomization.folder.is_empty() || file.starts_with(&format!("{}/", kustomization.folder)))
        .filter_map(|kustomization| Some((kustomization.folder.len(), kustomization.namespace.as_ref()?)))
        .min_by_key(|(length, _)| *length)
        .map(|(_, namespace)| namespace)
}

/// ConfigMaps and Secrets of other namespaces are none of a realm's; which namespace is the realm's is known at the end.
#[derive(Default)]
struct Elsewhere {
    maps: Vec<(Option<String>, Object)>,
    secrets: Vec<(Option<String>, ObjectName, SecretData, Place)>,
}

impl Elsewhere {
    fn settle(self, folder: &mut Folder) {
        let realm = folder.namespaces.clone();
        let ours = |namespace: &Option<String>| realm.is_empty() || namespace.as_ref().is_none_or(|namespace| realm.contains(namespace));
        for (namespace, map) in self.maps {
            if ours(&namespace) { folder.objects.push(map) } else { folder.ignored += 1 }
        }
        for (namespace, name, data, place) in self.secrets {
            if !ours(&namespace) {
                folder.ignored += 1;
                continue;
            }
            if let Some(first) = folder.secrets.insert(name.clone(), data) {
                let spot = Spot { line: place.line, column: 1, length: 1 };
                folder.problems.push(Problem::error(&place.file, spot, format!("there are two Secrets {name}")).hint("the first is used"));
                folder.secrets.insert(name, first);
            }
        }
    }
}

fn read_file(file: &str, namespace: Option<&String>, folder: &mut Folder, elsewhere: &mut Elsewhere) {
    let text = folder.files.get(file).cloned().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let mut blank = Vec::new();
    for document in yaml::read(&text) {
        let (line, end, cut) = (document.line, document.end, document.cut);
        if holds_secrets(&lines, line, end) {
            blank.push((line, end));
        }
        for manifest in manifest::read(file, document, &mut folder.problems) {
            match manifest {
                Manifest::Object { object, namespace: own } => {
                    let namespace = namespace.cloned().or(own);
                    if object.body.kind() == ResourceKind::ConfigMap {
                        elsewhere.maps.push((namespace, *object));
                    } else {
                        folder.namespaces.extend(namespace);
                        folder.objects.push(*object);
                    }
                }
                Manifest::Secret { name, data, namespace: own } => {
                    elsewhere.secrets.push((namespace.cloned().or(own), name, data, Place { file: file.to_owned(), line }));
                }
                Manifest::Ignored => folder.ignored += 1,
                Manifest::Unreadable(unreadable) => {
                    if cut && unreadable.kind.is_some() {
                        folder.unreadable.push(Unreadable { kind: None, name: None, external_id: None, ..unreadable.clone() });
                    }
                    folder.unreadable.push(unreadable);
                }
            }
        }
    }
    if !blank.is_empty() {
        folder.files.insert(file.to_owned(), blanked(&text, &blank));
    }
}

/// Whether the lines of a document, from 1 and with the last, must not be shown. Its text is asked, since a document that cannot be read
/// may be a Secret too.
fn holds_secrets(lines: &[&str], first: u32, last: u32) -> bool {
    static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"kind["']?\s*:\s*["']?Secret\b"#).ok());
    let index = |line: u32| usize::try_from(line).unwrap_or(usize::MAX).min(lines.len());
    let own = lines.get(index(first.saturating_sub(1))..index(last)).unwrap_or_default();
    SECRET.as_ref().is_none_or(|secret| own.iter().any(|line| secret.is_match(line)))
}

/// The text with these lines emptied: from the first on, up to and with the last.
fn blanked(text: &str, ranges: &[(u32, u32)]) -> String {
    let mut out = String::with_capacity(text.len());
    for (line, number) in text.split_inclusive('\n').zip(1_u32..) {
        if ranges.iter().any(|(from, to)| number >= *from && number <= *to) {
            out.push('\n');
        } else {
            out.push_str(line);
        }
    }
    out
}

/// The ConfigMaps that kustomizations make. One whose file is missing is unreadable.
fn generate(kustomizations: &[Kustomization], folder: &mut Folder) {
    for kustomization in kustomizations {
        for generator in &kustomization.generators {
            let place = Place { file: kustomization.file.clone(), line: generator.spot.line };
            let Ok(name) = ObjectName::parse(generator.name.as_str()) else { continue };
            let mut data = generator.literals.clone();
            let mut missing = None;
            for (key, (path, spot)) in &generator.files {
                match folder.files.get(path) {
                    Some(text) => {
                        data.insert(key.clone(), text.clone());
                    }
                    None => missing = Some((path.clone(), *spot)),
                }
            }
            if let Some((path, spot)) = missing {
                let problem = Problem::error(&kustomization.file, spot, format!("there is no file {path}"));
                folder.unreadable.push(Unreadable {
                    kind: Some(ResourceKind::ConfigMap),
                    name: Some(name),
                    external_id: None,
                    place,
                    why: problem.message.clone(),
                });
                folder.problems.push(problem);
            } else {
                let meta = Meta { name, labels: BTreeMap::new(), annotations: BTreeMap::new(), created: None, place };
                folder.objects.push(Object { meta, body: Body::ConfigMap(data) });
            }
        }
    }
}

/// Of two objects of one kind and name, and of two Realms, nobody can say which is meant: all of them are unreadable.
fn refuse_twins(folder: &mut Folder) {
    let mut groups: BTreeMap<(ResourceKind, Option<ObjectName>), Vec<Object>> = BTreeMap::new();
    for object in std::mem::take(&mut folder.objects) {
        let kind = object.body.kind();
        let name = (kind != ResourceKind::Realm).then(|| object.meta.name.clone());
        groups.entry((kind, name)).or_default().push(object);
    }
    for ((kind, name), objects) in groups {
        if objects.len() < 2 {
            folder.objects.extend(objects);
            continue;
        }
        let first = objects.first().map(|object| object.meta.place.to_string()).unwrap_or_default();
        for (index, object) in objects.into_iter().enumerate() {
            let why = match &name {
                Some(name) => format!("there are two objects {kind} {name}"),
                None => "there are two Realms: a folder has one at most".to_owned(),
            };
            let place = object.meta.place.clone();
            if index > 0 {
                let spot = Spot { line: place.line, column: 1, length: 1 };
                folder.problems.push(Problem::error(&place.file, spot, why.clone()).hint(format!("the first stands at {first}")));
            }
            let external_id = if let Body::Person(person) = object.body {
                Some(person.external_id.unwrap_or_else(|| object.meta.name.to_string()))
            } else {
                None
            };
            folder.unreadable.push(Unreadable { kind: Some(kind), name: Some(object.meta.name), external_id, place, why });
        }
    }
    folder.objects.sort_by(|a, b| a.meta.place.cmp(&b.meta.place));
}

#[cfg(test)]
mod tests;
