use super::*;

const LASTS: Duration = Duration::from_secs(11);

fn at(second: u64) -> UnixMillis {
    UnixMillis::from_secs(1_800_000_000 + second)
}

fn record(last: Last, number: u32, until: u64) -> Record {
    Record { lease: None, last, number, until: at(until) }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    for record in [
        Record::default(),
        Record { lease: Some((u64::MAX, at(3))), ..record(Last::Failed, 7, 64) },
        record(Last::Refused, 0, 28_800),
        record(Last::Ended, 0, 28_800),
        record(Last::Came, 1023, 600),
    ] {
        assert_eq!(Record::of(Some(&record.encode())), record);
    }
    let mut odd = record(Last::Came, 1, 600).encode();
    for (place, byte) in [(0, 2), (1, 5)] {
        let before = std::mem::replace(&mut odd[place], byte);
        assert_eq!(Record::of(Some(&odd)), Record::default());
        odd[place] = before;
    }
    for end in 0..odd.len() {
        assert_eq!(Record::of(Some(&odd[..end])), Record::default(), "{end}");
    }
}

#[test]
fn a_lease_ends_by_itself_and_none_lasts_longer_than_a_lease_may() {
    let leased = |until| Record { lease: Some((1, at(until))), ..Record::default() };
    assert!(leased(11).is_leased(LASTS, at(0)));
    assert!(leased(11).is_leased(LASTS, at(10)));
    assert!(!leased(11).is_leased(LASTS, at(11)));
    assert!(!leased(1_000_000).is_leased(LASTS, at(0)), "a deadline that nobody could have set");
}

#[test]
fn a_record_is_kept_for_as_long_as_it_counts() {
    let of = |record: Record| record.until(at(0));
    assert_eq!(of(Record::default()), at(0));
    assert_eq!(of(record(Last::Came, 1, 600)), at(600));
    assert_eq!(of(record(Last::Refused, 0, 28_800)), at(28_800));
    assert_eq!(of(record(Last::Failed, 3, 4)), at(64), "how often it has failed");
    let leased = Record { lease: Some((1, at(11))), ..record(Last::Failed, 1, 1) };
    assert_eq!(of(Record { last: Last::Never, ..leased }), at(11));
    assert_eq!(of(leased), at(61));
}

#[test]
fn every_generation_of_a_session_has_a_record_of_its_own() {
    let of = SessionId { id: [3; 16], generation: 7 };
    assert_ne!(record_id(of), record_id(of.next()));
    assert_ne!(record_id(of), record_id(SessionId { id: [4; 16], ..of }));
    assert_eq!(record_id(of), record_id(of));
}
