//! How do the lab's machines become a fleet? A controller in this process, an agent in each machine,
//! and what a test asks of both.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::{TempDir, tempdir};
use tidegate_controller::config::{Arrival, Loopback};
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::runtime::StorageConfig;
use tidegate_controller::server::{MetricsConfig, Running, ServerConfig};
use tidegate_proto::v1 as pb;
use tidegate_tests::lab::{Lab, LabModule, Machine, MachinePlan};
use tidegate_tests::operator::{Operator, Watched};

/// For everything a machine does by itself. On an idle processor a boot takes ten seconds.
pub(crate) const SOON: Duration = Duration::from_secs(180);

/// For a whole rollout. With idle processors the longest takes less than a minute.
const ROLLOUT: Duration = Duration::from_secs(300);

/// How often something is asked for again that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many machines boot at the same time.
const AT_A_TIME: usize = 2;

/// Where a machine finds the loopback of the host, and with it the controller.
const HOST_LOOPBACK: &str = "10.0.2.2";

/// The lab's policy.
pub(crate) const POLICY: &str = include_str!("../../lab/policy.toml");

/// The lab's policy for a fleet whose only machine is a canary by its token: the ladder ends with the
/// free tier, which may be empty as the last one.
pub(crate) fn for_one_canary() -> Outcome<String> {
    let paid = POLICY.rfind("[[ladder]]").ok_or("the policy has a ladder")?;
    Ok(POLICY[..paid].to_owned())
}

/// The lab's policy, which turns back what stalls.
pub(crate) fn that_reverts() -> String {
    POLICY.replace("transition = \"20s\"", "transition = \"20s\"\non-stall = \"revert\"")
}

/// What a step of a test comes to.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Says a line past the test harness, which would hide it: what the kernels said belongs into the
/// log of a run that went well, too.
pub(crate) fn say(line: &str) -> Outcome {
    Ok(writeln!(std::io::stderr(), "kernel lab: {line}")?)
}

/// A machine to be, in the words that matter to a fleet.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: &'static str,
    /// The tier of its token.
    pub(crate) tier: &'static str,
    /// What it loads before the agent starts, if anything.
    pub(crate) helper: Option<LabModule>,
}

/// A machine, and the plan that it was booted from.
#[derive(Debug)]
struct Booted {
    plan: MachinePlan,
    machine: Machine,
}

/// A controller, its operator, and the machines by name.
pub(crate) struct Fleet {
    pub(crate) operator: Operator,
    controller: Running,
    machines: BTreeMap<&'static str, Booted>,
    _data: TempDir,
}

impl Fleet {
    /// Starts the controller, boots the machines, and returns when all are enrolled.
    pub(crate) async fn start(lab: &Lab, members: &[Member]) -> Outcome<Self> {
        let agent = lab.agent()?;
        let data = tempdir()?;
        let controller = start_controller(data.path()).await?;
        let operator = Operator::connect(controller.address())?;
        let address = format!("{HOST_LOOPBACK}:{}", controller.address().port());
        let mut machines: BTreeMap<&str, Booted> = BTreeMap::new();
        for together in members.chunks(AT_A_TIME) {
            for member in together {
                let token = operator.create_token(member.name, member.tier, 1).await?;
                let script = include_str!("../../lab/work/agent.sh");
                let plan = MachinePlan::new(member.name, data.path(), script)
                    .setting("LAB_CONTROLLER", &address)
                    .setting("LAB_TOKEN", &token)
                    .setting("LAB_MODULES", member.helper.map_or("", LabModule::name))
                    .file("/bin/tidegate-agent", &agent)
                    .keeps_state();
                let machine = lab.boot(&plan)?;
                machines.insert(member.name, Booted { plan, machine });
            }
            let is_new = |name: &str| together.iter().any(|member| member.name == name);
            for booted in machines.values_mut().filter(|booted| is_new(booted.plan.name())) {
                let enrolled = booted.machine.wait_for("hosts/", SOON)?;
                let (name, age) = (booted.plan.name(), booted.machine.age());
                say(&format!("{name} is {enrolled} {age:.1?} after power-on"))?;
            }
        }
        Ok(Self { operator, controller, machines, _data: data })
    }

    /// A machine by its name.
    pub(crate) fn machine(&mut self, name: &str) -> Outcome<&mut Machine> {
        let found = self.machines.get_mut(name).map(|booted| &mut booted.machine);
        found.ok_or_else(|| format!("the fleet has no machine {name}").into())
    }

    /// Switches a machine on that has ended.
    pub(crate) fn boot_again(&mut self, lab: &Lab, name: &str) -> Outcome {
        let found = self.machines.get_mut(name);
        let booted = found.ok_or_else(|| format!("the fleet has no machine {name}"))?;
        booted.machine = lab.boot(&booted.plan)?;
        Ok(())
    }

    /// Publishes `module` as the patch set `version` for the kernel that the hosts report, starts
    /// its rollout under the lab's policy, and watches it to its end: completed or halted.
    pub(crate) async fn roll_out(
        &self,
        lab: &Lab,
        version: &str,
        module: LabModule,
    ) -> Outcome<pb::Rollout> {
        self.roll_out_under(lab, (version, module), POLICY).await
    }

