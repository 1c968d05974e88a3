//! Targets that do not answer, are only watched, or are left alone; and people who are.

use serde_json::json;

use super::accounts::TABLES;
use super::manifests::{binding, crowd, person, role, small, target};
use super::site::{Site, said};

#[tokio::test]
async fn a_target_that_is_not_there_holds_up_no_other() {
    let mut site = Site::at_work("absent").await;
    site.apply(small("1s")).await;
    let absent = |name: &str| target(name, json!({"sqlite": {"path": format!("absent/{name}.db"), "create": false}}));
    site.apply([absent("app"), absent("web"), role("staff", &["dir/staff", "app/users", "web/users"])]).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until("the good one goes on", async |site| site.accounts("dir").grants().len() == 2).await;
    site.until_said("TargetSystem", "dir", "InSync", "True").await;
    for name in ["app", "web"] {
        site.until_said("TargetSystem", name, "Connected", "False").await;
        let object = site.get("TargetSystem", name).await.unwrap();
        assert_eq!(
            (&said(&object, "Ready")["status"], &said(&object, "Reconciling")["status"]),
            (&json!("False"), &json!("True")),
            "{object:#}"
        );
        assert_eq!(said(&object, "Stalled"), &json!(null), "{object:#}");
    }
    // Leavers and drift go on as well.
    site.merge("Person", "bob", json!({"spec": {"suspended": true}})).await;
    site.until("bob is out of the good one", async |site| site.accounts("dir").disabled().contains("bob")).await;

    // One is found by itself, one because somebody asks.
    std::fs::create_dir(site.folder().join("absent")).unwrap();
    site.accounts("absent/app").execute(TABLES);
    site.until("app has its account", async |site| site.accounts("absent/app").grants().contains("ann group/users")).await;
    site.until_said("TargetSystem", "app", "Connected", "True").await;
    site.accounts("absent/web").execute(TABLES);
    let asked = json!({"metadata": {"annotations": {"provost.dev/reconcile-requested-at": "now"}}});
    site.merge("TargetSystem", "web", asked).await;
    site.until("web has its account", async |site| site.accounts("absent/web").grants().contains("ann group/users")).await;
    site.until_all_ready().await;
    assert_eq!(site.get("TargetSystem", "web").await.unwrap()["status"]["lastHandledReconcileAt"], "now");
}

#[tokio::test]
async fn a_target_that_goes_away_is_taken_up_again() {
    let mut site = Site::at_work("away").await;
    site.apply(small("1s")).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    let (file, away) = (site.folder().join("dir.db"), site.folder().join("away.db"));
    let before = site.accounts("dir").whole();
    site.merge("TargetSystem", "dir", json!({"spec": {"sqlite": {"create": false}}})).await;
    site.until_said("TargetSystem", "dir", "Ready", "True").await;
    std::fs::rename(&file, &away).unwrap();
    site.until_said("TargetSystem", "dir", "Connected", "False").await;
    // Whoever has an account is told nothing of it.
    let ann = site.get("Person", "ann").await.unwrap();
    assert_eq!(said(&ann, "Ready")["status"], "True", "{ann:#}");
    site.merge("Person", "ann", json!({"spec": {"suspended": true}})).await;
    std::fs::rename(&away, &file).unwrap();
    site.until("who left meanwhile is out", async |site| site.accounts("dir").disabled().contains("ann")).await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").whole().len(), before.len());
}

