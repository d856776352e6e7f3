//! One step as a line, and back.

use std::time::Duration;

use ringfort_logs::Class;
use ringfort_machine::Level;

use super::Act;
use crate::{
    deed::{Counter, Deed, Receiver},
    fabric::Link,
    faults::{Ailing, Fault, link},
    options::text::time,
};

/// The steps that there are, for whoever wrote one that is none.
const FORMS: &str = "one of `start|kill|restart|power|stop|pause|resume NODE`, `cut|heal|clog|unclog FROM>TO…`, \
     `ail|mend NODE full|sync-failed|misdirected`, `clock NODE +SECONDSs|-SECONDSs`, `reload NODE NUMBER`, \
     `connect cN NODE odd|even`, `join|leave cN gN`, `disconnect cN`, \
     `send cN gN|cN@NODE,… reliable|fifo|causal|agreed|safe BYTES`, \
     `count NODE networks|domains KEY +N|-N`, `append NODE none|batch|sync BYTES`, \
     `session ADDRESS talks|waits SECONDSs`, with nodes of the line `nodes`";

/// Keys of a counter are numbered below this.
const KEYS: u64 = 2_048;

/// The longest message or record that a step may ask for.
const BYTES_LIMIT: u64 = 1 << 20;

/// The line of an act, after its time.
pub(super) fn render<'a>(act: &Act, name: &impl Fn(usize) -> &'a str) -> String {
    match act {
        Act::Fault(fault) => render_fault(fault, name),
        Act::Deed(deed) => render_deed(deed, name),
    }
}

fn render_fault<'a>(fault: &Fault, name: &impl Fn(usize) -> &'a str) -> String {
    let one = |word: &str, host: &usize| format!("{word} {}", name(*host));
    let links = |word: &str, links: &[Link]| {
        let mut text = word.to_owned();
        for link in links {
            let (from, to) = (name(link.from.index()), name(link.to.index()));
            text.push_str(&format!(" {from}>{to}"));
        }
        text
    };
    match fault {
        Fault::Start(host) => one("start", host),
        Fault::Kill(host) => one("kill", host),
        Fault::Restart(host) => one("restart", host),
        Fault::Power(host) => one("power", host),
        Fault::Stop(host) => one("stop", host),
        Fault::Pause(host) => one("pause", host),
        Fault::Resume(host) => one("resume", host),
        Fault::Cut(these) => links("cut", these),
        Fault::Heal(these) => links("heal", these),
        Fault::Clog(these) => links("clog", these),
        Fault::Unclog(these) => links("unclog", these),
        Fault::Ail(host, what, true) => format!("ail {} {}", name(*host), what.name()),
        Fault::Ail(host, what, false) => format!("mend {} {}", name(*host), what.name()),
        Fault::Step(host, by) => {
            let sign = if *by < 0 { '-' } else { '+' };
            let size = time::format(Duration::from_nanos(by.unsigned_abs()));
            format!("clock {} {sign}{size}", name(*host))
        }
        Fault::Reload(host, number) => format!("reload {} {number}", name(*host)),
        Fault::Calm => "calm".to_owned(),
    }
}

fn render_deed<'a>(deed: &Deed, name: &impl Fn(usize) -> &'a str) -> String {
    match deed {
        Deed::Connect { host, client, odd } => {
            let side = if *odd { "odd" } else { "even" };
            format!("connect c{client} {} {side}", name(*host))
        }
        Deed::Join { client, group } => format!("join c{client} g{group}"),
        Deed::Leave { client, group } => format!("leave c{client} g{group}"),
        Deed::Disconnect { client } => format!("disconnect c{client}"),
        Deed::Send {
            client,
            to,
            level,
            bytes,
        } => {
            let to: Vec<String> = to
                .iter()
                .map(|receiver| match receiver {
                    Receiver::Group(group) => format!("g{group}"),
                    Receiver::Client(client, host) => format!("c{client}@{}", name(*host)),
                })
                .collect();
            format!("send c{client} {} {} {bytes}", to.join(","), level.name())
        }
        Deed::Count {
            host,
            counter,
            key,
            by,
        } => format!("count {} {} {key} {by:+}", name(*host), counter.name()),
        Deed::Append { host, class, bytes } => {
            format!("append {} {} {bytes}", name(*host), class.name())
        }
        Deed::Session { to, talks, stays } => {
            let manner = if *talks { "talks" } else { "waits" };
            format!("session {to} {manner} {}", time::format(*stays))
        }
    }
}

