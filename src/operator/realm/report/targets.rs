//! What is said of targets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Stand, fields};
use crate::api::target::Mode;
use crate::model::change::ChangeLine;
use crate::model::digest::digest_of_lines;
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, TargetName};
use crate::operator::realm::RealmTask;
use crate::operator::realm::known::Known;
use crate::operator::status::{Said, Truth};
use crate::plan::conditions::held_message;
use crate::realm::input::Frozen;
use crate::realm::object::ResourceKind;

/// How many held lines a target shows.
const SAMPLE: usize = 20;

impl RealmTask {
    pub(super) fn report_targets(&self) {
        let briefs: Vec<(ObjectName, Option<String>)> = self
            .briefs
            .iter()
            .filter(|((kind, _), _)| *kind == ResourceKind::TargetSystem)
            .map(|((_, name), brief)| (name.clone(), brief.requested.clone()))
            .collect();
        for (name, requested) in briefs {
            let target = self.known.keys().find(|target| target.as_str() == name.as_str()).cloned();
            let (fields, conditions) = match target.as_ref().and_then(|target| Some((target, self.known.get(target)?))) {
                Some((target, known)) => {
                    // Nobody looks at what is suspended: that is the answer.
                    let handled = if known.spec.suspend { requested.as_deref() } else { known.handled.as_deref() };
                    self.target_status(target, known, handled)
                }
                None => {
                    let torn = self.unreadable.get(&(ResourceKind::TargetSystem, name.clone()));
                    let stand = torn
                        .map_or_else(|| Stand::not("Progressing", "not met yet"), |torn| Stand::stalled("InvalidSpec", torn.why.clone()));
                    (Map::new(), stand.conditions())
                }
            };
            self.say(ResourceKind::TargetSystem, &name, fields, conditions);
        }
    }

    fn target_status(&self, target: &TargetName, known: &Known, handled: Option<&str>) -> (Map<String, Value>, Vec<Said>) {
        let lines: BTreeSet<&ChangeLine> = known.held.values().flat_map(BTreeMap::keys).collect();
        let held: Vec<ChangeLine> = lines.into_iter().cloned().collect();
        let digest = digest_of_lines(&held);
        let linked = self.looks.get(target).map_or(0, |look| look.ledger.links.values().filter(|link| link.id.is_some()).count());
        let summary = &known.summary;
        let sample: Vec<&str> = held.iter().take(SAMPLE).map(ChangeLine::as_str).collect();
        let guard = (!held.is_empty()).then(|| json!({"digest": digest, "sample": sample}));
        let counts =
            json!({"managed": linked, "unmatched": summary.unmatched, "orphaned": summary.orphaned, "protected": summary.protected});
        let pending = known.open.values().filter(|open| open.reason != "Held").count() + known.sending.len();
        let sweep = summary.sweep.map(|(started, finished, complete, read)| {
            json!({"started": started, "finished": finished, "complete": complete, "read": read, "drift": summary.drift})
        });
        let fields = fields([
            ("lastSweep", sweep),
            ("accounts", known.swept.then_some(counts)),
            ("pending", Some(json!(pending))),
            ("held", Some(json!(held.len()))),
            ("guard", guard),
            ("lastHandledReconcileAt", handled.map(|at| json!(at))),
        ]);
        let connected = match &known.connected {
            None => Said::new("Connected", Truth::Unknown, "Progressing", "not asked yet"),
            Some(Ok(())) => Said::new("Connected", Truth::True, "Connected", ""),
            Some(Err(failure)) => Said::new("Connected", Truth::False, failure.reason(), failure.to_string()),
        };
        let is_held = match known.held.values().flat_map(BTreeMap::values).min() {
            None => Said::new("Held", Truth::False, "WithinLimits", ""),
            Some((why, _)) => {
                let over = known.held.values().flat_map(BTreeMap::values).filter_map(|(_, over)| *over);
                Said::new("Held", Truth::True, why.as_str(), held_message(held.len(), &digest, over))
            }
        };
        let mut conditions = self.target_stand(target, known, held.len()).conditions();
        let broken = self.looks.get(target).and_then(|look| look.broken.as_ref());
        conditions.extend([connected, is_held, in_sync(known, broken)]);
        (fields, conditions)
    }

