//! Changes: one step of a plan each, and why it is wanted.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::account::{AccountKey, AccountState};
use super::entitlement::EntitlementKey;
use super::ids::{AccountId, AttributeName};
use super::ledger::Link;
use super::observed::{Missing, Seen};
use super::reason::Reason;
use super::value::{Attributes, Value};

/// Where a person stands in their time with the company, or an account that nobody asks for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifecycleState {
    /// All employments have ended.
    Terminated,
    /// A Lockout of all targets stands.
    Locked,
    /// Suspended by hand.
    Suspended,
    /// Works here.
    Active,
    /// Away, or between two employments.
    Leave,
    /// No employment has begun yet.
    Preboarding,
    /// Active, and no decision asks for this account any more.
    Unasked,
}

impl LifecycleState {
    /// The word of manifests and of `input.person.lifecycle.state`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminated => "terminated",
            Self::Locked => "locked",
            Self::Suspended => "suspended",
            Self::Active => "active",
            Self::Leave => "leave",
            Self::Preboarding => "preboarding",
            Self::Unasked => "unasked",
        }
    }
}

impl fmt::Display for LifecycleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a change is wanted; the brake follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// A Lockout stands.
    Lockout,
    /// The person's state.
    Lifecycle(LifecycleState),
    /// Nobody declares the person any more.
    Gone,
    /// No decision asks for the account any more.
    Unasked,
    /// What was granted until now ends now.
    Until,
    /// A violation that is to be revoked.
    Violation,
    /// What the policies, bindings or mappings say.
    Policy,
    /// The target differs, and nobody declared it.
    Drift,
    /// An authoritative scope.
    Scope,
}

/// What the guard counts a change against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Brake {
    /// People who are gone, and accounts that nobody asks for.
    Absence,
    /// Every Delete.
    Deletes,
    /// Suspended, on leave, not begun.
    Suspensions,
    /// Explicit leavers.
    Leavers,
    /// Every other Revoke.
    Revocations,
    /// Emptied attributes.
    Clears,
    /// New accounts.
    Creates,
}

impl Brake {
    /// All of them, in the order of the manifest.
    pub const ALL: [Self; 7] =
        [Self::Absence, Self::Deletes, Self::Suspensions, Self::Leavers, Self::Revocations, Self::Clears, Self::Creates];

    /// The word of manifests and change lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absence => "absence",
            Self::Deletes => "deletes",
            Self::Suspensions => "suspensions",
            Self::Leavers => "leavers",
            Self::Revocations => "revocations",
            Self::Clears => "clears",
            Self::Creates => "creates",
        }
    }
}

impl fmt::Display for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done to an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Act {
    /// Make an entitlement that does not exist.
    Provide(EntitlementKey),
    /// Make the account, in this state and with these attributes.
    Create {
        /// What it is called there.
        name: String,
        /// Enabled or Disabled.
        state: AccountState,
        /// What it begins with.
        attributes: Attributes,
    },
    /// Write our owner key into the account: at its adoption, or where it got lost.
    Own,
    /// Write one attribute.
    Set(AttributeName, Value),
    /// Empty one attribute.
    Clear(AttributeName),
    /// Open the account.
    Enable,
    /// Shut the account.
    Disable,
    /// End what is still open.
    EndSessions,
    /// Remove the account.
    Delete,
    /// Take an invitation back.
    Withdraw,
    /// Give an entitlement.
    Grant(EntitlementKey),
    /// Take an entitlement away.
    Revoke(EntitlementKey),
}

/// What a change line says in place of a brake.
const NO_BRAKE: &str = "none";

impl Act {
    /// The words of change lines.
    const VERBS: [&str; 12] =
        ["Provide", "Create", "Own", "Set", "Clear", "Enable", "Disable", "EndSessions", "Delete", "Withdraw", "Grant", "Revoke"];

    /// The word of change lines.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Provide(_) => "Provide",
            Self::Create { .. } => "Create",
            Self::Own => "Own",
            Self::Set(..) => "Set",
            Self::Clear(_) => "Clear",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::EndSessions => "EndSessions",
            Self::Delete => "Delete",
            Self::Withdraw => "Withdraw",
            Self::Grant(_) => "Grant",
            Self::Revoke(_) => "Revoke",
        }
    }

    /// The entitlement that it gives, if it gives one.
    #[must_use]
    pub fn granted(&self) -> Option<&EntitlementKey> {
        if let Self::Grant(key) = self { Some(key) } else { None }
    }

    /// The entitlement that it takes away, if it takes one.
    #[must_use]
    pub fn revoked(&self) -> Option<&EntitlementKey> {
        if let Self::Revoke(key) = self { Some(key) } else { None }
    }

    /// The attribute that it writes or empties, if it does.
    #[must_use]
    pub fn attribute(&self) -> Option<&AttributeName> {
        if let Self::Set(attribute, _) | Self::Clear(attribute) = self { Some(attribute) } else { None }
    }

    /// Whether it makes the account.
    #[must_use]
    pub fn creates(&self) -> bool {
        matches!(self, Self::Create { .. })
    }

    /// Whether it takes something away.
    #[must_use]
    pub fn removes(&self) -> bool {
        matches!(self, Self::Disable | Self::Withdraw | Self::Delete | Self::Revoke(_) | Self::Clear(_) | Self::EndSessions)
    }

    /// What it is done to, beside the account: an entitlement or an attribute.
    #[must_use]
    pub fn object(&self) -> Option<String> {
        match self {
            Self::Provide(key) | Self::Grant(key) | Self::Revoke(key) => Some(key.inside()),
            Self::Set(attribute, _) | Self::Clear(attribute) => Some(attribute.to_string()),
            Self::Create { .. } | Self::Own | Self::Enable | Self::Disable | Self::EndSessions | Self::Delete | Self::Withdraw => None,
        }
    }
}

