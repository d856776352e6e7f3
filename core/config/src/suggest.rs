//! The known name nearest to a misspelt one.

use alloc::vec::Vec;

/// Longer words are not compared: nobody's typing error, and the work is quadratic.
const LENGTH_LIMIT: usize = 64;

/// The first of `known` with the smallest edit distance to `word`, without case, if it is near enough to be
/// meant: a third of the letters may differ.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(word, known, (word.chars().count() / 3).max(1))
}

/// The same with at most `limit` edits.
pub(crate) fn within<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Option<&'a str> {
    let length = word.chars().count();
    known
        .into_iter()
        // Every letter too many or too few is an edit: most names need no closer look.
        .filter(|name| name.chars().count().abs_diff(length) <= limit)
        .map(|name| (distance(word, name), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Edit distance with exchange of neighbours as one edit (optimal string alignment), without case.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(|c| c.to_ascii_lowercase()).collect();
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    if left.len() > LENGTH_LIMIT || right.len() > LENGTH_LIMIT {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, &a) in left.iter().enumerate() {
        let mut row = Vec::with_capacity(right.len() + 1);
        row.push(i + 1);
        for (j, &b) in right.iter().enumerate() {
            let change = above[j] + usize::from(a != b);
            let mut best = change.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a == right[j - 1] && left[i - 1] == b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = above;
        above = row;
    }
    above[right.len()]
}

#[cfg(test)]
mod tests;
