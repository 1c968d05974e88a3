//! The whole contract, over what a server may offer.

use provost::connector::contract::{Subject, run};

use super::proxy::{Deed, Proxy};
use super::server::{tenant, with_profile};
use super::*;

async fn holds(base: &str, attribute: &str) {
    make_group(base, "contract", json!([])).await;
    let trial = Trial::open(base);
    let subject = Subject {
        reader: trial.reader.as_ref(),
        writer: trial.writer.as_ref(),
        target: target(),
        attribute: name(attribute),
        entitlement: group("contract"),
        texts: ["\u{202E}\"\\\u{2066}ابجد\u{2069} ﷽", "👩‍👩‍👧‍👦 e\u{301} ß İ ﬁ", "\\u0041 \\\" \\\\", "a,b;c=d&e+f?g#h"]
            .map(str::to_owned)
            .to_vec(),
    };
    let report = run(&subject).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn it_holds_with_a_plain_attribute() {
    let service = tenant();
    holds(&service.base, "title").await;
}

#[tokio::test]
async fn it_holds_with_a_part_of_an_attribute() {
    let service = tenant();
    holds(&service.base, "name.familyName").await;
}

#[tokio::test]
async fn it_holds_with_an_attribute_of_an_extension() {
    let service = tenant();
    holds(&service.base, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department").await;
}

#[tokio::test]
async fn it_holds_with_one_of_many_values() {
    let service = tenant();
    holds(&service.base, r#"phoneNumbers[type eq "work"].value"#).await;
}

/// What the server says of itself, with this changed; it then does so.
pub fn profile(changed: Json) -> Json {
    let mut profile = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": 200},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "authenticationSchemes": [],
    });
    profile.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
    profile
}

#[tokio::test]
async fn it_holds_without_patch() {
    let service = with_profile(&profile(json!({"patch": {"supported": false}})));
    holds(&service.base, "title").await;
}

#[tokio::test]
async fn it_holds_without_versions() {
    let service = with_profile(&profile(json!({"etag": {"supported": false}})));
    holds(&service.base, "title").await;
}

#[tokio::test]
async fn it_holds_where_filters_know_no_or() {
    let service = tenant();
    let proxy = Proxy::before(&service.base, |asked| match asked.query("filter") {
        Some(filter) if filter.contains("\" or ") => Deed::Refuse(400, r#"{"status": "400", "scimType": "invalidFilter"}"#),
        _ => Deed::Pass,
    });
    holds(&proxy.await.base, "nickName").await;
}

#[tokio::test]
async fn it_holds_where_only_the_first_of_many_conditions_counts() {
    let service = tenant();
    let proxy = Proxy::before(&service.base, |asked| {
        let filter = asked.query("filter").unwrap_or_default();
        match filter.split_once("\" or ") {
            Some((first, _)) => {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.append_pair("filter", &format!("{first}\""));
                Deed::Ask(query.finish())
            }
            None => Deed::Pass,
        }
    });
    holds(&proxy.await.base, "displayName").await;
}
