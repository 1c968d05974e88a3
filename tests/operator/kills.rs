//! The operator is killed while it works, and another goes on: the end is as if nothing had happened.

use serde_json::{Value, json};

use super::accounts::Accounts;
use super::manifests::{crowd, small};
use super::site::Site;

/// How many people: more than go out at once.
const PEOPLE: usize = 150;

async fn prepared(of: &str) -> Site {
    let site = Site::new(of).await;
    let objects = small("1s").into_iter().map(|mut object| {
        if object["kind"] == "Realm" {
            object["spec"]["id"] = json!("kills");
        }
        object
    });
    site.apply(objects).await;
    site.apply_many(crowd(PEOPLE)).await;
    site
}

/// Everybody has one account and one group, all of it is on record, and nothing is left open.
async fn is_whole(site: &mut Site) {
    site.until("everybody has an account and a group", async |site| {
        let dir = site.accounts("dir");
        dir.enabled().len() == PEOPLE && dir.grants().len() == PEOPLE
    })
    .await;
    site.until_all_ready().await;
    site.until_quiet().await;
    let ledger = site.get("TargetSystem", "dir").await.unwrap()["status"]["ledger"].clone();
    assert_eq!((&ledger["intents"], &ledger["journal"]), (&Value::Null, &Value::Null), "{ledger:#}");
    for person in site.list("Person").await {
        let (name, accounts) = (&person["metadata"]["name"], &person["status"]["accounts"]);
        assert_eq!((&accounts[0]["userName"], &accounts[1]), (name, &Value::Null), "{person:#}");
        assert_eq!(accounts[0]["entitlements"][0]["ours"], true, "{person:#}");
    }
}

#[tokio::test]
async fn a_kill_at_any_time_ends_as_without_it() {
    let mut uncut = prepared("uncut").await;
    uncut.start();
    is_whole(&mut uncut).await;
    uncut.terminate().await;

    let mut cut = prepared("cut").await;
    // How far it may come before it is killed, one after the other.
    type Reached = fn(&Accounts) -> bool;
    let rows: [(&str, Reached); 6] = [
        ("the first account is there", |dir| !dir.enabled().is_empty()),
        ("a third of the accounts", |dir| dir.enabled().len() > PEOPLE / 3),
        ("two thirds of the accounts", |dir| dir.enabled().len() > PEOPLE * 2 / 3),
        ("the first right is given", |dir| !dir.grants().is_empty()),
        ("half of the rights", |dir| dir.grants().len() > PEOPLE / 2),
        ("all of the rights", |dir| dir.grants().len() == PEOPLE),
    ];
    for (row, reached) in rows {
        cut.start();
        cut.until_at_once(row, |site| reached(&site.accounts("dir"))).await;
        cut.kill();
        let dir = cut.accounts("dir");
        assert_eq!(dir.enabled().len(), dir.all().len(), "{row}");
    }
    cut.start();
    is_whole(&mut cut).await;
    assert_eq!(cut.accounts("dir").all(), uncut.accounts("dir").all());
    assert_eq!(cut.accounts("dir").grants(), uncut.accounts("dir").grants());

    // Another start changes nothing.
    let dir = cut.accounts("dir");
    dir.watch();
    let versions = cut.versions().await;
    cut.restart().await;
    cut.until_read_since_start().await;
    assert_eq!((dir.writes(), cut.versions().await), (Vec::new(), versions));
}

#[tokio::test]
async fn a_kill_in_the_middle_of_removals_removes_no_more_than_was_meant() {
    let mut site = prepared("removals").await;
    site.start();
    is_whole(&mut site).await;
    site.accounts("dir").watch();
    // Fifteen leavers: all of them at once, and nobody else.
    let gone: Vec<String> = (0..15).map(|number| format!("p{number:03}")).collect();
    for name in &gone {
        site.merge("Person", name, json!({"spec": {"employments": [{"startDate": "2020-01-01", "endDate": "2021-01-01"}]}})).await;
    }
    site.until_at_once("the first is out", |site| !site.accounts("dir").disabled().is_empty()).await;
    site.kill();
    site.start();
    site.until("all of them are out", async |site| site.accounts("dir").disabled().len() == gone.len()).await;
    site.until("they hold nothing", async |site| site.accounts("dir").grants().len() == PEOPLE - gone.len()).await;
    site.until_all_ready().await;
    let mut writes = site.accounts("dir").writes();
    writes.sort();
    let expected = ["disable", "revoke"].into_iter().flat_map(|act| {
        gone.iter().map(move |name| if act == "disable" { format!("disable {name}") } else { format!("revoke {name} group/staff") })
    });
    assert_eq!(writes, expected.collect::<Vec<_>>());
}
