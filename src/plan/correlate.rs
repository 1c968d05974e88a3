//! Whose account is it? Correlation looks at the whole realm, in a fixed order of signs: explicit link, id in the ledger, owner key,
//! correlation attributes. The first sign that finds an account decides; whatever speaks against it makes it Ambiguous, and nothing
//! is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::target::Adopt;
use crate::model::account::{Account, AccountKey};
use crate::model::ids::{AccountId, AccountName, AttributeName, OwnerKey, PersonId};
use crate::model::ledger::{Ledger, Link};
use crate::model::observed::{Lookup, Missing, Observed, Seen};
use crate::model::schema::Schema;

use super::claims::{Claims, correlation_value};
use super::desired::{Desired, DesiredPerson, Stand};
use super::finding::FindingKind;
use super::lookups::lookups;
use super::rules::{AccountRules, TargetRules, USER_NAME};

/// What correlation says of one account key.
#[derive(Debug)]
pub enum Found<'a> {
    /// This account. `adopted`: found by an attribute, so that it becomes ours now.
    Account {
        /// The account.
        seen: Seen<'a>,
        /// Found by an attribute.
        adopted: bool,
    },
    /// There is none.
    Missing(Missing),
    /// The look does not say.
    Unread,
    /// It was theirs, and somebody else has taken it over by an explicit link.
    GivenAway,
    /// It must not be touched.
    Blocked {
        /// Ambiguous or NotAdopted.
        kind: FindingKind,
        /// In words, with what can be done.
        why: String,
        /// The accounts that are meant.
        accounts: BTreeSet<AccountId>,
    },
}

/// All results of one look.
pub struct Correlated<'a> {
    /// By account.
    pub found: BTreeMap<AccountKey, Found<'a>>,
    /// Links that a person takes over from an earlier externalId or from somebody who is gone: the new key and the old one.
    pub moved: BTreeMap<AccountKey, AccountKey>,
    /// Those whose owner key another account carries than the one that was found.
    pub key_elsewhere: BTreeSet<AccountKey>,
}

/// Finds the accounts of everybody in `desired`.
#[must_use]
pub fn correlate<'a>(
    rules: &'a TargetRules,
    schema: &'a Schema,
    desired: &Desired,
    claims: &'a Claims,
    observed: &'a Observed,
    ledger: &'a Ledger,
) -> Correlated<'a> {
    let view = View::new(rules, schema, claims, observed, ledger);
    let mut found = BTreeMap::new();
    let mut moved = BTreeMap::new();
    for (id, person) in &desired.people {
        for account in names(rules, id, person, ledger, &view) {
            let key = AccountKey { person: id.clone(), target: rules.name.clone(), account };
            let (link, from) = view.link(&key, person);
            if let Some(from) = from {
                moved.insert(key.clone(), from);
            }
            found.insert(key.clone(), view.find(&key, person, link));
        }
    }
    view.settle_contests(desired, &mut found);
    // What is not theirs for sure is not remembered as theirs.
    moved.retain(|key, _| !matches!(found.get(key), Some(Found::Blocked { .. } | Found::GivenAway)));
    let elsewhere = |(key, found): (&AccountKey, &Found<'_>)| match found {
        Found::Account { seen, .. } => {
            let own = owner(rules, &key.person, &key.account);
            view.ids_by_owner(&own).any(|id| *id != seen.account().id).then(|| key.clone())
        }
        Found::Missing(_) | Found::Unread | Found::GivenAway | Found::Blocked { .. } => None,
    };
    let key_elsewhere = found.iter().filter_map(elsewhere).collect();
    Correlated { found, moved, key_elsewhere }
}

/// The accounts that a person has or should have here.
fn names(rules: &TargetRules, id: &PersonId, person: &DesiredPerson, ledger: &Ledger, view: &View<'_>) -> BTreeSet<AccountName> {
    let mut names: BTreeSet<AccountName> = person.asked.keys().chain(person.explicit.keys()).cloned().collect();
    names.insert(AccountName::ordinary());
    for owner in std::iter::once(id).chain(&person.former_ids) {
        names.extend(ledger.links_of(owner).map(|(key, _)| key.account.clone()));
        names.extend(view.owned_accounts(owner));
    }
    names.extend(rules.accounts.keys().filter(|name| view.ids_by_owner(&owner(rules, id, name)).next().is_some()).cloned());
    names
}

