//! JSON in which no object has a key twice.
//!
//! `serde_json` keeps the last of two, so that a date somebody typed would be lost without a word.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value as Json};

/// Reads JSON and refuses a key that stands twice in one object, at every level.
///
/// # Errors
/// With the place behind the second key, see [`is_duplicate`].
pub fn parse(text: &str) -> serde_json::Result<Json> {
    serde_json::from_str::<Unique>(text).map(|unique| unique.0)
}

/// Was it a key that stands twice, rather than text that is no JSON?
pub fn is_duplicate(error: &serde_json::Error) -> bool {
    // Every value is taken, so nothing else can be wrong with the data.
    error.is_data()
}

struct Unique(Json);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
            let Unique(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_once_at_every_level() {
        for (text, key) in [
            (r#"{"a": 1, "a": 1}"#, "\"a\""),
            (r#"[{"b": [{"c": 1, "d": 2, "c": 3}]}]"#, "\"c\""),
            (r#"{"a": 1, "\u0061": 2}"#, "\"a\""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(is_duplicate(&error), "{text}: {error}");
            assert!(error.to_string().contains(key), "{text}: {error}");
        }
        for text in [
            r#"{"a": {"b": 1}, "c": {"b": 1}}"#,
            r#"[null, true, -1, 18446744073709551615, 1.5, "x", {}, []]"#,
        ] {
            assert_eq!(
                parse(text).unwrap(),
                serde_json::from_str::<Json>(text).unwrap()
            );
        }
        for text in ["{", "1e999", "{\"a\": }", "{} {}"] {
            assert!(!is_duplicate(&parse(text).unwrap_err()), "{text}");
        }
    }
}
