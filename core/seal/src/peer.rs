//! Another node of the allow-list: its greeting, the session with its present life, the keys it has handed over, and
//! when it is greeted next.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use ringfort_machine::{
    Instant, NodeId,
    defect::{Defect, active},
};

use crate::{
    PublicKey, Reason, Secret, Trusted,
    body::{Body, KEYS},
    bucket::Bucket,
    derive::extract,
    greeting::{GREETING, Greeting},
    received::{KeyId, Received},
    sending::Sending,
    session::{Me, Session},
};

/// How soon a greeting is repeated at first; each time it takes twice as long.
const FIRST: Duration = Duration::from_millis(20);
/// How long it takes at most: what a node costs that is not there.
const LONGEST: Duration = Duration::from_secs(1);
/// A greeting that nobody has proved to want goes out at most this often.
const SPACING: Duration = Duration::from_millis(20);
/// How long an old key opens what was under way when its owner went on to the next.
const GRACE: Duration = Duration::from_secs(1);
/// Greetings whose proof is computed: so many at once, then one in each so long. About 2 µs each.
const PROOFS: u32 = 64;
const PROOFS_EACH: Duration = Duration::from_millis(5);

/// Another node.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) public: PublicKey,
    pub(crate) session: Option<Session>,
    /// The latest epoch of which it holds our key.
    pub(crate) has: u64,
    /// Its keys, by ascending epoch; at most [`KEYS`].
    keys: Vec<Received>,
    pair: Secret,
    greeting: [u8; GREETING],
    proofs: Bucket,
    greeted: Option<Instant>,
    next: Option<Instant>,
    pause: Duration,
}

impl Peer {
    /// The node `trusted`, greeted at once. Nothing if its key is of low order.
    pub(crate) fn new(me: &Me, trusted: &Trusted, now: Instant) -> Option<Self> {
        let both = me.identity.agree(trusted.public.bytes())?;
        let pair = extract(&[b"pair"], &[&both]);
        let ephemeral = *me.ephemeral.public().bytes();
        let greeting = Greeting::new(me.cluster, me.process, ephemeral, trusted.node, &pair);
        Some(Self {
            public: trusted.public,
            session: None,
            has: 0,
            keys: Vec::new(),
            greeting: greeting.encode(me.cluster),
            pair,
            proofs: Bucket::new(PROOFS, PROOFS_EACH, now),
            greeted: None,
            next: Some(now),
            pause: FIRST,
        })
    }

    /// Our greeting for it.
    pub(crate) const fn greeting(&self) -> &[u8; GREETING] {
        &self.greeting
    }

    /// Takes a greeting that claims to be its own. `Ok(true)` if that is a life of it not met before; then what an
    /// earlier one had handed over is gone, and `gone` has the names of its keys.
    pub(crate) fn meet(
        &mut self,
        me: &Me,
        heard: Greeting,
        now: Instant,
        gone: &mut Vec<KeyId>,
    ) -> Result<bool, Reason> {
        if let Some(session) = &self.session {
            if session.heard == heard {
                return Ok(false);
            }
            let known = session.heard.process.incarnation;
            if heard.process.incarnation <= known && !active(Defect::AcceptOldLife) {
                return Err(Reason::StaleIncarnation);
            }
        }
        if !self.proofs.take(now) {
            return Err(Reason::TooMany);
        }
        if !heard.is_proved(me.cluster, me.process.node, &self.pair) {
            return Err(Reason::Forged);
        }
        let session = Session::agree(me, &self.public, heard).ok_or(Reason::Forged)?;
        gone.extend(self.keys.drain(..).map(|key| key.id));
        self.session = Some(session);
        self.has = 0;
        Ok(true)
    }

