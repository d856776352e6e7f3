//! Goal: answers look as the reference prints them, to the space (momentum-features.md 1.6, 1.8, 1.11, 1.12;
//! seed 003 for the banner). Method: expected text written out by hand, compared as a whole.

use core::net::SocketAddr;

use ringfort_console::{
    Agreement, Announced, ClusterInfo, DuravipShow, Failed, Format, GaugeRow, Help, HelpLine, Info,
    LogRow, MemberRow, Membership, MoveAccepted, NodeAddress, NodeName, NodeType, Ownership,
    Report, SharedGauges, SharedKind, SharedList, SharedObject, SharedTree, ShowLogs, ShuttingDown,
    SubscriberRow, TreeRow, Version, VipMember, VipRow, banner, prompt, render,
};

fn text(report: &Report) -> String {
    render(report, Format::Text)
}

fn version() -> Version {
    Version {
        program: "eccmgr".into(),
        version: "3.0.10.30753".into(),
        revision: "30754".into(),
        copyright: "Copyright (c) 1999-2009 Message Systems, Inc.".into(),
    }
}

#[test]
fn banner_and_prompt() {
    let expected = "\
##############################################
# eccmgr version: 3.0.10.30753 r(30754)
# Copyright (c) 1999-2009 Message Systems, Inc.
# All Rights Reserved.
##############################################
";
    assert_eq!(banner(&version()), expected);
    assert_eq!(text(&Report::Version(version())), expected);
    assert_eq!(expected.lines().next().map(str::len), Some(46));
    let second = 12 * 3600 + 33 * 60 + 15;
    assert_eq!(prompt(second, "/tmp/2025"), "12:33:15 /tmp/2025> ");
    assert_eq!(prompt(86_400 + 5, "n"), "00:00:05 n> ");
}

#[test]
fn cluster_info() {
    let mut info = ClusterInfo {
        port: 4803,
        main_session: "#ec0-09152#mta1".into(),
        shared_session: "#ec1-09152#mta1".into(),
        control_group: "ec_console".into(),
        cluster_group: "ec_cluster".into(),
        leader: Some("mta1".into()),
        logger_group: None,
    };
    let expected = "\
Daemon: 4803 [m:#ec0-09152#mta1,s:#ec1-09152#mta1]
Control Group: ec_console
Cluster Group: ec_cluster (mta1 is leader)
Logger Group: none
";
    assert_eq!(text(&Report::ClusterInfo(info.clone())), expected);
    info.leader = None;
    info.logger_group = Some("logs".into());
    let other = text(&Report::ClusterInfo(info));
    assert!(other.ends_with("Cluster Group: ec_cluster\nLogger Group: logs\n"));
}

fn membership() -> Membership {
    let node = MemberRow {
        private_name: "#ec0-09152#mta1".into(),
        node_name: Some("mta1".into()),
        subcluster: Some("default".into()),
        node_type: NodeType::Momentum,
        version: "3.0.10".into(),
        revision: "30754".into(),
        address: Some(SocketAddr::from(([10, 79, 24, 130], 4802))),
        groups: vec!["ec_cluster".into(), "ec_console".into()],
    };
    let manager = MemberRow {
        private_name: "#barca#<mgr>".into(),
        node_name: None,
        subcluster: None,
        node_type: NodeType::Manager,
        address: None,
        groups: vec!["ec_cluster".into()],
        ..node.clone()
    };
    Membership {
        members: vec![node, manager],
    }
}

#[test]
fn cluster_membership_in_blocks() {
    let expected = "\
Private Name: #ec0-09152#mta1
Node Name: mta1
Subcluster: default
Node Type: Momentum
Version: 3.0.10 r(30754)
Address: 10.79.24.130:4802
Groups: ec_cluster, ec_console

Private Name: #barca#<mgr>
Node Name: (Null)
Subcluster: (Null)
Node Type: Manager
Version: 3.0.10 r(30754)
Address: 0.0.0.0:0
Groups: ec_cluster
";
    assert_eq!(text(&Report::Membership(membership())), expected);
    let nobody = Membership { members: vec![] };
    assert_eq!(
        text(&Report::Membership(nobody)),
        "",
        "disconnected: nothing"
    );
}

