//! The parts of `input` that a rule reads, and what they are recognised by in the input of one person. Who is the same in all of them
//! gets the same answer.

use std::collections::BTreeSet;

use serde::Serialize;

use super::fingerprint::Fingerprint;
use super::shared::Shared;
use super::tree::Step;
use crate::realm::input::Input;

/// The parts of `input` that something reads, each with all that lies below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Fields below `input.person`; the empty one is all of it.
    person: BTreeSet<Vec<String>>,
    /// Fields of everybody in the chain of managers.
    managers: BTreeSet<Vec<String>>,
    /// What else is read, by its field of `input`.
    others: BTreeSet<Other>,
}

/// A field of `input` that counts as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Other {
    Roles,
    Targets,
    Observed,
    Unread,
    Accounts,
    Today,
    /// Whether the chain of managers ends at somebody unknown: no rule sees it, and a mapping waits for it.
    ManagersUnknown,
}

const ALL: [Other; 7] =
    [Other::Roles, Other::Targets, Other::Observed, Other::Unread, Other::Accounts, Other::Today, Other::ManagersUnknown];

impl Reads {
    /// All of `input`.
    pub(crate) fn everything() -> Self {
        Self { person: BTreeSet::from([Vec::new()]), managers: BTreeSet::from([Vec::new()]), others: BTreeSet::from(ALL) }
    }

    /// Where a rule reads these paths below `input`. A path counts up to its first step that is not fixed.
    pub(crate) fn of<'a>(paths: impl IntoIterator<Item = &'a Vec<Step>>) -> Self {
        let mut reads = Self::default();
        for path in paths {
            let Some((Step::Field(first), rest)) = path.split_first() else { return Self::everything() };
            match (first.as_str(), rest) {
                ("person", rest) => {
                    reads.person.insert(fields(rest));
                }
                ("managers", rest) => {
                    let of_each = if let [Step::Any, rest @ ..] = rest { fields(rest) } else { Vec::new() };
                    reads.managers.insert(of_each);
                }
                ("roles", _) => reads.also(&[Other::Roles]),
                ("targets", _) => reads.also(&[Other::Targets]),
                ("observed", _) => reads.also(&[Other::Observed]),
                ("unread", _) => reads.also(&[Other::Unread]),
                // What has no exports may be a target that is still to say something, or none.
                ("accounts", _) => reads.also(&[Other::Accounts, Other::Targets]),
                ("today", _) => reads.also(&[Other::Today]),
                // The same for everybody whose account is mapped.
                ("account" | "target", _) => {}
                _ => return Self::everything(),
            }
        }
        for paths in [&mut reads.person, &mut reads.managers] {
            let all = paths.clone();
            paths.retain(|path| !(0..path.len()).any(|length| path.get(..length).is_some_and(|above| all.contains(above))));
        }
        reads
    }

    /// Besides, what tells a value that is nothing from one that is still to come.
    pub(crate) fn of_mapping<'a>(paths: impl IntoIterator<Item = &'a Vec<Step>>) -> Self {
        let mut reads = Self::of(paths);
        reads.also(&[Other::Unread, Other::ManagersUnknown]);
        reads
    }

    fn also(&mut self, others: &[Other]) {
        self.others.extend(others);
    }

    /// What these parts of an input are recognised by; none where that cannot be told.
    pub(crate) fn fingerprint(&self, input: &Input, shared: &Shared) -> Option<Fingerprint> {
        let mut bytes = Vec::with_capacity(1024);
        let mut managers = Vec::new();
        self.person.iter().try_for_each(|path| write(&mut bytes, below(&input.person, path)))?;
        if !self.managers.is_empty() {
            write(&mut bytes, &input.managers.len())?;
        }
        for manager in &input.managers {
            for path in &self.managers {
                if path.is_empty() {
                    managers.push(shared.fingerprint(manager)?);
                } else {
                    write(&mut bytes, below(manager, path))?;
                }
            }
        }
        for other in &self.others {
            match other {
                Other::Roles => write(&mut bytes, &input.roles)?,
                Other::Targets => write(&mut bytes, &input.targets)?,
                Other::Observed => write(&mut bytes, &input.observed)?,
                Other::Unread => write(&mut bytes, &input.unread)?,
                Other::Accounts => write(&mut bytes, &input.accounts)?,
                Other::Today => write(&mut bytes, &input.today)?,
                Other::ManagersUnknown => write(&mut bytes, &input.managers_unknown)?,
            }
        }
        managers.push(Fingerprint::of_bytes(&[&bytes]));
        Some(Fingerprint::of_all(&managers))
    }
}

/// The steps up to the first that is not fixed.
fn fields(steps: &[Step]) -> Vec<String> {
    let fixed = steps.iter().map_while(|step| match step {
        Step::Field(name) => Some(name.clone()),
        Step::Any => None,
    });
    fixed.collect()
}

/// What lies there; nothing, where a field is missing or null: policies see both alike.
fn below<'a>(value: &'a serde_json::Value, path: &[String]) -> Option<&'a serde_json::Value> {
    path.iter().try_fold(value, |value, field| value.get(field)).filter(|value| !value.is_null())
}

