//! What is deleted from the cluster, for good or for a moment.

use serde_json::json;

use super::manifests::{binding, binding_of, person, role, small, target};
use super::site::Site;

/// Ann, bob and cid; ann is a dev by a binding.
async fn three(settle: &str) -> Site {
    let mut site = Site::at_work("going").await;
    site.apply(small(settle)).await;
    site.apply(["ann", "bob", "cid"].map(|name| person(name, json!({})))).await;
    site.apply([binding("ann-devs", "devs", &["ann"])]).await;
    site.until_all_ready().await;
    let dir = site.accounts("dir");
    assert!(dir.grants().contains("ann group/devs"));
    dir.watch();
    site
}

#[tokio::test]
async fn a_binding_that_is_deleted_takes_its_right_after_a_while() {
    let mut site = three("4s").await;
    // For a moment: nothing happens at all.
    site.delete("RoleBinding", "ann-devs").await;
    site.until("it is known that the right is not wanted", async |site| {
        site.get("TargetSystem", "dir").await.unwrap()["status"]["pending"] == 1
    })
    .await;
    site.apply([binding("ann-devs", "devs", &["ann"])]).await;
    site.until_all_ready().await;
    site.until_asked_anew().await;
    assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
    // For good.
    site.delete("RoleBinding", "ann-devs").await;
    site.until("the right is gone", async |site| !site.accounts("dir").grants().contains("ann group/devs")).await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").writes(), ["revoke ann group/devs"]);
}

