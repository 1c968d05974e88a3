//! `provost check`: all that can be said of manifests and policies without asking a target.

use super::exit::Exit;
use super::problems;
use super::source::{Tell, Where};
use super::world::World;
use crate::apply::run::{offline, sources};
use crate::connector;
use crate::realm::load::{Problem, Severity};
use crate::realm::object::Body;

/// What `check` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Where,
}

/// Checks manifests and policies.
///
/// # Errors
/// Where it cannot be told which realm this is, or there is none.
pub fn run(args: &Args, world: &mut World) -> anyhow::Result<Exit> {
    let loaded = args.source.load(Tell::All, world)?;
    let mut errors = loaded.folder.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    errors += loaded.realm.problems(world.now).iter().filter(|problem| problem.freezes).count() + loaded.realm.policy_errors().len();
    for object in &loaded.folder.objects {
        let Body::TargetSystem(spec) = &object.body else { continue };
        for wrong in connector::check(spec) {
            errors += 1;
            let place = &object.meta.place;
            let message = format!("TargetSystem/{}: {wrong}", object.meta.name);
            let problem = Problem {
                file: place.file.clone(),
                line: place.line,
                column: 1,
                length: 1,
                severity: Severity::Error,
                message,
                hint: None,
            };
            problems::show(&problem, &loaded.folder, world);
        }
    }
    let (mappings, wrong) = offline(&loaded.realm);
    for (target, error) in &wrong {
        world.error(&format!("TargetSystem/{target}: {error}"));
    }
    let policies = crate::policy::check(&sources(&loaded.realm), &loaded.realm.roles_data(), &mappings);
    problems::of_policies(&policies, world);
    errors += policies.len() + wrong.len();
    let warnings = loaded.folder.problems.iter().filter(|problem| problem.severity == Severity::Warning).count()
        + loaded.realm.problems(world.now).iter().filter(|problem| !problem.freezes).count();
    if loaded.folder.ignored > 0 {
        world.tell(&format!("{} manifests of other kinds were left out", loaded.folder.ignored));
    }
    let objects = loaded.folder.objects.len();
    let word = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    world.print(&format!("{}: {}, {}\n", word(objects, "object"), word(errors, "error"), word(warnings, "warning")));
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}
