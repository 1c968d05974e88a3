//! What comes by itself, and when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::ids::{PersonId, TargetName};

/// A person's decision, or a person in one target.
pub type Matter = (PersonId, Option<TargetName>);

/// The queue of due instants; each matter is in it once.
#[derive(Debug)]
pub struct Due<M = Matter> {
    at: BTreeSet<(Timestamp, M)>,
    of: BTreeMap<M, Timestamp>,
}

impl<M> Default for Due<M> {
    fn default() -> Self {
        Self { at: BTreeSet::new(), of: BTreeMap::new() }
    }
}

impl<M: Ord + Clone> Due<M> {
    /// This matter is due then, and at no other time; `None`: never.
    pub fn set(&mut self, matter: M, at: Option<Timestamp>) {
        if let Some(before) = self.of.remove(&matter) {
            self.at.remove(&(before, matter.clone()));
        }
        if let Some(at) = at {
            self.of.insert(matter.clone(), at);
            self.at.insert((at, matter));
        }
    }

    /// This matter is due then at the latest.
    pub fn by(&mut self, matter: M, at: Timestamp) {
        if self.of.get(&matter).is_none_or(|known| at < *known) {
            self.set(matter, Some(at));
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.at.first().map(|(at, _)| *at)
    }

    /// Takes out all that is due now.
    pub fn take(&mut self, now: Timestamp) -> Vec<M> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.at.first()
            && *at <= now
        {
            if let Some((_, matter)) = self.at.pop_first() {
                self.of.remove(&matter);
                due.push(matter);
            }
        }
        due
    }
}

impl Due {
    /// When anything of this person is due next.
    #[must_use]
    pub fn next_of(&self, person: &PersonId) -> Option<Timestamp> {
        let from = (person.clone(), None);
        self.of.range(from..).take_while(|((of, _), _)| of == person).map(|(_, at)| *at).min()
    }

    /// A target is gone.
    pub fn forget(&mut self, target: &TargetName) {
        let gone: Vec<Matter> = self.of.keys().filter(|(_, of)| of.as_ref() == Some(target)).cloned().collect();
        gone.into_iter().for_each(|matter| self.set(matter, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ann(target: Option<&str>) -> Matter {
        (PersonId::parse("ann").unwrap(), target.map(|name| TargetName::parse(name).unwrap()))
    }

    #[test]
    fn each_matter_is_due_once_and_in_order() {
        let mut due: Due = Due::default();
        due.set(ann(None), Some(at(30)));
        due.set(ann(Some("mail")), Some(at(20)));
        due.by(ann(Some("mail")), at(25));
        assert_eq!((due.next(), due.next_of(&ann(None).0)), (Some(at(20)), Some(at(20))));
        due.by(ann(Some("mail")), at(10));
        due.set(ann(None), Some(at(5)));
        assert_eq!(due.take(at(4)), []);
        assert_eq!(due.take(at(12)), [ann(None), ann(Some("mail"))]);
        assert_eq!((due.next(), due.take(at(99))), (None, Vec::new()));
        due.set(ann(Some("mail")), Some(at(1)));
        due.forget(&TargetName::parse("mail").unwrap());
        assert_eq!(due.next(), None);
    }
}
