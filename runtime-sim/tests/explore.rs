//! Goal: the summary of many runs is the sum of the runs, and nothing but plain lines goes to a log. Method: the
//! program itself, its JSON added up again.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_summary_is_the_sum_of_the_runs() {
    let explore = ["explore", "--seeds", "1..7", "--nodes", "3", "--for", "6"];
    let output = Command::new(env!("CARGO_BIN_EXE_ringfort-sim"))
        .args(explore)
        .arg("--json")
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stderr).unwrap();
    assert!(lines.contains("6/6 seeds, 0 failed"), "{lines}");
    assert!(!lines.contains(['\r', '\u{1b}']), "{lines:?}");
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (runs, summary) = (whole["runs"].as_array().unwrap(), &whole["summary"]);
    assert_eq!((runs.len(), &summary["runs"]), (6, &Value::from(6)));
    assert_eq!(summary["verdicts"]["ok"], 6);
    let sum = |of: &dyn Fn(&Value) -> &Value| -> u64 {
        runs.iter().map(|run| of(run).as_u64().unwrap_or(0)).sum()
    };
    let sent = sum(&|run| &run["messages"]["sent"]);
    let delivered = sum(&|run| &run["messages"]["delivered"]);
    assert!(sent > 0 && delivered > sent, "{summary}");
    assert_eq!(summary["messages"]["sent"], sent);
    assert_eq!(summary["messages"]["delivered"], delivered);
    assert_eq!(
        summary["configurations"],
        sum(&|run| &run["configurations"])
    );
    let faults = summary["faults"].as_object().unwrap();
    assert!(!faults.is_empty(), "six runs have a fault");
    for (kind, count) in faults {
        assert_eq!(*count, sum(&|run| &run["faults"][kind]), "{kind}");
    }
    assert_eq!(summary["slowest"].as_array().unwrap().len(), 5);
    assert!(summary["cluster_seconds_per_cpu_hour"].as_f64().unwrap() > 0.0);
}
