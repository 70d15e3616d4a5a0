//! Does anything break under commands that nobody planned? The watch looks after each.

use proptest::collection::vec;
use proptest::prelude::*;

use super::script::run;
use super::world::World;

/// Every run starts with two tiers, a sampled one, a few hosts, and one rollout under way.
const BEGINNING: &str = "bootstrap canary* free paid
     token free free 6
     token paid paid 3
     token scoped free 2 series=k2
     enrol h1..h6 free
     enrol h7,h8 paid
     blob 113.1 k1
     blob 113.1 k2
     blob 113.2 k1
     publish 113.1 k1 k2
     publish 113.2 k1
     create r1 113.1 canary=draw1 free=30%,100% paid=100% budget=3 in-flight=5 crashed=3 failed=3 \
         stalled=3 silent=4 share=3,50%,90% coverage=60% verified=60%
     create r2 113.2 canary=draw1 free=100% paid=50%,100% budget=100% in-flight=30% crashed=3 \
         promotion=manual approvals=2 author=not two=yes haste=2s per-zone=2 rate=2/3s racks=1
     create r3 113.1 canary=draw2 free=100% coverage=50%
     start r1
     tick 0s
     tick 1s asking=h1..h8";

fn any_host() -> impl Strategy<Value = String> {
    (1..=9u32).prop_map(|n| format!("h{n}"))
}

fn some_hosts() -> impl Strategy<Value = String> {
    vec(any_host(), 0..9).prop_map(|hosts| hosts.join(","))
}

fn any_rollout() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just("r1"), 3 => Just("r2"), 2 => Just("r3")].prop_map(str::to_owned)
}

fn tick() -> impl Strategy<Value = String> {
    let step = prop_oneof![4 => Just(500), 4 => Just(1_000), 2 => 0..20_000u64];
    let term = prop_oneof![12 => Just(""), 1 => Just(" next-term")];
    let walls = vec((1..6u32, 0..9_000u32).prop_map(|(node, wall)| format!("{node}:{wall}")), 0..4);
    (step, some_hosts(), some_hosts(), term, walls).prop_map(
        |(step, heard, asking, term, walls)| {
            let readings = walls.join(",");
            format!("tick {step}ms heard={heard} asking={asking} readings={readings}{term}")
        },
    )
}

fn report() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        6 => Just("applied"), 6 => Just("soaked"), 3 => Just("health"), 2 => Just("started"),
        1 => Just("failed"), 1 => Just("stalled"), 1 => Just("crashed"), 1 => Just("degraded"),
        1 => Just("reverted"), 2 => Just("refused"), 1 => Just("soaked-gone"),
        1 => Just("health-gone"), 1 => Just("goodbye"), 1 => Just("applied health soaked"),
        1 => Just("not-reverted"), 1 => Just("turned-back"), 1 => Just("not-reverted reverted"),
    ];
    let how = prop_oneof![
        12 => Just(String::new()),
        2 => (1..4u32).prop_map(|boot| format!(" boot=b{boot}")),
        1 => (1..30u32).prop_map(|grant| format!(" grant={grant}")),
        1 => (1..30u32).prop_map(|grant| format!(" boot=b{} marker={grant} evidence=oops", grant % 4)),
        1 => (1..7u32, 1..9u32).prop_map(|(spool, seq)| format!(" spool={spool} seq={seq}")),
        1 => Just(" kernel=k2".to_owned()),
        1 => Just(" mode=no-apply".to_owned()),
    ];
    (any_host(), kind, how).prop_map(|(host, kind, how)| format!("report {host} {kind}{how}"))
}

fn begin() -> impl Strategy<Value = String> {
    let how = prop_oneof![
        10 => Just(String::new()),
        1 => (1..30u32).prop_map(|grant| format!(" grant={grant}")),
        1 => (0..4u32).prop_map(|epoch| format!(" epoch={epoch}")),
        1 => Just(" boot=b2".to_owned()),
    ];
    (any_host(), how).prop_map(|(host, how)| format!("begin {host}{how}"))
}

