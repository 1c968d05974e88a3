//! What is honoured of a `kustomization.yaml`: `namespace` and `configMapGenerator`. The files that it names are no manifests of ours.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Node, Spot};
use super::problem::Problem;
use super::yaml;

/// One `kustomization.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Kustomization {
    /// Its file.
    pub file: String,
    /// The folder in which it stands; empty at the top.
    pub folder: String,
    /// The namespace of all that is in the folder.
    pub namespace: Option<String>,
    /// The ConfigMaps that it makes.
    pub generators: Vec<Generator>,
    /// Files that are named for another use than as manifests.
    pub named: BTreeSet<String>,
}

/// One ConfigMap that is made from files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub spot: Spot,
    /// Key → the file that holds its value, and where that is named.
    pub files: BTreeMap<String, (String, Spot)>,
    /// Key → value.
    pub literals: BTreeMap<String, String>,
}

/// Fields that change nothing of what Provost reads, or that are honoured.
const KNOWN: [&str; 10] = [
    "apiVersion",
    "kind",
    "metadata",
    "namespace",
    "configMapGenerator",
    "generatorOptions",
    "configurations",
    "resources",
    "openapi",
    "crds",
];

/// Whether a file is one by its name.
#[must_use]
pub fn is_kustomization(file: &str) -> bool {
    matches!(file.rsplit('/').next(), Some("kustomization.yaml" | "kustomization.yml" | "Kustomization"))
}

/// Reads one. `None` where the text is no YAML map; the problems say why.
#[must_use]
pub fn read(file: &str, text: &str, problems: &mut Vec<Problem>) -> Option<Kustomization> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let document = yaml::read(text).into_iter().next()?;
    for fault in &document.faults {
        let problem = Problem::error(file, fault.spot, fault.message.clone());
        problems.push(Problem { hint: fault.hint.clone(), ..problem });
    }
    if !document.faults.is_empty() {
        return None;
    }
    let root = &document.root;
    for (key, _) in root.entries().iter().filter(|(key, _)| !KNOWN.contains(&key.name.as_str())) {
        problems.push(
            Problem::warning(file, key.spot, format!("`{}` of a kustomization is not honoured here", key.name))
                .hint("for all that kustomize can do: kustomize build | provost plan -f -"),
        );
    }
    let mut named = BTreeSet::new();
    let mut name = |node: &Node| {
        if let Some(path) = node.text() {
            named.extend(join(folder, path));
        }
    };
    for list in ["configurations", "crds", "patchesStrategicMerge", "transformers", "generators", "validators"] {
        root.get(list).into_iter().flat_map(Node::members).for_each(&mut name);
    }
    for list in ["patches", "patchesJson6902", "replacements"] {
        root.get(list).into_iter().flat_map(Node::members).filter_map(|entry| entry.get("path")).for_each(&mut name);
    }
    root.get("openapi").and_then(|entry| entry.get("path")).into_iter().for_each(&mut name);
    let mut generators = Vec::new();
    for entry in root.get("configMapGenerator").into_iter().flat_map(Node::members) {
        if let Some(generator) = generator(file, folder, entry, problems) {
            named.extend(generator.files.values().map(|(path, _)| path.clone()));
            generators.push(generator);
        }
    }
    for entry in root.get("secretGenerator").into_iter().flat_map(Node::members) {
        named.extend(files(folder, entry).into_values().filter_map(|(path, _)| path));
    }
    let namespace = root.get("namespace").and_then(Node::text).map(str::to_owned);
    Some(Kustomization { file: file.to_owned(), folder: folder.to_owned(), namespace, generators, named })
}

fn generator(file: &str, folder: &str, entry: &Node, problems: &mut Vec<Problem>) -> Option<Generator> {
    let Some(name) = entry.get("name").and_then(Node::text) else {
        problems.push(Problem::error(file, entry.spot, "the generator has no name"));
        return None;
    };
    for (key, _) in entry.entries() {
        if !["name", "namespace", "files", "literals", "options", "behavior"].contains(&key.name.as_str()) {
            problems.push(Problem::warning(file, key.spot, format!("`{}` of a generator is not honoured here", key.name)));
        }
    }
    let mut inside = BTreeMap::new();
    for (key, (path, spot)) in files(folder, entry) {
        match path {
            Some(path) => {
                inside.insert(key, (path, spot));
            }
            None => problems.push(
                Problem::error(file, spot, "the file lies outside the folder that is read")
                    .hint("move it into the folder of the manifests"),
            ),
        }
    }
    let literals = entry
        .get("literals")
        .into_iter()
        .flat_map(Node::members)
        .filter_map(|literal| literal.text()?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
        .collect();
    Some(Generator { name: name.to_owned(), spot: entry.spot, files: inside, literals })
}

/// `PATH` or `KEY=PATH`; the path is none where it leads out of the folder.
fn files(folder: &str, entry: &Node) -> BTreeMap<String, (Option<String>, Spot)> {
    let mut files = BTreeMap::new();
    for node in entry.get("files").into_iter().flat_map(Node::members) {
        let Some(text) = node.text() else { continue };
        let (key, path) = text.split_once('=').unwrap_or_else(|| (text.rsplit('/').next().unwrap_or(text), text));
        files.insert(key.to_owned(), (join(folder, path), node.spot));
    }
    files
}

/// A relative path from a folder; none where it leads out of the whole.
fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
