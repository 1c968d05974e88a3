//! What Provost remembers of one target: a plain value, changed by facts alone, so that its stores cannot differ.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::{AccountKey, AccountState};
use super::change::{Brake, Change, ChangeLine, LifecycleState};
use super::entitlement::EntitlementKey;
use super::ids::{AccountId, AccountName, ApprovalName, AttributeName, ObjectName, PersonId, TargetName};
use super::value::Attributes;

/// One target's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Whose ledger it is.
    pub target: TargetName,
    /// The accounts that are linked to people.
    #[serde(with = "pairs")]
    pub links: BTreeMap<AccountKey, Link>,
    /// Changes that were about to be sent; empty when the last batch was finished.
    pub intents: Vec<Change>,
    /// The guard's window.
    pub window: Window,
    /// `KIND/NAME` of authoritative scopes that have been seen and, where they took something away, approved.
    pub scopes: BTreeSet<String>,
    /// What each Approval has released.
    pub released: BTreeMap<ApprovalName, BTreeSet<ChangeLine>>,
    /// A Policy was here once: none left then means frozen, not empty.
    pub had_policy: bool,
    /// Whom the name in each Lockout has met, where that stands nowhere else: the objects of a folder have no status.
    #[serde(default)]
    pub met: BTreeMap<ObjectName, Met>,
    /// Whether accounts of ours were ever recorded: tells a lost ledger from a new target.
    pub accounts_known: bool,
}

/// What Provost remembers of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact")]
pub struct Link {
    /// The stable id; none while its create is not answered.
    pub id: Option<AccountId>,
    /// The changeable name, as last seen.
    pub name: String,
    /// As last written or seen.
    pub state: AccountState,
    /// Found, not made.
    pub adopted: bool,
    /// A decision once asked for this account.
    pub asked: bool,
    /// `deletionPolicy: Retain` was seen.
    pub retain: bool,
    /// The person had an employment when last seen.
    pub employed: bool,
    /// Sessions were ended after the last Disable.
    pub sessions_ended: bool,
    /// Somebody else shut it: opened again only by an Approval.
    pub disabled_elsewhere: bool,
    /// Since when it was seen Disabled.
    pub disabled: Option<Timestamp>,
    /// The state that its steps follow, and since when.
    pub stage: Option<(LifecycleState, Timestamp)>,
    /// The person's end, as last read.
    pub end: Option<Timestamp>,
    /// When the person's leave begins or began, as last read.
    pub leave: Option<Timestamp>,
    /// Since when nobody declares the person.
    pub gone: Option<Timestamp>,
    /// Which brakes hold changes here, and since when.
    pub held: BTreeMap<Brake, Timestamp>,
    /// Which brakes have been charged for a change here that is not done yet.
    pub charged: BTreeSet<Brake>,
    /// What Provost granted, or found held when a decision asked for it.
    #[serde(with = "pairs")]
    pub grants: BTreeMap<EntitlementKey, Grant>,
    /// Values that other targets may read.
    pub exports: Attributes,
    /// Values that were given out once and stay.
    pub chosen: Attributes,
    /// Values of many-valued attributes that a mapping put there.
    pub written: BTreeMap<AttributeName, BTreeSet<String>>,
    /// What reads back otherwise than it was sent.
    pub settled: BTreeMap<AttributeName, Settled>,
    /// When we last wrote it, or an answer was missing.
    pub touched: Option<Timestamp>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            id: None,
            name: String::new(),
            state: AccountState::Absent,
            adopted: false,
            asked: false,
            retain: false,
            employed: false,
            sessions_ended: false,
            disabled_elsewhere: false,
            disabled: None,
            stage: None,
            end: None,
            leave: None,
            gone: None,
            held: BTreeMap::new(),
            charged: BTreeSet::new(),
            grants: BTreeMap::new(),
            exports: Attributes::new(),
            chosen: Attributes::new(),
            written: BTreeMap::new(),
            settled: BTreeMap::new(),
            touched: None,
        }
    }
}

/// An entitlement that is ours to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Since when.
    pub since: Timestamp,
    /// It ends then, whatever else happens.
    pub until: Option<Timestamp>,
    /// Since when no policy gives it any more: its grace began.
    pub lapsed: Option<Timestamp>,
}

/// Whom the name in a Lockout has met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// The name: another one in the same Lockout means somebody else.
    pub name: String,
    /// The person who had it.
    pub person: PersonId,
}

/// Asked for this, the target shows that: equal until either changes. Both are digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// What was sent.
    pub asked: String,
    /// What was read back.
    pub shown: String,
}

/// What the guard charged within the last 24 hours, by hour and brake, and the size of the last complete listing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// One entry an hour and brake: the hour's first second, the brake, the accounts charged.
    #[serde(with = "pairs")]
    pub charged: BTreeMap<(Timestamp, Brake), u32>,
    /// The people behind it, for the brakes of what shuts an account: who is charged is not charged again, and not missing from what a limit
    /// is a share of.
    #[serde(with = "pairs", default)]
    pub people: BTreeMap<(Timestamp, Brake), BTreeSet<PersonId>>,
    /// Accounts in the last complete listing.
    pub last_complete: Option<u32>,
}

