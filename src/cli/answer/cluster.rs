//! An answer into a cluster: what is held there stands on the statuses of those whom it concerns.

use std::collections::BTreeSet;

use anyhow::Context as _;
use kube::Api;
use kube::api::PostParams;

use super::{Common, name_of, span, spec_of};
use crate::api::approval::{Answer, Approval};
use crate::cli::cluster::recorded;
use crate::cli::exit::Exit;
use crate::cli::source::target_called;
use crate::cli::world::World;
use crate::model::change::ChangeLine;
use crate::model::digest::digest_of_lines;

pub(super) async fn answer(
    args: &Common,
    namespace: &str,
    decision: Answer,
    expires: Option<&str>,
    world: &mut World,
) -> anyhow::Result<Exit> {
    let client = args.cluster.client().await?;
    let recorded = recorded(&client, namespace, world).await?;
    let target = target_called(&recorded.realm, &args.target)?;
    let held = recorded.held.get(&target).cloned().unwrap_or_default();
    let known: BTreeSet<ChangeLine> = held.values().flatten().map(ChangeLine::new).collect();
    anyhow::ensure!(!known.is_empty(), "nothing is held in {target}");
    let now = digest_of_lines(&known);
    if let Some(asked) = args.digest.as_ref().filter(|asked| **asked != now) {
        anyhow::bail!("something else is held in {target} by now, not {asked}: look again (digest {now})");
    }
    let lines: BTreeSet<ChangeLine> =
        if args.changes.is_empty() { known.clone() } else { args.changes.iter().map(ChangeLine::new).collect() };
    if let Some(unknown) = lines.difference(&known).next() {
        anyhow::bail!("`{unknown}` is not held in {target}: `kubectl get people,departures -n {namespace} -o yaml` shows the lines");
    }
    let approver = args.approver();
    if let (Answer::Approve, Some(approver)) = (decision, &approver) {
        for (key, of) in held.iter().filter(|(_, of)| of.iter().any(|line| lines.contains(&ChangeLine::new(line)))) {
            let declared = recorded.realm.declared(&key.person);
            let theirs = key.person.as_str() == approver
                || declared.iter().any(|one| one.meta.name.as_str() == approver || one.spec.user_name.as_deref() == Some(approver));
            let line = of.first().map_or("", String::as_str);
            anyhow::ensure!(!theirs, "{approver} cannot approve what concerns {approver}: {line}");
        }
    }
    let expires = expires.map(|text| span(text, world.now)).transpose()?;
    let spec = spec_of(args, &target, decision, &lines, expires, approver);
    let name = name_of(&target, &spec.digest, world.now);
    let approvals: Api<Approval> = Api::namespaced(client, namespace);
    approvals.create(&PostParams::default(), &Approval::new(&name, spec)).await.with_context(|| format!("Approval {name}"))?;
    for line in &lines {
        world.print(&format!("  {line}\n"));
    }
    let until = expires.map_or_else(|| ", until it is deleted".to_owned(), |until| format!(", until {until}"));
    let word = match decision {
        Answer::Approve => "approved",
        Answer::Reject => "rejected",
    };
    let changes = if lines.len() == 1 { "1 change".to_owned() } else { format!("{} changes", lines.len()) };
    world.tell(&format!("\n{changes} {word}{until}: approvals.provost.dev/{name}"));
    Ok(Exit::Done)
}