    /// The same under another policy.
    pub(crate) async fn roll_out_under(
        &self,
        lab: &Lab,
        (version, module): (&str, LabModule),
        policy: &str,
    ) -> Outcome<pb::Rollout> {
        let hosts = self.operator.hosts().await?;
        let facts =
            hosts.iter().find_map(|host| host.facts.clone()).ok_or("no host is enrolled")?;
        let kernel = format!("{}-{}", facts.kernel_release, facts.flavour);
        assert_eq!(kernel, lab.kernel().release(), "the hosts report the kernel that they booted");
        let bytes = fs::read(lab.modules()?.path(module))?;
        let artifact = pb::Artifact {
            kernel_release: facts.kernel_release,
            flavour: facts.flavour,
            arch: facts.arch,
            sha256: Sha256::digest(&bytes).to_vec(),
            size_bytes: u64::try_from(bytes.len())?,
            module: module.name().to_owned(),
        };
        let set = pb::PatchSet {
            name: format!("patchSets/{version}"),
            artifacts: vec![artifact],
            ..pb::PatchSet::default()
        };
        self.operator.publish(set, &[bytes]).await?;
        let started = self.operator.start(version, "tests/lab/policy.toml", policy).await?;

        let is_over = |rollout: &pb::Rollout| {
            matches!(rollout.state(), pb::RolloutState::Completed | pb::RolloutState::Halted)
        };
        let watching = self.operator.watch(&started.name, is_over);
        let Watched { rollout, records } = tokio::time::timeout(ROLLOUT, watching).await??;
        for record in records.iter().filter(|record| record.event != "rollout.verdict") {
            say(&format!("{version} {} by {}: {}", record.event, record.actor, record.detail))?;
        }
        Ok(rollout)
    }

    /// Waits until the controller has heard all of `names` after this call.
    pub(crate) async fn hear_again(&self, names: &[&str]) -> Outcome {
        let start = tokio::time::Instant::now();
        while start.elapsed() < SOON {
            let waited = start.elapsed();
            let hosts = self.operator.hosts().await?;
            let heard = hosts.iter().filter(|host| {
                let hostname = host.facts.as_ref().map_or("", |facts| facts.hostname.as_str());
                let ago = host.heard_ago_ms.map(Duration::from_millis);
                names.contains(&hostname) && ago.is_some_and(|ago| ago < waited)
            });
            if heard.count() == names.len() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("not all of {names:?} were heard within {SOON:?}").into())
    }

    /// Waits until the last that the machine `name` said in lines that begin with `prefix` is this line.
    pub(crate) async fn says_last(&mut self, name: &str, prefix: &str, line: &str) -> Outcome {
        let start = tokio::time::Instant::now();
        let mut last = String::new();
        while start.elapsed() < SOON {
            let talk = self.machine(name)?.guest_talk();
            let said = talk.lines().rfind(|line| line.starts_with(prefix)).unwrap_or_default();
            last = said.trim_end().to_owned();
            if last == line {
                return say(&format!("{name} {last}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("{name} said {last:?} last, and not {line:?} within {SOON:?}").into())
    }

    /// Says what the kernel of `name` told about `module`, a panic included, and returns it.
    pub(crate) fn kernel_lines(&mut self, name: &str, module: LabModule) -> Outcome<Vec<String>> {
        let talk = self.machine(name)?.kernel_talk();
        // That a module taints the kernel is true of all of them.
        let tells = |line: &&str| line.contains(module.name()) && !line.contains("taint");
        let lines: Vec<String> = talk.lines().filter(tells).map(str::to_owned).collect();
        for line in &lines {
            say(&format!("{name} {line}"))?;
        }
        Ok(lines)
    }

    /// Pulls every plug and stops the controller.
    pub(crate) async fn end(self) {
        drop(self.machines);
        self.controller.stop().await;
    }
}

/// With a single host gone wrong, a guard rail of one decides, and `explain` says so.
pub(crate) async fn explain_names_the_guard_rail(
    fleet: &Fleet,
    halted: &pb::Rollout,
    rails: &[&str],
) -> Outcome {
    let explained = fleet.operator.explain(&halted.name).await?;
    say(&format!("explain {}: {}", halted.name, explained.headline))?;
    let decided = explained.waiting_on.as_str();
    assert!(rails.contains(&decided), "{decided}");
    assert!(explained.headline.starts_with("halted by judge"), "{}", explained.headline);
    assert!(explained.headline.contains(decided), "{}", explained.headline);
    let gate = explained.gates.iter().find(|gate| gate.name == decided).ok_or("no such gate")?;
    say(&format!("explain {}: {}: {}", halted.name, gate.name, gate.detail))?;
    assert_eq!(gate.state(), pb::GateState::Shut);
    assert_eq!((gate.observed, gate.required, gate.unit.as_str()), (1, 1, "hosts"));
    assert!(gate.detail.ends_with("1 halt"), "{}", gate.detail);
    Ok(())
}

async fn start_controller(data: &Path) -> Outcome<Running> {
    let listen = Loopback::port(0);
    let config = ServerConfig {
        cluster: "kernel-lab".to_owned(),
        node: NodeId(1),
        arrival: Arrival::Founds,
        members: BTreeMap::from([(NodeId(1), listen.to_string())]),
        listen,
        data_dir: data.join("controller"),
        raft_tick: Duration::from_millis(20),
        machine_tick: Duration::from_millis(200),
        idle_sync: Duration::from_secs(1),
        storage: StorageConfig::default(),
        metrics: MetricsConfig::default(),
        egress: tidegate_controller::webhooks::Egress::default(),
    };
    Ok(Running::start(&config).await?)
}
