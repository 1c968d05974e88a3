//! Unquoted scalars as kubectl reads them: its YAML is 1.1, so `NO` is false, `0042` is 34, and a date stays a text. Numbers are kept as
//! the API server keeps them (`1.0` is 1), so that what is derived from them is the same in a folder and in a cluster.

use serde_json::Number;

use super::node::Content;

/// What an unquoted scalar means.
///
/// # Errors
/// The reason, where it means something that a manifest cannot hold.
pub fn resolve(text: &str) -> Result<Content, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Content::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Ok(Content::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Ok(Content::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN" => return Err("no manifest can hold an infinite number or one that is none"),
        _ => {}
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(Content::Text(text.to_owned()));
    }
    let plain = text.replace('_', "");
    if let Some(whole) = whole(&plain) {
        return Ok(Content::Number(whole));
    }
    match plain.parse::<f64>() {
        Ok(float) if is_float(&plain) => number(float).map(Content::Number).ok_or("the number is too large"),
        Ok(_) | Err(_) => Ok(Content::Text(text.to_owned())),
    }
}

/// A float as the API server keeps it: whole where it is whole.
#[must_use]
pub fn number(float: f64) -> Option<Number> {
    // Below 2^63 a whole float prints as digits alone.
    if float.fract() == 0.0 && float.abs() < 9.2e18 {
        return format!("{float:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(float)
}

/// A whole number with a sign and one of the prefixes `0x`, `0o`, `0b` or `0`; beyond 64 bits with a sign it is a float.
fn whole(plain: &str) -> Option<Number> {
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        Ok(whole) => Some(Number::from(whole)),
        Err(_) if sign.is_empty() => {
            u64::from_str_radix(digits, radix).ok().and_then(|whole| whole.to_string().parse().ok().and_then(number))
        }
        Err(_) => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(plain: &str) -> bool {
    let body = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (body, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(before)
        && digits(after)
        && !(before.is_empty() && after.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn plain_scalars_mean_what_kubectl_takes_them_for() {
        let rows = [
            ("NO", json!(false)),
            ("y", json!(true)),
            ("On", json!(true)),
            ("Null", Value::Null),
            ("~", Value::Null),
            ("nO", json!("nO")),
            ("0042", json!(34)),
            ("0089", json!(89)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0b101", json!(5)),
            ("-17", json!(-17)),
            ("+17", json!(17)),
            ("1_000", json!(1000)),
            ("1.0", json!(1)),
            ("1e3", json!(1000)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1)),
            ("9223372036854775807", json!(9_223_372_036_854_775_807_i64)),
            ("18446744073709551615", json!(1.8446744073709552e19)),
            ("2027-03-31", json!("2027-03-31")),
            ("2027-06-30T22:00:00Z", json!("2027-06-30T22:00:00Z")),
            ("12:30", json!("12:30")),
            ("1.2.3", json!("1.2.3")),
            ("+420 555", json!("+420 555")),
            ("-", json!("-")),
            (".", json!(".")),
            ("e3", json!("e3")),
            ("infinity", json!("infinity")),
            ("1e", json!("1e")),
            ("ada", json!("ada")),
        ];
        for (text, want) in rows {
            let content = resolve(text).unwrap();
            let got = super::super::node::Node { spot: super::super::node::Spot::default(), content, written: None }.to_json();
            assert_eq!(got, want, "{text}");
        }
        assert!(resolve(".inf").is_err());
        assert!(resolve("-.INF").is_err());
        assert!(resolve("1e999").is_err());
    }
}
