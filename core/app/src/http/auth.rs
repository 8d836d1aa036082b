//! Who asks: bearer tokens, known by their hash alone.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderValue, StatusCode,
        header::{AUTHORIZATION, WWW_AUTHENTICATE},
        request::Parts,
    },
};
use liucheng_engine::{commands::Actor, record::digest};

use super::{AppState, problem::Problem};

/// Longer than any token of ours; nothing is hashed beyond it.
const TOKEN_MAX_BYTES: usize = 256;

/// The one who asks.
pub struct Caller(pub Actor);

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    /// The hash is looked up, so the time it takes says nothing about a token that is right.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header.and_then(bearer).ok_or_else(|| {
            refused("Bearer realm=\"liucheng\"", "the request carries no bearer token")
                .hint("send the header Authorization: Bearer TOKEN; the first start of the server showed one")
        })?;
        let row = state.engine.token(&digest(token)).await?;
        let row = row.ok_or_else(|| {
            refused(
                "Bearer realm=\"liucheng\", error=\"invalid_token\"",
                "the token is not known here",
            )
            .hint("check that the token is complete and belongs to this server")
        })?;
        let roles = row
            .roles
            .split(',')
            .map(str::trim)
            .filter(|role| !role.is_empty());
        Ok(Self(Actor {
            roles: roles.map(str::to_owned).collect(),
            name: row.actor,
        }))
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let usable =
        scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_MAX_BYTES).contains(&token.len());
    usable.then_some(token)
}

fn refused(challenge: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "E-AUTH", detail)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
