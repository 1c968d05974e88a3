//! A target in memory: for tests, for cases and for trying things out. It runs through the same contract as every connector, and it can
//! be told to misbehave.
//!
//! A clone is the same target: one half is given away as `Reader` and `Writer`, the other plays the administrator beside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Batch, Done, Opened, Reader, Wanted, Write, Writer};
use crate::model::account::{Account, AccountKey, AccountState};
use crate::model::change::{Act, ChangeLine};
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName, OwnerKey, PersonId};
use crate::model::observed::{Extent, Lookup, Observed};
use crate::model::schema::{AttributeRule, Schema};
use crate::model::value::Value;

#[cfg(test)]
mod tests;

/// How one write goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and this is the answer.
    Refuse(Failure),
    /// It is done, and no answer comes back.
    Lose,
    /// It is not done and the call never returns: whoever waits drops it, as a kill does. See [`Memory::stopped`].
    StopBefore,
    /// It is done and the call never returns.
    StopAfter,
}

/// A target in memory.
#[derive(Debug, Clone)]
pub struct Memory {
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    state: Mutex<State>,
    stopped: Notify,
}

#[derive(Debug, Clone)]
struct State {
    schema: Schema,
    accounts: BTreeMap<AccountId, Account>,
    /// Those that exist, without a right.
    entitlements: BTreeSet<EntitlementKey>,
    /// The greatest number that was ever an id.
    last_id: u64,
    listing: Extent,
    unreachable: Option<Failure>,
    written: u64,
    faults: BTreeMap<u64, Fault>,
    log: Vec<ChangeLine>,
}

