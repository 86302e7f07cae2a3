//! The functions of the host that the module calls, and what each answers.

use wasmi::{Caller, Error, Extern, Memory, Val};

use crate::state::{Fields, State};
use crate::{Outcome, ROOT};

/// Statuses of the ABI.
const OK: i32 = 0;
const NOT_FOUND: i32 = 1;
const BAD_ARGUMENT: i32 = 2;
const CAS_MISMATCH: i32 = 8;
/// The ABI's number of the buffer that holds the configuration.
const PLUGIN_CONFIGURATION: u64 = 7;
/// The same of the body that a call brought.
const CALL_BODY: u64 = 4;

/// Answers a call, and counts it.
pub(crate) fn answer(
    name: &str,
    mut caller: Caller<'_, State>,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    *caller.data_mut().calls.entry(name.to_owned()).or_default() += 1;
    let memory = caller.get_export("memory").and_then(Extern::into_memory).expect("a memory");
    let number = |value: &Val| match value {
        Val::I32(value) => u64::from(value.cast_unsigned()),
        Val::I64(value) => value.cast_unsigned(),
        other => panic!("{name}: {other:?} as an argument"),
    };
    let arguments: Vec<_> = arguments.iter().map(number).collect();
    if let (Some((odd, status)), Some(result)) = (&caller.data().odd, results.first_mut())
        && odd == name
    {
        *result = Val::I32(*status);
        return Ok(());
    }
    let status = Call { caller, memory }.answer(name, &arguments)?;
    if let Some(result) = results.first_mut() {
        *result = Val::I32(status);
    }
    Ok(())
}

/// A call that is being answered.
struct Call<'a> {
    caller: Caller<'a, State>,
    memory: Memory,
}