#[tokio::test]
async fn a_file_that_vanishes_is_out_of_reach_and_never_made_anew() {
    let mut site = Site::at_work("vanished").await;
    site.apply(small("1s")).await;
    site.merge("TargetSystem", "dir", json!({"spec": {"sweepInterval": "1h"}})).await;
    site.apply(["ann", "bob", "cid"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    let (file, away) = (site.folder().join("dir.db"), site.folder().join("away.db"));
    std::fs::rename(&file, &away).unwrap();
    // A mover, a leaver and a joiner are looked up in it.
    site.merge("Person", "ann", json!({"spec": {"department": "Legal"}})).await;
    site.merge("Person", "bob", json!({"spec": {"employments": [{"startDate": "2020-01-01", "endDate": "2020-12-31"}]}})).await;
    site.apply([person("dan", json!({}))]).await;
    site.until_said("TargetSystem", "dir", "Connected", "False").await;
    let message = said(&site.get("TargetSystem", "dir").await.unwrap(), "Connected")["message"].to_string();
    assert!(message.contains("on record: restore it"), "{message}");
    // Nor by whoever begins anew.
    site.restart().await;
    site.throughout(6, "no file is made", async |_| !file.exists()).await;
    std::fs::rename(&away, &file).unwrap();
    site.until("all is as it should be", async |site| {
        let dir = site.accounts("dir");
        dir.disabled().contains("bob")
            && dir.enabled().contains("dan")
            && dir.grants() == ["cid group/staff".to_owned(), "dan group/staff".to_owned()].into()
    })
    .await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").all().len(), 4);
}

#[tokio::test]
async fn who_is_not_found_in_a_target_that_came_back_empty_gets_no_second_account() {
    let mut site = Site::at_work("emptied").await;
    site.apply(small("1s")).await;
    site.merge("TargetSystem", "dir", json!({"spec": {"sweepInterval": "1h"}})).await;
    site.apply(["ann", "bob", "cid", "dan"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    site.until_quiet().await;
    let (file, away) = (site.folder().join("dir.db"), site.folder().join("away.db"));
    std::fs::rename(&file, &away).unwrap();
    site.accounts("dir").execute(TABLES);
    site.merge("Person", "ann", json!({"spec": {"displayName": "Ann"}})).await;
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    assert_eq!(said(&site.get("TargetSystem", "dir").await.unwrap(), "Held")["reason"], "ListingShrank");
    // Whoever leaves now keeps what is remembered of them, so that it is taken away when the old one is back.
    site.merge("Person", "bob", json!({"spec": {"employments": [{"startDate": "2020-01-01", "endDate": "2020-12-31"}]}})).await;
    site.throughout(4, "nobody gets a second account", async |site| site.accounts("dir").all().is_empty()).await;
    std::fs::remove_file(&file).unwrap();
    std::fs::rename(&away, &file).unwrap();
    site.until_asked_anew().await;
    site.until("bob is out", async |site| {
        let dir = site.accounts("dir");
        dir.disabled().contains("bob") && !dir.grants().contains("bob group/staff")
    })
    .await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").all().len(), 4);
}

#[tokio::test]
async fn a_target_that_is_only_watched_or_left_alone_is_never_written() {
    let mut site = Site::at_work("watched").await;
    site.apply(small("1s")).await;
    site.merge("TargetSystem", "dir", json!({"spec": {"mode": "Observe"}})).await;
    site.accounts("dir").execute(TABLES);
    site.accounts("dir").watch();
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    site.until("it says that it watches", async |site| {
        said(&site.get("TargetSystem", "dir").await.unwrap(), "InSync")["reason"] == "ObserveOnly"
    })
    .await;
    site.throughout(2, "nothing is written", async |site| site.accounts("dir").writes().is_empty()).await;

    site.merge("TargetSystem", "dir", json!({"spec": {"mode": "Enforce", "suspend": true}})).await;
    site.until("it says that it is suspended", async |site| {
        let dir = site.get("TargetSystem", "dir").await.unwrap();
        said(&dir, "Ready")["reason"] == "Suspended" && said(&dir, "Ready")["observedGeneration"] == dir["metadata"]["generation"]
    })
    .await;
    site.until_asked_anew().await;
    site.throughout(2, "nothing is written", async |site| site.accounts("dir").writes().is_empty()).await;

    site.merge("TargetSystem", "dir", json!({"spec": {"suspend": false}})).await;
    site.until("now it is", async |site| site.accounts("dir").grants().len() == 2).await;
    // Suspended in the middle of its life: what happens meanwhile is done afterwards.
    site.merge("TargetSystem", "dir", json!({"spec": {"suspend": true}})).await;
    site.until("it is suspended again", async |site| {
        said(&site.get("TargetSystem", "dir").await.unwrap(), "Ready")["reason"] == "Suspended"
    })
    .await;
    site.merge("Person", "ann", json!({"spec": {"suspended": true}})).await;
    site.throughout(2, "ann is not touched", async |site| site.accounts("dir").enabled().contains("ann")).await;
    site.merge("TargetSystem", "dir", json!({"spec": {"suspend": false}})).await;
    site.until("ann is out", async |site| site.accounts("dir").disabled().contains("ann")).await;
}

#[tokio::test]
async fn who_is_paused_is_left_alone() {
    let mut site = Site::at_work("paused").await;
    site.apply(small("1s")).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.apply([binding("ann-devs", "devs", &["ann"])]).await;
    site.until_all_ready().await;
    site.accounts("dir").watch();
    site.merge("Person", "ann", json!({"metadata": {"annotations": {"provost.dev/paused": "true"}}})).await;
    site.until("ann is paused", async |site| said(&site.get("Person", "ann").await.unwrap(), "Ready")["reason"] == "Paused").await;
    site.merge("Person", "ann", json!({"spec": {"title": "Head", "suspended": true}})).await;
    site.delete("RoleBinding", "ann-devs").await;
    site.merge("Person", "bob", json!({"spec": {"title": "Head"}})).await;
    site.until("bob has his title", async |site| site.accounts("dir").writes() == ["set bob"]).await;
    site.throughout(3, "ann is not touched", async |site| site.accounts("dir").writes() == ["set bob"]).await;
    site.merge("Person", "ann", json!({"metadata": {"annotations": {"provost.dev/paused": null}}, "spec": {"suspended": false}})).await;
    site.until("ann has hers, and is no dev any more", async |site| {
        let dir = site.accounts("dir");
        dir.all()["ann"]["title"] == rusqlite::types::Value::Text("Head".into()) && !dir.grants().contains("ann group/devs")
    })
    .await;
    assert_eq!(site.accounts("dir").enabled().len(), 2);
}

#[tokio::test]
async fn a_target_without_its_secret_waits_for_it() {
    let mut site = Site::at_work("secret").await;
    site.apply(small("1s")).await;
    site.merge("TargetSystem", "dir", json!({"spec": {"secretRef": {"name": "key"}}})).await;
    site.apply([person("ann", json!({}))]).await;
    site.until("it names the Secret", async |site| {
        let dir = site.get("TargetSystem", "dir").await.unwrap();
        said(&dir, "Connected")["status"] == "False" && said(&dir, "Connected")["message"].as_str().unwrap().contains("Secret key")
    })
    .await;
    let canary = "canary-9f3a";
    site.apply([json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": canary}})]).await;
    site.until("ann has an account", async |site| site.accounts("dir").enabled().contains("ann")).await;
    site.until_all_ready().await;
    // It appears nowhere.
    let everything = site.kubectl(&["get", "provost,events", "--output", "json"]);
    assert!(!everything.contains(canary) && !site.logged().contains(canary));
}

#[tokio::test]
async fn a_target_that_is_declared_again_is_taken_up_where_it_was_left() {
    let mut site = Site::at_work("again").await;
    site.apply(small("1s")).await;
    site.apply_many(crowd(150)).await;
    // In the middle of the work: what is sent already is answered for, and nobody else begins before.
    for enough in [1, 60] {
        site.until("some have their account", async |site| site.accounts("dir").enabled().len() >= enough).await;
        site.delete("TargetSystem", "dir").await;
        site.apply([target("dir", json!({}))]).await;
    }
    site.until_all_ready().await;
    site.until("everybody has what they are to have", async |site| site.accounts("dir").grants().len() == 150).await;
    assert_eq!(site.accounts("dir").whole().len(), 150 + 150 + 1, "accounts, grants and a group, and nothing twice");
    site.until_said("TargetSystem", "dir", "InSync", "True").await;
    // Nothing is lost of what is ours there.
    site.accounts("dir").watch();
    site.merge("Person", "p003", json!({"spec": {"suspended": true}})).await;
    site.until("a leave works as before", async |site| site.accounts("dir").disabled().len() == 1).await;
    assert_eq!(site.accounts("dir").writes().len(), 1, "{:?}", site.accounts("dir").writes());
}