    fn target_stand(&self, target: &TargetName, known: &Known, held: usize) -> Stand {
        if known.spec.suspend {
            return Stand { ready: Truth::True, reason: "Suspended", message: "nothing is read or written".to_owned(), stalled: false };
        }
        if let Some(broken) = self.looks.get(target).and_then(|look| look.broken.as_ref()) {
            return Stand::stalled("InvalidSpec", broken.reason.to_string());
        }
        match &known.connected {
            None => return Stand::not("Progressing", "not asked yet"),
            Some(Err(failure @ Failure::Config(_))) => return Stand::stalled("InvalidSpec", failure.to_string()),
            Some(Err(failure)) => return Stand::not(failure.reason(), failure.to_string()),
            Some(Ok(())) => {}
        }
        if let Some(refused) = &known.summary.refused {
            return Stand::stalled("Refused", refused.clone());
        }
        if held > 0 {
            return Stand::not("Held", format!("{held} changes wait for an answer"));
        }
        if !known.swept {
            return Stand::not("Progressing", "not read as a whole yet");
        }
        if let Some((person, open)) = known.open.iter().next() {
            return Stand::not(open.reason, format!("{} people are not as they should be; {person}: {}", known.open.len(), open.message));
        }
        if !known.sending.is_empty() {
            return Stand::not("Progressing", format!("changes of {} people are being sent", known.sending.len()));
        }
        Stand::ready()
    }
}

/// What cannot be read now may be any other way by now.
fn in_sync(known: &Known, broken: Option<&Frozen>) -> Said {
    if known.spec.suspend {
        return Said::new("InSync", Truth::Unknown, "Suspended", "nothing is read or written");
    }
    if let Some(Err(failure)) = &known.connected {
        return Said::new("InSync", Truth::Unknown, failure.reason(), "it cannot be read at present");
    }
    if let Some(broken) = broken {
        let message = format!("nothing is given, taken away or opened by policy: {}", broken.reason);
        return Said::new("InSync", Truth::Unknown, "InvalidSpec", message);
    }

    let summary = &known.summary;
    let observe = known.spec.mode == Some(Mode::Observe);
    let complete = summary.sweep.is_some_and(|(_, _, complete, _)| complete);
    let differs = known.open.len() + usize::try_from(summary.out_of_scope).unwrap_or(usize::MAX) + known.sending.len();
    match (known.swept, complete) {
        (false, _) => Said::new("InSync", Truth::Unknown, "Progressing", "not read as a whole yet"),
        (true, false) => Said::new("InSync", Truth::Unknown, "SweepIncomplete", "the last sweep did not read everything"),
        (true, true) if observe => Said::new("InSync", Truth::Unknown, "ObserveOnly", "nothing is written here"),
        (true, true) if differs > 0 => Said::new("InSync", Truth::False, "Drifted", format!("{differs} people or accounts differ")),
        (true, true) => Said::new("InSync", Truth::True, "InSync", ""),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_in_sync_as_far_as_anybody_knows() {
        let mut known = Known::new(mpsc::channel(1).0, Arc::default(), Default::default(), Timestamp::UNIX_EPOCH);
        let at = Timestamp::UNIX_EPOCH;
        (known.swept, known.summary.sweep) = (true, Some((at, at, true, 3)));
        known.works();
        let said = |known: &Known, broken: Option<&Frozen>| {
            let said = in_sync(known, broken);
            (said.status, said.reason)
        };
        assert_eq!(said(&known, None), (Truth::True, "InSync".to_owned()));
        let broken = Frozen::new("mapping.mail: no such thing", "TargetSystem/dir");
        assert_eq!(said(&known, Some(&broken)), (Truth::Unknown, "InvalidSpec".to_owned()));
        known.failed(Failure::Retry { after: None, why: "no route".to_owned() });
        assert_eq!(said(&known, None), (Truth::Unknown, "TargetUnavailable".to_owned()));
        known.works();
        assert_eq!(said(&known, None).0, Truth::True);
        known.spec.suspend = true;
        assert_eq!(said(&known, None), (Truth::Unknown, "Suspended".to_owned()));
    }
}
