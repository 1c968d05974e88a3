//! Which realm is meant: the flags that all commands share, and how they become a loaded realm.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;

use super::problems;
use super::world::World;
use crate::folder::load::{Loaded, Options, Source, read};
use crate::folder::run::{Access, Session};
use crate::model::ids::{PersonId, TargetName};
use crate::model::ledger::Ledger;
use crate::plan::places::Places;
use crate::plan::render::{Names, Of, Sheet};
use crate::plan::round::Look;
use crate::plan::why::{Known, person_called};
use crate::policy::policies_digest;
use crate::realm::index::Realm;

/// Which realm is meant.
#[derive(Debug, Clone, clap::Args)]
pub struct Where {
    /// Folder of manifests, read recursively; `-` reads a stream of manifests from stdin [default: .]
    #[arg(short = 'f', long = "filename", value_name = "DIR")]
    filename: Option<String>,
    /// Id of the realm, where neither a Realm manifest nor a namespace gives one
    #[arg(long, value_name = "ID")]
    pub realm: Option<String>,
    /// The ledger [default: DIR/.provost/ledger.db]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Namespace of the manifests, where they name none; they must not name another
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
}

/// How much is said of what is wrong with the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// What cannot be read.
    Errors,
    /// That, and what names somebody or something that is not there.
    All,
}

impl Where {
    /// Whether the manifests come from stdin.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.folder() == "-"
    }

    /// The namespace of a cluster that is meant: one is named, and no folder.
    #[must_use]
    pub fn of_cluster(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|_| self.filename.is_none())
    }

    fn folder(&self) -> &str {
        self.filename.as_deref().unwrap_or(".")
    }

    /// The flags as they were given, for commands that are shown: ` -f examples/acme`.
    #[must_use]
    pub fn flags(&self) -> String {
        let mut flags = String::new();
        let mut add = |flag: &str, value: &str| {
            let plain = value.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
            flags.push_str(&if plain { format!(" {flag} {value}") } else { format!(" {flag} '{}'", value.replace('\'', r"'\''")) });
        };
        if self.folder() != "." {
            add("-f", self.folder());
        }
        for (flag, value) in [("--realm", &self.realm), ("-n", &self.namespace)] {
            if let Some(value) = value {
                add(flag, value);
            }
        }
        if let Some(ledger) = &self.ledger {
            add("--ledger", &ledger.display().to_string());
        }
        flags
    }

    /// Loads the realm, and says what is wrong with it.
    ///
    /// # Errors
    /// Where it cannot be told which realm this is, or there is none.
    pub fn load(&self, tell: Tell, world: &mut World) -> anyhow::Result<Loaded> {
        let source = if self.is_stream() {
            let mut text = String::new();
            world.input.read_to_string(&mut text)?;
            Source::Stream(text)
        } else {
            Source::Path(PathBuf::from(self.folder()))
        };
        let manifests = read(&source)?;
        problems::of_manifests(&manifests.folder, tell, world);
        let options = Options { realm: self.realm.clone(), namespace: self.namespace.clone(), ledger: self.ledger.clone() };
        let loaded = manifests.realm(&options)?;
        if tell == Tell::All {
            problems::of_realm(&loaded, world.now, world);
        }
        Ok(loaded)
    }

    /// Loads the realm, looks at its targets, and plans; what is wrong with the policies is said.
    ///
    /// # Errors
    /// Where nothing can be planned.
    pub async fn session(&self, tell: Tell, access: Access, at: Option<&str>, world: &mut World) -> anyhow::Result<Session> {
        let loaded = self.load(tell, world)?;
        let t = at.map_or(Ok(world.now), |text| moment(text, &loaded))?;
        let session = Session::look(loaded, access, t).await?;
        for warning in session.seen.looks.values().filter_map(Look::warning) {
            world.warn(&format!("{}: {}", warning.subject, warning.message));
        }
        if tell == Tell::All {
            problems::of_answers(&session, world);
        }
        if let Err(errors) = &session.seen.compiled {
            problems::of_policies(errors, world);
        }
        Ok(session)
    }
}

/// `2027-03-01T09:00:00Z`, or `2027-03-01`: midnight in the realm's zone.
fn moment(text: &str, loaded: &Loaded) -> anyhow::Result<Timestamp> {
    if let Ok(t) = text.parse::<Timestamp>() {
        return Ok(t);
    }
    let day = text.parse::<Date>().map_err(|_| anyhow::anyhow!("--at: `{text}` is no time: write 2027-03-01 or 2027-03-01T09:00:00Z"))?;
    Ok(day.to_zoned(loaded.realm.zone().clone())?.timestamp())
}

/// The target of that name.
///
/// # Errors
/// Where there is none.
pub fn target_called(realm: &Realm, text: &str) -> anyhow::Result<TargetName> {
    let name = TargetName::parse(text)?;
    let known: Vec<String> = realm.targets().keys().map(ToString::to_string).collect();
    if known.iter().any(|target| target == text) || realm.unreadable_targets().contains_key(&name) {
        Ok(name)
    } else {
        Err(anyhow::anyhow!("there is no TargetSystem `{text}` in realm {} (there are: {})", realm.id(), known.join(", ")))
    }
}

/// The person of that object name, externalId or userName.
///
/// # Errors
/// Where there is none.
pub fn person_of(known: &Known<'_>, others: &BTreeMap<TargetName, Ledger>, text: &str) -> anyhow::Result<PersonId> {
    let recorded = || {
        let ledgers = known.looks.values().map(|look| &look.ledger).chain(others.values());
        ledgers.flat_map(|ledger| ledger.links.keys()).map(|key| &key.person).find(|person| person.as_str() == text).cloned()
    };
    let id = known.realm.id();
    person_called(known.realm, text)
        .or_else(recorded)
        .ok_or_else(|| anyhow::anyhow!("there is no Person `{text}` in realm {id}: give a name, an externalId or a userName"))
}

/// The sheet of a session.
#[must_use]
pub fn sheet(session: &Session, flags: &Where, person: Option<&PersonId>) -> Sheet {
    let items = session.round.targets.values().flat_map(|target| target.plan.items_and_to_come());
    let people = items.map(|item| item.change.key().person.clone()).filter(|of| person.is_none_or(|person| person == of)).collect();
    let compiled = session.seen.compiled.as_ref().ok();
    let places = Places::of(&session.loaded.realm, compiled, session.loaded.places.clone(), &people, session.t);
    Sheet::of(&Of {
        realm: &session.loaded.realm,
        looks: &session.seen.looks,
        round: &session.round,
        names: &Names::of(&session.loaded.realm),
        places: &places,
        policies: policies_digest(&crate::apply::run::sources(&session.loaded.realm)),
        flags: flags.flags(),
        person,
        t: session.t,
    })
}

/// What `why` and `who-has` are put to.
#[must_use]
pub fn known(session: &Session) -> Known<'_> {
    Known {
        realm: &session.loaded.realm,
        looks: &session.seen.looks,
        others: &session.seen.others,
        recorded: false,
        round: &session.round,
        compiled: session.seen.compiled.as_ref().ok(),
        places: &session.loaded.places,
        t: session.t,
    }
}
