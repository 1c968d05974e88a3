//! Entitlements: rights inside a target.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{EntitlementName, Kind, NameError, Right, TargetName};

/// `TARGET/KIND/NAME[:RIGHT]`; no right means plain membership. A `:` in a name is written `%3A`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntitlementKey {
    /// Where.
    pub target: TargetName,
    /// `group`, `role`, ….
    pub kind: Kind,
    /// Its name there.
    pub name: EntitlementName,
    /// The grade of membership, where the target has grades.
    pub right: Option<Right>,
}

impl EntitlementKey {
    /// Reads `TARGET/KIND/NAME[:RIGHT]`: KIND ends at the second `/`, RIGHT begins at the last `:`.
    ///
    /// # Errors
    /// [`NameError`] where a part is missing.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let shape =
            || NameError::Shape { text: text.to_owned(), what: "entitlement", hint: "write TARGET/KIND/NAME or TARGET/KIND/NAME:RIGHT" };
        let (target, rest) = text.split_once('/').ok_or_else(shape)?;
        let (kind, rest) = rest.split_once('/').ok_or_else(shape)?;
        let (name, right) = match rest.rsplit_once(':') {
            Some((name, right)) => (name, Some(Right::parse(right)?)),
            None => (rest, None),
        };
        Ok(Self {
            target: TargetName::parse(target)?,
            kind: Kind::parse(kind)?,
            name: EntitlementName::parse(name.replace("%3A", ":").replace("%25", "%"))?,
            right,
        })
    }

    /// `KIND/NAME[:RIGHT]`, where the target is clear.
    #[must_use]
    pub fn inside(&self) -> String {
        // Only a `%` that would be misread is escaped, so that ordinary names stay as they are.
        let name = self.name.as_str().replace("%25", "%2525").replace("%3A", "%253A").replace(':', "%3A");
        match &self.right {
            Some(right) => format!("{}/{}:{}", self.kind, name, right),
            None => format!("{}/{}", self.kind, name),
        }
    }
}

impl fmt::Display for EntitlementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.inside())
    }
}

impl Serialize for EntitlementKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntitlementKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// How an entitlement is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum How {
    /// The account itself is a member.
    Direct,
    /// Through nesting or the target's own rules: shown, never ours to remove.
    Derived,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_reads_back(name in "[a-c:%/235A ]{1,12}", right in proptest::option::of("[a-z]{1,5}")) {
            let key = EntitlementKey {
                target: TargetName::parse("dir").unwrap(),
                kind: Kind::parse("group").unwrap(),
                name: EntitlementName::parse(name).unwrap(),
                right: right.map(|r| Right::parse(r).unwrap()),
            };
            prop_assert_eq!(EntitlementKey::parse(&key.to_string()).unwrap(), key);
        }
    }

    #[test]
    fn kind_ends_at_the_second_slash_and_right_begins_at_the_last_colon() {
        let key = EntitlementKey::parse("git/repository/acme/api:write").unwrap();
        assert_eq!((key.name.as_str(), key.right.unwrap().as_str()), ("acme/api", "write"));
        assert!(EntitlementKey::parse("git/repository").is_err());
        assert!(EntitlementKey::parse("git/repository/x:").is_err());
    }
}