impl Memory {
    /// An empty target with this schema.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        let state = State {
            schema,
            accounts: BTreeMap::new(),
            entitlements: BTreeSet::new(),
            last_id: 0,
            listing: Extent::Complete,
            unreachable: None,
            written: 0,
            faults: BTreeMap::new(),
            log: Vec::new(),
        };
        Self { inside: Arc::new(Inside { state: Mutex::new(state), stopped: Notify::new() }) }
    }

    /// A schema with a name that is required, and unique whatever its letter case; ids are never given twice, entitlements of any kind
    /// can be made.
    #[must_use]
    pub fn plain_schema() -> Schema {
        let mut schema = Schema::default();
        schema.can.create_entitlements.insert(crate::model::schema::Capabilities::ANY_KIND.to_owned());
        let rule = AttributeRule { required: true, unique: true, ignore_case: true, ..AttributeRule::default() };
        schema.attributes.extend(user_name().map(|name| (name, rule)));
        schema
    }

    /// Another target, with the same in it as this one has now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { inside: Arc::new(Inside { state: Mutex::new(self.state().clone()), stopped: Notify::new() }) }
    }

    /// Both halves, as [`super::open`] gives them.
    #[must_use]
    pub fn open(&self) -> Opened {
        (Box::new(self.clone()), Box::new(self.clone()))
    }

    /// Puts an account there as it is, in place of one of the same id. What it holds exists from then on.
    pub fn put(&self, mut account: Account) {
        let mut state = self.state();
        account.attributes.extend(user_name().map(|name| (name, Value::Text(account.name.clone()))));
        state.entitlements.extend(account.entitlements.keys().map(plain));
        // No id is given again, not even that of an account which is taken away later.
        state.last_id = account.id.as_str().parse().unwrap_or(0).max(state.last_id);
        state.accounts.insert(account.id.clone(), account);
    }

    /// Takes an account away.
    pub fn remove(&self, id: &AccountId) {
        self.state().accounts.remove(id);
    }

    /// Makes an entitlement that can be granted.
    pub fn provide(&self, entitlement: &EntitlementKey) {
        self.state().entitlements.insert(plain(entitlement));
    }

    /// Gives an entitlement in another way than by name: seen as derived, and not removable.
    pub fn derive(&self, id: &AccountId, entitlement: EntitlementKey) {
        let mut state = self.state();
        state.entitlements.insert(plain(&entitlement));
        if let Some(account) = state.accounts.get_mut(id) {
            account.entitlements.insert(entitlement, How::Derived);
        }
    }

    /// Changes what `probe` says and how values are compared.
    pub fn set_schema(&self, schema: Schema) {
        self.state().schema = schema;
    }

    /// What listings say of themselves from now on.
    pub fn set_listing(&self, extent: Extent) {
        self.state().listing = extent;
    }

    /// Whether the target can be reached: with a failure every look ends in it, and so does every write.
    pub fn set_unreachable(&self, failure: Option<Failure>) {
        self.state().unreachable = failure;
    }

    /// Makes the `nth` write from now (the first is 1) go wrong.
    pub fn fault(&self, nth: u64, fault: Fault) {
        let mut state = self.state();
        let at = state.written + nth;
        state.faults.insert(at, fault);
    }

    /// Returns once a write has stopped at [`Fault::StopBefore`] or [`Fault::StopAfter`].
    pub async fn stopped(&self) {
        self.inside.stopped.notified().await;
    }

    /// All accounts, as they are.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        self.state().accounts.values().cloned().collect()
    }

    /// The account of that id, as it is.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<Account> {
        self.state().accounts.get(id).cloned()
    }

    /// What was changed through the writer, in order; what was so already is not in it.
    #[must_use]
    pub fn log(&self) -> Vec<ChangeLine> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inside.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Reader for Memory {
    async fn probe(&self) -> Result<Schema, Failure> {
        let state = self.state();
        state.unreachable.clone().map_or_else(|| Ok(state.schema.clone()), Err)
    }

    async fn list(&self, wanted: &Wanted) -> Result<Observed, Failure> {
        let state = self.state();
        if let Some(failure) = &state.unreachable {
            return Err(failure.clone());
        }
        let accounts = state.accounts.values().map(|account| shown(account, wanted)).collect();
        let mut members: BTreeMap<EntitlementKey, u32> = state.entitlements.iter().map(|key| (key.clone(), 0)).collect();
        for account in state.accounts.values() {
            for key in account.entitlements.keys() {
                *members.entry(key.clone()).or_insert(0) += u32::from(account.state == AccountState::Enabled);
            }
        }
        Ok(Observed::listed(wanted.began, state.listing.clone(), accounts, Some(members)))
    }

    async fn find(
        &self,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
        wanted: &Wanted,
    ) -> Result<Observed, Failure> {
        let state = self.state();
        if let Some(failure) = &state.unreachable {
            return Err(failure.clone());
        }
        let lookups: BTreeSet<Lookup> = people.values().flatten().cloned().collect();
        let found = state.accounts.values().filter(|account| lookups.iter().any(|lookup| state.answers(account, lookup)));
        let accounts = found.map(|account| shown(account, wanted)).collect();
        let members = entitlements.iter().filter(|key| state.entitlements.contains(&plain(key))).map(|key| {
            let holders = state.accounts.values().filter(|a| a.state == AccountState::Enabled && a.entitlements.contains_key(key));
            (key.clone(), holders.fold(0, |count, _| count + 1))
        });
        Ok(Observed::found(wanted.began, people.keys().cloned().collect(), accounts, lookups, Some(members.collect())))
    }
}

