//! A database whose records a newer program wrote.

use liucheng_engine::{
    error::ErrorKind,
    format::{RECORDS, check, note},
    ports::{Document, RecordRow, Store},
    record::Record,
    testing::MemoryStore,
};

fn written_in(form: u32) -> Document {
    let text = format!(r#"{{"records":{form}}}"#);
    Document {
        kind: "format".to_owned(),
        digest: format!("{form:064}"),
        id: "records".to_owned(),
        version: form.to_string(),
        bytes: text.into_bytes(),
    }
}

#[tokio::test]
async fn a_newer_form_is_refused_before_anything_is_read() {
    let store = MemoryStore::new();
    check(&store).await.unwrap();
    note(&store).await.unwrap();
    note(&store).await.unwrap();
    assert_eq!(store.documents("format").await.unwrap().len(), 1, "once");
    check(&store).await.unwrap();

    // What an earlier program wrote, and what this one wrote after it.
    store.put_document(written_in(RECORDS - 1)).await.unwrap();
    check(&store).await.unwrap();

    store.put_document(written_in(RECORDS + 1)).await.unwrap();
    let refused = check(&store).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.kind()),
        ("E-STORE-NEWER", ErrorKind::Unavailable)
    );
    assert!(
        refused.hint().contains("newer version"),
        "{}",
        refused.hint()
    );
    // It stays what it is, also where this program writes.
    note(&store).await.unwrap();
    assert!(check(&store).await.is_err());
}

#[test]
fn a_record_with_an_event_of_a_newer_program_says_so() {
    let payload =
        r#"{"seq":1,"at":5,"actor":"li","cause":"open","events":[{"moon-landed":{"on":1}}]}"#;
    let row = RecordRow {
        payload: payload.to_owned(),
        ..Record::open(&RecordRow {
            seq: 1,
            at: liucheng_engine::ports::Instant(5),
            actor: "li".to_owned(),
            prev_hash: String::new(),
            hash: String::new(),
            payload: payload.replace(r#"{"moon-landed":{"on":1}}"#, ""),
        })
        .unwrap()
        .seal("")
        .unwrap()
    };
    let said = Record::open(&row).unwrap_err().to_string();
    assert!(
        said.contains("newer version") && said.contains("moon-landed"),
        "{said}"
    );
}
