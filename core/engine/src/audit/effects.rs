//! What is written beside a record, as the record's digest of it.

use sha2::{Digest, Sha256};

use liucheng_model::definition::hex;

use crate::ports::{AnswerRow, Instant, OutboxRow};

/// Begins what is hashed.
const DOMAIN: &[u8] = b"liucheng-effects-1\n";

/// Begins what is hashed for an answer.
const ANSWER_DOMAIN: &[u8] = b"liucheng-answer-1\n";

/// A mail as far as the digest speaks of it: key, not before, the mail as JSON.
pub type Effect<'a> = (&'a str, Instant, &'a str);

/// The digest over the mails a record plans, in order, and, in old records, the answer kept with it: SHA-256 of
/// `liucheng-effects-1`, a newline and the JSON `[[[key, not before, mail]…], answer]`, lower-case hex.
/// The mail is its JSON as a string, the answer `[key, request, response, at]` or `null`. Empty where
/// there is neither.
///
/// # Errors
/// When there is no JSON form; none of the types can cause that.
pub fn digest(
    mails: &[Effect<'_>],
    answer: Option<&AnswerRow>,
) -> Result<String, serde_json::Error> {
    if mails.is_empty() && answer.is_none() {
        return Ok(String::new());
    }
    let answer = answer.map(|a| (&a.key, &a.request, &a.response, a.at));
    let json = serde_json::to_vec(&(mails, answer))?;
    let hash = Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(json)
        .finalize();
    Ok(hex(&hash))
}

/// The digest of an answer: SHA-256 of `liucheng-answer-1`, a newline and the JSON
/// `[key, request, response, at]`, lower-case hex.
///
/// # Errors
/// When there is no JSON form; none of the types can cause that.
pub fn of_answer(answer: &AnswerRow) -> Result<String, serde_json::Error> {
    let AnswerRow {
        key,
        request,
        response,
        at,
    } = answer;
    let json = serde_json::to_vec(&(key, request, response, at))?;
    let hash = Sha256::new()
        .chain_update(ANSWER_DOMAIN)
        .chain_update(json)
        .finalize();
    Ok(hex(&hash))
}

/// The digest over mails that are about to be written.
///
/// # Errors
/// When there is no JSON form; none of the types can cause that.
pub fn of_rows(outbox: &[OutboxRow]) -> Result<String, serde_json::Error> {
    let texts = outbox.iter().map(|row| serde_json::to_string(&row.mail));
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    let mails = outbox.iter().zip(&texts);
    let mails: Vec<Effect<'_>> = mails
        .map(|(row, text)| (row.key.as_str(), row.not_before, text.as_str()))
        .collect();
    digest(&mails, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> AnswerRow {
        AnswerRow {
            key: "k".to_owned(),
            request: "q".to_owned(),
            response: "{}".to_owned(),
            at: Instant(7),
        }
    }

    #[test]
    fn nothing_beside_the_record_is_an_empty_digest() {
        assert_eq!(digest(&[], None).unwrap(), "");
    }

    #[test]
    fn every_part_and_the_order_count() {
        let base = [("a", Instant(1), "{}"), ("b", Instant(2), "{}")];
        let swapped = [base[1], base[0]];
        let mut answered = answer();
        let mut seen = vec![
            digest(&base, None).unwrap(),
            digest(&swapped, None).unwrap(),
            digest(&base[..1], None).unwrap(),
            digest(&[("a", Instant(1), "{}"), ("b", Instant(3), "{}")], None).unwrap(),
            digest(&[("a", Instant(1), "{}"), ("b", Instant(2), "[]")], None).unwrap(),
            digest(&base, Some(&answered)).unwrap(),
            digest(&[], Some(&answered)).unwrap(),
        ];
        answered.at = Instant(8);
        seen.push(digest(&[], Some(&answered)).unwrap());
        answered.response.push(' ');
        seen.push(digest(&[], Some(&answered)).unwrap());
        seen.push(of_answer(&answer()).unwrap());
        seen.push(of_answer(&answered).unwrap());
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
