//! The contract as a suite: what every connector must do, whatever its protocol.
//!
//! A [`Subject`] goes in (an open target with nothing of importance in it), a [`Report`] comes out. Each check works on people of its own,
//! goes the way that `apply` goes (look, proof, change, write, look again) and reads only what the target shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Batch, Done, Reader, Wanted, Write, Writer};
use crate::model::account::{Account, AccountKey, AccountState};
use crate::model::change::{Act, Cause, Change};
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AccountName, AttributeName, EntitlementName, NameError, OwnerKey, PersonId, RealmId, TargetName};
use crate::model::observed::{Lookup, Observed};
use crate::model::value::{Attributes, Value};

mod checks;
#[cfg(test)]
mod tests;

/// A target that is put to the test.
pub struct Subject<'a> {
    /// Reads it.
    pub reader: &'a dyn Reader,
    /// Writes it.
    pub writer: &'a dyn Writer,
    /// Its name.
    pub target: TargetName,
    /// A single-valued attribute that is free to write and not unique.
    pub attribute: AttributeName,
    /// An entitlement that exists, with nobody in it; nobody else changes it meanwhile.
    pub entitlement: EntitlementKey,
    /// Further texts that must read back as they were written, in the attribute and in owner keys.
    pub texts: Vec<String>,
}

/// What came of the checks, in their order: nothing, or what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Name of the check and its outcome.
    pub checks: Vec<(&'static str, Result<(), String>)>,
}

impl Report {
    /// Whether every check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|(_, outcome)| outcome.is_ok())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.checks {
            match outcome {
                Ok(()) => writeln!(f, "ok      {name}")?,
                Err(why) => writeln!(f, "FAILED  {name}: {why}")?,
            }
        }
        Ok(())
    }
}

/// Texts that break what is put together by hand.
const HOSTILE: [&str; 7] = [
    "'; DROP TABLE accounts; --",
    "\"quoted\" `ticks` [brackets]",
    "a/b#c%d%2Fe",
    "*)(uid=*))(|(uid=*\\",
    "zażółć 名前 \u{1F600} \u{202E}rtl",
    " leading, trailing and\ttab ",
    "${parameter} {{template}} $1 ?1 :name @name",
];

/// Runs all checks.
pub async fn run(subject: &Subject<'_>) -> Report {
    let mut report = Report::default();
    macro_rules! check {
        ($name:literal, $check:ident) => {
            report.checks.push(($name, subject.$check().await.map_err(|wrong| wrong.0)));
        };
    }
    check!("what it makes is found by id, owner key and attribute, and listed", made_is_found);
    check!("what is not there is missing, by a look that answers", absent_is_missing);
    check!("a second create of the same account is a conflict and makes none", created_once);
    check!("a second create of the same name is a conflict and makes none", name_once);
    check!("an account can be made shut", made_shut);
    check!("attributes are set and cleared, once", set_and_clear);
    check!("texts read back as they were written", texts_survive);
    check!("accounts are shut and opened, once", shut_and_open);
    check!("entitlements are granted and revoked, once", grant_and_revoke);
    check!("a look counts enabled members", members_are_counted);
    check!("an unknown entitlement is refused and named, and does not exist", unknown_entitlement);
    check!("an owner key is written over, and reads back whatever is in it", owner_keys);
    check!("a deleted account is gone with what it held; again is no failure", delete);
    check!("an id is never given twice", ids_are_stable);
    check!("what takes away from an account that is gone is done already, what gives is a conflict", absent_accounts);
    check!("writes that follow a create of their batch reach the new account", one_batch);
    check!("one bad account stops no other of its batch", bad_account);
    check!("a write that has its answer is passed over", answered_writes);
    report
}

/// What is wrong.
struct Wrong(String);

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self(format!("unexpected failure: {failure}"))
    }
}

impl From<NameError> for Wrong {
    fn from(error: NameError) -> Self {
        Self(format!("the suite made a bad name: {error}"))
    }
}

type Outcome<T = ()> = Result<T, Wrong>;

fn ensure(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(Wrong(what.into())) }
}

fn same<T: PartialEq + fmt::Debug>(what: &str, left: T, right: T) -> Outcome {
    ensure(left == right, format!("{what}: {left:?}, and not {right:?}"))
}

