//! Names and ids. Each string with a meaning has a type of its own, so that none can stand where another is meant.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::kept::kept;

/// A name that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing stands where a name is needed.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// Longer than any system takes.
    #[error("the {0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// Not of the shape that is needed.
    #[error("`{text}` is no {what}: {hint}")]
    Shape {
        /// What was read.
        text: String,
        /// What it should be.
        what: &'static str,
        /// How it should look.
        hint: &'static str,
    },
}

/// The longest name or id that is taken, in bytes.
const LONGEST: usize = 4096;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $keep:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes any text that is not empty and not longer than 4096 bytes.
            ///
            /// # Errors
            /// [`NameError`] says what is wrong with the text.
            pub fn parse(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                if text.is_empty() {
                    return Err(NameError::Empty($what));
                }
                if text.len() > LONGEST {
                    return Err(NameError::TooLong($what, LONGEST));
                }
                Ok(Self($keep(text)))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(Cow::<str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The first half of every owner key: which realm an account belongs to.
    RealmId, "realm id", Arc::from
);
name!(
    /// A person's `externalId`: who somebody is in the system of record.
    PersonId, "externalId", Arc::from
);
name!(
    /// The `metadata.name` of an object.
    ObjectName, "object name", Arc::from
);
name!(
    /// The name of a TargetSystem.
    TargetName, "target name", kept
);
name!(
    /// The name of a BusinessRole.
    RoleName, "role name", kept
);
name!(
    /// A target's stable id of an account; never its changeable name.
    AccountId, "account id", Arc::from
);
name!(
    /// The kind of an entitlement: `group`, `role`, `repository`, ….
    Kind, "entitlement kind", kept
);
name!(
    /// The name of an entitlement inside its kind.
    EntitlementName, "entitlement name", kept
);
name!(
    /// What an entitlement lets its holder do, where membership comes in grades: `write`.
    Right, "right", kept
);
name!(
    /// An attribute of an account, as its target calls it.
    AttributeName, "attribute name", kept
);
name!(
    /// The name of an Approval.
    ApprovalName, "approval name", Arc::from
);

/// Which of a person's accounts in one target: empty for the ordinary one, `admin` or the like for a second.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// The account of that name; empty is the ordinary one.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(kept(text.as_ref()))
    }

    /// The ordinary account.
    #[must_use]
    pub fn ordinary() -> Self {
        Self::default()
    }

    /// Whether this is the ordinary account.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Cow::<str>::deserialize(deserializer)?))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Percent-encodes `%`, `/`, `#` and control characters, as owner keys and change lines need.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '/' | '#') || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Undoes [`escape`]; `None` where the text is no escaped text.
#[must_use]
pub fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// `<realm id>/<externalId>[#<account>]`, escaped: whose an account is, written into the account itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OwnerKey {
    /// The realm that made or adopted the account.
    pub realm: RealmId,
    /// The person whose it is.
    pub person: PersonId,
    /// Which of the person's accounts.
    pub account: AccountName,
}

impl OwnerKey {
    /// Reads an owner key; `None` where the text is none (somebody may use the field for something else).
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (realm, rest) = text.split_once('/')?;
        let (person, account) = match rest.split_once('#') {
            Some((_, "")) => return None,
            Some((person, account)) => (person, account),
            None => (rest, ""),
        };
        if rest.contains('/') || account.contains('#') {
            return None;
        }
        Some(Self {
            realm: RealmId::parse(unescape(realm)?).ok()?,
            person: PersonId::parse(unescape(person)?).ok()?,
            account: AccountName::new(unescape(account)?),
        })
    }
}

impl fmt::Display for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", escape(self.realm.as_str()), escape(self.person.as_str()))?;
        if !self.account.is_ordinary() {
            write!(f, "#{}", escape(self.account.as_str()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_owner_key_reads_back_whatever_the_id(realm in "\\PC{1,8}", person in any::<String>(), account in any::<String>()) {
            prop_assume!(!person.is_empty());
            let key = OwnerKey {
                realm: RealmId::parse(realm).unwrap(),
                person: PersonId::parse(person).unwrap(),
                account: AccountName::new(account),
            };
            prop_assert_eq!(OwnerKey::read(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn a_text_of_somebody_else_is_no_owner_key() {
        for text in ["", "acme", "acme/", "/ann", "acme/ann/x", "acme/ann#", "acme/a%2", "acme/a#b#c"] {
            assert_eq!(OwnerKey::read(text), None, "{text}");
        }
    }
}