/// One change of a ledger. Stores keep facts, and nothing else changes a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// These changes are about to be sent.
    Intended(Vec<Change>),
    /// The window after a charge or a listing.
    Window(Window),
    /// All that is remembered of an account.
    Linked(AccountKey, Box<Link>),
    /// Nothing is remembered of it any more.
    Unlinked(AccountKey),
    /// An authoritative scope, `KIND/NAME`, is known from now on.
    Scope(String),
    /// An Approval has released these lines.
    Released(ApprovalName, BTreeSet<ChangeLine>),
    /// A Policy was seen.
    HadPolicy,
    /// Whom Lockouts have met, all of them.
    Met(BTreeMap<ObjectName, Met>),
    /// All intents are answered.
    Done,
}

impl Window {
    /// How many accounts were charged within the 24 hours before t. A charge counts until its whole hour is over that age.
    #[must_use]
    pub fn charged_within(&self, brake: Brake, t: Timestamp) -> u32 {
        self.charged.iter().filter(|((hour, of), _)| *of == brake && is_within(*hour, t)).map(|(_, count)| count).sum()
    }

    /// The people charged within the 24 hours before t, and how many accounts were charged without a name.
    #[must_use]
    pub fn people_within(&self, brake: Brake, t: Timestamp) -> (BTreeSet<PersonId>, u32) {
        let people: BTreeSet<PersonId> = self
            .people
            .iter()
            .filter(|((hour, of), _)| *of == brake && is_within(*hour, t))
            .flat_map(|(_, people)| people.clone())
            .collect();
        let named = u32::try_from(people.len()).unwrap_or(u32::MAX);
        (people, self.charged_within(brake, t).saturating_sub(named))
    }

    /// Whether a charge of that instant would count still.
    #[must_use]
    pub fn covers(at: Timestamp, t: Timestamp) -> bool {
        is_within(hour_of(at), t)
    }

    /// Charges accounts, and forgets what is over a day old.
    pub fn charge(&mut self, brake: Brake, accounts: &BTreeSet<AccountKey>, t: Timestamp) {
        if accounts.is_empty() {
            return;
        }
        self.charged.retain(|(hour, _), _| is_within(*hour, t));
        self.people.retain(|(hour, _), _| is_within(*hour, t));
        let hour = hour_of(t);
        *self.charged.entry((hour, brake)).or_default() += u32::try_from(accounts.len()).unwrap_or(u32::MAX);
        if matches!(brake, Brake::Absence | Brake::Suspensions | Brake::Leavers) {
            self.people.entry((hour, brake)).or_default().extend(accounts.iter().map(|key| key.person.clone()));
        }
    }
}

/// The first second of an instant's hour.
#[must_use]
pub fn hour_of(t: Timestamp) -> Timestamp {
    let second = t.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(t)
}

fn is_within(hour: Timestamp, t: Timestamp) -> bool {
    let day_and_hour = SignedDuration::from_hours(25);
    hour.checked_add(day_and_hour).is_ok_and(|over| over > t)
}

impl Ledger {
    /// A ledger that remembers nothing.
    #[must_use]
    pub fn new(target: TargetName) -> Self {
        Self {
            target,
            links: BTreeMap::new(),
            intents: Vec::new(),
            window: Window::default(),
            scopes: BTreeSet::new(),
            released: BTreeMap::new(),
            had_policy: false,
            met: BTreeMap::new(),
            accounts_known: false,
        }
    }

    /// The links of one person.
    pub fn links_of(&self, person: &PersonId) -> impl Iterator<Item = (&AccountKey, &Link)> {
        // Keys are sorted by person first.
        let from = AccountKey { person: person.clone(), target: self.target.clone(), account: AccountName::ordinary() };
        self.links.range(from..).take_while(|(key, _)| key.person == *person)
    }

    /// Whether anything is remembered of this person.
    #[must_use]
    pub fn knows(&self, person: &PersonId) -> bool {
        self.links_of(person).next().is_some()
    }

    /// Takes one fact in.
    pub fn record(&mut self, fact: &Fact) {
        match fact {
            Fact::Intended(changes) => self.intents = changes.clone(),
            Fact::Window(window) => self.window = window.clone(),
            Fact::Linked(key, link) => {
                self.accounts_known = true;
                self.links.insert(key.clone(), (**link).clone());
            }
            Fact::Unlinked(key) => {
                self.links.remove(key);
            }
            Fact::Scope(scope) => {
                self.scopes.insert(scope.clone());
            }
            Fact::Released(approval, lines) => {
                self.released.entry(approval.clone()).or_default().extend(lines.iter().cloned());
            }
            Fact::HadPolicy => self.had_policy = true,
            Fact::Met(met) => self.met = met.clone(),
            Fact::Done => self.intents.clear(),
        }
    }
}

/// Maps whose keys are no texts, as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
