//! Builds what a case gives: the folder's files, the ledgers, the targets.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use provost::connector::memory::Memory;
use provost::model::account::{Account, AccountKey, AccountState};
use provost::model::change::{Brake, ChangeLine, LifecycleState};
use provost::model::digest::digest_of_lines;
use provost::model::entitlement::{EntitlementKey, How};
use provost::model::ids::{
    AccountId, AccountName, ApprovalName, AttributeName, ObjectName, OwnerKey, PersonId, RealmId, TargetName, unescape,
};
use provost::model::ledger::{Grant, Ledger, Link, Met, Window, hour_of};
use provost::model::observed::Extent;
use provost::model::schema::{AttributeRule, Schema};
use provost::model::value::Value as Attribute;
use serde_json::{Map, Value, json};

use super::format::{Given, Named, Profile, Remembered};

/// `EXTERNALID[#ACCOUNT][@TARGET]`.
pub fn key(text: &str) -> AccountKey {
    let (owner, target) = text.rsplit_once('@').unwrap_or((text, "dir"));
    let (person, account) = owner.split_once('#').unwrap_or((owner, ""));
    AccountKey {
        person: PersonId::parse(unescape(person).unwrap()).unwrap(),
        target: TargetName::parse(target).unwrap(),
        account: AccountName::new(unescape(account).unwrap()),
    }
}

pub fn moment(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no moment"))
}

/// `TARGET[#ACCOUNT]` or `TARGET[#ACCOUNT]/KIND/NAME[:RIGHT]` as a member of `accounts` or `entitlements`.
fn ask(value: &Value) -> (bool, Value) {
    let (text, until) = match value {
        Value::String(text) => (text.clone(), None),
        other => (other["key"].as_str().unwrap().to_owned(), other.get("until").cloned()),
    };
    let (place, rest) = text.split_once('/').map_or((text.as_str(), None), |(place, rest)| (place, Some(rest)));
    let (target, account) = place.split_once('#').map_or((place, None), |(target, account)| (target, Some(account)));
    let mut out = Map::new();
    out.insert("target".into(), json!(target));
    if let Some(account) = account {
        out.insert("account".into(), json!(account));
    }
    if let Some(rest) = rest {
        let entitlement = EntitlementKey::parse(&format!("{target}/{rest}")).unwrap();
        out.insert("kind".into(), json!(entitlement.kind.as_str()));
        out.insert("name".into(), json!(entitlement.name.as_str()));
        if let Some(right) = entitlement.right {
            out.insert("right".into(), json!(right.as_str()));
        }
        out.insert("reason".into(), json!("the case asks for it"));
    }
    if let Some(until) = until {
        out.insert("until".into(), until);
    }
    (rest.is_some(), Value::Object(out))
}

const MODULE: &str = r#"package provost

accounts contains a if some a in data.cases.accounts[input.person.externalId]

entitlements contains e if some e in data.cases.entitlements[input.person.externalId]

violations contains v if some v in data.cases.violations[input.person.externalId]

accounts contains {"target": "never"} if {
	some text in [data.cases.errors[input.person.externalId]]
	startswith(1, text)
}
"#;

/// The Policy that decides what the case asks for.
fn policy(given: &Given) -> Value {
    let mut accounts: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut entitlements: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (person, asks) in &given.asks {
        for (is_entitlement, member) in asks.iter().map(ask) {
            let place = if is_entitlement { &mut entitlements } else { &mut accounts };
            place.entry(person).or_default().push(member);
        }
    }
    json!({"modules": {"cases.rego": MODULE}, "data": {"cases": {"accounts": accounts, "entitlements": entitlements, "violations": given.violations, "errors": given.errors}}})
}

