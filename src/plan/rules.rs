//! The rules of one target: its TargetSystem, read once, with every default filled in.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::api::realm::RealmSpec;
use crate::api::target::Do;
use crate::api::target::{
    Adopt, BrakeLimit, CorrelationSpec, EntitlementMode, KindSpec, LifecycleSpec, MappingRule, Mode, Owns, Removals, SafetySpec, Step,
    TargetSystemSpec, TargetType, Treatment, When,
};
use crate::model::account::AccountKey;
use crate::model::change::{Brake, LifecycleState};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, AttributeName, OwnerKey, RealmId, TargetName};
use crate::model::schema::Schema;
use crate::policy::{Compiled, nearest};

/// The attribute that is an account's changeable name.
pub const USER_NAME: &str = "userName";

/// The rules of one target.
#[derive(Debug, Clone)]
pub struct TargetRules {
    /// Which target.
    pub name: TargetName,
    /// Whose accounts.
    pub realm: RealmId,
    /// Enforce or Observe.
    pub mode: Mode,
    /// Apply or Hold.
    pub removals: Removals,
    /// The realm writes nothing but leavers, Lockouts and an `until` reached.
    pub freeze: bool,
    /// The ordinary account and the declared second ones.
    pub accounts: BTreeMap<AccountName, AccountRules>,
    /// How long the target may still show what was.
    pub lag: SignedDuration,
    kinds: BTreeMap<String, KindSpec>,
    safety: SafetySpec,
    protected: BTreeSet<String>,
}

/// The rules of the ordinary account, or of a second one.
#[derive(Debug, Clone)]
pub struct AccountRules {
    /// Attributes that tell people apart.
    pub correlation: Vec<AttributeName>,
    /// Whether an account is taken over by them.
    pub adopt: Adopt,
    /// Attributes that the holder of an account can edit.
    pub self_service: BTreeSet<AttributeName>,
    /// How attributes get their values.
    pub mapping: BTreeMap<AttributeName, Mapping>,
    lifecycle: LifecycleSpec,
}

/// How one attribute gets its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Where the value comes from.
    pub source: Source,
    /// When it is written.
    pub when: When,
    /// Which of many values are ours.
    pub owns: Owns,
    /// Shown nowhere.
    pub sensitive: bool,
    /// From the type's default mapping: fills and corrects, never clears.
    pub by_default: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A Rego expression.
    Value(String),
    /// A Rego expression that gives an array: the first that nobody has.
    Candidates(String),
    /// The first free number.
    Numbers(i64, i64),
}

/// What stands in place of a value that must not be shown.
pub const SENSITIVE: &str = "(sensitive)";

impl Mapping {
    /// A value of this attribute as it may be shown: every text that people read has it from here.
    #[must_use]
    pub fn shown(&self, value: impl std::fmt::Display) -> String {
        if self.sensitive { SENSITIVE.to_owned() } else { value.to_string() }
    }

    fn of(rule: &MappingRule) -> Option<Self> {
        let source = match (&rule.value, &rule.candidates, rule.numbers) {
            (Some(value), None, None) => Source::Value(value.clone()),
            (None, Some(candidates), None) => Source::Candidates(candidates.clone()),
            (None, None, Some(numbers)) => Source::Numbers(numbers.from, numbers.to),
            (None | Some(_), _, _) => return None,
        };
        Some(Self {
            source,
            when: rule.when.unwrap_or_default(),
            owns: rule.owns.unwrap_or_default(),
            sensitive: rule.sensitive,
            by_default: false,
        })
    }
}

