//! Answers to `why` and `who-has`, for people.

use std::fmt::Write as _;

use owo_colors::Style;

use super::{Paint, aligned};
use crate::plan::why::{Because, Entitled, Holder};

/// All that one person has, and why; `only`: the entitlements alone.
#[must_use]
pub fn because(because: &Because, only: bool, paint: Paint) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    let state = because.state.map_or("state unknown", |state| state.as_str());
    let _ = writeln!(out, "{}   {}, externalId {}   {}", paint.style(&because.name, bold), state, because.person, because.place);
    if let Some(frozen) = &because.frozen {
        let _ = writeln!(out, "{} frozen, nothing is granted or removed by policy: {frozen}", paint.style("!", Style::new().red().bold()));
    }
    if !only {
        if let Some(next) = because.next {
            let _ = writeln!(out, "next change by itself: {next}");
        }
        accounts(because, paint, &mut out);
    }
    if !because.entitlements.is_empty() {
        let _ = writeln!(out, "\n{}", paint.style("Entitlements", bold));
        for entitled in &because.entitlements {
            entitlement(&name(entitled), entitled, paint, &mut out);
        }
    }
    for violation in &because.violations {
        let waived = violation.waived.as_ref().map(|waiver| format!(" [{waiver}]")).unwrap_or_default();
        let _ =
            writeln!(out, "\n{} {}: {}{waived}", paint.style("violation", Style::new().yellow().bold()), violation.rule, violation.message);
    }
    if !only && !because.findings.is_empty() {
        out.push('\n');
        for finding in &because.findings {
            let _ = writeln!(out, "{finding}");
        }
    }
    out
}

fn accounts(because: &Because, paint: Paint, out: &mut String) {
    if because.accounts.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.style("Accounts", Style::new().bold()));
    let rows: Vec<Vec<String>> = because
        .accounts
        .iter()
        .map(|account| {
            let target =
                if account.account.is_empty() { account.target.clone() } else { format!("{}#{}", account.target, account.account) };
            let since = account.since.map(|since| format!(" since {since}")).unwrap_or_default();
            let reasons =
                account.reasons.iter().map(String::as_str).chain(account.plan.iter().map(String::as_str)).collect::<Vec<_>>().join("; ");
            let state = match (&account.state, &account.unread) {
                (Some(state), _) => format!("{state:?}{since}"),
                (None, Some(why)) => format!("not read: {why}{since}"),
                (None, None) => "not read".to_owned(),
            };
            vec![target, account.login.clone(), state, reasons]
        })
        .collect();
    for line in aligned(&rows, 40) {
        let _ = writeln!(out, "  {line}");
    }
}

fn name(entitled: &Entitled) -> String {
    if entitled.account.is_empty() { entitled.key.clone() } else { format!("{} (account {})", entitled.key, entitled.account) }
}

fn entitlement(name: &str, entitled: &Entitled, paint: Paint, out: &mut String) {
    let (sign, style) = if entitled.held { ("●", Style::new().green()) } else { ("○", Style::new().yellow()) };
    let since = |words: &str| entitled.since.map(|since| format!("{words} {since}")).unwrap_or_default();
    let held = match (entitled.held, &entitled.unread) {
        (true, _) => format!("held{}", since(" since")),
        (false, Some(why)) => format!("not read: {why}{}", since("; on record since")),
        (false, None) => "not held".to_owned(),
    };
    let until = entitled.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let _ = writeln!(out, "  {} {}   {held}{until}", paint.style(sign, style), paint.style(name, Style::new().bold()));
    for chain in &entitled.chains {
        let _ = writeln!(out, "      {chain}");
    }
    if let Some(plan) = &entitled.plan {
        let _ = writeln!(out, "      {}", paint.style(plan, Style::new().yellow()));
    }
}

/// Everybody who holds it, or would.
#[must_use]
pub fn holders(asked: &str, holders: &[Holder], paint: Paint) -> String {
    let mut out = String::new();
    let held = holders.iter().filter(|holder| holder.entitled.held).count();
    let unread = holders.iter().filter(|holder| holder.entitled.unread.is_some()).count();
    let more = holders.iter().filter(|holder| holder.entitled.comes && holder.entitled.unread.is_none()).count();
    let not_read = if unread == 0 { String::new() } else { format!("; not read of {unread}") };
    let _ = writeln!(out, "{}   held by {held}, {more} more are to get it{not_read}", paint.style(asked, Style::new().bold()));
    for holder in holders {
        let mut shown = holder.name.clone();
        if holder.person.is_none() {
            shown = format!("account {shown}");
        } else if !holder.entitled.account.is_empty() {
            shown = format!("{shown} (account {})", holder.entitled.account);
        }
        if holder.entitled.key != asked {
            shown = format!("{shown} {}", holder.entitled.key);
        }
        entitlement(&shown, &holder.entitled, paint, &mut out);
    }
    out
}
