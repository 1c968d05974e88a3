//! Policies that are broken, gone or to come: nobody gains or loses by them, and leavers leave.

use serde_json::{Value, json};

use super::manifests::{STAFF, binding, object, person, policy, small};
use super::site::{Site, said};

/// Two people with accounts.
async fn two(of: &str) -> Site {
    let mut site = Site::at_work(of).await;
    site.apply(small("1s")).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").grants().len(), 2);
    site.accounts("dir").watch();
    site
}

/// What must hold while no policy can be trusted, and until it can again.
async fn frozen_until(mut site: Site, mended: Value) {
    site.until("the people say why", async |site| {
        let ann = site.get("Person", "ann").await.unwrap();
        said(&ann, "Ready")["status"] == "False" && said(&ann, "Ready")["reason"] == "PolicyError"
    })
    .await;
    // Whoever comes gets nothing, whoever moves keeps everything, whoever leaves leaves.
    site.apply([person("cid", json!({})), person("ann", json!({"department": "IT"}))]).await;
    site.merge("Person", "bob", json!({"spec": {"suspended": true}})).await;
    site.until("bob is out", async |site| site.accounts("dir").disabled().contains("bob")).await;
    site.throughout(3, "nothing else happens", async |site| site.accounts("dir").writes() == ["disable bob"]).await;
    site.apply([mended]).await;
    site.until("cid has an account", async |site| site.accounts("dir").grants().contains("cid group/staff")).await;
    site.until("ann has lost what she may not have any more", async |site| !site.accounts("dir").grants().contains("ann group/staff"))
        .await;
    site.until_said("Policy", "access", "Ready", "True").await;
    site.until("ready again", async |site| said(&site.get("Person", "cid").await.unwrap(), "Ready")["status"] == "True").await;
}

#[tokio::test]
async fn a_policy_that_does_not_parse_freezes() {
    let mut site = two("unparsable").await;
    site.apply([policy("access", "package provost\n\nroles contains {\"name\": } if true\n")]).await;
    site.until_said("Policy", "access", "Compiled", "False").await;
    let broken = site.get("Policy", "access").await.unwrap();
    let message = said(&broken, "Compiled")["message"].as_str().unwrap();
    assert!(message.contains("access.rego:3"), "{message}");
    assert_eq!(said(&broken, "Stalled")["status"], "True", "{broken:#}");
    frozen_until(site, policy("access", STAFF)).await;
}

#[tokio::test]
async fn a_policy_that_fails_for_some_freezes_those() {
    let mut site = two("failing").await;
    let failing = format!("{STAFF}\nroles contains {{\"name\": \"devs\"}} if 1 / (count(input.person.title) - 1) > 0\n");
    site.apply([policy("access", &failing)]).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({"title": "Dev"})))).await;
    site.until("both are devs", async |site| site.accounts("dir").grants().len() == 4).await;
    site.apply([person("bob", json!({"title": "X"}))]).await;
    site.until("bob is told where it fails", async |site| {
        let bob = site.get("Person", "bob").await.unwrap();
        let ready = said(&bob, "Ready");
        ready["reason"] == "PolicyError" && ready["message"].as_str().unwrap().contains("access.rego:5")
    })
    .await;
    site.throughout(3, "he keeps what he has", async |site| site.accounts("dir").grants().len() == 4).await;
    site.until_said("Person", "ann", "Ready", "True").await;
}

#[tokio::test]
async fn a_policy_that_is_deleted_freezes() {
    let mut site = two("deleted").await;
    site.delete("Policy", "access").await;
    site.until("the realm says so", async |site| {
        site.get("Realm", "realm").await.unwrap()["status"]["frozen"].as_str().is_some_and(|why| why.contains("olicy"))
    })
    .await;
    // Also for an operator that was not there.
    site.restart().await;
    site.until_read_since_start().await;
    frozen_until(site, policy("access", STAFF)).await;
}

#[tokio::test]
async fn policies_come_from_config_maps() {
    let mut site = Site::at_work("maps").await;
    let objects = small("1s").into_iter().filter(|object| object["kind"] != "Policy");
    site.apply(objects).await;
    site.apply([object("Policy", "access", json!({"from": ["rules"]}))]).await;
    site.apply(["ann", "bob"].map(|name| person(name, json!({})))).await;
    site.apply([binding("ann-devs", "devs", &["ann"])]).await;
    site.until("the Policy names what is missing", async |site| {
        let policy = site.get("Policy", "access").await.unwrap();
        said(&policy, "Ready")["status"] == "False" && said(&policy, "Ready")["message"].as_str().unwrap().contains("rules")
    })
    .await;
    site.throughout(2, "nobody gets an account", async |site| site.accounts("dir").all().is_empty()).await;
    let map = |rego: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rules"}, "data": {"access.rego": rego}});
    site.apply([map(STAFF)]).await;
    site.until_all_ready().await;
    assert_eq!(site.accounts("dir").grants().len(), 3);
    site.accounts("dir").watch();
    // Changed: decided again. Missing again: kept.
    site.apply([map(&format!("{STAFF}\nroles contains {{\"name\": \"devs\"}} if input.person.userName == \"bob\"\n"))]).await;
    site.until("bob is a dev", async |site| site.accounts("dir").grants().contains("bob group/devs")).await;
    site.delete("ConfigMap", "rules").await;
    frozen_from_map(site, map(STAFF)).await;
}

async fn frozen_from_map(mut site: Site, mended: Value) {
    site.until_said("Person", "ann", "Ready", "False").await;
    site.throughout(3, "nobody loses anything", async |site| site.accounts("dir").writes() == ["grant bob group/devs"]).await;
    site.apply([mended]).await;
    site.until("bob is no dev any more", async |site| !site.accounts("dir").grants().contains("bob group/devs")).await;
    site.until_all_ready().await;
}

#[tokio::test]
async fn what_takes_longer_is_said_on_its_policy() {
    let mut site = two("slower").await;
    let slower =
        format!("{STAFF}\nlevel[\"high\"] := 1 if input.person.title == \"Dev\"\n\nroles contains {{\"name\": \"devs\"}} if level.high\n");
    site.apply([policy("access", &slower), person("ann", json!({"title": "Dev"}))]).await;
    site.until("it is decided by all the same", async |site| site.accounts("dir").grants().contains("ann group/devs")).await;
    site.until("it is said", async |site| {
        let policy = site.get("Policy", "access").await.unwrap();
        let compiled = said(&policy, "Compiled");
        compiled["status"] == "True" && compiled["message"].as_str().unwrap().contains("by the interpreter alone, which takes longer")
    })
    .await;
}
