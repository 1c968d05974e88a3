//! What a plan says beside its changes: what is in grace, what is waived, which answers do not count.

use super::Folder;

#[test]
fn the_end_of_a_grace_is_shown() {
    let folder = Folder::applied();
    folder.edit("targets/directory.yaml", "group: {createMissing: true}", "group: {createMissing: true, grace: 14d}");
    folder.edit("people/lee.yaml", "department: Engineering", "department: Support");
    let kept = "directory/group/project-apollo is kept until 2026-12-08T09:00:00Z (grace): no policy and no binding gives it any more";
    folder.plan().expect(2).prints(&["Grace: 1", &format!("directory: lee: {kept}")]);
    folder.apply().expect(0);
    let later = folder.at("2026-12-01T09:00:00Z");
    later.plan().expect(0).prints(&[kept]);
    later.run(&["why", "lee"]).expect(0).prints(&[kept, "next change by itself: 2026-12-08T09:00:00Z"]);
    let only = later.run(&["why", "lee", "directory/group/project-apollo"]).expect(0);
    only.prints(&["nobody asks for it any more, and it is kept until 2026-12-08T09:00:00Z (grace)"]);
    let over = later.at("2026-12-08T09:00:00Z");
    assert!(!over.plan().expect(2).out.contains("grace"));
}

#[test]
fn what_is_waived_shows_until_when_and_by_whom_as_long_as_that_holds() {
    let folder = Folder::applied();
    folder.edit(
        "policy.yaml",
        "      accounts contains",
        "      violations contains {\"rule\": \"lonely\", \"message\": \"has no manager\", \"waived\": {\"until\": \"2027-01-31T00:00:00Z\", \"by\": \"cfo\", \"reason\": \"new team\"}} if input.person.metadata.name == \"ann\"\n\n      accounts contains",
    );
    let waived = "waived until 2027-01-31T00:00:00Z by cfo: new team";
    let plan = folder.plan().expect(0).prints(&["Violations", &format!("ann  lonely  report  has no manager  [{waived}]")]);
    assert_eq!(plan.out.matches("lonely").count(), 1);
    folder.run(&["plan", "-o", "markdown"]).expect(0).prints(&[&format!("has no manager *({waived})*")]);
    let json: serde_json::Value = serde_json::from_str(&folder.run(&["plan", "-o", "json"]).expect(0).out).unwrap();
    assert_eq!((json["violations"].as_array().unwrap().len(), &json["waived"][0]["waived"]["by"]), (0, &"cfo".into()));
    folder.run(&["why", "ann"]).expect(0).prints(&[&format!("violation lonely: has no manager [{waived}]")]);
    // It is over: now it is a violation like any other.
    let later = folder.at("2027-01-31T00:00:00Z");
    for command in [&["plan"][..], &["why", "ann"]] {
        let ran = later.run(command).prints(&["has no manager"]);
        assert!(!ran.out.contains("waived"), "{}", ran.out);
    }
}

fn approval(changes: &str, digest: &str, more: &str) -> String {
    format!(
        "apiVersion: provost.dev/v1alpha1\nkind: Approval\nmetadata: {{name: a-1}}\nspec:\n  {more}\n  decision: Approve\n  changes: [{changes}]\n  digest: {digest}\n"
    )
}

#[test]
fn an_answer_that_is_refused_is_an_error() {
    let folder = Folder::applied();
    folder.plan().expect(0);
    folder.write("answer.yaml", &approval("Disable directory 1002 leavers", "sha256:00", "target: directory"));
    let refused = ["answer.yaml:", "Approval/a-1: the digest does not fit the changes", "provost approve"];
    folder.run(&["check"]).expect(1).says(&refused).prints(&["1 error"]);
    folder.plan().expect(0).says(&refused);

    // One that was written by us, and edited since.
    let folder = Folder::applied();
    for person in ["bob", "eve", "lee"] {
        folder.remove(&format!("people/{person}.yaml"));
    }
    folder.run(&["approve", "directory", "--change", "Disable directory 1002 absence", "--approver", "root"]).expect(0);
    let written = std::fs::read_dir(folder.path(".provost/approvals")).unwrap().next().unwrap().unwrap().path();
    let file = format!(".provost/approvals/{}", written.file_name().unwrap().to_str().unwrap());
    folder.run(&["check"]).expect(0);
    folder.edit(&file, "1002", "1003");
    folder.run(&["check"]).expect(1).says(&[&file, "the digest does not fit the changes"]);
    folder.apply().expect(3);
    assert_eq!(folder.enabled("directory").len(), 4, "nobody is shut out");

    let folder = Folder::applied();
    let digest = "sha256:056770bebf5f9b8c332f3c1d9245401abc6dba809a2a41eca8bb821fc61d1677";
    folder.write("answer.yaml", &approval("Disable crm 1002 leavers", digest, "target: crm"));
    let unknown = ["answer.yaml:5", "Approval/a-1: the target `crm` is no TargetSystem: the answer counts nowhere"];
    folder.run(&["check"]).expect(1).says(&unknown);
    folder.plan().expect(0).says(&unknown);
}

#[test]
fn an_answer_that_is_over_is_said_by_plan_alone_unless_it_has_done_its_work() {
    let folder = Folder::applied();
    for person in ["bob", "eve", "lee"] {
        folder.remove(&format!("people/{person}.yaml"));
    }
    folder.run(&["approve", "directory", "--change", "Disable directory 1002 absence", "--approver", "root"]).expect(0);
    let said = "it has been over since 2026-11-25T09:00:00Z";
    let over = folder.at("2026-11-25T09:00:00Z");
    over.plan().expect(3).says(&["warning", ".provost/approvals/directory-", said, "answer again"]);
    let check = over.run(&["check"]).expect(0);
    assert!(!check.err.contains(said), "{}", check.err);
    let before = over.at("2026-11-25T08:59:59Z");
    assert!(!before.plan().expect(3).err.contains("over since"));
    before.apply().expect(3);
    let over = before.at("2026-11-26T09:00:00Z");
    assert!(!over.plan().expect(3).err.contains("over since"), "it has released all that it names");
}
