//! What of a plan may still go: what was read may not be what is declared any more, and who was touched meanwhile is looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::barrier::Positions;
use super::fresh::{Freshness, Stands};
use crate::apply::target::Oversight;
use crate::model::change::{Act, Change};
use crate::model::ids::{ObjectName, PersonId, RealmId, TargetName};
use crate::plan::guard::{GuardedPlan, must_last};

/// How long the inputs may take to be read up to now before a removal is put off.
const BARRIER: Duration = Duration::from_secs(15);

/// Who was touched since a look began, and whether somebody must go first.
#[derive(Debug, Default)]
pub struct Touched {
    people: Mutex<BTreeSet<PersonId>>,
    everybody: AtomicBool,
    urgent: AtomicBool,
    /// Nobody declares the target any more.
    stopped: AtomicBool,
}

impl Touched {
    /// A look begins: what was touched before does not matter to it.
    pub fn begin(&self) {
        self.people().clear();
        self.everybody.store(false, Ordering::SeqCst);
        self.urgent.store(false, Ordering::SeqCst);
    }

    /// These people are touched: what was planned for them is not sent any more.
    pub fn touch(&self, people: impl IntoIterator<Item = PersonId>) {
        self.people().extend(people);
    }

    /// Everybody is touched.
    pub fn touch_everybody(&self) {
        self.everybody.store(true, Ordering::SeqCst);
    }

    /// Nothing more is sent.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.hurry();
    }

    /// Somebody has to be shut out: what is under way stops between two batches.
    pub fn hurry(&self) {
        self.urgent.store(true, Ordering::SeqCst);
    }

    /// Whoever must be out does not wait for what touches everybody: their own object was read again.
    fn stops(&self, change: &Change) -> bool {
        let at_once = change.act().removes() && !must_last(change);
        self.stopped.load(Ordering::SeqCst)
            || !at_once && self.everybody.load(Ordering::SeqCst)
            || self.people().contains(&change.key().person)
    }

    /// Somebody must go first.
    async fn hurried(&self) {
        while !self.urgent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn people(&self) -> MutexGuard<'_, BTreeSet<PersonId>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one plan may still send.
pub struct Clearance<'a> {
    touched: &'a Touched,
    /// Removals that have to last are put off.
    put_off: bool,
    /// People whose objects are others by now: nothing is taken from them.
    changed: BTreeSet<PersonId>,
    /// The namespace or a kind of ours is being deleted, and says nothing about people any more.
    ends: bool,
    /// The realm has another id than the one that keys would be written with.
    renamed: bool,
}

impl<'a> Clearance<'a> {
    /// Reads past every cache what this plan depends on. `declared`: the Person objects that it was made from, with their generations.
    pub async fn of(
        plan: &GuardedPlan,
        realm: &RealmId,
        declared: &BTreeMap<PersonId, Vec<(ObjectName, i64)>>,
        touched: &'a Touched,
        positions: &Positions,
        freshness: &Freshness,
    ) -> Self {
        let target = &plan.plan().target;
        let (lasting, at_once): (Vec<&Change>, Vec<&Change>) =
            plan.sent().filter(|change| change.act().removes()).partition(|change| must_last(change));
        let takes = !lasting.is_empty() || !at_once.is_empty();
        let ends = plan.sent().next().is_some() && realm_ends(takes, freshness, target).await;
        let renamed = plan.sent().any(signs) && is_renamed(realm, freshness, target).await;
        let put_off = !lasting.is_empty() && !is_read_up_to_now(touched, positions, freshness, target).await;
        let people: BTreeSet<&PersonId> = at_once.iter().map(|change| &change.key().person).collect();
        let declared = declared.iter().filter(|(person, _)| people.contains(person));
        let changed = freshness.changed(declared.map(|(person, objects)| (person.clone(), objects.clone())).collect()).await;
        Self { touched, put_off, changed, ends, renamed }
    }
}

impl Oversight for Clearance<'_> {
    fn passes(&self, change: &Change) -> bool {
        let put_off = self.put_off && must_last(change);
        let changed = change.act().removes() && self.changed.contains(&change.key().person);
        !(put_off || changed || self.touched.stops(change) || self.ends || self.renamed && signs(change))
    }

    fn yields(&self) -> bool {
        self.touched.urgent.load(Ordering::SeqCst)
    }
}

/// Whether it writes an owner key.
fn signs(change: &Change) -> bool {
    matches!(change.act(), Act::Create { .. } | Act::Own)
}

/// Whether namespace or, where anything is taken away, kinds are being deleted.
async fn realm_ends(takes: bool, freshness: &Freshness, target: &TargetName) -> bool {
    let stands = if takes { freshness.stands().await } else { freshness.namespace_stands().await };
    match stands {
        Ok(Stands::No(what)) => {
            tracing::info!(target_system = %target, %what, "nothing is sent");
            true
        }
        // Where nothing can be read, nothing can be recorded either, and so nothing is sent.
        Ok(Stands::Yes) | Err(_) => false,
    }
}

/// An owner key is written for ever: a Realm that was declared a moment ago may name another id.
async fn is_renamed(realm: &RealmId, freshness: &Freshness, target: &TargetName) -> bool {
    let why = match freshness.realm_id().await {
        Ok(id) if id == realm.as_str() => return false,
        Ok(id) => format!("the realm's id is {id} by now"),
        Err(why) => why,
    };
    tracing::info!(target_system = %target, %why, "no key is written");
    true
}

/// Whether everything that has been declared up to now was taken in.
async fn is_read_up_to_now(touched: &Touched, positions: &Positions, freshness: &Freshness, target: &TargetName) -> bool {
    let read = async {
        positions.wait_for(freshness.version().await?, BARRIER).await?;
        match freshness.stands().await? {
            Stands::Yes => Ok(()),
            Stands::No(what) => Err(what),
        }
    };
    let read = tokio::select! {
        read = read => read,
        () = touched.hurried() => Err("something more urgent goes first".to_owned()),
    };
    if let Err(why) = &read {
        tracing::info!(target_system = %target, %why, "removals are put off");
    }
    read.is_ok()
}
