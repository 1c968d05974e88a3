//! One run over all targets of a realm: look at everything, learn, decide, plan and judge all; then, once it was answered, carry out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::api::target::TargetSystemSpec;
use crate::ledger::{LedgerStore, StoreError};
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Met};
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::plan::decided::decide_all;
use crate::plan::guard::Settling;
use crate::plan::round::{Look, Round, plan_round, reading};
use crate::plan::rules::{AccountRules, RulesError, Source, TargetRules, USER_NAME};
use crate::policy::{Compiled, MappingForm, MappingSource, Mappings, PolicyError, PolicySource, compile};
use crate::realm::index::Realm;
use crate::realm::input::Frozen;

use super::target::{Oversight, Report, Target};

/// Targets as they could be opened; a suspended one is not among them.
pub type Targets = BTreeMap<TargetName, Result<std::sync::Arc<Target>, Failure>>;

/// Everything that a run has seen.
#[derive(Debug)]
pub struct Seen {
    /// The targets, read or not.
    pub looks: BTreeMap<TargetName, Look>,
    /// The ledgers of targets that are there no more, or cannot be read.
    pub others: BTreeMap<TargetName, Ledger>,
    /// Whom the Lockouts have met, as the ledgers are to remember it.
    pub met: BTreeMap<ObjectName, Met>,
    /// The policies, or all that is wrong with them.
    pub compiled: Result<Compiled, Vec<PolicyError>>,
}

/// Loads every ledger, reads every target, teaches the realm who holds what, and compiles the policies.
///
/// # Errors
/// [`StoreError`] of the ledgers: nothing can be planned then.
pub async fn look(realm: &mut Realm, targets: &Targets, store: &dyn LedgerStore, t: Timestamp) -> Result<Seen, StoreError> {
    let mut others = BTreeMap::new();
    for name in store.targets().await? {
        if !targets.contains_key(&name) {
            others.insert(name.clone(), store.load(&name).await?);
        }
    }
    let mut looks = BTreeMap::new();
    let mut reads = JoinSet::new();
    for ((name, target), probed) in targets.iter().zip(probe(targets).await) {
        let ledger = store.load(name).await?;
        let (schema, failure) = match probed {
            Ok(schema) => (schema, None),
            Err(failure) => (Schema::default(), Some(failure)),
        };
        let Some((rules, broken)) = rules_of(realm, name, &schema).map_err(|error| StoreError::Store(error.to_string()))? else {
            continue;
        };
        if let (Ok(target), None) = (target, &failure) {
            let (target, rules, name) = (target.clone(), rules.clone(), name.clone());
            reads.spawn(async move { (name, target.list(&rules, t).await) });
        }
        let observed = Err(failure.unwrap_or(Failure::Bug("the target was not read".to_owned())));
        looks.insert(name.clone(), Look { rules, schema, ledger, observed, broken });
    }
    // A panic in one target's reading is that target's error: its look keeps the one it has.
    while let Some(read) = reads.join_next().await {
        let Ok((name, observed)): Result<(TargetName, Result<Observed, Failure>), _> = read else { continue };
        if let Some(look) = looks.get_mut(&name) {
            look.observed = observed;
        }
    }
    for (name, look) in &looks {
        if let Ok(observed) = &look.observed {
            realm.learn(name, reading(&look.rules, observed, &look.ledger));
        }
    }
    let met = {
        let ledgers: Vec<&Ledger> = looks.values().map(|look| &look.ledger).chain(others.values()).collect();
        let known = |person: &PersonId| ledgers.iter().any(|ledger| ledger.knows(person));
        realm.recall_met(ledgers.iter().flat_map(|ledger| &ledger.met), known)
    };
    let compiled = compile_with(realm, &mut looks);
    Ok(Seen { looks, others, compiled, met })
}

