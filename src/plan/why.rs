//! Why somebody has what they have, and who has something: chains of binding or rule, role, entitlement, account.

mod unread;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::model::account::{Account, AccountKey, AccountState};
use crate::model::change::{Act, LifecycleState};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, PersonId, RoleName, TargetName};
use crate::model::ledger::Ledger;
use crate::plan::finding::Subject;
use crate::plan::guard::Fate;
use crate::plan::places::{ObjectPlaces, Origins, role_by_rule};
use crate::plan::round::{Look, Round, next_due};
use crate::policy::Asking;
use crate::policy::Compiled;
use crate::policy::decision::{Reasons, Violation};
use crate::realm::index::Realm;
use crate::realm::object::ResourceKind;

/// What a question is put to.
pub struct Known<'a> {
    /// The realm.
    pub realm: &'a Realm,
    /// What was seen.
    pub looks: &'a BTreeMap<TargetName, Look>,
    /// The ledgers of targets that were not looked at.
    pub others: &'a BTreeMap<TargetName, Ledger>,
    /// It was not seen just now, but is on record: all that is known stands there.
    pub recorded: bool,
    /// What is to be done.
    pub round: &'a Round,
    /// The policies, where they compile.
    pub compiled: Option<&'a Compiled>,
    /// Where each object stands.
    pub places: &'a ObjectPlaces,
    /// When.
    pub t: Timestamp,
}

/// All that one person has, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// The externalId.
    pub person: String,
    /// The name of the Person object.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// The state; none where it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LifecycleState>,
    /// Why nothing can be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// The accounts.
    pub accounts: Vec<AccountLine>,
    /// The entitlements, asked for or held.
    pub entitlements: Vec<Entitled>,
    /// Violations, accepted ones included.
    pub violations: Vec<Violation>,
    /// What else was found.
    pub findings: Vec<String>,
    /// When any of it changes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountLine {
    /// Where.
    pub target: String,
    /// Which; empty: the ordinary one.
    pub account: String,
    /// What it is called there.
    pub login: String,
    /// Whether it can be used; none where that was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<AccountState>,
    /// Why it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// Since when it is shut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What is to be done with it.
    pub plan: Vec<String>,
    /// Why it is asked for.
    pub reasons: Vec<String>,
}

/// One entitlement of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entitled {
    /// `TARGET/KIND/NAME[:RIGHT]`
    pub key: String,
    /// Which account; empty: the ordinary one.
    pub account: String,
    /// Whether the target shows it.
    pub held: bool,
    /// Whether it is not held and is to be given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub comes: bool,
    /// Why nobody knows whether it is held: the target was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// Whether it is ours to remove.
    pub ours: bool,
    /// Since when Provost has it on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why: each a chain from a manifest or a line to the entitlement. Empty: nobody asks for it.
    pub chains: Vec<String>,
    /// What is to be done with it, or why nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Somebody who holds, or would hold, what was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The externalId; none: the account is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The name of the Person object, or of the account.
    pub name: String,
    /// What they hold.
    #[serde(flatten)]
    pub entitled: Entitled,
}

/// The person of that object name, externalId or userName.
#[must_use]
pub fn person_called(realm: &Realm, text: &str) -> Option<PersonId> {
    if let Some(declared) = realm.person_named(text) {
        return Some(declared.id.clone());
    }
    let id = PersonId::parse(text).ok().filter(|id| realm.is_declared(id));
    id.or_else(|| {
        realm
            .people()
            .into_iter()
            .find(|person| realm.declared(person).iter().any(|declared| declared.spec.user_name.as_deref() == Some(text)))
    })
}

