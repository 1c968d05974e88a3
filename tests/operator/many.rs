//! Too many at once: nothing is taken away before somebody has answered.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use provost::model::change::ChangeLine;
use provost::model::digest::digest_of_lines;
use serde_json::{Value, json};

use super::manifests::{binding, crowd, object, person, small};
use super::site::{Site, said};

/// Twenty people with accounts, and nobody writes any more.
async fn twenty(of: &str) -> Site {
    let mut site = Site::at_work(of).await;
    site.apply(small("1s")).await;
    site.apply_many(crowd(20)).await;
    site.until_all_ready().await;
    let dir = site.accounts("dir");
    assert_eq!((dir.enabled().len(), dir.grants().len()), (20, 20));
    dir.watch();
    site
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("p{number:03}"))
}

/// The lines that wait for an answer, as people's statuses and Departures show them.
async fn held(site: &Site) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for kind in ["Person", "Departure"] {
        for object in site.list(kind).await {
            for account in object["status"]["accounts"].as_array().into_iter().flatten() {
                lines.extend(account["held"].as_array().into_iter().flatten().map(|line| line.as_str().unwrap().to_owned()));
            }
        }
    }
    lines
}

/// An answer to these lines.
fn answer(name: &str, decision: &str, lines: &BTreeSet<String>) -> Value {
    let changes: Vec<ChangeLine> = lines.iter().map(|line| ChangeLine::new(line.clone())).collect();
    object("Approval", name, json!({"target": "dir", "decision": decision, "changes": lines, "digest": digest_of_lines(&changes)}))
}

#[tokio::test]
async fn a_dozen_who_vanish_are_held_until_somebody_says_yes() {
    let mut site = twenty("vanish").await;
    site.delete_many("Person", names(12)).await;
    site.until("twelve are held", async |site| held(site).await.iter().filter(|line| line.starts_with("Disable ")).count() == 12).await;
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    site.throughout(3, "nobody loses anything", async |site| site.accounts("dir").writes().is_empty()).await;
    let lines = held(&site).await;
    let target = site.get("TargetSystem", "dir").await.unwrap();
    let changes: Vec<ChangeLine> = lines.iter().map(|line| ChangeLine::new(line.clone())).collect();
    assert_eq!(target["status"]["guard"]["digest"], json!(digest_of_lines(&changes)), "{target:#}");
    assert_eq!(target["status"]["held"], json!(lines.len()));
    let message = said(&target, "Held")["message"].as_str().unwrap();
    assert!(message.contains(&digest_of_lines(&changes)), "{message}");

    // Another operator holds them too.
    site.restart().await;
    site.until_read_since_start().await;
    assert_eq!((site.accounts("dir").writes(), held(&site).await), (Vec::new(), lines.clone()));

    site.apply([answer("yes", "Approve", &lines)]).await;
    site.until("twelve are shut out", async |site| site.accounts("dir").disabled().len() == 12).await;
    site.until_said("TargetSystem", "dir", "Held", "False").await;
    assert_eq!(site.accounts("dir").disabled(), names(12).collect());
    site.until("what they held is gone", async |site| site.accounts("dir").grants().len() == 8).await;
}

#[tokio::test]
async fn what_somebody_forbids_stays_held_under_any_limit() {
    let mut site = twenty("forbid").await;
    let lines: BTreeSet<String> =
        names(2).flat_map(|name| [format!("Disable dir {name} absence"), format!("Revoke dir {name} group/staff absence")]).collect();
    site.apply([answer("no", "Reject", &lines)]).await;
    site.delete_many("Person", names(3)).await;
    site.until("the third is shut out", async |site| site.accounts("dir").disabled().contains("p002")).await;
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    assert_eq!(held(&site).await, lines);
    assert_eq!(said(&site.get("TargetSystem", "dir").await.unwrap(), "Held")["reason"], "Rejected");
    site.throughout(3, "two stay", async |site| site.accounts("dir").disabled().len() == 1).await;
    site.delete("Approval", "no").await;
    site.until("the two go as well", async |site| site.accounts("dir").disabled().len() == 3).await;
    site.until_said("TargetSystem", "dir", "Held", "False").await;
}