/// One step of a plan. Made only from what was seen, or from the proof that nothing is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    key: AccountKey,
    id: Option<AccountId>,
    act: Act,
    cause: Cause,
    reasons: Vec<Reason>,
}

impl Change {
    /// Makes an account that is proven not to be there.
    #[must_use]
    pub fn create(key: AccountKey, _: Missing, name: String, state: AccountState, attributes: Attributes, reasons: Vec<Reason>) -> Self {
        Self { key, id: None, act: Act::Create { name, state, attributes }, cause: Cause::Policy, reasons }
    }

    /// Gives an entitlement: to an account that was seen, or to one that is made before it.
    #[must_use]
    pub fn grant(key: AccountKey, seen: Option<Seen<'_>>, entitlement: EntitlementKey, reasons: Vec<Reason>) -> Self {
        Self { key, id: seen.map(|s| s.account().id.clone()), act: Act::Grant(entitlement), cause: Cause::Policy, reasons }
    }

    /// Makes an entitlement that a grant of the same plan needs.
    #[must_use]
    pub fn provide(key: AccountKey, entitlement: EntitlementKey, reasons: Vec<Reason>) -> Self {
        Self { key, id: None, act: Act::Provide(entitlement), cause: Cause::Policy, reasons }
    }

    /// Anything else is done to an account that was seen.
    #[must_use]
    pub fn of(key: AccountKey, seen: Seen<'_>, act: Act, cause: Cause, reasons: Vec<Reason>) -> Self {
        Self { key, id: Some(seen.account().id.clone()), act, cause, reasons }
    }

    /// A leaver's Disable by recorded id, without a look. `None` where no id is recorded.
    #[must_use]
    pub fn shut_out(key: AccountKey, link: &Link, cause: Cause, reasons: Vec<Reason>) -> Option<Self> {
        let id = link.id.clone()?;
        Some(Self { key, id: Some(id), act: Act::Disable, cause, reasons })
    }

    /// Whose account.
    #[must_use]
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The account's id, where it has one yet.
    #[must_use]
    pub fn id(&self) -> Option<&AccountId> {
        self.id.as_ref()
    }

    /// What is done.
    #[must_use]
    pub fn act(&self) -> &Act {
        &self.act
    }

    /// Why.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Why, in words.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The same change as it may be remembered: without the values of these attributes.
    #[must_use]
    pub fn without(&self, hidden: &dyn Fn(&AttributeName) -> bool) -> Self {
        let mut change = self.clone();
        match &mut change.act {
            Act::Create { attributes, .. } => attributes.retain(|attribute, _| !hidden(attribute)),
            Act::Set(attribute, value) if hidden(attribute) => *value = Value::Text(String::new()),
            Act::Set(..) | Act::Clear(_) | Act::Provide(_) | Act::Own | Act::Enable | Act::Disable | Act::EndSessions => {}
            Act::Delete | Act::Withdraw | Act::Grant(_) | Act::Revoke(_) => {}
        }
        change
    }

    /// What the guard counts it against: nothing for what adds, for a Lockout and for an `until` reached.
    #[must_use]
    pub fn brake(&self) -> Option<Brake> {
        let by_state = || match self.cause {
            Cause::Lockout | Cause::Until => None,
            Cause::Lifecycle(LifecycleState::Terminated) => Some(Brake::Leavers),
            Cause::Lifecycle(LifecycleState::Locked) => None,
            Cause::Lifecycle(LifecycleState::Unasked) | Cause::Gone | Cause::Unasked => Some(Brake::Absence),
            Cause::Lifecycle(_) => Some(Brake::Suspensions),
            Cause::Violation | Cause::Policy | Cause::Drift | Cause::Scope => Some(Brake::Revocations),
        };
        match self.act {
            Act::Create { .. } => Some(Brake::Creates),
            Act::Delete => Some(Brake::Deletes),
            Act::Clear(_) => Some(Brake::Clears),
            Act::Disable | Act::Withdraw | Act::EndSessions | Act::Revoke(_) => by_state(),
            Act::Provide(_) | Act::Own | Act::Set(..) | Act::Enable | Act::Grant(_) => None,
        }
    }

    /// The change as an Approval names it. An owner key that is written has none.
    #[must_use]
    pub fn line(&self) -> ChangeLine {
        let mut line = format!("{} {} {}", self.act.verb(), self.key.target, self.key.owner());
        if let Some(object) = self.act.object() {
            line.push(' ');
            line.push_str(&object);
        }
        line.push(' ');
        line.push_str(self.brake().map_or(NO_BRAKE, Brake::as_str));
        ChangeLine(line)
    }
}

/// `ACT TARGET EXTERNALID[#ACCOUNT] [KIND/NAME[:RIGHT] | ATTRIBUTE] BRAKE`: a change without its value, id, reason and time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeLine(String);

impl ChangeLine {
    /// A line as an Approval carries it. Lines are compared, never taken apart.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether any change may have this line.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let mut words = self.0.split(' ');
        let act = words.next().is_some_and(|act| Act::VERBS.contains(&act));
        let brake = words.next_back().is_some_and(|brake| brake == NO_BRAKE || Brake::ALL.iter().any(|known| known.as_str() == brake));
        // Between them, the target and the person.
        act && brake && words.filter(|word| !word.is_empty()).count() >= 2
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
