//! Goal: includes are found where the reference says, in its order, and cannot run away.
//! Method: a loader over files in memory, whose questions are counted.

use ringfort_config::{Environment, FILE_LIMIT_BYTES, Loaded, load};

mod memory;

use memory::Files;

fn environment() -> Environment {
    Environment {
        node_name: Some("n1".into()),
        ..Environment::default()
    }
    .with_search_path("/etc/x:/etc/x/global:/etc/x/{NODENAME}:/etc/x/default")
}

fn group(loaded: &Loaded) -> &str {
    match &loaded.settings {
        Some(settings) => &settings.cluster_group,
        None => panic!("{}", loaded.render()),
    }
}

#[test]
fn the_including_directory_comes_first_and_then_the_search_path() {
    let include = "cluster { include sub.conf }";
    let mut files = Files::from([
        ("/etc/x/default/root.conf", include),
        ("/etc/x/default/sub.conf", "cluster_group = default"),
        ("/etc/x/n1/sub.conf", "cluster_group = node"),
    ]);
    // Included from `default`, the file of `default` hides that of the node (SP-2).
    assert_eq!(
        group(&load(
            &mut files,
            "/etc/x/default/root.conf",
            &environment()
        )),
        "default"
    );
    let mut files = Files::from([
        ("/etc/x/default/root.conf", include),
        ("/etc/x/n1/sub.conf", "cluster_group = node"),
        ("/etc/x/n2/sub.conf", "cluster_group = other"),
    ]);
    assert_eq!(
        group(&load(&mut files, "root.conf", &environment())),
        "node"
    );
    assert_eq!(
        files.asked,
        [
            "root.conf",
            "/etc/x/root.conf",
            "/etc/x/global/root.conf",
            "/etc/x/n1/root.conf",
            "/etc/x/default/root.conf",
            "/etc/x/default/sub.conf",
            "/etc/x/sub.conf",
            "/etc/x/global/sub.conf",
            "/etc/x/n1/sub.conf",
        ]
    );
}

#[test]
fn without_a_node_name_no_directory_of_a_node_is_looked_at() {
    let mut environment = environment();
    environment.node_name = None;
    assert_eq!(
        environment.directories(),
        ["/etc/x", "/etc/x/global", "/etc/x/default"]
    );
    environment.host_name = Some("n7.example.com".into());
    assert_eq!(environment.directories()[2], "/etc/x/n7");
}

#[test]
fn a_directory_is_read_in_lexical_order_without_hidden_files() {
    let mut files = Files::from([
        ("/a/root.conf", "include d"),
        (
            "/a/d/20.conf",
            "cluster { control_group = two cluster_group = two }",
        ),
        (
            "/a/d/10.conf",
            "cluster { control_group = one log_group = one }",
        ),
        ("/a/d/.hidden", "cluster { cluster_group = hidden }"),
        ("/a/d/deeper/99.conf", "cluster { cluster_group = deeper }"),
    ]);
    let loaded = load(&mut files, "/a/root.conf", &environment());
    assert_eq!(group(&loaded), "two");
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.control_group, "two");
    assert_eq!(settings.log_group.as_deref(), Some("one"));
}

#[test]
fn the_later_value_wins_across_files_and_scopes_add_up() {
    let mut files = Files::from([
        (
            "/a/root.conf",
            "cluster { if_down_limit = 2 logs = [ a = /x ] }\ninclude late.conf",
        ),
        (
            "/a/late.conf",
            "CLUSTER { If_Down_Limit = 9 }\nLogger cluster/ec_cluster cluster { if_check_interval = 7 }",
        ),
    ]);
    let settings = load(&mut files, "/a/root.conf", &environment())
        .settings
        .unwrap();
    assert_eq!(settings.duravip.if_down_limit, 9);
    assert_eq!(settings.duravip.if_check_interval.as_secs(), 7);
    assert_eq!(settings.logs[0].path, "/x");
}

