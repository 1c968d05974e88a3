//! What is declared comes to be, and then nothing is written any more. A folder and a cluster make the same of the same manifests.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::json;

use super::manifests::{STAFF, binding, binding_of, person, policy, role, small, target};
use super::site::{Site, said};

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn what_is_declared_comes_to_be_and_then_it_is_quiet() {
    let mut site = Site::at_work("first").await;
    site.apply(small("1s")).await;
    let in_it = json!({"department": "IT", "title": "Engineer", "manager": "ann"});
    site.apply([person("ann", json!({})), person("bob", in_it), binding("bob-devs", "devs", &["bob"])]).await;
    site.until_all_ready().await;
    let dir = site.accounts("dir");
    assert_eq!(dir.enabled(), set(&["ann", "bob"]));
    assert_eq!(dir.grants(), set(&["ann group/staff", "bob group/devs"]));
    assert_eq!(dir.all()["bob"]["title"], rusqlite::types::Value::Text("Engineer".into()));
    site.until_said("TargetSystem", "dir", "InSync", "True").await;
    for (kind, name) in [("Policy", "access"), ("BusinessRole", "devs"), ("RoleBinding", "bob-devs"), ("Realm", "realm")] {
        site.until_said(kind, name, "Ready", "True").await;
    }
    let bob = site.get("Person", "bob").await.unwrap();
    assert_eq!(bob["status"]["state"], "active", "{bob:#}");
    let account = &bob["status"]["accounts"][0];
    assert_eq!((&account["target"], &account["userName"], &account["state"]), (&json!("dir"), &json!("bob"), &json!("Enabled")), "{bob:#}");
    let held = &account["entitlements"][0];
    assert_eq!((&held["key"], &held["ours"]), (&json!("group/devs"), &json!(true)), "{bob:#}");
    assert!(held["reason"].as_str().unwrap().contains("bob-devs"), "{bob:#}");

    // A while that holds several sweeps: nothing is written, neither here nor there.
    site.until_quiet().await;
    let (versions, accounts) = (site.versions().await, dir.whole());
    dir.watch();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(site.versions().await, versions, "after {:?}", began.elapsed());
    }
    assert_eq!((dir.writes(), dir.whole()), (Vec::new(), accounts));
    // And sweeps did go on: nothing else tells of this.
    dir.execute("UPDATE accounts SET displayName = 'Somebody' WHERE userName = 'ann'");
    site.until("drift is put right", async |site| {
        site.accounts("dir").all()["ann"]["displayName"] == rusqlite::types::Value::Text("ANN".into())
    })
    .await;
}

#[tokio::test]
async fn a_restart_of_an_operator_at_rest_writes_nothing() {
    let mut site = Site::at_work("rest").await;
    site.apply(small("1s")).await;
    site.apply([person("ann", json!({})), person("bob", json!({"suspended": true}))]).await;
    site.until_all_ready().await;
    site.until_quiet().await;
    site.accounts("dir").watch();
    let versions = site.versions().await;
    for _ in 0..2 {
        site.restart().await;
        site.until_read_since_start().await;
        assert_eq!(site.accounts("dir").writes(), Vec::<String>::new());
        assert_eq!(site.versions().await, versions);
    }
}

/// What each makes of the same manifests.
async fn folder_and_cluster(name: &str, folder: &Path, targets: &[&str]) {
    let mut site = Site::at_work(name).await;
    for part in std::fs::read_dir(folder).unwrap().map(|part| part.unwrap().path()).filter(|part| part.is_dir()) {
        if part.join("kustomization.yaml").exists() {
            site.kubectl(&["apply", "--server-side", "--kustomize", &part.to_string_lossy()]);
        } else if !part.ends_with(".provost") {
            // Without `--server-side` kubectl leaves out what is null: an attribute that is unmapped by that would be mapped.
            site.kubectl(&["apply", "--server-side", "--recursive", "--filename", &part.to_string_lossy()]);
        }
    }
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|file| file.extension().is_some()) {
        site.kubectl(&["apply", "--server-side", "--filename", &file.to_string_lossy()]);
    }
    let copied = tempfile::tempdir().unwrap();
    let copy = Command::new("cp").arg("-r").arg(format!("{}/.", folder.display())).arg(copied.path()).output().unwrap();
    assert!(copy.status.success());
    std::fs::remove_dir_all(copied.path().join(".provost")).ok();
    let applied =
        Command::new(assert_cmd::cargo::cargo_bin("provost")).args(["apply", "--auto-approve", "-f"]).arg(copied.path()).output().unwrap();
    assert_eq!(applied.status.code(), Some(0), "{}{}", String::from_utf8_lossy(&applied.stdout), String::from_utf8_lossy(&applied.stderr));

    site.until_all_ready().await;
    site.until("every target in sync", async |site| {
        let all = site.list("TargetSystem").await;
        all.len() == targets.len() && all.iter().all(|target| said(target, "InSync")["status"] == "True")
    })
    .await;
    for target in targets {
        let offline = super::accounts::Accounts::new(copied.path().join(format!("{target}.db")));
        let online = site.accounts(target);
        assert!(!offline.all().is_empty(), "{target}");
        assert_eq!(online.all(), offline.all(), "{target}");
        assert_eq!(online.grants(), offline.grants(), "{target}");
    }
}

#[tokio::test]
async fn a_folder_and_a_cluster_make_the_same_of_the_example() {
    let targets = [".provost/targets/billing", ".provost/targets/chat", ".provost/targets/directory"];
    folder_and_cluster("acme", &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme"), &targets).await;
}

#[tokio::test]
async fn a_folder_and_a_cluster_make_the_same_of_a_realm_of_every_state() {
    let folder = tempfile::tempdir().unwrap();
    let objects = [
        json!({"apiVersion": "provost.dev/v1alpha1", "kind": "Realm", "metadata": {"name": "realm"}, "spec": {"id": "every"}}),
        target("dir", json!({"lifecycle": {"preboarding": [{"before": "7d", "do": "Create"}]}})),
        target(
            "app",
            json!({"mapping": {"displayName": {"value": "upper(input.person.userName)"}, "title": {"value": "\"new\"", "when": "OnCreate"}}}),
        ),
        role("staff", &["dir/staff", "app/users"]),
        role("devs", &["dir/devs"]),
        policy("access", STAFF),
        binding_of("it", "devs", "IT"),
        binding("ann-devs", "devs", &["ann", "eve"]),
        person("ann", json!({"emails": [{"value": "ann@x.example"}]})),
        person("bob", json!({"suspended": true})),
        person("cid", json!({"department": "IT", "manager": "ann"})),
        person("dan", json!({"employments": [{"startDate": "2020-01-01", "endDate": "2021-01-01"}]})),
        person("eve", json!({"employments": [{"startDate": "2020-01-01", "leaves": [{"from": "2020-06-01", "to": "2099-01-01"}]}]})),
        person("fay", json!({"externalId": "7/7#7", "employments": [{"startDate": "2098-01-01"}]})),
    ];
    for (number, object) in objects.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.json")), object.to_string()).unwrap();
    }
    folder_and_cluster("every", folder.path(), &["dir", "app"]).await;
}