#[tokio::test]
async fn who_leaves_one_after_the_other_is_counted_once() {
    let mut site = Site::at_work("one-by-one").await;
    site.apply(small("1s")).await;
    // Nobody is looked at again who is not asked for.
    site.merge("TargetSystem", "dir", json!({"spec": {"sweepInterval": "1h"}})).await;
    site.apply_many(crowd(40)).await;
    site.until_all_ready().await;
    // Twice as many would be too many.
    for (number, name) in names(12).enumerate() {
        site.merge("Person", &name, json!({"spec": {"employments": [{"startDate": "2020-01-01", "endDate": "2021-01-01"}]}})).await;
        site.until("one more is out", async |site| site.accounts("dir").disabled().len() > number).await;
    }
    site.until("they hold nothing", async |site| site.accounts("dir").grants().len() == 40 - 12).await;
    assert_eq!(held(&site).await, BTreeSet::new());
}

#[tokio::test]
async fn an_answer_that_is_over_is_noticed_by_itself() {
    let mut site = Site::at_work("over").await;
    site.apply(small("1s")).await;
    // Nothing is read again but what is asked for.
    site.merge("TargetSystem", "dir", json!({"spec": {"sweepInterval": "1h"}})).await;
    site.apply([person("ann", json!({})), binding("ann-devs", "devs", &["ann"])]).await;
    site.until("ann is a dev", async |site| site.accounts("dir").grants().contains("ann group/devs")).await;
    site.until_all_ready().await;
    site.accounts("dir").watch();
    let over = Timestamp::now() + SignedDuration::from_secs(12);
    let mut no = answer("no", "Reject", &["Revoke dir ann group/devs revocations".to_owned()].into());
    no["spec"]["expires"] = json!(over.to_string());
    site.apply([no]).await;
    site.delete("RoleBinding", "ann-devs").await;
    site.until("it is held", async |site| !held(site).await.is_empty() || Timestamp::now() >= over).await;
    let mut gone = None;
    site.until("what was forbidden until then goes out", async |site| {
        gone = (!site.accounts("dir").writes().is_empty()).then(Timestamp::now);
        gone.is_some()
    })
    .await;
    assert!(gone.unwrap() >= over, "at {gone:?}, before {over}");
    assert_eq!(site.accounts("dir").writes(), ["revoke ann group/devs"]);
}

#[tokio::test]
async fn an_emptied_realm_is_held_and_what_comes_back_costs_nothing() {
    let mut site = twenty("emptied").await;
    site.delete_many("Person", names(20)).await;
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    site.until("twenty Departures", async |site| site.list("Departure").await.len() == 20).await;
    site.throughout(3, "nobody loses anything", async |site| site.accounts("dir").writes().is_empty()).await;
    site.apply_many(crowd(20)).await;
    site.until_said("TargetSystem", "dir", "Held", "False").await;
    site.until("no Departure is left", async |site| site.list("Departure").await.is_empty()).await;
    site.until_all_ready().await;
    site.until_asked_anew().await;
    assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
}

#[tokio::test]
async fn too_many_leavers_are_held_and_a_lockout_is_not() {
    let mut site = twenty("exodus").await;
    // Ten is the half of twenty: of leavers only the excess is held.
    let left = json!({"employments": [{"startDate": "2020-01-01", "endDate": "2021-01-01"}]});
    site.apply_many(names(12).map(|name| person(&name, left.clone()))).await;
    site.until("ten are out", async |site| site.accounts("dir").disabled().len() == 10).await;
    site.until_said("TargetSystem", "dir", "Held", "True").await;
    site.throughout(3, "two are held", async |site| site.accounts("dir").disabled().len() == 10).await;
    let who: BTreeSet<String> = held(&site).await.iter().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect();
    assert_eq!(who, site.accounts("dir").enabled().into_iter().filter(|name| name.as_str() < "p012").collect());
    let one = who.first().unwrap().clone();
    site.apply([object("Lockout", "inc", json!({"person": one}))]).await;
    site.until("the locked one is out", async |site| site.accounts("dir").disabled().contains(&one)).await;
}
