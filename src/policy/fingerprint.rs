//! What a question and its answer are recognised by: digests, so that both can be remembered for everybody at 32 bytes each.

use regorus::Value;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A digest over a value. Equal values have equal ones, and no others do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Fingerprint {
    /// Of a value.
    pub(crate) fn of(value: &Value) -> Self {
        let mut bytes = Vec::with_capacity(4096);
        write(value, &mut bytes);
        Self::of_bytes(&[&bytes])
    }

    /// Of what serializes to JSON; none where it does not.
    pub(crate) fn of_json(value: &impl Serialize) -> Option<Self> {
        Some(Self::of_bytes(&[&serde_json::to_vec(value).ok()?]))
    }

    /// Of several together.
    pub(crate) fn of_all(parts: &[Self]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.0.as_slice()).collect();
        Self::of_bytes(&parts)
    }

    /// Of several texts together.
    pub(crate) fn of_bytes(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(length(part.len()));
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// Each value begins with its kind, and each text and collection with its length: nothing can be read in two ways.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Undefined => out.push(0),
        Value::Null => out.push(1),
        Value::Bool(bool) => out.extend([2, u8::from(*bool)]),
        Value::Number(_) => text(3, &value.to_string(), out),
        Value::String(string) => text(4, string, out),
        Value::Array(items) => {
            collection(5, items.len(), out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Set(items) => {
            collection(6, items.len(), out);
            items.iter_sorted().for_each(|item| write(item, out));
        }
        Value::Object(fields) => {
            collection(7, fields.len(), out);
            for (name, value) in fields.iter_sorted() {
                write(name, out);
                write(value, out);
            }
        }
    }
}

fn text(kind: u8, text: &str, out: &mut Vec<u8>) {
    collection(kind, text.len(), out);
    out.extend(text.as_bytes());
}

fn collection(kind: u8, size: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(length(size));
}

fn length(size: usize) -> [u8; 8] {
    u64::try_from(size).unwrap_or(u64::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_values_have_equal_fingerprints() {
        let json = |text: &str| Value::from_json_str(text).unwrap();
        let set = |items: &[&str]| Value::from(items.iter().map(|item| json(item)).collect::<std::collections::BTreeSet<_>>());
        let values = [
            Value::Undefined,
            json("null"),
            json("true"),
            json("false"),
            json("1"),
            json("12"),
            json("\"1\""),
            json("\"\""),
            json("[]"),
            json("{}"),
            set(&[]),
            json("[1]"),
            set(&["1"]),
            json("[1, 2]"),
            json("[12]"),
            json("[[1], 2]"),
            json("[[1, 2]]"),
            json("[\"ab\", \"c\"]"),
            json("[\"a\", \"bc\"]"),
            json("{\"a\": 1}"),
            json("{\"a\": [1]}"),
            json("[\"a\", 1]"),
        ];
        for (number, one) in values.iter().enumerate() {
            for (other_number, other) in values.iter().enumerate() {
                assert_eq!(Fingerprint::of(one) == Fingerprint::of(other), number == other_number, "{one} and {other}");
            }
        }
        assert_eq!(Fingerprint::of(&json("{\"a\": 1, \"b\": 2}")), Fingerprint::of(&json("{\"b\": 2, \"a\": 1}")));
        assert_eq!(Fingerprint::of(&set(&["1", "2"])), Fingerprint::of(&set(&["2", "1"])));
        assert_eq!(Fingerprint::of(&json("1.0")), Fingerprint::of(&json("1")));
    }
}
