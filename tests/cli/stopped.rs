//! Who has left and is still in, because something stops it: every plan says so.

use super::Folder;

/// Bob has left.
fn left() -> Folder {
    let folder = Folder::applied();
    folder.edit("people/bob.yaml", "startDate: \"2021-01-01\"", "startDate: \"2021-01-01\", endDate: \"2026-11-23\"");
    folder
}

#[test]
fn a_leaver_who_is_paused_shows_and_is_shut_out_by_a_lockout() {
    let folder = left();
    folder.edit("people/bob.yaml", "metadata: {name: bob}", "metadata: {name: bob, annotations: {provost.dev/paused: \"true\"}}");
    let paused = "! bob in directory: NotShut: left, and not shut: paused by the annotation provost.dev/paused";
    folder.plan().expect(0).prints(&[paused, "! bob in billing: NotShut"]);
    folder.run(&["plan", "-o", "markdown"]).expect(0).prints(&["Still in, and should not be", "bob (directory): left, and not shut"]);
    folder.run(&["why", "bob"]).expect(0).prints(&["NotShut: left, and not shut: paused"]);
    folder.apply().expect(0);
    folder.plan().expect(0).prints(&[paused]);
    folder
        .write("lockout.yaml", "apiVersion: provost.dev/v1alpha1\nkind: Lockout\nmetadata: {name: inc}\nspec: {person: bob, reason: x}\n");
    folder.apply().expect(0);
    assert!(!folder.plan().expect(0).out.contains("NotShut"));
}

#[test]
fn a_leaver_in_a_target_that_is_observed_or_suspended_shows() {
    let folder = left();
    folder.edit("targets/billing.yaml", "type: sqlite", "type: sqlite\n  mode: Observe").edit(
        "targets/directory.yaml",
        "type: sqlite",
        "type: sqlite\n  suspend: true",
    );
    folder.plan().expect(0).prints(&[
        "! bob in billing: NotShut: left, and not shut: the target is only observed",
        "! bob in directory: NotShut: left, and not shut: the target is suspended",
    ]);
    // Whoever is retained, was shut already or works here is none of it.
    assert_eq!(folder.plan().out.matches("NotShut").count(), 2);
    folder.edit("people/bob.yaml", ", endDate: \"2026-11-23\"", "");
    assert!(!folder.plan().out.contains("NotShut"));
    folder.remove("people/lee.yaml");
    folder.plan().prints(&["! 1003 in directory: NotShut: gone, and not shut: the target is suspended"]);
    folder
        .write("lockout.yaml", "apiVersion: provost.dev/v1alpha1\nkind: Lockout\nmetadata: {name: inc}\nspec: {person: ann, reason: x}\n");
    folder.plan().prints(&["! ann in directory: NotShut: locked out, and not shut: the target is suspended"]);
}

#[test]
fn why_says_what_was_not_read_and_not_that_it_is_not_held() {
    let folder = Folder::applied();
    folder.edit("targets/billing.yaml", "type: sqlite", "type: sqlite\n  suspend: true");
    let why = folder.run(&["why", "bob"]).expect(0);
    insta::assert_snapshot!("why_suspended", why.out);
    assert!(!why.out.contains("not held"), "{}", why.out);
    let json = folder.run(&["why", "bob", "-o", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["entitlements"][0]["unread"], "the target is suspended");
    let who = folder.run(&["who-has", "billing/role/payments_rw"]).expect(0);
    let who = who.says(&["billing was not read", "suspended"]);
    assert!(who.out.contains("held by 0, 0 more are to get it; not read of 1") && !who.out.contains("not held"), "{}", who.out);

    let folder = Folder::applied();
    folder.edit("targets/billing.yaml", ".provost/targets/billing.db, create: true", ".provost/targets/gone.db");
    let why = folder.run(&["why", "bob"]).expect(0);
    assert!(why.out.contains("not read: ") && !why.out.contains("not held") && why.out.contains("last seen Enabled"), "{}", why.out);
}

#[test]
fn who_has_left_is_not_to_get_what_policies_still_give() {
    let folder = left();
    folder.apply().expect(0);
    let who = folder.run(&["who-has", "billing/role/payments_rw"]).expect(0);
    assert!(who.out.contains("held by 0, 0 more are to get it"), "{}", who.out);
}
