use super::*;

fn terms() -> Terms {
    let seconds = Duration::from_secs;
    Terms { cache: seconds(30), negative: seconds(10), stale: seconds(0), lease: seconds(3) }
}

fn at(second: u64) -> UnixMillis {
    UnixMillis::from_secs(1_800_000_000 + second)
}

fn kept(is_active: bool, came: u64, until: u64) -> Option<Kept> {
    Some(Kept { is_active, came_at: at(came), until: at(until), answer: b"{}".to_vec() })
}

#[test]
fn a_record_is_read_as_it_was_written() {
    for record in [
        Record::default(),
        Record { lease: Some((7, at(3))), ..Record::default() },
        Record { failed_at: Some(at(1)), kept: kept(true, 0, 30), ..Record::default() },
        Record { lease: Some((u64::MAX, at(3))), failed_at: Some(at(2)), kept: kept(false, 1, 11) },
    ] {
        assert_eq!(Record::decode(&record.encode()), Some(record));
    }
    for odd in [&[][..], &[1], &[1; 41], &[0; 42]] {
        assert_eq!(Record::decode(odd), None, "{odd:?}");
    }
    let mut other = Record::default().encode();
    other[1] = 3;
    assert_eq!(Record::decode(&other), None);
}

#[test]
fn a_full_bucket_gives_up_what_is_worth_least() {
    let of = |record: &Record, stamp: u64| rank(&record.encode(), at(stamp), at(100));
    let active = Record { kept: kept(true, 90, 120), ..Record::default() };
    let inactive = Record { kept: kept(false, 95, 105), ..Record::default() };
    let asked = Record { lease: Some((1, at(102))), ..Record::default() };
    assert_eq!(of(&active, 50), Rank::Goes(0), "ended");
    assert_eq!(of(&inactive, 105), Rank::Goes(1));
    assert_eq!(of(&active, 120), Rank::Goes(2));
    assert_eq!(of(&asked, 102), Rank::Stays);
    assert_eq!(rank(&asked.encode(), at(102), at(103)), Rank::Goes(0), "a lease that has ended");
    let odd = Record { lease: Some((1, at(1_000_000))), ..Record::default() };
    assert_eq!(of(&odd, 1_000_000), Rank::Goes(1), "a deadline that nobody could have set");
    assert_eq!(rank(b"noise", at(200), at(100)), Rank::Goes(0));
}

#[test]
fn a_verdict_is_young_or_came_while_it_was_waited_for() {
    let record = Record { kept: kept(true, 10, 40), ..Record::default() };
    let is = |since: u64, now: u64| record.verdict(at(since), &terms(), at(now)).is_some();
    assert!(is(39, 39) && !is(40, 40) && !is(41, 41));
    assert!(is(10, 60) && is(5, 60), "it was waited for");
    assert!(!is(5, 9), "from the future");
    let forever = Record { kept: kept(true, 10, 1_000_000), ..Record::default() };
    assert!(forever.verdict(at(20), &terms(), at(20)).is_none());
}

#[test]
fn who_was_active_is_remembered_for_a_while() {
    let record = Record { kept: kept(true, 0, 30), ..Record::default() };
    assert!(record.was_active(&terms(), at(89)) && !record.was_active(&terms(), at(90)));
    assert!(record.is_of_use(&terms(), at(89)) && !record.is_of_use(&terms(), at(90)));
    let not = Record { kept: kept(false, 0, 10), ..Record::default() };
    assert!(!not.was_active(&terms(), at(1)));
    let stale = Terms { stale: Duration::from_secs(300), ..terms() };
    assert!(record.was_active(&stale, at(329)) && !record.was_active(&stale, at(330)));
    assert!(record.spare(&stale, at(329)).is_some() && record.spare(&stale, at(330)).is_none());
    assert!(record.spare(&terms(), at(1)).is_none());
}
