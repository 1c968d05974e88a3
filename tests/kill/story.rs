//! The scenario: joiners, movers, leavers and the rest of what happens in a small company over some weeks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use provost::model::ids::TargetName;
use provost::plan::guard::Fate;
use serde_json::{Value, json};

use crate::cases::format::Given;
use crate::cases::world::moment;
use crate::common::runs::Pass;

/// What exists in both targets from the first day on.
pub const GROUPS: &[&str] = &["group/staff", "group/ops", "group/guests", "role/buyer"];

/// What others do to the directory.
pub enum Outside {
    /// An account is there, by id and name, from before.
    Exists(&'static str, &'static str),
    /// An administrator shuts an account.
    Shut(&'static str),
}

/// One day: its moment, its manifests, and what the run must have in it so that the story stays what it is told to be.
pub struct Day {
    pub now: Timestamp,
    pub given: Given,
    pub outside: Vec<Outside>,
    sends: Vec<&'static str>,
    holds: Vec<&'static str>,
}

struct Story {
    given: Given,
    days: Vec<Day>,
}

impl Story {
    fn day(&mut self, now: &str, sends: &[&'static str], holds: &[&'static str]) {
        self.days.push(Day {
            now: moment(now),
            given: self.given.clone(),
            outside: Vec::new(),
            sends: sends.to_vec(),
            holds: holds.to_vec(),
        });
    }

    fn outside(&mut self, outside: Outside) {
        self.days.last_mut().unwrap().outside.push(outside);
    }

    fn asks(&mut self, person: &str, asks: Value) {
        self.given.asks.insert(person.to_owned(), asks.as_array().unwrap().clone());
    }

    fn person(&mut self, name: &str, field: &str, value: Value) {
        self.given.people.get_mut(name).unwrap()[field] = value;
    }