#[test]
fn show_cluster_membership_in_xml() {
    let expected = "\
<membership>
  <member>
    <private_name>#barca#&lt;mgr&gt;</private_name>
    <node_name>(Null)</node_name>
    <subcluster>(Null)</subcluster>
    <node_type>Manager</node_type>
    <version>3.0.10 r(30754)</version>
    <address>0.0.0.0:0</address>
    <groups>
      <group>ec_cluster</group>
    </groups>
  </member>
</membership>
";
    let mut membership = membership();
    membership.members.remove(0);
    assert_eq!(text(&Report::MembershipXml(membership)), expected);
}

#[test]
fn node_name_and_address() {
    let name = NodeName {
        name: "mta1".into(),
    };
    assert_eq!(text(&Report::NodeName(name)), "mta1\n");
    let address = SocketAddr::from(([10, 79, 24, 130], 4802));
    let address = Report::NodeAddress(NodeAddress { address });
    assert_eq!(text(&address), "10.79.24.130:4802\n");
}

#[test]
fn duravip_show() {
    let member = |node: &str, owner| VipMember {
        node: node.into(),
        services: vec!["multivip".into()],
        owner,
    };
    let row = |last: u8, bindings: &[&str], ownership, agreement| VipRow {
        address: [10, 0, 5, last].into(),
        bindings: bindings.iter().map(|name| String::from(*name)).collect(),
        ownership,
        agreement,
        services: vec!["multivip".into()],
        view_stable_s: 57,
        configuration_stable_s: 61,
        members: vec![
            member("mta1", false),
            member("mta2", ownership == Ownership::Owned),
        ],
    };
    let show = DuravipShow {
        addresses: vec![
            row(139, &["b1", "b2"], Ownership::Owned, Agreement::Safe),
            row(140, &[], Ownership::Unowned, Agreement::Unsafe),
        ],
    };
    let expected = concat!(
        "DuraVIP State:\n",
        "10.0.5.139/b1/b2: (owned,safe) multivip\n",
        "\t[view stable for 57 seconds]\n",
        "\t[configuration stable for 61 seconds]\n",
        "    \tmta1 multivip\n",
        " *  \tmta2 multivip\n",
        "10.0.5.140: (unowned,UNSAFE) multivip\n",
        "\t[view stable for 57 seconds]\n",
        "\t[configuration stable for 61 seconds]\n",
        "    \tmta1 multivip\n",
        "    \tmta2 multivip\n",
    );
    assert_eq!(text(&Report::Duravip(show)), expected);
}

#[test]
fn shared_list_and_show() {
    let object = |name: &str, kind, snapshots| SharedObject {
        name: name.into(),
        kind,
        snapshots,
    };
    let list = SharedList {
        objects: vec![
            object("inbound_cidr", SharedKind::CidrTree, true),
            object("outbound_domains", SharedKind::GaugeTable, true),
            object("cache", SharedKind::Cache, false),
        ],
    };
    let expected = concat!(
        "Currently managed objects:\n",
        "                  inbound_cidr [lazy, cidrtree w/ snapshots]\n",
        "              outbound_domains [lazy, gauge table w/ snapshots]\n",
        "                         cache [lazy, cache]\n",
    );
    assert_eq!(text(&Report::SharedList(list)), expected);

    let row = |count, prefix: &str| TreeRow {
        prefix: prefix.parse().expect("a prefix"),
        count,
    };
    let tree = SharedTree {
        object: "inbound_cidr".into(),
        view: None,
        snapshots: true,
        rows: vec![row(31, "10.0.0.0/8"), row(4, "10.0.0.0/25")],
    };
    let expected = concat!(
        "lazy, snapped cidrtree 'inbound_cidr', view 'global'\n",
        "     31                         10.0.0.0/8\n",
        "      4                         10.0.0.0/25\n",
    );
    assert_eq!(text(&Report::SharedTree(tree)), expected);

    let gauges = SharedGauges {
        object: "outbound_domains".into(),
        view: Some("#ec1-09152#mta1".into()),
        snapshots: true,
        rows: vec![GaugeRow {
            key: "example.com".into(),
            value: 12,
        }],
    };
    let expected = concat!(
        "lazy, snapped gauge table 'outbound_domains', view '#ec1-09152#mta1'\n",
        "                                                 example.com:           12\n",
    );
    assert_eq!(text(&Report::SharedGauges(gauges)), expected);
}

