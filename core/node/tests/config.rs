//! Goal: what a start would refuse is refused when the configuration is read. Method: texts, through the real parser.

use ringfort_config::{Environment, parse_str};
use ringfort_node::Config;

fn read(bus: &str) -> Result<Config, String> {
    let text = format!(
        "cluster {{ nodename = n1 }}\nBus {{ {bus} }}\n\
         msgc_server {{ peers = [ n1 = \"127.0.0.1:4803\" ] }}\n"
    );
    let loaded = parse_str("test.conf", &text, &Environment::default());
    let settings = loaded.settings.as_ref().ok_or_else(|| loaded.render())?;
    Config::from_settings(settings).map_err(|error| error.to_string())
}

#[test]
fn a_window_smaller_than_that_of_one_member_is_refused_before_the_start() {
    read("Window = 200\n Personal_Window = 20").expect("these fit");
    let error = read("Window = 4").expect_err("the default of one member does not fit");
    assert!(error.contains("windows.personal"), "{error}");
}
