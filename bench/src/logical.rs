//! The peer: PostgreSQL's own logical replication between the clusters of two offices, with its default settings.

use officesync_e2e::office::Office;
use officesync_e2e::wait;

use crate::ground::PATIENCE;

/// Replicates `tables` from one office's cluster to the other's, from now on; `port` is where the subscriber finds
/// the publisher (its own, or a proxy's). It is made anew for each measurement, so that it never has to work through
/// what was written while its rival was measured.
pub(crate) async fn begin(from: &Office, to: &Office, tables: &[&str], port: u16) {
    from.run(&format!(
        "CREATE PUBLICATION bench FOR TABLE {}",
        tables.join(", ")
    ))
    .await;
    to.run(&format!(
        "CREATE SUBSCRIPTION bench CONNECTION 'host=127.0.0.1 port={port} user=postgres dbname={}' \
         PUBLICATION bench WITH (copy_data = false)",
        officesync_e2e::office::DATABASE
    ))
    .await;
    caught_up(from).await;
}

/// Ends it.
pub(crate) async fn end(from: &Office, to: &Office) {
    to.run("DROP SUBSCRIPTION bench").await;
    from.run("DROP PUBLICATION bench").await;
}

/// The outage of a link: the subscriber does not connect, the publisher keeps what it will need.
pub(crate) async fn pause(from: &Office, to: &Office) {
    to.run("ALTER SUBSCRIPTION bench DISABLE").await;
    let sql = "SELECT count(*) FROM pg_replication_slots WHERE active";
    from.shows(sql, 0).await;
}

/// The link is back.
pub(crate) async fn resume(to: &Office) {
    to.run("ALTER SUBSCRIPTION bench ENABLE").await;
}

/// Waits until the subscriber has replayed all that is written by now.
pub(crate) async fn caught_up(from: &Office) {
    let end = from.value("SELECT pg_current_wal_lsn()").await;
    let sql = format!(
        "SELECT coalesce(bool_and(state = 'streaming' AND replay_lsn >= '{end}'), false) \
         FROM pg_stat_replication"
    );
    wait::until("the subscriber to catch up", PATIENCE, || async {
        match from.try_value(&sql).await?.as_str() {
            "t" => Ok(()),
            _ => from
                .try_value("SELECT string_agg(r::text, '; ') FROM pg_stat_replication r")
                .await
                .and_then(Err),
        }
    })
    .await;
}
