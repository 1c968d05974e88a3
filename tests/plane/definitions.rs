//! The definitions are taken, found by their names, explained, and hold what must not change.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery;
use kube::{Client, ResourceExt};
use provost::api::person::Person;
use provost::api::{GROUP, VERSION, all_crds};
use serde_json::{Value, json};

use crate::common::plane::{MANAGER, plane, soon};

/// Objects of a kind of ours in a namespace.
fn api(client: &Client, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let plural = all_crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap().spec.names.plural;
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), &plural);
    Api::namespaced_with(client.clone(), namespace, &resource)
}

async fn apply(api: &Api<DynamicObject>, kind: &str, name: &str, spec: &Value) -> kube::Result<DynamicObject> {
    let object = json!({"apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": {"name": name}, "spec": spec});
    soon(api.patch(name, &PatchParams::apply(MANAGER).force().validation_strict(), &Patch::Apply(&object))).await
}

#[tokio::test]
async fn every_definition_is_taken_and_served() {
    let plane = plane();
    let client = plane.crds().await;
    let served = soon(discovery::pinned_group(&client, &kube::core::GroupVersion::gv(GROUP, VERSION))).await.unwrap();
    let mut served: Vec<String> = served.recommended_resources().into_iter().map(|(resource, _)| resource.kind).collect();
    let mut wanted: Vec<String> = all_crds().into_iter().map(|crd| crd.spec.names.kind).collect();
    served.sort();
    wanted.sort();
    assert_eq!(served, wanted);
}

#[tokio::test]
async fn a_new_object_reads_as_unseen() {
    let plane = plane();
    let client = plane.crds().await;
    let namespace = plane.namespace("unseen").await;
    let rows = [
        ("Realm", json!({})),
        ("Person", json!({})),
        ("BusinessRole", json!({})),
        ("RoleBinding", json!({"role": "r", "subjects": [{"name": "a"}]})),
        ("Policy", json!({"use": ["sod/v1"]})),
        ("TargetSystem", json!({"type": "sqlite", "sqlite": {"path": "a"}})),
        ("Approval", json!({"decision": "Approve", "changes": ["Disable dir e1 leavers"], "digest": "abc"})),
        ("Lockout", json!({"person": "a"})),
        ("Departure", json!({})),
    ];
    assert_eq!(rows.len(), all_crds().len());
    for (kind, spec) in rows {
        let api = api(&client, &namespace, kind);
        apply(&api, kind, "x", &spec).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        let read = soon(api.get("x")).await.unwrap();
        assert_eq!(read.data["status"]["observedGeneration"], -1, "{kind}");
    }
    // As our own type has it.
    let people: Api<Person> = Api::namespaced(client, &namespace);
    assert_eq!(soon(people.get("x")).await.unwrap().status.unwrap().observed_generation, -1);
}

#[tokio::test]
async fn what_never_changes_is_refused_on_update() {
    let plane = plane();
    let client = plane.crds().await;
    let namespace = plane.namespace("immutable").await;
    let approval = |decision: &str| json!({"decision": decision, "changes": ["Disable dir e1 leavers"], "digest": "abc"});
    let rows = [
        ("another externalId", "Person", json!({"externalId": "1"}), json!({"externalId": "2"}), Some("externalId never changes")),
        ("an externalId that goes", "Person", json!({"externalId": "1"}), json!({"title": "x"}), Some("externalId never changes")),
        ("an externalId that comes", "Person", json!({}), json!({"externalId": "1"}), Some("externalId never changes")),
        ("all else of a person", "Person", json!({"externalId": "1"}), json!({"externalId": "1", "title": "x"}), None),
        ("another realm", "Realm", json!({"id": "a"}), json!({"id": "b"}), Some("id never changes")),
        ("all else of a realm", "Realm", json!({"id": "a"}), json!({"id": "a", "freeze": true}), None),
        ("another person", "Lockout", json!({"person": "a"}), json!({"person": "b"}), Some("person never changes")),
        ("all else of a lockout", "Lockout", json!({"person": "a"}), json!({"person": "a", "reason": "x"}), None),
        ("an answer that is edited", "Approval", approval("Approve"), approval("Reject"), Some("an Approval is never edited")),
    ];
    for (number, (row, kind, before, after, refused)) in rows.into_iter().enumerate() {
        let api = api(&client, &namespace, kind);
        let name = format!("x{number}");
        apply(&api, kind, &name, &before).await.unwrap_or_else(|error| panic!("{row}: {error}"));
        match (apply(&api, kind, &name, &after).await, refused) {
            (Ok(_), None) => {}
            (Err(kube::Error::Api(status)), Some(why)) => {
                assert_eq!(status.code, 422, "{row}: {status:?}");
                assert!(status.message.contains(why), "{row}: {status:?}");
            }
            (verdict, _) => panic!("{row}: {:?}", verdict.map(|object| object.name_any())),
        }
    }
}

#[tokio::test]
async fn kubectl_finds_and_explains_them() {
    let plane = plane();
    let client = plane.crds().await;
    let namespace = plane.namespace("names").await;
    apply(&api(&client, &namespace, "Person"), "Person", "ann", &json!({"userName": "ann"})).await.unwrap();
    let binding = json!({"role": "r", "subjects": [{"name": "ann"}], "notAfter": "2027-06-30T22:00:00Z"});
    apply(&api(&client, &namespace, "RoleBinding"), "RoleBinding", "b", &binding).await.unwrap();
    let get = |what: &str| plane.said(&["get", "--namespace", &namespace, what]);

    let all = get("provost");
    assert!(all.contains("person.provost.dev/ann") && all.contains("rolebinding.provost.dev/b"), "{all}");
    for what in ["pbinding", "rolebindings.provost.dev"] {
        let bindings = get(what);
        let lines: Vec<Vec<&str>> = bindings.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["NAME", "ROLE", "UNTIL", "READY", "AGE"], "{what}");
        assert_eq!(lines[1][..3], ["b", "r", "2027-06-30T22:00:00Z"], "{what}");
    }
    // The bare name is that of Kubernetes' own.
    assert_eq!(get("rolebinding"), "");
    let short: Vec<String> = all_crds().into_iter().flat_map(|crd| crd.spec.names.short_names.unwrap_or_default()).collect();
    assert_eq!(short.len(), all_crds().len() - 1, "`person` and `people` are short enough: {short:?}");
    for name in &short {
        get(name);
    }

    let explained = plane.said(&["explain", "person.spec.employments"]);
    for text in ["KIND:       Person", "When the person works here", "startDate", "First day at work"] {
        assert!(explained.contains(text), "{text}: {explained}");
    }
    let explained = plane.said(&["explain", "pbinding.spec.subjectMatch"]);
    assert!(explained.contains("People by what is said of them"), "{explained}");
}

#[tokio::test]
async fn a_plane_leaves_nothing_behind() {
    let own = crate::common::plane::Plane::start();
    let (kubeconfig, client) = (own.kubeconfig(), own.client().await);
    soon(client.apiserver_version()).await.unwrap();
    drop(own);
    assert!(!kubeconfig.parent().unwrap().exists());
    assert!(soon(client.apiserver_version()).await.is_err(), "the API server still answers");
}
