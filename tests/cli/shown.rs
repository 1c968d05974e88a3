//! What is printed, as it is printed. Read these like code: they are what people see.

use super::Folder;
use super::codes::ZOE;

/// A realm in which something of everything happens.
fn eventful() -> Folder {
    let folder = Folder::applied();
    folder.edit("people/bob.yaml", "startDate: \"2021-01-01\"", "startDate: \"2021-01-01\", endDate: \"2026-11-23\"");
    folder.edit("people/lee.yaml", "department: Engineering", "department: Support").edit(
        "people/lee.yaml",
        "familyName: Dvorak",
        "familyName: Dvorakova",
    );
    folder
        .write("people/zoe.yaml", ZOE)
        .write("people/max.yaml", &ZOE.replace("zoe", "max").replace("1009", "1010").replace("  userName: max\n", ""));
    folder.open("directory").execute_batch("INSERT INTO accounts (userName, active) VALUES ('backup', 1)").unwrap();
    folder.edit(
        "policy.yaml",
        "      accounts contains",
        "      violations contains {\"rule\": \"lonely\", \"message\": \"has no manager\"} if not input.person.manager\n\n      accounts contains",
    );
    folder
}

#[test]
fn a_first_plan() {
    insta::assert_snapshot!("first_plan", Folder::small().plan().expect(2).out);
}

#[test]
fn an_eventful_plan() {
    let folder = eventful();
    insta::assert_snapshot!("eventful_text", folder.plan().expect(4).out);
    insta::assert_snapshot!("eventful_markdown", folder.run(&["plan", "-o", "markdown"]).expect(4).out);
    insta::assert_snapshot!("eventful_json", folder.run(&["plan", "-o", "json"]).expect(4).out);
}

#[test]
fn a_plan_that_is_held() {
    let folder = Folder::applied();
    for person in ["bob", "eve", "lee"] {
        folder.remove(&format!("people/{person}.yaml"));
    }
    insta::assert_snapshot!("held", folder.plan().expect(3).out);
}

#[test]
fn what_apply_says() {
    let folder = eventful();
    insta::assert_snapshot!("applied", folder.apply().expect(4).out);
}

#[test]
fn why_and_who_has() {
    let folder = Folder::applied();
    folder.open("billing").execute_batch("INSERT INTO accounts (userName, active) VALUES ('import', 1); INSERT INTO grants (account, kind, name, right) SELECT id, 'role', 'payments_rw', '' FROM accounts WHERE userName = 'import'").unwrap();
    insta::assert_snapshot!("why_bob", folder.run(&["why", "bob"]).expect(0).out);
    insta::assert_snapshot!("why_ann_heads", folder.run(&["why", "1001", "directory/group/heads"]).expect(0).out);
    insta::assert_snapshot!("who_has", folder.run(&["who-has", "billing/role/payments_rw"]).expect(0).out);
    folder.run(&["who-has", "billing"]).expect(1).says(&["TARGET/KIND/NAME"]);
    let json: serde_json::Value = serde_json::from_str(&folder.run(&["why", "bob", "-o", "json"]).expect(0).out).unwrap();
    assert_eq!(json["entitlements"][0]["key"], "billing/role/invoices_ro");
    assert_eq!(json["entitlements"][0]["held"], true);
}

#[test]
fn help() {
    let folder = Folder::small();
    insta::assert_snapshot!("help", folder.run(&["--help"]).out);
    for command in ["plan", "apply", "why", "who-has", "check", "approve", "reject"] {
        insta::assert_snapshot!(format!("help_{command}"), folder.run(&[command, "--help"]).expect(0).out);
    }
}