/// The rules of a target, and what is wrong with its mappings: that freezes what they would write, while leavers need no mapping.
///
/// # Errors
/// [`RulesError`] where the target cannot be worked with at all.
pub fn rules_of(realm: &Realm, name: &TargetName, schema: &Schema) -> Result<Option<(TargetRules, Option<Frozen>)>, RulesError> {
    let Some(target) = realm.target(name) else { return Ok(None) };
    let realm_spec = realm.spec().cloned().unwrap_or_default();
    let rules = |spec: &TargetSystemSpec, schema: &Schema| TargetRules::new(name.clone(), spec, realm.id().clone(), &realm_spec, schema);
    match rules(&target.spec, schema) {
        Ok(rules) => Ok(Some((rules, None))),
        Err(error) => {
            let bare = Schema { default_mapping: BTreeMap::new(), ..schema.clone() };
            let broken = Frozen::new(error.to_string(), format!("TargetSystem/{name}"));
            rules(&unmapped(&target.spec), &bare).map(|rules| Some((rules, Some(broken))))
        }
    }
}

/// Every target's schema, in the order of `targets`: all are asked at once, so that a slow one holds up no other.
async fn probe(targets: &Targets) -> Vec<Result<Schema, Failure>> {
    let unanswered = || Err(Failure::Bug("the target was not probed".to_owned()));
    let mut schemas: Vec<Result<Schema, Failure>> =
        targets.values().map(|target| target.as_ref().map_or_else(|failure| Err(failure.clone()), |_| unanswered())).collect();
    let mut probes = JoinSet::new();
    for (place, target) in targets.values().enumerate() {
        if let Ok(target) = target.clone() {
            probes.spawn(async move { (place, target.probe().await) });
        }
    }
    while let Some(probed) = probes.join_next().await {
        let Ok((place, schema)) = probed else { continue };
        if let Some(slot) = schemas.get_mut(place) {
            *slot = schema;
        }
    }
    schemas
}

/// Decides, plans and judges all that was seen.
#[must_use]
pub fn plan(realm: &Realm, seen: &Seen, settling: Option<&Settling>, t: Timestamp) -> Round {
    let broken = broken(&seen.compiled);
    let rules: BTreeMap<TargetName, TargetRules> = seen.looks.iter().map(|(name, look)| (name.clone(), look.rules.clone())).collect();
    let mut ledgers = seen.others.clone();
    ledgers.extend(seen.looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone())));
    let decided = decide_all(realm, seen.compiled.as_ref().map_err(|_| &broken), &rules, &ledgers, t);
    plan_round(realm, decided, &seen.looks, &seen.others, settling, t)
}

/// What freezes everybody where the policies do not compile.
#[must_use]
pub fn broken(compiled: &Result<Compiled, Vec<PolicyError>>) -> Frozen {
    let first = compiled.as_ref().err().and_then(|errors| errors.first());
    first.map_or_else(|| Frozen::new("the policies do not compile", ""), |error| Frozen { reason: error.to_reason() })
}

/// Carries a round out, target by target; the ledgers in `seen` are as they are afterwards.
///
/// # Errors
/// By target: the [`StoreError`] at which it stopped. One target never stops the others.
pub async fn carry_out(
    round: &Round,
    seen: &mut Seen,
    targets: &Targets,
    store: &dyn LedgerStore,
    t: Timestamp,
    oversight: &dyn Oversight,
) -> BTreeMap<TargetName, Result<Report, StoreError>> {
    let mut reports = BTreeMap::new();
    for (name, planned) in &round.targets {
        let (Some(Ok(target)), Some(look)) = (targets.get(name), seen.looks.get_mut(name)) else { continue };
        if look.ledger.met != seen.met {
            let fact = Fact::Met(seen.met.clone());
            if let Err(error) = store.record(name, std::slice::from_ref(&fact)).await {
                reports.insert(name.clone(), Err(error));
                continue;
            }
            look.ledger.record(&fact);
        }
        let report = target.carry_out(&planned.plan, &look.rules, &planned.desired, &mut look.ledger, store, t, oversight).await;
        reports.insert(name.clone(), report);
    }
    reports
}

/// What the policy compiler needs of a realm.
#[must_use]
pub fn sources(realm: &Realm) -> Vec<PolicySource> {
    realm
        .policies()
        .iter()
        .map(|parts| PolicySource {
            policy: parts.policy.clone(),
            modules: parts.modules.clone(),
            data: parts.data.clone(),
            libraries: parts.use_.clone(),
        })
        .collect()
}