#[async_trait]
impl Writer for Memory {
    async fn write(&self, batch: &mut Batch) {
        let mut created: BTreeMap<AccountKey, Result<AccountId, Failure>> = BTreeMap::new();
        for (write, answer) in batch.writes.iter_mut().filter(|(_, answer)| answer.is_none()) {
            let (fault, done) = self.state().carry_out(write, &mut created);
            match fault {
                None | Some(Fault::Refuse(_)) => *answer = Some(done),
                Some(Fault::Lose) => {}
                Some(Fault::StopBefore | Fault::StopAfter) => {
                    self.inside.stopped.notify_one();
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    fn cost(&self, batch: &Batch) -> u32 {
        batch.writes.iter().filter(|(_, answer)| answer.is_none()).fold(0, |calls, _| calls + 1)
    }
}

impl State {
    fn answers(&self, account: &Account, lookup: &Lookup) -> bool {
        match lookup {
            Lookup::Id(id) => account.id == *id,
            Lookup::Owner(owner) => account.owner.as_ref() == Some(owner),
            Lookup::Attribute(attribute, value) => self.has(account, attribute, value),
        }
    }

    fn has(&self, account: &Account, attribute: &AttributeName, value: &str) -> bool {
        let texts = account.attributes.get(attribute).map(Value::texts).unwrap_or_default();
        texts.iter().any(|text| self.schema.fold(attribute, text) == self.schema.fold(attribute, value))
    }

    /// Does one write, unless a fault forbids it.
    fn carry_out(
        &mut self,
        write: &Write,
        created: &mut BTreeMap<AccountKey, Result<AccountId, Failure>>,
    ) -> (Option<Fault>, Result<Done, Failure>) {
        self.written += 1;
        let fault = self.faults.remove(&self.written);
        let done = match &fault {
            Some(Fault::Refuse(failure)) => Err(failure.clone()),
            Some(Fault::StopBefore) => Err(Failure::Unknown),
            None | Some(Fault::Lose | Fault::StopAfter) => match &self.unreachable {
                Some(failure) => Err(failure.clone()),
                None => self.act(write, created.get(write.change.key()).cloned()),
            },
        };
        if done.as_ref().is_ok_and(|done| !done.already) {
            self.log.push(write.change.line());
        }
        if let Act::Create { .. } = write.change.act() {
            let id = done.clone().and_then(|done| done.id.ok_or_else(|| Failure::Bug("an account without an id was made".to_owned())));
            created.insert(write.change.key().clone(), id);
        }
        (fault, done)
    }

    fn act(&mut self, write: &Write, created: Option<Result<AccountId, Failure>>) -> Result<Done, Failure> {
        let act = write.change.act();
        match act {
            Act::Create { name, state, .. } => return self.create(write, name, *state),
            Act::Provide(key) if self.schema.can.can_make(&key.kind) => {
                return Ok(Done { id: None, already: !self.entitlements.insert(plain(key)) });
            }
            Act::Provide(key) => return Err(Failure::Config(format!("entitlements of kind {} cannot be made here", key.kind))),
            Act::Enable | Act::Disable if !self.schema.can.disable => {
                return Err(Failure::Config("accounts cannot be shut here".to_owned()));
            }
            Act::EndSessions if !self.schema.can.end_sessions => {
                return Err(Failure::Config("sessions cannot be ended here".to_owned()));
            }
            Act::Grant(key) if !self.entitlements.contains(&plain(key)) => {
                return Err(Failure::Conflict(format!("{} does not exist", plain(key))));
            }
            Act::Own
            | Act::Set(..)
            | Act::Clear(_)
            | Act::Enable
            | Act::Disable
            | Act::EndSessions
            | Act::Delete
            | Act::Withdraw
            | Act::Grant(_)
            | Act::Revoke(_) => {}
        }
        let no_id = || Failure::Bug(format!("{} comes without an id and without a Create before it", act.verb()));
        let id = write.id.clone().map(Ok).or(created).ok_or_else(no_id)??;
        let Some(mut account) = self.accounts.get(&id).cloned() else {
            return match act {
                Act::Disable | Act::Delete | Act::Withdraw | Act::Revoke(_) | Act::EndSessions => Ok(Done { id: Some(id), already: true }),
                Act::Provide(_) | Act::Create { .. } | Act::Own | Act::Set(..) | Act::Clear(_) | Act::Enable | Act::Grant(_) => {
                    Err(Failure::Conflict(format!("account {id} is not there")))
                }
            };
        };
        let before = account.clone();
        match act {
            Act::Own => {
                self.no_other_has(&id, &write.owner)?;
                account.owner = Some(write.owner.clone());
            }
            Act::Set(attribute, value) => {
                let value = write.attributes.get(attribute).unwrap_or(value);
                self.put_value(&mut account, attribute, value)?;
            }
            Act::Clear(attribute) if self.schema.rule(attribute).required => {
                return Err(Failure::Invalid { attribute: attribute.clone(), why: "an account cannot be without it".to_owned() });
            }
            Act::Clear(attribute) => {
                account.attributes.remove(attribute);
            }
            Act::Enable => account.state = AccountState::Enabled,
            Act::Disable => account.state = AccountState::Disabled,
            Act::Delete | Act::Withdraw => {
                self.accounts.remove(&id);
                return Ok(Done { id: Some(id), already: false });
            }
            Act::Grant(key) => {
                account.entitlements.insert(key.clone(), How::Direct);
            }
            Act::Revoke(key) => {
                if account.entitlements.get(key) == Some(&How::Direct) {
                    account.entitlements.remove(key);
                }
            }
            // Sessions leave no trace here, so that ending them is never seen as done already.
            Act::EndSessions => return Ok(Done { id: Some(id), already: false }),
            Act::Provide(_) | Act::Create { .. } => {}
        }
        let already = account == before;
        self.accounts.insert(id.clone(), account);
        Ok(Done { id: Some(id), already })
    }

    fn create(&mut self, write: &Write, name: &str, state: AccountState) -> Result<Done, Failure> {
        self.last_id += 1;
        let id = AccountId::parse(self.last_id.to_string()).map_err(|error| Failure::Bug(error.to_string()))?;
        self.no_other_has(&id, &write.owner)?;
        let mut account = Account {
            id: id.clone(),
            name: name.to_owned(),
            owner: Some(write.owner.clone()),
            state,
            version: None,
            attributes: BTreeMap::new(),
            partial: BTreeSet::new(),
            entitlements: BTreeMap::new(),
            entitlements_complete: true,
            own_login: false,
        };
        if let Some(user_name) = user_name() {
            self.put_value(&mut account, &user_name, &Value::Text(name.to_owned()))?;
        }
        for (attribute, value) in &write.attributes {
            self.put_value(&mut account, attribute, value)?;
        }
        let lacking = self.schema.attributes.iter().find(|(attribute, rule)| rule.required && !account.attributes.contains_key(*attribute));
        if let Some((attribute, _)) = lacking {
            return Err(Failure::Invalid { attribute: attribute.clone(), why: "an account cannot be without it".to_owned() });
        }
        self.accounts.insert(id.clone(), account);
        Ok(Done { id: Some(id), already: false })
    }

    fn put_value(&self, account: &mut Account, attribute: &AttributeName, value: &Value) -> Result<(), Failure> {
        let rule = self.schema.rule(attribute);
        if matches!(value, Value::Account(_) | Value::Later(_)) {
            return Err(Failure::Bug(format!("{attribute} is to be written before it is known")));
        }
        if rule.read_only {
            return Err(Failure::Invalid { attribute: attribute.clone(), why: "it can only be read".to_owned() });
        }
        let texts = value.texts();
        let taken = |other: &&Account| other.id != account.id && texts.iter().any(|text| self.has(other, attribute, text));
        if rule.unique && self.accounts.values().any(|other| taken(&other)) {
            return Err(Failure::Conflict(format!("another account has this {attribute}")));
        }
        if attribute.as_str() == "userName" {
            account.name = texts.into_iter().next().unwrap_or_default();
        }
        account.attributes.insert(attribute.clone(), value.clone());
        Ok(())
    }

    fn no_other_has(&self, id: &AccountId, owner: &OwnerKey) -> Result<(), Failure> {
        match self.accounts.values().find(|other| other.id != *id && other.owner.as_ref() == Some(owner)) {
            Some(other) => Err(Failure::Conflict(format!("account {} has the owner key {owner} already", other.id))),
            None => Ok(()),
        }
    }
}

fn user_name() -> Option<AttributeName> {
    AttributeName::parse("userName").ok()
}

fn plain(key: &EntitlementKey) -> EntitlementKey {
    EntitlementKey { right: None, ..key.clone() }
}

/// The account with the wanted attributes alone, and its name.
fn shown(account: &Account, wanted: &Wanted) -> Account {
    let mut account = account.clone();
    account.attributes.retain(|name, _| name.as_str() == "userName" || wanted.attributes.contains(name));
    account
}