#[test]
fn show_logs() {
    let logs = ShowLogs {
        logs: vec![
            LogRow {
                key: "mainlog".into(),
                on_disk_bytes: 12_345,
                subscribers: vec![SubscriberRow {
                    name: "master".into(),
                    log: 26,
                    marker: 0xabc,
                }],
            },
            LogRow {
                key: "rejectlog".into(),
                on_disk_bytes: 0,
                subscribers: vec![],
            },
        ],
    };
    let expected = concat!(
        "mainlog\n",
        "\t[on disk: 12345 bytes]\n",
        "\t[subscriber: 'master' @ 0000001a:00000abc]\n",
        "rejectlog\n",
        "\t[on disk: 0 bytes]\n",
    );
    assert_eq!(text(&Report::Logs(logs)), expected);
}

#[test]
fn plain_answers() {
    let info = Info {
        node: "mta1".into(),
        role: "node".into(),
        cluster: "prod".into(),
        subcluster: "default".into(),
        version: "0.1.0".into(),
        uptime_s: 90,
        configuration: "7.mta1".into(),
        members: vec!["mta1".into(), "mta2".into()],
        more: vec![("Addresses".into(), "2 held".into())],
    };
    let expected = "\
Node: mta1 (node)
Version: 0.1.0
Cluster: prod
Subcluster: default
Uptime: 90 seconds
Configuration: 7.mta1
Members: mta1, mta2
Addresses: 2 held
";
    assert_eq!(text(&Report::Info(info)), expected);
    let moved = MoveAccepted {
        address: [10, 0, 5, 139].into(),
        to: "mta2".into(),
    };
    let moved = Report::MoveAccepted(moved);
    assert_eq!(text(&moved), "Moving 10.0.5.139 to mta2.\n");
    let announced = Report::Announced(Announced { addresses: 3 });
    assert_eq!(text(&announced), "Announced the view of 3 addresses.\n");
    let down = Report::ShuttingDown(ShuttingDown {
        node: "mta1".into(),
    });
    assert_eq!(text(&down), "mta1 is shutting down.\n");
    let failed = Report::Failed(Failed {
        reason: "There is no object 'x'.".into(),
    });
    assert_eq!(text(&failed), "There is no object 'x'.\n");
    let line = |usage, help| HelpLine { usage, help };
    let help = Help {
        commands: vec![line("help", "List."), line("cluster info", "Show.")],
    };
    assert_eq!(
        text(&Report::Help(help)),
        "help          List.\ncluster info  Show.\n"
    );
}

#[test]
fn json_is_one_tagged_object_on_one_line() {
    let json = |report: &Report| render(report, Format::Json);
    let name = Report::NodeName(NodeName {
        name: "a\"b".into(),
    });
    assert_eq!(
        json(&name),
        "{\"report\":\"node-name\",\"name\":\"a\\\"b\"}\n"
    );
    let both = [
        Report::Membership(membership()),
        Report::MembershipXml(membership()),
    ];
    assert_eq!(json(&both[0]), json(&both[1]));
    assert!(
        json(&both[0]).starts_with("{\"report\":\"membership\",\"members\":[{\"private_name\":")
    );
    let address = [10, 0, 5, 139].into();
    let moved = MoveAccepted {
        address,
        to: "mta2".into(),
    };
    assert_eq!(
        json(&Report::MoveAccepted(moved)),
        "{\"report\":\"move-accepted\",\"address\":\"10.0.5.139\",\"to\":\"mta2\"}\n"
    );
}
