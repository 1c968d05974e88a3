//! Pages of a listing, and when they are all there is. Listings lie: pages overlap, repeat or end early, `totalResults` counts the page.
//! So nothing is believed that two answers do not say alike.
//!
//! A page goes in, out comes where the next one starts, or how far the listing reached. No page is asked for here.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::path::{Resource, get};
use crate::model::observed::Extent;

/// What is to be done after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask for the page that starts there.
    Page(u64),
    /// All that was announced is here: ask for one entry that starts there; it must not be there.
    Beyond(u64),
    /// It ends here.
    End(Extent),
}

/// The pages so far.
#[derive(Debug)]
pub(super) struct Pages {
    what: &'static str,
    start: u64,
    first_total: Option<u64>,
    beyond: bool,
    resources: BTreeMap<String, Resource>,
}

impl Pages {
    /// None so far; `what` is listed: `users`, `groups`.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, start: 1, first_total: None, beyond: false, resources: BTreeMap::new() }
    }

    /// Takes a page in.
    pub(super) fn add(&mut self, body: Option<Json>) -> Next {
        match self.take(body) {
            Ok(next) => next,
            Err(why) => Next::End(Extent::Partial(format!("{}: {why}", self.what))),
        }
    }

    /// The target has no such page: the end, where all that was announced is here.
    pub(super) fn refused(&self, why: &str) -> Extent {
        if self.beyond { Extent::Complete } else { Extent::Partial(format!("{}: {why}", self.what)) }
    }

    /// What was read, by id.
    pub(super) fn resources(self) -> BTreeMap<String, Resource> {
        self.resources
    }

    fn take(&mut self, body: Option<Json>) -> Result<Next, String> {
        let Some(Json::Object(mut body)) = body else { return Err("an answer is no list".to_owned()) };
        let total = get(&body, "totalResults").and_then(number).ok_or("an answer names no totalResults")?;
        let first = *self.first_total.get_or_insert(total);
        if total != first {
            return Err(format!("totalResults went from {first} to {total} while it was read"));
        }
        let name = body.keys().find(|name| name.eq_ignore_ascii_case("Resources")).cloned().unwrap_or_default();
        let items = match body.remove(&name) {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(items)) => items,
            Some(Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_)) => return Err("an answer is no list".to_owned()),
        };
        let mut taken = 0;
        for item in items {
            let Json::Object(resource) = item else { return Err("an entry is no resource".to_owned()) };
            let id = get(&resource, "id").and_then(Json::as_str).filter(|id| !id.is_empty()).ok_or("an entry has no id")?.to_owned();
            let known = self.resources.contains_key(&id);
            if self.beyond && known {
                // It shows everything whatever is asked for, and everything is what we have.
                continue;
            }
            if self.beyond {
                return Err(format!("there is more than the {total} that it announces"));
            }
            if known {
                return Err(format!("the entry {id} came twice"));
            }
            self.resources.insert(id, resource);
            taken += 1;
        }
        if self.beyond {
            return Ok(Next::End(Extent::Complete));
        }
        let read = self.resources.keys().fold(0, |count: u64, _| count + 1);
        if read > total {
            return Err(format!("there is more than the {total} that it announces"));
        }
        if read == total && total == 0 {
            return Ok(Next::End(Extent::Complete));
        }
        self.start += taken;
        if read == total {
            self.beyond = true;
            return Ok(Next::Beyond(self.start));
        }
        if taken == 0 {
            return Err(format!("it ends after {read} of {total}"));
        }
        Ok(Next::Page(self.start))
    }
}

fn number(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(total: u64, ids: &[&str]) -> Option<Json> {
        Some(json!({"totalResults": total, "Resources": ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}))
    }

    #[test]
    fn only_a_listing_that_adds_up_is_complete() {
        type Row = (&'static str, Vec<Option<Json>>, Result<usize, &'static str>);
        let rows: Vec<Row> = vec![
            ("nothing", vec![page(0, &[])], Ok(0)),
            ("nothing, without Resources", vec![Some(json!({"totalResults": 0}))], Ok(0)),
            ("one page", vec![page(2, &["a", "b"]), page(2, &[])], Ok(2)),
            ("two pages", vec![page(3, &["a", "b"]), page(3, &["c"]), page(3, &[])], Ok(3)),
            ("a short page in between", vec![page(3, &["a"]), page(3, &["b", "c"]), page(3, &[])], Ok(3)),
            ("paging is ignored, all comes at once, and again", vec![page(2, &["a", "b"]), page(2, &["a", "b"])], Ok(2)),
            ("a page comes again", vec![page(4, &["a", "b"]), page(4, &["a", "b"])], Err("the entry a came twice")),
            ("pages overlap", vec![page(4, &["a", "b"]), page(4, &["b", "c"])], Err("the entry b came twice")),
            ("an id twice in a page", vec![page(2, &["a", "a"])], Err("the entry a came twice")),
            ("an empty page early", vec![page(4, &["a", "b"]), page(4, &[])], Err("it ends after 2 of 4")),
            ("the total counts the page", vec![page(2, &["a", "b"]), page(2, &["c"])], Err("there is more than the 2 that it announces")),
            ("the total is too small", vec![page(1, &["a", "b"])], Err("there is more than the 1 that it announces")),
            ("the total grows", vec![page(3, &["a", "b"]), page(4, &["c"])], Err("totalResults went from 3 to 4 while it was read")),
            (
                "the total grows behind the end",
                vec![page(2, &["a", "b"]), page(3, &[])],
                Err("totalResults went from 2 to 3 while it was read"),
            ),
            ("an entry without an id", vec![Some(json!({"totalResults": 1, "Resources": [{}]}))], Err("an entry has no id")),
            ("no total", vec![Some(json!({"Resources": []}))], Err("an answer names no totalResults")),
            ("no list", vec![Some(json!([]))], Err("an answer is no list")),
            ("no body", vec![None], Err("an answer is no list")),
        ];
        for (name, answers, expected) in rows {
            let mut pages = Pages::new("users");
            let last = answers.into_iter().map(|answer| pages.add(answer)).last().unwrap();
            match expected {
                Ok(count) => {
                    assert_eq!(last, Next::End(Extent::Complete), "{name}");
                    assert_eq!(pages.resources().len(), count, "{name}");
                }
                Err(why) => assert_eq!(last, Next::End(Extent::Partial(format!("users: {why}"))), "{name}"),
            }
        }
    }

    #[test]
    fn the_next_page_starts_behind_what_came() {
        let mut pages = Pages::new("users");
        assert_eq!(pages.add(page(3, &["a", "b"])), Next::Page(3));
        assert_eq!(pages.refused("HTTP 400"), Extent::Partial("users: HTTP 400".to_owned()));
        assert_eq!(pages.add(page(3, &["c"])), Next::Beyond(4));
        assert_eq!(pages.refused("HTTP 400"), Extent::Complete);
    }
}
