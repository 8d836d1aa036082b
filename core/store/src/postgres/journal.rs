//! Changing tokens, each with a record in the journal.

use liucheng_engine::{
    audit::journal::{self, Act, beginning},
    ports::{Instant, JOURNAL, ReadError, RecordRow, TokenAct, TokenChange, TokenRow},
};
use sqlx::{Connection, PgConnection};

use super::columns::number;
use crate::{
    clock,
    read::{self, Fields, each},
    sql as shared,
};

/// Lets other nodes wait until this transaction ends: each record continues the last one.
const ONE_AT_A_TIME: &str = "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE";

/// Changes a token.
pub(super) async fn change(
    connection: &mut PgConnection,
    act: &TokenAct,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let connection = &mut *transaction;
    sqlx::query(ONE_AT_A_TIME).execute(&mut *connection).await?;
    let done = match &act.change {
        TokenChange::Made(token) => {
            let done = sqlx::query(shared::PUT_TOKEN)
                .bind(&token.hash)
                .bind(&token.actor)
                .bind(&token.roles)
                .bind(token.at.0)
                .execute(&mut *connection)
                .await?;
            (done.rows_affected() > 0).then(|| Act::TokenMade(token.clone()))
        }
        TokenChange::Revoked(hash) => {
            let rows = sqlx::query(shared::REVOKE_TOKEN)
                .bind(act.at.0)
                .bind(hash)
                .fetch_all(&mut *connection)
                .await?;
            let token = decoded(each(&rows, read::token))?.pop();
            token.map(Act::TokenRevoked)
        }
    };
    let Some(done) = done else { return Ok(()) };
    let (last, _) = end(connection).await?;
    let record = journal::next(last.as_ref(), &act.by, act.at, done).map_err(encode)?;
    add(connection, &record).await?;
    transaction.commit().await
}

/// The last record of the journal, and the number of the last one that an epoch has sealed.
pub(super) async fn end(
    connection: &mut PgConnection,
) -> Result<(Option<RecordRow>, u64), sqlx::Error> {
    let rows = sqlx::query(shared::JOURNAL_END)
        .fetch_all(&mut *connection)
        .await?;
    let last = decoded(each(&rows, read::record))?.pop();
    let sealed = sqlx::query(shared::LAST_SEALED)
        .bind(JOURNAL.0)
        .fetch_one(connection)
        .await?;
    Ok((last, decoded(sealed.count(0))?))
}

/// Notes the tokens that were there before the journal, after a migration. One that is empty although
/// an epoch has sealed it was emptied by somebody else, and stays so for the check to find.
pub(super) async fn begin(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if end(connection).await?.0.is_some() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    sqlx::query(ONE_AT_A_TIME)
        .execute(&mut *transaction)
        .await?;
    if end(&mut transaction).await? == (None, 0) {
        let rows = sqlx::query(shared::ALL_TOKENS)
            .fetch_all(&mut *transaction)
            .await?;
        let tokens: Vec<TokenRow> = decoded(each(&rows, read::token))?;
        for record in beginning(tokens, Instant(clock::micros())).map_err(encode)? {
            add(&mut transaction, &record).await?;
        }
    }
    transaction.commit().await
}

async fn add(connection: &mut PgConnection, record: &RecordRow) -> Result<(), sqlx::Error> {
    sqlx::query(shared::ADD_JOURNAL)
        .bind(number(record.seq))
        .bind(record.at.0)
        .bind(&record.actor)
        .bind(&record.payload)
        .bind(&record.prev_hash)
        .bind(&record.hash)
        .execute(connection)
        .await
        .map(drop)
}

fn decoded<T>(result: Result<T, ReadError>) -> Result<T, sqlx::Error> {
    result.map_err(|error| sqlx::Error::Decode(error.into()))
}

fn encode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}
