//! Lines that tell whom and what they mean.

use super::Folder;
use super::codes::ZOE;

#[test]
fn two_people_of_one_name_are_told_apart_by_their_external_ids() {
    let folder = Folder::applied();
    folder.edit("people/lee.yaml", "department: Engineering", "department: Support").write("people/zoe.yaml", ZOE);
    let plan = folder.plan().expect(2);
    assert!(!plan.out.contains("(1003)") && !plan.out.contains("(1009)"), "each has a name of their own: {}", plan.out);
    folder.edit("people/zoe.yaml", "{givenName: Zoe, familyName: Zeman}", "{givenName: Lee, familyName: Dvorak}");
    folder.plan().expect(2).prints(&["zoe (1009)  role staff", "lee (1003)  no policy"]);
    folder.run(&["plan", "-o", "markdown"]).expect(2).prints(&["| zoe (1009) |", "| lee (1003) |"]);
    // Of somebody who is gone the externalId is all that there is.
    folder.remove("people/bob.yaml").edit("people/zoe.yaml", "metadata: {name: zoe}", "metadata: {name: \"1002\"}");
    folder.plan().prints(&["1002 (externalId)  nobody declares this person any more", "1002 (1009)"]);
}

#[test]
fn what_many_lack_is_one_line() {
    let folder = Folder::applied();
    let asked =
        "      entitlements contains {\"target\": \"directory\", \"kind\": \"group\", \"name\": \"nowhere\"} if input.person.type\n\n";
    folder.edit("policy.yaml", "      accounts contains", &format!("{asked}      accounts contains"));
    let plan = folder.plan().expect(4);
    assert_eq!(plan.out.matches("directory/group/nowhere does not exist").count(), 1, "{}", plan.out);
    plan.prints(&["! ann and 3 more in directory: Incomplete: directory/group/nowhere does not exist: name it in a BusinessRole"]);
    let plan = folder.run(&["plan", "-o", "markdown"]).expect(4);
    assert_eq!(plan.out.matches("nowhere does not exist").count(), 1, "{}", plan.out);
    let json: serde_json::Value = serde_json::from_str(&folder.run(&["plan", "-o", "json"]).expect(4).out).unwrap();
    assert_eq!(json["incomplete"].as_array().unwrap().len(), 4, "JSON has all");
}

#[test]
fn whose_a_line_is_stands_in_it_whatever_words_are_in_the_rest() {
    let folder = Folder::applied();
    folder.write("people/zoe.yaml", &ZOE.replace("{name: zoe}", "{name: group}")).apply().expect(0);
    folder
        .open("directory")
        .execute_batch(
            "INSERT INTO entitlements (kind, name) VALUES ('group', 'club');
             INSERT INTO grants (account, kind, name, right) SELECT id, 'group', 'club', '' FROM accounts WHERE userName = 'zoe'",
        )
        .unwrap();
    folder.plan().prints(&["  directory: group: directory/group/club is held, nobody asks for it, and it is not ours"]);
}

#[test]
fn what_nothing_gives_any_more_says_where_to_look() {
    let folder = Folder::applied();
    folder.edit("people/lee.yaml", "department: Engineering", "department: Support");
    let line = "lee  no policy and no binding gives it any more; binding apollo gives it to others  people/lee.yaml:1, bindings.yaml:9";
    folder.plan().expect(2).prints(&[line]);
    folder.edit("bindings.yaml", "  parameters: {project: apollo}", "  parameters: {project: borealis}");
    folder.plan().expect(2).prints(&["lee  no policy and no binding gives it any more  people/lee.yaml:1"]);
}
