//! What was not read: of it nobody knows whether it is held, and what is on record is shown as that.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccountLine, Known};
use crate::model::account::{Account, AccountKey};
use crate::model::ids::{AccountName, PersonId, TargetName};

impl Known<'_> {
    /// Why nobody knows what a target holds; none where it was looked at, and where there is no such target.
    #[must_use]
    pub fn unread(&self, target: &TargetName) -> Option<String> {
        match self.looks.get(target).map(|look| &look.observed) {
            Some(Ok(_)) => None,
            Some(Err(failure)) => Some(failure.to_string()),
            None if self.realm.target(target).is_some_and(|target| target.spec.suspend) => Some("the target is suspended".to_owned()),
            None => self.realm.target_unreadable(target).map(|why| format!("the TargetSystem cannot be read: {why}")),
        }
    }

    /// The same of one account in a target that was read in part only; `seen` is what was seen of it.
    pub(super) fn unseen(&self, target: &TargetName, seen: Option<&Account>) -> Option<String> {
        let observed = self.looks.get(target)?.observed.as_ref().ok().filter(|_| !self.recorded)?;
        let read = observed.extent().is_complete() || seen.is_some_and(|account| account.entitlements_complete);
        (!read).then(|| "the target was read in part only".to_owned())
    }

    /// Accounts in targets that were not read: those on record, and those that are asked for.
    pub(super) fn unread_accounts(&self, person: &PersonId) -> Vec<AccountLine> {
        let decision = self.round.decided.people.get(person).and_then(|decided| decided.decision.as_ref().ok());
        let asked: BTreeMap<_, _> = decision.map(|decision| decision.accounts.iter().collect()).unwrap_or_default();
        let ledgers = self.looks.values().map(|look| &look.ledger).chain(self.others.values());
        let links: BTreeMap<_, _> = ledgers.flat_map(|ledger| ledger.links_of(person)).collect();
        let names: BTreeSet<(TargetName, AccountName)> =
            links.keys().map(|key| (key.target.clone(), key.account.clone())).chain(asked.keys().map(|of| (*of).clone())).collect();
        let mut lines = Vec::new();
        for (target, account) in names {
            let Some(why) = self.unread(&target) else { continue };
            let link = links.get(&AccountKey { person: person.clone(), target: target.clone(), account: account.clone() });
            let known = link.filter(|link| link.id.is_some()).map(|link| format!("; last seen {:?}", link.state)).unwrap_or_default();
            let reasons = asked.get(&(target.clone(), account.clone())).map(|reasons| reasons.iter().map(ToString::to_string).collect());
            lines.push(AccountLine {
                target: target.to_string(),
                account: account.to_string(),
                login: link.map(|link| link.name.clone()).unwrap_or_default(),
                state: None,
                unread: Some(format!("{why}{known}")),
                since: link.and_then(|link| link.disabled),
                plan: Vec::new(),
                reasons: reasons.unwrap_or_default(),
            });
        }
        lines
    }
}
