//! A target's schema: a type's profile, known offline, refined by `probe`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, AttributeName, Kind};

/// What default mappings name an account by: `NAME`, and `NAME-ACCOUNT` for a second one.
pub const ACCOUNT_NAME: &str = r#"concat(substring("-", 0, min([1, count(input.account)])), [input.person.userName, input.account])"#;
/// The address of default mappings: one marked primary goes before the first one.
pub const PRIMARY_EMAIL: &str = r#"[email.value | some primary in [true, false]; some email in input.person.emails; object.get(email, "primary", false) == primary][0]"#;

/// How one attribute behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeRule {
    /// Holds many values.
    pub many: bool,
    /// Letter case makes no difference.
    pub ignore_case: bool,
    /// An account cannot be without it.
    pub required: bool,
    /// Can only be read.
    pub read_only: bool,
    /// No two accounts have the same.
    pub unique: bool,
    /// The holder of an account can edit it.
    pub self_service: bool,
}

/// What the target can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent ability")]
pub struct Capabilities {
    /// Accounts can be shut and opened.
    pub disable: bool,
    /// Open sessions can be ended.
    pub end_sessions: bool,
    /// An id is never given twice, so that a leaver can be shut out by recorded id without a look.
    pub stable_ids: bool,
    /// Accounts can hold and be searched by an owner key.
    pub owner_key: bool,
    /// Kinds of entitlements that can be made; [`Capabilities::ANY_KIND`] stands for all.
    pub create_entitlements: BTreeSet<String>,
}

impl Capabilities {
    /// In `create_entitlements`: entitlements of any kind can be made.
    pub const ANY_KIND: &str = "*";

    /// Whether entitlements of this kind can be made.
    #[must_use]
    pub fn can_make(&self, kind: &Kind) -> bool {
        self.create_entitlements.contains(Self::ANY_KIND) || self.create_entitlements.contains(kind.as_str())
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { disable: true, end_sessions: false, stable_ids: true, owner_key: true, create_entitlements: BTreeSet::new() }
    }
}

/// A target's schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Attributes by name; one that is not listed is taken as a single text.
    pub attributes: BTreeMap<AttributeName, AttributeRule>,
    /// An account has no other attributes than these.
    pub closed: bool,
    /// What the target can do.
    pub can: Capabilities,
    /// The login that Provost uses there.
    pub own_login: Option<AccountId>,
    /// The type's default mapping: attribute → Rego expression.
    pub default_mapping: BTreeMap<AttributeName, String>,
}

impl Schema {
    /// How the attribute behaves.
    #[must_use]
    pub fn rule(&self, attribute: &AttributeName) -> AttributeRule {
        self.attributes.get(attribute).cloned().unwrap_or_default()
    }

    /// Whether an account cannot have this attribute.
    #[must_use]
    pub fn lacks(&self, attribute: &AttributeName) -> bool {
        self.closed && !self.attributes.contains_key(attribute)
    }

    /// The value as the target compares it.
    #[must_use]
    pub fn fold(&self, attribute: &AttributeName, value: &str) -> String {
        if self.attributes.get(attribute).is_some_and(|rule| rule.ignore_case) { value.to_lowercase() } else { value.to_owned() }
    }
}
