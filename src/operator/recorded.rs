//! A realm as the cluster has it on record: what is declared, what the statuses remember, and what follows. Read for people who ask why,
//! and by whoever answers what is held; no target is asked, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::api::DynamicObject;
use kube::{Api, Client};

use super::object::{Watched, reader, resource};
use super::one_realm::{Realms, counting, id_of};
use super::status::StatusLedgers;
use super::watch::list;
use crate::api::target::TargetSystemSpec;
use crate::apply::run::{Seen, compile_with, plan, unmapped};
use crate::ledger::{LedgerStore as _, StoreError};
use crate::model::account::{Account, AccountKey};
use crate::model::entitlement::How;
use crate::model::ids::{NameError, RealmId, TargetName};
use crate::model::ledger::{Ledger, Link};
use crate::model::observed::{Extent, Observed};
use crate::model::schema::Schema;
use crate::plan::places::ObjectPlaces;
use crate::plan::round::{Look, Round};
use crate::plan::rules::{RulesError, TargetRules};
use crate::plan::why::Known;
use crate::realm::index::Realm;
use crate::realm::object::{Object, ResourceKind, Unreadable};

/// Why a realm cannot be read from a cluster.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// A kind cannot be listed.
    #[error("{kind} cannot be listed in namespace {namespace}: {why}")]
    List {
        /// Which kind.
        kind: ResourceKind,
        /// Where.
        namespace: String,
        /// Why.
        why: String,
    },
    /// The ledgers cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The realm's id is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A target cannot be worked with.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// A realm on record.
pub struct Recorded {
    /// What is declared.
    pub realm: Realm,
    /// What is remembered of each target, and the policies.
    pub seen: Seen,
    /// What follows.
    pub round: Round,
    /// What waits for a person's answer, by target and account.
    pub held: BTreeMap<TargetName, BTreeMap<AccountKey, BTreeSet<String>>>,
    /// In a cluster objects stand nowhere.
    places: ObjectPlaces,
    t: Timestamp,
}

impl Recorded {
    /// Reads all of it.
    ///
    /// # Errors
    /// [`RecordedError`] where something cannot be read at all.
    pub async fn read(client: &Client, namespace: &str, t: Timestamp) -> Result<Self, RecordedError> {
        let mut realm = Realm::new(RealmId::parse(namespace)?);
        let mut unreadable: Vec<Unreadable> = Vec::new();
        let mut met = BTreeMap::new();
        let mut realms = Realms::new();
        for kind in ResourceKind::all() {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource(kind));
            let failed = |why| RecordedError::List { kind, namespace: namespace.to_owned(), why };
            let (entries, _) = list(&api, reader(Watched::Input(kind))).await.map_err(failed)?;
            let mut objects: Vec<Object> = Vec::new();
            for entry in entries {
                if kind == ResourceKind::Realm && !entry.leaving {
                    realms.insert(entry.name.clone(), entry.works_as.clone());
                }
                met.extend(entry.met.filter(|_| !entry.leaving).map(|person| (entry.name, person)));
                match entry.said.filter(|_| !entry.leaving) {
                    Some(Ok(object)) => objects.push(object),
                    Some(Err(torn)) => unreadable.push(torn),
                    None => {}
                }
            }
            realm.replace(kind, objects);
        }
        let counting = counting(&realms, None);
        realm.count_on(counting.clone());
        if let Some(id) = id_of(&realm, namespace, &realms, counting.as_ref()) {
            realm.rename(id);
        }
        for (lockout, person) in met {
            realm.remember_met(&lockout, person);
        }
        realm.mark_unreadable(unreadable);
        let store = StatusLedgers::open(client.clone(), namespace).await?;
        let mut others = BTreeMap::new();
        for target in store.targets().await? {
            others.insert(target.clone(), store.ledger(&target));
        }
        let held = store.held();
        let mut looks = BTreeMap::new();
        for (name, target) in realm.targets() {
            // Nobody has looked at it since it was suspended.
            if target.spec.suspend {
                continue;
            }
            let ledger = others.remove(&name).unwrap_or_else(|| Ledger::new(name.clone()));
            looks.insert(name.clone(), look(&realm, name, &target.spec, ledger, t)?);
        }
        let compiled = compile_with(&realm, &mut looks);
        let seen = Seen { looks, others, compiled, met: BTreeMap::new() };
        let round = plan(&realm, &seen, None, t);
        Ok(Self { realm, seen, round, held, places: ObjectPlaces::new(), t })
    }

    /// What questions are put to.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        Known {
            realm: &self.realm,
            looks: &self.seen.looks,
            others: &self.seen.others,
            recorded: true,
            round: &self.round,
            compiled: self.seen.compiled.as_ref().ok(),
            places: &self.places,
            t: self.t,
        }
    }
}

/// A target as it was when it was last written or swept. Attributes are not on record, so mappings say nothing here.
fn look(realm: &Realm, name: TargetName, spec: &TargetSystemSpec, ledger: Ledger, t: Timestamp) -> Result<Look, RulesError> {
    let schema = Schema::default();
    let rules = TargetRules::new(name, &unmapped(spec), realm.id().clone(), &realm.spec().cloned().unwrap_or_default(), &schema)?;
    let accounts = ledger.links.iter().filter_map(|(key, link)| account(&rules, key, link)).collect();
    let observed = Observed::listed(t, Extent::Partial("on record".to_owned()), accounts, None);
    Ok(Look { rules, schema, ledger, observed: Ok(observed), broken: None })
}

fn account(rules: &TargetRules, key: &AccountKey, link: &Link) -> Option<Account> {
    Some(Account {
        id: link.id.clone()?,
        name: link.name.clone(),
        owner: Some(rules.owner_key(key)),
        state: link.state,
        version: None,
        attributes: BTreeMap::new(),
        partial: BTreeSet::new(),
        entitlements: link.grants.keys().map(|key| (key.clone(), How::Direct)).collect(),
        entitlements_complete: false,
        own_login: false,
    })
}
