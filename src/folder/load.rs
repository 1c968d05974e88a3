//! From manifests to a realm: which files, which realm id, what cannot be read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::ids::{NameError, RealmId};
use crate::realm::index::Realm;
use crate::realm::load::{Folder, LoadError, load_files, load_folder};
use crate::realm::object::{Body, Object, Place, ResourceKind};

/// Where the manifests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder, or one file.
    Path(PathBuf),
    /// A stream of manifests, read already.
    Stream(String),
}

/// What the command line says beside the manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--realm`: the realm's id, where no manifest gives one.
    pub realm: Option<String>,
    /// `--namespace`: the namespace that the manifests must be of.
    pub namespace: Option<String>,
    /// `--ledger`: where the ledger is.
    pub ledger: Option<PathBuf>,
}

/// Why nothing can be done with these manifests.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// They cannot be read at all.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No manifest and no flag says whose accounts these are.
    #[error("no realm id: give a Realm manifest a `spec.id`, the manifests a namespace, or the command --realm")]
    NoRealmId,
    /// One folder is one realm.
    #[error("the manifests are of {} namespaces ({}): a folder is one realm", .0.len(), .0.join(", "))]
    TwoNamespaces(Vec<String>),
    /// The manifests are of another namespace than the one asked for.
    #[error("the manifests are of namespace {found}, not of {asked}")]
    OtherNamespace {
        /// What the manifests say.
        found: String,
        /// What `--namespace` says.
        asked: String,
    },
    /// The flag and the Realm manifest disagree about the first half of every owner key.
    #[error("--realm says {flag}, and the Realm manifest says {manifest}: a realm's id never changes")]
    OtherRealm {
        /// `--realm`
        flag: String,
        /// `spec.id`
        manifest: String,
    },
    /// What a realm is may be in what cannot be read.
    #[error("the Realm cannot be read ({place}): nothing is planned and nothing is written")]
    RealmUnreadable {
        /// Where it stands.
        place: Place,
    },
    /// The id cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Manifests as they were read.
pub struct Manifests {
    /// What they say.
    pub folder: Folder,
    /// Relative paths start here.
    pub base: PathBuf,
}

/// A realm, and where it came from.
pub struct Loaded {
    /// What the manifests say.
    pub folder: Folder,
    /// The realm.
    pub realm: Realm,
    /// Relative paths start here.
    pub base: PathBuf,
    /// Where the ledger is.
    pub ledger: PathBuf,
    /// Where each object stands.
    pub places: BTreeMap<(ResourceKind, String), String>,
}

/// Reads manifests.
///
/// # Errors
/// [`FolderError::Load`] where there are none; a mistake in one of them is a problem of the result.
pub fn read(source: &Source) -> Result<Manifests, FolderError> {
    Ok(match source {
        Source::Path(path) => {
            let base = if path.is_file() { path.parent().map(Path::to_owned).unwrap_or_default() } else { path.clone() };
            Manifests { folder: load_folder(path)?, base }
        }
        Source::Stream(text) => {
            Manifests { folder: load_files(BTreeMap::from([("-".to_owned(), text.clone())])), base: PathBuf::from(".") }
        }
    })
}

impl Manifests {
    /// Makes the realm of them.
    ///
    /// # Errors
    /// [`FolderError`] where it cannot be told which realm this is.
    pub fn realm(self, options: &Options) -> Result<Loaded, FolderError> {
        let Self { folder, base } = self;
        if let Some(torn) = folder.unreadable.iter().find(|torn| torn.kind == Some(ResourceKind::Realm)) {
            return Err(FolderError::RealmUnreadable { place: torn.place.clone() });
        }
        let mut realm = Realm::new(realm_id(&folder, options)?);
        let mut by_kind: BTreeMap<ResourceKind, Vec<Object>> = BTreeMap::new();
        let mut places = BTreeMap::new();
        for object in &folder.objects {
            places.insert((object.body.kind(), object.meta.name.to_string()), object.meta.place.to_string());
            by_kind.entry(object.body.kind()).or_default().push(object.clone());
        }
        for (kind, objects) in by_kind {
            realm.replace(kind, objects);
        }
        realm.mark_unreadable(folder.unreadable.clone());
        let ledger = options.ledger.clone().unwrap_or_else(|| base.join(".provost").join("ledger.db"));
        Ok(Loaded { folder, realm, base, ledger, places })
    }
}

fn realm_id(folder: &Folder, options: &Options) -> Result<RealmId, FolderError> {
    let namespaces: Vec<String> = folder.namespaces.iter().cloned().collect();
    let namespace = match (namespaces.as_slice(), &options.namespace) {
        ([], asked) => asked.clone(),
        ([found], None) => Some(found.clone()),
        ([found], Some(asked)) if found == asked => Some(found.clone()),
        ([found], Some(asked)) => return Err(FolderError::OtherNamespace { found: found.clone(), asked: asked.clone() }),
        _ => return Err(FolderError::TwoNamespaces(namespaces)),
    };
    let manifest = folder.objects.iter().find_map(|object| if let Body::Realm(spec) = &object.body { spec.id.clone() } else { None });
    if let (Some(manifest), Some(flag)) = (&manifest, &options.realm)
        && manifest != flag
    {
        return Err(FolderError::OtherRealm { flag: flag.clone(), manifest: manifest.clone() });
    }
    let id = manifest.or(namespace).or_else(|| options.realm.clone()).ok_or(FolderError::NoRealmId)?;
    Ok(RealmId::parse(id)?)
}

impl Loaded {
    /// Whether anything of the manifests could not be read.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        !self.folder.unreadable.is_empty()
    }
}
