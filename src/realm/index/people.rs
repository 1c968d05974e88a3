//! The people of a realm: by object name, by externalId, by former id, and who reports to whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::person::PersonSpec;
use crate::model::ids::{ObjectName, PersonId};
use crate::realm::lifecycle::{laid_over, zone_named};
use crate::realm::object::{Meta, ResourceKind};

/// One Person object that could be read.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What surrounds it.
    pub meta: Meta,
    /// What it says.
    pub spec: PersonSpec,
    /// Who it is.
    pub id: PersonId,
    /// The zone that it names, where there is such a zone.
    zone: Option<TimeZone>,
}

impl Declared {
    /// None where neither externalId nor name can be an id.
    fn new(meta: Meta, spec: PersonSpec) -> Option<Self> {
        let given = spec.external_id.as_deref().and_then(|id| PersonId::parse(id).ok());
        let id = given.or_else(|| PersonId::parse(meta.name.as_str()).ok())?;
        let zone = spec.timezone.as_deref().and_then(zone_named);
        Some(Self { meta, spec, id, zone })
    }

    /// The zone in which this person's days begin and end.
    #[must_use]
    pub fn zone<'a>(&'a self, realm: &'a TimeZone) -> &'a TimeZone {
        self.zone.as_ref().unwrap_or(realm)
    }

    /// Whether it names a zone that does not exist.
    #[must_use]
    pub fn zone_is_unknown(&self) -> bool {
        self.spec.timezone.is_some() && self.zone.is_none()
    }

    /// The spec with the employment in force laid over it.
    #[must_use]
    pub fn laid_over(&self, realm: &TimeZone, t: Timestamp) -> PersonSpec {
        laid_over(&self.spec, self.zone(realm), t)
    }

    /// Earlier externalIds.
    pub fn former_ids(&self) -> impl Iterator<Item = PersonId> {
        self.spec.former_ids.iter().filter_map(|id| PersonId::parse(id.as_str()).ok())
    }

    /// `people/ann.yaml:1`, or `Person/ann` in a cluster.
    #[must_use]
    pub fn place(&self) -> String {
        super::place_of(ResourceKind::Person, &self.meta)
    }

    /// All managers that the object names, in any employment.
    pub(super) fn managers(&self) -> BTreeSet<&str> {
        let employments = self.spec.employments.iter().flatten();
        self.spec.manager.as_deref().into_iter().chain(employments.filter_map(|employment| employment.manager.as_deref())).collect()
    }

    /// What is wrong where the object names its own person as manager, in any employment: what reads the manager would wait for ever.
    pub(super) fn manages_themself(&self) -> Option<String> {
        let name = self.meta.name.as_str();
        self.managers().contains(name).then(|| format!("`manager: {name}` is this very person"))
    }

    fn same(&self, other: &Self) -> bool {
        self.meta == other.meta && self.spec == other.spec
    }
}

/// All people that could be read.
#[derive(Debug, Default)]
pub(super) struct People {
    objects: BTreeMap<ObjectName, Declared>,
    by_id: BTreeMap<PersonId, BTreeSet<ObjectName>>,
    /// Former id → the objects that name it.
    heirs: BTreeMap<PersonId, BTreeSet<ObjectName>>,
    /// Manager's name → the objects that name it.
    reports: BTreeMap<String, BTreeSet<ObjectName>>,
}

impl People {
    pub(super) fn get(&self, name: &str) -> Option<&Declared> {
        self.objects.get(&ObjectName::parse(name).ok()?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Declared> {
        self.objects.values()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &ObjectName> {
        self.objects.keys()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &PersonId> {
        self.by_id.keys()
    }

    pub(super) fn by_id(&self, id: &PersonId) -> impl Iterator<Item = &Declared> {
        self.by_id.get(id).into_iter().flatten().filter_map(|name| self.objects.get(name))
    }

    pub(super) fn is_declared(&self, id: &PersonId) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn heirs(&self, id: &PersonId) -> impl Iterator<Item = &Declared> {
        self.heirs.get(id).into_iter().flatten().filter_map(|name| self.objects.get(name))
    }

    /// Puts an object in the place of the one of that name, or takes it out. Gives the ids that this touches; none where nothing changed.
    pub(super) fn exchange(&mut self, name: &ObjectName, new: Option<(Meta, PersonSpec)>) -> Option<BTreeSet<PersonId>> {
        let new = new.and_then(|(meta, spec)| Declared::new(meta, spec));
        let old = self.objects.remove(name);
        let unchanged = match (&old, &new) {
            (Some(old), Some(new)) => old.same(new),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if unchanged {
            self.objects.extend(old.map(|old| (name.clone(), old)));
            return None;
        }
        let touched = old.iter().chain(&new).flat_map(|declared| declared.former_ids().chain([declared.id.clone()])).collect();
        if let Some(old) = old {
            unlink(&mut self.by_id, &old.id, name);
            old.former_ids().for_each(|id| unlink(&mut self.heirs, &id, name));
            old.managers().into_iter().for_each(|manager| unlink(&mut self.reports, &manager.to_owned(), name));
        }
        if let Some(new) = new {
            self.by_id.entry(new.id.clone()).or_default().insert(name.clone());
            new.former_ids().for_each(|id| {
                self.heirs.entry(id).or_default().insert(name.clone());
            });
            new.managers().into_iter().for_each(|manager| {
                self.reports.entry(manager.to_owned()).or_default().insert(name.clone());
            });
            self.objects.insert(name.clone(), new);
        }
        Some(touched)
    }

    /// Those whose chain of managers comes by one of these names, at any time.
    pub(super) fn below(&self, names: &BTreeSet<ObjectName>) -> BTreeSet<PersonId> {
        let mut met: BTreeSet<&ObjectName> = BTreeSet::new();
        let mut next: Vec<&ObjectName> = names.iter().collect();
        while let Some(name) = next.pop() {
            next.extend(self.reports.get(name.as_str()).into_iter().flatten().filter(|report| met.insert(report)));
        }
        met.into_iter().filter_map(|name| Some(self.objects.get(name)?.id.clone())).collect()
    }
}

fn unlink<K: Ord>(index: &mut BTreeMap<K, BTreeSet<ObjectName>>, key: &K, name: &ObjectName) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}
