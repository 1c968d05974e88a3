//! What policies may ask for, read strictly: a field that is misspelt would otherwise be lost without a word.

use std::collections::BTreeSet;

use jiff::Timestamp;
use regorus::Value as Rego;

use super::decision::{Enforcement, Violation, Waiver};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, EntitlementName, Kind, NameError, Right, RoleName, TargetName};
use crate::realm::input::Parameters;

/// Why something cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub message: String,
    pub hint: Option<String>,
}

impl From<NameError> for Unfit {
    fn from(error: NameError) -> Self {
        Self { message: error.to_string(), hint: None }
    }
}

/// A member of `roles`.
pub(crate) struct RoleMember<'a> {
    pub name: RoleName,
    pub parameters: Parameters,
    pub reason: Option<&'a str>,
}

/// A member of `accounts`.
pub(crate) struct AccountMember<'a> {
    pub target: TargetName,
    pub account: AccountName,
    pub reason: Option<&'a str>,
}

/// A member of `entitlements`.
pub(crate) struct EntitlementMember<'a> {
    pub key: EntitlementKey,
    pub account: AccountName,
    pub until: Option<Timestamp>,
    pub reason: Option<&'a str>,
}

/// The fields of an object, of which these are known. Read once: everything that anybody is asked to have comes by here.
struct Fields<'a> {
    what: &'static str,
    fields: Vec<(&'a str, &'a Rego)>,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Rego, what: &'static str, known: &[&str]) -> Result<Self, Unfit> {
        let shape = || format!("its fields are {}", known.join(", "));
        let Ok(object) = value.as_object() else {
            return Err(Unfit { message: format!("{what} is an object"), hint: Some(shape()) });
        };
        let mut fields = Vec::with_capacity(known.len());
        for (name, value) in object.iter_sorted() {
            if let Rego::String(text) = name
                && known.contains(&&**text)
            {
                fields.push((&**text, value));
                continue;
            }
            let text = name.as_string().map(|name| name.to_string()).unwrap_or_else(|_| name.to_string());
            let near = super::check::nearest(&text, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            return Err(Unfit { message: format!("{what} has no field `{text}`"), hint: near.or_else(|| Some(shape())) });
        }
        Ok(Self { what, fields })
    }

    fn get(&self, name: &str) -> Option<&'a Rego> {
        let field = self.fields.iter().find(|(field, _)| *field == name);
        field.map(|(_, value)| *value).filter(|value| !matches!(value, Rego::Null | Rego::Undefined))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Unfit> {
        match self.get(name) {
            None => Ok(None),
            Some(Rego::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    fn needed(&self, name: &str) -> Result<&'a str, Unfit> {
        self.text(name)?.ok_or_else(|| Unfit { message: format!("{} needs `{name}`", self.what), hint: None })
    }

    fn moment(&self, name: &str) -> Result<Option<Timestamp>, Unfit> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let shape = || self.wrong(name, "a moment, like 2027-01-31T00:00:00Z");
        // The parser takes more than RFC 3339 does.
        if text.as_bytes().get(10) != Some(&b'T') {
            return Err(shape());
        }
        text.parse().map(Some).map_err(|_| shape())
    }

    fn wrong(&self, name: &str, shape: &str) -> Unfit {
        Unfit { message: format!("`{name}` of {} must be {shape}", self.what), hint: None }
    }
}

pub(crate) fn role(value: &Rego) -> Result<RoleMember<'_>, Unfit> {
    let fields = Fields::of(value, "a role", &["name", "parameters", "reason"])?;
    let mut parameters = Parameters::new();
    if let Some(given) = fields.get("parameters") {
        let given = given.as_object().map_err(|_| fields.wrong("parameters", "an object"))?;
        for (name, value) in given.iter_sorted() {
            let text = match value {
                Rego::String(text) => text.to_string(),
                Rego::Number(_) | Rego::Bool(_) => value.to_string(),
                Rego::Null | Rego::Array(_) | Rego::Set(_) | Rego::Object(_) | Rego::Undefined => {
                    return Err(fields.wrong("parameters", "an object of texts, numbers and truth values"));
                }
            };
            parameters.insert(name.as_string().map(|name| name.to_string()).unwrap_or_else(|_| name.to_string()), text);
        }
    }
    Ok(RoleMember { name: RoleName::parse(fields.needed("name")?)?, parameters, reason: fields.text("reason")? })
}

