//! Compares what a case expects with what came out.

use std::collections::{BTreeMap, BTreeSet};

use provost::model::account::AccountState;
use provost::model::change::Act;
use provost::model::ids::{AccountId, AttributeName, PersonId, TargetName};
use provost::model::value::Value as Attribute;
use provost::plan::conditions::{compliant, of_target};
use provost::plan::finding::{FindingKind, Subject};
use provost::plan::guard::{Fate, Guarded};
use provost::plan::order::{Place, sort_key};
use provost::plan::round::{Round, Verdict, next_due};
use serde_json::{Map, Value};

use super::Outcome;
use super::format::Case;
use super::world::{brake, entitlement, key, moment, target_of};

/// All that is not as expected.
pub fn verify(case: &Case, outcome: &Outcome) -> Vec<String> {
    let expect = &case.expect;
    let mut wrong = Vec::new();
    for (person, expected) in &expect.state {
        let id = PersonId::parse(person.clone()).unwrap();
        let state =
            outcome.realm.standing(&id, outcome.now).and_then(|standing| standing.lifecycle).map(|lifecycle| lifecycle.state.to_string());
        differs(&mut wrong, &format!("state of {person}"), Some(expected), state.as_ref());
    }
    for (person, expected) in &expect.next {
        let id = PersonId::parse(person.clone()).unwrap();
        let ledgers = outcome.seen.looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone())).collect();
        let next = next_due(&id, &outcome.round, &outcome.seen.looks, &ledgers, outcome.now);
        differs(&mut wrong, &format!("next of {person}"), expected.as_deref().map(moment).as_ref(), next.as_ref());
    }
    changes(case, outcome, &mut wrong);
    if let Some(expected) = &expect.announced {
        let to_come: Vec<_> = outcome.round.targets.values().flat_map(|target| target.plan.to_come()).collect();
        let lines: Vec<_> = to_come.iter().map(|item| (item.change.line().to_string(), item.comes)).collect();
        let expected: BTreeMap<String, _> = expected.iter().map(|(line, at)| (line.clone(), Some(moment(at)))).collect();
        differs(&mut wrong, "announced", Some(&expected), Some(&lines.into_iter().collect()));
    }
    if let Some(expected) = &expect.wanted {
        let expected: BTreeMap<&str, _> = expected.iter().map(|(line, since)| (line.as_str(), moment(since))).collect();
        let found = outcome.settling.wanted.iter().map(|(line, (_, since))| (line.as_str(), *since)).collect();
        differs(&mut wrong, "wanted", Some(&expected), Some(&found));
    }
    attributes(case, outcome, &mut wrong);
    for (text, expected) in &expect.ledger {
        remembered(text, expected.as_ref(), outcome, &mut wrong);
    }
    for (text, expected) in &expect.owner_keys {
        let (id, target) = text.split_once('@').unwrap_or((text, "dir"));
        let account = outcome.memories[&TargetName::parse(target).unwrap()].account(&AccountId::parse(id).unwrap());
        let owner = account.and_then(|account| account.owner).map(|owner| owner.to_string());
        differs(&mut wrong, &format!("owner key of {text}"), Some(expected), owner.as_ref());
    }
    findings(case, outcome, &mut wrong);
    conditions(case, outcome, &mut wrong);
    if let Some(expected) = expect.exit {
        let exit = match outcome.verdict {
            Verdict::Nothing => 0,
            Verdict::Changes => 2,
            Verdict::Held => 3,
            Verdict::Incomplete => 4,
        };
        differs(&mut wrong, "exit", Some(&expected), Some(&exit));
    }
    wrong
}

/// After a run that left nothing waiting, the next one wants nothing new and remembers nothing new.
pub fn at_rest(second: &Round, observed: &BTreeSet<TargetName>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, planned) in &second.targets {
        let sent: Vec<String> = planned.plan.sent().map(|change| change.line().to_string()).collect();
        if !sent.is_empty() {
            wrong.push(format!("a second run sends to {name}: {sent:?}"));
        }
        let facts = planned.plan.facts();
        if !facts.is_empty() && !observed.contains(name) && sent.is_empty() && !planned.plan.plan().shrank {
            wrong.push(format!("a second run writes to the ledger of {name}: {facts:?}"));
        }
    }
    wrong
}

fn differs<T: PartialEq + std::fmt::Debug + ?Sized>(wrong: &mut Vec<String>, what: &str, expected: Option<&T>, found: Option<&T>) {
    if expected != found {
        wrong.push(format!("{what}: expected {expected:?}, found {found:?}"));
    }
}

/// What is compared of the order: the queue of leavers, then the places of section 7.
fn group(item: &Guarded, behind: bool) -> (u8, Place) {
    let (queue, _, place, _, _) = sort_key(&item.change, behind);
    (queue.max(1), if queue < 2 { Place::LeaverShut } else { place })
}

