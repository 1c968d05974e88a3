//! Who must be out is out at once, however long removals settle; and who may come back does.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::manifests::{crowd, object, person, small};
use super::site::{Site, said};

/// Four people at work, and removals that settle for an hour.
async fn four() -> Site {
    let mut site = Site::at_work("leavers").await;
    site.apply(small("1h")).await;
    site.apply(["ann", "bob", "cid", "dan"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").enabled().len(), 4);
    site
}

#[tokio::test]
async fn who_must_be_out_waits_for_nothing() {
    let mut site = four().await;
    let ended = Timestamp::now() - SignedDuration::from_secs(60);
    site.merge("Person", "ann", json!({"spec": {"employments": [{"startDate": "2020-01-01", "endAt": ended.to_string()}]}})).await;
    site.until("ann left: her account is shut and holds nothing", async |site| {
        let dir = site.accounts("dir");
        dir.disabled().contains("ann") && !dir.grants().contains("ann group/staff")
    })
    .await;
    site.merge("Person", "bob", json!({"spec": {"suspended": true}})).await;
    site.until("bob is suspended: his account is shut", async |site| site.accounts("dir").disabled().contains("bob")).await;
    site.apply([object("Lockout", "inc-1", json!({"person": "cid", "reason": "INC-1"}))]).await;
    site.until("cid is locked out", async |site| site.accounts("dir").disabled().contains("cid")).await;
    let dir = site.accounts("dir");
    assert_eq!(dir.enabled().into_iter().collect::<Vec<_>>(), ["dan"]);
    // What is only shut keeps what it holds.
    assert!(dir.grants().is_superset(&["bob group/staff".to_owned(), "cid group/staff".to_owned()].into()), "{:?}", dir.grants());
    site.until_all_ready().await;
    let states = [("ann", "terminated"), ("bob", "suspended"), ("cid", "locked"), ("dan", "active")];
    for (name, state) in states {
        assert_eq!(site.get("Person", name).await.unwrap()["status"]["state"], state, "{name}");
    }

    site.delete("Lockout", "inc-1").await;
    site.merge("Person", "bob", json!({"spec": {"suspended": false}})).await;
    site.merge("Person", "ann", json!({"spec": {"employments": [{"startDate": "2020-01-01"}]}})).await;
    site.until("all of them are back", async |site| site.accounts("dir").enabled().len() == 4).await;
    site.until("ann has her group again", async |site| site.accounts("dir").grants().contains("ann group/staff")).await;
}

#[tokio::test]
async fn an_end_that_is_to_come_comes_by_itself() {
    let mut site = four().await;
    let end = Timestamp::now() + SignedDuration::from_secs(8);
    site.merge("Person", "ann", json!({"spec": {"employments": [{"startDate": "2020-01-01", "endAt": end.to_string()}]}})).await;
    site.until_said("Person", "ann", "Ready", "True").await;
    site.until("the end is announced", async |site| {
        let next = site.get("Person", "ann").await.unwrap()["status"]["next"].clone();
        next.as_str().is_some_and(|next| next.parse::<Timestamp>().unwrap() == end)
    })
    .await;
    assert!(site.accounts("dir").enabled().contains("ann") || Timestamp::now() >= end, "shut before the end");
    let mut shut = None;
    site.until("ann is out", async |site| {
        shut = site.accounts("dir").disabled().contains("ann").then(Timestamp::now);
        shut.is_some()
    })
    .await;
    assert!(shut.unwrap() >= end, "shut at {shut:?}, before {end}");
}

#[tokio::test]
async fn an_end_that_is_held_when_it_is_announced_shows_at_once_and_is_answered_beforehand() {
    let mut site = four().await;
    // Two of four may go within a day.
    for name in ["ann", "bob", "cid"] {
        site.merge("Person", name, json!({"spec": {"employments": [{"startDate": "2020-01-01", "endDate": "2099-12-31"}]}})).await;
        site.until("it is read", async |site| site.get("Person", name).await.unwrap()["status"]["next"] == "2100-01-01T00:00:00Z").await;
    }
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    let dir = site.get("TargetSystem", "dir").await.unwrap();
    let held = said(&dir, "Held")["message"].as_str().unwrap_or_default().to_owned();
    assert!(held.contains("; leavers: 3 within 24 h, the limit is 2"), "{held}");
    assert_eq!(said(&dir, "Held")["reason"], "MassRemoval");
    let lines = json!(["Disable dir cid leavers", "Revoke dir cid group/staff leavers"]);
    assert_eq!((&dir["status"]["guard"]["sample"], &dir["status"]["held"]), (&lines, &json!(2)), "{dir:#}");
    let cid = site.get("Person", "cid").await.unwrap();
    assert_eq!(cid["status"]["accounts"][0]["held"], lines);
    // As yet cid is as cid should be.
    assert_eq!(said(&cid, "Ready")["status"], "True");
    let answer = json!({"target": "dir", "decision": "Approve", "changes": lines, "digest": dir["status"]["guard"]["digest"]});
    site.apply([object("Approval", "yes", answer)]).await;
    site.until_said("TargetSystem", "dir", "Held", "False").await;
    site.delete("Approval", "yes").await;
    site.restart().await;
    site.until_read_since_start().await;
    site.until_all_ready().await;
    assert_eq!(said(&site.get("TargetSystem", "dir").await.unwrap(), "Held")["status"], "False");
    assert_eq!(site.accounts("dir").enabled().len(), 4);
}

#[tokio::test]
async fn the_end_of_a_grace_shows_on_the_person() {
    let mut site = four().await;
    site.merge("TargetSystem", "dir", json!({"spec": {"entitlements": {"group": {"createMissing": true, "grace": "14d"}}}})).await;
    site.merge("Person", "ann", json!({"spec": {"department": "Legal"}})).await;
    let mut account = json!(null);
    site.until("ann's right ends in two weeks", async |site| {
        account = site.get("Person", "ann").await.unwrap()["status"]["accounts"][0].clone();
        account["next"]["do"] == "Revoke"
    })
    .await;
    let at: Timestamp = account["next"]["at"].as_str().unwrap().parse().unwrap();
    assert!(at > Timestamp::now() + SignedDuration::from_hours(13 * 24), "{account:#}");
    let reason = account["entitlements"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("no policy gives it any more: kept until "), "{reason}");
    assert!(site.accounts("dir").grants().contains("ann group/staff"));
}

#[tokio::test]
async fn a_second_realm_freezes_and_whoever_must_be_out_is_out() {
    let mut site = four().await;
    site.until("the realm's id is on record", async |site| {
        site.get("Realm", "realm").await.unwrap()["status"]["id"] == site.namespace.as_str()
    })
    .await;
    // The first by name, with another id and another zone.
    site.apply([object("Realm", "a", json!({"id": "zzz", "timezone": "Pacific/Kiritimati"}))]).await;
    for name in ["a", "realm"] {
        site.until_said("Realm", name, "Stalled", "True").await;
        assert_eq!(super::site::said(&site.get("Realm", name).await.unwrap(), "Stalled")["reason"], "SecondRealm");
    }
    site.merge("Person", "ann", json!({"spec": {"employments": [{"startDate": "2020-01-01", "endDate": "2020-12-31"}]}})).await;
    site.until("ann is out", async |site| {
        let dir = site.accounts("dir");
        dir.disabled().contains("ann") && !dir.grants().contains("ann group/staff")
    })
    .await;
    // Whoever begins anew finds both, and goes on with the one that was worked with.
    site.restart().await;
    site.apply([object("Lockout", "inc-3", json!({"person": "bob"}))]).await;
    site.merge("Person", "cid", json!({"spec": {"suspended": true}})).await;
    site.until("bob and cid are out", async |site| ["bob", "cid"].iter().all(|name| site.accounts("dir").disabled().contains(*name))).await;
    // What a policy would ask for is not done.
    site.merge("Person", "dan", json!({"spec": {"department": "Legal"}})).await;
    site.apply([person("eve", json!({}))]).await;
    site.until_said("Person", "eve", "Ready", "False").await;
    site.throughout(3, "the realm is frozen", async |site| {
        let dir = site.accounts("dir");
        dir.grants().contains("dan group/staff") && !dir.all().contains_key("eve")
    })
    .await;
    site.delete("Realm", "a").await;
    site.merge("Realm", "realm", json!({"spec": {"settle": "1s"}})).await;
    site.until("it goes on", async |site| {
        let dir = site.accounts("dir");
        dir.enabled().contains("eve") && !dir.grants().contains("dan group/staff")
    })
    .await;
    site.until_said("Realm", "realm", "Ready", "True").await;
}

#[tokio::test]
async fn neither_a_pause_nor_a_new_object_lifts_a_lockout() {
    let mut site = four().await;
    site.apply([object("Lockout", "inc-2", json!({"person": "dan"}))]).await;
    site.until("dan is locked out", async |site| site.accounts("dir").disabled().contains("dan")).await;
    site.until_said("Person", "dan", "Ready", "True").await;
    site.accounts("dir").watch();
    site.merge("Person", "dan", json!({"metadata": {"annotations": {"provost.dev/paused": "true"}}})).await;
    site.delete("Person", "dan").await;
    site.until("the object is gone", async |site| site.get("Person", "dan").await.is_none()).await;
    site.apply([person("dan", json!({}))]).await;
    site.until("the new object has the account, and it is locked", async |site| {
        let dan = site.get("Person", "dan").await.unwrap();
        dan["status"]["accounts"][0]["userName"] == "dan" && dan["status"]["state"] == "locked"
    })
    .await;
    site.until_asked_anew().await;
    assert!(!site.accounts("dir").writes().contains(&"enable dan".to_owned()), "{:?}", site.accounts("dir").writes());
    assert!(site.accounts("dir").disabled().contains("dan"));
    site.delete("Lockout", "inc-2").await;
    site.until("dan is in again", async |site| site.accounts("dir").enabled().contains("dan")).await;
    // Paused when it comes, he is locked out all the same.
    site.merge("Person", "dan", json!({"metadata": {"annotations": {"provost.dev/paused": "true"}}})).await;
    site.until("dan is paused", async |site| said(&site.get("Person", "dan").await.unwrap(), "Ready")["reason"] == "Paused").await;
    site.apply([object("Lockout", "inc-3", json!({"person": "dan"}))]).await;
    site.until("dan is locked out again", async |site| site.accounts("dir").disabled().contains("dan")).await;
}

#[tokio::test]
async fn a_lockout_means_whom_its_name_met_whatever_becomes_of_the_name() {
    let mut site = four().await;
    site.apply([person("eve", json!({"externalId": "1005"}))]).await;
    site.until_all_ready().await;
    site.apply([object("Lockout", "inc-4", json!({"person": "eve"}))]).await;
    site.until("eve is locked out", async |site| site.accounts("dir").disabled().contains("eve")).await;
    site.until("it is written whom the name met", async |site| {
        site.get("Lockout", "inc-4").await.unwrap()["status"]["externalId"] == "1005"
    })
    .await;
    site.until_all_ready().await;
    site.until_quiet().await;
    site.accounts("dir").watch();
    let lockout = site.get("Lockout", "inc-4").await.unwrap();
    // She is renamed while nobody is at work, and somebody else gets the name.
    assert_eq!(site.terminate().await.code(), Some(0));
    site.delete("Person", "eve").await;
    site.apply([person("evelyn", json!({"externalId": "1005", "userName": "eve", "displayName": "EVE"}))]).await;
    site.start();
    site.until("the old object is gone", async |site| site.get("Person", "eve").await.is_none()).await;
    site.apply([person("eve", json!({"externalId": "2002", "userName": "eve2"}))]).await;
    site.until("the other one has an account", async |site| site.accounts("dir").enabled().contains("eve2")).await;
    site.until_all_ready().await;
    site.until_asked_anew().await;
    for (name, state) in [("evelyn", "locked"), ("eve", "active")] {
        assert_eq!(site.get("Person", name).await.unwrap()["status"]["state"], state, "{name}");
    }
    let dir = site.accounts("dir");
    assert!(dir.disabled().contains("eve") && !dir.writes().contains(&"enable eve".to_owned()), "{:?}", dir.writes());
    assert_eq!(site.get("Lockout", "inc-4").await.unwrap(), lockout, "nothing new is said of it");
    site.delete("Lockout", "inc-4").await;
    site.until("it is lifted", async |site| site.accounts("dir").enabled().contains("eve")).await;
}

#[tokio::test]
async fn who_is_still_in_is_not_ready_until_they_are_out() {
    let mut site = four().await;
    // So many that what is done here is above no limit.
    site.apply(crowd(8)).await;
    site.until_all_ready().await;
    let unready = async |site: &Site, kind: &str, name: &str, reason: &str| {
        let object = site.get(kind, name).await.unwrap();
        let ready = said(&object, "Ready");
        ready["status"] == "False" && ready["reason"] == reason && ready["observedGeneration"] == object["metadata"]["generation"]
    };
    let at = |path: &str| json!({"spec": {"sqlite": {"path": path, "create": false}}});
    site.merge("TargetSystem", "dir", at("absent/dir.db")).await;
    site.until_said("TargetSystem", "dir", "Connected", "False").await;
    site.until_said("TargetSystem", "dir", "InSync", "Unknown").await;
    let ended = json!([{"startDate": "2020-01-01", "endDate": "2020-12-31"}]);
    site.merge("Person", "ann", json!({"spec": {"employments": ended}})).await;
    site.merge("Person", "bob", json!({"spec": {"suspended": true}})).await;
    site.apply([object("Lockout", "inc-3", json!({"person": "cid"}))]).await;
    for (kind, name) in [("Person", "ann"), ("Person", "bob"), ("Person", "cid"), ("Lockout", "inc-3")] {
        site.until(&format!("{kind}/{name} is still in"), async |site| unready(site, kind, name, "TargetUnavailable").await).await;
    }
    // Who is to be in is as they were when last seen.
    site.until_said("Person", "dan", "Ready", "True").await;
    assert_eq!(site.accounts("dir").enabled().len(), 12);

    site.merge("TargetSystem", "dir", at("dir.db")).await;
    site.until_all_ready().await;
    site.until_said("Lockout", "inc-3", "Ready", "True").await;
    assert_eq!(site.accounts("dir").disabled().into_iter().collect::<Vec<_>>(), ["ann", "bob", "cid"]);

    let pause = |paused: &str| json!({"metadata": {"annotations": {"provost.dev/paused": paused}}});
    site.merge("Person", "dan", pause("true")).await;
    site.merge("Person", "dan", json!({"spec": {"employments": ended}})).await;
    site.until("dan is still in", async |site| unready(site, "Person", "dan", "Paused").await).await;
    site.merge("Person", "dan", pause("false")).await;
    site.until_said("Person", "dan", "Ready", "True").await;
    assert!(site.accounts("dir").disabled().contains("dan"));
}