impl Call<'_> {
    fn answer(&mut self, name: &str, arguments: &[u64]) -> Result<i32, Error> {
        let status = match (name, arguments) {
            ("proxy_call_foreign_function", _) => NOT_FOUND,
            ("proxy_close_stream", _) => self.end(Outcome::Closed),
            ("proxy_continue_stream", _) => self.end(Outcome::Forwarded),
            ("proxy_define_metric", &[_, name, size, id]) => {
                let name = self.read(name, size);
                let metric = self.state().define(name);
                self.write(id, &metric.to_le_bytes())
            }
            ("proxy_get_buffer_bytes", &[PLUGIN_CONFIGURATION, 0, _, data, size]) => {
                let bytes = self.state().configuration.clone();
                self.give(&bytes, data, size)
            }
            ("proxy_get_buffer_bytes", &[CALL_BODY, 0, max, data, size]) => {
                let mut bytes = self.state().answer.clone();
                bytes.truncate(length(max));
                self.give(&bytes, data, size)
            }
            ("clock_time_get", &[_, _, time]) | ("proxy_get_current_time_nanoseconds", &[time]) => {
                let now = u64::try_from(self.state().now.as_nanos()).expect("a time to come");
                self.write(time, &now.to_le_bytes())
            }
            ("proxy_get_header_map_pairs", &[map, data, size]) => match self.map(map) {
                Some(map) => {
                    let bytes = packed(map);
                    self.give(&bytes, data, size)
                }
                None => BAD_ARGUMENT,
            },
            ("proxy_get_metric", &[id, value]) => {
                let found = *self.metric(id);
                self.write(value, &found.to_le_bytes())
            }
            ("proxy_get_property", &[path, path_size, data, size]) => {
                let path = self.read(path, path_size);
                match self.state().properties.get(&path).cloned() {
                    Some(value) => self.give(&value, data, size),
                    None => NOT_FOUND,
                }
            }
            ("proxy_get_shared_data", &[key, key_size, data, size, version]) => {
                let key = self.read(key, key_size);
                match self.state().shared.get(&key).cloned() {
                    Some((value, at)) => {
                        self.write(version, &at.to_le_bytes());
                        self.give(&value, data, size)
                    }
                    None => NOT_FOUND,
                }
            }
            // There is no cluster without a name.
            ("proxy_http_call", &[_, 0, ..]) => BAD_ARGUMENT,
            ("proxy_http_call", &[.., call]) => {
                let number = self.state().send();
                self.write(call, &number.to_le_bytes())
            }
            ("proxy_increment_metric", &[id, by]) => {
                *self.metric(id) = self.metric(id).wrapping_add(by);
                OK
            }
            ("proxy_log", &[_, line, size]) => {
                let line = self.read(line, size);
                self.state().log.push(String::from_utf8_lossy(&line).into_owned());
                OK
            }
            ("proxy_record_metric", &[id, value]) => {
                *self.metric(id) = value;
                OK
            }
            ("proxy_enqueue_shared_queue", _) => {
                self.state().rings = true;
                OK
            }
            ("proxy_dequeue_shared_queue", &[_, data, size]) => self.give(&[], data, size),
            ("proxy_register_shared_queue", &[_, _, id]) => self.write(id, &1_u32.to_le_bytes()),
            ("proxy_get_header_map_value", &[map, name, name_size, data, size]) => {
                let name = self.read(name, name_size);
                let Some(map) = self.map(map) else { return Ok(BAD_ARGUMENT) };
                match map.iter().find(|(known, _)| *known == name).cloned() {
                    Some((_, value)) => self.give(&value, data, size),
                    None => NOT_FOUND,
                }
            }
            ("proxy_add_header_map_value", &[map, name, name_size, value, size]) => {
                let (name, value) = (self.read(name, name_size), self.read(value, size));
                let Some(map) = self.map(map) else { return Ok(BAD_ARGUMENT) };
                map.push((name, value));
                OK
            }
            ("proxy_remove_header_map_value", &[map, name, size]) => {
                let name = self.read(name, size);
                let Some(map) = self.map(map) else { return Ok(BAD_ARGUMENT) };
                map.retain(|(known, _)| *known != name);
                OK
            }
            ("proxy_replace_header_map_value", &[map, name, name_size, value, size]) => {
                let (name, value) = (self.read(name, name_size), self.read(value, size));
                let Some(map) = self.map(map) else { return Ok(BAD_ARGUMENT) };
                map.retain(|(known, _)| *known != name);
                map.push((name, value));
                OK
            }
            ("proxy_send_local_response", &[status, _, _, _, _, headers, size, _]) => {
                self.state().answered = unpacked(&self.read(headers, size));
                self.end(Outcome::Answered(u16::try_from(status).expect("a status")))
            }
            ("proxy_set_effective_context", &[context]) => {
                let context = i32::try_from(context).expect("a context");
                let state = self.state();
                if context != ROOT && (state.turns_away || !state.streams.contains(&context)) {
                    return Ok(BAD_ARGUMENT);
                }
                self.state().context = context;
                OK
            }
            ("proxy_set_shared_data", &[key, key_size, value, size, version]) => {
                let (key, value) = (self.read(key, key_size), self.read(value, size));
                if self.state().store(key, value, version) { OK } else { CAS_MISMATCH }
            }
            ("proxy_set_property" | "proxy_set_tick_period_milliseconds", _) => OK,
            ("environ_sizes_get", &[count, bytes]) => {
                self.write(count, &[0; 4]);
                self.write(bytes, &[0; 4])
            }
            ("environ_get", _) => OK,
            ("random_get", &[place, size]) => {
                let mut bytes = Vec::new();
                while bytes.len() < length(size) {
                    bytes.extend(self.state().random().to_le_bytes());
                }
                bytes.truncate(length(size));
                self.write(place, &bytes)
            }
            _ => {
                return Err(Error::new(format!("{name}{arguments:?}: this host does not have it")));
            }
        };
        Ok(status)
    }

    fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// A map, where there is one at this moment.
    fn map(&mut self, number: u64) -> Option<&mut Fields> {
        self.state().maps.get_mut(&number)
    }

    /// Ends the current request; a second time would be a mistake.
    fn end(&mut self, how: Outcome) -> i32 {
        let state = self.state();
        let context = state.context;
        if !state.streams.contains(&context) {
            return BAD_ARGUMENT;
        }
        let before = state.ended.insert(context, how);
        assert_eq!(before, None, "the request ends twice: {how:?}");
        OK
    }

    fn metric(&mut self, number: u64) -> &mut u64 {
        let metric = self.state().metrics.get_mut(length(number));
        &mut metric.expect("a metric that was defined").1
    }

    fn read(&self, place: u64, size: u64) -> Vec<u8> {
        let mut bytes = vec![0; length(size)];
        self.memory.read(&self.caller, length(place), &mut bytes).expect("memory of the module's");
        bytes
    }

    fn write(&mut self, place: u64, bytes: &[u8]) -> i32 {
        self.memory.write(&mut self.caller, length(place), bytes).expect("memory of the module's");
        OK
    }

    /// Hands over bytes, in memory that the module makes for them.
    fn give(&mut self, bytes: &[u8], data: u64, size: u64) -> i32 {
        let length = u32::try_from(bytes.len()).expect("few bytes");
        let mut place = 0;
        if length > 0 {
            let allocate = self.caller.get_export("proxy_on_memory_allocate");
            let allocate = allocate.and_then(Extern::into_func).expect("an allocator");
            let allocate = allocate.typed::<u32, u32>(&self.caller).expect("an allocator");
            place = allocate.call(&mut self.caller, length).expect("no trap");
            self.write(u64::from(place), bytes);
        }
        self.write(data, &place.to_le_bytes());
        self.write(size, &length.to_le_bytes())
    }
}

fn length(number: u64) -> usize {
    usize::try_from(number).expect("a machine of 64 bits")
}

/// The ABI's form of a header map.
fn packed(fields: &Fields) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).expect("few bytes").to_le_bytes();
    let mut bytes = number(fields.len()).to_vec();
    for (name, value) in fields {
        bytes.extend([number(name.len()), number(value.len())].concat());
    }
    for part in fields.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes
}

/// The header map of that form.
fn unpacked(bytes: &[u8]) -> Fields {
    let number = |place: usize| {
        let bytes = bytes[4 * place..][..4].try_into().expect("four bytes");
        length(u64::from(u32::from_le_bytes(bytes)))
    };
    let count = if bytes.is_empty() { 0 } else { number(0) };
    let mut place = 4 * (1 + 2 * count);
    let mut part = |length: usize| {
        let part = &bytes[place..place + length];
        place += length + 1;
        part.to_vec()
    };
    (0..count).map(|field| (part(number(1 + 2 * field)), part(number(2 + 2 * field)))).collect()
}
