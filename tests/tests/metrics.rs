//! Does a controller that was set up for it tell Prometheus what people, hosts and the controller itself do, from
//! outside, on a real process?

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tidegate_agent::driver::simulated::simulated_facts;
use tidegate_controller::metrics::catalogue::CATALOGUE;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Caller, Door};
use tidegate_tests::processes::free_port;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, answered, eventually, settled};
use tonic::Code;

const PATCH: &[u8] = b"a livepatch";

/// A controller, its door, and the port at which it tells.
async fn controller() -> Outcome<(Cluster, Door, u16)> {
    let port = free_port()?;
    let settings = format!("\n[telemetry]\nmetrics-listen = \"127.0.0.1:{port}\"\n");
    let mut cluster = Cluster::prepare_with(1, QUICK, Box::leak(settings.into_boxed_str()))?;
    cluster.start_all()?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    Ok((cluster, door, port))
}

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

/// A scrape in which all of this stands.
async fn told(port: u16, lines: &[&str]) -> Outcome<String> {
    let what = format!("a scrape says {lines:?}");
    let all = |told: &String| lines.iter().all(|line| told.contains(&format!("\n{line}")));
    eventually(&what, SOON, async || scrape(port).await.filter(all)).await
}

/// The value of a series, to the letter.
fn value(told: &str, series: &str) -> Option<f64> {
    let line = told.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_is_in_the_next_scrape_and_every_name_of_the_catalogue_is_there()
-> Outcome<()> {
    let (cluster, _, port) = controller().await?;
    let endpoint = cluster.addresses().join(",");
    let line = format!("freeze create night --reason odd --operator ada --endpoint {endpoint}");
    Typed::line(cluster.dir(), &line).await?.ends_with(0)?;
    let counted = "tidegate_records_total{node=\"1\",event=\"freeze.began\"} 1\n";
    let told = told(port, &[counted, "tidegate_raft_leader{node=\"1\"} 1\n"]).await?;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    let names = told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let all: BTreeSet<&str> = CATALOGUE.iter().map(|of| of.name).collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), all);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_timed_under_its_method_and_status_and_made_up_methods_share_a_row() -> Outcome<()>
{
    let (_cluster, door, port) = controller().await?;
    let call = |method: &str, status: &str, error: &str| {
        format!(
            "rpc_server_call_duration_seconds_count{{node=\"1\",rpc_system_name=\"grpc\",rpc_method=\"{method}\",\
             rpc_response_status_code=\"{status}\",error_type=\"{error}\"}}"
        )
    };
    let unknown = door.rollout("rollouts/none").await.map(drop).map_err(|status| status.code());
    assert_eq!(unknown, Err(Code::NotFound));
    for made_up in ["/tidegate.v1.RolloutService/Explode", "/a.B/C"] {
        assert_eq!(door.knock(made_up).await, Code::Unimplemented);
    }
    // Who hangs up in mid-stream has given up.
    let watching = door.dashboard().watch(pb::WatchRequest::default()).await?.into_inner();
    drop(watching);
    let refused = call("tidegate.v1.RolloutService/GetRollout", "NOT_FOUND", "");
    let given_up = call("tidegate.v1.DashboardService/Watch", "CANCELLED", "");
    let made_up = call("_OTHER", "UNIMPLEMENTED", "UNIMPLEMENTED");
    let lines = [refused, given_up, made_up.clone()].map(|series| format!("{series} "));
    let told = told(port, &lines.each_ref().map(String::as_str)).await?;
    assert_eq!(value(&told, &made_up), Some(2.0));
    assert!(!told.contains("Explode"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_speak_here_are_connected_and_one_that_comes_late_says_by_how_much()
-> Outcome<()> {
    let (_cluster, door, port) = controller().await?;
    answered("a token", || door_token(&door)).await?;
    let enrol = pb::EnrollRequest {
        request_id: door::request_id(),
        token_secret: door::secret("free"),
        machine_id: "m1".to_owned(),
        facts: Some(simulated_facts(1, 1)),
        boot_id: "boot-1".to_owned(),
        mode: pb::AgentMode::Normal.into(),
    };
    let host = door.agent().enroll(enrol).await?.into_inner().host;
    let host = door.with(Caller::Host(host));
    let beats = async |beat: u64| {
        let sync = || pb::SyncRequest { boot_id: "boot-1".to_owned(), beat, ..Default::default() };
        answered("a beat", async || host.agent().sync(sync()).await).await
    };
    beats(1).await?;
    let connected = "tidegate_agents_connected{node=\"1\",tier=\"free\"} 1\n";
    told(port, &[connected]).await?;
    beats(2).await?;
    let late = "tidegate_agent_checkin_lag_seconds_count{node=\"1\",tier=\"free\"} 1\n";
    told(port, &[late]).await?;
    // A boot's first beat is late for nobody.
    beats(2).await?;
    told(port, &[late]).await?;
    Ok(())
}

async fn door_token(door: &Door) -> Result<(), tonic::Status> {
    door.fleet().create_token(door::token("free", "free", 5)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_says_how_long_it_took_to_reach_everybody_and_the_disk_how_long_it_took()
-> Outcome<()> {
    let (_cluster, door, port) = controller().await?;
    door.upload(PATCH).await?;
    let publish = door::publish("113.1", &["6.8.0-41.41"], PATCH);
    door.patch_sets().publish_patch_set(publish).await?;
    answered("a draft", async || {
        door.rollouts().create_rollout(door::create("113.1", "compressed")).await
    })
    .await?;
    let halts = "tidegate_halt_propagation_seconds_count{node=\"1\"}";
    let before = told(port, &[halts]).await?;
    assert_eq!(value(&before, halts), Some(0.0));
    door.rollouts().halt_rollout(door::halt("rollouts/113.1", "odd")).await?;
    let after = told(port, &[&format!("{halts} 1\n")]).await?;
    let proposals = "tidegate_raft_propose_duration_seconds_count{node=\"1\"}";
    let syncs = "tidegate_raft_fsync_duration_seconds_count{node=\"1\"}";
    assert!(value(&after, proposals) > value(&before, proposals), "{after}");
    assert!(value(&after, syncs) > value(&before, syncs), "{after}");
    let took = value(&after, "tidegate_halt_propagation_seconds_sum{node=\"1\"}");
    assert!(took.is_some_and(|took| took > 0.0), "{after}");
    Ok(())
}