fn operator() -> impl Strategy<Value = String> {
    let verb = prop_oneof![
        Just("start {}"),
        Just("pause {}"),
        Just("resume {}"),
        Just("resume {} reason=known"),
        Just("resume {} reason=known"),
        Just("halt {} reason=odd"),
        Just("halt {} slice=kernel=k1 reason=odd"),
        Just("halt {} slice=kernel=k2"),
        Just("halt {} slice=zone=z2 reason=odd"),
        Just("resume {} slice=kernel=k1 reason=known"),
        Just("resume {} slice=kernel=k1 reason=known"),
        Just("resume {} slice=zone=z2 reason=known"),
        Just("resume {} slice=kernel=k2"),
        Just("promote {}"),
        Just("promote {} force=hurry"),
        Just("supersede r1 with=r2"),
        Just("supersede r3 with=r2"),
        Just("approve {} by=bob"),
        Just("expedite {} reason=exploited"),
        Just("agree 1 by=bob"),
        Just("agree 2 by=bob"),
        Just("reject 1 by=bob"),
        Just("promote {} force=hurry if=20"),
        Just("halt {} as=same"),
        Just("rollback {} reason=bad"),
        Just("rollback {}"),
        Just("pause {} as=same"),
        Just("ack 1"),
        Just("ack 2 by=bob"),
        Just("note 1 reason=seen"),
        Just("resolve 1 reason=over"),
        Just("resolve 2"),
    ];
    (verb, any_rollout()).prop_map(|(verb, rollout)| verb.replace("{}", &rollout))
}

/// Tokens change, and hosts go and move, rightly and wrongly.
fn entitlement() -> impl Strategy<Value = String> {
    let verb = prop_oneof![
        3 => Just("evict {} reason=gone"),
        3 => Just("evict {} reason=gone force=yes"),
        2 => Just("move {} paid"),
        2 => Just("move {} free reason=back"),
        1 => Just("move {} scoped"),
        1 => Just("enrol {} scoped kernel=k2"),
        1 => Just("update free max=3"),
        1 => Just("update free max=7 ttl=5s"),
        1 => Just("update paid until=never"),
        1 => Just("revoke scoped reason=leaked"),
        1 => Just("revoke paid reason=leaked"),
        1 => Just("token paid2 paid 2"),
        1 => Just("move {} paid2"),
    ];
    (verb, any_host()).prop_map(|(verb, host)| verb.replace("{}", &host))
}

fn enrol() -> impl Strategy<Value = String> {
    let how = prop_oneof![
        3 => Just(""), 1 => Just(" kernel=k2"), 1 => Just(" kernel=k3"), 1 => Just(" mode=no-apply"),
        1 => Just(" boot=b3"), 1 => Just(" zone=z2"),
    ];
    let token = prop_oneof![Just("free"), Just("paid"), Just("none")];
    (any_host(), token, how).prop_map(|(host, token, how)| format!("enrol {host} {token}{how}"))
}

/// Many hosts do what hosts should, so that rollouts get somewhere.
fn good_days() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("tick 1s heard=h1..h9 asking=h1..h9\nbegin h1..h8"),
        Just("begin h1..h8\nreport h1..h8 applied"),
        Just("tick 2s heard=h1..h9\ntick 2s heard=h1..h9\nreport h1..h8 soaked"),
    ]
    .prop_map(str::to_owned)
}

/// Nodes come, vote, go and say things of themselves, rightly and wrongly.
fn controller() -> impl Strategy<Value = String> {
    let verb = prop_oneof![
        3 => Just("add {}"),
        3 => Just("vote {}"),
        1 => Just("vote {} replacing=1"),
        1 => Just("remove {}"),
        2 => Just("leave-joint"),
        3 => Just("register {}"),
        2 => Just("register {} speaks=2..3"),
        1 => Just("register {} disk=2"),
        4 => Just("vouch {} index=NN"),
        1 => Just("vouch {} index=NN hash=8"),
        1 => Just("blob 113.1 k1 node={}"),
        1 => Just("check-state"),
        1 => Just("restore 6"),
    ];
    (verb, 1..6u32, 1..400u32).prop_map(|(verb, node, index)| {
        verb.replace("{}", &node.to_string()).replace("NN", &index.to_string())
    })
}

