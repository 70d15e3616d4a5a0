//! Who receives the traces in a test? The smallest collector that speaks OTLP over gRPC.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use prost::Message;
use prost::bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tonic::codegen::http::{HeaderMap, HeaderValue, Response};

/// What an `ExportTraceServiceRequest` says, as far as a test asks.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Attributes>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Text>,
}

#[derive(Clone, PartialEq, Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(string, tag = "5")]
    name: String,
}

impl Export {
    /// The names of the spans, in order.
    pub(super) fn spans(&self) -> Vec<&str> {
        let scopes = self.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(|span| &*span.name).collect()
    }

    /// What the traces say about who sent them.
    pub(super) fn resource(&self) -> BTreeMap<&str, &str> {
        let resources = self.resource_spans.iter().filter_map(|spans| spans.resource.as_ref());
        resources
            .flat_map(|resource| &resource.attributes)
            .map(|pair| (&*pair.key, pair.value.as_ref().map_or("", |value| &*value.text)))
            .collect()
    }
}

/// Starts a collector on a free port, and gives what arrives.
pub(super) async fn start() -> (SocketAddr, UnboundedReceiver<Export>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, sender.clone()));
        }
    });
    (address, receiver)
}

async fn serve(socket: TcpStream, sender: UnboundedSender<Export>) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let sender = sender.clone();
        tokio::spawn(async move {
            let method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
            assert_eq!(request.uri().path(), method);
            let mut body = request.into_body();
            let mut framed = Vec::new();
            while let Some(data) = body.data().await {
                let data = data.unwrap();
                body.flow_control().release_capacity(data.len()).unwrap();
                framed.extend_from_slice(&data);
            }
            // A flag and a length in 5 bytes, then the message; an empty message answers.
            sender.send(Export::decode(&framed[5..]).unwrap()).unwrap();
            let head = Response::builder().header("content-type", "application/grpc");
            let mut answer = respond.send_response(head.body(()).unwrap(), false).unwrap();
            answer.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
            let ok = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(0))]);
            answer.send_trailers(ok).unwrap();
        });
    }
}
