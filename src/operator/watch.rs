//! One kind of object, followed: listed once, then watched from there on, for ever. Each kind has a loop and a backoff of its own, so that
//! one that is forbidden or gone slows no other. Bookmarks are handed on, since they say how far a quiet kind has been read.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{ListParams, WatchParams};
use kube::core::WatchEvent;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::answer::{SILENT, answered, said};
use super::backoff::Backoff;
use super::object::{Entry, Watched};

/// How many objects a page of a listing has.
const PAGE: u32 = 500;
/// How long one page may take.
const LISTING: Duration = Duration::from_secs(60);
/// How long a watch lasts, in seconds; the API server takes less than 295.
const WATCH: u32 = 290;
/// A watch that is to bring a bookmark soon: the API server sends one before it ends.
const SHORT_WATCH: u32 = 3;

/// What a loop sees.
#[derive(Debug)]
pub enum Event {
    /// Everything there is, as of a version.
    Listed {
        /// What is followed.
        of: Watched,
        /// All of it.
        entries: Vec<Entry>,
        /// The version of the list.
        version: u64,
    },
    /// One object is there, or is another one now.
    Applied(Box<Entry>),
    /// One object is gone.
    Deleted(Box<Entry>),
    /// Everything up to this version has been seen.
    Reached {
        /// What is followed.
        of: Watched,
        /// How far.
        version: u64,
    },
    /// It cannot be read at present; what was read before stands.
    Failing {
        /// What is followed.
        of: Watched,
        /// Why, for people.
        why: String,
    },
}

/// Follows one kind until nobody listens any more.
pub async fn follow<K>(api: Api<K>, of: Watched, read: fn(K) -> Option<Entry>, events: mpsc::UnboundedSender<Event>, nudge: Arc<Notify>)
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    loop {
        let (entries, mut version) = match list(&api, read).await {
            Ok(listed) => listed,
            Err(why) => {
                if events.send(Event::Failing { of, why }).is_err() {
                    return;
                }
                sleep(backoff.next()).await;
                continue;
            }
        };
        if events.send(Event::Listed { of, entries, version: number(&version) }).is_err() {
            return;
        }
        let mut soon = false;
        loop {
            let before = version.clone();
            let length = if std::mem::take(&mut soon) { SHORT_WATCH } else { WATCH };
            match watch(&api, of, read, &events, &nudge, &mut version, length).await {
                End::Over => backoff.reset(),
                End::Nudged => {
                    // A list that must be up to now makes the API server's own watch of a quiet kind catch up; the bookmark then says so.
                    let _ = timeout(LISTING, api.list_metadata(&ListParams::default().limit(1))).await;
                    soon = true;
                }
                End::Gone => break,
                End::Closed => return,
                End::Failed(why) => {
                    if before != version {
                        backoff.reset();
                    }
                    tracing::debug!(kind = %of, %why, "the watch ended");
                    sleep(backoff.next()).await;
                    // What cannot be watched may be gone, or forbidden by now: the listing says so.
                    if backoff.tries() > 3 {
                        break;
                    }
                }
            }
        }
    }
}

/// How a watch ended.
enum End {
    /// By its time.
    Over,
    /// Somebody wants to know how far it has been read.
    Nudged,
    /// The version is too old: list again.
    Gone,
    /// Nobody listens.
    Closed,
    /// By an error.
    Failed(String),
}

/// Everything there is, page by page, and the version of the list.
///
/// # Errors
/// For people: why it cannot be listed.
pub async fn list<K>(api: &Api<K>, read: fn(K) -> Option<Entry>) -> Result<(Vec<Entry>, String), String>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut entries = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = answered(LISTING, api.list(&params)).await?;
        entries.extend(page.items.into_iter().filter_map(read));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok((entries, page.metadata.resource_version.unwrap_or_default())),
        }
    }
}

async fn watch<K>(
    api: &Api<K>,
    of: Watched,
    read: fn(K) -> Option<Entry>,
    events: &mpsc::UnboundedSender<Event>,
    nudge: &Notify,
    version: &mut String,
    seconds: u32,
) -> End
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let params = WatchParams::default().timeout(seconds);
    let stream = match timeout(LISTING, api.watch(&params, version)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return ended(&error),
        Err(_) => return End::Failed(SILENT.to_owned()),
    };
    let mut stream = stream.into_stream().boxed();
    // Longer than the watch itself: a connection that died without a word ends here.
    let silence = Duration::from_secs(u64::from(seconds) + 15);
    loop {
        let next = tokio::select! {
            next = timeout(silence, stream.next()) => next,
            () = nudge.notified(), if seconds != SHORT_WATCH => return End::Nudged,
        };
        let event = match next {
            Err(_) => return End::Failed("the watch fell silent".to_owned()),
            Ok(None) => return End::Over,
            Ok(Some(Err(error))) => return ended(&error),
            Ok(Some(Ok(event))) => event,
        };
        let told = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                keep(version, object.meta().resource_version.clone());
                read(object).map(|entry| Event::Applied(Box::new(entry)))
            }
            WatchEvent::Deleted(object) => {
                keep(version, object.meta().resource_version.clone());
                read(object).map(|entry| Event::Deleted(Box::new(entry)))
            }
            WatchEvent::Bookmark(bookmark) => {
                keep(version, Some(bookmark.metadata.resource_version));
                Some(Event::Reached { of, version: number(version) })
            }
            WatchEvent::Error(status) if status.code == 410 => return End::Gone,
            WatchEvent::Error(status) => return End::Failed(status.message),
        };
        if let Some(told) = told
            && events.send(told).is_err()
        {
            return End::Closed;
        }
    }
}

fn keep(version: &mut String, new: Option<String>) {
    if let Some(new) = new {
        *version = new;
    }
}

fn ended(error: &kube::Error) -> End {
    if let kube::Error::Api(status) = error
        && status.code == 410
    {
        return End::Gone;
    }
    End::Failed(said(error))
}

/// Versions are compared as numbers, as the API server of today promises; one that is none counts as not read yet.
pub fn number(version: &str) -> u64 {
    version.parse().unwrap_or_default()
}
