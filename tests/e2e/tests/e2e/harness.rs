//! The harness itself: what the other tests stand on, tested without officesync.

use std::time::Duration;

use lapin::BasicProperties;
use officesync_e2e::broker::{Broker, Permission};
use officesync_e2e::cluster::{Cluster, connect};
use officesync_e2e::proxy::Proxy;
use officesync_e2e::seed::Seed;
use officesync_e2e::topology::Topology;
use officesync_e2e::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_survives_an_immediate_stop() {
    let mut cluster = Cluster::start("alone", "").await;
    let client = connect(cluster.port(), "postgres", "postgres")
        .await
        .unwrap();
    client
        .batch_execute("CREATE TABLE t AS SELECT 1 AS x")
        .await
        .unwrap();
    cluster.stop_immediately();
    cluster.begin().await;
    let client = connect(cluster.port(), "postgres", "postgres")
        .await
        .unwrap();
    assert_eq!(
        client
            .query_one("SELECT x FROM t", &[])
            .await
            .unwrap()
            .get::<_, i32>(0),
        1
    );
    cluster.stop();
    assert!(
        connect(cluster.port(), "postgres", "postgres")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_keeps_its_data_and_forgets_them_when_told() {
    let mut broker = Broker::start().await;
    let host = broker.virtual_host(&[Permission::head(), Permission::branch("branch1")]);
    let head = Topology::open(&broker.url("head", &host)).await;
    assert_eq!(head.depth("officesync.head").await, None);
    drop(head);
    broker.kill();
    broker.begin().await;
    let admin = broker.url("admin", &host);
    drop(Topology::open(&admin).await);
    broker.stop();
    broker.forget();
    broker.begin().await;
    assert!(
        lapin::Connection::connect(&admin, lapin::ConnectionProperties::default())
            .await
            .is_err()
    );
    broker.define(&host, &[Permission::head()]);
    let admin = Topology::open(&admin).await;
    admin
        .publish("", "nowhere", BasicProperties::default(), b"x")
        .await;
    broker.raise_memory_alarm();
    broker.clear_memory_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thin_link_is_shared_and_counted() {
    const EACH: usize = 10_000;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().port()).await;
    proxy.change(|link| link.bytes_per_second = 40_000);
    let began = tokio::time::Instant::now();
    let send = || async {
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .unwrap();
        client.write_all(&[7; EACH]).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.read_exact(&mut [0; EACH]).await.unwrap();
        (client, server)
    };
    let _both = tokio::join!(send(), send());
    // Half a second for what two connections sent together, not a quarter for each.
    assert!(began.elapsed() >= Duration::from_millis(480));
    assert_eq!(proxy.carried(), (2 * EACH as u64, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_passes_cuts_and_swallows() {
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = echo.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = echo.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = socket.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    let proxy = Proxy::to(port).await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    assert!(echoes(&mut client).await);

    proxy.change(|link| link.swallow_down = true);
    assert!(!echoes(&mut client).await, "nothing comes back");
    proxy.restore();
    assert!(
        !echoes(&mut client).await,
        "a stream with a hole in it stays dead"
    );
    let mut fresh = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    assert!(echoes(&mut fresh).await);

    proxy.half_open();
    assert!(!echoes(&mut fresh).await);
    let mut fresh = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    proxy.cut();
    let mut byte = [0_u8];
    let ended = tokio::time::timeout(wait::SOON, fresh.read(&mut byte))
        .await
        .unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)));
    proxy.restore();
    let mut fresh = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    assert!(echoes(&mut fresh).await);
}

#[test]
fn a_seed_repeats() {
    let seed = Seed::of_run("a seed repeats");
    let (mut one, mut two) = (seed.branch("a"), seed.branch("a"));
    assert_eq!(one.uuid(), two.uuid());
    assert_ne!(one.uuid(), seed.branch("b").uuid());
}

async fn echoes(client: &mut TcpStream) -> bool {
    if client.write_all(b"x").await.is_err() {
        return false;
    }
    let mut byte = [0_u8];
    matches!(
        tokio::time::timeout(Duration::from_millis(300), client.read(&mut byte)).await,
        Ok(Ok(1))
    )
}
