//! The operator is told to end, and what holds a realm's objects ends.

use serde_json::json;

use super::manifests::{crowd, person, small};
use super::site::Site;

#[tokio::test]
async fn told_to_end_it_finishes_what_it_is_sending() {
    let mut site = Site::at_work("sigterm").await;
    site.apply(small("1s")).await;
    site.apply_many(crowd(250)).await;
    site.until("some accounts are there", async |site| site.accounts("dir").enabled().len() > 10).await;
    let status = site.terminate().await;
    assert_eq!(status.code(), Some(0));
    let ledger = site.get("TargetSystem", "dir").await.unwrap()["status"]["ledger"].clone();
    assert!(ledger["stamp"]["sequence"].is_u64(), "{ledger:#}");
    assert_eq!((&ledger["intents"], &ledger["journal"]), (&json!(null), &json!(null)), "{ledger:#}");
    // What is in the target is on record, and nothing else.
    let recorded: usize = site.list("Person").await.iter().filter(|person| person["status"]["accounts"][0]["id"].is_string()).count();
    assert_eq!(recorded, site.accounts("dir").all().len());
    site.start();
    site.until("everybody has an account and a group", async |site| {
        let dir = site.accounts("dir");
        dir.enabled().len() == 250 && dir.grants().len() == 250
    })
    .await;
}

#[tokio::test]
async fn a_namespace_that_is_deleted_ends_and_accounts_stay() {
    let mut site = Site::at_work("doomed").await;
    site.controllers();
    site.apply(small("1s")).await;
    site.apply(["ann", "bob", "cid"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    let people = site.list("Person").await;
    assert!(people.iter().all(|person| person["metadata"]["finalizers"] == json!(["provost.dev/accounts"])), "{people:#?}");
    let dir = site.accounts("dir");
    let before = dir.whole();
    let namespace = site.namespace.clone();
    site.delete("Namespace", &namespace).await;
    site.until("the namespace is gone", async |site| site.get("Namespace", &site.namespace).await.is_none()).await;
    assert_eq!(dir.whole(), before);
}

#[tokio::test]
async fn a_status_that_somebody_takes_out_ends_nothing_and_is_written_again() {
    let mut site = Site::at_work("wiped").await;
    site.apply(small("1s")).await;
    site.apply(["ann", "bob", "cid"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    site.until_quiet().await;
    let bob = site.get("Person", "bob").await.unwrap()["status"]["accounts"].clone();
    let wipe = ["--subresource=status", "--type=merge", "--patch", r#"{"status": null}"#];
    site.kubectl(&[&["patch", "ptarget", "dir"], &wipe[..]].concat());
    site.kubectl(&[&["patch", "person", "bob"], &wipe[..]].concat());
    // At once, and without anything else to be done.
    site.until("both are as they were", async |site| {
        let dir = site.get("TargetSystem", "dir").await.unwrap();
        let again = site.get("Person", "bob").await.unwrap();
        dir["status"]["ledger"]["stamp"]["sequence"].is_u64()
            && dir["status"]["accounts"]["managed"] == 3
            && again["status"]["accounts"] == bob
    })
    .await;
    site.until_all_ready().await;
    // What comes next takes its way, also where the status is taken out once more before it.
    site.kubectl(&[&["patch", "ptarget", "dir"], &wipe[..]].concat());
    site.merge("Person", "ann", json!({"spec": {"suspended": true}})).await;
    site.until("ann is out", async |site| site.accounts("dir").disabled().contains("ann")).await;
    site.until_all_ready().await;
    site.accounts("dir").watch();
    site.until_quiet().await;
    // Whoever begins anew has all of it.
    site.restart().await;
    site.until_read_since_start().await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
}
