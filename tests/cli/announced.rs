//! Ends that are announced and held: seen at once, answered beforehand, done when they come.

use super::Folder;

/// Three of four people leave in a month: more than half may never go at once.
fn announced() -> Folder {
    let folder = Folder::applied();
    for person in ["ann", "bob", "lee"] {
        let text = std::fs::read_to_string(folder.path(&format!("people/{person}.yaml"))).unwrap();
        let (from, rest) = text.split_once("employments: [{startDate: \"").unwrap();
        let (date, rest) = rest.split_once('"').unwrap();
        let text = format!("{from}employments: [{{startDate: \"{date}\", endDate: \"2026-12-24\"{rest}");
        folder.write(&format!("people/{person}.yaml"), &text);
    }
    folder
}

fn leavers(folder: &Folder) -> Vec<String> {
    let everybody = Folder::applied().enabled("directory");
    everybody.difference(&folder.enabled("directory")).cloned().collect()
}

#[test]
fn who_is_held_is_seen_when_the_end_is_announced() {
    let folder = announced();
    let plan = folder.plan().expect(3);
    insta::assert_snapshot!("announced", plan.out);
    folder.run(&["plan", "-o", "markdown"]).expect(3).prints(&["employment ends (2026-12-25T00:00:00Z)"]);
    folder.run(&["plan", "-o", "json"]).expect(3).prints(&["\"comes\": \"2026-12-25T00:00:00Z\""]);
    plan.prints(&["leavers: 3 within 24 h, the limit is 2"]);
    folder.apply().expect(3).prints(&["Held in directory"]);
    folder.plan().expect(3).prints(&["leavers: 3 within 24 h, the limit is 2; held since 20"]);
    // From then on it is the mark in the ledger that says so.
    let again = folder.at("2026-12-01T09:00:00Z");
    again.plan().expect(3).prints(&["leavers: held since 2026-", "employment ends (2026-12-25T00:00:00Z)"]);
    again.apply().expect(3);
    assert!(leavers(&again).is_empty());
    let then = again.at("2026-12-25T00:00:00Z");
    then.apply().expect(3);
    assert_eq!(leavers(&then), ["ann", "bob"]);
}

#[test]
fn who_is_held_is_approved_beforehand_and_shut_out_at_the_end_however_long_that_is() {
    let folder = announced();
    folder.apply().expect(3);
    folder.run(&["approve", "directory", "--approver", "lee"]).expect(1).says(&["cannot approve what concerns"]);
    folder.run(&["approve", "directory", "--approver", "root"]).expect(0).prints(&["employment ends (2026-12-25T00:00:00Z)"]);
    folder.plan().expect(0);
    folder.apply().expect(0);
    // The answer is over in a day, and was given.
    let then = folder.at("2026-12-24T23:59:59Z");
    then.apply().expect(0);
    assert!(leavers(&then).is_empty());
    let then = then.at("2026-12-25T00:00:00Z");
    then.apply().expect(0);
    assert_eq!(leavers(&then), ["ann", "bob", "lee"]);
}

#[test]
fn an_answer_that_was_not_taken_up_before_the_end_lets_all_of_it_through() {
    let folder = announced();
    folder.apply().expect(3);
    let eve = folder.at("2026-12-24T12:00:00Z");
    eve.run(&["approve", "directory", "--approver", "root"]).expect(0);
    let then = eve.at("2026-12-25T06:00:00Z");
    then.apply().expect(0);
    assert_eq!(leavers(&then), ["ann", "bob", "lee"]);
    assert!(!then.grants("directory").iter().any(|grant| grant.starts_with("lee ")));
}

#[test]
fn an_answer_lets_an_end_come_once() {
    let folder = announced();
    folder.apply().expect(3);
    folder.run(&["approve", "directory", "--approver", "root", "--expires", "90d"]).expect(0);
    folder.apply().expect(0);
    // It moves nearer: that is another end, and is judged as one.
    for person in ["ann", "bob", "lee"] {
        folder.edit(&format!("people/{person}.yaml"), "2026-12-24", "2026-12-10");
    }
    folder.plan().expect(3).prints(&["employment ends (2026-12-11T00:00:00Z)"]);
}