impl Known<'_> {
    /// All that this person has, and why.
    #[must_use]
    pub fn because(&self, person: &PersonId) -> Because {
        let standing = self.realm.standing(person, self.t);
        let decided = self.round.decided.people.get(person);
        let frozen = decided.and_then(|decided| decided.decision.as_ref().err()).map(|frozen| frozen.reason.to_string());
        let decision = decided.and_then(|decided| decided.decision.as_ref().ok());
        let ledgers: BTreeMap<TargetName, Ledger> = self.looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone())).collect();
        let findings = self.round.all_findings().filter(|finding| match &finding.subject {
            Subject::Person(of) => of == person,
            Subject::Account(key) => key.person == *person,
            Subject::Realm | Subject::Target(_) | Subject::Found(..) => false,
        });
        Because {
            person: person.to_string(),
            name: self.realm.declared(person).first().map_or_else(|| person.to_string(), |declared| declared.meta.name.to_string()),
            place: standing.as_ref().map(|standing| standing.place.clone()).unwrap_or_default(),
            state: standing.and_then(|standing| standing.lifecycle).map(|lifecycle| lifecycle.state),
            frozen,
            accounts: self.accounts(person),
            entitlements: self.entitlements(person).into_values().collect(),
            violations: decision.into_iter().flat_map(|decision| &decision.violations).map(|violation| self.as_of_now(violation)).collect(),
            findings: findings.map(|finding| format!("{}: {}", finding.kind, finding.message)).collect(),
            next: next_due(person, self.round, self.looks, &ledgers, self.t),
        }
    }

    /// A waiver that is over accepts nothing any more.
    fn as_of_now(&self, violation: &Violation) -> Violation {
        let waived = violation.waived.clone().filter(|_| violation.is_waived_at(self.t));
        Violation { waived, ..violation.clone() }
    }

    /// Everybody who holds it or would, and the accounts of nobody that do.
    #[must_use]
    pub fn holders(&self, key: &EntitlementKey) -> Vec<Holder> {
        let mut people: BTreeSet<PersonId> = self.realm.people();
        people.extend(self.ledger(&key.target).into_iter().flat_map(|ledger| ledger.links.keys().map(|key| key.person.clone())));
        let mut holders = Vec::new();
        let mut theirs = BTreeSet::new();
        for person in people {
            for (_, account) in self.seen_accounts(&person, &key.target) {
                theirs.insert(account.id.clone());
            }
            let name = self.realm.declared(&person).first().map_or_else(|| person.to_string(), |declared| declared.meta.name.to_string());
            let all = self.entitlements(&person);
            let fitting = all.into_iter().filter(|((_, of), _)| {
                of.target == key.target && of.kind == key.kind && of.name == key.name && (key.right.is_none() || of.right == key.right)
            });
            holders.extend(fitting.map(|(_, entitled)| Holder { person: Some(person.to_string()), name: name.clone(), entitled }));
        }
        let observed = self.looks.get(&key.target).and_then(|look| look.observed.as_ref().ok());
        for account in observed.into_iter().flat_map(|observed| observed.accounts()).filter(|account| !theirs.contains(&account.id)) {
            for of in account
                .entitlements
                .keys()
                .filter(|of| of.kind == key.kind && of.name == key.name && (key.right.is_none() || of.right == key.right))
            {
                let entitled = Entitled {
                    key: of.to_string(),
                    account: String::new(),
                    held: true,
                    comes: false,
                    unread: None,
                    ours: false,
                    since: None,
                    until: None,
                    chains: Vec::new(),
                    plan: Some(format!("account {} is nobody's", account.id)),
                };
                holders.push(Holder { person: None, name: account.name.clone(), entitled });
            }
        }
        holders
    }

    fn ledger(&self, target: &TargetName) -> Option<&Ledger> {
        self.looks.get(target).map(|look| &look.ledger).or_else(|| self.others.get(target))
    }

    /// The accounts of this person that were seen there: by the ledger's id, else by owner key.
    fn seen_accounts(&self, person: &PersonId, target: &TargetName) -> Vec<(AccountName, &Account)> {
        let Some(look) = self.looks.get(target) else { return Vec::new() };
        let Ok(observed) = &look.observed else { return Vec::new() };
        let mut found = BTreeMap::new();
        for account in observed.accounts() {
            let linked = look.ledger.links.iter().find(|(_, link)| link.id.as_ref() == Some(&account.id)).map(|(key, _)| key);
            let name = match (&account.owner, linked) {
                (Some(owner), _) if owner.realm == look.rules.realm && owner.person == *person => Some(owner.account.clone()),
                (None, Some(key)) if key.person == *person => Some(key.account.clone()),
                _ => None,
            };
            if let Some(name) = name {
                found.insert(name, account);
            }
        }
        found.into_iter().collect()
    }

    fn accounts(&self, person: &PersonId) -> Vec<AccountLine> {
        let mut lines = Vec::new();
        for (target, look) in self.looks {
            let seen: BTreeMap<AccountName, &Account> = self.seen_accounts(person, target).into_iter().collect();
            let desired = self.round.targets.get(target).and_then(|round| round.desired.people.get(person));
            let asked = desired.map(|desired| &desired.asked);
            let names: BTreeSet<&AccountName> = seen.keys().chain(asked.into_iter().flat_map(|asked| asked.keys())).collect();
            for account in names {
                let key = AccountKey { person: person.clone(), target: target.clone(), account: account.clone() };
                let link = look.ledger.links.get(&key);
                let shown = seen.get(account);
                let unseen = shown.is_none().then(|| self.unseen(target, None)).flatten();
                let reasons =
                    asked.and_then(|asked| asked.get(account)).map(|asked| asked.reasons.iter().map(ToString::to_string).collect());
                lines.push(AccountLine {
                    target: target.to_string(),
                    account: account.to_string(),
                    login: shown.map(|account| account.name.clone()).or_else(|| link.map(|link| link.name.clone())).unwrap_or_default(),
                    state: shown.map(|account| account.state).or_else(|| unseen.is_none().then_some(AccountState::Absent)),
                    unread: unseen,
                    since: link.and_then(|link| link.disabled),
                    plan: self.planned(&key, |act| act.object().is_none() || matches!(act, Act::Set(..) | Act::Clear(_))),
                    reasons: reasons.unwrap_or_default(),
                });
            }
        }
        lines.extend(self.unread_accounts(person));
        lines
    }

    /// What the plan does with an account, as far as it is of interest.
    fn planned(&self, key: &AccountKey, of_interest: impl Fn(&Act) -> bool) -> Vec<String> {
        let items = self.round.targets.get(&key.target).into_iter().flat_map(|round| round.plan.items_and_to_come());
        let theirs = items.filter(|item| item.change.key() == key && of_interest(item.change.act()));
        theirs
            .map(|item| {
                let object = item.change.act().object().map(|object| format!(" {object}")).unwrap_or_default();
                let when = item.comes.map(|at| format!(", when it comes at {at}")).unwrap_or_default();
                let what = format!("{}{object}{when}", item.change.act().verb());
                match &item.fate {
                    Fate::Send(_) => format!("the next apply: {what}"),
                    Fate::Held(hold) => format!("held: {what}: {hold}"),
                    Fate::Waits => format!("waits: {what}"),
                    Fate::Frozen => format!("kept back, the realm is frozen: {what}"),
                    Fate::Observed => format!("only observed: {what}"),
                }
            })
            .collect()
    }

    fn entitlements(&self, person: &PersonId) -> BTreeMap<(AccountName, EntitlementKey), Entitled> {
        let mut all: BTreeMap<(AccountName, EntitlementKey), Entitled> = BTreeMap::new();
        let decision = self.round.decided.people.get(person).and_then(|decided| decided.decision.as_ref().ok());
        let origins = decision.map(|_| Origins::of(self.realm, self.compiled, person, self.t)).unwrap_or_default();
        let blank = |(account, key): &(AccountName, EntitlementKey)| Entitled {
            key: key.to_string(),
            account: account.to_string(),
            held: false,
            comes: false,
            unread: None,
            ours: false,
            since: None,
            until: None,
            chains: Vec::new(),
            plan: None,
        };
        for (of, asked) in decision.into_iter().flat_map(|decision| &decision.entitlements) {
            let entitled = all.entry(of.clone()).or_insert_with(|| blank(of));
            entitled.until = asked.until;
            entitled.chains = self.chains(&origins, &of.0, &of.1, &asked.reasons);
        }
        for (target, look) in self.looks {
            for (account, seen) in self.seen_accounts(person, target) {
                let link = look.ledger.links.get(&AccountKey { person: person.clone(), target: target.clone(), account: account.clone() });
                for key in seen.entitlements.keys() {
                    let of = (account.clone(), key.clone());
                    let entitled = all.entry(of.clone()).or_insert_with(|| blank(&of));
                    entitled.held = true;
                    let grant = link.and_then(|link| link.grants.get(key));
                    entitled.ours = grant.is_some();
                    entitled.since = grant.map(|grant| grant.since);
                    entitled.until = entitled.until.or_else(|| grant.and_then(|grant| grant.until));
                }
            }
        }
        for ledger in self.looks.values().map(|look| &look.ledger).chain(self.others.values()) {
            if self.unread(&ledger.target).is_none() {
                continue;
            }
            for (of, link) in ledger.links_of(person) {
                for (key, grant) in &link.grants {
                    let of = (of.account.clone(), key.clone());
                    let entitled = all.entry(of.clone()).or_insert_with(|| blank(&of));
                    (entitled.ours, entitled.since) = (true, Some(grant.since));
                    entitled.until = entitled.until.or(grant.until);
                }
            }
        }
        for ((account, key), entitled) in &mut all {
            if !entitled.held {
                let unseen = || {
                    // Whose it is costs a walk through all accounts.
                    self.unseen(&key.target, None)?;
                    let seen = self.seen_accounts(person, &key.target);
                    self.unseen(&key.target, seen.iter().find(|(name, _)| name == account).map(|(_, account)| *account))
                };
                entitled.unread = self.unread(&key.target).or_else(unseen);
            }
            let of = AccountKey { person: person.clone(), target: key.target.clone(), account: account.clone() };
            entitled.comes = !entitled.held && !self.planned(&of, |act| matches!(act, Act::Grant(of) if of == key)).is_empty();
            entitled.plan = self.fate_of(person, account, key, entitled);
        }
        all
    }

    /// What becomes of an entitlement, where asked for and held do not agree.
    fn fate_of(&self, person: &PersonId, account: &AccountName, key: &EntitlementKey, entitled: &Entitled) -> Option<String> {
        let of = AccountKey { person: person.clone(), target: key.target.clone(), account: account.clone() };
        let planned = self.planned(&of, |act| matches!(act, Act::Grant(of) | Act::Revoke(of) if of == key));
        if let Some(planned) = planned.into_iter().next() {
            return Some(planned);
        }
        let desired = self.round.targets.get(&key.target).and_then(|round| round.desired.people.get(person));
        if entitled.unread.is_some() {
            return None;
        }
        match (entitled.held, entitled.chains.is_empty()) {
            (false, false) => Some(match (desired, self.looks.get(&key.target)) {
                (_, None) => "there is no readable TargetSystem of that name".to_owned(),
                (Some(desired), _) if desired.withheld.contains(key) => "withheld by a violation".to_owned(),
                (Some(desired), _) if desired.revoked.contains_key(key) => "taken away by a violation".to_owned(),
                (None, Some(_)) => "nothing is planned for this person here".to_owned(),
                (Some(_), Some(_)) => "not given in the person's state, or the account is not ready (see above)".to_owned(),
            }),
            (true, true) if entitled.ours => Some(match self.grace_ends(&of, key) {
                Some(ends) => format!("nobody asks for it any more, and it is kept until {ends} (grace)"),
                None => "nobody asks for it any more, and it is kept for now".to_owned(),
            }),
            (true, true) => Some("nobody asks for it, and it is not ours".to_owned()),
            (true, false) | (false, true) => None,
        }
    }

    /// When the grace of something ends that nobody at work is given any more.
    fn grace_ends(&self, of: &AccountKey, key: &EntitlementKey) -> Option<Timestamp> {
        let standing = self.round.decided.people.get(&of.person)?.standing.as_ref()?;
        standing.lifecycle.as_ref().filter(|lifecycle| lifecycle.state == LifecycleState::Active)?;
        let look = self.looks.get(&key.target)?;
        let grant = look.ledger.links.get(of)?.grants.get(key)?;
        look.rules.grace_ends(key, grant.lapsed.unwrap_or(self.t)).filter(|ends| *ends > self.t)
    }

    /// Each reason as a chain from its place to the entitlement.
    fn chains(&self, origins: &Origins, account: &AccountName, key: &EntitlementKey, reasons: &Reasons) -> Vec<String> {
        let mut chains = Vec::new();
        let place = |place: Option<&String>| place.map(|place| format!(" ({place})")).unwrap_or_default();
        let through = |role: &RoleName| format!("role {role}{}", place(self.places.get(&(ResourceKind::BusinessRole, role.to_string()))));
        for holding in &origins.holdings {
            for grant in holding.grants.iter().filter(|grant| grant.key == *key && grant.account == *account) {
                let binding = format!(
                    "binding {}{}",
                    holding.binding,
                    place(self.places.get(&(ResourceKind::RoleBinding, holding.binding.to_string())))
                );
                let roles = holding.path.iter().chain([&holding.name]).map(through);
                let until = grant.until.map(|until| format!(", until {until}")).unwrap_or_default();
                let why = holding.justification.as_ref().map(|why| format!(" [{why}]")).unwrap_or_default();
                chains.push(format!("{binding} → {}{until}{why}", roles.collect::<Vec<_>>().join(" → ")));
            }
        }
        for reason in reasons {
            if let Some(role) = role_by_rule(reason) {
                let inner = reason
                    .text
                    .split_once(" → ")
                    .and_then(|(_, rest)| rest.strip_suffix(" (by rule)"))
                    .and_then(|name| RoleName::parse(name).ok());
                let line = origins.role(&role).next();
                let rule = line.map_or_else(|| "a rule".to_owned(), |line| format!("rule {line}"));
                let roles: Vec<String> = [role].iter().chain(inner.as_ref()).map(through).collect();
                chains.push(format!("{rule} → {}", roles.join(" → ")));
            }
        }
        if let Some(lines) = origins.rules.get(&Asking::Entitlement(account.clone(), key.clone())) {
            let said: Vec<&str> = reasons
                .iter()
                .filter(|reason| {
                    role_by_rule(reason).is_none()
                        && !origins.holdings.iter().any(|holding| holding.grants.iter().any(|grant| *grant.reason == *reason.text))
                })
                .map(|reason| &*reason.text)
                .collect();
            let said = if said.is_empty() || said == ["by rule"] { String::new() } else { format!(" [{}]", said.join("; ")) };
            chains.extend(lines.iter().map(|line| format!("rule {line}{said}")));
        }
        if chains.is_empty() {
            chains.extend(reasons.iter().map(ToString::to_string));
        }
        chains.sort();
        chains.dedup();
        chains
    }
}
