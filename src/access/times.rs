//! The times of `at`: days and hours in a time zone.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// The days of a week as people write them, Monday first.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Hours on some days. Hours that end before they begin go on into the next day and belong to the day on which they
/// began.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Monday to Sunday.
    days: [bool; 7],
    /// From and until, the end not included; `None`: all day.
    hours: Option<(Time, Time)>,
    zone: TimeZone,
    text: String,
}

impl Window {
    /// From texts as they are written: `mon-fri`, `sat,sun`; `09:00-17:00`; `Europe/Berlin`.
    ///
    /// # Errors
    /// Which of the three is wrong (`days`, `hours`, `zone`), and why.
    pub fn new(
        days: Option<&str>,
        hours: Option<&str>,
        zone: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        let found = TimeZone::get(zone.unwrap_or("UTC")).map_err(|_| {
            let zone = zone.unwrap_or_default();
            (
                "zone",
                format!("there is no time zone `{zone}`: write one like Europe/Berlin"),
            )
        })?;
        let text = [days, hours, zone]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Self {
            days: days
                .map_or(Ok([true; 7]), self::days)
                .map_err(|why| ("days", why))?,
            hours: hours.map(self::hours).transpose().map_err(|why| ("hours", why))?,
            zone: found,
            text,
        })
    }

    /// As it was written, for reasons: `mon-fri 09:00-17:00 Europe/Berlin`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the moment is inside.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let Ok(moment) = jiff::Timestamp::from_microsecond(now.micros()) else {
            return false;
        };
        let local = moment.to_zoned(self.zone.clone());
        let (day, time) = (local.weekday(), local.time());
        let is_on = |day: Weekday| self.days[usize::from(day.to_monday_zero_offset().unsigned_abs())];
        match self.hours {
            None => is_on(day),
            Some((from, until)) if from < until => is_on(day) && from <= time && time < until,
            Some((from, until)) => (is_on(day) && from <= time) || (is_on(day.previous()) && time < until),
        }
    }
}

fn day(text: &str) -> Result<usize, String> {
    let folded = text.trim().to_lowercase();
    DAYS.iter()
        .position(|(name, _)| {
            folded.starts_with(name) && "mondaytuesdaywednesdaythursdayfridaysaturdaysunday".contains(&folded)
        })
        .ok_or_else(|| {
            format!(
                "`{}` is no day: write mon, tue, wed, thu, fri, sat or sun",
                text.trim()
            )
        })
}

fn days(text: &str) -> Result<[bool; 7], String> {
    let mut found = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        loop {
            found[at] = true;
            if at == last {
                break;
            }
            at = (at + 1) % 7;
        }
    }
    Ok(found)
}

fn hours(text: &str) -> Result<(Time, Time), String> {
    let form = || format!("`{text}` are no hours: write 09:00-17:00");
    let (from, until) = text.split_once('-').ok_or_else(form)?;
    let (from, until) = (time(from).ok_or_else(form)?, time(until).ok_or_else(form)?);
    if from == until {
        return Err(format!(
            "`{text}` is no time at all: leave `hours` out for all day"
        ));
    }
    Ok((from, until))
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute) = (hour.parse::<i8>().ok()?, minute.parse::<i8>().ok()?);
    // The end of the day is the beginning of the next.
    let hour = if hour == 24 && minute == 0 { 0 } else { hour };
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(
        Some("mon-fri"),
        Some("09:00-17:00"),
        Some("Europe/Berlin"),
        "2026-11-23T08:00:00Z",
        true
    )]
    #[case(
        Some("mon-fri"),
        Some("09:00-17:00"),
        Some("Europe/Berlin"),
        "2026-11-23T07:59:59Z",
        false
    )]
    #[case(
        Some("mon-fri"),
        Some("09:00-17:00"),
        Some("Europe/Berlin"),
        "2026-11-23T16:00:00Z",
        false
    )]
    #[case(Some("mon-fri"), Some("09:00-17:00"), None, "2026-11-22T10:00:00Z", false)]
    #[case(Some("fri"), Some("22:00-06:00"), None, "2026-11-28T05:00:00Z", true)]
    #[case(Some("fri"), Some("22:00-06:00"), None, "2026-11-27T05:00:00Z", false)]
    #[case(Some("sat-mon"), None, None, "2026-11-23T05:00:00Z", true)]
    #[case(Some("sat, sun"), None, None, "2026-11-23T05:00:00Z", false)]
    #[case(None, Some("20:00-24:00"), None, "2026-11-23T23:59:00Z", true)]
    fn moments_are_inside_or_not(
        #[case] days: Option<&str>,
        #[case] hours: Option<&str>,
        #[case] zone: Option<&str>,
        #[case] now: &str,
        #[case] inside: bool,
    ) {
        let window = Window::new(days, hours, zone).unwrap();
        let now = Timestamp::from_micros(now.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        assert_eq!(window.holds(now), inside);
    }

    #[test]
    fn mistakes_name_what_is_wrong() {
        assert_eq!(Window::new(Some("monn"), None, None).unwrap_err().0, "days");
        assert_eq!(Window::new(None, Some("9-17"), None).unwrap_err().0, "hours");
        assert_eq!(
            Window::new(None, Some("09:00-09:00"), None).unwrap_err().0,
            "hours"
        );
        assert_eq!(Window::new(None, None, Some("Mars/Base")).unwrap_err().0, "zone");
    }
}
