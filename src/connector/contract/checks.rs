//! The checks themselves, each on people of its own.

use super::*;

impl Subject<'_> {
    pub(super) async fn made_is_found(&self) -> Outcome {
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

    pub(super) async fn absent_is_missing(&self) -> Outcome {
        let key = self.key("absent")?;
        let by = self.by_all(&key)?;
        let seen = self.look(&key, by.clone()).await?;
        same("accounts seen", seen.accounts().count(), 0)?;
        ensure(seen.missing(&by).is_some(), "an answered look gives no proof that nothing is there")
    }

    pub(super) async fn created_once(&self) -> Outcome {
        let key = self.key("once")?;
        let first = self.creation(&key, AccountState::Enabled).await?;
        let mut second = self.creation(&key, AccountState::Enabled).await?;
        // Another name: the owner key alone must tell.
        second.change = self.create_change(&key, "contract-once-other", AccountState::Enabled).await?;
        self.one(first).await??;
        ensure(matches!(self.one(second).await?, Err(Failure::Conflict(_))), "the second create was no conflict")?;
        same("accounts of that owner", self.look(&key, vec![Lookup::Owner(owner(&key)?)]).await?.accounts().count(), 1)
    }

    pub(super) async fn name_once(&self) -> Outcome {
        let (key, other) = (self.key("name")?, self.key("name-other")?);
        let mut second = self.creation(&other, AccountState::Enabled).await?;
        second.change = self.create_change(&other, &self.name(&key), AccountState::Enabled).await?;
        self.make(&key).await?;
        ensure(matches!(self.one(second).await?, Err(Failure::Conflict(_))), "the second create was no conflict")?;
        same("accounts of the second owner", self.look(&other, vec![Lookup::Owner(owner(&other)?)]).await?.accounts().count(), 0)
    }

    pub(super) async fn made_shut(&self) -> Outcome {
        let key = self.key("shut")?;
        let write = self.creation(&key, AccountState::Disabled).await?;
        let id = made(self.one(write).await?)?;
        same("its state", self.account(&key, &id).await?.state, AccountState::Disabled)
    }

    pub(super) async fn set_and_clear(&self) -> Outcome {
        let key = self.key("set")?;
        let id = self.make(&key).await?;
        let set = Act::Set(self.attribute.clone(), Value::Text("second".to_owned()));
        self.twice(&key, &id, &set).await?;
        same("set", self.value(&key, &id).await?, Some(Value::Text("second".to_owned())))?;
        self.twice(&key, &id, &Act::Clear(self.attribute.clone())).await?;
        same("cleared", self.value(&key, &id).await?, None)
    }

    pub(super) async fn texts_survive(&self) -> Outcome {
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

    pub(super) async fn shut_and_open(&self) -> Outcome {
        let key = self.key("state")?;
        let id = self.make(&key).await?;
        for (act, state) in [(Act::Disable, AccountState::Disabled), (Act::Enable, AccountState::Enabled)] {
            self.twice(&key, &id, &act).await?;
            same(act.verb(), self.account(&key, &id).await?.state, state)?;
        }
        Ok(())
    }

    pub(super) async fn grant_and_revoke(&self) -> Outcome {
        let key = self.key("grant")?;
        let id = self.make(&key).await?;
        self.twice(&key, &id, &Act::Grant(self.entitlement.clone())).await?;
        let account = self.account(&key, &id).await?;
        ensure(account.entitlements_complete, "the look does not say that it shows all entitlements")?;
        same("granted", account.entitlements, BTreeMap::from([(self.entitlement.clone(), How::Direct)]))?;
        self.twice(&key, &id, &Act::Revoke(self.entitlement.clone())).await?;
        same("revoked", self.account(&key, &id).await?.entitlements, BTreeMap::new())
    }

    pub(super) async fn members_are_counted(&self) -> Outcome {
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

    pub(super) async fn unknown_entitlement(&self) -> Outcome {
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

    pub(super) async fn owner_keys(&self) -> Outcome {
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

    pub(super) async fn delete(&self) -> Outcome {
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

    pub(super) async fn ids_are_stable(&self) -> Outcome {
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

    pub(super) async fn absent_accounts(&self) -> Outcome {
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

    pub(super) async fn one_batch(&self) -> Outcome {
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

    pub(super) async fn bad_account(&self) -> Outcome {
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

    pub(super) async fn answered_writes(&self) -> Outcome {
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
