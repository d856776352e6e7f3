//! Goal: the assignment is even, moves as little as any even one must, and depends on its inputs alone.
//! Method: properties over drawn problems; small ones against every possible assignment.

extern crate std;

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::{MemberSet, Slot, elect, rebalance};

fn set(members: &[usize]) -> MemberSet {
    let mut set = MemberSet::EMPTY;
    for member in members {
        set.insert(*member);
    }
    set
}

fn all(members: usize) -> MemberSet {
    (0..members).fold(MemberSet::EMPTY, |mut set, member| {
        set.insert(member);
        set
    })
}

fn loads(members: usize, owners: &[Option<usize>]) -> Vec<usize> {
    let mut loads = vec![0; members];
    for owner in owners.iter().flatten() {
        loads[*owner] += 1;
    }
    loads
}

fn gap(loads: &[usize]) -> usize {
    loads.iter().max().unwrap() - loads.iter().min().unwrap()
}

fn squares(loads: &[usize]) -> usize {
    loads.iter().map(|load| load * load).sum()
}

fn distance(one: &[Option<usize>], other: &[Option<usize>]) -> usize {
    one.iter().zip(other).filter(|(a, b)| a != b).count()
}

/// Every assignment of the slots to members that could have them.
fn every(slots: &[Slot]) -> Vec<Vec<Option<usize>>> {
    slots.iter().fold(vec![vec![]], |heads, slot| {
        heads
            .iter()
            .flat_map(|head| {
                slot.capable.iter().map(move |member| {
                    let mut longer = head.clone();
                    longer.push(Some(member));
                    longer
                })
            })
            .collect()
    })
}

/// Who could have it (as bits), who has it, who should have it.
type Drawn = (u128, Option<usize>, Option<usize>);

/// A number of members, and slots.
fn problem(
    members: core::ops::Range<usize>,
    slots: core::ops::Range<usize>,
) -> impl Strategy<Value = (usize, Vec<Drawn>)> {
    members.prop_flat_map(move |members| {
        let one = (
            1u128..(1 << members),
            proptest::option::of(0..members),
            proptest::option::weighted(0.2, 0..members),
        );
        (Just(members), proptest::collection::vec(one, slots.clone()))
    })
}

fn slots_of(drawn: &[Drawn]) -> Vec<Slot> {
    drawn
        .iter()
        .map(|(capable, owner, preferred)| Slot {
            capable: MemberSet(*capable),
            claims: owner.map_or(MemberSet::EMPTY, |owner| set(&[owner])),
            preferred: *preferred,
            follow: None,
            frozen: false,
        })
        .collect()
}

