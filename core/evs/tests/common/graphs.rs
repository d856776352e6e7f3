//! Directed graphs of links, as bit masks, one of each kind: two graphs are of one kind if renumbering the
//! processes makes one of the other. There are 3, 16, 218 and 9608 kinds on 2 to 5 processes (OEIS A000273).
//!
//! Ties in the ring are broken by the numbers of the processes, so the graphs of one kind are not all alike to
//! it. Hence [`relabelled`]: another labelling of a kind for every number asked for.

use ringfort_machine::{Rng, Seed};

/// The links between `hosts` processes, in the order of the bits of a mask.
fn links(hosts: usize) -> Vec<(usize, usize)> {
    let pairs = (0..hosts).flat_map(|from| (0..hosts).map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to).collect()
}

/// The bit of a link.
fn bit(hosts: usize, from: usize, to: usize) -> usize {
    from * (hosts - 1) + to - usize::from(to > from)
}

/// The links that graph `mask` lacks: a bit is a link that is cut.
pub fn cuts(hosts: usize, mask: u32) -> Vec<(usize, usize)> {
    let numbered = links(hosts).into_iter().enumerate();
    numbered
        .filter(|(bit, _)| mask >> bit & 1 == 1)
        .map(|(_, link)| link)
        .collect()
}

/// `mask` with process `i` renumbered to `labels[i]`.
fn renumber(hosts: usize, mask: u32, labels: &[usize]) -> u32 {
    cuts(hosts, mask)
        .into_iter()
        .fold(0, |renumbered, (from, to)| {
            renumbered | 1 << bit(hosts, labels[from], labels[to])
        })
}

/// All orders of `0..hosts`.
fn permutations(hosts: usize) -> Vec<Vec<usize>> {
    (0..hosts).fold(vec![vec![]], |shorter, next| {
        let longer = |one: Vec<usize>| {
            (0..=one.len()).map(move |place| {
                let mut longer = one.clone();
                longer.insert(place, next);
                longer
            })
        };
        shorter.into_iter().flat_map(longer).collect()
    })
}

/// The smallest mask of every kind, ascending.
pub fn kinds(hosts: usize) -> Vec<u32> {
    let permutations = permutations(hosts);
    let mut seen = vec![false; 1 << (hosts * (hosts - 1))];
    let mut kinds = Vec::new();
    for mask in 0..seen.len() {
        if !seen[mask] {
            kinds.push(mask as u32);
            for labels in &permutations {
                seen[renumber(hosts, mask as u32, labels) as usize] = true;
            }
        }
    }
    kinds
}

/// The graph of the kind of `mask` whose labels are drawn from `labelling`; `mask` itself for 0.
pub fn relabelled(hosts: usize, mask: u32, labelling: u64) -> u32 {
    if labelling == 0 {
        return mask;
    }
    let seed = Seed::from_number(labelling).fork(&format!("labels of {mask}"));
    let permutations = permutations(hosts);
    let labels = Rng::new(seed).pick(&permutations).cloned();
    renumber(hosts, mask, &labels.expect("there is always one"))
}
