//! The Policies of a realm with the ConfigMaps that they take files from: what a compiler needs, or why the realm is frozen.

use std::collections::BTreeMap;

use super::{Realm, place_of};
use crate::api::policy::PolicySpec;
use crate::model::ids::ObjectName;
use crate::realm::input::Frozen;
use crate::realm::object::ResourceKind;

/// One Policy, its files gathered.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyParts {
    /// Its name.
    pub policy: ObjectName,
    /// `policies/access.yaml:1`, or `Policy/access` in a cluster.
    pub place: String,
    /// Library modules of the binary.
    pub use_: Vec<String>,
    /// File name → Rego.
    pub modules: BTreeMap<String, String>,
    /// File name → Rego of the files that end in `_test.rego`: never part of a decision.
    pub tests: BTreeMap<String, String>,
    /// Where it comes from, and what is to be merged under `data`.
    pub data: Vec<(String, serde_json::Value)>,
}

/// All Policies, and all that is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) parts: Vec<PolicyParts>,
    pub(super) wrong: Vec<Frozen>,
    /// A ConfigMap of `from` is not there or cannot be read.
    pub(super) lacks_file: bool,
}

pub(super) fn gather(realm: &Realm) -> Gathered {
    let mut gathered = Gathered::default();
    for unreadable in realm.unreadable_of(ResourceKind::Policy) {
        gathered.wrong.push(Frozen::new(format!("a Policy cannot be read: {}", unreadable.why), unreadable_place(unreadable)));
    }
    for policy in realm.policies.values() {
        let place = place_of(ResourceKind::Policy, &policy.meta);
        gathered.add(realm, &policy.meta.name, &place, &policy.spec);
    }
    gathered
}

impl Gathered {
    fn add(&mut self, realm: &Realm, name: &ObjectName, place: &str, spec: &PolicySpec) {
        let mut parts = PolicyParts {
            policy: name.clone(),
            place: place.to_owned(),
            use_: spec.use_.clone(),
            modules: spec.modules.clone(),
            tests: BTreeMap::new(),
            data: Vec::new(),
        };
        if !spec.data.is_empty() {
            parts.data.push((place.to_owned(), serde_json::Value::Object(spec.data.clone())));
        }
        for from in &spec.from {
            if let Some(torn) = realm.unreadable_named(ResourceKind::ConfigMap, from) {
                self.lacks_file = true;
                self.wrong.push(Frozen::new(format!("the ConfigMap `{from}` cannot be read: {}", torn.why), unreadable_place(torn)));
            } else if let Some(files) = ObjectName::parse(from.as_str()).ok().and_then(|from| realm.config_maps.get(&from)) {
                for (file, text) in &files.spec {
                    if let Err(why) = parts.take(file, text) {
                        self.wrong.push(Frozen::new(why, place_of(ResourceKind::ConfigMap, &files.meta)));
                    }
                }
            } else {
                self.lacks_file = true;
                let hint = "make it with a configMapGenerator, or take it out of `from`";
                self.wrong.push(Frozen::new(
                    format!("the Policy `{name}` takes files from the ConfigMap `{from}`, which is not there: {hint}"),
                    place,
                ));
            }
        }
        self.parts.push(parts);
    }
}

impl PolicyParts {
    /// Takes one file of a ConfigMap in; files of other kinds are none of ours.
    fn take(&mut self, file: &str, text: &str) -> Result<(), String> {
        let ends = |suffix: &str| file.ends_with(suffix);
        if ends(".rego") {
            let files = if ends("_test.rego") { &mut self.tests } else { &mut self.modules };
            if files.insert(file.to_owned(), text.to_owned()).is_some() {
                return Err(format!("the Policy `{}` has two files `{file}`: rename one", self.policy));
            }
        } else if ends(".yaml") || ends(".yml") || ends(".json") {
            let read = if ends(".json") {
                serde_json::from_str(text).map_err(|error| error.to_string())
            } else {
                serde_saphyr::from_str(text).map_err(|error| error.to_string())
            };
            let data: serde_json::Value = read.map_err(|why| format!("the data file `{file}` cannot be read: {why}"))?;
            if !data.is_object() {
                return Err(format!("the data file `{file}` is no map: write `name: value`"));
            }
            self.data.push((file.to_owned(), data));
        }
        Ok(())
    }
}

/// The place of an object that cannot be read.
pub(super) fn unreadable_place(unreadable: &crate::realm::object::Unreadable) -> String {
    match (unreadable.place.file.is_empty(), unreadable.kind, &unreadable.name) {
        (true, Some(kind), Some(name)) => format!("{kind}/{name}"),
        _ => unreadable.place.to_string(),
    }
}
