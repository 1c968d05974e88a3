//! Manifests for tests, as short as they can be.

use serde_json::{Value, json};

/// Any object of ours.
pub fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "provost.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A realm that waits this long before it takes anything away.
pub fn realm(settle: &str) -> Value {
    object("Realm", "realm", json!({"settle": settle}))
}

/// An employee; `more` is laid over.
pub fn person(name: &str, more: Value) -> Value {
    let spec = json!({"userName": name, "displayName": name.to_uppercase(), "department": "Sales"});
    object("Person", name, over(spec, more))
}

/// `p000`, `p001`, …, all in Sales.
pub fn crowd(count: usize) -> Vec<Value> {
    (0..count).map(|number| person(&format!("p{number:03}"), json!({}))).collect()
}

/// A SQLite file of that name in the folder, read as a whole every second; `more` is laid over.
pub fn target(name: &str, more: Value) -> Value {
    let spec = json!({
        "type": "sqlite", "sqlite": {"path": format!("{name}.db"), "create": true},
        "sweepInterval": "1s", "entitlements": {"group": {"createMissing": true}},
    });
    object("TargetSystem", name, over(spec, more))
}

/// Groups as `TARGET/NAME`.
pub fn role(name: &str, groups: &[&str]) -> Value {
    let entitlements: Vec<Value> = groups
        .iter()
        .map(|group| group.split_once('/').unwrap())
        .map(|(target, group)| json!({"target": target, "kind": "group", "name": group}))
        .collect();
    object("BusinessRole", name, json!({"entitlements": entitlements}))
}

pub fn binding(name: &str, role: &str, people: &[&str]) -> Value {
    let subjects: Vec<Value> = people.iter().map(|person| json!({"name": person})).collect();
    object("RoleBinding", name, json!({"role": role, "subjects": subjects}))
}

/// A role for everybody of a department.
pub fn binding_of(name: &str, role: &str, department: &str) -> Value {
    object("RoleBinding", name, json!({"role": role, "subjectMatch": {"department": [department]}}))
}

/// A Policy of one module.
pub fn policy(name: &str, rego: &str) -> Value {
    object("Policy", name, json!({"modules": {"access.rego": rego}}))
}

/// Everybody in Sales is staff.
pub const STAFF: &str = r#"package provost

roles contains {"name": "staff"} if input.person.department == "Sales"
"#;

/// What most tests begin with: a target `dir`, everybody in Sales is in its group `staff` by rule, `devs` is for bindings.
pub fn small(settle: &str) -> Vec<Value> {
    vec![realm(settle), target("dir", json!({})), role("staff", &["dir/staff"]), role("devs", &["dir/devs"]), policy("access", STAFF)]
}

fn over(mut under: Value, over: Value) -> Value {
    let (Value::Object(fields), Value::Object(more)) = (&mut under, over) else { panic!("a spec is an object") };
    fields.extend(more);
    under
}
