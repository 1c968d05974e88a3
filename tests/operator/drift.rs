//! What somebody changes in a target by hand.

use rusqlite::types::Value;
use serde_json::json;

use super::manifests::{binding, object, person, small};
use super::site::{Site, said};

/// Gives a group by hand.
fn by_hand(site: &Site, who: &str, group: &str) {
    site.accounts("dir").execute(&format!(
        "INSERT OR IGNORE INTO entitlements (kind, name) VALUES ('group', '{group}');
         INSERT INTO grants (account, kind, name) SELECT id, 'group', '{group}' FROM accounts WHERE userName = '{who}';"
    ));
}

#[tokio::test]
async fn what_is_declared_is_put_right_and_what_is_not_is_shown() {
    let mut site = Site::at_work("drift").await;
    site.apply(small("1s")).await;
    let scoped = json!({"spec": {"entitlements": {"group": {"mode": "Authoritative", "scope": {"names": ["admins", "devs"]}}}}});
    site.merge("TargetSystem", "dir", scoped).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.apply([binding("ann-devs", "devs", &["ann"])]).await;
    site.until_all_ready().await;
    site.until_asked_anew().await;
    // A right inside the scope goes, one outside is left alone, one of ours that is missing comes back.
    by_hand(&site, "bob", "admins");
    by_hand(&site, "bob", "choir");
    site.accounts("dir").execute("DELETE FROM grants WHERE name = 'devs'");
    site.until("bob is no admin any more", async |site| !site.accounts("dir").grants().contains("bob group/admins")).await;
    site.until("ann is a dev again", async |site| site.accounts("dir").grants().contains("ann group/devs")).await;
    assert!(site.accounts("dir").grants().contains("bob group/choir"));
    // An attribute that is mapped is put right, one that is not is never touched.
    site.accounts("dir").execute("ALTER TABLE accounts ADD COLUMN room TEXT");
    site.accounts("dir").execute("UPDATE accounts SET displayName = 'x', room = '7' WHERE userName = 'ann'");
    site.until("the name is put right", async |site| site.accounts("dir").all()["ann"]["displayName"] == Value::Text("ANN".into())).await;
    assert_eq!(site.accounts("dir").all()["ann"]["room"], Value::Text("7".into()));
    // An account that is deleted is made anew.
    site.accounts("dir").execute(
        "DELETE FROM grants WHERE account = (SELECT id FROM accounts WHERE userName = 'ann'); DELETE FROM accounts WHERE userName = 'ann'",
    );
    site.until("ann has an account again", async |site| {
        site.accounts("dir").grants().is_superset(&["ann group/devs".to_owned(), "ann group/staff".to_owned()].into())
    })
    .await;
    site.until_all_ready().await;
}

#[tokio::test]
async fn whom_somebody_else_shut_is_not_opened() {
    let mut site = Site::at_work("elsewhere").await;
    site.apply(small("1s")).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    site.accounts("dir").execute("UPDATE accounts SET active = 0 WHERE userName = 'ann'");
    site.until("ann's account is seen shut", async |site| {
        site.get("Person", "ann").await.unwrap()["status"]["accounts"][0]["state"] == "Disabled"
    })
    .await;
    site.until("it says why she is not let in", async |site| {
        let ann = site.get("Person", "ann").await.unwrap();
        let ready = said(&ann, "Ready");
        ready["reason"] == "Held" && ready["message"].as_str().unwrap().contains("somebody else shut the account")
    })
    .await;
    site.until_asked_anew().await;
    site.restart().await;
    site.until_read_since_start().await;
    assert!(site.accounts("dir").disabled().contains("ann"));
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    assert_eq!(said(&site.get("TargetSystem", "dir").await.unwrap(), "Held")["reason"], "DisabledElsewhere");
    // Somebody says yes, with what the status shows.
    let held = site.get("Person", "ann").await.unwrap()["status"]["accounts"][0]["held"].clone();
    let lines: Vec<_> =
        held.as_array().unwrap().iter().map(|line| provost::model::change::ChangeLine::new(line.as_str().unwrap())).collect();
    let digest = provost::model::digest::digest_of_lines(&lines);
    site.apply([object("Approval", "open", json!({"target": "dir", "decision": "Approve", "changes": held, "digest": digest}))]).await;
    site.until("ann is in again", async |site| site.accounts("dir").enabled().contains("ann")).await;
    site.until_all_ready().await;
}

#[tokio::test]
async fn the_first_removals_under_a_new_scope_are_held() {
    let mut site = Site::at_work("scope").await;
    site.apply(small("1s")).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    by_hand(&site, "bob", "admins");
    site.until_asked_anew().await;
    assert!(site.accounts("dir").grants().contains("bob group/admins"));
    site.accounts("dir").watch();
    site.merge(
        "TargetSystem",
        "dir",
        json!({"spec": {"entitlements": {"group": {"mode": "Authoritative", "scope": {"names": ["admins"]}}}}}),
    )
    .await;
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    site.throughout(3, "nothing is taken away", async |site| site.accounts("dir").writes().is_empty()).await;
    let held = site.get("TargetSystem", "dir").await.unwrap()["status"]["guard"].clone();
    let answer = json!({"target": "dir", "decision": "Approve", "changes": held["sample"], "digest": held["digest"]});
    site.apply([object("Approval", "yes", answer)]).await;
    site.until("bob is no admin any more", async |site| site.accounts("dir").writes() == ["revoke bob group/admins"]).await;
    site.until_said("TargetSystem", "dir", "Held", "False").await;
    // From now on the scope is known.
    by_hand(&site, "ann", "admins");
    site.until("nor is ann", async |site| site.accounts("dir").writes().last().is_some_and(|line| line == "revoke ann group/admins")).await;
}