proptest! {
    /// Whoever could have it and has it keeps it, unless somebody is preferred; nobody else is asked.
    #[test]
    fn an_election_moves_nothing_that_may_stay((members, drawn) in problem(1..7, 0..20)) {
        let slots = slots_of(&drawn);
        let owners = elect(members, &slots);
        for (slot, owner) in slots.iter().zip(&owners) {
            let owner = owner.expect("somebody could have it");
            prop_assert!(slot.capable.contains(owner));
            let preferred = slot.preferred.filter(|member| slot.capable.contains(*member));
            let kept = slot.claims.and(slot.capable).single();
            if let Some(expected) = preferred.or(kept) {
                prop_assert_eq!(owner, expected);
            }
        }
    }

    #[test]
    fn without_constraints_the_result_is_even(members in 1usize..9, count in 0usize..60, limit in 1usize..4) {
        // All on one member, as after a lonely start.
        let slots = vec![Slot { capable: all(members), claims: set(&[0]), ..Slot::default() }; count];
        let mut owners = elect(members, &slots);
        let mut moved = 0;
        loop {
            let moves = rebalance(members, &slots, &mut owners, limit);
            prop_assert!(moves.len() <= limit);
            moved += moves.len();
            if moves.is_empty() {
                break;
            }
        }
        prop_assert!(gap(&loads(members, &owners)) <= 1);
        // Nothing moves twice.
        prop_assert_eq!(moved, count - loads(members, &owners)[0]);
    }

    #[test]
    fn orphans_alone_make_an_even_cluster_even_again(members in 2usize..9, count in 0usize..60, gone: usize) {
        // An even assignment, one member of which leaves.
        let gone = gone % members;
        let owner = |index: usize| index % members;
        let rest = MemberSet(all(members).0 & !set(&[gone]).0);
        let slots: Vec<Slot> = (0..count)
            .map(|index| Slot { capable: rest, claims: set(&[owner(index)]), ..Slot::default() })
            .collect();
        let owners = elect(members, &slots);
        let mut after = loads(members, &owners);
        after.remove(gone);
        prop_assert!(gap(&after) <= 1);
        for (index, now) in owners.iter().enumerate() {
            prop_assert!(owner(index) == gone || *now == Some(owner(index)));
        }
    }

    /// No assignment of the movable addresses is more even, whoever could have what.
    #[test]
    fn balance_is_as_even_as_any_assignment((members, drawn) in problem(2..5, 0..7)) {
        let slots = slots_of(&drawn);
        let mut owners = elect(members, &slots);
        let fixed: Vec<Slot> = slots.iter().zip(&owners)
            .map(|(slot, owner)| Slot {
                capable: if slot.preferred.is_some() && slot.preferred == *owner { set(&[owner.unwrap()]) } else { slot.capable },
                ..*slot
            })
            .collect();
        let best = every(&fixed).iter().map(|other| squares(&loads(members, other))).min().unwrap();
        rebalance(members, &slots, &mut owners, usize::MAX);
        prop_assert_eq!(squares(&loads(members, &owners)), best);
    }

    /// Without constraints no even assignment is nearer to where the addresses are.
    #[test]
    fn balance_moves_as_little_as_any_even_assignment(members in 2usize..5, held in proptest::collection::vec(0usize..4, 0..7)) {
        let slots: Vec<Slot> = held.iter()
            .map(|owner| Slot { capable: all(members), claims: set(&[owner % members]), ..Slot::default() })
            .collect();
        let before = elect(members, &slots);
        let mut after = before.clone();
        let moves = rebalance(members, &slots, &mut after, usize::MAX);
        let nearest = every(&slots).iter()
            .filter(|other| gap(&loads(members, other)) <= 1)
            .map(|other| distance(&before, other))
            .min()
            .unwrap();
        prop_assert_eq!(distance(&before, &after), nearest);
        prop_assert_eq!(moves.len(), nearest);
    }

    /// Steps of any size end in the same evenness, and end.
    #[test]
    fn small_steps_reach_what_one_big_step_reaches((members, drawn) in problem(2..7, 0..25)) {
        let slots = slots_of(&drawn);
        let start = elect(members, &slots);
        let mut big = start.clone();
        rebalance(members, &slots, &mut big, usize::MAX);
        let mut small = start;
        let mut steps = 0;
        while !rebalance(members, &slots, &mut small, 1).is_empty() {
            steps += 1;
            prop_assert!(steps < 1000, "balance does not end");
        }
        prop_assert_eq!(squares(&loads(members, &big)), squares(&loads(members, &small)));
    }

    /// After a balance the election has nothing to say, and the balance has nothing to add.
    #[test]
    fn the_result_is_a_fixed_point((members, drawn) in problem(1..7, 0..25)) {
        let mut slots = slots_of(&drawn);
        let mut owners = elect(members, &slots);
        rebalance(members, &slots, &mut owners, usize::MAX);
        for (slot, owner) in slots.iter_mut().zip(&owners) {
            slot.claims = set(&[owner.unwrap()]);
        }
        prop_assert_eq!(&elect(members, &slots), &owners);
        prop_assert!(rebalance(members, &slots, &mut owners.clone(), usize::MAX).is_empty());
    }

    /// Addresses with the same constraints are interchangeable: their order changes no member's load.
    #[test]
    fn the_order_of_equal_addresses_changes_no_load(members in 1usize..7, held in proptest::collection::vec(proptest::option::of(0usize..6), 0..20), seed: u64) {
        let slot = |owner: &Option<usize>| Slot {
            capable: all(members),
            claims: owner.map_or(MemberSet::EMPTY, |owner| set(&[owner % members])),
            ..Slot::default()
        };
        let mut shuffled = held.clone();
        ringfort_machine::Rng::new(ringfort_machine::Seed::from_number(seed)).shuffle(&mut shuffled);
        let run = |held: &[Option<usize>]| {
            let slots: Vec<Slot> = held.iter().map(slot).collect();
            let mut owners = elect(members, &slots);
            rebalance(members, &slots, &mut owners, usize::MAX);
            loads(members, &owners)
        };
        prop_assert_eq!(run(&held), run(&shuffled));
    }
}

