//! `provost apply`: shows the plan, asks, carries it out, and ends with what was done.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Output;
use super::exit::Exit;
use super::source::{Tell, Where, sheet, target_called};
use super::world::World;
use crate::apply::target::Report;
use crate::folder::run::Access;
use crate::ledger::StoreError;
use crate::model::ids::TargetName;
use crate::plan::render::{Paint, Sheet, markdown::markdown, text::text};

/// What `apply` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Where,
    /// Carry out this target alone; the guard judges all of them together
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Do not ask. What the guard holds stays held
    #[arg(short = 'y', long)]
    auto_approve: bool,
    /// How the plan and what was done are written
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was done, target by target.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    done: BTreeMap<String, usize>,
    failed: Vec<Failed>,
    held: BTreeMap<String, usize>,
}

/// One change that was not done.
#[derive(Debug, Serialize)]
struct Failed {
    /// The change; the target alone where its ledger stopped everything there.
    line: String,
    reason: String,
    message: String,
}

/// Shows the plan, asks, and does it.
///
/// # Errors
/// Where nothing can be planned, or nobody says yes.
pub async fn run(args: &Args, world: &mut World) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !args.source.is_stream() || args.source.ledger.is_some(),
        "a stream of manifests has no ledger beside it: name one with --ledger, or give their folder with -f"
    );
    let mut session = args.source.session(Tell::All, Access::Write, None, world).await?;
    if let Some(target) = &args.target {
        let target = target_called(&session.loaded.realm, target)?;
        session.only(&target);
    }
    let sheet = sheet(&session, &args.source, None);
    let sending: BTreeMap<TargetName, usize> = session
        .round
        .targets
        .iter()
        .map(|(name, target)| (name.clone(), target.plan.sent().count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    let total = sending.values().sum();
    if args.output == Output::Text {
        world.print(&text(&sheet, world.paint()));
    }
    if total > 0 && !args.auto_approve {
        if args.output != Output::Text {
            let shown = text(&sheet, if world.colour_messages { Paint::Coloured } else { Paint::Plain });
            world.complain(&shown);
        }
        confirm(world)?;
    }
    let verdict = session.round.verdict(session.loaded.is_torn());
    let progress = Shown::new(&sending, total, world);
    let reports = session.carry_out(&|target: &TargetName, done: usize| progress.now(target, done)).await;
    progress.over();
    let outcome = Outcome::of(&sheet, reports);
    let written = match args.output {
        Output::Text => outcome.text(&sheet),
        Output::Json => serde_json::to_string_pretty(&serde_json::json!({ "plan": sheet, "result": outcome }))? + "\n",
        Output::Markdown => format!("{}\n```text\n{}```\n", markdown(&sheet), outcome.text(&sheet)),
    };
    world.print(&written);
    Ok(Exit::of_apply(verdict, outcome.failed.len()))
}

fn confirm(world: &mut World) -> anyhow::Result<()> {
    match world.ask("\nDo it? Only \"yes\" is accepted: ") {
        Some(answer) if answer == "yes" => Ok(()),
        Some(_) => anyhow::bail!("nothing was done: the answer was not \"yes\""),
        None => anyhow::bail!("nothing was done: there is no terminal to ask at; look at the plan and give --auto-approve"),
    }
}

/// Progress: a bar on a terminal, lines otherwise.
struct Shown {
    bar: Option<ProgressBar>,
    lines: bool,
    sending: BTreeMap<TargetName, usize>,
    done: Mutex<BTreeMap<TargetName, usize>>,
}

impl Shown {
    fn new(sending: &BTreeMap<TargetName, usize>, total: usize, world: &World) -> Self {
        let bar = (world.terminal && !world.quiet && total > 0).then(|| {
            let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
            if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos}/{len} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { lines: bar.is_none() && !world.quiet, bar, sending: sending.clone(), done: Mutex::default() }
    }

    #[expect(clippy::print_stderr, reason = "progress is written while the run holds everything else")]
    fn now(&self, target: &TargetName, done: usize) {
        let Ok(mut all) = self.done.lock() else { return };
        all.insert(target.clone(), done);
        let of = self.sending.get(target).copied().unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_position(u64::try_from(all.values().sum::<usize>()).unwrap_or(u64::MAX));
            bar.set_message(target.to_string());
        } else if self.lines {
            eprintln!("{target}: {done} of {of}");
        }
    }

    fn over(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Outcome {
    fn of(sheet: &Sheet, reports: BTreeMap<TargetName, Result<Report, StoreError>>) -> Self {
        let mut outcome = Self::default();
        for (target, report) in reports {
            match report {
                Ok(report) => {
                    outcome.done.insert(target.to_string(), report.answers.iter().filter(|(_, answer)| answer.is_ok()).count());
                    for (change, answer) in &report.answers {
                        if let Err(failure) = answer {
                            let (reason, message) = (failure.reason().to_owned(), failure.to_string());
                            outcome.failed.push(Failed { line: change.line().to_string(), reason, message });
                        }
                    }
                    for (change, why) in &report.left {
                        outcome.failed.push(Failed { line: change.line().to_string(), reason: "NotSent".to_owned(), message: why.clone() });
                    }
                }
                Err(error) => {
                    outcome.failed.push(Failed { line: target.to_string(), reason: "Ledger".to_owned(), message: error.to_string() })
                }
            }
        }
        for held in &sheet.held {
            outcome.held.insert(held.target.clone(), held.reasons.iter().map(|reason| reason.changes).sum());
        }
        outcome
    }

    fn text(&self, sheet: &Sheet) -> String {
        let mut out = String::from("\n");
        let done: usize = self.done.values().sum();
        let each: Vec<String> =
            self.done.iter().filter(|(_, count)| **count > 0).map(|(target, count)| format!("{target} {count}")).collect();
        let each = if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) };
        // Writing to a String cannot fail.
        let _ = match done {
            0 => writeln!(out, "Done: nothing was to be changed."),
            1 => writeln!(out, "Done: 1 change{each}."),
            _ => writeln!(out, "Done: {done} changes{each}."),
        };
        if !self.failed.is_empty() {
            let _ = writeln!(out, "Not done: {}", self.failed.len());
            for failed in &self.failed {
                let _ = writeln!(out, "  {}: {}", failed.line, failed.message);
            }
        }
        for held in &sheet.held {
            let count = self.held.get(&held.target).copied().unwrap_or_default();
            let _ = writeln!(out, "Held in {}: {count}. To let them through: {}", held.target, held.command);
        }
        out
    }
}