#[test]
fn what_cannot_be_included_is_said_with_the_places() {
    let mut files = Files::from([
        (
            "/a/root.conf",
            "include gone.conf\ninclude http://x/y\ninclude d.conf",
        ),
        ("/a/d.conf", "denied"),
    ]);
    let loaded = load(&mut files, "/a/root.conf", &environment());
    assert!(loaded.settings.is_none());
    let messages: Vec<&str> = loaded
        .diagnostics
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "cannot include `gone.conf`: there is no such file",
            "cannot include `http://x/y`: nothing here can read this kind of URI",
            "cannot include `d.conf`: permission denied",
        ]
    );
    let help = loaded.diagnostics[0].help.as_deref().unwrap();
    assert!(
        help.starts_with("looked at /a/gone.conf, /etc/x/gone.conf"),
        "{help}"
    );
    let mut none = Files::from([("/unused", "")]);
    let loaded = load(&mut none, "nowhere.conf", &environment());
    assert!(
        loaded.render().contains("cannot read `nowhere.conf`"),
        "{}",
        loaded.render()
    );
}

#[test]
fn a_circle_is_shown_with_its_chain() {
    let mut files = Files::from([
        ("/a/root.conf", "include b.conf"),
        ("/a/b.conf", "\ninclude c.conf"),
        ("/a/c.conf", "include ../a/./b.conf"),
    ]);
    let loaded = load(&mut files, "/a/root.conf", &environment());
    assert_eq!(
        loaded.render(),
        "error: `/a/b.conf` includes itself\n\
         --> /a/c.conf:1:9\n  |\n1 | include ../a/./b.conf\n  |         ^^^^^^^^^^^^^\n\
         --> /a/b.conf:2:9\n  |\n2 | include c.conf\n  |         ^^^^^^ includes `/a/c.conf`\n  \
         = help: remove one include of the circle\n"
            .replace("\n-->", "\n -->")
            .as_str()
    );
}

#[test]
fn depth_number_and_size_are_bounded() {
    // A file that includes the next of a long row.
    let chain: Vec<(String, String)> = (0..100)
        .map(|n| (format!("/a/{n}"), format!("include {}", n + 1)))
        .collect();
    let mut files = Files::from([("/a/100", "")]);
    files.extend(chain);
    let loaded = load(&mut files, "/a/0", &environment());
    assert!(
        loaded
            .render()
            .contains("more than 32 includes within each other")
    );
    // Each of ten files includes the next one ten times.
    let mut files = Files::from([("/a/10", "")]);
    files.extend((0..10).map(|n| (format!("/a/{n}"), format!("include {}\n", n + 1).repeat(10))));
    let loaded = load(&mut files, "/a/0", &environment());
    assert!(
        loaded
            .render()
            .contains("at most 4 MiB in a file, 16 MiB in all, and 1024 files")
    );
    assert!(loaded.sources.len() <= 1024);
    let large = "# x\n".repeat(FILE_LIMIT_BYTES / 4 + 1);
    let loaded = load(&mut Files::from([("/a", large)]), "/a", &environment());
    assert!(loaded.settings.is_none());
}

#[test]
fn a_peer_may_be_a_name_that_the_loader_knows() {
    let mut files = Files::from([
        (
            "/a",
            "msgc_server { peers = [ n1 = known.example.com n2 = \"known.example.com:99\" ] }",
        ),
        ("/b", "msgc_server { peers = [ n1 = unknown.example.com ] }"),
    ]);
    let settings = load(&mut files, "/a", &environment()).settings.unwrap();
    let addresses: Vec<String> = settings
        .bus
        .peers
        .iter()
        .map(|peer| peer.address.to_string())
        .collect();
    assert_eq!(addresses, ["192.0.2.7:4803", "192.0.2.7:99"]);
    let loaded = load(&mut files, "/b", &environment());
    assert!(loaded.render().contains("this name could not be resolved"));
}
