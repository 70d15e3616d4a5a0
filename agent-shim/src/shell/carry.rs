//! How is each output carried out? In order; what must be durable is, before the next.

use std::future::Future;
use std::sync::Arc;

use super::{Ended, Fatal, Shell};
use crate::core::{CallId, Fact, FetchFailed, Input, OfferedArtifact, Output};
use crate::driver::{Driver, Following};
use crate::storage::{Storage, StorageFailed};

impl<D: Driver, S: Storage> Shell<D, S> {
    /// Carries out all outputs. The first that fails ends it: what comes later may rest on it.
    pub(super) fn carry_out(&mut self, out: &mut Vec<Output>) -> Result<(), Fatal> {
        for output in out.drain(..) {
            self.carry_out_one(output)?;
        }
        Ok(())
    }

    fn carry_out_one(&mut self, output: Output) -> Result<(), Fatal> {
        let host = &mut self.host;
        match output {
            Output::Spool(report) => host.storage.spool(&report)?,
            Output::SpoolDrop { sequence } => host.storage.drop_report(sequence)?,
            Output::SpoolTrim { through } => host.storage.trim(through)?,
            Output::WriteMarker(marker) => host.storage.set_marker(Some(&marker))?,
            Output::ClearMarker => host.storage.set_marker(None)?,
            Output::Remember { patch_set, memory } => host.storage.remember(&patch_set, &memory)?,
            Output::KeepHeard(heard) => host.storage.keep_heard(heard)?,
            Output::Observe => self.look(),
            Output::WakeAt(at) => self.wake = Some(at),
            Output::Log(fact @ Fact::ReportLost { .. }) => tracing::error!("{fact}"),
            Output::Log(fact) => tracing::info!("{fact}"),
            Output::NextController => host.transport.next_controller(),
            Output::Sync { call, request } => {
                let transport = host.transport.clone();
                self.call(async move {
                    Input::SyncAnswered { call, result: transport.sync(request).await }
                });
            }
            Output::Begin { call, request } => {
                let transport = host.transport.clone();
                self.call(async move {
                    Input::BeginAnswered { call, result: transport.begin(request).await }
                });
            }
            Output::Report { call, request } => {
                let transport = host.transport.clone();
                self.call(async move {
                    Input::ReportAnswered { call, result: transport.report(request).await }
                });
            }
            Output::Fetch { call, artifact } => self.download(call, artifact),
            Output::Insert(insertion) => {
                let artifact = host.storage.artifact(insertion.artifact.digest);
                Arc::clone(&host.driver).insert(*insertion, artifact, self.words.clone());
            }
            Output::Follow { grant_id, module, since, transition_timeout } => {
                let following = Following { grant_id, module, since, transition_timeout };
                Arc::clone(&host.driver).follow(following, self.words.clone());
            }
            Output::Revert { grant_id, module } => {
                Arc::clone(&host.driver).revert(grant_id, module, self.words.clone());
            }
        }
        Ok(())
    }

    fn call(&mut self, call: impl Future<Output = Input> + Send + 'static) {
        self.calls.spawn(async move { Ended::Input(Box::new(call.await)) });
    }

    fn download(&mut self, call: CallId, artifact: OfferedArtifact) {
        let transport = self.host.transport.clone();
        self.calls.spawn(async move {
            match transport.fetch(&artifact).await {
                Ok(bytes) => Ended::Downloaded { call, bytes },
                Err(failed) => {
                    let result = Err(FetchFailed::Call(failed));
                    Ended::Input(Box::new(Input::ArtifactFetched { call, result }))
                }
            }
        });
    }

    /// Stores what was downloaded. A full disk is the host's refusal; any other failure ends the
    /// agent.
    pub(super) fn store(&mut self, call: CallId, bytes: &[u8]) -> Result<Input, Fatal> {
        let result = match self.host.storage.store_artifact(bytes) {
            Ok(fetched) => Ok(fetched),
            Err(StorageFailed::NoSpace(_)) => Err(FetchFailed::NoSpace),
            Err(
                failed @ (StorageFailed::Io { .. }
                | StorageFailed::Damaged { .. }
                | StorageFailed::Locked(_)),
            ) => return Err(failed.into()),
        };
        Ok(Input::ArtifactFetched { call, result })
    }
}
