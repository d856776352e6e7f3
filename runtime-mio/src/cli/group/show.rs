//! What a daemon said, for a person and for a program.

use ringfort_client::{Cause, Message, Name, Names, Received, Refused, Rejected, View};
use serde_json::{Value, json};

/// One line for a person, without its end. Text of others is escaped: it must not drive a terminal.
pub(super) fn text(received: &Received) -> String {
    match received {
        Received::Message(message) => {
            let Message {
                sender,
                service,
                groups,
                tag,
                data,
                ..
            } = message;
            let groups = listed(groups, ",");
            let data = escaped(data);
            format!("{groups}  {sender} ({service}, type {tag}): {data}")
        }
        Received::View(view) => {
            let cause = match &view.cause {
                Cause::Join(who) => format!("{who} joined"),
                Cause::Leave(who) => format!("{who} left"),
                Cause::Disconnect(who) => format!("{who} is gone"),
                Cause::Network { sets, own } => format!(
                    "the network changed, {} came along with us, {} sets",
                    sets.get(*own).map_or(0, Vec::len),
                    sets.len()
                ),
            };
            let members: Vec<&str> = view.members.iter().map(Name::as_str).collect();
            let count = match members.len() {
                1 => "1 member".to_owned(),
                count => format!("{count} members"),
            };
            format!("{}  -- {cause}; {count}: {}", view.group, members.join(" "))
        }
        Received::Transitional { group, .. } => {
            format!("{group}  -- members were lost; a view follows")
        }
        Received::Left { group } => format!("{group}  -- we left"),
        Received::Rejected(rejected) => {
            let groups = listed(&rejected.groups, ",");
            format!("{groups}  -- the daemon refused to {}", asked(rejected))
        }
    }
}

/// One JSON object, without the end of the line.
pub(super) fn json(received: &Received) -> String {
    let value = match received {
        Received::Message(message) => {
            let mut value = json!({
                "event": "message",
                "sender": message.sender.as_str(),
                "level": message.service.name(),
                "groups": names(message.groups.iter()),
                "type": message.tag,
                "bytes": message.data.len(),
            });
            match str::from_utf8(&message.data) {
                Ok(text) => value["data"] = text.into(),
                Err(_) => value["data_hex"] = hex(&message.data).into(),
            }
            value
        }
        Received::View(view) => json_view(view),
        Received::Transitional { group, id } => json!({
            "event": "transitional",
            "group": group.as_str(),
            "id": id.0,
        }),
        Received::Left { group } => json!({ "event": "left", "group": group.as_str() }),
        Received::Rejected(rejected) => json!({
            "event": "rejected",
            "request": asked(rejected),
            "groups": names(rejected.groups.iter()),
            "type": rejected.tag,
        }),
    };
    value.to_string()
}

fn json_view(view: &View) -> Value {
    let mut value = json!({
        "event": "view",
        "group": view.group.as_str(),
        "id": view.id.0,
        "members": names(view.members.iter().copied()),
    });
    let (cause, who) = match &view.cause {
        Cause::Join(who) => ("join", Some(who)),
        Cause::Leave(who) => ("leave", Some(who)),
        Cause::Disconnect(who) => ("disconnect", Some(who)),
        Cause::Network { sets, own } => {
            let set = |set: &Vec<Name>| names(set.iter().copied());
            value["sets"] = sets.iter().map(set).collect();
            value["own_set"] = (*own).into();
            ("network", None)
        }
    };
    value["cause"] = cause.into();
    if let Some(who) = who {
        value["member"] = who.as_str().into();
    }
    value
}

const fn asked(rejected: &Rejected) -> &'static str {
    match rejected.request {
        Refused::Join => "join",
        Refused::Leave => "leave",
        Refused::Multicast(_) => "send",
    }
}

fn names(names: impl Iterator<Item = Name>) -> Value {
    names.map(|name| Value::from(name.as_str())).collect()
}

fn listed(names: &Names, between: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    names.join(between)
}

fn escaped(data: &[u8]) -> String {
    let escape = |letter: char| match letter {
        '\t' => "\t".into(),
        control if control.is_control() => control.escape_default().to_string(),
        letter => letter.to_string(),
    };
    String::from_utf8_lossy(data).chars().map(escape).collect()
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