fn manifest(files: &mut BTreeMap<String, String>, kind: &str, name: &str, spec: &Value) {
    let spec = if spec.is_null() { json!({}) } else { spec.clone() };
    let object = json!({"apiVersion": "provost.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    files.insert(format!("{}/{name}.json", kind.to_lowercase()), object.to_string());
}

fn with(spec: &Value, name: &str, default: Value) -> Value {
    let mut spec = if spec.is_null() { json!({}) } else { spec.clone() };
    spec.as_object_mut().unwrap().entry(name).or_insert(default);
    spec
}

/// The targets of a case by name.
pub fn targets(given: &Given) -> Named {
    given.targets.clone().unwrap_or_else(|| BTreeMap::from([("dir".to_owned(), json!({}))]))
}

/// The manifests of a case, as files of a folder.
pub fn files(given: &Given) -> BTreeMap<String, String> {
    let mut files = given.files.clone();
    let realm = given.realm.clone().unwrap_or_else(|| json!({"id": "acme", "timezone": "UTC"}));
    manifest(&mut files, "Realm", "realm", &realm);
    for (name, spec) in &given.people {
        manifest(&mut files, "Person", name, &with(spec, "userName", json!(name)));
    }
    for (name, spec) in &targets(given) {
        let spec = with(spec, "type", json!("scim"));
        let block = spec["type"].as_str().unwrap().to_owned();
        let settings = match block.as_str() {
            "sqlite" => json!({"path": "target.db", "create": true}),
            "ldap" => json!({"url": "ldaps://target.example", "baseDN": "dc=example"}),
            "postgres" => json!({"host": "target.example", "database": "target"}),
            _ => json!({"url": "https://target.example/scim/v2"}),
        };
        manifest(&mut files, "TargetSystem", name, &with(&spec, &block, settings));
    }
    for (kind, objects) in [("BusinessRole", &given.roles), ("RoleBinding", &given.bindings), ("Lockout", &given.lockouts)] {
        for (name, spec) in objects {
            manifest(&mut files, kind, name, spec);
        }
    }
    for (name, spec) in &given.approvals {
        let lines: Vec<ChangeLine> =
            spec["changes"].as_array().into_iter().flatten().map(|line| ChangeLine::new(line.as_str().unwrap())).collect();
        let fits = digest_of_lines(&lines);
        let mut spec = with(&with(spec, "target", json!("dir")), "digest", json!(fits));
        if spec["digest"] == "wrong" {
            spec["digest"] = json!(digest_of_lines(&[ChangeLine::new("something else")]));
        }
        manifest(&mut files, "Approval", name, &spec);
    }
    match &given.policies {
        Some(policies) if policies.is_empty() => {}
        policies => {
            for (name, spec) in policies.iter().flatten() {
                manifest(&mut files, "Policy", name, spec);
            }
            manifest(&mut files, "Policy", "cases", &policy(given));
        }
    }
    for unreadable in &given.unreadable {
        let (kind, name) = unreadable.split_once('/').unwrap();
        // A missing ConfigMap is missing; of anything else a field cannot be read.
        if kind != "ConfigMap" {
            let path = format!("{}/{name}.json", kind.to_lowercase());
            let mut object: Value = files.get(&path).map_or_else(
                || json!({"apiVersion": "provost.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": {}}),
                |text| serde_json::from_str(text).unwrap(),
            );
            object["spec"]["noSuchField"] = json!(true);
            files.insert(path, object.to_string());
        }
    }
    files
}

fn state(text: &str) -> LifecycleState {
    serde_json::from_value(json!(text)).unwrap_or_else(|_| panic!("`{text}` is no state"))
}

pub fn brake(text: &str) -> Brake {
    serde_json::from_value(json!(text)).unwrap_or_else(|_| panic!("`{text}` is no brake"))
}

pub fn entitlement(target: &TargetName, text: &str) -> EntitlementKey {
    EntitlementKey::parse(&format!("{target}/{text}")).unwrap()
}

fn link(key: &AccountKey, remembered: &Remembered) -> Link {
    let id = remembered.id.clone().unwrap_or_else(|| key.owner());
    let stage = remembered.stage.as_ref().map(|stage| (state(&stage.state), moment(&stage.since)));
    Link {
        id: Some(AccountId::parse(id).unwrap()),
        name: remembered.name.clone().unwrap_or_else(|| key.person.to_string()),
        state: if remembered.disabled.is_some() { AccountState::Disabled } else { AccountState::Enabled },
        asked: remembered.asked.unwrap_or(true),
        retain: remembered.retain,
        // Shut while its person was active: not by us.
        disabled_elsewhere: remembered.disabled.is_some() && stage.is_some_and(|(state, _)| state == LifecycleState::Active),
        sessions_ended: remembered.disabled.is_some(),
        disabled: remembered.disabled.as_deref().map(moment),
        stage,
        end: remembered.end.as_deref().map(moment),
        gone: remembered.gone.as_deref().map(moment),
        held: remembered.held.iter().map(|held| (brake(&held.brake), moment(&held.since))).collect(),
        grants: remembered
            .grants
            .iter()
            .map(|(name, mark)| {
                let grant = Grant {
                    since: Timestamp::UNIX_EPOCH,
                    until: mark.until.as_deref().map(moment),
                    lapsed: mark.lapsed.as_deref().map(moment),
                };
                (entitlement(&key.target, name), grant)
            })
            .collect(),
        chosen: remembered
            .chosen
            .iter()
            .map(|(name, value)| (AttributeName::parse(name).unwrap(), Attribute::Text(value.clone())))
            .collect(),
        written: remembered
            .written
            .iter()
            .map(|(name, values)| (AttributeName::parse(name).unwrap(), values.iter().cloned().collect()))
            .collect(),
        ..Link::default()
    }
}

/// Somebody who is remembered, enabled and of whom nothing is wanted: an account that its company keeps.
fn filler(target: &TargetName, number: usize) -> (AccountKey, Link) {
    let name = format!("zz-filler-{number:03}");
    let key = AccountKey { person: PersonId::parse(&*name).unwrap(), target: target.clone(), account: AccountName::ordinary() };
    let link = Link {
        id: Some(AccountId::parse(&*name).unwrap()),
        name,
        state: AccountState::Enabled,
        asked: true,
        retain: true,
        gone: Some(Timestamp::UNIX_EPOCH),
        ..Link::default()
    };
    (key, link)
}

/// A line's target.
pub fn target_of(line: &str) -> &str {
    line.split(' ').nth(1).unwrap()
}

/// The account of a line.
pub fn account_of(line: &str) -> AccountKey {
    key(&format!("{}@{}", line.split(' ').nth(2).unwrap(), target_of(line)))
}

/// Every target that has a ledger, a manifest or an account.
pub fn all_targets(given: &Given) -> BTreeSet<TargetName> {
    let ledgers = given.ledger.keys().map(|text| key(text).target);
    let manifests = targets(given).into_keys().map(|name| TargetName::parse(name).unwrap());
    ledgers.chain(manifests).collect()
}

/// The ledger of a target.
pub fn ledger(given: &Given, target: &TargetName, now: Timestamp) -> Ledger {
    let mut ledger = Ledger::new(target.clone());
    for (text, remembered) in &given.ledger {
        let key = key(text);
        if key.target == *target {
            ledger.links.insert(key.clone(), link(&key, remembered));
        }
    }
    let fillers = given.linked.map_or(0, |linked| linked.saturating_sub(ledger.links.len()));
    ledger.links.extend((0..fillers).map(|number| filler(target, number)));
    ledger.accounts_known = !ledger.links.is_empty();
    ledger.had_policy = given.had_policy;
    if target.as_str() == "dir" {
        ledger.scopes = given.scopes.iter().cloned().collect();
    }
    for (lockout, text) in &given.met {
        let (name, person) = text.split_once(' ').unwrap();
        let met = Met { name: name.to_owned(), person: PersonId::parse(person).unwrap() };
        ledger.met.insert(ObjectName::parse(lockout).unwrap(), met);
    }
    ledger.window = window(given, target, now);
    for line in given.charged.iter().filter(|line| target_of(line) == target.as_str()) {
        let parts: Vec<&str> = line.split(' ').collect();
        let key = key(&format!("{}@{target}", parts[2]));
        ledger.links.get_mut(&key).expect("a charged line names an account of the ledger").charged.insert(brake(parts[parts.len() - 1]));
    }
    for (approval, lines) in &given.released {
        let here: BTreeSet<ChangeLine> = lines.iter().filter(|line| target_of(line) == target.as_str()).map(ChangeLine::new).collect();
        ledger.released.insert(ApprovalName::parse(approval).unwrap(), here);
    }
    ledger
}

fn window(given: &Given, target: &TargetName, now: Timestamp) -> Window {
    let mut window = Window { last_complete: given.last_complete.get(target.as_str()).copied(), ..Window::default() };
    for (counts, age) in [(&given.window, 1), (&given.window_older, 30)] {
        for (text, count) in counts {
            let (name, at) = text.split_once('@').unwrap_or((text, "dir"));
            if at == target.as_str() {
                window.charged.insert((hour_of(now - SignedDuration::from_hours(age)), brake(name)), *count);
            }
        }
    }
    window
}

/// The target itself.
pub fn target(given: &Given, name: &TargetName, ledger: &Ledger) -> Memory {
    let memory = Memory::new(schema(given.schema.get(name.as_str())));
    let realm = RealmId::parse(given.realm.as_ref().and_then(|realm| realm["id"].as_str()).unwrap_or("acme")).unwrap();
    for asks in given.asks.values().flatten() {
        let (is_entitlement, member) = ask(asks);
        if is_entitlement && member["target"] == name.as_str() {
            let text = |field: &str| member[field].as_str().unwrap();
            memory.provide(&entitlement(name, &format!("{}/{}", text("kind"), text("name").replace(':', "%3A"))));
        }
    }
    for spec in given.roles.values() {
        for member in spec["entitlements"].as_array().into_iter().flatten().filter(|member| member["target"] == name.as_str()) {
            memory.provide(&entitlement(
                name,
                &format!("{}/{}", member["kind"].as_str().unwrap(), member["name"].as_str().unwrap().replace(':', "%3A")),
            ));
        }
    }
    for (key, link) in &ledger.links {
        if given.target.is_none() || key.person.as_str().starts_with("zz-filler-") {
            memory.put(as_recorded(&realm, key, link));
        }
    }
    for row in given.target.iter().flatten() {
        let at = row.get("in").and_then(Value::as_str).unwrap_or("dir");
        if at == name.as_str() {
            let (account, derived) = shown(name, row);
            let id = account.id.clone();
            memory.put(account);
            for entitlement in derived {
                memory.derive(&id, entitlement);
            }
        }
    }
    if given.listing.get(name.as_str()).is_some_and(|listing| listing == "Partial") {
        memory.set_listing(Extent::Partial("the listing broke off".to_owned()));
    }
    memory
}

fn as_recorded(realm: &RealmId, key: &AccountKey, link: &Link) -> Account {
    let mut attributes: BTreeMap<AttributeName, Attribute> = link.chosen.clone();
    attributes.extend(link.written.iter().map(|(name, values)| (name.clone(), Attribute::Many(values.clone()))));
    Account {
        id: link.id.clone().unwrap(),
        name: link.name.clone(),
        owner: Some(OwnerKey { realm: realm.clone(), person: key.person.clone(), account: key.account.clone() }),
        state: link.state,
        version: None,
        attributes,
        partial: BTreeSet::new(),
        entitlements: link.grants.keys().map(|key| (key.clone(), How::Direct)).collect(),
        entitlements_complete: true,
        own_login: false,
    }
}

fn shown(target: &TargetName, row: &Map<String, Value>) -> (Account, Vec<EntitlementKey>) {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let names = |field: &str, kind: &str| -> Vec<EntitlementKey> {
        let names = row.get(field).and_then(Value::as_array).into_iter().flatten();
        names.map(|name| entitlement(target, &format!("{kind}/{}", name.as_str().unwrap()))).collect()
    };
    let attribute = |value: &Value| match value {
        Value::Bool(flag) => Attribute::Bool(*flag),
        Value::Array(values) => Attribute::Many(values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()),
        Value::String(text) => Attribute::Text(text.clone()),
        other => Attribute::Text(other.to_string()),
    };
    let own = ["in", "id", "userName", "ownerKey", "active", "groups", "roles", "derived", "own"];
    let account = Account {
        id: AccountId::parse(text("id").expect("an account has an id")).unwrap(),
        name: text("userName").unwrap_or_default(),
        owner: text("ownerKey").map(|owner| OwnerKey::read(&owner).expect("an owner key")),
        state: if row.get("active") == Some(&Value::Bool(false)) { AccountState::Disabled } else { AccountState::Enabled },
        version: None,
        attributes: row
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .map(|(name, value)| (AttributeName::parse(name).unwrap(), attribute(value)))
            .collect(),
        partial: BTreeSet::new(),
        entitlements: names("groups", "group").into_iter().chain(names("roles", "role")).map(|key| (key, How::Direct)).collect(),
        entitlements_complete: true,
        own_login: row.get("own") == Some(&Value::Bool(true)),
    };
    (account, names("derived", "group"))
}

fn schema(profile: Option<&Profile>) -> Schema {
    let mut schema = Memory::plain_schema();
    let Some(profile) = profile else { return schema };
    let name = |text: &String| AttributeName::parse(text.clone()).unwrap();
    for attribute in profile.required.iter().chain(&profile.ignore_case).chain(&profile.many) {
        let rule = AttributeRule {
            required: profile.required.contains(attribute),
            ignore_case: profile.ignore_case.contains(attribute),
            many: profile.many.contains(attribute),
            ..AttributeRule::default()
        };
        schema.attributes.insert(name(attribute), rule);
    }
    schema.default_mapping = profile.default.iter().map(|(attribute, rego)| (name(attribute), rego.clone())).collect();
    schema.can.end_sessions = profile.ends_sessions;
    schema
}
