//! What a round comes to, as plain texts in the order in which they are read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use super::names::Names;
use crate::api::target::TargetSystemSpec;
use crate::model::account::AccountKey;
use crate::model::change::{Act, Change, ChangeLine};
use crate::model::digest::digest_of_lines;
use crate::model::ids::{PersonId, TargetName};
use crate::model::observed::Extent;
use crate::model::value::Value;
use crate::plan::finding::{Finding, FindingKind, Subject};
use crate::plan::guard::{Fate, Guarded, GuardedPlan, Hold};
use crate::plan::places::Places;
use crate::plan::round::{Look, Round};
use crate::plan::rules::SENSITIVE;
use crate::policy::decision::{Enforcement, Violation, Waiver};
use crate::realm::index::Realm;

/// What a sheet is made of.
pub struct Of<'a> {
    /// The realm.
    pub realm: &'a Realm,
    /// What was seen.
    pub looks: &'a BTreeMap<TargetName, Look>,
    /// What is to be done.
    pub round: &'a Round,
    /// How people are called.
    pub names: &'a Names,
    /// Where things come from.
    pub places: &'a Places,
    /// The digest of the policies.
    pub policies: String,
    /// The flags that say which realm is meant, for commands that are shown: ` -f examples/acme`.
    pub flags: String,
    /// Show this person's lines alone.
    pub person: Option<&'a PersonId>,
    /// When.
    pub t: Timestamp,
}

/// A round as plain texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sheet {
    /// The version of this format; a new minor version only adds.
    pub format_version: &'static str,
    /// The realm's id.
    pub realm: String,
    /// For which moment it was planned.
    pub as_of: String,
    /// The digest of the policies.
    pub policies: String,
    /// Everybody who is declared.
    pub people: usize,
    /// Everybody for whom something is to be done.
    pub affected: usize,
    /// Those of the declared for whom nothing is.
    pub unchanged: usize,
    /// The targets that were looked at: name → type.
    pub targets: BTreeMap<String, String>,
    /// What has to be known before anything else is read: of a ledger that is lost, or another one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Remark>,
    /// What could not be read or decided: the plan is a lower bound.
    pub incomplete: Vec<Remark>,
    /// What waits for an answer, target by target.
    pub held: Vec<Held>,
    /// All changes, in the order of sending.
    pub changes: Vec<Line>,
    /// What was found beside, and makes the plan no smaller.
    pub findings: Vec<Remark>,
    /// Violations that nobody accepts.
    pub violations: Vec<ViolationLine>,
    /// Violations that somebody accepts, as long as that holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<ViolationLine>,
    /// Act → how many, held ones included.
    pub summary: BTreeMap<String, usize>,
    /// The digest of all lines.
    pub digest: String,
    /// The digest of the held lines; none where nothing is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_digest: Option<String>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// One PascalCase word.
    pub kind: String,
    /// About whom or what.
    pub subject: String,
    /// The same, so that it is nobody else.
    #[serde(skip)]
    pub label: String,
    /// Which target; empty: none in particular.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// In words.
    pub message: String,
}

impl Remark {
    fn new(kind: impl Into<String>, subject: impl Into<String>, target: impl Into<String>, message: impl Into<String>) -> Self {
        let subject = subject.into();
        Self { kind: kind.into(), label: subject.clone(), subject, target: target.into(), message: message.into() }
    }
}

/// What one target holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Which.
    pub target: String,
    /// Why, and how many changes and accounts each reason holds.
    pub reasons: Vec<HeldReason>,
    /// The digest of the held lines.
    pub digest: String,
    /// What releases them.
    pub command: String,
}

/// One reason to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldReason {
    /// In words, with the limit.
    pub why: String,
    /// How many accounts it concerns.
    pub accounts: usize,
    /// How many changes.
    pub changes: usize,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// As an Approval names it.
    pub line: String,
    /// The act.
    pub act: String,
    /// Where.
    pub target: String,
    /// Whose: the externalId.
    pub person: String,
    /// Whose: the name of the Person object, else the externalId.
    pub name: String,
    /// The same, so that it is nobody else's.
    #[serde(skip)]
    pub label: String,
    /// Which account; empty: the ordinary one.
    pub account: String,
    /// What the account is called in the target.
    pub login: String,
    /// `KIND/NAME[:RIGHT]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<String>,
    /// The attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// What will be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
    /// The values are not shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// What the guard counts it against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brake: Option<String>,
    /// Send, Held, Waits, Frozen or Observed.
    pub fate: &'static str,
    /// When it comes, where it is still to come and held already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comes: Option<Timestamp>,
    /// Why it does not simply go out, or what lets it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Why.
    pub reasons: Vec<LineReason>,
    /// It takes something away.
    pub removal: bool,
}

