//! `provost approve` and `provost reject`: a person's answer to what the guard holds, written as an Approval beside the manifests, or
//! into the cluster.

mod cluster;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::cluster::Cluster;
use super::exit::Exit;
use super::source::{Tell, Where, sheet, target_called};
use super::world::World;
use crate::api::approval::{Answer, Approval, ApprovalSpec};
use crate::api::time::{Moment, Span};
use crate::folder::run::{Access, Session};
use crate::model::change::ChangeLine;
use crate::model::digest::digest_of_lines;
use crate::model::ids::TargetName;
use crate::plan::guard::{Fate, Guarded};
use crate::plan::render::text::held;

/// Which changes are answered, and by whom.
#[derive(Debug, Clone, clap::Args)]
struct Common {
    /// The target whose held changes are answered
    target: String,
    #[command(flatten)]
    source: Where,
    #[command(flatten)]
    cluster: Cluster,
    /// The digest of what is held, as `plan` shows it: refused where something else is held by now
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Answer this change alone, a line as `plan -o json` shows it; may be given more than once [default: all that is held]
    #[arg(long = "change", value_name = "LINE")]
    changes: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who answers [default: $USER]
    #[arg(long, value_name = "NAME")]
    approver: Option<String>,
}

/// What `approve` is asked.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    common: Common,
    /// How long the answer holds: 30m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h")]
    expires: String,
}

/// What `reject` is asked.
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    #[command(flatten)]
    common: Common,
    /// How long the answer holds: 30m, 24h, 7d [default: until the file is deleted]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

impl Common {
    fn approver(&self) -> Option<String> {
        self.approver.clone().or_else(|| std::env::var("USER").ok().filter(|user| !user.is_empty()))
    }
}

/// Lets held changes through, each once.
///
/// # Errors
/// Where nothing is held, or it is not what was looked at.
pub async fn approve(args: &ApproveArgs, world: &mut World) -> anyhow::Result<Exit> {
    answer(&args.common, Answer::Approve, Some(&args.expires), world).await
}

/// Keeps changes held, under any limit.
///
/// # Errors
/// Where nothing is held, or it is not what was looked at.
pub async fn reject(args: &RejectArgs, world: &mut World) -> anyhow::Result<Exit> {
    answer(&args.common, Answer::Reject, args.expires.as_deref(), world).await
}

async fn answer(args: &Common, decision: Answer, expires: Option<&str>, world: &mut World) -> anyhow::Result<Exit> {
    if let Some(namespace) = args.source.of_cluster() {
        return cluster::answer(args, namespace, decision, expires, world).await;
    }
    anyhow::ensure!(!args.source.is_stream(), "an answer is written beside the manifests: give their folder with -f");
    let session = args.source.session(Tell::Errors, Access::Read, None, world).await?;
    let target = target_called(&session.loaded.realm, &args.target)?;
    let lines = chosen(args, decision, &session, &target)?;
    let sheet = sheet(&session, &args.source, None);
    let shown = held(&sheet, target.as_str(), &|line| lines.contains(&ChangeLine::new(line)), world.paint());
    let approver = args.approver();
    if let (Answer::Approve, Some(approver)) = (decision, &approver) {
        not_of_oneself(approver, &session, &target, &lines)?;
    }
    let expires = expires.map(|text| span(text, world.now)).transpose()?;
    let spec = spec_of(args, &target, decision, &lines, expires, approver);
    let digest = spec.digest.clone();
    let path = write(&session.loaded.base, &target, &digest, spec, world.now)?;
    world.print(&shown);
    let count = lines.len();
    let (changes, them) = if count == 1 { ("1 change".to_owned(), "it") } else { (format!("{count} changes"), "them") };
    let until = expires.map_or_else(|| ", until the file is deleted".to_owned(), |until| format!(", until {until}"));
    match decision {
        Answer::Approve => world.tell(&format!(
            "\n{changes} approved{until}: {}\nThe next `provost apply{}` carries {them} out.",
            path.display(),
            args.source.flags()
        )),
        Answer::Reject => world.tell(&format!("\n{changes} rejected{until}: {}", path.display())),
    }
    Ok(Exit::Done)
}