/// What the calendar lets hosts do changes; the wall shows the first seconds of 1970.
fn calendar() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("freeze f1 reason=odd"),
        2 => Just("freeze f2 tier=free until=4000"),
        4 => Just("lift f1 reason=known"),
        1 => Just("lift f2 reason=known"),
        2 => Just("hold-back free delay=3s"),
        2 => Just("hold-back h2 delay=6s"),
        1 => Just("hold-back paid cut-off=100"),
        3 => Just("hold-back free reason=known"),
        2 => Just("hold-back h2 reason=known"),
        2 => Just("hold-back paid reason=known"),
        1 => Just("ladder canary* free paid delay=free:2s"),
        1 => Just("ladder canary* free paid windows=free:0_0_*_*_*/1h\nopenings 0_0_*_*_*/1h"),
        1 => Just("ladder canary* free paid windows=free:0_2_*_*_*/1h\nopenings 0_2_*_*_*/1h"),
        1 => Just("ladder canary* free paid cut-off=paid:50"),
        3 => Just("ladder canary* free paid"),
        1 => Just("ladder canary* paid"),
        1 => Just("block 113.1 reason=odd"),
        1 => Just("block 113.1/k2 reason=odd"),
        3 => Just("unblock 113.1 reason=known"),
        3 => Just("unblock 113.1/k2 reason=known"),
    ]
    .prop_map(str::to_owned)
}

/// Coverage tables come, and the wall goes on by days and months.
fn dates() -> impl Strategy<Value = String> {
    let table = prop_oneof![
        2 => Just("cover k1:22.04:1:2034-04 k2:22.04:2:2034-04 reason=known"),
        2 => Just("cover k1:22.04:6:1970-06 reason=known"),
        1 => Just("cover k2:22.04:3:1971-01 k1:22.04:3:2034-04 k1@1970-02-28 reason=known"),
        1 => Just("cover k1:22.04:1:2034-04"),
        1 => Just("cover k1:22.04:1:2034-04 if=1 reason=known"),
    ];
    let host = prop_oneof![Just("kernel=k1"), Just("kernel=k2"), Just("kernel=k3 distro=20.04")];
    let changes = (any_host(), host).prop_map(|(of, how)| format!("report {of} started {how}"));
    let day = (0..700u64).prop_map(|day| {
        let wall = day * 86_400_000;
        format!("tick 1s readings=1:{wall},2:{wall},3:{wall} heard=h1..h9 asking=h1..h9")
    });
    prop_oneof![2 => table.prop_map(str::to_owned), 2 => changes, 3 => day]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => good_days(),
        6 => tick(),
        6 => begin(),
        7 => report(),
        2 => operator(),
        1 => enrol(),
        2 => entitlement(),
        2 => controller(),
        1 => calendar(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_commands_breaks_the_machine(
        lines in vec(line(), 50..300), judged in any::<bool>(),
    ) {
        let mut world = World::new();
        let judgement = if judged { "create r1 113.1 judged=9,3,2 " } else { "create r1 113.1 " };
        run(&mut world, &BEGINNING.replace("create r1 113.1 ", judgement));
        for line in &lines {
            let line = match line.strip_suffix(" next-term") {
                Some(line) => format!("{line} term={}", world.term + 1),
                None => line.clone(),
            };
            run(&mut world, &line);
        }
        world.finish();
    }

    #[test]
    fn no_sequence_of_dates_and_commands_breaks_the_machine(
        lines in vec(prop_oneof![2 => dates(), 5 => line()], 50..200), judged in any::<bool>(),
    ) {
        let mut world = World::new();
        let judgement = if judged { "create r1 113.1 judged=9,3,2 " } else { "create r1 113.1 " };
        run(&mut world, &BEGINNING.replace("create r1 113.1 ", judgement));
        for line in &lines {
            run(&mut world, line.strip_suffix(" next-term").unwrap_or(line));
        }
        world.finish();
    }
}
