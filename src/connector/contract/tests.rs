//! The suite itself is put to the test.

use super::*;
use crate::connector::memory::{Fault, Memory};

/// A suite that a broken connector passes proves nothing.
#[tokio::test]
async fn a_connector_that_misbehaves_does_not_pass() {
    let cut = crate::model::observed::Extent::Partial("cut".to_owned());
    type Break = Box<dyn Fn(&Memory)>;
    let rows: Vec<(&str, Break)> = vec![
        ("an answer is lost", Box::new(|memory| memory.fault(5, Fault::Lose))),
        ("a write is refused", Box::new(|memory| memory.fault(9, Fault::Refuse(Failure::Denied("no".to_owned()))))),
        ("listings are partial", Box::new(move |memory| memory.set_listing(cut.clone()))),
        ("the name is not unique", Box::new(|memory| memory.set_schema(crate::model::schema::Schema::default()))),
    ];
    for (name, make_bad) in rows {
        let memory = Memory::new(Memory::plain_schema());
        let entitlement = EntitlementKey::parse("dir/group/staff").unwrap();
        memory.provide(&entitlement);
        make_bad(&memory);
        let subject = Subject {
            reader: &memory,
            writer: &memory,
            target: TargetName::parse("dir").unwrap(),
            attribute: AttributeName::parse("title").unwrap(),
            entitlement,
            texts: Vec::new(),
        };
        let report = run(&subject).await;
        assert!(!report.passed(), "{name}: {report}");
        assert!(report.to_string().contains("FAILED"), "{name}");
    }
}
