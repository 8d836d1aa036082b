//! What a request brings: name, query, headers, body. Everything wrong has a code and a place.

use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{CONTENT_TYPE, IF_MATCH},
        request::Parts,
    },
};
use liucheng_engine::CommandError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path as JsonPath, Segment};

use super::{
    AppState, BODY_MAX_BYTES,
    problem::{Problem, token},
};

/// The name of the key of a command.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The project of the address: its id or its code.
pub struct ProjectName(pub String);

impl FromRequestParts<AppState> for ProjectName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let wrong = |detail: &str| {
            Problem::new(StatusCode::BAD_REQUEST, "E-ROUTE", detail)
                .hint("percent-encode the UTF-8 bytes of the code, or use the id")
        };
        let Path(name) = path.map_err(|_| wrong("the project's name is not UTF-8"))?;
        match name.contains('\0') {
            true => Err(wrong("the project's name has a NUL in it")),
            false => Ok(Self(name)),
        }
    }
}

/// The query of the address; unknown keys are refused.
pub struct Filter<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Filter<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(bad_query("there is a NUL in it"));
        }
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|error| {
            // The cause names the key; the text around it only says that there is one.
            let cause = std::error::Error::source(&error);
            bad_query(cause.map_or_else(|| error.body_text(), ToString::to_string))
        })
    }
}

/// A query that cannot be used.
pub fn bad_query(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "E-QUERY", detail)
        .hint("known are after and limit; limit is 1 to 200")
}

/// A JSON body.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body has to be application/json";
            return Err(
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "E-MEDIA-TYPE", detail)
                    .hint("send the header Content-Type: application/json"),
            );
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        // serde would read a list as the fields in order; only an object says what it means.
        if bytes
            .trim_ascii_start()
            .first()
            .is_some_and(|first| *first == b'[')
        {
            return Err(problem_json("the body has to be an object {…}").at("", "is a list"));
        }
        refuse_nul(&bytes)?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| not_json(pointer(error.path()), error.inner()))?;
        reader
            .end()
            .map_err(|error| not_json(String::new(), &error))?;
        Ok(Self(value))
    }
}

/// PostgreSQL keeps no text with a NUL in it, and nobody writes one on purpose.
fn refuse_nul(body: &[u8]) -> Result<(), Problem> {
    const ESCAPED: &[u8] = b"\\u0000";
    // Bodies without the escape, which is nearly all, are not read twice. It may also be the text of six
    // characters after an escaped backslash.
    if !body.windows(ESCAPED.len()).any(|bytes| bytes == ESCAPED) {
        return Ok(());
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Ok(()); // The reader of the body says what is wrong with it.
    };
    match nul_in(&value) {
        None => Ok(()),
        Some(pointer) => {
            let detail = "a text has a NUL (\\u0000) in it";
            Err(problem_json(detail).at(pointer, detail))
        }
    }
}

/// Where a text or a key has a NUL, as a JSON pointer.
fn nul_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(i, item)| nul_in(item).map(|below| format!("/{i}{below}")))
        }
        Value::Object(fields) => fields.iter().find_map(|(key, field)| {
            let below = match key.contains('\0') {
                true => Some(String::new()),
                false => nul_in(field),
            };
            below.map(|below| format!("/{}{below}", token(&key.replace('\0', "\u{fffd}"))))
        }),
        _ => None,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn unread(error: BytesRejection) -> Problem {
    match error {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            let detail = format!("the body is larger than {BODY_MAX_BYTES} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "E-BODY-SIZE", detail)
                .hint("send fewer facts at once")
        }
        _ => Problem::new(
            StatusCode::BAD_REQUEST,
            "E-BODY",
            "the body ended before it was complete",
        )
        .hint("send it again"),
    }
}

fn not_json(pointer: String, error: &serde_json::Error) -> Problem {
    let detail = error.to_string();
    problem_json(&detail).at(pointer, detail)
}

fn problem_json(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "E-JSON", detail)
        .hint("send one JSON object with the fields of the command")
}

fn pointer(path: &JsonPath) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Map { key } => pointer.push_str(&format!("/{}", token(key))),
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// The key that makes a repetition of the command harmless.
///
/// # Errors
/// When it is not printable ASCII.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| CommandError::KeyForm.into()),
        // Two keys: nobody could say which one counts.
        (Some(_), Some(_)) => Err(CommandError::KeyForm.into()),
    }
}

/// The version of `If-Match`, which must not contradict that of the body.
///
/// # Errors
/// When it is no version, or another one than in the body.
pub fn expected_version(headers: &HeaderMap, in_body: Option<u64>) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(in_body);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(in_body);
    }
    let digits = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let plain = digits.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    let version = plain.and_then(|d| d.parse::<u64>().ok());
    let wrong = |detail: &str| {
        Problem::new(StatusCode::BAD_REQUEST, "E-IF-MATCH", detail)
            .hint("send back the ETag as it was given, such as If-Match: \"17\"")
    };
    match (version, in_body) {
        (None, _) => Err(wrong("If-Match is not the ETag of a project")),
        (Some(version), Some(other)) if version != other => Err(wrong(
            "If-Match and expected_version name different versions",
        )),
        (Some(version), _) => Ok(Some(version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_version_in_quotes_matches() {
        let read = |text: &str, body| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, text.parse().unwrap());
            expected_version(&headers, body).map_err(|p| p.code())
        };
        assert_eq!(read("\"17\"", None), Ok(Some(17)));
        assert_eq!(read("\"17\"", Some(17)), Ok(Some(17)));
        assert_eq!(read("*", Some(3)), Ok(Some(3)));
        for bad in [
            "17",
            "\"\"",
            "\"-1\"",
            "\"+1\"",
            "W/\"17\"",
            "\"17\", \"18\"",
            "\"99999999999999999999\"",
            "\"",
        ] {
            assert_eq!(read(bad, None), Err("E-IF-MATCH"), "{bad}");
        }
        assert_eq!(read("\"17\"", Some(18)), Err("E-IF-MATCH"));
        assert_eq!(
            expected_version(&HeaderMap::new(), Some(5)).map_err(|p| p.code()),
            Ok(Some(5))
        );
    }
}
