//! A folder with a SCIM target, end to end: what the command does is looked at with plain HTTP.

use std::ffi::OsString;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use provost::cli::{World, run};
use tempfile::TempDir;

use super::server::{Service, tenant};
use super::*;
use crate::common::runs::block_on;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A small realm in a folder, and the service that it provisions.
struct Realm {
    folder: TempDir,
    service: Service,
}

impl Realm {
    fn new() -> Self {
        let service = tenant();
        let realm = Self { folder: tempfile::tempdir().unwrap(), service };
        let base = &realm.service.base;
        realm.write(
            "realm.yaml",
            "apiVersion: provost.dev/v1alpha1\nkind: Realm\nmetadata: {name: acme}\nspec: {id: acme, timezone: UTC}\n",
        );
        realm.write(
            "chat.yaml",
            &format!(
                "apiVersion: provost.dev/v1alpha1\nkind: TargetSystem\nmetadata: {{name: chat}}\nspec:\n  type: scim\n  scim: {{url: \"{base}\"}}\n  \
                 secretRef: {{name: chat}}\n  entitlements: {{group: {{createMissing: true}}}}\n  safety: {{leavers: {{count: 5, percent: 50}}}}\n"
            ),
        );
        realm.write(
            "roles.yaml",
            "apiVersion: provost.dev/v1alpha1\nkind: BusinessRole\nmetadata: {name: staff}\nspec: {entitlements: [{target: chat, kind: group, name: Staff ☃}]}\n\
             ---\napiVersion: provost.dev/v1alpha1\nkind: RoleBinding\nmetadata: {name: staff}\nspec: {role: staff, subjectMatch: {department: [Finance]}}\n",
        );
        realm.person("ann", "Ann \\\"A\\\" Ångström", "department: Finance, title: Clerk");
        realm.person("bob", "Bob", "department: Finance");
        realm.person("cho", "Cho", "department: Finance");
        realm.write(".provost/secrets/chat/token", &format!("{TOKEN}\n"));
        realm
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn person(&self, name: &str, given: &str, more: &str) {
        self.write(
            &format!("people/{name}.yaml"),
            &format!(
                "apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {{name: {name}}}\nspec: {{externalId: \"x-{name}\", userName: {name}, \
                 name: {{givenName: \"{given}\", familyName: Last}}, emails: [{{value: {name}@acme.example}}], {more}}}\n"
            ),
        );
    }

    /// Runs a command at a time of that day; it must end so.
    #[track_caller]
    fn provost(&self, arguments: &[&str], hour: u8, code: u8) -> String {
        let (out, err) = (Written::default(), Written::default());
        let world = World {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(Vec::new())),
            terminal: false,
            colour: false,
            colour_messages: false,
            quiet: false,
            now: format!("2026-11-24T{hour:02}:00:00Z").parse().unwrap(),
        };
        let folder = self.folder.path().to_str().unwrap();
        let ended = run(["provost"].iter().chain(arguments).copied().chain(["-f", folder]).map(OsString::from), world);
        let text = |written: Written| String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let (out, err) = (text(out), text(err));
        assert_eq!(ended, code, "{arguments:?}\n{out}\n{err}");
        assert!(!out.contains(TOKEN) && !err.contains(TOKEN));
        out
    }

    #[track_caller]
    fn apply(&self, hour: u8) {
        self.provost(&["apply", "--auto-approve"], hour, 0);
    }

    /// All resources of a kind, by their names.
    fn all(&self, kind: &str, name: &str) -> BTreeMap<String, Json> {
        let list = block_on(curl("GET", &format!("{}/{kind}", self.service.base), None));
        let all = list["Resources"].as_array().unwrap().iter();
        all.map(|resource| (resource[name].as_str().unwrap().to_owned(), resource.clone())).collect()
    }

    fn users(&self) -> BTreeMap<String, Json> {
        self.all("Users", "userName")
    }

    /// User names of a group's members.
    fn members(&self, group: &str) -> BTreeSet<String> {
        let users = self.users();
        let name = |id: &Json| users.iter().find(|(_, user)| user["id"] == *id).map_or_else(|| id.to_string(), |(name, _)| name.clone());
        let group = self.all("Groups", "displayName").remove(group).unwrap();
        group["members"].as_array().into_iter().flatten().map(|member| name(&member["value"])).collect()
    }

    fn patch(&self, path: &str, operations: Json) {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        block_on(curl("PATCH", &format!("{}/{path}", self.service.base), Some(body)));
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_folder_brings_a_service_to_what_it_declares() {
    let realm = Realm::new();
    realm.provost(&["plan"], 9, 2);
    assert_eq!(realm.users(), BTreeMap::new(), "plan writes nothing");
    realm.apply(9);
    let users = realm.users();
    assert_eq!(users.keys().cloned().collect::<BTreeSet<_>>(), names(&["ann", "bob", "cho"]));
    let ann = &users["ann"];
    let enterprise = &ann["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert_eq!(ann["externalId"], "acme/x-ann");
    assert_eq!(ann["active"], true);
    assert_eq!(ann["name"], json!({"givenName": "Ann \"A\" Ångström", "familyName": "Last"}));
    assert_eq!(ann["emails"], json!([{"type": "work", "value": "ann@acme.example"}]));
    assert_eq!((&ann["title"], &enterprise["department"]), (&json!("Clerk"), &json!("Finance")));
    assert_eq!(realm.members("Staff ☃"), names(&["ann", "bob", "cho"]));
    realm.provost(&["plan"], 9, 0);
    realm.provost(&["plan"], 10, 0);

    // Somebody changes things by hand.
    let id = ann["id"].as_str().unwrap();
    realm.patch(&format!("Users/{id}"), json!([{"op": "replace", "path": "title", "value": "Director"}]));
    let group = realm.all("Groups", "displayName")["Staff ☃"]["id"].as_str().unwrap().to_owned();
    realm.patch(&format!("Groups/{group}"), json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]));
    realm.provost(&["plan"], 11, 2);
    realm.apply(11);
    assert_eq!(realm.users()["ann"]["title"], "Clerk");
    assert_eq!(realm.members("Staff ☃"), names(&["ann", "bob", "cho"]));
    realm.provost(&["plan"], 12, 0);

    // One leaves.
    realm.person("bob", "Bob", "department: Finance, employments: [{startDate: \"2020-01-01\", endDate: \"2026-11-23\"}]");
    realm.apply(13);
    assert_eq!(realm.users()["bob"]["active"], false);
    assert_eq!(realm.users()["ann"]["active"], true);
    assert_eq!(realm.members("Staff ☃"), names(&["ann", "cho"]));
    realm.provost(&["plan"], 14, 0);
}

#[test]
fn a_wrong_login_reads_nothing_and_writes_nothing() {
    let realm = Realm::new();
    realm.write(".provost/secrets/chat/token", "wrong");
    let out = realm.provost(&["plan"], 9, 4);
    assert!(out.contains("denied") && out.contains("check the Secret"), "{out}");
    realm.provost(&["apply", "--auto-approve"], 9, 4);
    assert_eq!(realm.users(), BTreeMap::new());
}
