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

impl Subject<'_> {
    async fn made_is_found(&self) -> Outcome {
        let key = self.key("found")?;
        let id = self.make(&key).await?;
        let name = AttributeName::parse("userName")?;
        for by in [Lookup::Id(id.clone()), Lookup::Owner(owner(&key)?), Lookup::Attribute(name, self.name(&key))] {
            let seen = self.look(&key, vec![by.clone()]).await?;
            let ids: Vec<_> = seen.accounts().map(|account| account.id.clone()).collect();
            same(&format!("found by {by:?}"), ids, vec![id.clone()])?;
        }
        let listed = self.reader.list(&self.wanted()).await?;
        ensure(listed.is_whole(), "the listing is not complete")?;
        let account = listed.account(&id).ok_or_else(|| Wrong("the listing does not show it".to_owned()))?;
        same("its name", account.name.as_str(), &self.name(&key))?;
        same("its owner key", account.owner.as_ref(), Some(&owner(&key)?))?;
        same("its state", account.state, AccountState::Enabled)?;
        same("its attribute", account.attributes.get(&self.attribute), Some(&Value::Text("first".to_owned())))?;
        same("found and listed", &self.account(&key, &id).await?, account)
    }

    async fn absent_is_missing(&self) -> Outcome {
        let key = self.key("absent")?;
        let by = self.by_all(&key)?;
        let seen = self.look(&key, by.clone()).await?;
        same("accounts seen", seen.accounts().count(), 0)?;
        ensure(seen.missing(&by).is_some(), "an answered look gives no proof that nothing is there")
    }

    async fn created_once(&self) -> Outcome {
        let key = self.key("once")?;
        let first = self.creation(&key, AccountState::Enabled).await?;
        let mut second = self.creation(&key, AccountState::Enabled).await?;
        // Another name: the owner key alone must tell.
        second.change = self.create_change(&key, "contract-once-other", AccountState::Enabled).await?;
        self.one(first).await??;
        ensure(matches!(self.one(second).await?, Err(Failure::Conflict(_))), "the second create was no conflict")?;
        same("accounts of that owner", self.look(&key, vec![Lookup::Owner(owner(&key)?)]).await?.accounts().count(), 1)
    }

    async fn name_once(&self) -> Outcome {
        let (key, other) = (self.key("name")?, self.key("name-other")?);
        let mut second = self.creation(&other, AccountState::Enabled).await?;
        second.change = self.create_change(&other, &self.name(&key), AccountState::Enabled).await?;
        self.make(&key).await?;
        ensure(matches!(self.one(second).await?, Err(Failure::Conflict(_))), "the second create was no conflict")?;
        same("accounts of the second owner", self.look(&other, vec![Lookup::Owner(owner(&other)?)]).await?.accounts().count(), 0)
    }

    async fn made_shut(&self) -> Outcome {
        let key = self.key("shut")?;
        let write = self.creation(&key, AccountState::Disabled).await?;
        let id = made(self.one(write).await?)?;
        same("its state", self.account(&key, &id).await?.state, AccountState::Disabled)
    }

    async fn set_and_clear(&self) -> Outcome {
        let key = self.key("set")?;
        let id = self.make(&key).await?;
        let set = Act::Set(self.attribute.clone(), Value::Text("second".to_owned()));
        self.twice(&key, &id, &set).await?;
        same("set", self.value(&key, &id).await?, Some(Value::Text("second".to_owned())))?;
        self.twice(&key, &id, &Act::Clear(self.attribute.clone())).await?;
        same("cleared", self.value(&key, &id).await?, None)
    }

    async fn texts_survive(&self) -> Outcome {
        let key = self.key("texts")?;
        let id = self.make(&key).await?;
        for text in self.texts() {
            let value = Value::Text(text.to_owned());
            self.act(&key, &id, &Act::Set(self.attribute.clone(), value.clone())).await??;
            same("what was set", self.value(&key, &id).await?, Some(value.clone()))?;
            let by = Lookup::Attribute(self.attribute.clone(), text.to_owned());
            let found = self.look(&key, vec![by]).await?;
            ensure(found.seen(&id).is_some(), format!("not found by the attribute's value {value}"))?;
        }
        Ok(())
    }

    async fn shut_and_open(&self) -> Outcome {
        let key = self.key("state")?;
        let id = self.make(&key).await?;
        for (act, state) in [(Act::Disable, AccountState::Disabled), (Act::Enable, AccountState::Enabled)] {
            self.twice(&key, &id, &act).await?;
            same(act.verb(), self.account(&key, &id).await?.state, state)?;
        }
        Ok(())
    }

    async fn grant_and_revoke(&self) -> Outcome {
        let key = self.key("grant")?;
        let id = self.make(&key).await?;
        self.twice(&key, &id, &Act::Grant(self.entitlement.clone())).await?;
        let account = self.account(&key, &id).await?;
        ensure(account.entitlements_complete, "the look does not say that it shows all entitlements")?;
        same("granted", account.entitlements, BTreeMap::from([(self.entitlement.clone(), How::Direct)]))?;
        self.twice(&key, &id, &Act::Revoke(self.entitlement.clone())).await?;
        same("revoked", self.account(&key, &id).await?.entitlements, BTreeMap::new())
    }

    async fn members_are_counted(&self) -> Outcome {
        let (one, two) = (self.key("member-one")?, self.key("member-two")?);
        let (first, second) = (self.make(&one).await?, self.make(&two).await?);
        for (key, id) in [(&one, &first), (&two, &second)] {
            self.act(key, id, &Act::Grant(self.entitlement.clone())).await??;
        }
        same("both enabled", self.members().await?, (Some(2), Some(2)))?;
        self.act(&one, &first, &Act::Disable).await??;
        same("one of two enabled", self.members().await?, (Some(1), Some(1)))?;
        for (key, id) in [(&one, &first), (&two, &second)] {
            self.act(key, id, &Act::Revoke(self.entitlement.clone())).await??;
        }
        same("nobody", self.members().await?, (Some(0), Some(0)))
    }

    async fn unknown_entitlement(&self) -> Outcome {
        let key = self.key("unknown")?;
        let id = self.make(&key).await?;
        let unknown = EntitlementKey { name: EntitlementName::parse("contract-nobody-made-this")?, ..self.entitlement.clone() };
        match self.act(&key, &id, &Act::Grant(unknown.clone())).await? {
            Err(failure @ (Failure::Conflict(_) | Failure::Invalid { .. })) => {
                let text = failure.to_string();
                ensure(text.contains("contract-nobody-made-this"), format!("the failure does not name it: {text}"))?;
            }
            other => return Err(Wrong(format!("the grant gave {other:?}"))),
        }
        same("what the account holds", self.account(&key, &id).await?.entitlements, BTreeMap::new())?;
        let seen = self.reader.find(&BTreeMap::new(), &BTreeSet::from([unknown.clone(), self.entitlement.clone()]), &self.wanted()).await?;
        same("it exists", seen.exists(&unknown), Some(false))?;
        same("the other exists", seen.exists(&self.entitlement), Some(true))
    }

    async fn owner_keys(&self) -> Outcome {
        let key = self.key("owner")?;
        let id = self.make(&key).await?;
        let mut last = owner(&key)?;
        for text in self.texts() {
            let next = OwnerKey {
                realm: RealmId::parse(text)?,
                person: PersonId::parse(format!("contract {text}"))?,
                account: AccountName::new(text),
            };
            let mut write = self.write_of(&key, &id, &Act::Own).await?;
            write.owner = next.clone();
            self.one(write).await??;
            let seen = self.look(&key, vec![Lookup::Owner(next.clone())]).await?;
            same("the owner key", seen.account(&id).and_then(|account| account.owner.clone()), Some(next.clone()))?;
            same("accounts of the former owner key", self.look(&key, vec![Lookup::Owner(last)]).await?.accounts().count(), 0)?;
            last = next;
        }
        Ok(())
    }

    async fn delete(&self) -> Outcome {
        let key = self.key("delete")?;
        let id = self.make(&key).await?;
        self.act(&key, &id, &Act::Grant(self.entitlement.clone())).await??;
        let again = self.write_of(&key, &id, &Act::Delete).await?;
        ensure(!self.act(&key, &id, &Act::Delete).await??.already, "the first delete was done already")?;
        ensure(self.look(&key, self.by_all(&key)?).await?.missing(&self.by_all(&key)?).is_some(), "no proof that it is gone")?;
        same("accounts left", self.look(&key, self.by_all(&key)?).await?.accounts().count(), 0)?;
        same("members left", self.members().await?, (Some(0), Some(0)))?;
        ensure(self.one(again).await??.already, "the second delete was not done already")
    }

    async fn ids_are_stable(&self) -> Outcome {
        if !self.reader.probe().await?.can.stable_ids {
            return Ok(());
        }
        let (key, other) = (self.key("stable")?, self.key("stable-other")?);
        let id = self.make(&key).await?;
        let user_name = AttributeName::parse("userName")?;
        self.act(&key, &id, &Act::Set(user_name, Value::Text("contract-stable-renamed".to_owned()))).await??;
        same("the name of the same id", self.account(&key, &id).await?.name, "contract-stable-renamed".to_owned())?;
        self.act(&key, &id, &Act::Delete).await??;
        ensure(self.make(&other).await? != id, format!("the id {id} of a deleted account was given again"))
    }

    async fn absent_accounts(&self) -> Outcome {
        let key = self.key("gone")?;
        let id = self.make(&key).await?;
        let takes = [Act::Disable, Act::Revoke(self.entitlement.clone())];
        let value = Value::Text("late".to_owned());
        let gives = [Act::Enable, Act::Set(self.attribute.clone(), value), Act::Grant(self.entitlement.clone()), Act::Own];
        let mut writes = Vec::new();
        for act in takes.iter().chain(&gives) {
            writes.push(self.write_of(&key, &id, act).await?);
        }
        self.act(&key, &id, &Act::Delete).await??;
        for (place, (write, answer)) in self.all(writes).await?.into_iter().enumerate() {
            let verb = write.change.act().verb();
            if place < takes.len() {
                ensure(answer?.already, format!("{verb} was not done already"))?;
            } else {
                ensure(matches!(answer, Err(Failure::Conflict(_))), format!("{verb} gave {answer:?}"))?;
            }
        }
        same("accounts left", self.look(&key, self.by_all(&key)?).await?.accounts().count(), 0)
    }

    async fn one_batch(&self) -> Outcome {
        let key = self.key("batch")?;
        let create = self.creation(&key, AccountState::Enabled).await?;
        let grant = self.follow(Change::grant(key.clone(), None, self.entitlement.clone(), Vec::new()))?;
        let answers = self.all(vec![create, grant]).await?;
        let mut ids = BTreeSet::new();
        for (_, answer) in answers {
            ids.insert(made(answer)?);
        }
        same("ids in the answers", ids.len(), 1)?;
        let id = ids.into_iter().next().ok_or_else(|| Wrong("no id".to_owned()))?;
        ensure(self.account(&key, &id).await?.entitlements.contains_key(&self.entitlement), "the grant did not reach it")?;
        self.act(&key, &id, &Act::Revoke(self.entitlement.clone())).await?.map(drop).map_err(Wrong::from)
    }

    async fn bad_account(&self) -> Outcome {
        let (before, bad, after) = (self.key("bad-before")?, self.key("bad")?, self.key("bad-after")?);
        let taken = self.key("bad-taken")?;
        self.make(&taken).await?;
        let mut refused = self.creation(&bad, AccountState::Enabled).await?;
        refused.change = self.create_change(&bad, &self.name(&taken), AccountState::Enabled).await?;
        let grant = self.follow(Change::grant(bad.clone(), None, self.entitlement.clone(), Vec::new()))?;
        let (first, last) = (self.creation(&before, AccountState::Enabled).await?, self.creation(&after, AccountState::Enabled).await?);
        let answers: Vec<_> = self.all(vec![first, refused, grant, last]).await?.into_iter().map(|(_, answer)| answer.is_ok()).collect();
        same("done: before, the bad one, what follows it, after", answers, vec![true, false, false, true])?;
        for (key, count) in [(&before, 1), (&bad, 0), (&after, 1)] {
            same(&format!("accounts of {key}"), self.look(key, vec![Lookup::Owner(owner(key)?)]).await?.accounts().count(), count)?;
        }
        Ok(())
    }

    async fn answered_writes(&self) -> Outcome {
        let (key, open) = (self.key("answered")?, self.key("answered-not")?);
        let earlier = Err(Failure::Denied("answered before".to_owned()));
        let mut batch = Batch::default();
        batch.writes.push((self.creation(&key, AccountState::Enabled).await?, Some(earlier.clone())));
        batch.writes.push((self.creation(&open, AccountState::Enabled).await?, None));
        self.writer.write(&mut batch).await;
        let mut answers = batch.writes.into_iter().map(|(_, answer)| answer);
        same("the earlier answer", answers.next().flatten(), Some(earlier))?;
        ensure(matches!(answers.next().flatten(), Some(Ok(_))), "the open write was not done")?;
        same("accounts made by the answered write", self.look(&key, vec![Lookup::Owner(owner(&key)?)]).await?.accounts().count(), 0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::memory::{Fault, Memory};

    /// A suite that a broken connector passes proves nothing.
    #[tokio::test]
    async fn a_connector_that_misbehaves_does_not_pass() {
        let cut = crate::model::observed::Extent::Partial("cut".to_owned());
        type Break = Box<dyn Fn(&Memory)>;
        let rows: Vec<(&str, Break)> = vec![
            ("an answer is lost", Box::new(|memory| memory.fault(5, Fault::Lose))),
            ("a write is refused", Box::new(|memory| memory.fault(9, Fault::Refuse(Failure::Denied("no".to_owned()))))),
            ("listings are partial", Box::new(move |memory| memory.set_listing(cut.clone()))),
            ("the name is not unique", Box::new(|memory| memory.set_schema(crate::model::schema::Schema::default()))),
        ];
        for (name, make_bad) in rows {
            let memory = Memory::new(Memory::plain_schema());
            let entitlement = EntitlementKey::parse("dir/group/staff").unwrap();
            memory.provide(&entitlement);
            make_bad(&memory);
            let subject = Subject {
                reader: &memory,
                writer: &memory,
                target: TargetName::parse("dir").unwrap(),
                attribute: AttributeName::parse("title").unwrap(),
                entitlement,
                texts: Vec::new(),
            };
            let report = run(&subject).await;
            assert!(!report.passed(), "{name}: {report}");
            assert!(report.to_string().contains("FAILED"), "{name}");
        }
    }
}
