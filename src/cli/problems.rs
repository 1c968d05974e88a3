//! How what is wrong with manifests and policies is told: what, file, line, column, the line itself, what to do.

use jiff::Timestamp;

use super::source::Tell;
use super::world::World;
use crate::folder::load::Loaded;
use crate::folder::run::Session;
use crate::model::change::ChangeLine;
use crate::plan::render::whole_word;
use crate::policy::PolicyError;
use crate::realm::index::{RealmProblem, lines_of};
use crate::realm::load::{Folder, Problem, Severity, render};

/// Tells what is wrong with the manifests themselves; how many errors there are.
pub fn of_manifests(folder: &Folder, tell: Tell, world: &mut World) -> usize {
    for problem in &folder.problems {
        if problem.severity == Severity::Error || tell == Tell::All && !world.quiet {
            show(problem, folder, world);
        }
    }
    folder.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}

/// Tells what names somebody or something that is not there; how many of it freezes people.
pub fn of_realm(loaded: &Loaded, t: Timestamp, world: &mut World) -> usize {
    let problems = loaded.realm.problems(t);
    for problem in &problems {
        if problem.freezes || !world.quiet {
            show(&located(problem, loaded), &loaded.folder, world);
        }
    }
    for wrong in loaded.realm.policy_errors() {
        world.error(&wrong.reason.to_string());
    }
    problems.iter().filter(|problem| problem.freezes).count() + loaded.realm.policy_errors().len()
}

/// Tells which answers are over, apart from those that have released all that they named: they did what they were for.
pub fn of_answers(session: &Session, world: &mut World) {
    let realm = &session.loaded.realm;
    let ledgers = || session.seen.looks.values().map(|look| &look.ledger).chain(session.seen.others.values());
    for over in realm.approvals_over(session.t) {
        let named = realm.approvals().filter(|approval| approval.meta.name == over.name).flat_map(|approval| lines_of(&approval.spec));
        let released = |line: &ChangeLine| {
            ledgers().flat_map(|ledger| &ledger.released).any(|(name, lines)| name.as_str() == over.name.as_str() && lines.contains(line))
        };
        if !world.quiet && !named.collect::<Vec<_>>().iter().all(released) {
            show(&located(&over, &session.loaded), &session.loaded.folder, world);
        }
    }
}

/// Tells what is wrong with the policies.
pub fn of_policies(errors: &[PolicyError], world: &mut World) {
    for error in errors {
        world.complain(&error.render());
        world.complain("\n");
    }
}

/// Tells one problem with its line.
pub fn show(problem: &Problem, folder: &Folder, world: &mut World) {
    let text = render(problem, folder.files.get(&problem.file).map(String::as_str), world.colour_messages);
    world.complain(&format!("{}\n\n", text.trim_end()));
}

/// A problem of the realm at the line that names the object, or what is wrong with it.
fn located(problem: &RealmProblem, loaded: &Loaded) -> Problem {
    let text = loaded.folder.files.get(&problem.place.file);
    let (line, column, length) = text.and_then(|text| quoted_line(text, problem)).unwrap_or((problem.place.line, 1, 1));
    Problem {
        file: problem.place.file.clone(),
        line,
        column,
        length,
        severity: if problem.freezes { Severity::Error } else { Severity::Warning },
        message: format!("{}/{}: {}", problem.kind, problem.name, problem.message),
        hint: Some(problem.hint.clone()),
    }
}

/// The first line of the object that has the first name in quotes of the message.
fn quoted_line(text: &str, problem: &RealmProblem) -> Option<(u32, u32, u32)> {
    let name = problem.message.split('`').nth(1).filter(|name| !name.is_empty())?;
    let lines = text.lines().zip(1_u32..).filter(|(_, number)| *number >= problem.place.line);
    let object = lines.enumerate().take_while(|(index, (line, _))| *index == 0 || !line.starts_with("---")).map(|(_, line)| line);
    object.into_iter().find_map(|(line, number)| {
        let bare = line.split(" #").next().unwrap_or(line);
        let at = whole_word(bare, name)?;
        let column = u32::try_from(bare.get(..at)?.chars().count()).ok()?.saturating_add(1);
        Some((number, column, u32::try_from(name.chars().count()).ok()?))
    })
}
