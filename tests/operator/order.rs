//! A commit reaches the cluster object by object, in any order: nobody loses anything on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::accounts::TABLES;
use super::manifests::{STAFF, binding, person, policy, realm, role, target};
use super::site::Site;

/// Longer than the operator waits for an input to be followed by others.
const BETWEEN: Duration = Duration::from_millis(400);

/// One step of a commit.
#[derive(Clone)]
enum Step {
    Write(Value),
    Delete(&'static str, &'static str),
}

impl Step {
    async fn take(&self, site: &Site) {
        match self {
            Self::Write(object) => site.apply([object.clone()]).await,
            Self::Delete(kind, name) => site.delete(kind, name).await,
        }
    }
}

/// Orders that differ: as it is, backwards, and each that begins elsewhere with another stride.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let strides = [1, count - 1, 3, 5].into_iter().filter(|stride| (1..=count).all(|step| step == count || (step * stride) % count != 0));
    strides.map(|stride| (0..count).map(|step| (step * stride + stride / 2) % count).collect()).collect()
}

#[tokio::test]
async fn a_realm_that_comes_object_by_object_is_the_same_in_the_end() {
    let objects = [
        realm("3s"),
        target("dir", json!({})),
        role("staff", &["dir/staff"]),
        role("devs", &["dir/devs"]),
        policy("access", STAFF),
        binding("ann-devs", "devs", &["ann", "bob"]),
        person("ann", json!({"manager": "bob"})),
        person("bob", json!({"department": "IT"})),
        person("cid", json!({"suspended": true})),
        person("dan", json!({"employments": [{"startDate": "2020-01-01"}]})),
        json!({"apiVersion": "provost.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "empty"}, "spec": {"data": {"x": {"y": 1}}}}),
    ];
    let orders = orders(objects.len());
    assert!(orders.len() > 2, "{orders:?}");
    for order in orders {
        let mut site = Site::at_work("order").await;
        site.accounts("dir").execute(TABLES);
        site.accounts("dir").watch();
        for number in &order {
            site.apply([objects[*number].clone()]).await;
            tokio::time::sleep(BETWEEN).await;
        }
        site.until("the end is reached", async |site| {
            let expected = ["ann group/devs", "ann group/staff", "bob group/devs", "dan group/staff"];
            site.accounts("dir").grants() == expected.into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
        })
        .await;
        site.until_all_ready().await;
        let dir = site.accounts("dir");
        assert_eq!(dir.enabled(), ["ann", "bob", "dan"].into_iter().map(str::to_owned).collect(), "{order:?}");
        let removals: Vec<String> =
            dir.writes().into_iter().filter(|line| !line.starts_with("create") && !line.starts_with("grant")).collect();
        assert!(removals.iter().all(|line| line.starts_with("set ")), "{order:?}: {removals:?}");
    }
}

#[tokio::test]
async fn a_commit_that_moves_things_about_costs_nothing_in_any_order() {
    let before = [
        realm("60s"),
        target("dir", json!({})),
        role("staff", &["dir/staff"]),
        role("devs", &["dir/devs"]),
        policy("access", STAFF),
        binding("ann-devs", "devs", &["ann", "bob"]),
        person("ann", json!({"manager": "bob"})),
        person("bob", json!({})),
        person("cid", json!({"externalId": "3", "userName": "cid"})),
        person("dan", json!({"manager": "cid"})),
    ];
    // A role, a binding, a Policy and a Person get other names, and a module another file.
    let commit = [
        Step::Delete("RoleBinding", "ann-devs"),
        Step::Write(binding("engineers", "developers", &["ann", "bob"])),
        Step::Delete("BusinessRole", "devs"),
        Step::Write(role("developers", &["dir/devs"])),
        Step::Delete("Policy", "access"),
        Step::Write(policy("birthrights", STAFF)),
        Step::Delete("Person", "cid"),
        Step::Write(person("sid", json!({"externalId": "3", "userName": "cid", "displayName": "CID"}))),
        Step::Write(person("dan", json!({"manager": "sid"}))),
    ];
    let mut site = Site::at_work("moves").await;
    site.apply(before.clone()).await;
    site.until_all_ready().await;
    site.accounts("dir").watch();
    let whole = site.accounts("dir").whole();
    let orders = [[0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1, 0], [2, 6, 4, 0, 8, 5, 7, 3, 1], [4, 1, 6, 2, 8, 0, 3, 7, 5]];
    for order in orders {
        for number in order {
            commit[number].take(&site).await;
            tokio::time::sleep(BETWEEN).await;
        }
        site.until_all_ready().await;
        site.until("nothing waits", async |site| {
            let dir = site.get("TargetSystem", "dir").await.unwrap();
            dir["status"]["pending"] == 0 && site.list("Departure").await.is_empty()
        })
        .await;
        site.until_asked_anew().await;
        assert_eq!(site.accounts("dir").writes(), Vec::<String>::new(), "{order:?}");
        assert_eq!(site.accounts("dir").whole(), whole, "{order:?}");
        // Back again, at once.
        for (kind, name) in [("RoleBinding", "engineers"), ("BusinessRole", "developers"), ("Policy", "birthrights"), ("Person", "sid")] {
            site.delete(kind, name).await;
        }
        site.apply(before.clone()).await;
        site.until_all_ready().await;
    }
}
