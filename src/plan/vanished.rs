//! Accounts that a look at some people suddenly misses. Whether just they are gone, or the whole target is another one, only a listing
//! tells: beside it the guard sees that much less is there than before, and holds.

use jiff::Timestamp;

use super::rules::TargetRules;
use crate::model::ledger::Ledger;
use crate::model::observed::{Lookup, Observed, Scope};

/// Whether a listing must decide: the look missed every account that it should have found, or one of them while the last listing
/// `shrank`.
#[must_use]
pub fn needs_a_listing(rules: &TargetRules, observed: &Observed, ledger: &Ledger, shrank: bool, t: Timestamp) -> bool {
    let Scope::People(people) = observed.scope() else { return false };
    let (mut found, mut missed) = (false, false);
    for (_, link) in people.iter().flat_map(|person| ledger.links_of(person)) {
        let Some(id) = &link.id else { continue };
        // What was written just now may not show yet.
        let lagging = link.touched.is_some_and(|touched| touched.checked_add(rules.lag).is_ok_and(|until| until > t));
        found |= observed.account(id).is_some();
        missed |= !lagging && observed.account(id).is_none() && observed.missing(&[Lookup::Id(id.clone())]).is_some();
    }
    missed && (shrank || !found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::realm::RealmSpec;
    use crate::api::target::TargetSystemSpec;
    use crate::model::account::{Account, AccountKey, AccountState};
    use crate::model::ids::{AccountId, AccountName, PersonId, RealmId, TargetName};
    use crate::model::ledger::Link;
    use crate::model::schema::Schema;

    fn account(id: &str) -> Account {
        Account {
            id: AccountId::parse(id).unwrap(),
            name: id.to_owned(),
            owner: None,
            state: AccountState::Enabled,
            version: None,
            attributes: Default::default(),
            partial: Default::default(),
            entitlements: Default::default(),
            entitlements_complete: true,
            own_login: false,
        }
    }

    #[test]
    fn whoever_is_not_found_any_more_is_a_matter_for_a_listing() {
        let target = TargetName::parse("dir").unwrap();
        let (spec, t) = (TargetSystemSpec::default(), Timestamp::from_second(1_000_000).unwrap());
        let rules =
            TargetRules::new(target.clone(), &spec, RealmId::parse("acme").unwrap(), &RealmSpec::default(), &Schema::default()).unwrap();
        let mut ledger = Ledger::new(target.clone());
        for person in ["ann", "bob", "cid"] {
            let key = AccountKey { person: PersonId::parse(person).unwrap(), target: target.clone(), account: AccountName::ordinary() };
            let id = (person != "cid").then(|| AccountId::parse(person).unwrap());
            ledger.links.insert(key, Link { id, ..Link::default() });
        }
        for (name, looked_up, there, shrank, needed) in [
            ("all are there", vec!["ann", "bob"], vec!["ann", "bob"], true, false),
            ("one of two is", vec!["ann", "bob"], vec!["ann"], false, false),
            ("one of two is, of fewer than before", vec!["ann", "bob"], vec!["ann"], true, true),
            ("none is", vec!["ann", "bob"], vec![], false, true),
            ("the only one is not", vec!["ann"], vec![], false, true),
            ("nobody who had one", vec!["cid", "dan"], vec![], true, false),
        ] {
            let people = looked_up.iter().map(|person| PersonId::parse(*person).unwrap()).collect();
            let answered = looked_up.iter().map(|person| Lookup::Id(AccountId::parse(*person).unwrap())).collect();
            let observed = Observed::found(t, people, there.into_iter().map(account).collect(), answered, None);
            assert_eq!(needs_a_listing(&rules, &observed, &ledger, shrank, t), needed, "{name}");
        }
    }
}