fn owner(rules: &TargetRules, person: &PersonId, account: &AccountName) -> OwnerKey {
    OwnerKey { realm: rules.realm.clone(), person: person.clone(), account: account.clone() }
}

/// The look, indexed by what accounts are found by.
struct View<'a> {
    rules: &'a TargetRules,
    schema: &'a Schema,
    claims: &'a Claims,
    observed: &'a Observed,
    ledger: &'a Ledger,
    by_owner: BTreeMap<&'a OwnerKey, BTreeSet<&'a AccountId>>,
    by_value: BTreeMap<(&'a AttributeName, String), BTreeSet<&'a AccountId>>,
    linked: BTreeMap<&'a AccountId, BTreeSet<&'a AccountKey>>,
}

impl<'a> View<'a> {
    fn new(rules: &'a TargetRules, schema: &'a Schema, claims: &'a Claims, observed: &'a Observed, ledger: &'a Ledger) -> Self {
        let mut by_owner: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let mut by_value: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let attributes: BTreeSet<&AttributeName> = rules.accounts.values().flat_map(|rules| &rules.correlation).collect();
        for account in observed.accounts() {
            if let Some(owner) = &account.owner {
                by_owner.entry(owner).or_default().insert(&account.id);
            }
            for attribute in &attributes {
                for value in values_of(account, attribute) {
                    by_value.entry((*attribute, schema.fold(attribute, &value))).or_default().insert(&account.id);
                }
            }
        }
        let mut linked: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (key, link) in &ledger.links {
            if let Some(id) = &link.id {
                linked.entry(id).or_default().insert(key);
            }
        }
        Self { rules, schema, claims, observed, ledger, by_owner, by_value, linked }
    }

