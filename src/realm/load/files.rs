//! The one part that touches the disk: which files of a folder are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::kustomize::{self, is_kustomization};
use super::node::Spot;
use super::{Folder, LoadError, Place, Problem, Unreadable, is_manifest, load_files};

/// Reads a folder: `*.yaml|yml|json` recursively, without what is hidden, but with `.provost/approvals`; and the files that a
/// `kustomization.yaml` names. A path to a file is that file alone.
///
/// # Errors
/// [`LoadError`] where the folder itself cannot be read or holds no manifest. A file in it that cannot be read is a problem of the result.
pub fn load_folder(path: &Path) -> Result<Folder, LoadError> {
    let unreachable = |source| LoadError::Unreachable { path: path.to_owned(), source };
    let mut found = Found::default();
    if fs::metadata(path).map_err(unreachable)?.is_file() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Whatever it is called, it is meant.
        let name = if is_manifest(&name) { name } else { "-".to_owned() };
        found.files.insert(name, fs::read_to_string(path).map_err(unreachable)?);
        return Ok(load_files(found.files));
    }
    found.gather(path, "").map_err(unreachable)?;
    if path.join(".provost/approvals").is_dir() {
        found.gather(path, ".provost/approvals").map_err(unreachable)?;
    }
    if found.files.is_empty() && found.unreadable.is_empty() {
        return Err(LoadError::Empty { path: path.to_owned() });
    }
    found.named(path);
    let mut folder = load_files(found.files);
    for (file, why) in found.unreadable {
        let problem = Problem::error(&file, Spot::default(), format!("the file cannot be read: {why}"));
        folder.unreadable.push(Unreadable {
            kind: None,
            name: None,
            external_id: None,
            place: Place { file, line: 0 },
            why: problem.message.clone(),
        });
        folder.problems.push(problem);
    }
    folder.problems.sort();
    Ok(folder)
}

#[derive(Default)]
struct Found {
    files: BTreeMap<String, String>,
    unreadable: BTreeMap<String, String>,
}

impl Found {
    /// Reads the manifests below `inside`, a folder relative to the top.
    fn gather(&mut self, top: &Path, inside: &str) -> std::io::Result<()> {
        let mut entries = fs::read_dir(top.join(inside))?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let relative = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            // A link to a folder is not followed: it may lead in a circle.
            if entry.file_type()?.is_dir() {
                if let Err(error) = self.gather(top, &relative) {
                    self.unreadable.insert(relative, error.to_string());
                }
            } else if is_manifest(&relative) || is_kustomization(&relative) {
                self.read(top, relative);
            }
        }
        Ok(())
    }

    fn read(&mut self, top: &Path, relative: String) {
        match fs::read_to_string(top.join(&relative)) {
            Ok(text) => {
                self.files.insert(relative, text);
            }
            Err(error) => {
                self.unreadable.insert(relative, error.to_string());
            }
        }
    }

    /// Reads the files that kustomizations name; one that is missing is told where it is named.
    fn named(&mut self, top: &Path) {
        let mut named = BTreeSet::new();
        for (file, text) in self.files.iter().filter(|(file, _)| is_kustomization(file)) {
            // What is wrong with it is told when it is read for good.
            let kustomization = kustomize::read(file, text, &mut Vec::new());
            named.extend(kustomization.into_iter().flat_map(|kustomization| kustomization.named));
        }
        for file in named {
            if !self.files.contains_key(&file) && top.join(&file).is_file() {
                self.read(top, file);
            }
        }
    }
}
