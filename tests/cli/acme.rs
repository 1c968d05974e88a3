//! The example: what is made of it, that it is made once, and a year in its life.

use super::Folder;

fn acme() -> Folder {
    Folder::of("examples/acme")
}

#[test]
fn the_example_is_made_from_nothing_and_nothing_is_left_to_do() {
    let folder = acme();
    folder.run(&["check"]).expect(0).prints(&["0 errors"]);
    folder.apply().expect(0);
    let directory = folder.enabled("directory");
    let billing = folder.grants("billing");
    assert_eq!((directory.len(), folder.enabled("chat").len(), folder.enabled("billing").len()), COUNTS, "{directory:?}");
    for grant in
        ["petra.vesela role/payments_approve", "petra.vesela role/payments_rw", "svc-invoices role/invoices_import", "chen.li role/prod_rw"]
    {
        assert!(billing.contains(grant), "no {grant} in {billing:?}");
    }
    assert!(!billing.contains("simona.kolar role/payments_rw"), "withheld by a violation");
    assert!(billing.contains("simona.kolar role/audit_ro"));
    assert!(folder.grants("directory").contains("admin-ivan.dusek group/admins"), "{:?}", folder.grants("directory"));
    folder.plan().expect(0).prints(&["payments-four-eyes", "auditors-do-not-post"]);
    folder
        .run(&["why", "petra-vesela", "billing/role/payments_approve"])
        .expect(0)
        .prints(&["binding payments-approver-deputy (bindings/finance.yaml", "payments-four-eyes"]);
    folder.run(&["who-has", "billing/role/payments_approve"]).expect(0).prints(&["dia-moreno", "petra-vesela"]);
}

/// Accounts that can be used in directory, chat and billing.
const COUNTS: (usize, usize, usize) = (40, 37, 20);

#[test]
fn a_leaver_a_mover_and_a_rename() {
    let folder = acme();
    folder.apply().expect(0);
    folder.edit("people/stan-kovac.yaml", "startDate: \"2023-04-03\"", "startDate: \"2023-04-03\", endDate: \"2026-11-30\"");
    folder.edit("people/hugo-marek.yaml", "department: Engineering", "department: Support");
    folder.edit("people/vera-stastna.yaml", "userName: vera.stastna", "userName: vera.mala");
    let plan = folder.plan().expect(2);
    for text in ["dept-engineering", "dept-support", "userName: \"vera.stastna\" -> \"vera.mala\""] {
        assert!(plan.out.contains(text), "no {text} in\n{}", plan.out);
    }
    assert!(!plan.out.contains("disable"), "his last day is to come\n{}", plan.out);
    folder.run(&["plan", "--at", "2026-12-01"]).expect(2).prints(&["- disable", "stan.kovac", "employment ended"]);
    folder.apply().expect(0);
    assert!(folder.enabled("directory").contains("vera.mala") && !folder.enabled("directory").contains("vera.stastna"));
    let december = folder.at("2026-12-01T06:00:00Z");
    december.apply().expect(0);
    for target in ["directory", "chat", "billing"] {
        assert!(!december.enabled(target).contains("stan.kovac"), "{target}");
    }
    december.run(&["plan"]).expect(0);
}
