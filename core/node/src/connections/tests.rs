//! What a client is told and what is written about it: pure parts, by example.

extern crate std;

use alloc::string::ToString;

use ringfort_config::settings::NetblockLimit;

use super::{Answer, Connection, netblock, record_line};

#[test]
fn a_netblock_is_cut_to_the_configured_length() {
    let limit = NetblockLimit {
        limit: 1,
        v4_bits: 24,
        v6_bits: 64,
    };
    let block = |text: &str| netblock(limit, text.parse().expect("an address")).to_string();
    assert_eq!(block("192.0.2.77"), "192.0.2.0/24");
    assert_eq!(block("2001:db8::1:2:3:4"), "2001:db8::/64");
}

#[test]
fn a_record_says_who_connected_where_and_what_became_of_it() {
    let connection = Connection {
        peer: ([192, 0, 2, 1], 4000).into(),
        local: ([127, 1, 0, 1], 2525).into(),
        counted: true,
        refused: false,
        unwritten: 0,
        answer: Answer::Relay(([127, 0, 0, 1], 25).into()),
    };
    assert_eq!(
        record_line(1_700_000_000_123_456_789, "n1-5-1", "smtp", &connection),
        "1700000000.123@C@n1-5-1@smtp@192.0.2.1:4000@127.1.0.1:2525@accepted"
    );
}
