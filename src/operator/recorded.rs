//! A realm as the cluster has it on record: what is declared, what the statuses remember, and what follows. Read for people who ask why,
//! and by whoever answers what is held; no target is asked, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};
use tokio::time::{Duration, timeout};

use super::object::{input, resource};
use super::status::StatusLedgers;
use super::watch::said;
use crate::api::target::TargetSystemSpec;
use crate::apply::run::{compile_with, unmapped};
use crate::ledger::{LedgerStore as _, StoreError};
use crate::model::account::{Account, AccountKey};
use crate::model::entitlement::How;
use crate::model::ids::{NameError, RealmId, TargetName};
use crate::model::ledger::{Ledger, Link};
use crate::model::observed::{Extent, Observed};
use crate::model::schema::Schema;
use crate::plan::decided::decide_all;
use crate::plan::places::ObjectPlaces;
use crate::plan::round::{Look, Round, plan_round};
use crate::plan::rules::{RulesError, TargetRules};
use crate::plan::why::Known;
use crate::policy::{Compiled, PolicyError};
use crate::realm::index::Realm;
use crate::realm::input::Frozen;
use crate::realm::object::{Object, ResourceKind, Unreadable};

/// How long one page may take.
const SOON: Duration = Duration::from_secs(60);

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
    /// What is remembered of each target.
    pub looks: BTreeMap<TargetName, Look>,
    /// What follows.
    pub round: Round,
    /// The policies, or all that is wrong with them.
    pub compiled: Result<Compiled, Vec<PolicyError>>,
    /// The ledgers of targets that nobody declares.
    pub others: BTreeMap<TargetName, Ledger>,
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
        for kind in ResourceKind::all() {
            let mut objects: Vec<Object> = Vec::new();
            for object in list(client, namespace, kind).await? {
                match input(kind, object).filter(|entry| !entry.leaving).and_then(|entry| entry.said) {
                    Some(Ok(object)) => objects.push(object),
                    Some(Err(torn)) => unreadable.push(torn),
                    None => {}
                }
            }
            realm.replace(kind, objects);
        }
        if let Some(id) = realm.spec().and_then(|spec| spec.id.clone()) {
            realm.rename(RealmId::parse(id)?);
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
            let ledger = others.remove(&name).unwrap_or_else(|| Ledger::new(name.clone()));
            looks.insert(name.clone(), look(&realm, name, &target.spec, ledger, t)?);
        }
        let compiled = compile_with(&realm, &mut looks);
        let broken = Frozen::new("the policies do not compile", "");
        let rules = looks.iter().map(|(name, look)| (name.clone(), look.rules.clone())).collect();
        let ledgers = others.clone().into_iter().chain(looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone()))).collect();
        let decided = decide_all(&realm, compiled.as_ref().map_err(|_| &broken), &rules, &ledgers, t);
        let round = plan_round(&realm, decided, &looks, None, t);
        Ok(Self { realm, looks, round, compiled, others, held, places: ObjectPlaces::new(), t })
    }

    /// What questions are put to.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        Known {
            realm: &self.realm,
            looks: &self.looks,
            round: &self.round,
            compiled: self.compiled.as_ref().ok(),
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

async fn list(client: &Client, namespace: &str, kind: ResourceKind) -> Result<Vec<DynamicObject>, RecordedError> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource(kind));
    let failed = |why: String| RecordedError::List { kind, namespace: namespace.to_owned(), why };
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(500);
    loop {
        let page = timeout(SOON, api.list(&params)).await.map_err(|_| failed("the API server does not answer".to_owned()))?;
        let page = page.map_err(|error| failed(said(&error)))?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(all),
        }
    }
}
