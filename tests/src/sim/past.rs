//! What does a host make of an answer from before what it heard already? It holds still: after a restore
//! nobody acts on the word of the cluster that was, nor on an older word of the same one.

use tidegate_agent::core::{
    Agent, AgentConfig, Boot, BootTime, Chance as AgentChance, Fact, Input, Mode, Output, Sabotage,
    Setup,
};
use tidegate_controller::machine::Machine;
use tidegate_controller::machine::grants::{Grant, Phase};
use tidegate_controller::relay::answers;
use tidegate_policies::time::Millis;
use tidegate_proto::v1::SyncResponse;

use super::hosts::Host;
use super::world::World;

/// How often hosts sync that no rollout concerns.
const IDLE_SYNC: Millis = Millis::from_secs(8);
/// Within so many wakes an agent asks for news.
const WAKES: usize = 200;

impl World {
    /// Every host with an offer in the state `old` is told something newer first, on the side, and then
    /// hears that offer from a controller that does not know better. `restored` is what became of
    /// `old` in a restore.
    ///
    /// # Errors
    ///
    /// Which host took the offer, or does not ask for news.
    pub(super) fn past_is_past(&mut self, old: &Machine, restored: &Machine) -> Result<(), String> {
        let offered = |grant: &Grant| matches!(grant.phase, Phase::Offered { .. });
        let sabotage = self.scenario.agent_sabotage();
        let mut refused = 0;
        for grant in old.grants().values().filter(offered) {
            let Some(host) = self.hosts.iter().find(|host| host.id == grant.host) else { continue };
            let Some(boot) = old.hosts().get(&host.id).map(|known| known.boot.to_string()) else {
                continue;
            };
            let says = |machine: &Machine| {
                let answer = answers::sync(machine, host.id, &boot, IDLE_SYNC);
                answer.map(|answer| answer.response).map_err(|unknown| unknown.to_string())
            };
            let old_word = says(old)?;
            let newer = SyncResponse { offer: None, revision: old.applied() + 1, ..says(old)? };
            let takes = |words: &[&SyncResponse]| takes_offer(host, &boot, sabotage, words);
            if !takes(&[&old_word])? {
                continue; // It has other reasons.
            }
            for (what, word) in [("a restore", says(restored)?), ("a newer answer", newer)] {
                if takes(&[&word, &old_word])? {
                    let (host, revision) = (host.id, old_word.revision);
                    return Err(format!(
                        "host {host} heard of {what}, and takes an offer of revision {revision} from \
                         before it"
                    ));
                }
                refused += 1;
            }
        }
        self.stats.past_refused += refused;
        Ok(())
    }
}

/// Whether an agent with this host's files, which hears `words` in answer to one beat after the other,
/// takes up an offer.
///
/// # Errors
///
/// It does not ask often enough to hear all of them.
fn takes_offer(
    host: &Host,
    boot: &str,
    sabotage: Sabotage,
    words: &[&SyncResponse],
) -> Result<bool, String> {
    let mut now = BootTime::from_millis(1_000);
    let setup = Setup {
        config: AgentConfig { sabotage, ..AgentConfig::default() },
        seed: AgentChance::new(host.storage.spool_id()).draw(),
        boot: Boot {
            boot_id: boot.to_owned(),
            facts: host.facts.clone(),
            mode: Mode::Normal,
            evidence: None,
            observation: host.kernel.observe(now),
        },
        restored: host.storage.restored(),
    };
    let mut said = Vec::new();
    let mut agent = Agent::start(now, setup, &mut said);
    let (mut words, mut took, mut due) = (words.iter(), false, now);
    for _ in 0..WAKES {
        let mut inputs = Vec::new();
        for output in said.drain(..) {
            match output {
                Output::Sync { call, .. } => {
                    let Some(&word) = words.next() else { return Ok(took) };
                    inputs.push(Input::SyncAnswered { call, result: Ok(word.clone()) });
                }
                Output::Observe => inputs.push(Input::Observed(host.kernel.observe(now))),
                Output::WakeAt(at) => due = at,
                Output::Log(fact) => took |= matches!(fact, Fact::OfferTaken { .. }),
                Output::Begin { .. }
                | Output::Report { .. }
                | Output::Fetch { .. }
                | Output::NextController
                | Output::Spool(_)
                | Output::SpoolDrop { .. }
                | Output::SpoolTrim { .. }
                | Output::WriteMarker(_)
                | Output::ClearMarker
                | Output::Remember { .. }
                | Output::KeepHeard(_)
                | Output::Insert(_)
                | Output::Follow { .. }
                | Output::Revert { .. } => (),
            }
        }
        if inputs.is_empty() {
            now = due.max(now);
            inputs.push(Input::Wake);
        }
        for input in inputs {
            agent.step(now, input, &mut said);
        }
    }
    Err(format!("the agent of host {} does not ask for news", host.id))
}
