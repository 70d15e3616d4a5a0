//! Does a controller that was set up for it tell Prometheus what people did, from outside, on a real process?

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::processes::free_port;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

/// What a scrape gets, head and all; `None`: nobody listens.
async fn scrape(port: u16) -> Option<String> {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        let request = "GET /metrics HTTP/1.1\r\nHost: tidegate\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    });
    asked.await.ok().flatten()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_is_in_the_next_scrape_of_a_controller_that_was_set_up_for_it() -> Outcome<()>
{
    let port = free_port()?;
    let settings = format!("\n[telemetry]\nmetrics-listen = \"127.0.0.1:{port}\"\n");
    let mut cluster = Cluster::prepare_with(1, QUICK, Box::leak(settings.into_boxed_str()))?;
    cluster.start_all()?;
    settled(&cluster).await?;
    let endpoint = cluster.addresses().join(",");
    let line = format!("freeze create night --reason odd --operator ada --endpoint {endpoint}");
    Typed::line(cluster.dir(), &line).await?.ends_with(0)?;
    let told = eventually("the freeze is counted", SOON, async || {
        let counted = "\ntidegate_records_total{node=\"1\",event=\"freeze.began\"} 1\n";
        scrape(port).await.filter(|told| told.contains(counted))
    })
    .await?;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    assert!(told.contains("\ntidegate_raft_leader{node=\"1\"} 1\n"), "{told}");
    Ok(())
}
