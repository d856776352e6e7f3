//! Goal: what was once found stays found. Method: every schedule in `regressions/` is run again, whole, with every
//! checker. Without a defect nothing may be objected to; a program that has the deliberate defects shows, for a
//! schedule that names one, the verdict that it expects.

use std::{fs, path::PathBuf};

use ringfort_runtime_sim::{run, schedule::Schedule};

fn schedules() -> Vec<(String, Schedule)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the directory is in the repository")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "schedule"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.display().to_string();
            let text = fs::read_to_string(&path).expect("it can be read");
            let schedule = Schedule::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, schedule)
        })
        .collect()
}

fn verdict(schedule: &Schedule) -> String {
    match run::follow(schedule, None) {
        Ok(report) => report
            .violation
            .map_or("ok".to_owned(), |violation| violation.to_string()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_schedule_gives_what_it_should() {
    let schedules = schedules();
    assert!(schedules.len() >= 8, "{}", schedules.len());
    let mut wrong = Vec::new();
    for (name, schedule) in &schedules {
        let found = verdict(schedule);
        if found != "ok" {
            wrong.push(format!("{name}: {found}"));
        }
        #[cfg(feature = "defects")]
        if let Some(defect) = &schedule.defect {
            use ringfort_machine::defect::{Defect, activate};
            activate(Some(Defect::from_name(defect).expect("the defect exists")));
            let found = verdict(schedule);
            activate(None);
            if !found.starts_with(&format!("{}:", schedule.expect)) {
                wrong.push(format!("{name} with {defect}: {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