fn changes(case: &Case, outcome: &Outcome, wrong: &mut Vec<String>) {
    let expect = &case.expect;
    let items: Vec<&Guarded> = outcome
        .round
        .targets
        .values()
        .flat_map(|target| target.plan.items())
        .filter(|item| !matches!(item.change.act(), Act::Own))
        .collect();
    let lines = |of: &dyn Fn(&Fate) -> bool| -> Vec<&Guarded> { items.iter().copied().filter(|item| of(&item.fate)).collect() };
    let all = lines(&|_| true);
    let sent = lines(&|fate| matches!(fate, Fate::Send(_)));
    if let Some(expected) = &expect.changes {
        ordered("changes", expected, &all, wrong);
        let none = Vec::new();
        unordered("held", expect.held.as_ref().unwrap_or(&none), &lines(&|fate| matches!(fate, Fate::Held(_))), wrong);
        unordered("waits", expect.waits.as_ref().unwrap_or(&none), &lines(&|fate| *fate == Fate::Waits), wrong);
    } else {
        if let Some(expected) = &expect.held {
            unordered("held", expected, &lines(&|fate| matches!(fate, Fate::Held(_))), wrong);
        }
        if let Some(expected) = &expect.waits {
            unordered("waits", expected, &lines(&|fate| *fate == Fate::Waits), wrong);
        }
    }
    if let Some(expected) = &expect.sent {
        ordered("sent", expected, &sent, wrong);
    }
}

fn unordered(what: &str, expected: &[String], found: &[&Guarded], wrong: &mut Vec<String>) {
    let expected: BTreeSet<String> = expected.iter().cloned().collect();
    let lines: BTreeSet<String> = found.iter().map(|item| item.change.line().to_string()).collect();
    if expected != lines {
        let missing: Vec<_> = expected.difference(&lines).collect();
        let surplus: Vec<String> = found
            .iter()
            .filter(|item| !expected.contains(item.change.line().as_str()))
            .map(|item| format!("{} [{:?}]", item.change.line(), item.fate))
            .collect();
        wrong.push(format!("{what}: missing {missing:?}, too many {surplus:?}"));
    }
}

/// The same lines, each target's in an order that differs only among neighbours of one place.
fn ordered(what: &str, expected: &[String], found: &[&Guarded], wrong: &mut Vec<String>) {
    let before = wrong.len();
    unordered(what, expected, found, wrong);
    if expected.len() != found.len() && wrong.len() == before {
        wrong.push(format!("{what}: {} lines expected, {} found", expected.len(), found.len()));
    }
    if wrong.len() > before {
        return;
    }
    let targets: BTreeSet<&str> = expected.iter().map(|line| target_of(line)).collect();
    for target in targets {
        let mut granted = BTreeSet::new();
        let mut groups: BTreeMap<String, (u8, Place)> = BTreeMap::new();
        for item in found.iter().filter(|item| item.change.key().target.as_str() == target) {
            let behind = matches!(item.change.act(), Act::Revoke(key) if granted.contains(key));
            if let Act::Grant(key) = item.change.act() {
                granted.insert(key.clone());
            }
            groups.insert(item.change.line().to_string(), group(item, behind));
        }
        let order: Vec<(u8, Place)> = expected.iter().filter(|line| target_of(line) == target).map(|line| groups[line]).collect();
        if !order.is_sorted() {
            let lines: Vec<String> = found.iter().map(|item| item.change.line().to_string()).collect();
            wrong.push(format!("{what}: the order in {target} is {lines:?}"));
        }
    }
}

fn attributes(case: &Case, outcome: &Outcome, wrong: &mut Vec<String>) {
    for (text, expected) in &case.expect.attributes {
        let key = key(text);
        let mut written: BTreeMap<AttributeName, Attribute> = BTreeMap::new();
        for change in outcome.round.targets.get(&key.target).into_iter().flat_map(|target| target.plan.items()).map(|item| &item.change) {
            match change.act() {
                Act::Create { attributes, .. } if *change.key() == key => written.extend(attributes.clone()),
                Act::Set(attribute, value) if *change.key() == key => {
                    written.insert(attribute.clone(), value.clone());
                }
                _ => {}
            }
        }
        for (attribute, expected) in expected {
            let found = written.get(&AttributeName::parse(attribute.clone()).unwrap()).map(plain);
            let expected = match expected {
                Value::Array(values) => {
                    let mut values: Vec<String> = values.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
                    values.sort();
                    Value::from(values)
                }
                other => other.clone(),
            };
            differs(wrong, &format!("{attribute} of {text}"), Some(&expected), found.as_ref());
        }
    }
}

fn plain(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => Value::from(text.clone()),
        Attribute::Bool(flag) => Value::from(*flag),
        Attribute::Many(many) => Value::from(many.iter().cloned().collect::<Vec<_>>()),
        other => Value::from(other.to_string()),
    }
}

