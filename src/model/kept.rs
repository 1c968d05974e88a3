//! Texts that stand in many places are kept once: a hundred thousand people hold rights of a few hundred names in a handful of targets.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Fewer texts than these are never looked through for what nobody uses any more.
const FEW: usize = 4096;

struct Kept {
    texts: HashSet<Arc<str>>,
    /// With so many texts those are let go that nobody uses any more.
    full: usize,
}

static KEPT: LazyLock<RwLock<Kept>> = LazyLock::new(|| RwLock::new(Kept { texts: HashSet::new(), full: FEW }));

/// The same text, in the place where it is kept already, if it is.
pub(super) fn kept(text: &str) -> Arc<str> {
    if let Some(text) = KEPT.read().unwrap_or_else(PoisonError::into_inner).texts.get(text) {
        return Arc::clone(text);
    }
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if kept.texts.len() >= kept.full {
        kept.texts.retain(|text| Arc::strong_count(text) > 1);
        kept.full = FEW.max(2 * kept.texts.len());
    }
    let new: Arc<str> = Arc::from(text);
    // Somebody else may have been faster.
    if let Some(text) = kept.texts.get(text) {
        return Arc::clone(text);
    }
    kept.texts.insert(Arc::clone(&new));
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_lie_in_one_place_and_what_nobody_uses_is_let_go() {
        let (one, other) = (kept("a text of this test"), kept("a text of this test"));
        assert!(Arc::ptr_eq(&one, &other));
        for number in 0..10 * FEW {
            assert_eq!(&*kept(&format!("{number} of this test")), format!("{number} of this test"));
        }
        assert!(Arc::ptr_eq(&one, &kept("a text of this test")), "what is used stays");
        let there = KEPT.read().unwrap().texts.iter().filter(|text| text.ends_with("of this test")).count();
        assert!(there <= 2 * FEW, "{there} are kept");
    }
}
