//! Claims about failover and retry, against real listeners on loopback.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tidegate_proto::v1;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;
use tidegate_proto::v1::cluster_service_server::{ClusterService, ClusterServiceServer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

use tonic::Code;

use super::*;
use crate::client::advice::Subject;
use crate::client::exit::Exit;

/// What a controller says to one request.
enum Script {
    Status,
    Refuse(Code),
    Hang,
}

/// A controller that answers by script, then well, and keeps who asked.
#[derive(Clone, Default)]
struct Controller {
    script: Arc<Mutex<VecDeque<Script>>>,
    operators: Arc<Mutex<Vec<Option<String>>>>,
}

type Answer<T> = Result<Response<T>, Status>;

fn no_such_script<T>() -> Answer<T> {
    Err(Status::unimplemented("no script asks for this"))
}

#[tonic::async_trait]
impl ClusterService for Controller {
    type BackupStream = tokio_stream::Empty<Result<v1::BackupChunk, Status>>;

    async fn add_member(&self, _: Request<v1::AddMemberRequest>) -> Answer<v1::Member> {
        no_such_script()
    }

    async fn promote_member(&self, _: Request<v1::PromoteMemberRequest>) -> Answer<v1::Member> {
        no_such_script()
    }

    async fn remove_member(
        &self,
        _: Request<v1::RemoveMemberRequest>,
    ) -> Answer<v1::RemoveMemberResponse> {
        no_such_script()
    }

    async fn transfer_leader(
        &self,
        _: Request<v1::TransferLeaderRequest>,
    ) -> Answer<v1::TransferLeaderResponse> {
        no_such_script()
    }

    async fn check_cluster(
        &self,
        _: Request<v1::CheckClusterRequest>,
    ) -> Answer<v1::CheckClusterResponse> {
        no_such_script()
    }

    async fn backup(&self, _: Request<v1::BackupRequest>) -> Answer<Self::BackupStream> {
        no_such_script()
    }

    async fn get_cluster_status(
        &self,
        request: Request<v1::GetClusterStatusRequest>,
    ) -> Result<Response<v1::ClusterStatus>, Status> {
        let key = tidegate_proto::DEVELOPMENT_OPERATOR_HEADER;
        let operator = request.metadata().get(key).map(|value| value.to_str().unwrap().to_owned());
        self.operators.lock().unwrap().push(operator);
        let next = self.script.lock().unwrap().pop_front().unwrap_or(Script::Status);
        match next {
            Script::Status => Ok(Response::new(v1::ClusterStatus::default())),
            Script::Refuse(code) => Err(Status::new(code, "as the script says")),
            Script::Hang => std::future::pending().await,
        }
    }
}

impl Controller {
    async fn listen(script: impl IntoIterator<Item = Script>) -> (Self, Uri) {
        let controller =
            Self { script: Arc::new(Mutex::new(script.into_iter().collect())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = uri_of(&listener);
        let service = ClusterServiceServer::new(controller.clone());
        let serve = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(serve);
        (controller, uri)
    }

    fn asked(&self) -> usize {
        self.operators.lock().unwrap().len()
    }
}

fn uri_of(listener: &TcpListener) -> Uri {
    format!("http://{}", listener.local_addr().unwrap()).parse().unwrap()
}

/// An endpoint where nobody listens.
async fn closed() -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    uri_of(&listener)
}

async fn ask(uris: Vec<Uri>, patience: Duration) -> Result<v1::ClusterStatus, Failure> {
    let operator = MetadataValue::try_from("ana").ok();
    let mut client = Client::new(uris, operator, Some(patience));
    let intent = Intent::write(
        "show the cluster's status",
        Subject::Cluster,
        "1b4e28ba-2fa1-4d2e-883f-0016d3cca427".parse().unwrap(),
    );
    client
        .unary(&intent, v1::GetClusterStatusRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).get_cluster_status(request).await
        })
        .await
}

