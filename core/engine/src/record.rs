//! History records: canonical bytes and their hash chain.

use liucheng_model::{definition::hex, event::Event};
use serde::{Deserialize, Serialize, de::Error as _};
use sha2::{Digest, Sha256};

use crate::ports::{Instant, RecordRow};

/// `prev_hash` of the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What made a project change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It was opened.
    Open,
    /// Somebody fired an event.
    Command {
        /// The event.
        event: String,
    },
    /// Somebody decided what the text leaves open.
    Decision {
        /// The open point, such as `YZ-A2`.
        issue: String,
    },
    /// Another version of its package came into use.
    Package {
        /// The version.
        version: String,
    },
    /// A component could not answer.
    Incident,
    /// Another calendar came into use.
    Calendar,
    /// A timer fired.
    Timer {
        /// Its name.
        key: String,
    },
}

/// One record as it is stored: what happened in one step, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// 1-based position.
    pub seq: u64,
    /// When, in microseconds UTC.
    pub at: Instant,
    /// Who.
    pub actor: String,
    /// Why.
    pub cause: Cause,
    /// What, in order.
    pub events: Vec<Event>,
    /// The digest of the mails and the answer written with it ([`crate::audit::effects`]), empty where
    /// there are none; absent in records from before there were digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<String>,
    /// The digest of the answer written with it ([`crate::audit::effects::of_answer`]): in its own right,
    /// so that the answer can be removed when its time is over. Absent where there is none; in records
    /// from before, the answer is part of `effects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Record {
    /// The row with the canonical bytes, chained to the record before.
    ///
    /// # Errors
    /// When the record has no JSON form; none of its types can cause that.
    pub fn seal(&self, prev_hash: &str) -> Result<RecordRow, serde_json::Error> {
        let payload = serde_json::to_string(self)?;
        Ok(RecordRow {
            seq: self.seq,
            at: self.at,
            actor: self.actor.clone(),
            hash: chain(prev_hash, &payload),
            prev_hash: prev_hash.to_owned(),
            payload,
        })
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// When the payload is not a record, or has an event that only a newer program knows.
    pub fn open(row: &RecordRow) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&row.payload).map_err(|error| {
            let said = error.to_string();
            // Names of events and causes only ever become more.
            match said.starts_with("unknown variant") {
                true => serde_json::Error::custom(format!(
                    "the record was written by a newer version of liucheng: {said}"
                )),
                false => error,
            }
        })
    }
}

/// `SHA-256(prev_hash ‖ payload)`, lower-case hex; the hash is taken over its hex form.
#[must_use]
pub fn chain(prev_hash: &str, payload: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(prev_hash.as_bytes());
    hasher.update(payload.as_bytes());
    hex(&hasher.finalize())
}

/// SHA-256 of a text, lower-case hex.
#[must_use]
pub fn digest(text: &str) -> String {
    digest_of_bytes(text.as_bytes())
}

/// SHA-256 of bytes, lower-case hex.
#[must_use]
pub fn digest_of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_from_before_there_were_digests_read_and_seal_as_they_were() {
        let payload = r#"{"seq":1,"at":5,"actor":"li","cause":"open","events":[]}"#;
        let record: Record = serde_json::from_str(payload).unwrap();
        assert_eq!((&record.effects, &record.answer), (&None, &None));
        let row = record.seal(GENESIS).unwrap();
        assert_eq!(row.payload, payload);
        assert_eq!(Record::open(&row).unwrap(), record);
    }
}
