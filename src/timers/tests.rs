//! Timers against the answers of `APScheduler`, schedules in words, and what is due.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::model::{JsonMap, Timestamp};
use crate::testing::cases;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn map(value: Json) -> JsonMap {
    match value {
        Json::Object(map) => map,
        other => panic!("{other}"),
    }
}

/// Monday, 23 November 2026, 04:00 in UTC.
const NOW: &str = "2026-11-23T04:00:00Z";

#[test]
fn cron_timers_fire_when_apscheduler_says() {
    let rows = include_str!("../../tests/data/timers/cron.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in rows.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let fields = map(row["fields"].clone());
        let cron = Cron::from_parameters(&fields);
        count += 1;
        match (cron, row.get("next")) {
            (Ok(cron), Some(expected)) => {
                let limit = |key: &str| row[key].as_i64().map(Timestamp::from_micros);
                let timer = Timer::cron(cron, zone(row["zone"].as_str().unwrap()).unwrap());
                let timer = timer.between(limit("start"), limit("end"));
                let after = Timestamp::from_micros(row["after"].as_i64().unwrap());
                let found: Vec<i64> = timer.upcoming(after, 5).iter().map(|at| at.micros()).collect();
                if json!(found) != *expected {
                    wrong.push(format!("{line}\n  we say {found:?}"));
                }
            }
            (Err(_), None) => {}
            (cron, _) => wrong.push(format!("{line}\n  we say {cron:?}")),
        }
    }
    assert!(count > 1000);
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_never_comes_is_found_out_in_bounded_time() {
    for fields in [
        json!({"week": 53, "month": 2}),
        json!({"day": 30, "month": 2}),
        json!({"year": 2020}),
        json!({"day": 31, "month": "4,6,9,11", "day_of_week": "mon"}),
        json!({"month": 2, "day": 29, "week": 30}),
    ] {
        let cron = Cron::from_parameters(&map(fields.clone())).unwrap();
        assert_eq!(
            Timer::cron(cron, zone("Europe/Vilnius").unwrap()).next_fire(at(NOW)),
            None,
            "{fields}"
        );
    }
    // The rarest that comes is still found: a leap day that is a Friday.
    let rare = Cron::from_parameters(&map(json!({"month": 2, "day": 29, "day_of_week": "fri"}))).unwrap();
    assert_eq!(
        Timer::cron(rare, zone("UTC").unwrap()).next_fire(at(NOW)),
        Some(at("2036-02-29T00:00:00Z"))
    );
}

#[test]
fn dates_are_read_as_dateutil_reads_them() {
    let mut wrong = Vec::new();
    for line in include_str!("../../tests/data/timers/dates.jsonl").lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let now = Timestamp::from_micros(row["now"].as_i64().unwrap());
        let found = lenient_utc(row["text"].as_str().unwrap(), now)
            .ok()
            .map(Timestamp::micros);
        if found != row["micros"].as_i64() {
            wrong.push(format!("{line}\n  we say {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_a_cron_field_is_explained() {
    for (fields, field, message, hint) in [
        (
            json!({"minute": "60"}),
            "minute",
            "`60` is out of range",
            "`minute` goes from 0 to 59",
        ),
        (json!({"minute": "*/0"}), "minute", "the step is 0", "1 or more"),
        (
            json!({"day_of_week": "mnday"}),
            "day_of_week",
            "there is no `mnday`",
            "mon",
        ),
        (
            json!({"day_of_week": "sunday"}),
            "day_of_week",
            "there is no `sunday`",
            "did you mean `sun`?",
        ),
        (
            json!({"month": "feb-jan"}),
            "month",
            "ends before it begins",
            "two ranges",
        ),
        (json!({"hour": [1]}), "hour", "not a list", "leave it out"),
        (
            json!({"day": "3rd"}),
            "day",
            "means nothing for `day`",
            "`3rd fri`",
        ),
    ] {
        let error = Cron::from_parameters(&map(fields.clone())).unwrap_err();
        assert_eq!(error.field, field, "{fields}");
        assert!(error.message.contains(message), "{fields}: {error:?}");
        assert!(error.hint.contains(hint), "{fields}: {error:?}");
    }
}

#[test]
fn an_interval_counts_from_when_it_was_made_and_keeps_its_beat() {
    let timer = |parameters: Json| {
        Timer::from_parameters("core.st2.IntervalTimer", &map(parameters), "UTC", at(NOW)).unwrap()
    };
    let minutes = timer(json!({"unit": "minutes", "delta": 10}));
    assert_eq!(
        minutes.upcoming(at(NOW), 2),
        [at("2026-11-23T04:10:00Z"), at("2026-11-23T04:20:00Z")]
    );
    assert_eq!(
        minutes.next_fire(at("2026-11-20T00:00:00Z")),
        Some(at("2026-11-23T04:10:00Z"))
    );
    assert_eq!(
        minutes.next_fire(at("2026-11-23T04:10:00Z")),
        Some(at("2026-11-23T04:20:00Z"))
    );
    assert_eq!(
        minutes.next_fire(at("2026-11-23T05:01:00.5Z")),
        Some(at("2026-11-23T05:10:00Z"))
    );
    let again = minutes.anchored(at("2026-11-23T03:59:00Z"));
    assert_eq!(again.next_fire(at(NOW)), Some(at("2026-11-23T04:09:00Z")));
    assert_eq!(
        timer(json!({"unit": "seconds", "delta": 0})).next_fire(at(NOW)),
        Some(at("2026-11-23T04:00:01Z"))
    );
    for (parameters, path, hint) in [
        (
            json!({"unit": "minuts", "delta": 1}),
            "/unit",
            "did you mean `minutes`?",
        ),
        (json!({"unit": "days", "delta": -1}), "/delta", "1 or more"),
        (json!({"unit": "weeks", "delta": 99_999_999}), "/delta", ""),
        (
            json!({"unit": "days", "delta": 1, "timezone": "Europe/Vilnus"}),
            "/timezone",
            "Europe/Vilnius",
        ),
        (
            json!({"unit": "days", "delta": 1, "timezone": "vilnius"}),
            "/timezone",
            "Europe/Vilnius",
        ),
        (
            json!({"unit": "days", "delta": 1, "misfire": "al"}),
            "/misfire",
            "all",
        ),
        (
            json!({"unit": "days", "delta": 1, "grace": "soon"}),
            "/grace",
            "10m",
        ),
    ] {
        let finding =
            Timer::from_parameters("core.st2.IntervalTimer", &map(parameters.clone()), "UTC", at(NOW))
                .unwrap_err();
        assert_eq!(finding.path, path, "{parameters}");
        assert!(finding.hint.contains(hint), "{parameters}: {finding:?}");
    }
}

#[test]
fn a_date_fires_once_and_not_when_it_is_over() {
    let timer = |date: &str, zone: &str| {
        let parameters = map(json!({"date": date, "timezone": zone}));
        Timer::from_parameters("core.st2.DateTimer", &parameters, "UTC", at(NOW)).unwrap()
    };
    let vilnius = timer("2026-12-01 09:00", "Europe/Vilnius");
    assert_eq!(vilnius.upcoming(at(NOW), 3), [at("2026-12-01T07:00:00Z")]);
    assert!(vilnius.is_once());
    assert_eq!(timer("2014-12-31 23:59:59", "UTC").next_fire(at(NOW)), None);
    // 02:30 does not exist on that day in New York.
    let gap = timer("2026-03-08 02:30", "America/New_York");
    assert_eq!(
        gap.next_fire(at("2026-01-01T00:00:00Z")),
        Some(at("2026-03-08T07:30:00Z"))
    );
}

#[test]
fn schedules_are_read_as_people_mean_them() {
    let z = "Europe/Vilnius";
    for (text, understood, times) in [
        ("in 10 minutes", "in 10m UTC", vec!["2026-11-23T04:10:00Z"]),
        (
            "in an hour and 5 minutes",
            "in 1h5m UTC",
            vec!["2026-11-23T05:05:00Z"],
        ),
        ("in 1h30m", "in 1h30m UTC", vec!["2026-11-23T05:30:00Z"]),
        (
            "at 22:00",
            "at 2026-11-23 22:00 UTC",
            vec!["2026-11-23T22:00:00Z"],
        ),
        (
            "at 03:00",
            "at 2026-11-24 03:00 UTC",
            vec!["2026-11-24T03:00:00Z"],
        ),
        ("22:00", "at 2026-11-23 22:00 UTC", vec!["2026-11-23T22:00:00Z"]),
        ("at 9pm", "at 2026-11-23 21:00 UTC", vec!["2026-11-23T21:00:00Z"]),
        (
            "tomorrow at 9",
            "at 2026-11-24 09:00 UTC",
            vec!["2026-11-24T09:00:00Z"],
        ),
        (
            "at 9 am tomorrow",
            "at 2026-11-24 09:00 UTC",
            vec!["2026-11-24T09:00:00Z"],
        ),
        ("at noon", "at 2026-11-23 12:00 UTC", vec!["2026-11-23T12:00:00Z"]),
        (
            "on friday at 16:30",
            "at 2026-11-27 16:30 UTC",
            vec!["2026-11-27T16:30:00Z"],
        ),
        (
            "next monday at 3",
            "at 2026-11-30 03:00 UTC",
            vec!["2026-11-30T03:00:00Z"],
        ),
        (
            "at 2026-12-01 09:00 Europe/Vilnius",
            "at 2026-12-01 09:00 Europe/Vilnius",
            vec!["2026-12-01T07:00:00Z"],
        ),
        (
            "2026-12-01 09:00",
            "at 2026-12-01 09:00 UTC",
            vec!["2026-12-01T09:00:00Z"],
        ),
        (
            "on 24 december at 18:00",
            "at 2026-12-24 18:00 UTC",
            vec!["2026-12-24T18:00:00Z"],
        ),
        (
            "at 18:00 on january 6th",
            "at 2027-01-06 18:00 UTC",
            vec!["2027-01-06T18:00:00Z"],
        ),
        (
            "every 5 minutes",
            "every 5 minutes UTC",
            vec!["2026-11-23T04:05:00Z", "2026-11-23T04:10:00Z"],
        ),
        (
            "every 7 minutes",
            "every 7 minutes UTC",
            vec!["2026-11-23T04:07:00Z", "2026-11-23T04:14:00Z"],
        ),
        ("every 90s", "every 90 seconds UTC", vec!["2026-11-23T04:01:30Z"]),
        ("every minute", "every minute UTC", vec!["2026-11-23T04:01:00Z"]),
        ("every second", "every second UTC", vec!["2026-11-23T04:00:01Z"]),
        (
            "hourly",
            "every hour UTC",
            vec!["2026-11-23T05:00:00Z", "2026-11-23T06:00:00Z"],
        ),
        (
            "every 6 hours",
            "every 6 hours UTC",
            vec!["2026-11-23T06:00:00Z", "2026-11-23T12:00:00Z"],
        ),
        (
            "every day at 9:15",
            "every day at 09:15 UTC",
            vec!["2026-11-23T09:15:00Z", "2026-11-24T09:15:00Z"],
        ),
        (
            "daily 9am and 5pm",
            "every day at 09:00 and 17:00 UTC",
            vec!["2026-11-23T09:00:00Z", "2026-11-23T17:00:00Z"],
        ),
        (
            "every weekday 07:00",
            "every weekday at 07:00 UTC",
            vec!["2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z"],
        ),
        (
            "weekdays at 3",
            "every weekday at 03:00 UTC",
            vec!["2026-11-24T03:00:00Z"],
        ),
        (
            "every weekend at 10",
            "every saturday and sunday at 10:00 UTC",
            vec!["2026-11-28T10:00:00Z", "2026-11-29T10:00:00Z"],
        ),
        (
            "every monday and thursday at 9",
            "every monday and thursday at 09:00 UTC",
            vec![
                "2026-11-23T09:00:00Z",
                "2026-11-26T09:00:00Z",
                "2026-11-30T09:00:00Z",
            ],
        ),
        (
            "every mon, wed, fri 9:00 Europe/Vilnius",
            "every monday, wednesday and friday at 09:00 Europe/Vilnius",
            vec!["2026-11-23T07:00:00Z"],
        ),
        (
            "every mon-thu at 9",
            "every monday, tuesday, wednesday and thursday at 09:00 UTC",
            vec!["2026-11-23T09:00:00Z"],
        ),
        (
            "every other day at 7",
            "every 2 days at 07:00 UTC",
            vec!["2026-11-23T07:00:00Z", "2026-11-25T07:00:00Z"],
        ),
        (
            "every 2 weeks on friday 16:00",
            "every 2 weeks on friday at 16:00 UTC",
            vec!["2026-11-27T16:00:00Z", "2026-12-11T16:00:00Z"],
        ),
        (
            "weekly on sunday at 1",
            "every sunday at 01:00 UTC",
            vec!["2026-11-29T01:00:00Z"],
        ),
        (
            "every first monday of the month at 9:30",
            "every month on the 1st monday at 09:30 UTC",
            vec!["2026-12-07T09:30:00Z", "2027-01-04T09:30:00Z"],
        ),
        (
            "every last day of the month at 18:00",
            "every month on the last day at 18:00 UTC",
            vec!["2026-11-30T18:00:00Z"],
        ),
        (
            "every month on the 15th at 12:00",
            "every month on day 15 at 12:00 UTC",
            vec!["2026-12-15T12:00:00Z", "2027-01-15T12:00:00Z"],
        ),
        (
            "every 1st of the month at 8",
            "every month on day 1 at 08:00 UTC",
            vec!["2026-12-01T08:00:00Z"],
        ),
        (
            "every 3 months on the 1st at 8",
            "every 3 months on day 1 at 08:00 UTC",
            vec!["2027-01-01T08:00:00Z", "2027-04-01T08:00:00Z"],
        ),
        (
            "cron 0 7 * * 1-5",
            "cron 0 7 * * 1-5 UTC",
            vec!["2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z"],
        ),
        (
            "cron 0 9 * * 0",
            "cron 0 9 * * 0 UTC",
            vec!["2026-11-29T09:00:00Z"],
        ),
        (
            "cron 0 0 1 * fri",
            "cron 0 0 1 * fri UTC",
            vec![
                "2026-11-27T00:00:00Z",
                "2026-12-01T00:00:00Z",
                "2026-12-04T00:00:00Z",
            ],
        ),
        (
            "cron 0 0,12 * * *",
            "cron 0 0,12 * * * UTC",
            vec!["2026-11-23T12:00:00Z"],
        ),
        ("@daily", "cron @daily UTC", vec!["2026-11-24T00:00:00Z"]),
        (
            "every weekday 07:00 until 2026-11-24",
            "every weekday at 07:00 until 2026-11-24 23:59 UTC",
            vec!["2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z"],
        ),
        (
            "every day at 7 from 2026-12-24",
            "every day at 07:00 from 2026-12-24 00:00 UTC",
            vec!["2026-12-24T07:00:00Z"],
        ),
    ] {
        let schedule =
            Schedule::parse(text, "UTC", at(NOW)).unwrap_or_else(|misread| panic!("{text}: {misread:?}"));
        assert_eq!(schedule.text, understood, "{text}");
        let expected: Vec<Timestamp> = times.into_iter().map(at).collect();
        assert_eq!(schedule.next(at(NOW), expected.len()), expected, "{text}");
        // What was understood means the same when it is read again.
        if !schedule.is_relative {
            let again = Schedule::parse(&schedule.text, "UTC", at(NOW)).unwrap();
            assert_eq!(again.next(at(NOW), 4), schedule.next(at(NOW), 4), "{text}");
        }
    }
    let until = Schedule::parse("every weekday 07:00 until 2026-11-24", "UTC", at(NOW)).unwrap();
    assert_eq!(until.next(at(NOW), 9).len(), 2);
    let summer = Schedule::parse("every day at 9", z, at("2026-03-27T12:00:00Z")).unwrap();
    assert_eq!(
        summer.next(at("2026-03-27T12:00:00Z"), 2),
        [at("2026-03-28T07:00:00Z"), at("2026-03-29T06:00:00Z")]
    );
}

#[test]
fn what_is_no_schedule_is_told_with_the_nearest_that_is_one() {
    for (text, message, hint) in [
        ("", "empty", "every weekday 07:00"),
        (
            "evry weekday 07:00",
            "no time",
            "did you mean `every weekday 07:00`? It fires next at 2026-11-23T07:00:00Z",
        ),
        (
            "every weekdya 07:00",
            "there is no `every weekdya`",
            "`every weekday 07:00`",
        ),
        ("every mondy at 9", "mondy", "`every monday at 9`"),
        (
            "in 10",
            "`10` is no length of time",
            "did you mean `in 10 minutes`?",
        ),
        ("in 5 parsecs", "no length of time", ""),
        ("at 25:00", "`at 25:00` is no time", ""),
        ("tomorrow", "at what time?", "2026-11-24 09:00"),
        ("at 2020-01-01 09:00", "is over", ""),
        ("every 5 minutes banana", "`banana` means nothing here", ""),
        ("every 0 minutes", "not possible", ""),
        ("every", "`every` what?", ""),
        ("every day at 9 and", "a time of day is missing", ""),
        ("cron 0 7 * *", "five fields", ""),
        ("cron 99 7 * * *", "out of range", ""),
        ("cron 0 7 * * 8", "no day of the week", ""),
        ("@dayly", "@daily", ""),
        (
            "every day at 9 Europe/Vilnus",
            "there is no time zone `Europe/Vilnus`",
            "`every day at 9 Europe/Vilnius`",
        ),
        ("every 5 months", "steps of", ""),
        ("every day at 9 until tuesday", "there should be a date", ""),
        ("cron 0 0 30 2 *", "never comes", ""),
    ] {
        let misread = Schedule::parse(text, "UTC", at(NOW)).unwrap_err();
        assert!(misread.message.contains(message), "{text}: {misread:?}");
        assert!(misread.hint().contains(hint), "{text}: {}", misread.hint());
    }
}

#[test]
fn a_rule_cannot_count_from_now() {
    let read = |schedule: &str| {
        let parameters = map(json!({"schedule": schedule}));
        Timer::from_parameters("core.sayso.schedule", &parameters, "Europe/Vilnius", at(NOW))
    };
    let finding = read("in 10 minutes").unwrap_err();
    assert_eq!(finding.path, "/schedule");
    assert!(finding.message.contains("counts from now"));
    assert!(read("at 22:00").is_err());
    assert!(read("tomorrow at 9").is_err());
    let timer = read("every weekday 07:00").unwrap();
    assert_eq!(timer.next_fire(at(NOW)), Some(at("2026-11-23T05:00:00Z")));
    assert_eq!(timer.zone_name(), "Europe/Vilnius");
    assert!(read("at 2026-12-01 09:00").is_ok());
}

#[test]
fn missed_runs_are_skipped_made_up_for_once_or_all() {
    let timer = |misfire: Json| {
        let mut parameters = map(json!({"minute": "*/10"}));
        parameters.extend(map(misfire));
        Timer::from_parameters("core.st2.CronTimer", &parameters, "UTC", at(NOW)).unwrap()
    };
    let (since, now) = (at("2026-11-23T04:00:00Z"), at("2026-11-23T05:05:00Z"));
    let skip = timer(json!({})).due(since, now);
    assert_eq!(skip.fires, []);
    assert!(skip.missed);
    assert_eq!(skip.next, Some(at("2026-11-23T05:10:00Z")));
    // On time is a second late at most.
    let on_time = timer(json!({})).due(since, at("2026-11-23T04:10:00.9Z"));
    assert_eq!(on_time.fires, [at("2026-11-23T04:10:00Z")]);
    assert!(!on_time.missed);
    let late = timer(json!({"grace": "30m"})).due(since, now);
    assert_eq!(late.fires.len(), 3);
    assert!(late.missed);
    let once = timer(json!({"misfire": "once"})).due(since, now);
    assert_eq!(once.fires, [at("2026-11-23T05:00:00Z")]);
    assert!(once.missed);
    let nothing = timer(json!({"misfire": "once"})).due(now, at("2026-11-23T05:06:00Z"));
    assert_eq!((nothing.fires.len(), nothing.missed), (0, false));
    let all = timer(json!({"misfire": "all"})).due(since, now);
    assert_eq!(all.fires.len(), 6);
    assert!(!all.missed);
    let recent = timer(json!({"misfire": "all", "grace": 900})).due(since, now);
    assert_eq!(
        recent.fires,
        [at("2026-11-23T04:50:00Z"), at("2026-11-23T05:00:00Z")]
    );
}

#[test]
fn a_long_sleep_of_a_quick_timer_is_answered_in_parts() {
    let mut timer = Timer::every(1, at(NOW)).unwrap();
    timer.misfire.policy = Policy::All;
    let now = at("2026-11-23T05:00:00Z");
    let (mut since, mut count, mut rounds) = (at(NOW), 0, 0);
    loop {
        let due = timer.due(since, now);
        count += due.fires.len();
        rounds += 1;
        since = due.upto;
        if due.next.is_none_or(|next| next > now) {
            break;
        }
    }
    assert_eq!((count, rounds), (3600, 4));
    timer.misfire.policy = Policy::Once;
    let years = timer.due(at("2000-01-01T00:00:00Z"), now);
    assert_eq!(years.fires, [now]);
}

fn field() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        3 => Just(None),
        2 => (0..70_u32).prop_map(|n| Some(n.to_string())),
        2 => (0..40_u32, 0..70_u32).prop_map(|(a, b)| Some(format!("{a}-{b}"))),
        1 => (1..70_u32).prop_map(|n| Some(format!("*/{n}"))),
        1 => "[a-z0-9,*/ -]{0,12}".prop_map(Some),
        1 => prop::sample::select(vec!["last", "last fri", "5th mon", "jan-mar", "sat,sun"]).prop_map(|text| Some(text.to_owned())),
    ]
}

proptest! {
    #![proptest_config(cases(200))]

    /// The next time is later, fits again when it is asked just before, and takes bounded time.
    #[test]
    fn time_only_goes_forward(
        fields in prop::array::uniform8(field()),
        zone_name in prop::sample::select(vec!["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
        micros in 0_i64..4_000_000_000_000_000,
    ) {
        let Ok(cron) = Cron::from_texts(&fields) else { return Ok(()) };
        let timer = Timer::cron(cron, zone(zone_name).unwrap());
        let after = Timestamp::from_micros(micros);
        if let Some(next) = timer.next_fire(after) {
            prop_assert!(next > after);
            prop_assert_eq!(next.micros() % 1_000_000, 0);
            let again = timer.next_fire(Timestamp::from_micros(next.micros() - 1));
            prop_assert_eq!(again, Some(next));
        }
    }

    /// No text panics, and what is read fires in the future.
    #[test]
    fn any_text_is_a_schedule_or_a_misread(text in "(every|at|in|on|cron|until|from|tomorrow|[0-9]{1,4}|[a-z]{1,8}|:|,|-|/| |\\*|é|😀){0,12}") {
        if let Ok(schedule) = Schedule::parse(&text, "Europe/Vilnius", at(NOW)) {
            prop_assert!(schedule.timer.next_fire(at(NOW)).is_some_and(|next| next > at(NOW)));
        }
    }

    #[test]
    fn any_text_is_a_date_or_none(text in "[0-9a-zA-Z:/ .+,é-]{0,30}") {
        let _ = lenient_utc(&text, at(NOW));
    }

    /// Asking in two steps gives what asking once gives.
    #[test]
    fn nothing_is_lost_between_two_questions(step in 1_i64..4000, middle in 0_i64..7200) {
        let mut timer = Timer::every(step, at(NOW)).unwrap();
        timer.misfire.policy = Policy::All;
        let (from, until) = (at(NOW), at(NOW).plus_millis(7_200_000));
        let between = at(NOW).plus_millis(middle * 1000);
        let collect = |marks: &[Timestamp]| {
            let (mut since, mut fires) = (from, Vec::new());
            for mark in marks {
                loop {
                    let due = timer.due(since, *mark);
                    fires.extend(due.fires);
                    since = due.upto;
                    if due.next.is_none_or(|next| next > *mark) { break }
                }
            }
            fires
        };
        prop_assert_eq!(collect(&[until]), collect(&[between, until]));
    }
}
