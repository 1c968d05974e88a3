//! Whom a Lockout means. Its name meets a Person once; from then on it is that person, be the object renamed or deleted. What it has met
//! is remembered outside: in the Lockout's status, or in a folder's ledgers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::change::Touched;
use super::{Affected, Realm, Sited};
use crate::api::lockout::LockoutSpec;
use crate::model::ids::{ObjectName, PersonId};
use crate::model::ledger::Met;

impl Realm {
    /// Whom this Lockout has met, as far as that is remembered.
    #[must_use]
    pub fn met(&self, lockout: &ObjectName) -> Option<&PersonId> {
        self.met.get(lockout)
    }

    /// It is remembered that the name in this Lockout met that person.
    pub fn remember_met(&mut self, lockout: &ObjectName, person: PersonId) -> Affected {
        let mut touched = Touched::default();
        if self.met.get(lockout) != Some(&person) {
            self.touch_shut_out(self.shut_out_by(lockout), &mut touched);
            self.met.insert(lockout.clone(), person);
            self.derived.locked.take();
            self.touch_shut_out(self.shut_out_by(lockout), &mut touched);
        }
        self.affected(touched)
    }

    /// Remembers whom each Lockout meets now, unless it has met somebody before. A name that no object has may be the externalId of one who
    /// is gone: `known` says who has ever had an account here.
    pub fn meet(&mut self, known: impl Fn(&PersonId) -> bool) -> Affected {
        let named = |lockout: &Sited<LockoutSpec>| match self.people.get(&lockout.spec.person) {
            Some(declared) => Some(declared.id.clone()),
            None => self.gone_by(lockout).filter(&known),
        };
        let unmet = self.lockouts.values().filter(|lockout| !self.met.contains_key(&lockout.meta.name));
        let met: Vec<_> = unmet.filter_map(|lockout| Some((lockout.meta.name.clone(), named(lockout)?))).collect();
        let mut touched = Touched::default();
        for (lockout, person) in met {
            self.met.insert(lockout.clone(), person);
            self.derived.locked.take();
            self.touch_shut_out(self.shut_out_by(&lockout), &mut touched);
        }
        self.affected(touched)
    }

    /// Takes in what ledgers remember of whom Lockouts have met, and says what is to be remembered from now on. `known`: as for [`Realm::meet`].
    pub fn recall_met<'a>(
        &mut self,
        remembered: impl IntoIterator<Item = (&'a ObjectName, &'a Met)>,
        known: impl Fn(&PersonId) -> bool,
    ) -> BTreeMap<ObjectName, Met> {
        let absence = self.absence_judged();
        let mut kept = BTreeMap::new();
        for (lockout, met) in remembered {
            match self.lockouts.get(lockout) {
                // Another name is another person.
                Some(declared) if declared.spec.person != met.name => {}
                Some(_) => {
                    if !self.met.contains_key(lockout) {
                        self.remember_met(lockout, met.person.clone());
                    }
                }
                None if absence => {}
                // It may stand, unread.
                None => {
                    kept.entry(lockout.clone()).or_insert_with(|| met.clone());
                }
            }
        }
        self.meet(known);
        let met = self.met.iter().filter_map(|(lockout, person)| {
            let name = self.lockouts.get(lockout)?.spec.person.clone();
            Some((lockout.clone(), Met { name, person: person.clone() }))
        });
        kept.extend(met);
        kept
    }

    /// A Lockout that stands and means nobody who is known, so that nobody can tell whether it is they who must stay out.
    #[must_use]
    pub fn lockout_of_nobody(&self, known: impl Fn(&PersonId) -> bool, t: Timestamp) -> Option<&ObjectName> {
        let stands = |lockout: &&Sited<LockoutSpec>| lockout.spec.until.is_none_or(|until| t < until.0);
        let of_nobody = |lockout: &&Sited<LockoutSpec>| {
            !self.met.contains_key(&lockout.meta.name)
                && self.is_nobody(&lockout.spec.person)
                && !self.gone_by(lockout).is_some_and(|person| known(&person))
        };
        self.lockouts.values().filter(stands).find(of_nobody).map(|lockout| &lockout.meta.name)
    }

    /// Who is meant by which Lockouts, whether these stand or not.
    pub(super) fn locked_people(&self) -> &BTreeMap<PersonId, BTreeSet<ObjectName>> {
        self.derived.locked.get_or_init(|| {
            let mut locked: BTreeMap<PersonId, BTreeSet<ObjectName>> = BTreeMap::new();
            for name in self.lockouts.keys() {
                for person in self.shut_out_by(name) {
                    locked.entry(person).or_default().insert(name.clone());
                }
            }
            locked
        })
    }

    /// Those whom a Lockout means, or meant, are touched, and those who report to them: a manager who is locked shows as such.
    pub(super) fn touch_shut_out(&self, people: BTreeSet<PersonId>, touched: &mut Touched) {
        touched.objects.extend(people.iter().flat_map(|person| self.people.by_id(person)).map(|declared| declared.meta.name.clone()));
        touched.people.extend(people);
    }

    /// The people whom a Lockout means, whether it stands or not, with those who say by `formerIds` that they are the same.
    #[must_use]
    pub fn shut_out_by(&self, lockout: &ObjectName) -> BTreeSet<PersonId> {
        let Some(of) = self.lockouts.get(lockout) else { return BTreeSet::new() };
        let mut people = match self.met.get(lockout) {
            Some(met) => BTreeSet::from([met.clone()]),
            None => self.named(of),
        };
        let heirs: Vec<PersonId> = people.iter().flat_map(|person| self.heirs(person)).collect();
        people.extend(heirs);
        people
    }

    /// The people of the name in a Lockout.
    fn named(&self, lockout: &Sited<LockoutSpec>) -> BTreeSet<PersonId> {
        let name = lockout.spec.person.as_str();
        let torn =
            self.torn_people().iter().filter(|(_, torn)| torn.iter().any(|torn| torn.name.as_ref().is_some_and(|n| n.as_str() == name)));
        let mut named: BTreeSet<PersonId> = torn.map(|(id, _)| id.clone()).collect();
        named.extend(self.people.get(name).map(|declared| declared.id.clone()));
        if named.is_empty() {
            named.extend(self.gone_by(lockout));
        }
        named
    }

    /// A name that no object has is taken for the externalId of one who is gone, unless it is somebody else's.
    fn gone_by(&self, lockout: &Sited<LockoutSpec>) -> Option<PersonId> {
        let name = lockout.spec.person.as_str();
        PersonId::parse(name).ok().filter(|id| self.is_nobody(name) && !self.is_declared(id))
    }
}