/// A TargetSystem that cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A mapping rule must have one of the three.
    #[error("mapping of `{attribute}`: give exactly one of value, candidates, numbers and unmap")]
    Mapping {
        /// Which.
        attribute: String,
    },
    /// The attribute that holds the owner key is Provost's own.
    #[error("mapping of `{attribute}`: the owner key is kept there")]
    OwnerKey {
        /// Which.
        attribute: String,
    },
    /// The target cannot hold it.
    #[error("mapping of `{attribute}`: accounts of this target have no such attribute{}", .nearest.as_ref().map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default())]
    NoAttribute {
        /// Which.
        attribute: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// An account's name is shown everywhere.
    #[error("mapping of `{USER_NAME}`: an account's name is shown everywhere, so that it cannot be sensitive")]
    SensitiveName,
    /// An attribute without a name.
    #[error("mapping: {0}")]
    Name(#[from] crate::model::ids::NameError),
}

impl TargetRules {
    /// Reads a TargetSystem. `schema` brings the type's default mapping.
    ///
    /// # Errors
    /// [`RulesError`] where the manifest cannot be worked with.
    pub fn new(
        name: TargetName,
        spec: &TargetSystemSpec,
        realm: RealmId,
        realm_spec: &RealmSpec,
        schema: &Schema,
    ) -> Result<Self, RulesError> {
        let mut base = BTreeMap::new();
        for (attribute, expression) in &schema.default_mapping {
            base.insert(
                attribute.clone(),
                Mapping {
                    source: Source::Value(expression.clone()),
                    when: When::Always,
                    owns: Owns::Written,
                    sensitive: false,
                    by_default: true,
                },
            );
        }
        let owner_key = owner_key_attribute(spec.type_);
        lay_over(&mut base, &spec.mapping, owner_key, schema)?;
        let correlation = spec.correlation.clone().unwrap_or_default();
        let lifecycle = spec.lifecycle.clone().unwrap_or_default();
        let mut accounts = BTreeMap::new();
        for (second, differs) in &spec.accounts {
            let mut mapping = base.clone();
            lay_over(&mut mapping, &differs.mapping, owner_key, schema)?;
            let rules = AccountRules::new(
                differs.correlation.as_ref().unwrap_or(&correlation),
                differs.lifecycle.clone().unwrap_or_else(|| lifecycle.clone()),
                mapping,
            )?;
            accounts.insert(AccountName::new(second.clone()), rules);
        }
        accounts.insert(AccountName::ordinary(), AccountRules::new(&correlation, lifecycle, base)?);
        let safety = spec.safety.clone().unwrap_or_default();
        let default_lag = match spec.type_ {
            TargetType::Sqlite | TargetType::Postgres => SignedDuration::ZERO,
            TargetType::Scim | TargetType::Ldap => SignedDuration::from_secs(60),
        };
        Ok(Self {
            name,
            realm,
            mode: spec.mode.unwrap_or_default(),
            removals: spec.removals.unwrap_or_default(),
            freeze: realm_spec.freeze,
            accounts,
            lag: spec.limits.as_ref().and_then(|limits| limits.lag).map_or(default_lag, |lag| lag.length()),
            kinds: spec.entitlements.clone(),
            protected: safety.protected.as_ref().map(|p| p.names.iter().cloned().collect()).unwrap_or_default(),
            safety,
        })
    }

    /// The rules of an account; a second one that is declared no more keeps those of the ordinary one.
    #[must_use]
    pub fn account(&self, name: &AccountName) -> Option<&AccountRules> {
        self.accounts.get(name).or_else(|| self.accounts.get(&AccountName::ordinary()))
    }

    /// Hides what the policies make of people's sensitive attributes.
    pub fn hide(&mut self, compiled: &Compiled) {
        for (account, rules) in &mut self.accounts {
            for attribute in compiled.sensitive(&(self.name.clone(), account.clone())) {
                if let Some(mapping) = rules.mapping.get_mut(attribute) {
                    mapping.sensitive = true;
                }
            }
        }
    }

    /// Whether accounts are called by what must not be shown.
    #[must_use]
    pub fn names_are_sensitive(&self) -> bool {
        let mut mappings = self.accounts.values().flat_map(|account| &account.mapping);
        mappings.any(|(attribute, mapping)| attribute.as_str() == USER_NAME && mapping.sensitive)
    }

    /// What is said of a kind of entitlements.
    #[must_use]
    pub fn kind(&self, key: &EntitlementKey) -> Option<&KindSpec> {
        self.kinds.get(key.kind.as_str())
    }

    /// Whether the entitlement lies in an authoritative scope.
    #[must_use]
    pub fn is_authoritative(&self, key: &EntitlementKey) -> bool {
        self.kind(key).is_some_and(|kind| {
            kind.mode == Some(EntitlementMode::Authoritative)
                && kind.scope.as_ref().is_some_and(|scope| scope.names.iter().any(|name| name == key.name.as_str()))
        })
    }

    /// `KIND/NAME` of every authoritative scope.
    pub fn scopes(&self) -> impl Iterator<Item = String> {
        self.kinds.iter().filter(|(_, kind)| kind.mode == Some(EntitlementMode::Authoritative)).flat_map(|(name, kind)| {
            kind.scope.iter().flat_map(|scope| &scope.names).map(move |entitlement| format!("{name}/{entitlement}"))
        })
    }

    /// How long a mover keeps this entitlement; none for privileged ones.
    #[must_use]
    pub fn grace(&self, key: &EntitlementKey) -> Option<SignedDuration> {
        let kind = self.kind(key)?;
        if kind.privileged.iter().any(|name| name == key.name.as_str()) {
            return None;
        }
        kind.grace.map(crate::api::time::Span::length)
    }

    /// When the grace of this entitlement ends, if it began then.
    #[must_use]
    pub fn grace_ends(&self, key: &EntitlementKey, began: Timestamp) -> Option<Timestamp> {
        began.checked_add(self.grace(key)?).ok()
    }

    /// How many enabled members must stay.
    #[must_use]
    pub fn minimum_members(&self, key: &EntitlementKey) -> Option<u32> {
        self.kind(key)?.minimum_members.get(key.name.as_str()).copied()
    }

    /// Whether the account of that name is never touched.
    #[must_use]
    pub fn is_protected(&self, name: &str) -> bool {
        self.protected.contains(name)
    }

    /// The manifest's limit of a brake, else the default.
    #[must_use]
    pub fn limit(&self, brake: Brake) -> BrakeLimit {
        limit(Some(&self.safety), brake)
    }

    /// The owner key of an account.
    #[must_use]
    pub fn owner_key(&self, key: &AccountKey) -> OwnerKey {
        OwnerKey { realm: self.realm.clone(), person: key.person.clone(), account: key.account.clone() }
    }
}

/// The limit of a brake, with the defaults of the guard.
#[must_use]
pub fn limit(safety: Option<&SafetySpec>, brake: Brake) -> BrakeLimit {
    let (set, count, percent) = match brake {
        Brake::Absence => (safety.and_then(|s| s.absence), 5, 2),
        Brake::Deletes => (safety.and_then(|s| s.deletes), 20, 10),
        Brake::Suspensions => (safety.and_then(|s| s.suspensions), 5, 2),
        Brake::Leavers => (safety.and_then(|s| s.leavers), 20, 10),
        Brake::Revocations => (safety.and_then(|s| s.revocations), 20, 5),
        Brake::Clears => (safety.and_then(|s| s.clears), 20, 5),
        Brake::Creates => (safety.and_then(|s| s.creates), 100, 20),
    };
    set.unwrap_or(BrakeLimit { count, percent })
}

/// Where a type keeps the owner key.
fn owner_key_attribute(type_: TargetType) -> &'static str {
    match type_ {
        TargetType::Sqlite => "ownerKey",
        TargetType::Scim => "externalId",
        TargetType::Ldap => "description",
        TargetType::Postgres => "comment",
    }
}