#[tokio::test]
async fn a_person_who_is_declared_anew_under_another_name_costs_nothing() {
    let mut site = three("1h").await;
    site.delete("Person", "ann").await;
    site.until("ann's object is gone and a Departure holds what was hers", async |site| {
        site.get("Person", "ann").await.is_none() && site.list("Departure").await.len() == 1
    })
    .await;
    let departure = site.list("Departure").await.remove(0);
    assert_eq!(departure["status"]["externalId"], "ann", "{departure:#}");
    assert_eq!(departure["status"]["accounts"][0]["userName"], "ann", "{departure:#}");
    site.apply([
        person("anna", json!({"externalId": "ann", "userName": "ann", "displayName": "ANN"})),
        binding("ann-devs", "devs", &["anna"]),
    ])
    .await;
    site.until("the Departure is over", async |site| site.list("Departure").await.is_empty()).await;
    site.until_all_ready().await;
    let anna = site.get("Person", "anna").await.unwrap();
    assert_eq!(anna["status"]["accounts"][0]["userName"], "ann", "{anna:#}");
    // The other order: the new object is there before the old one goes.
    site.apply([person("annie", json!({"externalId": "ann", "userName": "ann", "displayName": "ANN"}))]).await;
    site.delete("Person", "anna").await;
    site.apply([binding("ann-devs", "devs", &["annie"])]).await;
    site.until("only annie is left", async |site| {
        site.get("Person", "anna").await.is_none()
            && site.get("Person", "annie").await.unwrap()["status"]["accounts"][0]["userName"] == "ann"
    })
    .await;
    site.until_all_ready().await;
    site.until_asked_anew().await;
    assert!(site.list("Departure").await.is_empty());
    assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_person_who_is_deleted_is_shut_out_after_a_while() {
    let mut site = three("4s").await;
    site.delete("Person", "ann").await;
    site.until("the object is gone at once", async |site| site.get("Person", "ann").await.is_none()).await;
    site.until("ann's account is shut and holds nothing", async |site| {
        let dir = site.accounts("dir");
        dir.disabled().contains("ann") && !dir.grants().iter().any(|grant| grant.starts_with("ann "))
    })
    .await;
    site.until("the Departure shows it", async |site| {
        site.list("Departure").await.first().is_some_and(|departure| departure["status"]["accounts"][0]["state"] == "Disabled")
    })
    .await;
    // Once the Departure is deleted, nothing is remembered, and the account stays as it is, whoever reads the target.
    let departure = site.list("Departure").await.remove(0);
    site.delete("Departure", departure["metadata"]["name"].as_str().unwrap()).await;
    site.until_asked_anew().await;
    site.restart().await;
    site.until_read_since_start().await;
    assert!(site.list("Departure").await.is_empty());
    assert!(site.accounts("dir").disabled().contains("ann"));
    let orphans = &site.get("TargetSystem", "dir").await.unwrap()["status"]["accounts"]["orphaned"];
    assert_eq!(*orphans, json!(1));
}

#[tokio::test]
async fn a_departure_that_is_deleted_in_time_lets_the_account_be() {
    let mut site = three("1h").await;
    site.delete("Person", "bob").await;
    site.until("a Departure", async |site| site.list("Departure").await.len() == 1).await;
    let departure = site.list("Departure").await.remove(0);
    site.delete("Departure", departure["metadata"]["name"].as_str().unwrap()).await;
    site.merge("Realm", "realm", json!({"spec": {"settle": "1s"}})).await;
    // Somebody else's removal comes later by the same way: bob's would have come before.
    site.delete("RoleBinding", "ann-devs").await;
    site.until("ann's right is gone", async |site| !site.accounts("dir").grants().contains("ann group/devs")).await;
    site.until_asked_anew().await;
    assert!(site.list("Departure").await.is_empty());
    assert_eq!(site.accounts("dir").writes(), ["revoke ann group/devs"]);
}

#[tokio::test]
async fn a_departure_that_is_deleted_is_forgotten_where_nobody_works_too() {
    let mut site = three("1h").await;
    let (chat, post) = (target("chat", json!({})), target("post", json!({})));
    site.apply([chat.clone(), post.clone(), role("all", &["chat/all", "post/all"]), role("more", &["chat/more", "post/more"])]).await;
    site.apply([binding_of("all", "all", "Sales"), binding("ann-more", "more", &["ann"])]).await;
    for name in ["chat", "post"] {
        site.until("everybody is there", async |site| {
            let there = site.accounts(name);
            there.enabled().len() == 3 && there.grants().contains("ann group/more")
        })
        .await;
    }
    site.until_all_ready().await;
    site.until_quiet().await;
    ["chat", "post"].iter().for_each(|name| site.accounts(name).watch());
    // One target is declared no more, one is suspended.
    site.delete("TargetSystem", "chat").await;
    site.merge("TargetSystem", "post", json!({"spec": {"suspend": true}})).await;
    site.until_said("TargetSystem", "post", "Ready", "True").await;
    site.delete("Person", "bob").await;
    site.until("a Departure of three accounts", async |site| {
        site.list("Departure")
            .await
            .first()
            .is_some_and(|departure| departure["status"]["accounts"].as_array().is_some_and(|all| all.len() == 3))
    })
    .await;
    let departure = site.list("Departure").await.remove(0);
    site.delete("Departure", departure["metadata"]["name"].as_str().unwrap()).await;
    // Removals go out soon from now on, and both targets are worked on again: bob's would come before ann's.
    site.merge("Realm", "realm", json!({"spec": {"settle": "1s"}})).await;
    site.apply([chat]).await;
    site.merge("TargetSystem", "post", json!({"spec": {"suspend": false}})).await;
    site.until_all_ready().await;
    site.until_asked_anew().await;
    site.delete("RoleBinding", "ann-more").await;
    for name in ["chat", "post"] {
        site.until("ann's right is gone", async |site| !site.accounts(name).grants().contains("ann group/more")).await;
    }
    site.until_asked_anew().await;
    for name in ["chat", "post"] {
        assert_eq!(site.accounts(name).writes(), ["revoke ann group/more"], "{name}");
        assert_eq!(site.get("TargetSystem", name).await.unwrap()["status"]["accounts"]["orphaned"], 1, "{name}");
    }
    assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
    assert!(site.list("Departure").await.is_empty());
}

#[tokio::test]
async fn who_is_to_be_retained_is_left_alone() {
    let mut site = three("1s").await;
    site.merge("Person", "bob", json!({"spec": {"deletionPolicy": "Retain"}})).await;
    site.until_said("Person", "bob", "Ready", "True").await;
    site.until("it is remembered", async |site| {
        site.get("Person", "bob").await.unwrap()["status"]["accounts"][0]["record"].to_string().to_lowercase().contains("retain")
    })
    .await;
    site.delete("Person", "bob").await;
    site.until("bob's object is gone", async |site| site.get("Person", "bob").await.is_none()).await;
    site.delete("RoleBinding", "ann-devs").await;
    site.until("ann's right is gone", async |site| !site.accounts("dir").grants().contains("ann group/devs")).await;
    site.until_asked_anew().await;
    assert_eq!(site.accounts("dir").writes(), ["revoke ann group/devs"]);
}

#[tokio::test]
async fn who_comes_back_while_nothing_can_be_decided_is_back_once_it_can() {
    let mut site = three("1h").await;
    let policy = site.get("Policy", "access").await.unwrap()["spec"].clone();
    site.delete("Person", "bob").await;
    site.until("it is remembered that bob is gone", async |site| {
        let departures = site.list("Departure").await;
        departures.first().is_some_and(|departure| departure["status"]["accounts"][0]["record"]["gone"].is_string())
    })
    .await;
    site.delete("Policy", "access").await;
    site.until("the realm is frozen", async |site| site.get("Realm", "realm").await.unwrap()["status"]["frozen"].is_string()).await;
    site.apply([person("bob", json!({}))]).await;
    site.until("it is remembered that he is back", async |site| {
        let bob = site.get("Person", "bob").await.unwrap();
        bob["status"]["accounts"][0]["userName"] == "bob" && bob["status"]["accounts"][0]["record"]["gone"].is_null()
    })
    .await;
    site.apply([super::manifests::object("Policy", "access", policy)]).await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
}
