//! What objects say of themselves: what must be edited, what waits, and what is as it should be.

use jiff::{SignedDuration, Timestamp};
use provost::model::change::ChangeLine;
use provost::model::digest::digest_of_lines;
use serde_json::{Value, json};

use super::manifests::{binding, object, person, realm, role, small};
use super::site::{Site, said};

/// Waits until an object is not Ready for this reason, stalled or not.
async fn until_unready(site: &mut Site, (kind, name): (&str, &str), reason: &str, stalled: bool) {
    let mut last = Value::Null;
    let what = format!("{kind}/{name} is not Ready: {reason}, stalled: {stalled}");
    site.until(&what, async |site| {
        last = site.get(kind, name).await.unwrap_or_default();
        let (ready, is) = (said(&last, "Ready"), said(&last, "Stalled")["status"] == "True");
        ready["status"] == "False" && ready["reason"] == reason && is == stalled
    })
    .await;
}

async fn two(of: &str) -> Site {
    let mut site = Site::at_work(of).await;
    site.apply(small("1h")).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    site
}

#[tokio::test]
async fn a_realm_without_people_says_so() {
    let mut site = two("nobody").await;
    site.until("two are at work", async |site| site.get("Realm", "realm").await.unwrap()["status"]["people"]["active"] == 2).await;
    site.delete_many("Person", ["ann", "bob"].map(str::to_owned)).await;
    site.until("nobody is", async |site| site.get("Realm", "realm").await.unwrap()["status"]["people"]["active"] == 0).await;
    assert_eq!(site.accounts("dir").enabled().len(), 2);
}

#[tokio::test]
async fn what_only_an_edit_helps_is_stalled() {
    let mut site = two("edited").await;
    let includes = |name: &str, other: &str| object("BusinessRole", name, json!({"includes": [other]}));
    let mut of_project = role("project", &["dir/project-${project}"]);
    of_project["spec"]["parameters"] = json!({"project": {"required": true}});
    site.apply([includes("one", "two"), includes("two", "one"), of_project]).await;
    site.apply([binding("without", "project", &["ann"]), binding("unknown", "no-such-role", &["bob"])]).await;
    let mut second = realm("1h");
    second["metadata"]["name"] = json!("second");
    until_unready(&mut site, ("BusinessRole", "one"), "InvalidSpec", true).await;
    until_unready(&mut site, ("RoleBinding", "without"), "InvalidSpec", true).await;
    until_unready(&mut site, ("Person", "ann"), "InvalidRole", false).await;
    // A role may still come.
    until_unready(&mut site, ("RoleBinding", "unknown"), "UnknownRole", false).await;
    until_unready(&mut site, ("Person", "bob"), "UnknownRole", false).await;
    site.apply([second]).await;
    // Nobody can say which is meant.
    until_unready(&mut site, ("Realm", "second"), "SecondRealm", true).await;
    until_unready(&mut site, ("Realm", "realm"), "SecondRealm", true).await;
}

#[tokio::test]
async fn an_answer_says_what_it_does() {
    let mut site = two("answers").await;
    let answer = |name: &str, lines: &[&str], more: Value| {
        let digest = digest_of_lines(&lines.iter().map(|line| ChangeLine::new(*line)).collect::<Vec<_>>());
        let mut answer = object("Approval", name, json!({"target": "dir", "decision": "Approve", "changes": lines, "digest": digest}));
        answer["spec"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer
    };
    let line = "Disable dir ann leavers";
    let soon = (Timestamp::now() + SignedDuration::from_secs(3)).to_string();
    site.apply([
        answer("wanted", &[line, "Revoke dir ann group/staff leavers"], json!({})),
        answer("over", &[line], json!({"expires": soon})),
        answer("edited", &[line], json!({"digest": digest_of_lines(&[])})),
        answer("nonsense", &["Nonsense line"], json!({})),
    ])
    .await;
    until_unready(&mut site, ("Approval", "edited"), "InvalidSpec", true).await;
    until_unready(&mut site, ("Approval", "nonsense"), "InvalidSpec", true).await;
    until_unready(&mut site, ("Approval", "over"), "Expired", false).await;
    assert_eq!(said(&site.get("Approval", "over").await.unwrap(), "Reconciling"), &json!(null));
    site.until_said("Approval", "wanted", "Ready", "True").await;
    let message = said(&site.get("Approval", "wanted").await.unwrap(), "Ready")["message"].clone();
    assert_eq!(message, "of 2 changes 0 were released, 0 are still held");
}

#[tokio::test]
async fn a_mapping_that_is_broken_shows_on_those_who_wait_for_it() {
    let mut site = two("mapping").await;
    site.merge("TargetSystem", "dir", json!({"spec": {"mapping": {"displayName": {"value": "input.person.foo"}}}})).await;
    site.until_said("TargetSystem", "dir", "InSync", "Unknown").await;
    site.apply([person("cid", json!({}))]).await;
    for name in ["ann", "cid"] {
        until_unready(&mut site, ("Person", name), "Frozen", false).await;
    }
    // Who must be out needs no mapping.
    site.merge("Person", "bob", json!({"spec": {"suspended": true}})).await;
    site.until_said("Person", "bob", "Ready", "True").await;
    let enabled = site.accounts("dir").enabled();
    assert_eq!(enabled.into_iter().collect::<Vec<_>>(), ["ann"]);
}

#[tokio::test]
async fn who_stays_locked_out_because_a_lockout_names_nobody_says_so() {
    let mut site = two("doubt").await;
    site.apply([object("Lockout", "inc-1", json!({"person": "ann"}))]).await;
    site.until("ann is locked out", async |site| site.accounts("dir").disabled().contains("ann")).await;
    site.until_all_ready().await;
    site.apply([object("Lockout", "inc-2", json!({"person": "n.obody"}))]).await;
    until_unready(&mut site, ("Realm", "realm"), "LockoutInDoubt", false).await;
    site.delete("Lockout", "inc-1").await;
    until_unready(&mut site, ("Person", "ann"), "LockoutInDoubt", false).await;
    site.until_said("Person", "bob", "Ready", "True").await;
    site.delete("Lockout", "inc-2").await;
    site.until("ann is let in again", async |site| site.accounts("dir").enabled().contains("ann")).await;
    site.until_all_ready().await;
    site.until_said("Realm", "realm", "Ready", "True").await;
}
