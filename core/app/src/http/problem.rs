//! Errors as `application/problem+json` (RFC 9457), with the same codes as the command line.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse, Response},
};
use liucheng_engine::{CommandError, error::ErrorKind};
use liucheng_model::rejection::Rejection;
use serde::Serialize;
use serde_json::Value as Json;

/// A URN, not an address: servers run where nobody reaches ours.
const TYPE_BASE: &str = "urn:liucheng:error:";

/// What went wrong, for a program and for a person.
///
/// Boxed, for it travels in the `Err` of everything that can go right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Parts {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// The path of the request; filled in when the answer leaves.
    instance: String,
    code: &'static str,
    hints: Vec<String>,
    errors: Vec<FieldError>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One place in the body of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FieldError {
    /// A JSON pointer (RFC 6901).
    pointer: String,
    detail: String,
}

impl Problem {
    /// A problem with its code.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind: format!("{TYPE_BASE}{code}"),
            title: title(status),
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            code,
            hints: Vec::new(),
            errors: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Names a place in the body.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.0.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// A refused command; `facts` are those of the request, to point at them.
    pub fn of_command(error: &CommandError, facts: &BTreeMap<String, Json>) -> Self {
        let mut problem =
            Self::new(status(error.kind()), error.code(), error.to_string()).hint(error.hint());
        match error {
            CommandError::Rejected(rejection) => {
                for (pointer, detail) in places(rejection, facts) {
                    problem = problem.at(pointer, detail);
                }
            }
            CommandError::Conflict { found, .. } => problem = problem.header(ETAG, etag(*found)),
            _ => {}
        }
        problem
    }

    /// The code, for the log.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What went wrong, for the log.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Writes the problem into the answer that carries it.
    pub fn write(mut self, path: &str, response: &mut Response) {
        path.clone_into(&mut self.0.instance);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        *response.body_mut() = Body::from(body);
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        Self::of_command(&error, &BTreeMap::new())
    }
}

impl IntoResponse for Problem {
    /// An answer without a body yet: only the outermost layer knows the address asked for.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The version as an entity tag.
pub fn etag(version: u64) -> HeaderValue {
    // Digits in quotes are always a header value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Usage => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Damaged | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => "A rule refuses it",
        StatusCode::BAD_REQUEST => "The request has the wrong form",
        StatusCode::UNAUTHORIZED => "A valid token is needed",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body is not JSON",
        StatusCode::SERVICE_UNAVAILABLE => "Try again later",
        StatusCode::INSUFFICIENT_STORAGE => "No room to write",
        _ => "A fault of the server",
    }
}

/// Where in the body the trouble is.
fn places(rejection: &Rejection, facts: &BTreeMap<String, Json>) -> Vec<(String, String)> {
    let one = |pointer: String| vec![(pointer, rejection.to_string())];
    match rejection {
        Rejection::Fact(error) => {
            vec![(fact_pointer(&error.place, facts), error.reason.to_string())]
        }
        Rejection::FactNotHere { key, .. } => one(fact_pointer(key, facts)),
        Rejection::FactMissing { missing, .. } => {
            let pointer =
                |key: &String| (format!("/facts/{}", token(key)), "is missing".to_owned());
            missing.iter().map(pointer).collect()
        }
        Rejection::EventUnknown { .. } | Rejection::EventNotNow { .. } | Rejection::Role { .. } => {
            one("/event".to_owned())
        }
        Rejection::Text { field, reason } => vec![(format!("/{field}"), (*reason).to_owned())],
        _ => Vec::new(),
    }
}

/// `staff.roster[2].age` is `/facts/staff.roster/2/age`: only the request tells where the key,
/// which has dots itself, ends.
fn fact_pointer(place: &str, facts: &BTreeMap<String, Json>) -> String {
    let within = |key: &&String| {
        place
            .strip_prefix(key.as_str())
            .is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    if facts.contains_key(place) {
        return format!("/facts/{}", token(place));
    }
    let Some(key) = facts.keys().filter(within).max_by_key(|key| key.len()) else {
        return format!("/facts/{}", token(place));
    };
    let rest = place.get(key.len()..).unwrap_or_default();
    let steps = rest.split(['.', '[', ']']).filter(|step| !step.is_empty());
    let steps: String = steps.map(|step| format!("/{}", token(step))).collect();
    format!("/facts/{}{steps}", token(key))
}

/// One step of a JSON pointer.
pub fn token(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_into_the_body() {
        let facts = ["supplier", "staff.roster", "a/b"].map(|key| (key.to_owned(), Json::Null));
        let facts = BTreeMap::from(facts);
        for (place, pointer) in [
            ("supplier.uscc", "/facts/supplier/uscc"),
            ("staff.roster[2].age", "/facts/staff.roster/2/age"),
            ("staff.roster", "/facts/staff.roster"),
            ("unknown.key", "/facts/unknown.key"),
            ("a/b", "/facts/a~1b"),
            ("", "/facts/"),
        ] {
            assert_eq!(fact_pointer(place, &facts), pointer);
        }
    }
}