pub(crate) fn account(value: &Rego) -> Result<AccountMember<'_>, Unfit> {
    let fields = Fields::of(value, "an account", &["target", "account", "reason"])?;
    Ok(AccountMember {
        target: TargetName::parse(fields.needed("target")?)?,
        account: AccountName::new(fields.text("account")?.unwrap_or_default()),
        reason: fields.text("reason")?,
    })
}

const ENTITLEMENT: [&str; 8] = ["target", "kind", "name", "right", "account", "until", "reason", "key"];

pub(crate) fn entitlement(value: &Rego) -> Result<EntitlementMember<'_>, Unfit> {
    let fields = Fields::of(value, "an entitlement", &ENTITLEMENT)?;
    Ok(EntitlementMember {
        key: key(&fields)?,
        account: AccountName::new(fields.text("account")?.unwrap_or_default()),
        until: fields.moment("until")?,
        reason: fields.text("reason")?,
    })
}

fn key(fields: &Fields<'_>) -> Result<EntitlementKey, Unfit> {
    let ready = fields.text("key")?;
    if let Some(ready) = ready
        && fields.get("target").is_none()
    {
        return Ok(EntitlementKey::parse(ready)?);
    }
    let written = EntitlementKey {
        target: TargetName::parse(fields.needed("target")?)?,
        kind: Kind::parse(fields.needed("kind")?)?,
        name: EntitlementName::parse(fields.needed("name")?)?,
        right: fields.text("right")?.map(Right::parse).transpose()?,
    };
    match ready {
        Some(ready) if ready != written.to_string() && EntitlementKey::parse(ready)? != written => {
            Err(Unfit { message: format!("the key says `{ready}`, the fields say `{written}`"), hint: None })
        }
        Some(_) | None => Ok(written),
    }
}

pub(crate) fn violation(value: &Rego) -> Result<Violation, Unfit> {
    let fields = Fields::of(value, "a violation", &["rule", "message", "enforcement", "entitlements", "waived"])?;
    let enforcement = match fields.text("enforcement")? {
        None | Some("report") => Enforcement::Report,
        Some("withhold") => Enforcement::Withhold,
        Some("revoke") => Enforcement::Revoke,
        Some(_) => return Err(fields.wrong("enforcement", "report, withhold or revoke")),
    };
    let mut entitlements = BTreeSet::new();
    match fields.get("entitlements") {
        None => {}
        Some(Rego::Array(items)) => {
            for item in items.iter() {
                entitlements.insert(named(item)?);
            }
        }
        Some(Rego::Set(items)) => {
            for item in items.iter_sorted() {
                entitlements.insert(named(item)?);
            }
        }
        Some(_) => return Err(fields.wrong("entitlements", "a list")),
    }
    let waived = match fields.get("waived") {
        None => None,
        Some(waiver) => {
            let waiver = Fields::of(waiver, "a waiver", &["until", "by", "reason"])?;
            Some(Waiver {
                until: waiver.moment("until")?.ok_or_else(|| waiver.wrong("until", "there: a waiver has an end"))?,
                by: waiver.text("by")?.unwrap_or_default().to_owned(),
                reason: waiver.text("reason")?.unwrap_or_default().to_owned(),
            })
        }
    };
    Ok(Violation {
        rule: fields.needed("rule")?.to_owned(),
        message: fields.text("message")?.unwrap_or_default().to_owned(),
        enforcement,
        entitlements,
        waived,
    })
}

/// An entitlement that a violation names: its key, or an object like those of `entitlements`.
fn named(value: &Rego) -> Result<EntitlementKey, Unfit> {
    if let Rego::String(text) = value { Ok(EntitlementKey::parse(text)?) } else { key(&Fields::of(value, "an entitlement", &ENTITLEMENT)?) }
}
