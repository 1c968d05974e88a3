//! What an answer changes in what is remembered.

use jiff::Timestamp;

use crate::connector::Done;
use crate::model::account::AccountState;
use crate::model::change::{Act, Change};
use crate::model::ledger::{Grant, Link};
use crate::model::value::Value;
use crate::policy::decision::Asked;

/// What is left of a link after a change was done; `None`: nothing is remembered any more.
#[must_use]
pub fn after(link: &Link, change: &Change, done: &Done, asked: Option<&Asked>, t: Timestamp) -> Option<Link> {
    let mut link = link.clone();
    link.touched = Some(t);
    match change.act() {
        Act::Create { name, state, .. } => {
            link.id = done.id.clone().or(link.id);
            link.name.clone_from(name);
            link.state = *state;
            link.adopted = false;
            link.disabled = (*state == AccountState::Disabled).then_some(t);
        }
        Act::Enable => {
            link.state = AccountState::Enabled;
            link.disabled = None;
            link.disabled_elsewhere = false;
            link.sessions_ended = false;
        }
        Act::Disable => {
            link.state = AccountState::Disabled;
            link.disabled.get_or_insert(t);
            link.disabled_elsewhere = false;
        }
        Act::EndSessions => link.sessions_ended = true,
        Act::Delete | Act::Withdraw => return None,
        Act::Grant(key) => {
            let until = asked.and_then(|asked| asked.until);
            link.grants.insert(key.clone(), Grant { since: t, until, lapsed: None });
        }
        Act::Revoke(key) => {
            link.grants.remove(key);
        }
        Act::Set(attribute, Value::Many(sent)) => {
            if let Some(written) = link.written.get_mut(attribute) {
                written.retain(|value| sent.contains(value));
            }
        }
        Act::Set(attribute, Value::Text(name)) if attribute.as_str() == crate::plan::rules::USER_NAME => link.name.clone_from(name),
        Act::Clear(attribute) => {
            link.written.remove(attribute);
        }
        Act::Set(..) | Act::Own | Act::Provide(_) => {}
    }
    Some(link)
}
