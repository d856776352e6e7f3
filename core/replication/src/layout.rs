//! What `cluster shared list` and `cluster shared show` print (reference 1.11, console layouts), byte for byte:
//! programs read it.

use alloc::{format, string::String};

use ringfort_wire::counter::Kind;

use crate::{Key, Replication, Row, Table};

/// The lines of `cluster shared list`.
pub fn list(replication: &Replication) -> String {
    let mut text = String::from("Currently managed objects:\n");
    for object in replication.objects() {
        let kind = match object.kind {
            Kind::CidrTree => "cidrtree w/ snapshots",
            Kind::GaugeTable => "gauge table w/ snapshots",
        };
        text += &format!("{:>30} [lazy, {kind}]\n", object.name);
    }
    text
}

/// The first line of `cluster shared show`: `view` is `global` or the name of a member.
pub fn heading(name: &str, table: &Table, view: &str) -> String {
    format!(
        "lazy, snapped {} '{name}', view '{view}'\n",
        table.kind().name()
    )
}

/// One line of `cluster shared show`.
pub fn line(row: &Row) -> String {
    match &row.key {
        Key::Net(net) => format!("{:>7}{:25}{net}\n", row.count, ""),
        Key::Text(text) => format!("{text:>60}:{:>13}\n", row.count),
    }
}

/// The lines of `cluster shared show`, at most `limit` rows; a last line says how many more there are.
pub fn show(name: &str, table: &Table, view: &str, limit: usize) -> String {
    let mut text = heading(name, table, view);
    let mut rows = table.rows();
    for row in rows.by_ref().take(limit) {
        text += &line(&row);
    }
    match rows.count() {
        0 => text,
        more => text + &format!("... and {more} more rows\n"),
    }
}