/// What the checks are made of.
impl Subject<'_> {
    fn key(&self, person: &str) -> Outcome<AccountKey> {
        let person = PersonId::parse(format!("contract-{person}"))?;
        Ok(AccountKey { person, target: self.target.clone(), account: AccountName::ordinary() })
    }

    fn name(&self, key: &AccountKey) -> String {
        key.person.as_str().to_owned()
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        HOSTILE.into_iter().chain(self.texts.iter().map(String::as_str))
    }

    fn wanted(&self) -> Wanted {
        Wanted { attributes: BTreeSet::from([self.attribute.clone()]), ..Wanted::default() }
    }

    fn by_all(&self, key: &AccountKey) -> Outcome<Vec<Lookup>> {
        Ok(vec![Lookup::Owner(owner(key)?), Lookup::Attribute(AttributeName::parse("userName")?, self.name(key))])
    }

    async fn look(&self, key: &AccountKey, by: Vec<Lookup>) -> Outcome<Observed> {
        Ok(self.reader.find(&BTreeMap::from([(key.person.clone(), by)]), &BTreeSet::new(), &self.wanted()).await?)
    }

    async fn account(&self, key: &AccountKey, id: &AccountId) -> Outcome<Account> {
        let seen = self.look(key, vec![Lookup::Id(id.clone())]).await?;
        seen.account(id).cloned().ok_or_else(|| Wrong(format!("account {id} is not found by its id")))
    }

    async fn value(&self, key: &AccountKey, id: &AccountId) -> Outcome<Option<Value>> {
        Ok(self.account(key, id).await?.attributes.get(&self.attribute).cloned())
    }

    /// Enabled members as `find` and as `list` count them.
    async fn members(&self) -> Outcome<(Option<u32>, Option<u32>)> {
        let found = self.reader.find(&BTreeMap::new(), &BTreeSet::from([self.entitlement.clone()]), &self.wanted()).await?;
        let listed = self.reader.list(&self.wanted()).await?;
        Ok((found.members(&self.entitlement), listed.members(&self.entitlement)))
    }

    async fn create_change(&self, key: &AccountKey, name: &str, state: AccountState) -> Outcome<Change> {
        let by = vec![Lookup::Owner(owner(&self.key("never-made")?)?)];
        let missing = self.look(key, by.clone()).await?.missing(&by);
        let missing = missing.ok_or_else(|| Wrong("an answered look gives no proof that nothing is there".to_owned()))?;
        Ok(Change::create(key.clone(), missing, name.to_owned(), state, Attributes::new(), Vec::new()))
    }

    async fn creation(&self, key: &AccountKey, state: AccountState) -> Outcome<Write> {
        let mut write = self.follow(self.create_change(key, &self.name(key), state).await?)?;
        write.attributes.insert(self.attribute.clone(), Value::Text("first".to_owned()));
        Ok(write)
    }

    /// A write without an id.
    fn follow(&self, change: Change) -> Outcome<Write> {
        Ok(Write { id: None, owner: owner(change.key())?, attributes: Attributes::new(), password: None, change })
    }

    async fn write_of(&self, key: &AccountKey, id: &AccountId, act: &Act) -> Outcome<Write> {
        let observed = self.look(key, vec![Lookup::Id(id.clone())]).await?;
        let seen = observed.seen(id).ok_or_else(|| Wrong(format!("account {id} is not found by its id")))?;
        let change = Change::of(key.clone(), seen, act.clone(), Cause::Policy, Vec::new());
        let mut write = Write { id: Some(id.clone()), ..self.follow(change)? };
        if let Act::Set(attribute, value) = act {
            write.attributes.insert(attribute.clone(), value.clone());
        }
        Ok(write)
    }

    /// Sends a batch; every write must come back answered, in its place, and the cost must be a sensible number.
    async fn all(&self, writes: Vec<Write>) -> Outcome<Vec<(Write, Result<Done, Failure>)>> {
        let lines: Vec<_> = writes.iter().map(|write| write.change.line()).collect();
        let mut batch = Batch { writes: writes.into_iter().map(|write| (write, None)).collect() };
        let cost = self.writer.cost(&batch);
        ensure(cost > 0, "a batch with writes costs no call")?;
        self.writer.write(&mut batch).await;
        same("the order of the batch", batch.writes.iter().map(|(write, _)| write.change.line()).collect::<Vec<_>>(), lines)?;
        let mut answers = Vec::new();
        for (write, answer) in batch.writes {
            let answer = answer.ok_or_else(|| Wrong(format!("no answer to {}", write.change.line())))?;
            answers.push((write, answer));
        }
        Ok(answers)
    }

    async fn one(&self, write: Write) -> Outcome<Result<Done, Failure>> {
        let (_, answer) = self.all(vec![write]).await?.pop().ok_or_else(|| Wrong("the batch came back empty".to_owned()))?;
        Ok(answer)
    }

    async fn act(&self, key: &AccountKey, id: &AccountId, act: &Act) -> Outcome<Result<Done, Failure>> {
        let write = self.write_of(key, id, act).await?;
        self.one(write).await
    }

    /// Done first, done already then; the answer names the account both times.
    async fn twice(&self, key: &AccountKey, id: &AccountId, act: &Act) -> Outcome {
        for already in [false, true] {
            same(act.verb(), self.act(key, id, act).await??, Done { id: Some(id.clone()), already })?;
        }
        Ok(())
    }

    async fn make(&self, key: &AccountKey) -> Outcome<AccountId> {
        let write = self.creation(key, AccountState::Enabled).await?;
        made(self.one(write).await?)
    }
}

fn owner(key: &AccountKey) -> Outcome<OwnerKey> {
    Ok(OwnerKey { realm: RealmId::parse("contract")?, person: key.person.clone(), account: key.account.clone() })
}

/// The id of what was done, and not done already.
fn made(answer: Result<Done, Failure>) -> Outcome<AccountId> {
    let done = answer?;
    ensure(!done.already, "it was done already")?;
    done.id.ok_or_else(|| Wrong("the answer names no account".to_owned()))
}