    /// Takes over a sealed body. `learned` gets the new keys' names, `gone` those of keys that are no more.
    pub(crate) fn take(
        &mut self,
        body: &Body,
        latest: u64,
        now: Instant,
        learned: &mut Vec<(u64, KeyId)>,
        gone: &mut Vec<KeyId>,
    ) {
        self.has = self.has.max(body.have.min(latest));
        for (epoch, key) in &body.keys {
            if self.newest().is_some_and(|newest| *epoch <= newest) {
                continue;
            }
            let key = Received::new(*epoch, key);
            learned.push((*epoch, key.id));
            self.keys.push(key);
        }
        while self.keys.len() > KEYS {
            gone.push(self.keys.remove(0).id);
        }
        // What its owner no longer lists, it no longer uses.
        if let Some((oldest, _)) = body.keys.first() {
            let oldest = *oldest;
            self.retire(|key| key.epoch < oldest, now);
        }
    }

    /// Opens a datagram under the key `id`. Once a later key is seen in use, earlier ones are on their way out.
    pub(crate) fn open<'a>(
        &mut self,
        id: KeyId,
        counter: u64,
        datagram: &[u8],
        me: NodeId,
        now: Instant,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Reason> {
        let valid = |key: &&mut Received| {
            key.until.is_none_or(|until| now < until) || active(Defect::AcceptOldKey)
        };
        let key = self.keys.iter_mut().find(|key| key.id == id);
        let key = key.filter(valid).ok_or(Reason::UnknownKey)?;
        let frame = key.open(counter, datagram, me, scratch)?;
        let epoch = key.epoch;
        if self.keys.len() > 1 {
            self.retire(|key| key.epoch < epoch, now);
        }
        Ok(frame)
    }

    fn retire(&mut self, which: impl Fn(&Received) -> bool, now: Instant) {
        for key in self.keys.iter_mut().filter(|key| which(key)) {
            key.until.get_or_insert(now + GRACE);
        }
    }

    /// Drops keys whose time is over.
    pub(crate) fn expire(&mut self, now: Instant, mut gone: impl FnMut(&Received)) {
        if active(Defect::AcceptOldKey) {
            return;
        }
        self.keys.retain(|key| {
            let valid = key.until.is_none_or(|until| now < until);
            if !valid {
                gone(key);
            }
            valid
        });
    }

    /// The names of all its keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.keys.iter().map(|key| key.id)
    }

    /// Its keys, for fingerprints.
    pub(crate) fn keys(&self) -> &[Received] {
        &self.keys
    }

    /// The epoch of its latest key.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.keys.last().map(|key| key.epoch)
    }

    /// Whether something is missing between us: a session, its key, or its word that it has ours.
    pub(crate) fn lacks(&self, sending: &Sending) -> bool {
        self.session.is_none() || self.keys.is_empty() || self.has < sending.latest()
    }

    /// Greets it as soon as a stranger may make us do so.
    pub(crate) fn ask(&mut self, now: Instant) {
        let earliest = self.greeted.map_or(now, |at| (at + SPACING).max(now));
        self.next = Some(self.next.map_or(earliest, |next| next.min(earliest)));
    }

    /// Greets it now, and often until it has answered.
    pub(crate) fn press(&mut self, now: Instant) {
        self.next = Some(now);
        self.pause = FIRST;
    }

    /// When it is to be greeted, or a key of it runs out.
    pub(crate) fn due(&self) -> Option<Instant> {
        let keys = self.keys.iter().filter_map(|key| key.until);
        let keys = keys.min().filter(|_| !active(Defect::AcceptOldKey));
        [self.next, keys].into_iter().flatten().min()
    }

    /// Whether it is to be greeted by now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// The next greeting for it; repeated later for as long as something is missing.
    pub(crate) fn greet(&mut self, sending: &Sending, now: Instant) -> Bytes {
        let lacks = self.lacks(sending);
        self.greeted = Some(now);
        self.next = lacks.then(|| now + self.pause);
        self.pause = if lacks {
            (self.pause * 2).min(LONGEST)
        } else {
            FIRST
        };
        let have = self.newest().unwrap_or(0);
        match &mut self.session {
            None => Bytes::copy_from_slice(&self.greeting),
            Some(session) => {
                let body = Body {
                    answer: lacks,
                    have,
                    epoch: sending.target(),
                    keys: sending.keys(),
                };
                session.seal(&self.greeting, &body)
            }
        }
    }
}