/// The act of a line; what would have been right if there is none.
pub(super) fn parse(
    line: &str,
    host: &impl Fn(&str) -> Option<usize>,
) -> Result<Act, &'static str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    fault(&words, host)
        .map(Act::Fault)
        .or_else(|| deed(&words, host).map(Act::Deed))
        .ok_or(FORMS)
}

fn fault(words: &[&str], host: &impl Fn(&str) -> Option<usize>) -> Option<Fault> {
    let links = |words: &[&str]| -> Option<Vec<Link>> {
        let one = |word: &&str| {
            let (from, to) = word.split_once('>')?;
            let (from, to) = (host(from)?, host(to)?);
            (from != to).then(|| link(from, to))
        };
        words.iter().map(one).collect()
    };
    Some(match *words {
        ["start", node] => Fault::Start(host(node)?),
        ["kill", node] => Fault::Kill(host(node)?),
        ["restart", node] => Fault::Restart(host(node)?),
        ["power", node] => Fault::Power(host(node)?),
        ["stop", node] => Fault::Stop(host(node)?),
        ["pause", node] => Fault::Pause(host(node)?),
        ["resume", node] => Fault::Resume(host(node)?),
        ["cut", ref these @ ..] => Fault::Cut(links(these)?),
        ["heal", ref these @ ..] => Fault::Heal(links(these)?),
        ["clog", ref these @ ..] => Fault::Clog(links(these)?),
        ["unclog", ref these @ ..] => Fault::Unclog(links(these)?),
        ["ail", node, what] => Fault::Ail(host(node)?, Ailing::from_name(what)?, true),
        ["mend", node, what] => Fault::Ail(host(node)?, Ailing::from_name(what)?, false),
        ["clock", node, by] => Fault::Step(host(node)?, signed(by)?),
        ["reload", node, number] => Fault::Reload(host(node)?, number.parse().ok()?),
        _ => return None,
    })
}

fn signed(text: &str) -> Option<i64> {
    let size = |text| i64::try_from(time::parse(text)?.as_nanos()).ok();
    match text.split_at_checked(1)? {
        ("+", rest) => size(rest),
        ("-", rest) => Some(-size(rest)?),
        (_, _) => None,
    }
}

fn deed(words: &[&str], host: &impl Fn(&str) -> Option<usize>) -> Option<Deed> {
    let client = |word: &str| word.strip_prefix('c')?.parse().ok();
    let group = |word: &str| word.strip_prefix('g')?.parse().ok();
    let size = |word: &str| word.parse().ok().filter(|bytes| *bytes <= BYTES_LIMIT);
    let receiver = |word: &str| match word.split_once('@') {
        Some((name, node)) => Some(Receiver::Client(client(name)?, host(node)?)),
        None => group(word).map(Receiver::Group),
    };
    let either = |word: &str, yes, no| match word {
        _ if word == yes => Some(true),
        _ if word == no => Some(false),
        _ => None,
    };
    Some(match *words {
        ["connect", name, node, side] => Deed::Connect {
            host: host(node)?,
            client: client(name)?,
            odd: either(side, "odd", "even")?,
        },
        ["join", name, to] => Deed::Join {
            client: client(name)?,
            group: group(to)?,
        },
        ["leave", name, from] => Deed::Leave {
            client: client(name)?,
            group: group(from)?,
        },
        ["disconnect", name] => Deed::Disconnect {
            client: client(name)?,
        },
        ["send", name, to, level, bytes] => Deed::Send {
            client: client(name)?,
            to: to.split(',').map(receiver).collect::<Option<_>>()?,
            level: Level::ALL.into_iter().find(|one| one.name() == level)?,
            bytes: size(bytes)?,
        },
        ["count", node, counter, key, by] => Deed::Count {
            host: host(node)?,
            counter: Counter::from_name(counter)?,
            key: key.parse().ok().filter(|key| *key < KEYS)?,
            by: by.parse().ok()?,
        },
        ["append", node, class, bytes] => Deed::Append {
            host: host(node)?,
            class: Class::from_name(class)?,
            bytes: size(bytes)?,
        },
        ["session", to, manner, stays] => Deed::Session {
            to: to.parse().ok()?,
            talks: either(manner, "talks", "waits")?,
            stays: time::parse(stays)?,
        },
        _ => return None,
    })
}
