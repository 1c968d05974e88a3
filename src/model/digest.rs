//! Digests: of a set of change lines, and of values.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::change::ChangeLine;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// `sha256:` and the digest of the sorted lines, each with its line feed: what an Approval carries.
#[must_use]
pub fn digest_of_lines<'a>(lines: impl IntoIterator<Item = &'a ChangeLine>) -> String {
    let sorted: BTreeSet<&ChangeLine> = lines.into_iter().collect();
    let mut hash = Sha256::new();
    for line in sorted {
        hash.update(line.as_str().as_bytes());
        hash.update(b"\n");
    }
    format!("sha256:{}", hex(&hash.finalize()))
}

/// The digest of any value, by its JSON.
#[must_use]
pub fn digest_of<T: Serialize>(value: &T) -> String {
    hex(&Sha256::digest(serde_json::to_vec(value).unwrap_or_default()))
}
