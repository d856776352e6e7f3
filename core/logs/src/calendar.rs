//! Nanoseconds since 1970 as a date, UTC: the proleptic Gregorian calendar after Hinnant's `civil_from_days`.
//! No time zones, no leap seconds: a log is written by many machines and read as one.

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    /// 1 to 12.
    pub(crate) month: u64,
    /// 1 to 31.
    pub(crate) day: u64,
    /// 1 to 366.
    pub(crate) day_of_year: u64,
    /// 0 is Sunday.
    pub(crate) weekday: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    /// Seconds since 1970.
    pub(crate) unix: u64,
}

impl Civil {
    pub(crate) const fn of(wall_ns: u64) -> Self {
        let unix = wall_ns / 1_000_000_000;
        let days = unix / 86_400;
        let time = unix % 86_400;
        // Days since 0000-03-01: there a leap day is the last day of a year, and 400 years repeat.
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let day = day_from_march - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let leap_day = if leap && month > 2 { 1 } else { 0 };
        Self {
            year,
            month,
            day,
            day_of_year: before[month as usize - 1] + day + leap_day,
            weekday: (days + 4) % 7,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
            unix,
        }
    }
}