/// Why, and where that stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LineReason {
    /// In words.
    pub text: String,
    /// Where it stands.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
}

/// One violation of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViolationLine {
    /// Whose: the externalId.
    pub person: String,
    /// The name of the Person object.
    pub name: String,
    /// The same, so that it is nobody else's.
    #[serde(skip)]
    pub label: String,
    /// The rule.
    pub rule: String,
    /// In words.
    pub message: String,
    /// What follows.
    pub enforcement: Enforcement,
    /// What it is about.
    pub entitlements: Vec<String>,
    /// Until when it is accepted, by whom and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waiver>,
}

impl Sheet {
    /// Writes a round down.
    #[must_use]
    pub fn of(of: &Of<'_>) -> Self {
        let mut changes = Vec::new();
        let mut held = Vec::new();
        let mut all_lines: Vec<ChangeLine> = Vec::new();
        let mut held_lines: Vec<ChangeLine> = Vec::new();
        for (target, round) in &of.round.targets {
            let Some(look) = of.looks.get(target) else { continue };
            let made = made(round.plan.items());
            all_lines.extend(round.plan.items_and_to_come().map(|item| item.change.line()));
            held_lines.extend(round.plan.held().map(|item| item.change.line()));
            changes.extend(
                round
                    .plan
                    .items_and_to_come()
                    .filter(|item| of.person.is_none_or(|person| item.change.key().person == *person))
                    .map(|item| of.line(item, look, &made)),
            );
            if round.plan.is_held() {
                held.push(of.held(target, &round.plan));
            }
        }
        let people = of.realm.people();
        let affected: BTreeSet<&str> = changes.iter().map(|line: &Line| line.person.as_str()).collect();
        let mut summary = BTreeMap::new();
        for line in &changes {
            *summary.entry(line.act.clone()).or_default() += 1;
        }
        let (incomplete, findings) = of.remarks();
        Self {
            format_version: "1.0",
            realm: of.realm.id().to_string(),
            as_of: of.t.to_string(),
            policies: of.policies.clone(),
            people: people.len(),
            unchanged: people.iter().filter(|person| !affected.contains(person.as_str())).count(),
            affected: affected.len(),
            targets: of.looks.keys().chain(of.round.unread.keys()).map(|name| (name.to_string(), of.type_of(name))).collect(),
            warnings: of.looks.values().filter_map(Look::warning).map(|finding| of.remark(&finding)).collect(),
            incomplete,
            held,
            findings,
            violations: of.violations(of.round.violations(of.t)),
            waived: of.violations(of.round.waived(of.t)),
            summary,
            digest: digest_of_lines(&all_lines),
            held_digest: (!held_lines.is_empty()).then(|| digest_of_lines(&held_lines)),
            changes,
        }
    }
}

/// What the accounts that are made in one target will be called.
type Made<'a> = BTreeMap<&'a AccountKey, &'a str>;

fn made(items: &[Guarded]) -> Made<'_> {
    let mut made = Made::new();
    for item in items {
        if let Act::Create { name, .. } = item.change.act() {
            made.insert(item.change.key(), name);
        }
    }
    made
}