fn told(result: Result<v1::ClusterStatus, Failure>) -> (Exit, String, bool) {
    match result {
        Err(Failure::Problem(problem)) => (problem.exit, problem.why, problem.perhaps_done),
        Err(Failure::PipeClosed) | Ok(_) => panic!("a problem was expected"),
    }
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_dead_endpoint_is_passed_over() {
    let (controller, uri) = Controller::listen([]).await;
    assert!(ask(vec![closed().await, uri], LONG).await.is_ok());
    assert_eq!(*controller.operators.lock().unwrap(), [Some("ana".to_owned())]);
}

#[tokio::test]
async fn unavailable_is_asked_again() {
    let script = [Script::Refuse(Code::Unavailable), Script::Refuse(Code::Unavailable)];
    let (controller, uri) = Controller::listen(script).await;
    assert!(ask(vec![uri], LONG).await.is_ok());
    assert_eq!(controller.asked(), 3);
}

#[tokio::test]
async fn every_other_refusal_is_final_and_no_second_controller_is_asked() {
    for code in [Code::FailedPrecondition, Code::Aborted, Code::ResourceExhausted, Code::Unknown] {
        let (first, first_uri) = Controller::listen([Script::Refuse(code)]).await;
        let (second, second_uri) = Controller::listen([]).await;
        assert!(ask(vec![first_uri, second_uri], LONG).await.is_err());
        assert_eq!((first.asked(), second.asked()), (1, 0), "{code:?}");
    }
}

#[tokio::test]
async fn a_hanging_controller_leaves_time_for_the_next() {
    let (hanging, first_uri) = Controller::listen([Script::Hang]).await;
    let (_, second_uri) = Controller::listen([]).await;
    assert!(ask(vec![first_uri, second_uri], Duration::from_secs(4)).await.is_ok());
    assert_eq!(hanging.asked(), 1);
}

/// An election is over after a moment; the one that led before stands still.
#[tokio::test]
async fn one_that_stands_still_does_not_keep_the_others_from_being_asked_again() {
    let script = [Script::Refuse(Code::Unavailable)];
    let (elected, first_uri) = Controller::listen(script).await;
    let hanging = std::iter::repeat_with(|| Script::Hang).take(100);
    let (still, second_uri) = Controller::listen(hanging).await;
    let begun = Instant::now();
    assert!(ask(vec![first_uri, second_uri], LONG).await.is_ok());
    assert_eq!((elected.asked(), still.asked()), (2, 1));
    assert!(begun.elapsed() < LONG / 4, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_a_controller_said_outweighs_the_silence_of_another() {
    let script = std::iter::repeat_with(|| Script::Refuse(Code::Unavailable)).take(100);
    let (_, first_uri) = Controller::listen(script).await;
    let hanging = std::iter::repeat_with(|| Script::Hang).take(100);
    let (_, second_uri) = Controller::listen(hanging).await;
    let (exit, why, perhaps_done) = told(ask(vec![first_uri, second_uri], SHORT).await);
    assert_eq!((exit, why.as_str()), (Exit::Unavailable, "as the script says"));
    assert!(perhaps_done);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_done() {
    let (exit, why, perhaps_done) = told(ask(vec![closed().await], SHORT).await);
    assert_eq!(exit, Exit::Unavailable);
    assert!(why.starts_with("cannot connect to 127.0.0.1:"), "{why}");
    assert!(!perhaps_done);
}

#[tokio::test]
async fn where_no_answer_comes_it_may_have_been_done() {
    let (_, uri) = Controller::listen([Script::Hang]).await;
    let (exit, why, perhaps_done) = told(ask(vec![uri], SHORT).await);
    assert_eq!(exit, Exit::Unavailable);
    assert!(why.starts_with("no answer from 127.0.0.1:"), "{why}");
    assert!(perhaps_done);
}

#[tokio::test]
async fn a_controllers_words_outweigh_a_dead_endpoint() {
    let script = std::iter::repeat_with(|| Script::Refuse(Code::Unavailable)).take(100);
    let (_, uri) = Controller::listen(script).await;
    let (exit, why, _) = told(ask(vec![uri, closed().await], SHORT).await);
    assert_eq!(exit, Exit::Unavailable);
    assert_eq!(why, "as the script says");
}