#[test]
fn an_overlap_goes_to_the_less_loaded_then_to_the_first() {
    let slot = |claims: &[usize]| Slot {
        capable: all(3),
        claims: set(claims),
        ..Slot::default()
    };
    let slots = [slot(&[1]), slot(&[1, 2]), slot(&[0, 1])];
    assert_eq!(elect(3, &slots), [Some(1), Some(2), Some(0)]);
    assert_eq!(elect(3, &[slot(&[2, 1])]), [Some(1)]);
}

#[test]
fn a_follower_goes_along_and_weighs_nothing() {
    let leader = Slot {
        capable: all(2),
        preferred: Some(1),
        ..Slot::default()
    };
    let follower = Slot {
        capable: all(2),
        claims: set(&[0]),
        follow: Some(0),
        ..Slot::default()
    };
    let alone = Slot {
        capable: set(&[0]),
        ..follower
    };
    let other = Slot {
        capable: all(2),
        ..Slot::default()
    };
    let slots = [leader, follower, alone, other];
    let mut owners = elect(2, &slots);
    assert_eq!(owners, [Some(1), Some(1), Some(0), Some(0)]);
    assert!(rebalance(2, &slots, &mut owners, 9).is_empty());
}

#[test]
fn a_frozen_address_is_kept_and_never_taken() {
    let frozen = |claims: &[usize]| Slot {
        capable: all(2),
        claims: set(claims),
        preferred: Some(0),
        frozen: true,
        ..Slot::default()
    };
    let slots = [frozen(&[]), frozen(&[1]), frozen(&[1])];
    let mut owners = elect(2, &slots);
    assert_eq!(owners, [None, Some(1), Some(1)]);
    assert!(rebalance(2, &slots, &mut owners, 9).is_empty());
}

#[test]
fn a_chain_is_found_where_no_single_move_helps() {
    // 0 has two that only 1 could also have, 1 has one that only 2 could also have, 2 has none.
    let slot = |capable: &[usize], owner: usize| Slot {
        capable: set(capable),
        claims: set(&[owner]),
        ..Slot::default()
    };
    let slots = [slot(&[0, 1], 0), slot(&[0, 1], 0), slot(&[1, 2], 1)];
    let mut owners = elect(3, &slots);
    let moves = rebalance(3, &slots, &mut owners, 9);
    assert_eq!(loads(3, &owners), [1, 1, 1]);
    assert_eq!(moves.len(), 2);
}

#[test]
fn the_largest_cluster_is_no_problem() {
    let members = super::MEMBERS;
    let slots = vec![
        Slot {
            capable: all(members),
            claims: set(&[0]),
            ..Slot::default()
        };
        10_240
    ];
    let mut owners = elect(members, &slots);
    assert_eq!(loads(members, &owners)[0], 10_240);
    let moves = rebalance(members, &slots, &mut owners, 1024);
    assert_eq!(moves.len(), 1024);
}