fn remembered(text: &str, expected: Option<&Map<String, Value>>, outcome: &Outcome, wrong: &mut Vec<String>) {
    let key = key(text);
    let ledger = outcome.seen.looks.get(&key.target).map(|look| &look.ledger).or_else(|| outcome.seen.others.get(&key.target));
    let link = ledger.and_then(|ledger| ledger.links.get(&key)).filter(|link| link.id.is_some());
    let (expected, link) = match (expected, link) {
        (None, None) => return,
        (None, Some(link)) => return wrong.push(format!("ledger of {text}: no link expected, found {link:?}")),
        (Some(_), None) => return wrong.push(format!("ledger of {text}: a link expected, found none")),
        (Some(expected), Some(link)) => (expected, link),
    };
    let time = |value: &Value| value.as_str().map(moment);
    for (field, value) in expected {
        let holds = match field.as_str() {
            "id" => link.id.as_ref().map(ToString::to_string) == value.as_str().map(str::to_owned),
            "name" => Some(link.name.as_str()) == value.as_str(),
            "asked" => Some(link.asked) == value.as_bool(),
            "retain" => Some(link.retain) == value.as_bool(),
            "state" => Some(if link.state == AccountState::Enabled { "Enabled" } else { "Disabled" }) == value.as_str(),
            "disabled" => link.disabled == time(value),
            "end" => link.end == time(value),
            "gone" => link.gone == time(value),
            "stage" => {
                link.stage.map(|(state, since)| (state.to_string(), since))
                    == value.as_object().map(|stage| (stage["state"].as_str().unwrap().to_owned(), time(&stage["since"]).unwrap()))
            }
            "held" => match value.as_object() {
                None => link.held.is_empty(),
                Some(held) => link.held.get(&brake(held["brake"].as_str().unwrap())).copied() == time(&held["since"]),
            },
            "grants" => {
                let wanted = value.as_object().unwrap();
                let keys: BTreeSet<_> = wanted.keys().map(|name| entitlement(&key.target, name)).collect();
                let same = keys == link.grants.keys().cloned().collect();
                same && wanted.iter().all(|(name, mark)| {
                    let grant = &link.grants[&entitlement(&key.target, name)];
                    mark.get("until").is_none_or(|until| grant.until == time(until))
                        && mark.get("lapsed").is_none_or(|lapsed| grant.lapsed == time(lapsed))
                })
            }
            "chosen" => value
                .as_object()
                .unwrap()
                .iter()
                .all(|(name, value)| link.chosen.get(&AttributeName::parse(name.clone()).unwrap()).map(plain).as_ref() == Some(value)),
            "written" => value.as_object().unwrap().iter().all(|(name, value)| {
                let written = link.written.get(&AttributeName::parse(name.clone()).unwrap()).cloned().unwrap_or_default();
                written == value.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
            }),
            other => return wrong.push(format!("ledger of {text}: the field `{other}` is not known to this runner")),
        };
        if !holds {
            wrong.push(format!("ledger of {text}: {field} expected {value}, found {link:?}"));
        }
    }
}

fn findings(case: &Case, outcome: &Outcome, wrong: &mut Vec<String>) {
    for (text, expected) in &case.expect.findings {
        let concerns = |subject: &Subject| match (text.split_once('/'), subject) {
            (Some(("account", rest)), Subject::Found(target, id)) => {
                let (wanted, at) = rest.split_once('@').unwrap_or((rest, "dir"));
                target.as_str() == at && id.as_str() == wanted
            }
            (Some(("TargetSystem", name)), Subject::Target(target)) => target.as_str() == name,
            (None, Subject::Realm) => text == "Realm",
            (None, Subject::Account(account)) => text != "Realm" && *account == key(text),
            (None, Subject::Person(person)) => text != "Realm" && *person == key(text).person,
            _ => false,
        };
        let found: BTreeSet<FindingKind> =
            outcome.round.all_findings().filter(|finding| concerns(&finding.subject)).map(|finding| finding.kind).collect();
        let names: BTreeSet<String> = found.iter().map(ToString::to_string).collect();
        let listed =
            ["Ambiguous", "NotAdopted", "Incomplete", "Frozen", "Waiting", "Unclaimed", "CannotRevoke", "Orphan", "Unmatched", "Refused"];
        let surplus = expected.is_empty() && names.iter().any(|name| listed.contains(&name.as_str()));
        if surplus || expected.iter().any(|name| !names.contains(name)) {
            wrong.push(format!("findings of {text}: expected {expected:?}, found {names:?}"));
        }
    }
}

fn conditions(case: &Case, outcome: &Outcome, wrong: &mut Vec<String>) {
    for text in &case.expect.conditions {
        let (object, condition) = text.split_once(' ').unwrap();
        let (kind, name) = object.split_once('/').unwrap();
        let (type_, said) = condition.split_once('=').unwrap();
        let (status, reason) = said.split_once(' ').map_or((said, None), |(status, reason)| (status, Some(reason)));
        let conditions = match kind {
            "TargetSystem" => of_target(&outcome.round, &TargetName::parse(name).unwrap()),
            "Person" => {
                let id = outcome.realm.person_named(name).map(|declared| declared.id.clone()).unwrap();
                vec![compliant(&outcome.round, &id, outcome.now)]
            }
            other => return wrong.push(format!("conditions of a {other} are not known to this runner")),
        };
        let found = conditions.iter().find(|condition| condition.type_ == type_);
        differs(wrong, text, Some(status), found.map(|condition| if condition.status { "True" } else { "False" }));
        if reason.is_some() {
            differs(wrong, text, reason, found.map(|condition| condition.reason));
        }
    }
}
