//! Paths of the reference, dates of the calendar, and names that must not lead out of their directory.

extern crate std;

use std::string::String;

use proptest::prelude::*;

use super::{Pattern, PatternError};
use crate::calendar::Civil;

const SECOND: u64 = 1_000_000_000;

fn expand(pattern: &str, unix: u64) -> String {
    let pattern = Pattern::parse(pattern).expect("a pattern");
    pattern.expand(unix * SECOND, "mainlog", "mta1", "west")
}

#[test]
fn a_pattern_is_read_back_from_its_text() {
    for text in ["/log/%Y/%m/%d/%{l}/%{n}-%{s}", "100%%%%/%F", "plain"] {
        let pattern = Pattern::parse(text).expect("a pattern");
        let printed = std::string::ToString::to_string(&pattern);
        assert_eq!(printed, text);
        assert_eq!(Pattern::parse(&printed), Ok(pattern));
    }
}

#[test]
fn patterns_of_the_field() {
    let unix = 1_709_210_096; // Thu Feb 29 12:34:56 UTC 2024
    for (pattern, expected) in [
        (
            "/var/eccluster/logs/%Y/%m/%d/%{l}/%{n}",
            "/var/eccluster/logs/2024/02/29/mainlog/mta1",
        ),
        ("/log/%{s}/%{n}-%H%M%S", "/log/west/mta1-123456"),
        (
            "%j %y %b %B %a %A %e",
            "060 24 Feb February Thu Thursday 29",
        ),
        (
            "100%% %F %T %D %R %I%p",
            "100% 2024-02-29 12:34:56 02/29/24 12:34 12PM",
        ),
        ("%C %u %w %s %Z %z %h", "20 4 4 1709210096 UTC +0000 Feb"),
    ] {
        assert_eq!(expand(pattern, unix), expected, "{pattern}");
    }
    assert_eq!(expand("%F %j %u", 0), "1970-01-01 001 4");
    assert_eq!(expand("%F %j", 951_782_400), "2000-02-29 060");
    assert_eq!(expand("%F %j %u", 4_107_542_400), "2100-03-01 060 1");
}

#[test]
fn mistakes_are_named() {
    let unknown = |conversion: &str, at| {
        Err(PatternError::Unknown {
            conversion: conversion.into(),
            at,
        })
    };
    assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
    assert_eq!(Pattern::parse("/a/%Q"), unknown("Q", 3));
    assert_eq!(Pattern::parse("/a/%{x}/b"), unknown("{x}", 3));
    assert_eq!(Pattern::parse("/a/%{l"), unknown("{l", 3));
    assert_eq!(Pattern::parse("/a/%"), Err(PatternError::Lone));
    assert_eq!(Pattern::parse("/a/%Y/"), Err(PatternError::Directory));
}

#[test]
fn foreign_names_stay_in_their_place() {
    let pattern = Pattern::parse("/log/%{n}/%{l}").expect("a pattern");
    assert_eq!(
        pattern.expand(0, "..", "../../etc", "s"),
        "/log/.._.._etc/_"
    );
    assert_eq!(pattern.expand(0, "a\nb", "", "s"), "/log/_/a_b");
}

proptest! {
    /// Every day has a successor: the calendar counts without a hole.
    #[test]
    fn days_follow_each_other(day in 0u64..200_000) {
        let today = Civil::of(day * 86_400 * SECOND);
        let tomorrow = Civil::of((day + 1) * 86_400 * SECOND);
        let next = (today.year, today.month, today.day + 1) == (tomorrow.year, tomorrow.month, tomorrow.day)
            || (tomorrow.day == 1 && today.day >= 28 && tomorrow.day_of_year > 1 && tomorrow.month == today.month + 1)
            || (tomorrow.day_of_year == 1 && today.month == 12 && today.day == 31 && tomorrow.year == today.year + 1);
        prop_assert!(next, "{:?} {:?}", today, tomorrow);
        prop_assert_eq!((today.weekday + 1) % 7, tomorrow.weekday);
        prop_assert!(tomorrow.day_of_year == today.day_of_year + 1 || tomorrow.day_of_year == 1);
    }

    #[test]
    fn any_pattern_is_refused_or_expands(text in ".{0,40}", wall_ns: u64) {
        if let Ok(pattern) = Pattern::parse(&text) {
            let _path = pattern.expand(wall_ns, "l", "n", "s");
        }
    }
}
