//! The example is taken as it stands, and a second time it changes nothing. And an owner's children go with it, a namespace with all in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use provost::api::person::{Person, PersonSpec};
use serde_json::Value;

use crate::common::plane::{Plane, plane, soon};

/// Kind/name → resourceVersion, generation and spec of all that is there of ours.
fn there(plane: &Plane, namespace: &str) -> BTreeMap<String, (String, Value, Value)> {
    let list: Value = serde_json::from_str(&plane.said(&["get", "provost", "--namespace", namespace, "--output", "json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let name = format!("{}/{}", text(&item["kind"]), text(&item["metadata"]["name"]));
            (name, (text(&item["metadata"]["resourceVersion"]), item["metadata"]["generation"].clone(), item["spec"].clone()))
        })
        .collect()
}

#[tokio::test]
async fn the_example_applies_twice_and_the_second_time_changes_nothing() {
    let plane = plane();
    plane.crds().await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme");
    let offline = provost::realm::load::load_folder(&example).unwrap();
    assert!(offline.problems.is_empty());
    let ours = offline.objects.iter().filter(|object| object.body.kind().to_string() != "ConfigMap").count();

    for server_side in [false, true] {
        let namespace = plane.namespace("acme").await;
        let apply = || {
            for part in ["realm", "targets", "roles", "policies", "bindings", "people"] {
                let folder = example.join(part);
                // As a reader of the README types it: the folder with a kustomization goes by -k.
                let by = if part == "policies" { "--kustomize" } else { "--filename" };
                let mode = format!("--server-side={server_side}");
                plane.said(&["apply", "--namespace", &namespace, &mode, "--validate=strict", by, &folder.to_string_lossy()]);
            }
        };
        apply();
        if server_side {
            // A new object is stored without the status that it reads with; the first write behind it stores that, once, and no more.
            apply();
        }
        let first = there(&plane, &namespace);
        assert_eq!(first.len(), ours, "server side: {server_side}");
        assert!(first.values().all(|(_, generation, _)| *generation == 1), "server side: {server_side}");
        apply();
        assert_eq!(there(&plane, &namespace), first, "server side: {server_side}");
    }
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner_and_a_namespace_ends() {
    let plane = plane();
    let client = plane.crds().await;
    plane.controllers();
    let namespace = plane.namespace("owned").await;
    let people: Api<Person> = Api::namespaced(client.clone(), &namespace);
    let owner = soon(people.create(&PostParams::default(), &Person::new("ann", PersonSpec::default()))).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    let owned = ConfigMap {
        metadata: ObjectMeta {
            name: Some("of-ann".into()),
            owner_references: Some(vec![kube::Resource::owner_ref(&owner, &()).unwrap()]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    soon(maps.create(&PostParams::default(), &owned)).await.unwrap();

    soon(people.delete("ann", &DeleteParams::background())).await.unwrap();
    while soon(maps.get_opt("of-ann")).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let namespaces: Api<Namespace> = Api::all(client);
    soon(namespaces.delete(&namespace, &DeleteParams::default())).await.unwrap();
    while soon(namespaces.get_opt(&namespace)).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
