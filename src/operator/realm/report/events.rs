//! Events on the objects that users wrote.

use std::collections::BTreeMap;

use crate::apply::target::Report;
use crate::model::change::Act;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::operator::realm::RealmTask;
use crate::operator::scribe::Happened;
use crate::realm::object::ResourceKind;

impl RealmTask {
    /// Events on the objects that users wrote.
    pub(in crate::operator::realm) fn announce(&self, target: &TargetName, report: &Report) {
        let mut told: BTreeMap<(&PersonId, &'static str), Vec<String>> = BTreeMap::new();
        for (change, answer) in &report.answers {
            let (reason, what) = match (answer, change.act()) {
                (Err(failure), act) => ("ChangeFailed", format!("{}: {failure}", act.verb())),
                (Ok(_), Act::Create { name, .. }) => ("AccountCreated", name.clone()),
                (Ok(_), Act::Own) => ("AccountAdopted", String::new()),
                (Ok(_), Act::Enable) => ("AccountEnabled", String::new()),
                (Ok(_), Act::Disable | Act::Withdraw) => ("AccountDisabled", String::new()),
                (Ok(_), Act::Delete) => ("AccountDeleted", String::new()),
                (Ok(_), Act::Grant(key)) => ("EntitlementGranted", key.inside()),
                (Ok(_), Act::Revoke(key)) => ("EntitlementRevoked", key.inside()),
                (Ok(_), Act::Set(..) | Act::Clear(_) | Act::EndSessions | Act::Provide(_)) => continue,
            };
            told.entry((&change.key().person, reason)).or_default().push(what);
        }
        for ((person, reason), what) in told {
            for declared in self.realm.declared(person) {
                let name = &declared.meta.name;
                let Some(brief) = self.briefs.get(&(ResourceKind::Person, name.clone())) else { continue };
                let what: Vec<&str> = what.iter().map(String::as_str).filter(|what| !what.is_empty()).collect();
                let note = if what.is_empty() { target.to_string() } else { format!("{target}: {}", what.join(", ")) };
                if let Some(scribe) = &self.scribe {
                    scribe.happened(Happened {
                        kind: ResourceKind::Person,
                        name: name.clone(),
                        uid: brief.uid.clone(),
                        warning: reason == "ChangeFailed",
                        reason,
                        note,
                    });
                }
            }
        }
    }

    /// An event on a target.
    pub(in crate::operator::realm) fn announce_target(&self, target: &TargetName, warning: bool, reason: &'static str, note: String) {
        let Ok(name) = ObjectName::parse(target.as_str()) else { return };
        let Some(brief) = self.briefs.get(&(ResourceKind::TargetSystem, name.clone())) else { return };
        if let Some(scribe) = &self.scribe {
            scribe.happened(Happened { kind: ResourceKind::TargetSystem, name, uid: brief.uid.clone(), warning, reason, note });
        }
    }
}