    fn approve(&mut self, name: &str, target: &str, lines: &[&str]) {
        self.given
            .approvals
            .insert(name.to_owned(), json!({"target": target, "decision": "Approve", "changes": lines, "expires": "2026-12-31T00:00:00Z"}));
    }
}

/// The days, for targets of this type.
pub fn story(target_type: &str) -> Vec<Day> {
    let target = |name: &str, more: Value| {
        let mut spec = json!({
            "type": target_type,
            "limits": {"lag": "0s"},
            "correlation": {"attributes": ["userName"], "adopt": "Unique"},
            "lifecycle": {
                "terminated": [{"do": "Disable", "entitlements": "Remove"}, {"after": "30d", "do": "Delete"}],
                "preboarding": [{"before": "7d", "do": "Create", "entitlements": "Follow"}],
            },
            "safety": {"revocations": {"count": 1, "percent": 0}},
        });
        if target_type == "sqlite" {
            spec["sqlite"] = json!({"path": format!("{name}.db"), "create": true});
        }
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let employed = |more: Value| {
        let mut person = json!({"employments": [{"startDate": "2020-01-01"}]});
        person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        person
    };
    let mail = |name: &str| json!({"emails": [{"value": format!("{name}@example.com")}]});
    let given = serde_json::from_value(json!({
        "people": {
            "ann": employed(mail("ann")),
            "bob": employed(json!({"title": "Clerk"})),
            "cid": employed(json!({"title": "Cook", "emails": [{"value": "cid@example.com"}]})),
            "dee": employed(mail("dee")),
            "eve": employed(json!({})),
            "fay": {"employments": [{"startDate": "2026-06-05"}], "emails": [{"value": "fay@example.com"}]},
            "gil": employed(json!({})),
            "hal": employed(json!({})),
        },
        "targets": {
            "dir": target("dir", json!({
                "mapping": {
                    "userName": {"value": "input.person.userName"},
                    "email": {"value": "input.person.emails[0].value"},
                    "title": {"value": "input.person.title"},
                },
                "entitlements": {"group": {"minimumMembers": {"ops": 1}}},
                "accounts": {"admin": {"mapping": {"userName": {"value": "concat(\"-\", [input.person.userName, \"admin\"])"}, "email": null, "title": null}}},
            })),
            "app": target("app", json!({"entitlements": {"role": {"createMissing": true}}, "removals": "Hold"})),
        },
        "roles": {"toolsmith": {"entitlements": [{"target": "app", "kind": "role", "name": "tools"}]}},
        "bindings": {"smiths": {"role": "toolsmith", "subjects": [{"name": "ann"}, {"name": "gil"}]}},
        "asks": {
            "ann": ["dir", "dir/group/staff", "dir/group/ops"],
            "bob": ["dir", "dir/group/staff", "dir#admin"],
            "cid": ["dir", "dir/group/staff", "app"],
            "dee": ["dir", "dir/group/staff"],
            "eve": ["dir", {"key": "dir/group/guests", "until": "2026-06-03T06:00:00Z"}, {"key": "app/group/guests", "until": "2026-06-12T00:00:00Z"}],
            "fay": ["dir", "dir/group/staff"],
            "gil": ["dir", "dir/group/staff"],
            "hal": ["dir", "app/role/buyer"],
        },
    }));
    let mut story = Story { given: given.unwrap(), days: Vec::new() };
    story.given.people.values_mut().for_each(|person| person["accounts"] = json!([]));

    story.day(
        "2026-06-01T08:00:00Z",
        &["Create dir ann creates", "Create dir bob#admin creates", "Provide app", "Create dir fay creates"],
        &[],
    );
    story.outside(Outside::Exists("900", "dee"));

    // Only one of the types can end sessions.
    let sessions = if target_type == "scim" { "EndSessions dir cid suspensions" } else { "Disable app cid suspensions" };

    // A mover: `ops` goes from ann to bob, and never has no member.
    story.asks("ann", json!(["dir", "dir/group/staff"]));
    story.asks("bob", json!(["dir", "dir/group/staff", "dir/group/ops", "dir#admin"]));
    story.person("bob", "title", json!("Admin"));
    story.day(
        "2026-06-02T08:00:00Z",
        &["Revoke dir ann group/ops revocations", "Grant dir bob group/ops none", "Set dir bob title none"],
        &[],
    );

    story.person("cid", "suspended", json!(true));
    story.person("fay", "emails", json!([{"value": "fay.new@example.com"}]));
    story.day(
        "2026-06-03T08:00:00Z",
        &["Revoke dir eve group/guests none", "Disable dir cid suspensions", "Set dir fay email none", sessions],
        &[],
    );

    // Back again; the joiner's first day.
    story.person("cid", "suspended", json!(false));
    story.person("cid", "title", Value::Null);
    story.given.people.get_mut("cid").unwrap().as_object_mut().unwrap().remove("title");
    story.day("2026-06-05T08:00:00Z", &["Enable dir cid none", "Clear dir cid title clears", "Enable dir fay none"], &[]);

    // bob is robert from now on; dee is gone; ann's end is announced.
    let mut robert = story.given.people.remove("bob").unwrap();
    robert["formerIds"] = json!(["bob"]);
    story.given.people.insert("robert".to_owned(), robert);
    let asks = story.given.asks.remove("bob").unwrap();
    story.given.asks.insert("robert".to_owned(), asks);
    story.given.people.remove("dee");
    story.person("ann", "employments", json!([{"startDate": "2020-01-01", "endDate": "2026-06-07"}]));
    story.day(
        "2026-06-06T08:00:00Z",
        &["Own dir robert none", "Disable dir dee absence", "Revoke dir dee group/staff absence", "Set dir robert userName none"],
        &[],
    );

    // ann leaves; a bad commit takes `staff` from three people; hal is no buyer any more, where removals are held.
    for person in ["cid", "fay", "gil"] {
        let asks = story.given.asks[person].iter().filter(|ask| **ask != json!("dir/group/staff")).cloned().collect::<Vec<_>>();
        story.given.asks.insert(person.to_owned(), asks);
    }
    story.asks("hal", json!(["dir", "app"]));
    story.day(
        "2026-06-08T08:00:00Z",
        &["Disable dir ann leavers", "Revoke dir ann group/staff leavers"],
        &["Revoke dir cid group/staff revocations", "Revoke dir gil group/staff revocations", "Revoke app hal role/buyer revocations"],
    );

    // The answers; eve is locked out, and somebody shut gil.
    story.approve(
        "yes",
        "dir",
        &["Revoke dir cid group/staff revocations", "Revoke dir fay group/staff revocations", "Revoke dir gil group/staff revocations"],
    );
    story.approve("buyer", "app", &["Revoke app hal role/buyer revocations"]);
    story.given.lockouts.insert("eve".to_owned(), json!({"person": "eve", "reason": "stolen laptop"}));
    story.day(
        "2026-06-09T08:00:00Z",
        &[
            "Revoke dir cid group/staff revocations",
            "Revoke app hal role/buyer revocations",
            "Disable dir eve none",
            "Disable app eve none",
        ],
        &["Enable dir gil none"],
    );
    story.outside(Outside::Shut("gil"));

    story.given.lockouts.clear();
    story.approve("open", "dir", &["Enable dir gil none"]);
    story.day("2026-06-13T08:00:00Z", &["Enable dir gil none", "Enable dir eve none", "Revoke app eve group/guests none"], &[]);

    // The later steps; cid asks for nothing in `app` any more, and ann comes back.
    story.asks("cid", json!(["dir"]));
    story.day("2026-07-20T08:00:00Z", &["Delete dir ann deletes", "Delete dir dee deletes"], &["Disable app cid absence"]);
    story.person("ann", "employments", json!([{"startDate": "2020-01-01", "endDate": "2026-06-07"}, {"startDate": "2026-07-21"}]));
    story.day("2026-07-21T08:00:00Z", &["Create dir ann creates", "Grant dir ann group/staff none"], &[]);
    story.days
}

/// The day is what the story says: these changes are sent, those are held.
pub fn hold_to(day: &Day, pass: &Pass) {
    let lines = |sent: bool| -> BTreeSet<String> {
        let items = pass.round.targets.values().flat_map(|target| target.plan.items());
        items.filter(|item| matches!(item.fate, Fate::Send(_)) == sent).map(|item| item.change.line().to_string()).collect()
    };
    let named = |name: &str| TargetName::parse(name).unwrap();
    assert!(pass.round.unread.is_empty(), "{}: {:?}", day.now, pass.round.unread);
    for (lines, expected) in [(lines(true), &day.sends), (lines(false), &day.holds)] {
        for text in expected {
            assert!(
                lines.iter().any(|line| line.starts_with(text)),
                "{}: no `{text}` in {lines:#?}\nfindings in dir: {:#?}",
                day.now,
                pass.round.targets[&named("dir")].plan.plan().findings
            );
        }
    }
}