/// The Rego of every mapping, with its place.
#[must_use]
pub fn mappings(looks: &BTreeMap<TargetName, Look>) -> Mappings {
    looks.iter().flat_map(|(target, look)| mappings_of(target, &look.rules)).collect()
}

/// The Rego of the mappings that the manifests give, without a look at any target; and the targets that cannot be worked with.
#[must_use]
pub fn offline(realm: &Realm) -> (Mappings, BTreeMap<TargetName, RulesError>) {
    let realm_spec = realm.spec().cloned().unwrap_or_default();
    let mut mappings = Mappings::new();
    let mut wrong = BTreeMap::new();
    for (name, target) in realm.targets() {
        match TargetRules::new(name.clone(), &target.spec, realm.id().clone(), &realm_spec, &Schema::default()) {
            Ok(rules) => mappings.extend(mappings_of(&name, &rules)),
            Err(error) => {
                wrong.insert(name, error);
            }
        }
    }
    (mappings, wrong)
}

fn mappings_of(target: &TargetName, rules: &TargetRules) -> Mappings {
    let sources = |rules: &AccountRules| {
        rules
            .mapping
            .iter()
            .filter_map(|(attribute, mapping)| {
                let (expression, form) = match &mapping.source {
                    Source::Value(expression) => (expression, MappingForm::Value),
                    Source::Candidates(expression) => (expression, MappingForm::Candidates),
                    Source::Numbers(..) => return None,
                };
                let place = format!("TargetSystem/{target} mapping.{attribute}");
                let source = MappingSource { expression: expression.clone(), form, sensitive: mapping.sensitive, place };
                Some((attribute.clone(), source))
            })
            .collect()
    };
    rules.accounts.iter().map(|(account, rules)| ((target.clone(), account.clone()), sources(rules))).collect()
}

/// Compiles the policies with all mappings; a mapping that does not compile freezes its target and nothing else.
///
/// # Errors
/// All that is wrong with the policies.
pub fn compile_with(realm: &Realm, looks: &mut BTreeMap<TargetName, Look>) -> Result<Compiled, Vec<PolicyError>> {
    let (sources, roles, mappings) = (sources(realm), realm.roles_data(), mappings(looks));
    let compiled = compile(&sources, &roles, &mappings).or_else(|errors| {
        let mut sound = mappings.clone();
        for ((target, account), sources) in &mappings {
            let Some(error) = errors.iter().find(|error| sources.values().any(|source| source.place == error.file)) else { continue };
            sound.retain(|(of, _), _| of != target);
            let whose = if account.is_ordinary() { String::new() } else { format!("account {account}: ") };
            if let Some(look) = looks.get_mut(target) {
                let reason = error.to_reason();
                look.broken = Some(Frozen::new(format!("{whose}{}", reason.text), reason.place));
            }
        }
        if sound.len() == mappings.len() { Err(errors) } else { compile(&sources, &roles, &sound) }
    });
    let compiled = compiled?.hiding(&realm.sensitive_attributes());
    for look in looks.values_mut() {
        hide(&compiled, look);
    }
    Ok(compiled)
}

/// Hides in a target's rules what the policies make of people's sensitive attributes. An account's name is shown everywhere.
pub fn hide(compiled: &Compiled, look: &mut Look) {
    look.rules.hide(compiled);
    if look.broken.is_none() && look.rules.names_are_sensitive() {
        let text = "an account's name is shown everywhere, and it is made of a sensitive attribute: map another one";
        look.broken = Some(Frozen::new(text, format!("TargetSystem/{} mapping.{USER_NAME}", look.rules.name)));
    }
}

/// The same target without its mappings.
#[must_use]
pub fn unmapped(spec: &TargetSystemSpec) -> TargetSystemSpec {
    let mut spec = spec.clone();
    spec.mapping.clear();
    for account in spec.accounts.values_mut() {
        account.mapping.clear();
    }
    spec
}
