//! `scim`: accounts are Users, entitlements are Groups of a SCIM 2.0 service (RFC 7643, RFC 7644).
//!
//! The service says what it can (ServiceProviderConfig, ResourceTypes, Schemas), and is believed only as far as its answers bear it out:
//! a listing is complete when its pages add up, a filter answers for what it was seen to understand. The owner key is kept in
//! `externalId`, the state in `active`. Attributes are named as SCIM's PATCH names them, such as `emails[type eq "work"].value`.
//!
//! ```text
//! mod (Reader, Writer) ─► read, members (list, find) ─► search ─► pages, filter ─► calls ─► net, gate
//!                     └─► write (edits, creation, membership) ──────────────┘
//!       service (what it says of itself) · path (attributes in a resource, PATCH) · account, groups (resources ─► model)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use self::calls::Calls;
use self::service::Service;
use super::{AddressRules, Batch, Opened, Reader, Wanted, Writer};
use crate::api::target::TargetSystemSpec;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{PersonId, TargetName};
use crate::model::observed::{Lookup, Observed};
use crate::model::schema::Schema;
use crate::model::secret::SecretData;

mod account;
mod calls;
mod filter;
mod groups;
mod members;
mod pages;
mod path;
mod read;
mod search;
mod service;
mod settings;
mod write;

pub(super) use self::settings::check;

/// Opens the two halves of a target. Nothing is asked yet.
pub(super) fn open(name: &TargetName, target: &TargetSystemSpec, secret: &SecretData, addresses: &AddressRules) -> Result<Opened, Failure> {
    let (http, login) = settings::http(target, secret, addresses)?;
    let scim = Arc::new(Scim {
        name: name.clone(),
        calls: Calls::new(http),
        login,
        service: Mutex::new(None),
        own: Mutex::new(None),
        joins: Seen::default(),
        by_member: Seen::default(),
    });
    Ok((Box::new(Half(Arc::clone(&scim))), Box::new(Half(scim))))
}

/// One half; the connection, and what is known of the service, are shared.
struct Half(Arc<Scim>);

/// A SCIM service.
struct Scim {
    name: TargetName,
    calls: Calls,
    /// The user name of a login by password.
    login: Option<String>,
    /// What it says of itself; the last probe tells.
    service: Mutex<Option<Arc<Service>>>,
    /// The id of our own login.
    own: Mutex<Option<String>>,
    /// It understands `or`.
    joins: Seen,
    /// It finds groups by their members.
    by_member: Seen,
}

impl Scim {
    /// What is known of the service, if anything is.
    fn known(&self) -> Option<Arc<Service>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the service says of itself; it is asked where that is not known yet.
    async fn service(&self) -> Result<Arc<Service>, Failure> {
        match self.known() {
            Some(service) => Ok(service),
            None => self.discover().await,
        }
    }

    fn own(&self) -> Option<String> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether the service was seen to understand something.
#[derive(Debug, Default)]
struct Seen(AtomicU8);

impl Seen {
    /// It does: an answer showed it.
    fn proven(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }

    /// It does not, or not as it is meant.
    fn refused(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 2
    }

    fn set(&self, understood: bool) {
        self.0.store(if understood { 1 } else { 2 }, Ordering::Relaxed);
    }
}

#[async_trait]
impl Reader for Half {
    async fn probe(&self) -> Result<Schema, Failure> {
        self.0.probe().await
    }

    async fn list(&self, wanted: &Wanted) -> Result<Observed, Failure> {
        self.0.list(wanted).await
    }

    async fn find(
        &self,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
        wanted: &Wanted,
    ) -> Result<Observed, Failure> {
        self.0.find(people, entitlements, wanted).await
    }
}

#[async_trait]
impl Writer for Half {
    async fn write(&self, batch: &mut Batch) {
        self.0.write(batch).await;
    }

    fn cost(&self, batch: &Batch) -> u32 {
        self.0.cost(batch)
    }
}
