//! What a client may rely on when it does not wait for anything (17).

use crate::{
    client::{AGREED, BY_JOIN, Client, FIFO, JOIN, LEAVE, SAFE, SELF_LEAVE},
    daemons::Cluster,
};

/// 17: join, FIFO, leave, safe, join in one go, cut at every byte: the view comes before the message, the
/// self-leave after it, and the message after that reaches nobody.
#[test]
fn a_pipeline_cut_at_every_byte() {
    let cluster = Cluster::started(&["dmn1"]);
    let mut al = cluster.client(0, "al");
    let pipeline = [
        al.message(JOIN, &["g1"], 0, b""),
        al.message(FIFO, &["g1"], 1, b"inside"),
        al.message(LEAVE, &["g1"], 0, b""),
        al.message(SAFE, &["g1"], 2, b"outside"),
        al.message(JOIN, &["g1"], 0, b""),
        al.message(LEAVE, &["g1"], 0, b""),
        al.message(AGREED, &["#al#dmn1"], 3, b""),
    ]
    .concat();
    for cut in 0..pipeline.len() {
        al.stream.send(&pipeline[..cut]);
        if cut % 16 == 7 {
            // The server has the first part alone: it has answered somebody else meanwhile.
            cluster.client(0, "other").kill();
        }
        al.stream.send(&pipeline[cut..]);
        al.view(BY_JOIN, "g1", &["#al#dmn1"]);
        assert_eq!(al.expect("the message").data, b"inside", "cut at {cut}");
        assert_eq!(al.expect("the self-leave").kind, SELF_LEAVE);
        al.view(BY_JOIN, "g1", &["#al#dmn1"]);
        assert_eq!(al.expect("the self-leave").kind, SELF_LEAVE);
        assert_eq!(
            al.expect("the end").number(false),
            (3, false),
            "cut at {cut}"
        );
    }
}

/// Three clients at three daemons, each sending without a pause: all hear the same, in the same order, complete,
/// and each sender's in its own order.
#[test]
fn one_order_at_all_daemons() {
    const EACH: usize = 2000;
    let cluster = Cluster::started(&["d1", "d2", "d3"]);
    let mut clients: Vec<Client> = (0..3).map(|index| cluster.client(index, "me")).collect();
    for client in &mut clients {
        client.join("g1");
    }
    for client in &mut clients {
        while client.expect("a view").groups.len() < 3 {}
    }
    let threads: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            std::thread::spawn(move || {
                let mut heard = Vec::new();
                for number in 0..EACH {
                    let size = (number * 37) % 3000;
                    let mut data = number.to_le_bytes().to_vec();
                    data.resize(8 + size, number as u8);
                    client.send([FIFO, AGREED, SAFE][number % 3], &["g1"], 0, &data);
                    if number % 100 == 99 {
                        // Reads now and then, as programs do; what it has not read waits for it.
                        for _ in 0..50 {
                            heard.push(tell(&client.expect("a message")));
                        }
                    }
                }
                while heard.len() < 3 * EACH {
                    heard.push(tell(&client.expect("a message")));
                }
                heard
            })
        })
        .collect();
    let heard: Vec<Vec<(String, usize, usize)>> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(heard[0] == heard[1] && heard[1] == heard[2], "three orders");
    for sender in ["#me#d1", "#me#d2", "#me#d3"] {
        let numbers = heard[0]
            .iter()
            .filter(|one| one.0 == sender)
            .map(|one| one.1);
        assert!(numbers.eq(0..EACH), "{sender}");
    }
}

fn tell(message: &crate::client::Message) -> (String, usize, usize) {
    let (number, rest) = message.data.split_at(8);
    let number = usize::from_le_bytes(number.try_into().unwrap());
    assert_eq!(rest.len(), (number * 37) % 3000);
    assert!(rest.iter().all(|byte| *byte == number as u8));
    (message.name.clone(), number, rest.len())
}
