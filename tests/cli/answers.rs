//! `approve` and `reject`: what the guard holds is let through, or kept, by a file beside the manifests.

use super::Folder;

/// Three of four people are gone: more than half of all accounts may never go at once.
fn held() -> Folder {
    let folder = Folder::applied();
    for person in ["bob", "eve", "lee"] {
        folder.remove(&format!("people/{person}.yaml"));
    }
    folder
}

fn digest(folder: &Folder) -> String {
    let plan = folder.run(&["plan", "-o", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    plan["held"].as_array().unwrap().iter().find(|held| held["target"] == "directory").unwrap()["digest"].as_str().unwrap().to_owned()
}

fn approvals(folder: &Folder) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder.path(".provost/approvals"))
        .map(|files| files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

#[test]
fn what_is_approved_goes_out_once_and_what_is_rejected_stays() {
    let folder = held();
    folder.apply().expect(3);
    let digest = digest(&folder);
    let said = folder.run(&["approve", "directory", "--digest", &digest, "--approver", "root", "--reason", "reorganisation"]).expect(0);
    assert!(said.out.starts_with("directory: taken away"), "removals come first: {}", said.out);
    let written = approvals(&folder);
    for line in [
        "decision: Approve",
        "Disable directory 1002 absence",
        "approver: root",
        "justification: reorganisation",
        "expires: \"2026-11-25T09:00:00Z\"",
        &digest,
    ] {
        assert!(written[0].contains(line), "no `{line}` in\n{}", written[0]);
    }
    folder.apply();
    assert_eq!(folder.enabled("directory").into_iter().collect::<Vec<_>>(), ["ann"]);
    folder.run(&["approve", "directory", "--approver", "root"]).expect(1).says(&["nothing is held in directory"]);
}

#[test]
fn some_of_it_can_be_approved() {
    let folder = held();
    folder.run(&["approve", "directory", "--change", "Disable directory 1002 absence", "--approver", "root"]).expect(0);
    folder.apply().expect(3);
    assert_eq!(folder.enabled("directory").into_iter().collect::<Vec<_>>(), ["ann", "eve", "lee"]);
    folder.run(&["approve", "directory", "--change", "Disable directory 1001 absence"]).expect(1).says(&["is not held in directory"]);
}

#[test]
fn an_answer_to_something_else_is_refused() {
    let folder = held();
    let digest = digest(&folder);
    folder.remove("people/ann.yaml");
    folder.run(&["approve", "directory", "--digest", &digest]).expect(1).says(&["something else is held", "provost plan"]);
    folder.run(&["approve", "crm"]).expect(1).says(&["no TargetSystem `crm`"]);
    assert!(approvals(&folder).is_empty());
}

#[test]
fn nobody_approves_what_concerns_themselves() {
    let folder = Folder::applied();
    folder.edit("targets/directory.yaml", "type: sqlite", "type: sqlite\n  removals: Hold");
    folder.edit("people/lee.yaml", "department: Engineering", "department: Support");
    folder.plan().expect(3).prints(&["removals: Hold"]);
    for name in ["lee", "1003"] {
        folder.run(&["approve", "directory", "--approver", name]).expect(1).says(&["cannot approve what concerns"]);
    }
    assert!(approvals(&folder).is_empty());
    folder.run(&["approve", "directory", "--approver", "ann"]).expect(0);
    folder.apply().expect(0);
    assert!(!folder.grants("directory").contains("lee group/project-apollo"));
}

#[test]
fn what_is_rejected_stays_held_under_any_limit() {
    let folder = Folder::applied();
    folder.edit("people/lee.yaml", "department: Engineering", "department: Support");
    folder.plan().expect(2);
    let line = "Revoke directory 1003 group/project-apollo revocations";
    folder.run(&["reject", "directory", "--change", line, "--approver", "ann", "--expires", "7d"]).expect(0);
    folder.plan().expect(3).prints(&["rejected by Approval"]);
    folder.apply().expect(3);
    assert!(folder.grants("directory").contains("lee group/project-apollo"));
    let later = folder.at("2026-12-02T09:00:00Z");
    later.apply().expect(0);
    assert!(!later.grants("directory").contains("lee group/project-apollo"), "the answer is over");
}