/// No JSON has in it the byte that ends each part, so that what is not there, which is empty, is like nothing else.
fn write<'a, T: Serialize + 'a>(bytes: &mut Vec<u8>, value: impl Into<Option<&'a T>>) -> Option<()> {
    if let Some(value) = value.into() {
        serde_json::to_writer(&mut *bytes, value).ok()?;
    }
    bytes.push(0);
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use serde_json::json;

    use super::super::tests::{held, holding, input, target};
    use super::*;

    /// One part of an input is another one.
    type Differs = fn(&mut Input);

    const CHANGES: [(&str, Differs); 9] = [
        ("person", |input| input.person = json!({"userName": "bob"})),
        ("managers", |input| input.managers = vec![Arc::new(json!({"userName": "dia"}))]),
        ("managers_unknown", |input| input.managers_unknown = true),
        ("roles", |input| input.roles = vec![holding("clerk", &["dir/group/a"], None)]),
        ("targets", |input| input.targets = Arc::default()),
        ("observed", |input| input.observed = BTreeSet::from([held("dir/group/x")])),
        ("unread", |input| input.unread = BTreeSet::from([target("git")])),
        ("accounts", |input| input.accounts = BTreeMap::from([(target("mail"), json!({"address": "a@x"}))])),
        ("today", |input| input.today = "2026-11-25".to_owned()),
    ];

    fn path(text: &str) -> Vec<Step> {
        text.split('.').map(|step| if step == "_" { Step::Any } else { Step::Field(step.to_owned()) }).collect()
    }

    #[test]
    fn an_input_is_recognised_by_all_that_a_policy_sees_of_it() {
        let same = input(json!({"userName": "ann"}));
        let shared = Shared::default();
        let everything = Reads::everything();
        let mut seen = vec![everything.fingerprint(&same, &shared).unwrap()];
        for (name, change) in CHANGES {
            let mut other = same.clone();
            change(&mut other);
            let fingerprint = everything.fingerprint(&other, &shared).unwrap();
            assert!(!seen.contains(&fingerprint), "{name}");
            let alone = everything.fingerprint(&other, &Shared::default());
            assert_eq!(alone, Some(fingerprint), "{name}: with whom it is shared makes no difference");
            seen.push(fingerprint);
        }
        // An equal manager who lies elsewhere is the same.
        let with_boss = || Input { managers: vec![Arc::new(json!({"userName": "dia"}))], ..same.clone() };
        assert_eq!(everything.fingerprint(&with_boss(), &shared), everything.fingerprint(&with_boss(), &shared));
    }

    #[test]
    fn what_is_not_read_makes_no_difference_and_what_is_read_does() {
        let same = input(json!({"userName": "ann"}));
        let rows: [(&str, &[&str]); 8] = [
            ("person.userName", &["person"]),
            ("person.title", &[]),
            ("managers", &["managers"]),
            ("managers._.userName", &["managers"]),
            ("roles._.grants", &["roles"]),
            ("observed", &["observed"]),
            ("accounts.mail.address", &["targets", "accounts"]),
            ("today", &["today"]),
        ];
        for (read, told) in rows {
            let reads = Reads::of([&path(read)]);
            let before = reads.fingerprint(&same, &Shared::default());
            let differing = CHANGES.iter().filter(|(_, change)| {
                let mut other = same.clone();
                change(&mut other);
                reads.fingerprint(&other, &Shared::default()) != before
            });
            assert_eq!(differing.map(|(name, _)| *name).collect::<Vec<_>>(), told, "{read}");
        }
        assert_eq!(Reads::of([&path("person.title"), &path("_")]), Reads::everything());
        assert_eq!(Reads::of([&path("person.name"), &path("person.name.givenName")]), Reads::of([&path("person.name")]));
    }

    #[test]
    fn parts_that_are_missing_do_not_make_others_look_alike() {
        let reads = Reads::of([&path("person.a"), &path("person.b")]);
        let of = |person: serde_json::Value| reads.fingerprint(&input(person), &Shared::default()).unwrap();
        let people = [
            json!({"a": "x"}),
            json!({"b": "x"}),
            json!({}),
            json!({"a": "x", "b": "x"}),
            json!({"a": ["x"]}),
            json!({"a": 1, "b": 23}),
            json!({"a": 12, "b": 3}),
        ];
        let all: BTreeSet<Fingerprint> = people.iter().map(|person| of(person.clone())).collect();
        assert_eq!(all.len(), people.len());
        assert_eq!(of(json!({"a": "x", "b": null})), of(json!({"a": "x"})));
        // A chain that is longer is another one, where somebody in it has no such field either.
        let managers = Reads::of([&path("managers._.title")]);
        let chain = |length| Input { managers: std::iter::repeat_with(|| Arc::new(json!({}))).take(length).collect(), ..input(json!({})) };
        assert_ne!(managers.fingerprint(&chain(1), &Shared::default()), managers.fingerprint(&chain(2), &Shared::default()));
    }
}