    fn ids_by_owner(&self, owner: &OwnerKey) -> impl Iterator<Item = &'a AccountId> {
        self.by_owner.get(owner).into_iter().flatten().copied()
    }

    /// Names of accounts that carry a key of this person.
    fn owned_accounts(&self, person: &PersonId) -> Vec<AccountName> {
        let from = owner(self.rules, person, &AccountName::ordinary());
        self.by_owner
            .range::<OwnerKey, _>(from..)
            .take_while(|(key, _)| key.realm == self.rules.realm && key.person == *person)
            .map(|(key, _)| key.account.clone())
            .collect()
    }

    /// The link of an account, or that of a former externalId which nobody else declares, or that of one who is gone and whose
    /// account an explicit link names.
    fn link(&self, key: &AccountKey, person: &DesiredPerson) -> (Option<&'a Link>, Option<AccountKey>) {
        if let Some(link) = self.ledger.links.get(key) {
            return (Some(link), None);
        }
        for former in person.former_ids.iter().filter(|former| !self.claims.is_living(former)) {
            let from = AccountKey { person: former.clone(), ..key.clone() };
            if let Some(link) = self.ledger.links.get(&from) {
                return (Some(link), Some(from));
            }
        }
        self.left_behind(key, person).map_or((None, None), |(from, link)| (Some(link), Some(from.clone())))
    }

    /// What somebody who is gone left behind, where an explicit link names it and it is theirs still.
    fn left_behind(&self, key: &AccountKey, person: &DesiredPerson) -> Option<(&'a AccountKey, &'a Link)> {
        let id = person.explicit.get(&key.account).filter(|_| self.claims.absence_judged)?;
        let account = self.observed.account(id)?;
        let from = self.linked.get(id)?.iter().copied().find(|from| !self.claims.is_living(&from.person))?;
        let link = self.ledger.links.get(from)?;
        let theirs = match &account.owner {
            Some(key) => *key == owner(self.rules, &from.person, &from.account),
            None => self.same_name(&account.name, &link.name),
        };
        theirs.then_some((from, link))
    }

    /// The keys that count as this person's own: of the externalId and of former ones.
    fn keys(&self, key: &AccountKey, person: &DesiredPerson) -> BTreeSet<OwnerKey> {
        std::iter::once(&key.person).chain(&person.former_ids).map(|id| owner(self.rules, id, &key.account)).collect()
    }

    fn find(&self, key: &AccountKey, person: &DesiredPerson, link: Option<&'a Link>) -> Found<'a> {
        if let Some(rival) = self.rival(key, person) {
            return ambiguous(rival, []);
        }
        if let Some(id) = person.explicit.get(&key.account) {
            return self.by_explicit_link(key, person, id, link);
        }
        if let Some(found) = link.and_then(|link| self.by_ledger(key, person, link)) {
            return found;
        }
        match self.by_owner_key(key, person) {
            Some(found) => found,
            None => self.by_attributes(key, person, link),
        }
    }

    /// A former externalId that somebody else still declares, with an account here.
    fn rival(&self, key: &AccountKey, person: &DesiredPerson) -> Option<String> {
        person.former_ids.iter().find_map(|former| {
            let from = AccountKey { person: former.clone(), ..key.clone() };
            let has_account =
                self.ledger.links.contains_key(&from) || self.ids_by_owner(&owner(self.rules, former, &key.account)).next().is_some();
            (self.claims.is_living(former) && *former != key.person && has_account)
                .then(|| format!("formerIds names {former}, which another Person still declares: take it out of one of the two"))
        })
    }

    /// What an account's own key says against this claim.
    fn contradiction(&self, key: &AccountKey, person: &DesiredPerson, account: &Account, explicit: bool) -> Option<String> {
        let owner = account.owner.as_ref()?;
        if self.keys(key, person).contains(owner) {
            return None;
        }
        if owner.realm != self.rules.realm {
            return Some(format!("account {} carries the key {owner} of another realm", account.id));
        }
        if owner.person == key.person || self.claims.is_living(&owner.person) {
            return Some(format!("account {} carries the key {owner}", account.id));
        }
        if explicit && !self.claims.absence_judged {
            let why = format!("account {} carries the key {owner}, and whether that person is gone cannot be told", account.id);
            return Some(format!("{why} while something is unreadable"));
        }
        (!explicit).then(|| {
            format!(
                "account {} carries the key {owner} of somebody who is gone: name it in `accounts` or in `formerIds` to take it over",
                account.id
            )
        })
    }

    fn by_explicit_link(&self, key: &AccountKey, person: &DesiredPerson, id: &AccountId, link: Option<&Link>) -> Found<'a> {
        match self.observed.seen(id) {
            Some(seen) => match self.contradiction(key, person, seen.account(), true) {
                Some(why) => ambiguous(why, [id]),
                None => Found::Account { seen, adopted: link.is_none_or(|link| link.id.as_ref() != Some(id)) },
            },
            None if self.observed.missing(&[Lookup::Id(id.clone())]).is_some() => {
                ambiguous(format!("`accounts` names the id {id}, and no such account is there: correct the id, or take the link out"), [])
            }
            None => Found::Unread,
        }
    }

    /// `None`: the recorded id finds nothing of theirs, and the next sign decides.
    fn by_ledger(&self, key: &AccountKey, person: &DesiredPerson, link: &'a Link) -> Option<Found<'a>> {
        let id = link.id.as_ref()?;
        let Some(seen) = self.observed.seen(id) else {
            return if self.observed.missing(&[Lookup::Id(id.clone())]).is_some() { None } else { Some(Found::Unread) };
        };
        let account = seen.account();
        match &account.owner {
            Some(owner) if self.keys(key, person).contains(owner) => {
                Some(self.returned(key, person, link, account).unwrap_or(Found::Account { seen, adopted: false }))
            }
            Some(owner) if owner.realm != self.rules.realm || self.claims.is_living(&owner.person) => {
                Some(ambiguous(format!("account {id} carries the key {owner}"), [id]))
            }
            Some(_) => None,
            None => (self.same_name(&account.name, &link.name) || self.answers_to(key, person, account))
                .then(|| self.returned(key, person, link, account).unwrap_or(Found::Account { seen, adopted: false })),
        }
    }

    /// Somebody who was gone is declared again: an account to which something was done goes back by its name, or by an explicit sign.
    fn returned(&self, key: &AccountKey, person: &DesiredPerson, link: &Link, account: &Account) -> Option<Found<'a>> {
        let back = link.gone.is_some() && person.stand != Stand::Gone;
        let touched = link.disabled.is_some() && link.stage.is_some();
        let same_name = person.user_name.as_ref().is_some_and(|name| self.same_name(name, &account.name));
        let by_former = !self.ledger.links.contains_key(key);
        (back && touched && !same_name && !by_former && key.account.is_ordinary()).then(|| {
            let why = format!(
                "account {} ({}) was {}'s before they were gone, under another name: name it in `accounts` to give it back",
                account.id, account.name, key.person
            );
            ambiguous(why, [&account.id])
        })
    }

    /// Equal as the target compares names.
    fn same_name(&self, one: &str, other: &str) -> bool {
        let attribute = AttributeName::parse(USER_NAME).ok();
        let fold = |text: &str| attribute.as_ref().map_or_else(|| text.to_owned(), |a| self.schema.fold(a, text));
        fold(one) == fold(other)
    }

    fn answers_to(&self, key: &AccountKey, person: &DesiredPerson, account: &Account) -> bool {
        let Some(rules) = self.rules.accounts.get(&key.account) else { return false };
        rules.correlation.iter().any(|attribute| {
            correlation_value(person, &key.account, attribute).is_some_and(|value| {
                values_of(account, attribute).any(|v| self.schema.fold(attribute, &v) == self.schema.fold(attribute, &value))
            })
        })
    }

    fn by_owner_key(&self, key: &AccountKey, person: &DesiredPerson) -> Option<Found<'a>> {
        let ids: BTreeSet<&AccountId> = self.keys(key, person).iter().flat_map(|owner| self.ids_by_owner(owner)).collect();
        match (ids.len(), ids.first()) {
            (0, _) | (_, None) => None,
            (1, Some(id)) => self.observed.seen(id).map(|seen| Found::Account { seen, adopted: false }),
            (_, Some(_)) => Some(ambiguous(format!("accounts {} all carry the key of this person", list(&ids)), ids)),
        }
    }

    fn by_attributes(&self, key: &AccountKey, person: &DesiredPerson, link: Option<&Link>) -> Found<'a> {
        let Some(rules) = self.rules.accounts.get(&key.account) else { return Found::Unread };
        if person.asked.contains_key(&key.account) && person.stand == Stand::Decided && !is_leaver(person) {
            for attribute in &rules.correlation {
                if let Some(found) = correlation_value(person, &key.account, attribute)
                    .and_then(|value| self.by_attribute(key, person, rules, attribute, &value))
                {
                    return found;
                }
            }
        }
        match self.observed.missing(&lookups(self.rules, key, person, link)) {
            Some(missing) => Found::Missing(missing),
            None => Found::Unread,
        }
    }

    fn by_attribute(
        &self,
        key: &AccountKey,
        person: &DesiredPerson,
        rules: &AccountRules,
        attribute: &AttributeName,
        value: &str,
    ) -> Option<Found<'a>> {
        let (folded, shown) = (self.schema.fold(attribute, value), rules.shown(attribute, value));
        let ids = self.by_value.get(&(attribute, folded.clone()))?;
        let blocked = |kind, why: String| Some(Found::Blocked { kind, why, accounts: ids.iter().map(|id| (*id).clone()).collect() });
        let [id] = ids.iter().collect::<Vec<_>>()[..] else {
            return blocked(FindingKind::Ambiguous, format!("accounts {} all have {attribute} {shown}", list(ids)));
        };
        let seen = self.observed.seen(id)?;
        let account = seen.account();
        if let Some(why) = self.contradiction(key, person, account, false) {
            return blocked(FindingKind::Ambiguous, why);
        }
        if let Some(other) = self.linked.get(id).into_iter().flatten().find(|other| **other != key) {
            return blocked(FindingKind::Ambiguous, format!("account {id} with {attribute} {shown} is {}'s", other.person));
        }
        let others: Vec<&PersonId> =
            self.claims.values.get(&(attribute.clone(), folded)).into_iter().flatten().filter(|p| **p != key.person).collect();
        if let Some(other) = others.first() {
            return blocked(FindingKind::Ambiguous, format!("{other} has the same {attribute} {shown}, which account {id} answers to"));
        }
        if rules.adopt == Adopt::Never {
            return blocked(
                FindingKind::NotAdopted,
                format!("account {id} has {attribute} {shown}: set correlation.adopt to Unique, or name it in `accounts`, to take it over"),
            );
        }
        if rules.self_service.contains(attribute) || self.schema.rule(attribute).self_service {
            return blocked(
                FindingKind::NotAdopted,
                format!("account {id} has {attribute} {shown}, which its holder can edit: name it in `accounts` to take it over"),
            );
        }
        if account.own_login || self.rules.is_protected(&account.name) {
            return blocked(FindingKind::NotAdopted, format!("account {id} ({}) is protected", account.name));
        }
        Some(Found::Account { seen, adopted: true })
    }

    /// Several people for one account: the one whose key it carries goes on, else it is nobody's to write.
    fn settle_contests(&self, desired: &Desired, found: &mut BTreeMap<AccountKey, Found<'a>>) {
        let mut claimants: BTreeMap<&AccountId, Vec<AccountKey>> = BTreeMap::new();
        for (key, result) in found.iter() {
            if let Found::Account { seen, .. } = result {
                claimants.entry(&seen.account().id).or_default().push(key.clone());
            }
        }
        let claimants: Vec<(AccountId, Vec<AccountKey>)> = claimants.into_iter().map(|(id, keys)| (id.clone(), keys)).collect();
        for (id, keys) in claimants.iter().map(|(id, keys)| (id, keys.clone())).filter(|(_, keys)| keys.len() > 1) {
            let owner = self.observed.account(id).and_then(|account| account.owner.as_ref());
            let (gone, living): (Vec<&AccountKey>, Vec<&AccountKey>) =
                keys.iter().partition(|key| desired.people.get(&key.person).is_none_or(|person| person.stand == Stand::Gone));
            if let ([heir], false) = (&living[..], gone.is_empty()) {
                // Somebody who is gone gives way to the one living claim: what is left of them is nothing.
                let names_it = desired.people.get(&heir.person).is_some_and(|person| person.explicit.get(&heir.account) == Some(id));
                if names_it && self.claims.absence_judged {
                    for key in gone {
                        found.insert(key.clone(), Found::GivenAway);
                    }
                    continue;
                }
            }
            for key in &keys {
                if owner.is_some_and(|o| o.person == key.person && o.account == key.account) {
                    continue;
                }
                let others: Vec<String> = keys.iter().filter(|other| *other != key).map(AccountKey::owner).collect();
                found.insert(key.clone(), ambiguous(format!("account {id} is claimed by {} as well", others.join(", ")), [id]));
            }
        }
    }
}

fn ambiguous<'a, 'i>(why: String, accounts: impl IntoIterator<Item = &'i AccountId>) -> Found<'a> {
    Found::Blocked { kind: FindingKind::Ambiguous, why, accounts: accounts.into_iter().cloned().collect() }
}

/// Whether all employments have ended.
fn is_leaver(person: &DesiredPerson) -> bool {
    person.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.state == crate::model::change::LifecycleState::Terminated)
}

/// What an account has in an attribute; `userName` is its name.
fn values_of(account: &Account, attribute: &AttributeName) -> impl Iterator<Item = String> {
    let texts = match account.attributes.get(attribute) {
        Some(value) => value.texts(),
        None if attribute.as_str() == USER_NAME => BTreeSet::from([account.name.clone()]),
        None => BTreeSet::new(),
    };
    texts.into_iter()
}

fn list(ids: &BTreeSet<&AccountId>) -> String {
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
}
