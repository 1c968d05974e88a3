//! A company that is made up, the same each time: people in departments under managers, 200 business roles, bindings, one Policy, and one
//! SQLite file with everybody's accounts. In one kind of company nobody is like another in what the policy reads; in the other many are.

use std::collections::BTreeMap;

use provost::model::ids::{ObjectName, RealmId, TargetName};
use provost::realm::index::Realm;
use provost::realm::object::{Body, Meta, Object, Place, ResourceKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The author's policy.
pub const POLICY: &str = include_str!("policy/access.rego");
/// All modules as OPA gets them: the author's, and those that Provost adds.
pub fn modules() -> BTreeMap<String, String> {
    let own = [
        ("stub.rego", include_str!("../../policies/stub.rego")),
        ("catalogue.rego", include_str!("../../policies/catalogue.rego")),
        ("access.rego", POLICY),
    ];
    own.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// Whether people are alike in what the policies read of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By department, title and place; one in ten holds a role by name.
    Alike,
    /// Projects, levels and roles by name are anybody's own, and the manager's name is read.
    Unlike,
}

impl Kind {
    /// The author's policy.
    fn policy(self) -> String {
        match self {
            Self::Unlike => POLICY.to_owned(),
            Self::Alike => POLICY.split("\n\n").filter(|rule| !OWN.iter().any(|own| rule.contains(own))).collect::<Vec<_>>().join("\n\n"),
        }
    }
}

/// What the rules read that are left out where people are alike.
const OWN: [&str; 3] = ["input.managers", "attributes.projects", "attributes.levels"];

/// The target whose sweep is measured.
pub const TARGET: &str = "directory";

const DEPARTMENTS: usize = 20;
const ROLES: usize = 200;
const PROJECTS: usize = 40;

/// Numbers that look like chance and are not.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

fn object(name: &str, body: Body) -> Object {
    let meta = Meta {
        name: ObjectName::parse(name).unwrap(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        created: None,
        place: Place { file: format!("{}/{name}.yaml", body.kind().as_str().to_lowercase()), line: 1 },
    };
    Object { meta, body }
}

fn spec<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn department(number: usize) -> String {
    format!("Department {number:02}")
}

fn role(number: usize) -> String {
    format!("role-{number:03}")
}

/// What the policy reads beside `input`: departments, projects, offices, thirty pairs that stay apart.
pub fn data() -> Value {
    let departments: BTreeMap<String, Value> =
        (0..DEPARTMENTS).map(|n| (department(n), json!({"roles": [role(n), role(n + 20)]}))).collect();
    let apart: Vec<Value> = (0..30)
        .map(|n| {
            let key = |n: usize| format!("directory/group/role-{n:03}-a");
            json!({"one": key(n * 2 + 60), "other": key(n * 2 + 61), "enforcement": if n % 2 == 0 { "report" } else { "withhold" }})
        })
        .collect();
    let projects: Vec<String> = (0..PROJECTS).map(|n| format!("project-{n}")).collect();
    json!({"acme": {
        "departments": departments, "apart": apart, "projects": projects, "offices": ["Brno", "Oslo", "Porto"], "administrators": "role-199"
    }})
}

fn roles() -> Vec<Object> {
    let mut roles = vec![
        object(
            "staff",
            Body::BusinessRole(spec(json!({"entitlements": [
                {"target": "directory", "kind": "group", "name": "staff"},
                {"target": "chat", "kind": "channel", "name": "all"},
            ]}))),
        ),
        object(
            "project-member",
            Body::BusinessRole(spec(json!({
                "parameters": {"project": {"required": true}},
                "entitlements": [
                    {"target": "code", "kind": "repository", "name": "${project}", "right": "write"},
                    {"target": "chat", "kind": "channel", "name": "${project}"},
                ],
            }))),
        ),
    ];
    for n in 0..ROLES {
        let includes: Vec<String> = if n % 4 == 3 && n > 40 { vec![role(n - 2), role(n - 40)] } else { Vec::new() };
        let entitlements = json!([
            {"target": "directory", "kind": "group", "name": format!("role-{n:03}-a")},
            {"target": "directory", "kind": "group", "name": format!("role-{n:03}-b")},
            {"target": "code", "kind": "repository", "name": format!("repository-{}", n % 50), "right": if n % 2 == 0 { "read" } else { "write" }},
        ]);
        roles.push(object(&role(n), Body::BusinessRole(spec(json!({"includes": includes, "entitlements": entitlements})))));
    }
    roles
}

fn person(n: usize, dice: &mut Dice) -> Object {
    let user_name = format!("user.{n:06}");
    let title = ["Clerk", "Engineer", "Team Lead", "Analyst", "Head of Office", "Accountant"][dice.roll(6)];
    let location = ["Brno", "Oslo", "Porto", "Home"][dice.roll(4)];
    let projects: Vec<String> = (0..dice.roll(3)).map(|_| format!("project-{}", dice.roll(PROJECTS))).collect();
    let mut spec = json!({
        "externalId": format!("E{n:06}"),
        "userName": user_name,
        "name": {"givenName": format!("Given{n}"), "familyName": format!("Family{n}"), "formatted": format!("Given{n} Family{n}")},
        "displayName": format!("Given{n} Family{n}"),
        "emails": [{"value": format!("{user_name}@acme.example"), "type": "work", "primary": true}],
        "phoneNumbers": [{"value": format!("+420 555 {n:06}"), "type": "work"}],
        "title": title,
        "employeeNumber": format!("{n}"),
        "department": department(dice.roll(DEPARTMENTS)),
        "division": format!("Division {}", dice.roll(5)),
        "costCenter": format!("CC-{}", dice.roll(90)),
        "organization": "Acme",
        "location": location,
        "employments": [{"startDate": format!("20{:02}-0{}-01", 10 + dice.roll(16), 1 + dice.roll(9))}],
        "attributes": {"projects": projects, "badge": format!("B{n:07}"), "levels": {format!("{}", dice.roll(9)): "2031-01-01T00:00:00Z"}},
    });
    // A tree of managers, ten to one.
    if n > 0 {
        spec["manager"] = json!(format!("p{:06}", (n - 1) / 10));
    }
    object(&format!("p{n:06}"), Body::Person(Box::new(self::spec(spec))))
}

/// Roles of departments by what is said of people, and others by name: where nobody is like another, two of three people have one or two.
fn bindings(people: usize, kind: Kind, dice: &mut Dice) -> Vec<Object> {
    let mut bindings: Vec<Object> = (0..DEPARTMENTS)
        .map(|n| {
            let binding = json!({"role": role(n + 40), "subjectMatch": {"department": [department(n)], "organization": ["Acme"]}});
            object(&format!("department-{n:02}"), Body::RoleBinding(spec(binding)))
        })
        .collect();
    let mut subjects: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for person in 0..people {
        let roles = match kind {
            Kind::Unlike => dice.roll(3),
            Kind::Alike => usize::from(dice.roll(10) == 0),
        };
        for _ in 0..roles {
            subjects.entry(60 + dice.roll(ROLES - 60)).or_default().push(json!({"name": format!("p{person:06}")}));
        }
    }
    for (n, mut subjects) in subjects {
        subjects.dedup();
        let binding = json!({"role": role(n), "subjects": subjects, "justification": "asked for by their manager"});
        bindings.push(object(&format!("named-{n:03}"), Body::RoleBinding(spec(binding))));
    }
    bindings
}

/// A company of so many people; `path` is the file of its directory.
pub fn company(people: usize, kind: Kind, path: &str) -> Realm {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut realm = Realm::new(RealmId::parse("acme").unwrap());
    let persons = (0..people).map(|n| person(n, &mut dice)).collect();
    realm.replace(ResourceKind::Person, persons);
    realm.replace(ResourceKind::BusinessRole, roles());
    realm.replace(ResourceKind::RoleBinding, bindings(people, kind, &mut dice));
    let policy = json!({"modules": {"access.rego": kind.policy()}, "data": data()});
    realm.replace(ResourceKind::Policy, vec![object("access", Body::Policy(spec(policy)))]);
    let directory = json!({
        "type": "sqlite", "sqlite": {"path": path, "create": true}, "accounts": {"admin": {}},
        "entitlements": {"group": {"createMissing": true}},
        "safety": {"creates": {"count": 1_000_000}},
    });
    // What is asked for there is decided, and never read.
    let elsewhere = |name: &str| object(name, Body::TargetSystem(Box::new(spec(json!({"type": "scim", "suspend": true})))));
    let directory = object(TARGET, Body::TargetSystem(Box::new(spec(directory))));
    realm.replace(ResourceKind::TargetSystem, vec![directory, elsewhere("chat"), elsewhere("code")]);
    realm
}

/// The SCIM target whose writes are measured.
pub const CHAT: &str = "chat";

/// People who have nothing yet, and one group for all of them in a SCIM service.
pub fn newcomers(people: usize, base: &str, at_once: usize) -> Realm {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut realm = Realm::new(RealmId::parse("acme").unwrap());
    realm.replace(ResourceKind::Person, (0..people).map(|n| person(n, &mut dice)).collect());
    let role = json!({"entitlements": [{"target": CHAT, "kind": "group", "name": "all"}]});
    realm.replace(ResourceKind::BusinessRole, vec![object("all", Body::BusinessRole(spec(role)))]);
    let binding = json!({"role": "all", "subjectMatch": {"organization": ["Acme"]}});
    realm.replace(ResourceKind::RoleBinding, vec![object("all", Body::RoleBinding(spec(binding)))]);
    let chat = json!({
        "type": "scim", "scim": {"url": base}, "secretRef": {"name": CHAT}, "limits": {"concurrency": at_once},
        "entitlements": {"group": {"createMissing": true}}, "safety": {"creates": {"count": 1_000_000}},
    });
    // The same once more for the realm: what is there already is nobody's, so that creates are counted.
    let limits = json!({"safety": {"creates": {"count": 1_000_000}}});
    realm.replace(ResourceKind::Realm, vec![object("acme", Body::Realm(spec(limits)))]);
    realm.replace(ResourceKind::TargetSystem, vec![object(CHAT, Body::TargetSystem(Box::new(spec(chat))))]);
    realm
}

/// The target's name.
pub fn target() -> TargetName {
    TargetName::parse(TARGET).unwrap()
}
