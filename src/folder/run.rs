//! One run over a folder: open the targets and the ledger, look at all, plan and judge all, and carry it out when it was answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::load::Loaded;
use super::vault::FolderVault;
use crate::api::target::{Mode, TargetSystemSpec};
use crate::apply::run::{Seen, Targets, carry_out, look, plan};
use crate::apply::target::{Oversight, Report, Target};
use crate::connector::{self, Remembered};
use crate::ledger::sqlite::SqliteLedgers;
use crate::ledger::{LedgerStore, StoreError, Vault};
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, TargetName};
use crate::model::secret::SecretData;
use crate::plan::round::Round;

/// Whether a run may write at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written, not even a ledger is made.
    Read,
    /// Targets and the ledger may be written.
    Write,
}

/// One run: everything that was seen, and what is to be done about it.
pub struct Session {
    /// The realm and its manifests.
    pub loaded: Loaded,
    /// What was seen.
    pub seen: Seen,
    /// What is to be done.
    pub round: Round,
    /// When.
    pub t: Timestamp,
    targets: Targets,
    store: SqliteLedgers,
}

/// The time now, in whole seconds: the only clock of a folder's run.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a run reads the clock once, here, and hands the time on")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

impl Session {
    /// Looks at every target, and plans and judges all of it at `t`.
    ///
    /// # Errors
    /// [`StoreError`] of the ledger: nothing can be planned then.
    pub async fn look(mut loaded: Loaded, access: Access, t: Timestamp) -> Result<Self, StoreError> {
        let vault = FolderVault::new(loaded.folder.secrets.clone(), &loaded.base, std::env::vars());
        let store = match access {
            Access::Read => SqliteLedgers::read_only(&loaded.ledger),
            Access::Write => SqliteLedgers::new(&loaded.ledger),
        };
        let targets = open_all(&loaded, &vault, &store, access).await?;
        let seen = look(&mut loaded.realm, &targets, &store, t).await?;
        let round = plan(&loaded.realm, &seen, None, t);
        Ok(Self { loaded, seen, round, t, targets, store })
    }

    /// Leaves all targets out of what is carried out but this one.
    pub fn only(&mut self, target: &TargetName) {
        self.round.targets.retain(|name, _| name == target);
        self.round.unread.retain(|name, _| name == target);
    }

    /// Carries the round out. One target never stops the others.
    pub async fn carry_out(&mut self, oversight: &dyn Oversight) -> BTreeMap<TargetName, Result<Report, StoreError>> {
        carry_out(&self.round, &mut self.seen, &self.targets, &self.store, self.t, oversight).await
    }
}

/// Opens every target that is worked with; one that cannot be opened carries the reason.
async fn open_all(loaded: &Loaded, vault: &FolderVault, store: &dyn LedgerStore, access: Access) -> Result<Targets, StoreError> {
    let mut targets = Targets::new();
    for (name, target) in loaded.realm.targets() {
        if target.spec.suspend {
            continue;
        }
        let remembered = Remembered::of(&store.load(&name).await?);
        targets.insert(name.clone(), open(&name, &target.spec, &loaded.base, vault, remembered, access).await.map(Arc::new));
    }
    Ok(targets)
}

async fn open(
    name: &TargetName,
    spec: &TargetSystemSpec,
    base: &Path,
    vault: &FolderVault,
    remembered: Remembered,
    access: Access,
) -> Result<Target, Failure> {
    let secret = match &spec.secret_ref {
        None => SecretData::new(),
        Some(reference) => {
            let secret = ObjectName::parse(reference.name.as_str()).map_err(|error| Failure::Config(format!("spec.secretRef: {error}")))?;
            vault.read(&secret).await.map_err(|error| match error {
                StoreError::MissingSecret(secret) => Failure::Config(format!(
                    "there is no Secret {secret}: write a Secret manifest, .provost/secrets/{secret}/KEY, or set PROVOST_SECRET_<NAME>_<KEY>"
                )),
                StoreError::Conflict(_) | StoreError::Store(_) => Failure::Config(error.to_string()),
            })?
        }
    };
    let (reader, writer) = connector::open(name, spec, base, &secret, remembered)?;
    let observe = spec.mode == Some(Mode::Observe) || access == Access::Read;
    Ok(Target::new(name.clone(), reader, (!observe).then_some(writer)))
}