fn spec_of(
    args: &Common,
    target: &TargetName,
    decision: Answer,
    lines: &BTreeSet<ChangeLine>,
    expires: Option<Timestamp>,
    approver: Option<String>,
) -> ApprovalSpec {
    ApprovalSpec {
        target: target.to_string(),
        decision,
        changes: lines.iter().map(ToString::to_string).collect(),
        digest: digest_of_lines(lines),
        expires: expires.map(Moment),
        approver,
        justification: args.reason.clone(),
    }
}

fn name_of(target: &TargetName, digest: &str, now: Timestamp) -> String {
    let short: String = digest.trim_start_matches("sha256:").chars().take(8).collect();
    format!("{target}-{}-{short}", now.strftime("%Y%m%d-%H%M%S")).to_lowercase()
}

/// The lines that are answered.
fn chosen(args: &Common, decision: Answer, session: &Session, target: &TargetName) -> anyhow::Result<BTreeSet<ChangeLine>> {
    if let Some(failure) = session.round.unread.get(target) {
        anyhow::bail!("{target} could not be read, so that nobody knows what is held there: {failure}");
    }
    let Some(round) = session.round.targets.get(target) else {
        anyhow::bail!("{target} is not worked with: it is suspended, or cannot be read")
    };
    if let Some(asked) = &args.digest {
        let now = round.plan.held_digest();
        anyhow::ensure!(
            *asked == now,
            "something else is held in {target} by now: look at `provost plan{}` again (digest {now})",
            args.source.flags()
        );
    }
    // What is sent anyway can be rejected as well; approved is what is held.
    let answerable = |item: &&Guarded| matches!(item.fate, Fate::Held(_)) || decision == Answer::Reject && !args.changes.is_empty();
    let known: BTreeSet<ChangeLine> = round.plan.items_and_to_come().filter(answerable).map(|item| item.change.line()).collect();
    if args.changes.is_empty() {
        anyhow::ensure!(!known.is_empty(), "nothing is held in {target}");
        return Ok(known);
    }
    let asked: BTreeSet<ChangeLine> = args.changes.iter().map(ChangeLine::new).collect();
    if let Some(unknown) = asked.iter().find(|line| !known.contains(line)) {
        anyhow::bail!("`{unknown}` is not held in {target}: `provost plan -o json{}` shows the lines", args.source.flags());
    }
    Ok(asked)
}

/// Nobody approves what concerns themselves.
fn not_of_oneself(approver: &str, session: &Session, target: &TargetName, lines: &BTreeSet<ChangeLine>) -> anyhow::Result<()> {
    let items = session.round.targets.get(target).into_iter().flat_map(|round| round.plan.items_and_to_come());
    for item in items.filter(|item| lines.contains(&item.change.line())) {
        let person = &item.change.key().person;
        let names = session.loaded.realm.declared(person);
        let theirs = person.as_str() == approver
            || names.iter().any(|declared| declared.meta.name.as_str() == approver || declared.spec.user_name.as_deref() == Some(approver));
        anyhow::ensure!(!theirs, "{approver} cannot approve what concerns {approver}: {}", item.change.line());
    }
    Ok(())
}

fn span(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let span: Span = serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| anyhow::anyhow!("--expires: `{text}` is no length of time: write 30m, 24h or 7d"))?;
    Ok(now.checked_add(span.length())?)
}

/// Writes the Approval; a file of its own for each answer.
fn write(base: &Path, target: &TargetName, digest: &str, spec: ApprovalSpec, now: Timestamp) -> anyhow::Result<PathBuf> {
    let folder = base.join(".provost").join("approvals");
    std::fs::create_dir_all(&folder)?;
    let name = name_of(target, digest, now);
    let approval = Approval::new(&name, spec);
    let path = folder.join(format!("{name}.yaml"));
    let text = serde_saphyr::to_string(&serde_json::to_value(&approval)?)?;
    let mut file = std::fs::File::create_new(&path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    Ok(path)
}
