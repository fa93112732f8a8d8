//! Nothing the relay asks for is compiled. Where plans are kept from scanning, their cost is beyond all bounds, and a
//! server with `jit = on`, which is PostgreSQL's default, would compile each of them for seconds.

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;

/// Whether a session of the server has loaded the compiler.
fn has_compiler(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("llvmjit"))
}

/// Whether this server could compile at all, and we could see it.
async fn can_compile(office: &Office) -> bool {
    office
        .run("SET jit = on; SET jit_above_cost = 0; SELECT count(*) FROM pg_class; RESET jit_above_cost")
        .await;
    has_compiler(&office.value("SELECT pg_backend_pid()").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_the_relay_is_compiled() {
    let mut company = Company::open_with(Broker::shared().await, 1, "jit = on").await;
    company
        .found("CREATE TABLE items (id text PRIMARY KEY)", &["items"])
        .await;
    for office in company.offices() {
        let name = &office.name;
        office
            .run(&format!("INSERT INTO items VALUES ('{name} 1')"))
            .await;
        office
            .run(&format!("INSERT INTO items VALUES ('{name} 2')"))
            .await;
    }
    converge::wait_equal(&company, &["items"]).await;
    for office in company.offices() {
        if !can_compile(office).await {
            eprintln!("this PostgreSQL has no compiler, or its sessions can't be looked into");
            return;
        }
        let sessions = office
            .rows("SELECT pid FROM pg_stat_activity WHERE usename = 'relay'")
            .await;
        assert!(sessions.len() > 2, "{sessions:?}");
        for session in sessions {
            assert!(
                !has_compiler(&session[0]),
                "a session of {}'s relay has compiled something",
                office.name
            );
        }
    }
}
