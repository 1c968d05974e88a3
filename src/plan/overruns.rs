//! Policies that never end: once a round has met a few decisions or mappings that took all the time that there is, nobody else is asked at
//! this instant. Who is not asked is frozen, and whoever leaves need not wait until everybody has had their time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::reason::Reason;
use crate::policy::{Attributes, DecideError, Mapped};
use crate::realm::input::Frozen;

/// So many in one round are no accident; each costs a thread all the time that a decision may take.
const MANY: u32 = 10;

/// How many ran into a limit, and what the last one ran into.
#[derive(Debug, Default)]
pub(super) struct Overruns(Mutex<(u32, Option<Reason>)>);

impl Overruns {
    /// Takes in how somebody's decision ended.
    pub(super) fn note<T>(&self, ended: &Result<T, DecideError>) {
        if let Err(error) = ended {
            self.count(error);
        }
    }

    /// Takes in how the mapping of an account ended; whether it ran into a limit.
    pub(super) fn note_mapping(&self, attributes: &Attributes) -> bool {
        // One limit holds for the mapping as a whole.
        let overrun = attributes.values().find_map(|value| match value {
            Mapped::Failed(error) if matches!(**error, DecideError::Limit(_)) => Some(error),
            Mapped::Failed(_) | Mapped::Value(_) | Mapped::Candidates(_) | Mapped::Undefined { .. } => None,
        });
        overrun.is_some_and(|error| self.count(error))
    }

    /// Why nobody else is asked.
    pub(super) fn frozen(&self) -> Option<Frozen> {
        let run = self.run();
        let last = run.1.as_ref().filter(|_| run.0 >= MANY)?;
        Some(Frozen::new(
            format!("the policies are not asked any more at this instant, since they ran into a limit {MANY} times: {}", last.text),
            &*last.place,
        ))
    }

    fn count(&self, error: &DecideError) -> bool {
        let overran = matches!(error, DecideError::Limit(_));
        if overran {
            let mut run = self.run();
            *run = (run.0.saturating_add(1), Some(error.to_reason()));
        }
        overran
    }

    fn run(&self) -> MutexGuard<'_, (u32, Option<Reason>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::api::realm::RealmSpec;
    use crate::model::ids::{RealmId, TargetName};
    use crate::model::schema::Schema;
    use crate::plan::decided::{Decided, decide_all};
    use crate::plan::rules::TargetRules;
    use crate::policy::{Limits, MappingForm, MappingSource, Mappings, PolicyError, PolicySource, compile_within};
    use crate::realm::index::Realm;
    use crate::realm::load::load_files;
    use crate::realm::object::ResourceKind;

    const PEOPLE: u32 = 60;
    /// Of whoever has a title.
    const NEVER_ENDS: &str = "input.person.title; some x in numbers.range(1, 100000); some y in numbers.range(1, 100000); x * y == -1";

    /// Everybody's decision; every second person has a title.
    fn decided(rego: &str, mapping: &str) -> Decided {
        let people = (0..PEOPLE).map(|number| {
            let title = if number % 2 == 0 { "Clerk" } else { "" };
            let spec = if title.is_empty() { json!({}) } else { json!({"title": title}) };
            json!({"apiVersion": "provost.dev/v1alpha1", "kind": "Person", "metadata": {"name": format!("p{number}")}, "spec": spec})
        });
        let policy = json!({
            "apiVersion": "provost.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "access"},
            "spec": {"modules": {"a.rego": format!("package provost\n\naccounts contains {{\"target\": \"dir\"}}\n\n{rego}\n")}},
        });
        let text = people.chain([policy]).map(|object| format!("---\n{object}\n")).collect::<String>();
        let folder = load_files([("all.yaml".to_owned(), text)].into());
        assert!(folder.problems.is_empty(), "{:?}", folder.problems);
        let mut realm = Realm::new(RealmId::parse("acme").unwrap());
        for kind in [ResourceKind::Person, ResourceKind::Policy] {
            realm.replace(kind, folder.objects.iter().filter(|object| object.body.kind() == kind).cloned().collect());
        }
        let name = TargetName::parse("dir").unwrap();
        let spec = serde_json::from_value(json!({"type": "sqlite", "sqlite": {"path": "x"}, "mapping": {"mail": {"value": mapping}}}));
        let rules = TargetRules::new(name.clone(), &spec.unwrap(), realm.id().clone(), &RealmSpec::default(), &Schema::default()).unwrap();
        let sources = rules.accounts.iter().map(|(account, rules)| {
            let source =
                MappingSource { expression: mapping.to_owned(), form: MappingForm::Value, sensitive: false, place: "m".to_owned() };
            ((name.clone(), account.clone()), rules.mapping.keys().map(|attribute| (attribute.clone(), source.clone())).collect())
        });
        let parts = &realm.policies()[0];
        let source = PolicySource { policy: parts.policy.clone(), modules: parts.modules.clone(), data: Vec::new(), libraries: Vec::new() };
        let limits = Limits { time: Duration::from_millis(500) };
        let compiled = compile_within(&[source], &json!({}), &sources.collect::<Mappings>(), limits).unwrap();
        let t = "2026-06-10T08:00:00Z".parse().unwrap();
        decide_all(&realm, Ok(&compiled), &[(name, rules)].into(), &Default::default(), t)
    }

    /// How many were decided, ran into a limit, and were not asked any more.
    fn counted(decided: &Decided) -> (u32, u32, u32) {
        let mut counted = (0, 0, 0);
        for person in decided.people.values() {
            let count = match &person.decision {
                Ok(_) => &mut counted.0,
                Err(frozen) if frozen.to_string().contains("not asked any more") => &mut counted.2,
                Err(frozen) => {
                    assert!(frozen.to_string().contains("took longer than 500 ms"), "{frozen}");
                    &mut counted.1
                }
            };
            *count += 1;
        }
        counted
    }

    #[test]
    fn whoever_is_left_is_frozen_once_enough_of_a_round_never_ended() {
        let rows = [
            ("a rule", format!("roles contains {{\"name\": \"x\"}} if {{ {NEVER_ENDS} }}"), "\"m\"".to_owned()),
            ("a mapping", format!("slow := \"m\" if {{ {NEVER_ENDS} }}"), "data.provost.slow".to_owned()),
        ];
        for (name, rego, mapping) in rows {
            let (decided, overran, not_asked) = counted(&decided(&rego, &mapping));
            let threads = u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap();
            assert!((MANY..MANY + threads).contains(&overran), "{name}: {overran} ran into a limit");
            assert!(not_asked > 0 && decided > 0, "{name}: {decided} decided, {not_asked} not asked any more");
        }
        assert_eq!(counted(&decided("", "\"m\"")), (PEOPLE, 0, 0), "nothing is counted where all comes to an end");
    }

    #[test]
    fn the_limits_that_were_met_are_counted_and_nothing_else_is() {
        let overruns = Overruns::default();
        let late = || DecideError::Limit(PolicyError { message: "takes longer than 2 s".into(), ..PolicyError::default() });
        for _ in 1..MANY {
            overruns.note(&Err::<(), _>(late()));
            overruns.note(&Ok(()));
            overruns.note(&Err::<(), _>(DecideError::Failed(PolicyError::default())));
        }
        assert_eq!(overruns.frozen(), None);
        overruns.note(&Err::<(), _>(late()));
        let frozen = overruns.frozen().unwrap().to_string();
        assert!(frozen.contains("takes longer than 2 s"), "{frozen}");
    }
}
