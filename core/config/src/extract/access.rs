//! Consoles: where they connect, how they prove who they are, what they may do (reference 1.14).

use alloc::{format, string::String, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Extract, View};
use crate::{
    Diagnostic, Span,
    model::Scope,
    options,
    settings::{
        AccessBlock, Authentication, AuthorizationRole, ControlListener, Endpoint, Mechanism, Role,
    },
    suggest::nearest,
    tree::Sequence,
    values,
};

/// The options that give a mechanism.
const MECHANISMS: [(&str, Mechanism); 3] = [
    ("AuthDigestMD5Parameters", Mechanism::DigestMd5),
    ("AuthCramMD5Parameters", Mechanism::CramMd5),
    ("AuthLoginParameters", Mechanism::Login),
];

/// The keys of a mechanism.
const KEYS: [&str; 5] = [
    "uri",
    "realm",
    "log_authentication",
    "stored_cleartext",
    "log_authorization",
];

/// Port of consoles, and that of managers of 2.2 (reference section 4 #1).
const CONTROL_PORT: u16 = 2025;
const OLD_MANAGER_PORT: u16 = 2026;

/// Name of the default socket in the state directory.
const DEFAULT_SOCKET: &str = "control";

impl Extract<'_> {
    pub(crate) fn control_listeners(
        &mut self,
        model: &Scope,
        role: Role,
        state_dir: &str,
    ) -> Vec<ControlListener> {
        let Some(stanza) = model.child("control_listener") else {
            return [self.default_console(state_dir)].into();
        };
        let port = match role {
            Role::Manager if stanza.classic => OLD_MANAGER_PORT,
            Role::Manager | Role::Node => CONTROL_PORT,
        };
        let mut listeners = Vec::new();
        for listen in stanza.of_kind("listen") {
            listeners.extend(self.control_listener(stanza, listen, port));
        }
        listeners
    }

    fn default_console(&mut self, state_dir: &str) -> ControlListener {
        let view = View::of("control_listen", None);
        ControlListener {
            endpoint: Endpoint::Unix(format!(
                "{}/{DEFAULT_SOCKET}",
                state_dir.trim_end_matches('/')
            )),
            access: Vec::new(),
            timeout: self.seconds(view, "Timeout"),
            file_mode: self.octal(view, "File_Mode"),
            listen_backlog: self.count(view, "Listen_Backlog"),
            duravip: false,
            preference: Vec::new(),
            follow: None,
            span: Span::default(),
        }
    }

    fn control_listener(
        &mut self,
        stanza: &Scope,
        listen: &Scope,
        port: u16,
    ) -> Option<ControlListener> {
        let outer = View::of("control_listen", Some(stanza));
        let view = outer.within(listen);
        let written = self.listen_address(listen, port)?;
        let mut access = Vec::new();
        // Peers of the listener stand for those that each address could repeat.
        for peer in listen.of_kind("peer").chain(stanza.of_kind("peer")) {
            access.extend(self.access_block(view, peer));
        }
        access.sort_by_key(|block: &AccessBlock| core::cmp::Reverse(block.net.prefix_len()));
        if access.is_empty() && RULES.iter().any(|name| view.has(name)) {
            for net in everywhere() {
                access.push(self.rules(view, net));
            }
        }
        let listener = ControlListener {
            endpoint: written.endpoint,
            access,
            timeout: self.seconds(view, "Timeout"),
            file_mode: self.octal(view, "File_Mode"),
            listen_backlog: written
                .backlog
                .unwrap_or_else(|| self.count(view, "Listen_Backlog")),
            duravip: self.flag(view, "Enable_Duravip"),
            preference: self.names(view, "Duravip_Preference").unwrap_or_default(),
            follow: self.text(view, "Duravip_Follow"),
            span: listen.name.as_ref().map_or(listen.span, |name| name.span),
        };
        self.flag(view, "Enable").then_some(listener)
    }

    fn access_block(&mut self, view: View<'_>, peer: &Scope) -> Option<AccessBlock> {
        let text = peer.name_text();
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        let Ok(net) = text.parse::<IpNet>().or_else(|_| address()) else {
            let span = peer.name.as_ref().map_or(peer.span, |name| name.span);
            self.diagnostics.push(
                Diagnostic::error(span, format!("`{text}` is not a network"))
                    .expected("a network such as 192.0.2.0/24"),
            );
            return None;
        };
        Some(self.rules(view.within(peer), net.trunc()))
    }

    fn rules(&mut self, view: View<'_>, net: IpNet) -> AccessBlock {
        let mut authentication = Vec::new();
        for (option, mechanism) in MECHANISMS {
            if let Some(keys) = self.dictionary(view, option) {
                authentication.push(self.mechanism(mechanism, keys));
            }
        }
        let authorization_uri = self
            .dictionary(view, "AuthorizationParameters")
            .and_then(|keys| self.key(keys, "uri"));
        let written = self.optional_flag(view, "Enable_Authentication");
        AccessBlock {
            net,
            enable_authentication: written.unwrap_or(!authentication.is_empty()),
            enable_authorization: self.flag(view, "Enable_Authorization"),
            always_allow: self.flag(view, "Always_Allow"),
            always_deny: self.flag(view, "Always_Deny"),
            authentication,
            authorization_uri,
        }
    }

    fn mechanism(&mut self, mechanism: Mechanism, keys: &Sequence) -> Authentication {
        for pair in &keys.entries {
            if !KEYS.iter().any(|known| pair.key.is(known)) {
                let message = format!("unknown key `{}` of a mechanism", pair.key.text);
                self.diagnostics.push(
                    Diagnostic::error(pair.key.span, message)
                        .expected(format!("one of {}", KEYS.join(", ")))
                        .suggest(nearest(&pair.key.text, KEYS)),
                );
            }
        }
        Authentication {
            mechanism,
            uri: self.key(keys, "uri"),
            realm: self.key(keys, "realm"),
            log_authentication: self.key_flag(keys, "log_authentication"),
            stored_cleartext: self.key_flag(keys, "stored_cleartext"),
        }
    }

    fn key(&mut self, keys: &Sequence, name: &str) -> Option<String> {
        let pair = keys.entries.iter().rev().find(|pair| pair.key.is(name))?;
        self.pair_word(pair).map(|word| word.text.clone())
    }

    fn key_flag(&mut self, keys: &Sequence, name: &str) -> bool {
        let Some(pair) = keys.entries.iter().rev().find(|pair| pair.key.is(name)) else {
            return false;
        };
        let Some(word) = self.pair_word(pair) else {
            return false;
        };
        values::flag(&word.text).unwrap_or_else(|| {
            let message = format!("`{}` is not a value of `{name}`", word.text);
            self.diagnostics
                .push(Diagnostic::error(word.span, message).expected("true or false"));
            false
        })
    }

    pub(crate) fn authorization(&mut self, model: &Scope) -> Vec<AuthorizationRole> {
        let Some(authorization) = model.child("authorization") else {
            return Vec::new();
        };
        let spec = options::find("role", "allow").expect("the table has the option `allow`");
        let mut roles = Vec::new();
        for scope in authorization.of_kind("role") {
            let mut allow = Vec::new();
            for entry in scope
                .settings
                .iter()
                .filter(|entry| spec.is(&entry.key.text))
            {
                let words = self.words_of(spec, entry).unwrap_or_default();
                allow.extend(words.iter().map(|word| word.text.clone()));
            }
            roles.push(AuthorizationRole {
                name: scope.name_text().into(),
                allow,
            });
        }
        roles
    }
}

/// Options of a listener that say who may connect.
const RULES: [&str; 8] = [
    "AuthDigestMD5Parameters",
    "AuthCramMD5Parameters",
    "AuthLoginParameters",
    "AuthorizationParameters",
    "Enable_Authentication",
    "Enable_Authorization",
    "Always_Allow",
    "Always_Deny",
];

fn everywhere() -> [IpNet; 2] {
    let whole = |address: IpAddr| IpNet::new_assert(address, 0);
    [
        whole(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        whole(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    ]
}