impl Of<'_> {
    fn type_of(&self, target: &TargetName) -> String {
        let type_ = |spec: &TargetSystemSpec| serde_json::to_value(spec.type_).ok().and_then(|value| value.as_str().map(str::to_owned));
        self.realm.target(target).and_then(|target| type_(&target.spec)).unwrap_or_default()
    }

    /// The name of the Person object; the externalId where nobody declares them.
    #[must_use]
    pub fn name(&self, person: &PersonId) -> String {
        self.realm.declared(person).first().map_or_else(|| person.to_string(), |declared| declared.meta.name.to_string())
    }

    fn label(&self, person: &PersonId) -> String {
        self.names.label(self.realm, person)
    }

    fn line(&self, item: &Guarded, look: &Look, made: &Made<'_>) -> Line {
        let change = &item.change;
        let key = change.key();
        let mapping = |attribute| look.rules.account(&key.account).and_then(|rules| rules.mapping.get(attribute));
        let (attribute, after) = match change.act() {
            Act::Set(attribute, value) => (Some(attribute), Some(self.value(value))),
            Act::Clear(attribute) => (Some(attribute), None),
            Act::Provide(_) | Act::Create { .. } | Act::Own | Act::Enable | Act::Disable | Act::EndSessions => (None, None),
            Act::Delete | Act::Withdraw | Act::Grant(_) | Act::Revoke(_) => (None, None),
        };
        let sensitive = attribute.and_then(mapping).is_some_and(|mapping| mapping.sensitive);
        let shown = change.id().and_then(|id| look.observed.as_ref().ok().and_then(|observed| observed.account(id)));
        let before = attribute.and_then(|attribute| {
            let account = shown?;
            let name = || (attribute.as_str() == crate::plan::rules::USER_NAME).then(|| Value::Text(account.name.clone()));
            account.attributes.get(attribute).cloned().or_else(name).map(|value| self.value(&value))
        });
        let hide = |value: Option<Json>| value.map(|value| if sensitive { Json::from(SENSITIVE) } else { value });
        let (fate, note) = match &item.fate {
            Fate::Send(None) => ("Send", String::new()),
            Fate::Send(Some(approval)) => ("Send", format!("released by Approval {approval}")),
            Fate::Held(hold) => ("Held", hold.to_string()),
            Fate::Waits => ("Waits", "it has not been wanted for long enough".to_owned()),
            Fate::Frozen => ("Frozen", "the realm is frozen by its manifest".to_owned()),
            Fate::Observed => ("Observed", "the target is only observed".to_owned()),
        };
        Line {
            line: change.line().to_string(),
            act: change.act().verb().to_owned(),
            target: key.target.to_string(),
            person: key.person.to_string(),
            name: self.name(&key.person),
            label: self.label(&key.person),
            account: key.account.to_string(),
            login: self.login(change, look, shown.map(|account| account.name.as_str()), made),
            entitlement: change.act().object().filter(|_| matches!(change.act(), Act::Grant(_) | Act::Revoke(_) | Act::Provide(_))),
            attribute: attribute.map(ToString::to_string),
            before: hide(before),
            after: hide(after),
            sensitive,
            brake: change.brake().map(|brake| brake.to_string()),
            fate,
            comes: item.comes,
            note,
            reasons: self
                .places
                .reasons(change)
                .into_iter()
                .map(|reason| LineReason { text: reason.text.to_string(), place: reason.place.to_string() })
                .collect(),
            removal: change.act().removes(),
        }
    }

    /// What the account is called: as it will be made, as it was seen, or as it was recorded.
    fn login(&self, change: &Change, look: &Look, seen: Option<&str>, made: &Made<'_>) -> String {
        let recorded = || look.ledger.links.get(change.key()).map(|link| link.name.as_str()).filter(|name| !name.is_empty());
        let name = made.get(change.key()).copied().or(seen).or_else(recorded);
        name.map_or_else(|| self.name(&change.key().person), str::to_owned)
    }

    fn value(&self, value: &Value) -> Json {
        match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Bool(bool) => Json::from(*bool),
            Value::Many(many) => many.iter().map(String::as_str).collect(),
            Value::Account(key) => Json::from(format!("the account of {}", self.label(&key.person))),
            Value::Later(target) => Json::from(format!("known after {target}")),
        }
    }

    fn held(&self, target: &TargetName, plan: &GuardedPlan) -> Held {
        let digest = plan.held_digest();
        let mut reasons: BTreeMap<String, (BTreeSet<String>, usize)> = BTreeMap::new();
        for item in plan.held() {
            if let Fate::Held(hold) = &item.fate {
                let (accounts, changes) = reasons.entry(hold.to_string()).or_default();
                accounts.insert(item.change.key().owner());
                *changes += 1;
            }
        }
        if plan.plan().shrank && reasons.is_empty() {
            reasons.insert(Hold::Shrunk.to_string(), (BTreeSet::new(), 0));
        }
        let reasons = reasons.into_iter().map(|(why, (accounts, changes))| HeldReason { why, accounts: accounts.len(), changes }).collect();
        Held { target: target.to_string(), reasons, command: format!("provost approve {target} --digest {digest}{}", self.flags), digest }
    }

    fn remark(&self, finding: &Finding) -> Remark {
        let of_account = |name: String, key: &AccountKey| if key.account.is_ordinary() { name } else { format!("{name}#{}", key.account) };
        let (subject, target) = match &finding.subject {
            Subject::Realm => ("the realm".to_owned(), String::new()),
            Subject::Person(person) => (self.name(person), String::new()),
            Subject::Target(target) => (format!("TargetSystem/{target}"), target.to_string()),
            Subject::Account(key) => (of_account(self.name(&key.person), key), key.target.to_string()),
            Subject::Found(target, id) => (format!("account {id}"), target.to_string()),
        };
        let label = match &finding.subject {
            Subject::Person(person) => self.label(person),
            Subject::Account(key) => of_account(self.label(&key.person), key),
            Subject::Realm | Subject::Target(_) | Subject::Found(..) => subject.clone(),
        };
        Remark { label, ..Remark::new(finding.kind.to_string(), subject, target, finding.message.clone()) }
    }

    /// What makes the plan a lower bound, and what does not.
    fn remarks(&self) -> (Vec<Remark>, Vec<Remark>) {
        let mut incomplete = BTreeSet::new();
        let mut findings = BTreeSet::new();
        for torn in self.realm.unreadable() {
            let name = torn.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
            let subject = torn.kind.map_or_else(|| torn.place.to_string(), |kind| format!("{kind}{name}"));
            let place = if torn.place.file.is_empty() { String::new() } else { format!(" ({})", torn.place) };
            incomplete.insert(Remark::new("Unreadable", subject, "", format!("cannot be read: {}{place}", torn.why)));
        }
        for (target, failure) in &self.round.unread {
            let message = format!("not read, nothing is planned here: {failure}");
            incomplete.insert(Remark::new(failure.reason(), format!("TargetSystem/{target}"), target.as_str(), message));
        }
        for (target, round) in &self.round.targets {
            if let Extent::Partial(why) = &round.plan.plan().extent {
                let message = format!("read in part only, no removal is planned here for what was not read: {why}");
                incomplete.insert(Remark::new("Partial", format!("TargetSystem/{target}"), target.as_str(), message));
            }
        }
        let whose = |finding: &Finding| match &finding.subject {
            Subject::Person(person) => Some(person.clone()),
            Subject::Account(key) => Some(key.person.clone()),
            Subject::Realm | Subject::Target(_) | Subject::Found(..) => None,
        };
        for finding in self.round.all_findings() {
            let theirs = whose(finding);
            if self.person.is_some_and(|person| theirs.as_ref() != Some(person) && finding.kind != FindingKind::Frozen) {
                continue;
            }
            let remark = self.remark(finding);
            if finding.kind.is_incomplete() {
                incomplete.insert(remark)
            } else {
                findings.insert(remark)
            };
        }
        if let Some(frozen) = &self.round.removals_kept_back {
            let message = format!("no removal by policy is planned: {}", frozen.reason);
            findings.insert(Remark::new("RemovalsKeptBack", "the realm", "", message));
        }
        (incomplete.into_iter().collect(), findings.into_iter().collect())
    }

    fn violations(&self, all: BTreeMap<PersonId, Vec<Violation>>) -> Vec<ViolationLine> {
        let all = all.into_iter().filter(|(person, _)| self.person.is_none_or(|asked| asked == person));
        all.flat_map(|(person, violations)| {
            let (name, label) = (self.name(&person), self.label(&person));
            violations.into_iter().map(move |violation| ViolationLine {
                waived: violation.waived.clone().filter(|_| violation.is_waived_at(self.t)),
                person: person.to_string(),
                name: name.clone(),
                label: label.clone(),
                rule: violation.rule,
                message: violation.message,
                enforcement: violation.enforcement,
                entitlements: violation.entitlements.iter().map(ToString::to_string).collect(),
            })
        })
        .collect()
    }
}
