//! When does a controller make room for another? When its disk is slow or its clock is wrong, by the
//! shipped rules; and a slow disk holds up everything that it does.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::node::{Input, Node};
use tidegate_controller::runtime::successor;
use tidegate_policies::time::WallTime;

use super::controllers::Controller;
use super::happening::Happening;
use super::sabotage::Sabotage;
use super::world::World;

/// How long a sync of a slow disk takes, in milliseconds.
const SLOW_SYNC: (u64, u64) = (1_050, 2_000);

impl World {
    /// A controller has written, and its disk takes its time: until then nobody hears of it, and it
    /// does nothing else. Gives how long.
    pub(super) fn has_synced(&mut self, id: u64) -> u64 {
        let now = self.now();
        let Some(controller) = self.controllers.get_mut(&id) else { return 0 };
        let took = if controller.meter.borrow().is_slow {
            self.luck.between(SLOW_SYNC.0, SLOW_SYNC.1)
        } else {
            0
        };
        let done = Duration::from_millis(now + took);
        controller.desk.busy_until = now + took;
        controller.desk.slow_syncs += u64::from(took > 0);
        let hand_over = &mut controller.desk.hand_over;
        hand_over.disk.note(done, Duration::from_millis(took));
        if !controller.leads() || !controller.desk.hand_over.is_rested(done) {
            return took;
        }
        if let Some(slow) = controller.desk.hand_over.disk.judge(done) {
            controller.desk.hand_over.tried(done);
            let to = controller.node().and_then(|node| successor(&node.status(), |_| true));
            controller.desk.hand_to = to;
            self.trace
                .line(now, format_args!("node {id}'s disk is slow, {slow:?}: {to:?} shall lead"));
        }
        took
    }

    /// A leader looks at its clock beside the `readings` of the others.
    pub(super) fn compare_clocks(&mut self, id: u64, readings: &BTreeMap<NodeId, WallTime>) {
        let (now, own) = (self.now(), NodeId(id));
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let hand_over = &mut controller.desk.hand_over;
        let Some(off) = hand_over.clock.compare(own, readings) else { return };
        if !hand_over.is_rested(Duration::from_millis(now)) {
            return;
        }
        hand_over.tried(Duration::from_millis(now));
        let may = |node| off.agreeing.contains(&node);
        let to = controller.node().and_then(|node| successor(&node.status(), may));
        controller.desk.hand_to = to;
        self.trace.line(now, format_args!("node {id}'s clock is wrong: {to:?} shall lead"));
    }

    /// Asks the node to hand over, if it has to.
    pub(super) fn hands_over(&mut self, id: u64, run: u64) -> Option<Input> {
        let controller = self.controllers.get_mut(&id).filter(|one| one.run == run)?;
        let to = controller.desk.hand_to.take()?;
        let stays = self.scenario.sabotage == Sabotage::StubbornLeader;
        (!stays).then_some(Input::TransferLeader { to })
    }

    /// A controller whose disk is still at it looks at what happens once that is done, and then at all
    /// of it at once, as the runtime does. Gives back what need not wait.
    pub(super) fn unless_busy(&mut self, happening: Happening) -> Option<Happening> {
        let (Happening::RaftTick { node: to, .. }
        | Happening::Asked { node: to, .. }
        | Happening::Peer { to, .. }) = happening
        else {
            return Some(happening);
        };
        let now = self.now();
        let busy = |one: &&mut Controller| one.desk.busy_until > now && one.node().is_some();
        let Some(controller) = self.controllers.get_mut(&to).filter(busy) else {
            return Some(happening);
        };
        if controller.desk.inbox.is_empty() {
            let done = Happening::DiskDone { node: to, run: controller.run };
            self.queue.after(controller.desk.busy_until - now, done);
        }
        controller.desk.inbox.push(happening);
        None
    }

    /// A slow disk is done: what waited is taken in with one step, and one sync.
    pub(super) fn disk_done(&mut self, id: u64, run: u64) {
        let here = |one: &&mut Controller| one.run == run && one.node().is_some();
        let Some(controller) = self.controllers.get_mut(&id).filter(here) else { return };
        controller.desk.gathered = Some(Vec::new());
        for happening in std::mem::take(&mut controller.desk.inbox) {
            self.carry_through(happening);
        }
        let gathered = self.controllers.get_mut(&id).and_then(|one| one.desk.gathered.take());
        if let Some(inputs) = gathered {
            self.step_node(id, inputs);
        }
    }

    /// Somebody has a disk that takes its time, or has none any more.
    pub(super) fn set_slow_disk(&mut self, id: u64, is_slow: bool) {
        if let Some(controller) = self.controllers.get_mut(&id) {
            controller.meter.borrow_mut().is_slow = is_slow;
        }
    }

    /// How often the node of a controller has synced.
    pub(super) fn syncs(&self, id: u64) -> u64 {
        self.controllers.get(&id).and_then(Controller::node).map_or(0, Node::syncs)
    }
}
