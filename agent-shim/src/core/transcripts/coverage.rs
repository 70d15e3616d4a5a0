//! What does a host say of itself whose kernel the controllers judge by dates?

use super::bench::Bench;
use super::{SOAKING, STARTED, lines};
use crate::core::AgentConfig;

/// State, coverage and date of a host after these lines.
fn said(given: &str, script: &str) -> String {
    let mut bench = Bench::new(AgentConfig::default());
    lines(given).chain(lines(script)).for_each(|line| bench.play(line));
    let status = bench.status();
    format!("{} {:?} {:?}", status.state.word(), status.supported, status.upgrade_required_date)
}

#[test]
fn a_host_says_what_the_controllers_say_of_its_kernel_and_since_when() {
    let check = |script: &str, expected: &str| assert_eq!(said(STARTED, script), expected);
    check("1000 sync offer none", r#"nothing-to-apply "" """#);
    check(
        "1000 sync offer none supported supported until 2025-03-07",
        r#"nothing-to-apply "supported" "2025-03-07""#,
    );
    for word in ["kernel-upgrade-required", "kernel-end-of-life", "unsupported"] {
        let expected = format!(r#"kernel-upgrade-required "{word}" """#);
        check(&format!("1000 sync offer none supported {word}"), &expected);
    }
    let back =
        "1000 sync offer none supported unsupported next 1000\n2000 wake\n2100 sync offer none";
    check(back, r#"nothing-to-apply "" """#);
}

#[test]
fn a_host_that_runs_a_patch_says_so_although_its_kernel_is_not_covered() {
    let script =
        "61700 wake\n61800 sync offer 7 supported kernel-upgrade-required until 2025-03-07";
    let expected = r#"applied "kernel-upgrade-required" "2025-03-07""#;
    assert_eq!(said(SOAKING, script), expected);
}