/// Lays a manifest's mapping over another one, attribute by attribute; null and `unmap` take one out.
fn lay_over(
    mapping: &mut BTreeMap<AttributeName, Mapping>,
    over: &BTreeMap<String, Option<MappingRule>>,
    owner_key: &str,
    schema: &Schema,
) -> Result<(), RulesError> {
    for (attribute, rule) in over {
        if attribute == owner_key {
            return Err(RulesError::OwnerKey { attribute: attribute.clone() });
        }
        let name = AttributeName::parse(attribute.clone())?;
        if schema.lacks(&name) && rule.as_ref().is_some_and(|rule| !rule.unmap) {
            let known = schema.attributes.iter().filter(|(_, rule)| !rule.read_only).map(|(name, _)| name.as_str());
            return Err(RulesError::NoAttribute { attribute: attribute.clone(), nearest: nearest(attribute, known).map(str::to_owned) });
        }
        match rule.as_ref().filter(|rule| !rule.unmap) {
            None => {
                mapping.remove(&name);
            }
            Some(rule) if rule.sensitive && attribute == USER_NAME => return Err(RulesError::SensitiveName),
            Some(rule) => {
                mapping.insert(name, Mapping::of(rule).ok_or_else(|| RulesError::Mapping { attribute: attribute.clone() })?);
            }
        }
    }
    Ok(())
}

impl AccountRules {
    fn new(correlation: &CorrelationSpec, lifecycle: LifecycleSpec, mapping: BTreeMap<AttributeName, Mapping>) -> Result<Self, RulesError> {
        let attributes = correlation.attributes.clone().unwrap_or_else(|| vec![USER_NAME.to_owned()]);
        Ok(Self {
            correlation: attributes.into_iter().map(AttributeName::parse).collect::<Result<_, _>>()?,
            adopt: correlation.adopt.unwrap_or_default(),
            self_service: correlation.self_service.iter().cloned().map(AttributeName::parse).collect::<Result<_, _>>()?,
            mapping,
            lifecycle,
        })
    }

    /// A value of this attribute as it may be shown, whether or not it is mapped.
    #[must_use]
    pub fn shown(&self, attribute: &AttributeName, value: &str) -> String {
        let quoted = format!("{value:?}");
        self.mapping.get(attribute).map_or_else(|| quoted.clone(), |mapping| mapping.shown(&quoted))
    }

    /// The steps of a state, with the defaults of the design: leave, suspended, locked, preboarding shut and keep; unasked and
    /// terminated shut and remove; active opens and follows; nothing is ever deleted by default.
    #[must_use]
    pub fn steps(&self, state: LifecycleState) -> Vec<Step> {
        let (set, do_) = match state {
            LifecycleState::Terminated => (&self.lifecycle.terminated, Do::Disable),
            LifecycleState::Locked => (&self.lifecycle.locked, Do::Disable),
            LifecycleState::Suspended => (&self.lifecycle.suspended, Do::Disable),
            LifecycleState::Active => (&self.lifecycle.active, Do::Enable),
            LifecycleState::Leave => (&self.lifecycle.leave, Do::Disable),
            LifecycleState::Preboarding => (&self.lifecycle.preboarding, Do::Disable),
            LifecycleState::Unasked => (&self.lifecycle.unasked, Do::Disable),
        };
        set.clone().unwrap_or_else(|| vec![Step { do_, ..Step::default() }])
    }
}

/// What a state does with entitlements where its steps do not say.
#[must_use]
pub fn default_treatment(state: LifecycleState) -> Treatment {
    match state {
        LifecycleState::Active => Treatment::Follow,
        LifecycleState::Terminated | LifecycleState::Unasked => Treatment::Remove,
        LifecycleState::Locked | LifecycleState::Suspended | LifecycleState::Leave | LifecycleState::Preboarding => Treatment::Keep,
    }
}
